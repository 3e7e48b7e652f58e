import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../bus/clock.ts'
import { asGatewayError, GatewayError } from '../bus/errors.ts'
import { decodeBase64 } from './base64.ts'
import { type DownloadRules, download } from './download.ts'
import { checkFileName } from './file-name.ts'
import { type Announced, type Arrived, type IncomingRules, openIncoming, sweepIncoming } from './incoming.ts'
import type { ByteRange, ObjectStore } from './object-store.ts'
import type { PdfSignatureCheck, SignatureReport } from './pdf-signature.ts'
import { isHex, type LinkKey, readOwnLink, writeLink } from './signed-link.ts'
import type { Scanner } from './virus-scan.ts'

/** A file as a sender names it: a link, or the digest of one it has handed in, and what it says of it. */
export interface FileClaim extends Announced {
  readonly url?: string
}

/** The ticket that travels in the file's place. */
export interface KeptFile {
  /** `sha-256:<hex>`. */
  readonly digest: string
  readonly sizeBytes: number
  /** What it was found to be. */
  readonly mediaType: string
  /** As this sender calls it. */
  readonly name?: string
  /** Present once somebody has asked for the check. */
  readonly signatures?: SignatureReport
}

/** Who brought a file, or which message it belongs to: what may be read by whom, and what must stay. */
export type FileUse =
  | { readonly kind: 'sender'; readonly system: string }
  | { readonly kind: 'message'; readonly messageId: string }

/** A file that has arrived and is fit to be kept; ends with `keep` or `discard`. */
export interface Arrival {
  readonly digest: string
  readonly sizeBytes: number
  readonly mediaType: string
  readonly name?: string
  keep(use: FileUse): Promise<KeptFile>
  discard(): Promise<void>
}

export interface ClaimOptions {
  readonly messageId: string
  /** The system whose message names the file. */
  readonly source: string
  readonly signal: AbortSignal
  /** Where the message names it. */
  readonly field?: string
  readonly checksSignatures?: boolean
}

export interface ClaimCheck {
  /** The largest inline file, in bytes. */
  readonly maxInlineBytes: number
  /** Takes in a stream. Rejects with what is wrong with the file; nothing of it stays then. */
  arrive(bytes: AsyncIterable<Uint8Array>, announced: Announced, options: ArriveOptions): Promise<Arrival>
  /** Takes in a file that came as base64 within a document. */
  arriveInline(text: string, announced: Announced, options: ArriveOptions): Promise<Arrival>
  /** The file a message names: fetched the first time it is asked for, the same ever after. */
  claim(file: FileClaim, options: ClaimOptions): Promise<KeptFile>
  /** `undefined` when it is not kept. */
  find(digest: string): Promise<KeptFile | undefined>
  /**
   * Its bytes. A whole file is checked against its digest as it is read: the last piece comes only when it fits, else
   * the stream breaks with `file-mismatch`. Throws `not-found`.
   */
  read(digest: string, range?: ByteRange): Promise<Readable | AsyncIterable<Uint8Array>>
  uses(digest: string): Promise<readonly FileUse[]>
  /** Says that a file belongs to a message too; without a word when it is not kept. */
  note(digest: string, use: FileUse): Promise<void>
  /** A link that opens without a credential until it expires. */
  linkTo(file: KeptFile, expiresAtMs: number): string
  /** Removes what no message needs and what was left half-way; answers how many files went. */
  sweep(isNeeded: (messageId: string) => Promise<boolean>): Promise<number>
  close(): Promise<void>
}

export interface ArriveOptions {
  readonly signal: AbortSignal
  readonly field?: string
}

export interface ClaimCheckOptions {
  readonly store: ObjectStore
  readonly incoming: IncomingRules
  readonly maxInlineBytes: number
  readonly downloads: DownloadRules
  /** Downloads at a time; the others wait within their own deadline. */
  readonly concurrency: number
  readonly scanner?: Scanner
  readonly signatureCheck?: PdfSignatureCheck
  readonly links: () => LinkKey
  /** How long a file without a message stays. */
  readonly retentionMs: number
  readonly clock: Clock
}

/** Files kept aside by their digest while tickets travel (Claim Check). */
export function createClaimCheck(options: ClaimCheckOptions): ClaimCheck {
  const { store, incoming: rules, clock } = options
  const turns = createTurns()
  const underWay = new Map<string, Promise<KeptFile>>()
  const slots = createSlots(options.concurrency)
  const closing = new AbortController()

  const find = async (digest: string): Promise<KeptFile | undefined> => {
    const sha256 = hexOf(digest)
    const note = await readNote(store, `${placeOf(sha256)}.json`)
    const sizeBytes = note === undefined ? undefined : await store.sizeOf(placeOf(sha256))
    if (note === undefined || sizeBytes === undefined || typeof note.mediaType !== 'string') return undefined
    if (sizeBytes !== note.sizeBytes) throw damaged()
    return { digest, sizeBytes, mediaType: note.mediaType }
  }

  const keep = async (arrived: Arrived, name: string | undefined, use: FileUse): Promise<KeptFile> => {
    const { sha256, sizeBytes, mediaType } = arrived
    const hex = sha256.toString('hex')
    const place = placeOf(hex)
    // One at a time with the sweep, which would otherwise take a file away between its coming and its use.
    return await turns.take(hex, async () => {
      if ((await store.sizeOf(place)) !== sizeBytes) await store.putFile(place, arrived)
      await writeNote(store, `${place}.json`, { sizeBytes, mediaType, keptAtMs: clock.now() })
      await writeUse(store, place, { use, atMs: clock.now(), name })
      return { digest: `sha-256:${hex}`, sizeBytes, mediaType, ...(name === undefined ? {} : { name }) }
    })
  }

  const arrival = async (
    announced: Announced,
    { signal, field }: ArriveOptions,
    fill: (into: Awaited<ReturnType<typeof openIncoming>>) => Promise<Arrived>,
  ): Promise<Arrival> => {
    const name = announced.name === undefined ? undefined : checkFileName(announced.name, field)
    const into = await openIncoming(rules, field)
    try {
      const arrived = await fill(into)
      await options.scanner?.scan(arrived.path, signal)
      return {
        digest: `sha-256:${arrived.sha256.toString('hex')}`,
        sizeBytes: arrived.sizeBytes,
        mediaType: arrived.mediaType,
        ...(name === undefined ? {} : { name }),
        keep: (use) => keep(arrived, name, use).finally(() => into.discard()),
        discard: () => into.discard(),
      }
    } catch (error) {
      await into.discard()
      throw error
    }
  }

  const arrive: ClaimCheck['arrive'] = (bytes, announced, arriving) =>
    arrival(announced, arriving, async (into) => {
      for await (const chunk of bytes) {
        arriving.signal.throwIfAborted()
        await into.write(chunk)
      }
      return await into.arrive(announced, arriving.field)
    })

  const fetchOne = async (
    file: FileClaim & { url: string },
    claiming: ClaimOptions,
    key: string,
  ): Promise<KeptFile> => {
    const { messageId, signal, field } = claiming
    const place = field === undefined ? {} : { field }
    const release = await slots.take(signal)
    try {
      const arrived = await arrival(file, { signal, ...place }, (into) =>
        download({ url: file.url, announced: file, ...place }, into, { rules: options.downloads, signal }),
      )
      const kept = await arrived.keep({ kind: 'message', messageId })
      await writeNote(store, key, { messageId, digest: kept.digest, name: kept.name ?? null, atMs: clock.now() })
      return kept
    } finally {
      release()
    }
  }

  /** A file that is here already, for another message. */
  const adopt = async (digest: string, file: FileClaim, { messageId, field }: ClaimOptions): Promise<KeptFile> => {
    const name = file.name === undefined ? undefined : checkFileName(file.name, field)
    const hex = hexOf(digest)
    return await turns.take(hex, async () => {
      const kept = await find(digest)
      if (kept === undefined) throw notHandedIn(field)
      if (file.sizeBytes !== undefined && file.sizeBytes !== kept.sizeBytes)
        throw new GatewayError('file-mismatch', { ...(field === undefined ? {} : { field }), rule: 'sizeBytes' })
      await writeUse(store, placeOf(hex), { use: { kind: 'message', messageId }, atMs: clock.now(), name })
      return { ...kept, ...(name === undefined ? {} : { name }) }
    })
  }

  const claimOne = async (file: FileClaim, claiming: ClaimOptions): Promise<KeptFile> => {
    const { messageId, source, field } = claiming
    const own = file.url === undefined ? undefined : readOwnLink(file.url, options.links())
    if (own !== undefined) {
      if (file.digest !== undefined && hexOf(file.digest, field) !== own)
        throw new GatewayError('file-mismatch', { ...(field === undefined ? {} : { field }), rule: 'digest' })
      return await adopt(`sha-256:${own}`, file, claiming)
    }
    if (file.url === undefined) {
      const digest = `sha-256:${hexOf(file.digest ?? '', field)}`
      // Or the digest of a stranger's paper would open it.
      const isTheirs = (await usesOf(store, digest)).some(
        (use) =>
          (use.kind === 'sender' && use.system === source) || (use.kind === 'message' && use.messageId === messageId),
      )
      if (!isTheirs) throw notHandedIn(field)
      return await adopt(digest, file, claiming)
    }
    const key = claimKey(messageId, file.url)
    const known = await readNote(store, key)
    if (typeof known?.digest === 'string') {
      const kept = await find(known.digest)
      const name = typeof known.name === 'string' ? { name: known.name } : {}
      if (kept !== undefined) return { ...kept, ...name }
    }
    const url = file.url
    return await unlessAborted(fetchOnce({ ...file, url }, claiming, key), claiming)
  }

  /** One fetch for all who ask; it outlives an attempt's deadline, so that a large file is there for the next one. */
  const fetchOnce = (file: FileClaim & { url: string }, claiming: ClaimOptions, key: string): Promise<KeptFile> => {
    const known = underWay.get(key)
    if (known !== undefined) return known
    const running = fetchOne(file, { ...claiming, signal: closing.signal }, key).finally(() => underWay.delete(key))
    underWay.set(key, running)
    running.catch(() => undefined)
    return running
  }

  const signaturesOf = async (kept: KeptFile, signal: AbortSignal): Promise<SignatureReport | undefined> => {
    const check = options.signatureCheck
    if (check === undefined || kept.mediaType !== 'application/pdf') return undefined
    const key = `${placeOf(hexOf(kept.digest))}.signatures.${check.anchorsId}.json`
    const known = await readNote(store, key)
    // Written below, by this very version of the report.
    if (known !== undefined) return known as unknown as SignatureReport
    const report = await check.report({ sizeBytes: kept.sizeBytes, open: () => read(kept.digest) }, signal)
    await writeNote(store, key, { ...report })
    return report
  }

  const read = async (digest: string, range?: ByteRange): Promise<Readable | AsyncIterable<Uint8Array>> => {
    const hex = hexOf(digest)
    const stream = await store.open(placeOf(hex), range)
    if (stream === undefined) throw new GatewayError('not-found')
    return range === undefined ? verified(stream, hex) : stream
  }

  return {
    maxInlineBytes: options.maxInlineBytes,
    arrive,
    async arriveInline(text, announced, arriving) {
      const field = arriving.field === undefined ? {} : { field: arriving.field }
      return await arrive(
        breathing(decodeBase64(text, { maxBytes: options.maxInlineBytes, ...field })),
        announced,
        arriving,
      )
    },
    async claim(file, claiming) {
      const kept = await claimOne(file, claiming)
      if (claiming.checksSignatures !== true) return kept
      const signatures = await signaturesOf(kept, claiming.signal)
      return signatures === undefined ? kept : { ...kept, signatures }
    },
    find,
    read,
    uses: (digest) => usesOf(store, digest),
    linkTo: (file, expiresAtMs) => {
      const name = file.name === undefined ? {} : { name: file.name }
      return writeLink({ sha256: hexOf(file.digest), expiresAtMs, ...name }, options.links())
    },
    async sweep(isNeeded) {
      const beforeMs = clock.now() - options.retentionMs
      await sweepIncoming(rules.folder, { olderThanMs: Date.now() - leftoverAgeMs })
      await sweepClaims(store, { beforeMs, isNeeded })
      return await sweepKept(store, { beforeMs, isNeeded, turns })
    },
    async note(digest, use) {
      const hex = hexOf(digest)
      await turns.take(hex, async () => {
        if ((await find(digest)) !== undefined)
          await writeUse(store, placeOf(hex), { use, atMs: clock.now(), name: undefined })
      })
    },
    async close() {
      closing.abort()
      await Promise.allSettled(underWay.values())
      await store.close()
    },
  }
}

/** Rejects when the asker may wait no longer; what is awaited goes on. */
function unlessAborted<T>(work: Promise<T>, { signal, field }: ClaimOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () =>
      reject(
        new GatewayError('file-unavailable', {
          ...(field === undefined ? {} : { field }),
          failureCause: 'timeout',
          detail: 'It is still arriving.',
        }),
      )
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** Longer than any upload or download may take. */
const leftoverAgeMs = 24 * 60 * 60 * 1000

interface Sweep {
  readonly beforeMs: number
  readonly isNeeded: (messageId: string) => Promise<boolean>
}

async function sweepKept(store: ObjectStore, { beforeMs, isNeeded, turns }: Sweep & { turns: Turns }): Promise<number> {
  let removed = 0
  for await (const key of store.keys('kept/')) {
    const hex = /^kept\/..\/..\/([0-9a-f]{64})\.json$/.exec(key)?.[1]
    if (hex === undefined) continue
    const isGone = await turns.take(hex, async () => {
      const note = await readNote(store, key)
      if (typeof note?.keptAtMs !== 'number' || note.keptAtMs >= beforeMs) return false
      for (const use of await usesOf(store, `sha-256:${hex}`)) {
        if (use.kind === 'message' && (await isNeeded(use.messageId))) return false
      }
      const place = placeOf(hex)
      await store.remove(place)
      for await (const left of store.keys(`${place}.uses/`)) await store.remove(left)
      const folder = place.slice(0, place.lastIndexOf('/') + 1)
      for await (const left of store.keys(folder)) if (left.startsWith(`${place}.`)) await store.remove(left)
      return true
    })
    if (isGone) removed += 1
  }
  return removed
}

async function sweepClaims(store: ObjectStore, { beforeMs, isNeeded }: Sweep): Promise<void> {
  for await (const key of store.keys('claims/')) {
    const note = await readNote(store, key)
    if (typeof note?.atMs !== 'number' || note.atMs >= beforeMs || typeof note.messageId !== 'string') continue
    if (!(await isNeeded(note.messageId))) await store.remove(key)
  }
}

/** Two letters and two letters, so that no folder grows beyond what a file system likes. */
function placeOf(hex: string): string {
  return `kept/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex}`
}

function claimKey(messageId: string, url: string): string {
  const hash = createHash('sha256').update(`${messageId}\n${url}`).digest('hex')
  return `claims/${hash.slice(0, 2)}/${hash}.json`
}

function hexOf(digest: string, field?: string): string {
  const hex = /^sha-256:([0-9A-Fa-f]{64})$/.exec(digest)?.[1]?.toLowerCase()
  if (hex !== undefined && isHex(hex)) return hex
  throw new GatewayError('contract-violated', { ...(field === undefined ? {} : { field }), rule: 'digest' })
}

async function usesOf(store: ObjectStore, digest: string): Promise<readonly FileUse[]> {
  const folder = `${placeOf(hexOf(digest))}.uses/`
  const uses: FileUse[] = []
  for await (const key of store.keys(folder)) {
    const [kind, id] = key.slice(folder.length).split('~')
    if (kind === 'sender' && id !== undefined) uses.push({ kind, system: id })
    if (kind === 'message' && id !== undefined) uses.push({ kind, messageId: id })
  }
  return uses
}

async function writeUse(
  store: ObjectStore,
  place: string,
  { use, atMs, name }: { readonly use: FileUse; readonly atMs: number; readonly name: string | undefined },
): Promise<void> {
  const id = use.kind === 'sender' ? use.system : use.messageId
  if (!/^[\w.-]{1,100}$/.test(id)) throw new GatewayError('internal-error', { cause: new Error('not a use') })
  await writeNote(store, `${place}.uses/${use.kind}~${id}`, { atMs, name: name ?? null })
}

async function writeNote(store: ObjectStore, key: string, note: Readonly<Record<string, unknown>>): Promise<void> {
  await store.putNote(key, new TextEncoder().encode(JSON.stringify(note)))
}

async function readNote(store: ObjectStore, key: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const bytes = await store.note(key)
  if (bytes === undefined) return undefined
  try {
    const note: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (typeof note === 'object' && note !== null) return note as Readonly<Record<string, unknown>> // an object, as checked
  } catch {
    // Below: neither form is ours.
  }
  throw damaged()
}

/** Our own copy is not what it was: nothing is delivered from it, and a person looks at the disk. */
function damaged(): GatewayError {
  return new GatewayError('file-mismatch', { rule: 'digest', detail: 'The kept copy is damaged.' })
}

/** The sender may yet hand it in, so it is waited for like a link that does not answer. */
function notHandedIn(field?: string): GatewayError {
  return new GatewayError('file-unavailable', {
    ...(field === undefined ? {} : { field }),
    detail: 'No file of this digest has been handed in by the sender.',
  })
}

async function* verified(stream: Readable, hex: string): AsyncGenerator<Uint8Array> {
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

/** Lets others run between the pieces of work that never waits by itself. */
async function* breathing<T>(pieces: Iterable<T>): AsyncGenerator<T> {
  for (const piece of pieces) {
    yield piece
    await sleep(0)
  }
}

/** One piece of work at a time for each name. */
interface Turns {
  take<T>(name: string, work: () => Promise<T>): Promise<T>
}

function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    async take(name, work) {
      const before = last.get(name)
      const mine = (before ?? Promise.resolve()).then(work, work)
      const settled = mine.catch(() => undefined)
      last.set(name, settled)
      try {
        return await mine
      } finally {
        if (last.get(name) === settled) last.delete(name)
      }
    },
  }
}

/** At most so many at a time, in order of asking. */
function createSlots(count: number) {
  let free = count
  const waiting: (() => void)[] = []
  const release = () => {
    const next = waiting.shift()
    if (next === undefined) free += 1
    else next()
  }
  return {
    async take(signal: AbortSignal): Promise<() => void> {
      if (free > 0) {
        free -= 1
        return release
      }
      await new Promise<void>((resolve, reject) => {
        const start = () => {
          signal.removeEventListener('abort', stop)
          resolve()
        }
        const stop = () => {
          waiting.splice(waiting.indexOf(start), 1)
          reject(
            new GatewayError('file-unavailable', {
              detail: 'Too many files are being fetched.',
              cause: asGatewayError(signal.reason),
            }),
          )
        }
        waiting.push(start)
        signal.addEventListener('abort', stop, { once: true })
      })
      return release
    },
  }
}
