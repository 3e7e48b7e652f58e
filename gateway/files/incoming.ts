import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { GatewayError } from '../bus/errors.ts'
import { type AnnouncedType, sampleBytes, settleMediaType, sniff } from './media-type.ts'

/** What is said of a file before its bytes are seen; each part said is held to. */
export interface Announced extends AnnouncedType {
  readonly sizeBytes?: number
  /** `sha-256:<hex>`. */
  readonly digest?: string
}

/** A file that has arrived whole and is what it was announced as; not yet kept. */
export interface Arrived {
  readonly path: string
  readonly sha256: Buffer
  readonly sizeBytes: number
  readonly mediaType: string
}

export interface IncomingRules {
  /** Folder for what is under way; nothing stays in it. */
  readonly folder: string
  readonly maxBytes: number
  readonly mediaTypes: readonly string[]
}

/** A file being written as it arrives. Whoever opens one ends it with `discard`, kept or not. */
export interface Incoming {
  readonly sizeBytes: number
  write(chunk: Uint8Array): Promise<void>
  /** Forgets what came so far: the source begins anew. */
  restart(): Promise<void>
  /** Throws `file-unreadable` (empty), `file-mismatch`, `file-type-refused`. `announced` may know more than at first. */
  arrive(announced: Announced, field?: string): Promise<Arrived>
  discard(): Promise<void>
}

/** Opens a file under way. `write` throws `file-too-large` with the first byte too many, `store-unavailable` when the disk is full. */
export async function openIncoming(rules: IncomingRules, field?: string): Promise<Incoming> {
  const file = path.join(rules.folder, `${randomUUID()}.part`)
  const handle = await onDisk(async () => {
    await mkdir(rules.folder, { recursive: true, mode: 0o700 })
    // Appending: what comes after `restart` begins at the beginning, wherever writing stood.
    return await open(file, 'ax', 0o600)
  })
  const place = field === undefined ? {} : { field }
  let hash = createHash('sha256')
  let sizeBytes = 0
  let sample = Buffer.alloc(0)
  let isOpen = true
  const close = async () => {
    if (!isOpen) return
    isOpen = false
    await handle.close()
  }
  return {
    get sizeBytes() {
      return sizeBytes
    },
    async write(chunk) {
      if (sizeBytes + chunk.length > rules.maxBytes) throw tooLarge(rules.maxBytes, place)
      hash.update(chunk)
      if (sample.length < sampleBytes) sample = Buffer.concat([sample, chunk.subarray(0, sampleBytes - sample.length)])
      await onDisk(() => writeWhole(handle, chunk))
      if (Math.floor((sizeBytes + chunk.length) / relievedEveryBytes) > Math.floor(sizeBytes / relievedEveryBytes))
        relieve()
      sizeBytes += chunk.length
    },
    async restart() {
      hash = createHash('sha256')
      sizeBytes = 0
      sample = Buffer.alloc(0)
      await onDisk(() => handle.truncate(0))
    },
    async arrive(announced, fieldNow = field) {
      const here = fieldNow === undefined ? {} : { field: fieldNow }
      if (sizeBytes === 0) throw new GatewayError('file-unreadable', { ...here, rule: 'minLength' })
      const sha256 = hash.digest()
      if (announced.sizeBytes !== undefined && announced.sizeBytes !== sizeBytes)
        throw new GatewayError('file-mismatch', {
          ...here,
          rule: 'sizeBytes',
          detail: `It was announced with ${announced.sizeBytes} bytes and has ${sizeBytes}.`,
        })
      if (announced.digest !== undefined && announced.digest.toLowerCase() !== `sha-256:${sha256.toString('hex')}`)
        throw new GatewayError('file-mismatch', { ...here, rule: 'digest', detail: 'Its SHA-256 is another.' })
      const mediaType = settleMediaType(await sniff(sample), announced, { allowed: rules.mediaTypes, ...here })
      await close()
      return { path: file, sha256, sizeBytes, mediaType }
    },
    async discard() {
      await close().catch(() => undefined)
      await rm(file, { force: true })
    },
  }
}

const relievedEveryBytes = 8 * 1024 * 1024

/**
 * V8 lets 64 MB of dead network buffers pile up before it looks at them (measured 2026-11: a large file took 63 MB more,
 * with this 28). A young collection takes about a millisecond; it is there when node runs with `--expose-gc`, as
 * `npm start` does.
 */
function relieve(): void {
  globalThis.gc?.({ type: 'minor', execution: 'sync' })
}

/** Removes what a process that died left under way; younger files may be another process's. */
export async function sweepIncoming(
  folder: string,
  { olderThanMs }: { readonly olderThanMs: number },
): Promise<number> {
  const names = await readdir(folder).catch(() => [])
  let removed = 0
  for (const name of names.filter((one) => one.endsWith('.part'))) {
    const file = path.join(folder, name)
    const found = await stat(file).catch(() => undefined)
    if (found === undefined || found.mtimeMs >= olderThanMs) continue
    await rm(file, { force: true })
    removed += 1
  }
  return removed
}

export function tooLarge(maxBytes: number, place: { readonly field?: string } = {}): GatewayError {
  return new GatewayError('file-too-large', { ...place, rule: 'maxBytes', detail: `The limit is ${maxBytes} bytes.` })
}

async function writeWhole(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    at += (await handle.write(chunk, at, chunk.length - at)).bytesWritten
  }
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new GatewayError('store-unavailable', { cause: error })
  }
}
