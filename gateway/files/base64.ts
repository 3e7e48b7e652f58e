import { GatewayError } from '../bus/errors.ts'

/**
 * The bytes of a base64 text, in pieces. Strict (RFC 4648 §4: the alphabet, padding, no stray bits); line ends as MIME
 * writes them may stand in it. Throws `file-unreadable`, or `file-too-large` before anything is decoded.
 */
export function* decodeBase64(
  text: string,
  { maxBytes, field }: { readonly maxBytes: number; readonly field?: string },
): Generator<Buffer> {
  const place = field === undefined ? {} : { field }
  // Line ends are at most two of every 66 characters in MIME; a text padded out beyond that is no file.
  if (text.length > Math.ceil(maxBytes / 3) * 4 * 1.1 + 4 || lengthOf(text) > maxBytes)
    throw new GatewayError('file-too-large', { ...place, detail: `The limit is ${maxBytes} bytes.` })
  const malformed = () => new GatewayError('file-unreadable', { ...place, rule: 'base64' })
  let rest = ''
  let isOver = false
  for (let at = 0; at < text.length; at += pieceLength) {
    const clean = rest + text.slice(at, at + pieceLength).replace(/\r?\n/g, '')
    // A line end cut in two by the piece.
    const whole = clean.replace(/[\r\n]/g, '')
    const usable = whole.length - (whole.length % 4)
    rest = whole.slice(usable)
    const piece = whole.slice(0, usable)
    if (piece === '') continue
    if (isOver || !/^[A-Za-z0-9+/]*={0,2}$/.test(piece)) throw malformed()
    isOver = piece.endsWith('=')
    const bytes = Buffer.from(piece, 'base64')
    if (isOver && bytes.toString('base64').slice(-4) !== piece.slice(-4)) throw malformed()
    yield bytes
  }
  if (rest !== '' || text.length === 0) throw malformed()
}

/** Base64 of a stream of bytes, in pieces whose joining needs no padding but at the end. */
export async function* encodeBase64(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  for await (const chunk of bytes) {
    const joined =
      rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk])
    const usable = joined.length - (joined.length % 3)
    if (usable > 0) yield joined.toString('base64', 0, usable)
    rest = Buffer.from(joined.subarray(usable))
  }
  if (rest.length > 0) yield rest.toString('base64')
}

/** How long the base64 of so many bytes is. */
export function base64Length(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 3) * 4
}

/** A multiple of four. */
const pieceLength = 256 * 1024

function lengthOf(text: string): number {
  let counted = text.length
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
    counted -= text[at - 1] === '\r' ? 2 : 1
  }
  const padding = /={0,2}\s*$/.exec(text.slice(-6))?.[0].trim().length ?? 0
  return Math.floor(counted / 4) * 3 - padding
}
