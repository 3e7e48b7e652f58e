import { base64Length, encodeBase64 } from './base64.ts'
import type { ClaimCheck, KeptFile } from './claim-check.ts'

/** A request body that is made as it is sent; its length is known before. */
export interface InlineBody {
  readonly lengthBytes: number
  readonly chunks: AsyncIterable<Uint8Array>
}

/**
 * A partner's JSON with files in it as base64, for formats that know no other way: the document is written as usual
 * with what `inlinePlace` gives in each file's place, and each place becomes the file as it is sent. A copy that is damaged
 * breaks the body off before its end, so that no partner takes it for whole.
 */
export function writeInline(
  document: unknown,
  places: ReadonlyMap<string, KeptFile>,
  files: Pick<ClaimCheck, 'read'>,
): InlineBody {
  const parts = partsOf(JSON.stringify(document), [...places.keys()])
  const lengths = parts.map((part) => {
    const file = places.get(part)
    return file === undefined ? Buffer.byteLength(part) : base64Length(file.sizeBytes)
  })
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const part of parts) {
      const file = places.get(part)
      if (file === undefined) yield Buffer.from(part)
      else for await (const text of encodeBase64(await files.read(file.digest))) yield Buffer.from(text, 'latin1')
    }
  }
  return { lengthBytes: lengths.reduce((sum, one) => sum + one, 0), chunks: chunks() }
}

/** What stands in a document in a file's place. No document of a stranger can hold it: it is made anew each time. */
export function inlinePlace(): string {
  return `inline-${globalThis.crypto.randomUUID()}`
}

/** The text cut at every place, places included. */
function partsOf(text: string, places: readonly string[]): readonly string[] {
  if (places.length === 0) return [text]
  return text.split(new RegExp(`(${places.map((place) => place.replace(/[^\w-]/g, '')).join('|')})`))
}
