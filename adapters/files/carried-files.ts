import type { Attempt, ChannelAdapter, SignatureState } from '../../gateway/bus/adapter.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Gateway, WireTap } from '../../gateway/bus/gateway.ts'
import type { Draft, Message } from '../../gateway/bus/message.ts'
import type { ClaimCheck, KeptFile } from '../../gateway/files/claim-check.ts'
import { type FilePlace, filesIn, type NamedFile, withFiles } from '../../mappings/files.ts'

export interface CarriedFilesOptions {
  readonly files: ClaimCheck
  /** How long a link in a delivered document opens, from the message's acceptance. */
  readonly linkLifetimeMs: number
  /** Routes whose receivers are told what is found of signatures. */
  readonly signatureRoutes: readonly string[]
  readonly tap: Pick<WireTap, 'failed'>
}

/**
 * The adapter with every message's files brought along: before it maps a message, each file is in our keeping and is
 * named by our own link, digest, size and type, so that no receiver ever sees a link into somebody's inside.
 */
export function carryFiles(adapter: ChannelAdapter, options: CarriedFilesOptions): ChannelAdapter {
  const { deliver } = adapter
  if (deliver === undefined) return adapter
  return {
    ...adapter,
    async deliver(message, attempt, signal) {
      const asking = { attempt, signal, options }
      const carried = await carry(message, asking)
      const { receipt, ...rest } = await deliver(
        carried.message,
        {
          ...attempt,
          async earlier(types) {
            const messages = await attempt.earlier(types)
            return await Promise.all(messages.map(async (one) => (await carry(one, asking)).message))
          },
        },
        signal,
      )
      const { digests: files, signatures } = carried
      const evidence = { ...(files.length === 0 ? {} : { files }), ...(signatures.length === 0 ? {} : { signatures }) }
      return { ...rest, receipt: { ...receipt, ...evidence } }
    },
  }
}

/**
 * The way in with files kept aside: what came as base64 within a document is in the message by its digest alone, and
 * what came as a link is fetched as soon as the message is accepted, since links expire.
 */
export function keepInlineFiles(gateway: Gateway, options: CarriedFilesOptions): Gateway {
  const noting = noteFiles(gateway, options)
  return {
    ...noting,
    accept: async (drafts) => noting.accept(await Promise.all(drafts.map((draft) => putAside(draft, options.files)))),
  }
}

/** The way in with the files an accepted message names made its own: they stay while it does, and links are followed at once. */
export function noteFiles(gateway: Gateway, { files, tap }: CarriedFilesOptions): Gateway {
  return {
    ...gateway,
    async accept(drafts) {
      const accepted = await gateway.accept(drafts)
      for (const [index, outcome] of accepted.entries()) {
        const draft = drafts[index]
        if (draft === undefined || outcome.kind !== 'stored') continue
        const report = (error: unknown) => tap.failed({ where: 'files: prefetch', error })
        // Accepted is accepted: what fails here is done again by the delivery.
        await noteDigests(draft, outcome.messageId, files).catch(report)
        void prefetch(draft, outcome.messageId, files).catch(report)
      }
      return accepted
    },
  }
}

interface Asking {
  readonly attempt: Pick<Attempt, 'route'>
  readonly signal: AbortSignal
  readonly options: CarriedFilesOptions
}

interface Carried {
  readonly message: Message
  readonly digests: readonly string[]
  readonly signatures: readonly SignatureState[]
}

async function carry(message: Message, { attempt, signal, options }: Asking): Promise<Carried> {
  const places = filesIn(message.body)
  if (places.length === 0) return { message, digests: [], signatures: [] }
  const checksSignatures = options.signatureRoutes.includes(attempt.route)
  const replaced = new Map<string, unknown>()
  const digests: string[] = []
  const signatures: SignatureState[] = []
  // One after the other: a dossier of fifty papers takes one place in the line, not fifty.
  for (const place of places) {
    const kept = await keptOf(place, { message, signal, checksSignatures, files: options.files })
    const link = options.files.linkTo(kept, message.acceptedAtMs + options.linkLifetimeMs)
    replaced.set(place.pointer, onWire(place.file, kept, link))
    digests.push(kept.digest)
    if (kept.signatures !== undefined) signatures.push({ digest: kept.digest, state: kept.signatures.state })
  }
  return { message: { ...message, body: withFiles(message.body, replaced) }, digests, signatures }
}

async function keptOf(
  { pointer, file }: FilePlace,
  of: { message: Message; signal: AbortSignal; checksSignatures: boolean; files: ClaimCheck },
): Promise<KeptFile> {
  const { message, signal, checksSignatures, files } = of
  const claiming = { messageId: message.id, source: message.source, signal, field: pointer, checksSignatures }
  if (file.contentBase64 === undefined) return await files.claim(announcedOf(file), claiming)
  const use = { kind: 'message', messageId: message.id } as const
  const arrival = await files.arriveInline(file.contentBase64, announcedOf(file), { signal, field: pointer })
  const { digest } = await arrival.keep(use)
  return await files.claim({ ...announcedOf(file), digest }, claiming)
}

function onWire({ contentBase64: _, ...file }: NamedFile, kept: KeptFile, url: string): NamedFile {
  const { digest, sizeBytes, mediaType, signatures } = kept
  const report = signatures === undefined ? {} : { signatures }
  return { ...file, url, digest, sizeBytes, mediaType, ...report }
}

/** The link or digest and what is announced with it; base64 is not carried on. */
function announcedOf({ name, url, digest, sizeBytes, mediaType }: NamedFile) {
  return {
    // The contracts allow names that no file may have, so that a document is not lost for its label alone.
    ...(name === undefined || !looksLikeFileName(name) ? {} : { name }),
    ...(url === undefined ? {} : { url }),
    ...(digest === undefined ? {} : { digest }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(mediaType === undefined ? {} : { mediaType }),
  }
}

/**
 * Partners write titles here (`Giấy chứng nhận số 12/UBND`); what ends like a file, climbs out of a folder or names a
 * drive is held to what files may be named.
 */
function looksLikeFileName(name: string): boolean {
  return /\.[A-Za-z0-9]{1,5}$/.test(name) || /\p{Cc}|(?:^|[/\\])\.\.(?:[/\\]|$)|^(?:[A-Za-z]:)?[/\\]/u.test(name)
}

async function putAside(draft: Draft, files: ClaimCheck): Promise<Draft> {
  const replaced = new Map<string, unknown>()
  for (const { pointer, file } of filesIn(draft.body)) {
    if (file.contentBase64 === undefined) continue
    const { contentBase64, ...rest } = file
    const field = `/body${pointer}/contentBase64`
    const arriving = { signal: AbortSignal.timeout(inlineTimeoutMs), field }
    const arrival = await files.arriveInline(contentBase64, announcedOf(rest), arriving)
    const { digest, sizeBytes, mediaType } = await arrival.keep({ kind: 'sender', system: draft.source })
    replaced.set(pointer, { ...rest, digest, sizeBytes, mediaType })
  }
  return replaced.size === 0 ? draft : { ...draft, body: withFiles(draft.body, replaced) }
}

/** For writing and scanning a file that is already here. */
const inlineTimeoutMs = 30_000

async function noteDigests({ source, body }: Draft, messageId: string, files: ClaimCheck): Promise<void> {
  for (const { file } of filesIn(body)) {
    if (file.digest !== undefined) await files.note(file.digest, { messageId, source })
  }
}

async function prefetch(draft: Draft, messageId: string, files: ClaimCheck): Promise<void> {
  for (const { pointer: field, file } of filesIn(draft.body)) {
    if (file.url === undefined) continue
    const signal = AbortSignal.timeout(prefetchTimeoutMs)
    await files.claim(announcedOf(file), { messageId, source: draft.source, signal, field }).catch((error: unknown) => {
      // What is wrong with a file is said by its delivery, which asks again.
      if (!(error instanceof GatewayError)) throw error
    })
  }
}

const prefetchTimeoutMs = 10 * 60_000
