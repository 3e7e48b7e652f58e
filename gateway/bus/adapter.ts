import type { FastifyPluginAsync } from 'fastify'
import type { Draft, Message, Original } from './message.ts'

/** What a system has told us about one dossier (e.g. "it exists there"); a small JSON object, written when an attempt settles. */
export type LaneMemory = Readonly<Record<string, unknown>>

/** One try at a delivery, with the ledger state a partner's protocol needs. */
export interface Attempt {
  readonly deliveryId: string
  /** 1 for the first. */
  readonly number: number
  readonly route: string
  readonly memory: LaneMemory
  /** When bytes may last have left for this delivery, epoch ms; set when the outcome before is unknown. */
  readonly doubtSinceMs?: number
  /** Earlier messages of this dossier that this system has taken, oldest first. */
  earlier(types: readonly string[]): Promise<readonly Message[]>
  /** Called just before bytes are written. Throws `lease-lost` when the delivery may no longer be ours. */
  beforeSend(): void
}

/** What the partner answered, for the attempt's record; digests and codes only. */
export interface PartnerReceipt {
  readonly sentDigest: string
  readonly answerDigest?: string
  /** What was sent, canonical JSON without credentials; kept for reports and comparisons until retention. */
  readonly document?: string
  /** The partner's own result code. */
  readonly answerCode?: string
  /** Digests of the files that went with it. */
  readonly files?: readonly string[]
  /** What was found of their signatures, where the route asks. */
  readonly signatures?: readonly SignatureState[]
}

/** A file's digest and the state of its signatures; who signed is in what was delivered, and in no journal. */
export interface SignatureState {
  readonly digest: string
  readonly state: string
}

export interface Delivered {
  readonly receipt: PartnerReceipt
  /** Accepted as messages in the write that settles this attempt. */
  readonly replies?: readonly Draft[]
  /** Replaces the lane's memory. */
  readonly memory?: LaneMemory
}

/**
 * What is known after an ambiguous attempt.
 * - taken: it is there, nothing more to do. - absent: it surely is not; send. - resend: sending again does no harm
 *   (`memory` may say how). - later: too early to tell; look again after `afterMs`. - unknown: a person must decide.
 */
export type LookupAnswer =
  | { readonly kind: 'taken'; readonly memory?: LaneMemory }
  | { readonly kind: 'absent' }
  | { readonly kind: 'resend'; readonly memory?: LaneMemory }
  | { readonly kind: 'later'; readonly afterMs: number }
  | { readonly kind: 'unknown'; readonly why: string }

/** How one system is reached. Every method ends by its signal or by the adapter's own deadlines. */
export interface ChannelAdapter {
  /** Hands one message to the system. Rejects with a GatewayError whose failure class says what to do next. */
  deliver?(message: Message, attempt: Attempt, signal: AbortSignal): Promise<Delivered>
  /** After an ambiguous attempt, per operation. Without it an ambiguous delivery is held. */
  lookup?(message: Message, attempt: Attempt, signal: AbortSignal): Promise<LookupAnswer>
  /** Stop 7 alone: the document this message would be sent as, canonical JSON without credentials. For shadows and reports. */
  preview?(message: Message, attempt: Attempt): Promise<string>
  /** Reads bytes this system once sent anew, with the mapping of today. Throws what its door would answer. */
  reread?(original: Original, message: Message): Promise<Draft>
  /** Brings documents in, or keeps reference data fresh; runs until the signal. */
  listen?(signal: AbortSignal): Promise<void>
  /** Mounts the system's inbound endpoints. */
  door?: FastifyPluginAsync
  /** Rejects when the system can't be reached. */
  probe(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}
