import type { LaneMemory } from './adapter.ts'
import type { ErrorCode, FailureCause, FailureClass } from './errors.ts'
import type { Idempotency, Message, Original } from './message.ts'

/**
 * At any moment a delivery is in exactly one of these (design, truth 4).
 * waiting: next time known. leased: being tried. blocked: behind its lane's head. held: for a person, reason known.
 * The rest are settled.
 */
export type DeliveryState = 'waiting' | 'leased' | 'blocked' | 'held' | 'delivered' | 'dead' | 'expired' | 'discarded'

/** Why a delivery is where it is; codes and field names only, never a person's data. */
export interface Reason {
  readonly code: ErrorCode
  readonly cause: FailureCause
  readonly field?: string
  readonly rule?: string
  readonly detail?: string
  /** The hold ends by itself when this becomes known. */
  readonly waitsFor?: string
}

export interface NewDelivery {
  readonly id: string
  readonly system: string
  readonly route: string
  /** A delivery that can have no receiver is born dead, so that somebody sees it. */
  readonly deadReason?: Reason
}

/** Everything one accepted message writes; its receipt is already signed. */
export interface Acceptance {
  readonly message: Message
  readonly aliases: readonly string[]
  readonly idempotency: Idempotency
  /** JWS, compact: the very bytes that leave after the write. */
  readonly receipt: string
  readonly original?: Original
  readonly deliveries: readonly NewDelivery[]
}

export type Accepted =
  | { readonly kind: 'stored'; readonly messageId: string; readonly receipt: string }
  | { readonly kind: 'duplicate'; readonly messageId: string; readonly receipt: string }
  | { readonly kind: 'conflict'; readonly messageId: string }

export interface ClaimRequest {
  readonly system: string
  readonly limit: number
  /** Names this process (host, pid, start), so that a successor can tell it is gone. */
  readonly owner: string
  readonly nowMs: number
  readonly leaseMs: number
}

export interface ClaimedDelivery {
  readonly deliveryId: string
  readonly system: string
  readonly route: string
  readonly position: number
  /** Fencing token: a settlement with another one changes nothing. */
  readonly lease: number
  /** 1 for the first. */
  readonly attemptNumber: number
  readonly createdAtMs: number
  readonly firstAttemptAtMs?: number
  /** Set when bytes may have left before and the outcome is not known. */
  readonly doubtSinceMs?: number
  readonly memory: LaneMemory
  readonly message: Message
}

export interface Claimed {
  readonly deliveries: readonly ClaimedDelivery[]
  /** When the next waiting delivery of that system is due; absent when none waits. */
  readonly nextDueAtMs?: number
}

/** One try, as it went; never changed afterwards. */
export interface AttemptRecord {
  readonly number: number
  readonly startedAtMs: number
  readonly endedAtMs: number
  readonly outcome: 'delivered' | 'taken' | FailureClass
  readonly code?: ErrorCode
  readonly cause?: FailureCause
  readonly sentDigest?: string
  readonly answerDigest?: string
  readonly answerCode?: string
}

export type NextState =
  | { readonly state: 'waiting'; readonly dueAtMs: number; readonly reason: Reason; readonly doubtSinceMs?: number }
  | { readonly state: 'held'; readonly reason: Reason; readonly doubtSinceMs?: number }
  | { readonly state: 'delivered' }
  | { readonly state: 'dead'; readonly reason: Reason; readonly holdsLane: boolean }

export interface Settlement {
  readonly deliveryId: string
  readonly lease: number
  readonly attempt: AttemptRecord
  readonly next: NextState
  /** Replaces the lane's memory; absent leaves it. */
  readonly memory?: LaneMemory
  readonly replies: readonly Acceptance[]
}

export type Settled =
  | { readonly kind: 'settled'; readonly replies: readonly Accepted[]; readonly hasSuccessor: boolean }
  /** The lease had passed to somebody else; nothing was written but a journal entry. */
  | { readonly kind: 'fenced' }

/** One refused request, or several of one source past the limit of its minute. */
export interface Refusal {
  readonly atMs: number
  /** Where it knocked: `one-window:drop-in`. */
  readonly door: string
  /** Network address of the caller. */
  readonly remote: string
  readonly claimedSender?: string
  readonly code: ErrorCode
  readonly correlationId: string
  readonly bodyDigest?: string
  /** Requests this record stands for. */
  readonly count: number
}

export interface DeliveryView {
  readonly id: string
  readonly messageId: string
  readonly system: string
  readonly route: string
  readonly position: number
  readonly state: DeliveryState
  readonly reason?: Reason
  readonly dueAtMs?: number
  readonly settledAtMs?: number
  readonly attempts: readonly AttemptRecord[]
}

export interface MessageView {
  readonly message: Message
  readonly receipt: string
  readonly deliveries: readonly DeliveryView[]
}

/** Everything known of one dossier, oldest message first. */
export interface DossierLedger {
  readonly subject: string
  readonly aliases: readonly string[]
  readonly messages: readonly MessageView[]
}

export interface ChannelDepth {
  readonly system: string
  readonly state: 'waiting' | 'leased' | 'blocked' | 'held' | 'dead'
  readonly count: number
  readonly oldestCreatedAtMs: number
}

export interface JournalEntry {
  readonly chainId: string
  readonly position: number
  readonly atMs: number
  readonly kind: string
  /** Canonical JSON; ids, digests and codes only. */
  readonly entry: string
  readonly previousHash: string
  readonly hash: string
}

/** Small reference data an adapter keeps (a procedure catalogue), one JSON document per key. */
export interface ShelfItem {
  readonly key: string
  readonly value: unknown
  readonly updatedAtMs: number
}

/**
 * The durable store, as the bus needs it. Every write resolves only once it is on disk (fsync) and is atomic.
 * Rejects with `store-unavailable` when it can't be written; nothing is stored then.
 */
export interface Store {
  /** All or nothing, in order; drafts of one `latest` scope in one call are compared as a run. */
  accept(acceptances: readonly Acceptance[]): Promise<readonly Accepted[]>
  claim(request: ClaimRequest): Promise<Claimed>
  settle(settlement: Settlement): Promise<Settled>
  refuse(refusal: Refusal): Promise<void>
  /** Ends holds that wait for one of these; answers which systems have work now. */
  releaseWaiting(
    waitsFor: readonly string[],
    nowMs: number,
  ): Promise<{ readonly count: number; readonly systems: readonly string[] }>
  /** Frees the leases of owners that are gone. */
  recover(isGone: (owner: string) => boolean, nowMs: number): Promise<number>
  checkpoint(sign: (heads: string) => Promise<string>, nowMs: number): Promise<void>

  message(id: string): Promise<MessageView | undefined>
  dossier(codeOrAlias: string): Promise<DossierLedger | undefined>
  /** Messages of these types that `system` has taken in this lane before `position`, oldest first. */
  earlier(system: string, subject: string, types: readonly string[], position: number): Promise<readonly Message[]>
  depths(): Promise<readonly ChannelDepth[]>
  journal(
    from: { readonly chainId: string; readonly position: number } | undefined,
    limit: number,
  ): Promise<readonly JournalEntry[]>

  putShelf(shelf: string, items: readonly ShelfItem[]): Promise<void>
  shelf(shelf: string): Promise<readonly ShelfItem[]>

  /** A write that changes nothing, to know that writing works. */
  probe(): Promise<void>
  close(): Promise<void>
}
