import { durationMs, type RetryPolicy } from './route.ts'

export interface RetryQuestion {
  /** Attempts made so far, at least 1. */
  readonly attempts: number
  /** What the partner asked for, if anything. */
  readonly retryAfterMs?: number | undefined
  /** 0 ≤ random < 1. */
  readonly random: number
}

/** How long to wait before the next attempt: the schedule's step with its jitter, never less than the partner asked for. */
export function retryDelayMs(policy: RetryPolicy, { attempts, retryAfterMs = 0, random }: RetryQuestion): number {
  const step = policy.schedule[Math.min(attempts, policy.schedule.length) - 1]
  const delayMs = step === undefined ? 0 : durationMs(step)
  const jittered = delayMs * (1 + policy.jitter * (2 * random - 1))
  return Math.max(Math.round(jittered), retryAfterMs)
}

/** Whether the delivery has been tried for longer than its route allows. */
export function isGivenUp(policy: RetryPolicy, ageMs: number): boolean {
  return ageMs >= durationMs(policy.giveUpAfter)
}
