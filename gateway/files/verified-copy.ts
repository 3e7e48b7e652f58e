import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { damaged } from './file-notes.ts'

/** A kept copy as it is read, its last piece only when the whole has the digest it lies under. Throws `file-mismatch`. */
export async function* verifiedCopy(stream: Readable, hex: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let last: Uint8Array | undefined
  for await (const chunk of stream) {
    if (last !== undefined) yield last
    last = chunk as Uint8Array // file and HTTP streams give Buffers
    hash.update(last)
  }
  if (hash.digest('hex') !== hex) throw damaged()
  if (last !== undefined) yield last
}
