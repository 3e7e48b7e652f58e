import type { Readable } from 'node:stream'

/** Part of an object: both ends included, as HTTP counts. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/**
 * Where files lie: keys of slash-separated plain names. Every write is whole or not there, and durable once it resolves.
 * Rejects with `store-unavailable` when the place can't be written or read.
 */
export interface ObjectStore {
  /** Takes over a finished file of this disk; the source is gone afterwards, whatever happens. */
  putFile(
    key: string,
    file: { readonly path: string; readonly sizeBytes: number; readonly sha256: Buffer },
  ): Promise<void>
  putNote(key: string, bytes: Uint8Array): Promise<void>
  /** A small object whole; `undefined` when it is not there. */
  note(key: string): Promise<Uint8Array | undefined>
  sizeOf(key: string): Promise<number | undefined>
  /** `undefined` when it is not there. The caller reads it to its end or destroys it. */
  open(key: string, range?: ByteRange): Promise<Readable | undefined>
  /** Every key that begins with this folder (ending in a slash, or empty for all). */
  keys(folder: string): AsyncIterable<string>
  /** Without a word when it is not there. */
  remove(key: string): Promise<void>
  close(): Promise<void>
}
