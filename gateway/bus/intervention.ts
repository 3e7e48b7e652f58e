import type { DeliveryState } from './delivery-state.ts'

/** What a person may do with a delivery. `reread` makes a new message of the original bytes; the others move this delivery. */
export type InterventionKind = 'hold' | 'release' | 'discard' | 'expire' | 'replay' | 'reread'

/** From which states each is possible; anything else is refused and changes nothing. */
export const interventionStates = {
  hold: ['waiting', 'blocked'],
  release: ['held'],
  discard: ['waiting', 'blocked', 'held', 'dead'],
  expire: ['waiting', 'blocked', 'held', 'dead'],
  replay: ['dead', 'expired', 'discarded', 'delivered'],
  reread: ['waiting', 'blocked', 'held', 'dead', 'expired', 'discarded', 'delivered'],
} as const satisfies Record<InterventionKind, readonly DeliveryState[]>

/** One person's act on one delivery, with their reason in their own words. */
export interface Intervention {
  readonly kind: Exclude<InterventionKind, 'reread'>
  readonly deliveryId: string
  readonly actor: string
  readonly note: string
  readonly nowMs: number
  /** The revision the person saw; another one means somebody was faster. */
  readonly revision?: number
  /** Replay although later deliveries of the dossier have gone before. */
  readonly isOverride?: boolean
  readonly bulkId?: string
}

export type Intervened =
  | { readonly kind: 'done'; readonly system: string; readonly state: DeliveryState; readonly revision: number }
  | { readonly kind: 'unknown' }
  /** impossible: not from this state. changed: somebody was faster. overtaken: later ones have gone before. */
  | { readonly kind: 'refused'; readonly why: 'impossible' | 'changed' | 'overtaken'; readonly state: DeliveryState }

/** Which deliveries; every member narrows, none means all. */
export interface DeliveryFilter {
  /** These and no others, as far as the rest of the filter lets them. */
  readonly ids?: readonly string[]
  readonly system?: string
  readonly state?: DeliveryState
  readonly messageType?: string
  readonly subject?: string
  readonly code?: string
  readonly cause?: string
  readonly createdAfterMs?: number
  readonly createdBeforeMs?: number
}

/** The same act on everything a filter matched when it was asked for. */
export interface Bulk {
  readonly id: string
  readonly kind: InterventionKind
  readonly filter: DeliveryFilter
  readonly actor: string
  readonly note: string
  readonly perSecond: number
  readonly isOverride: boolean
  readonly state: 'running' | 'paused' | 'cancelled' | 'finished'
  readonly createdAtMs: number
  readonly total: number
  /** How many items ended how: `done`, `impossible`, `overtaken` … */
  readonly outcomes: Readonly<Record<string, number>>
}

/** What a filter would touch, counted before anything is done. */
export interface SelectionCount {
  readonly total: number
  /** Of these: replayable only with an override. */
  readonly overtaken: number
}

/** What a person did, as the audit log keeps it. */
export interface InterventionRecord {
  readonly atMs: number
  readonly actor: string
  readonly kind: string
  /** Delivery id, bulk id or `channel:<system>`. */
  readonly target: string
  readonly note: string
  readonly bulkId?: string
}

/** Who acts, and why, in their own words. */
export interface Act {
  readonly actor: string
  readonly note: string
}
