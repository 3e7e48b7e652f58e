import { durationMs, type RetryChange, type RetryPolicy, type Route } from './route.ts'

export interface RetryQuestion {
  /** Attempts made so far, at least 1. */
  readonly attempts: number
  /** What the partner asked for, if anything. */
  readonly retryAfterMs?: number | undefined
  /** 0 ≤ random < 1. */
  readonly random: number
}

/** How long to wait before the next attempt: the policy's delay with its jitter, never less than the partner asked for. */
export function retryDelayMs(policy: RetryPolicy, { attempts, retryAfterMs = 0, random }: RetryQuestion): number {
  const jittered = plainDelayMs(policy, attempts) * (1 + policy.jitter * (2 * random - 1))
  return Math.max(Math.round(jittered), retryAfterMs)
}

function plainDelayMs({ schedule, exponential }: RetryPolicy, attempts: number): number {
  if (exponential) {
    // The power overflows to Infinity long before attempts do; the cap takes that too.
    return Math.min(durationMs(exponential.first) * exponential.factor ** (attempts - 1), durationMs(exponential.cap))
  }
  const step = schedule[Math.min(attempts, schedule.length) - 1]
  return step === undefined ? 0 : durationMs(step)
}

/** How deliveries of a route to one system are tried again: the route's policy, changed for the system, then for the pair. */
export function retryOf(
  route: Pick<Route, 'retry' | 'retryTo'>,
  to: { readonly system: string; readonly change?: RetryChange | undefined },
): RetryPolicy {
  return changedRetry(changedRetry(route.retry, to.change), route.retryTo?.[to.system])
}

/** A policy with what a change says in its place; a schedule takes the place of exponential delays and the other way round. */
export function changedRetry(policy: RetryPolicy, change: RetryChange = {}): RetryPolicy {
  const { exponential, ...rest } = policy
  return change.schedule || !exponential ? { ...rest, ...change } : { ...rest, exponential, ...change }
}

/** Whether the delivery has been tried for longer than its route allows. */
export function isGivenUp(policy: RetryPolicy, ageMs: number): boolean {
  return ageMs >= durationMs(policy.giveUpAfter)
}
