import type { ErrorCode, FailureCause } from './errors.ts'

/**
 * At any moment a delivery is in exactly one of these (design, truth 4).
 * waiting: next time known. leased: being tried. blocked: behind its lane's head. held: for a person, reason known.
 * The rest are settled.
 */
export const deliveryStates = [
  'waiting',
  'leased',
  'blocked',
  'held',
  'delivered',
  'dead',
  'expired',
  'discarded',
] as const
export type DeliveryState = (typeof deliveryStates)[number]

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
