import type { LaneMemory, SignatureState } from './adapter.ts'
import type { ChannelCondition } from './channel.ts'
import type { DeliveryState, Reason } from './delivery-state.ts'
import type { ErrorCode, FailureCause, FailureClass } from './errors.ts'
import type {
  Bulk,
  DeliveryFilter,
  Intervened,
  Intervention,
  InterventionKind,
  InterventionRecord,
  SelectionCount,
} from './intervention.ts'
import type { Idempotency, Message, Original, Statement } from './message.ts'
import type { ProcessChange, ProcessInstance } from './process.ts'

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
  /** Canonical JSON of the message's body, when it has been written already. */
  readonly bodyText?: string
  readonly aliases: readonly string[]
  readonly sameAs: readonly string[]
  readonly idempotency: Idempotency
  /** JWS, compact: the very bytes that leave after the write. */
  readonly receipt: string
  readonly original?: Original
  readonly statement?: Statement
  readonly deliveries: readonly NewDelivery[]
  /** Takes the lane positions of that message's unsettled deliveries, which end discarded as superseded. */
  readonly supersedes?: string
  /** Whose dossier it is: what the sender was checked against, and what it is from now on. */
  readonly units?: { readonly seen: readonly string[] | undefined; readonly now: readonly string[] }
  /** Steps of processes that this message triggers; they commit with it or not at all. */
  readonly steps?: readonly { readonly change: ProcessChange; readonly messages: readonly Acceptance[] }[]
  /** The person who had it read again, and why. */
  readonly by?: { readonly actor: string; readonly note: string }
}

export type Accepted =
  | { readonly kind: 'stored'; readonly messageId: string; readonly receipt: string }
  | { readonly kind: 'duplicate'; readonly messageId: string; readonly receipt: string }
  /** Other content under a known key, or, a replay, what another system has signed before. */
  | { readonly kind: 'conflict'; readonly messageId: string; readonly isReplay?: true }

/** One step of a process that no message triggers: a timer that is due, or a person. */
export interface ProcessAdvance {
  readonly instance: string
  readonly change: ProcessChange
  readonly messages: readonly Acceptance[]
  readonly nowMs: number
  readonly timer?: string
  readonly by?: { readonly actor: string; readonly note: string }
}

/** Which deliveries of a shadow to set beside those of the live channel. */
export interface PairWindow {
  readonly system: string
  readonly shadow: string
  readonly afterMs: number
  readonly beforeMs: number
  /** Pages: the last `sequence` seen. */
  readonly afterSequence: number
  readonly limit: number
}

/** One message as the live channel sent it and as the shadow would have; a document is absent while it was not sent. */
export interface SentPair {
  readonly sequence: number
  readonly messageId: string
  readonly messageType: string
  readonly live?: string
  readonly shadow?: string
  readonly shadowState: DeliveryState
}

export interface Standing {
  readonly subject: string
  readonly units?: readonly string[]
}

export interface DueTimer {
  readonly process: string
  readonly instance: string
  readonly name: string
}

export interface ClaimRequest {
  readonly system: string
  readonly limit: number
  /** Names this process (host, pid, start), so that a successor can tell it is gone. */
  readonly owner: string
  readonly nowMs: number
  readonly leaseMs: number
  /** How long the channel has stood still in all; the retry clock of a first attempt starts from it. */
  readonly stoppedMs: number
  /** By how much the wall clock was set back since the last claim: what waits was put off by the old one. */
  readonly setBackMs?: number
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
  /** When the first attempt began: this one's own time when it is the first. */
  readonly firstAttemptAtMs: number
  /** The channel's `stoppedMs` at the first attempt. */
  readonly stoppedAtFirstMs: number
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
  /** Digests of the files that went with it; kept in the journal. */
  readonly files?: readonly string[]
  /** What was found of their signatures; kept in the journal. */
  readonly signatures?: readonly SignatureState[]
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
  /** What was sent, without credentials. */
  readonly document?: string
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
  /** Who it was proved to be from. */
  readonly sender?: string
  /** Of the name it gave, which nobody has checked. */
  readonly claimedSenderDigest?: string
  readonly code: ErrorCode
  readonly correlationId: string
  readonly bodyDigest?: string
  /** Requests this record stands for. */
  readonly count: number
}

export interface DeliveryView {
  readonly id: string
  readonly messageId: string
  /** Counts its changes; an intervention may name the one it is meant for. */
  readonly revision: number
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

/** A few of the oldest messages that still have their bodies. */
export interface RetentionStep {
  /** Nothing may have happened to a dossier since. */
  readonly beforeMs: number
  readonly nowMs: number
  /** 0, then what the step before answered. */
  readonly afterSequence: number
  readonly limit: number
}

export interface RetentionProgress {
  /** Messages whose bodies have left in this step. */
  readonly removed: number
  /** Absent when there is nothing further to look at. */
  readonly nextSequence?: number
}

/** A person keeps everything of a dossier, whatever its age, or ends that. */
export interface LegalHold {
  readonly codeOrAlias: string
  readonly isHeld: boolean
  readonly actor: string
  readonly note: string
  readonly nowMs: number
}

/**
 * The durable store, as the bus needs it. Every write resolves only once it is on disk (fsync) and is atomic.
 * Rejects with `store-unavailable` when it can't be written; nothing is stored then.
 */
export interface Store {
  /**
   * All or nothing, in order; drafts of one `latest` scope in one call are compared as a run. Rejects with `process-changed`
   * when a step, or whose dossier it is, was read before another write changed it.
   */
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

  channels(): Promise<readonly ChannelCondition[]>
  /** Stores how a channel stands; `note` is a person's reason and makes an intervention record. */
  setChannel(condition: ChannelCondition, nowMs: number, note?: string): Promise<void>

  intervene(intervention: Intervention): Promise<Intervened>
  countSelection(kind: InterventionKind, filter: DeliveryFilter): Promise<SelectionCount>
  /** Fixes what the filter matches now as the items of a bulk; answers how many. With none, nothing is stored. */
  createBulk(bulk: Omit<Bulk, 'total' | 'outcomes' | 'state'>): Promise<number>
  /** Items nothing has been done with yet. */
  bulkItems(bulkId: string, limit: number): Promise<readonly string[]>
  /** For what is not done by `intervene`. */
  settleBulkItem(bulkId: string, deliveryId: string, outcome: string): Promise<void>
  /** Answers false when there is no such bulk or it has ended. */
  setBulkState(change: {
    id: string
    state: Bulk['state']
    actor: string
    note: string
    nowMs: number
  }): Promise<boolean>
  /** For each list of names: the subject they lead to, and whose dossier it is; no units when it is not known yet. */
  standings(names: readonly (readonly string[])[]): Promise<readonly Standing[]>
  /** The instance of the dossier that has one of these names; version 0 when there is none. */
  processOf(process: string, names: readonly string[]): Promise<ProcessInstance>
  /** One step that no message triggers. Rejects with `process-changed` when the instance has moved on. */
  advance(advance: ProcessAdvance): Promise<void>
  dueTimers(nowMs: number, limit: number): Promise<readonly DueTimer[]>
  sentPairs(window: PairWindow): Promise<readonly SentPair[]>
  processes(status: ProcessInstance['status'] | undefined, limit: number): Promise<readonly ProcessInstance[]>
  bulks(): Promise<readonly Bulk[]>
  interventions(target: string | undefined, limit: number): Promise<readonly InterventionRecord[]>
  deliveries(filter: DeliveryFilter, limit: number): Promise<readonly (DeliveryView & { readonly subject: string })[]>
  delivery(id: string): Promise<DeliveryView | undefined>
  /** The bytes a sender spoke; `undefined` when there are none or they have left after retention. */
  original(messageId: string): Promise<Original | undefined>

  /** Deliveries of this sender's messages that are under way, counted up to one more than `limit`. */
  backlog(source: string, limit: number): Promise<number>
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

  /**
   * Removes bodies, original bytes and sent documents of messages whose dossier is at rest: nothing said, tried or ended
   * since, nothing open, no exchange that waits, no legal hold. Receipts and digests stay.
   */
  retain(step: RetentionStep): Promise<RetentionProgress>
  /**
   * Gives some of what was removed back to the disk, and at the end takes it out of the files beside the store. Answers
   * whether there is more.
   */
  reclaim(): Promise<boolean>
  /** Answers false when no dossier has that name. */
  setLegalHold(hold: LegalHold): Promise<boolean>

  /** A write that changes nothing, to know that writing works. */
  probe(): Promise<void>
  close(): Promise<void>
}
