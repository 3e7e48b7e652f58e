import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../bus/clock.ts'
import { GatewayError } from '../bus/errors.ts'
import { decodeBase64 } from './base64.ts'
import { type DownloadRules, download } from './download.ts'
import { checkFileName } from './file-name.ts'
import { claimKey, damaged, type FileUse, hexOf, placeOf, readNote, usesOf, writeNote, writeUse } from './file-notes.ts'
import { sweepClaims, sweepKept } from './file-sweep.ts'
import { type Announced, type Arrived, type IncomingRules, openIncoming, sweepIncoming } from './incoming.ts'
import { checkMediaType } from './media-type.ts'
import type { ByteRange, ObjectStore } from './object-store.ts'
import type { PdfSignatureCheck, SignatureReport } from './pdf-signature.ts'
import { type LinkKey, readOwnLink, writeLink } from './signed-link.ts'
import { createSlots } from './slots.ts'
import { createTurns } from './turns.ts'
import { verifiedCopy } from './verified-copy.ts'
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
  /** Says that a file its sender has handed in belongs to a message too; without a word when it is no such file. */
  note(digest: string, of: { readonly messageId: string; readonly source: string }): Promise<void>
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
  /** Downloads at a time from one host; the others wait, and those of other hosts do not. */
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
      // Must be before the bytes: by its note the sweep finds what a crash leaves between the two.
      await writeNote(store, `${place}.json`, { sizeBytes, mediaType, keptAtMs: clock.now() })
      if ((await store.sizeOf(place)) !== sizeBytes) await store.putFile(place, arrived)
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
    const release = await slots.take(URL.parse(file.url)?.host ?? '', signal)
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
    const hex = hexOf(digest)
    return await turns.take(hex, async () => {
      const found = await find(digest)
      if (found === undefined) throw notHandedIn(field)
      const kept = asAnnounced(found, file, field)
      const use = { kind: 'message', messageId } as const
      await writeUse(store, placeOf(hex), { use, atMs: clock.now(), name: kept.name })
      return kept
    })
  }

  const claimOne = async (file: FileClaim, claiming: ClaimOptions): Promise<KeptFile> => {
    const { messageId, source, field } = claiming
    const own = file.url === undefined ? undefined : readOwnLink(file.url, options.links())
    if (own !== undefined) return await adopt(`sha-256:${own}`, file, claiming)
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
      if (kept !== undefined) return asAnnounced({ ...kept, ...name }, file, field)
    }
    const url = file.url
    return asAnnounced(await unlessAborted(fetchOnce({ ...file, url }, claiming, key), claiming), file, field)
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
    // What could not be checked now may be another time.
    if (report.state !== 'not-checked') await writeNote(store, key, { ...report })
    return report
  }

  const read = async (digest: string, range?: ByteRange): Promise<Readable | AsyncIterable<Uint8Array>> => {
    const hex = hexOf(digest)
    const stream = await store.open(placeOf(hex), range)
    if (stream === undefined) throw new GatewayError('not-found')
    return range === undefined ? verifiedCopy(stream, hex) : stream
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
    async note(digest, { messageId, source }) {
      const hex = hexOf(digest)
      await turns.take(hex, async () => {
        const isTheirs = (await usesOf(store, digest)).some((use) => use.kind === 'sender' && use.system === source)
        if (!isTheirs || (await find(digest)) === undefined) return
        const use = { kind: 'message', messageId } as const
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

/** The file under the name this place gives it, held to all that is announced here: one file may be named twice. */
function asAnnounced(kept: KeptFile, { digest, sizeBytes, ...of }: FileClaim, field: string | undefined): KeptFile {
  const place = field === undefined ? {} : { field }
  if (digest !== undefined && hexOf(digest, field) !== hexOf(kept.digest))
    throw new GatewayError('file-mismatch', { ...place, rule: 'digest' })
  if (sizeBytes !== undefined && sizeBytes !== kept.sizeBytes)
    throw new GatewayError('file-mismatch', { ...place, rule: 'sizeBytes' })
  checkMediaType(kept.mediaType, of, field)
  return of.name === undefined ? kept : { ...kept, name: checkFileName(of.name, field) }
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

/** The sender may yet hand it in, so it is waited for like a link that does not answer. */
function notHandedIn(field?: string): GatewayError {
  return new GatewayError('file-unavailable', {
    ...(field === undefined ? {} : { field }),
    detail: 'No file of this digest has been handed in by the sender.',
  })
}

/** Lets others run between the pieces of work that never waits by itself. */
async function* breathing<T>(pieces: Iterable<T>): AsyncGenerator<T> {
  for (const piece of pieces) {
    yield piece
    await sleep(0)
  }
}
