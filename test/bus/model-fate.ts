import type { Delivery, Found, Sent, State } from './model-words.ts'

export const laterMs = 7_000
export const busyMs = 90_000

export type Fate = { readonly to: State; readonly why: string; readonly outcome: string } & Partial<Delivery>

/** What becomes of a delivery after an attempt. After doubt the look-up speaks first; then what was sent. */
export function fateOf(one: Delivery, how: { found: Found; sent: Sent; nowMs: number; stoppedMs: number }): Fate {
  const { found, nowMs } = how
  if (one.wasInDoubt) {
    const unclear = { outcome: 'ambiguous', isInDoubt: true }
    if (found === 'taken') return { to: 'delivered', why: 'found there', outcome: 'taken' }
    if (found === 'later' && isTooOld(one, how)) return { to: 'held', why: 'given up in doubt', ...unclear }
    if (found === 'later') return { to: 'waiting', why: 'too early to tell', untilMs: nowMs + laterMs, ...unclear }
    if (found === 'unknown') return { to: 'held', why: 'nobody can tell', ...unclear }
    if (found === 'unreachable') return again(one, { ...how, ...unclear, why: 'look-up failed', isCounted: true })
  }
  const isInDoubt = one.wasInDoubt && found !== 'absent'
  const sent =
    nowMs >= one.untilMs && how.sent !== 'unrepaired' && how.sent !== 'waits-for-fact' ? 'too-late' : how.sent
  const transient = { ...how, why: 'transient', outcome: 'transient', isInDoubt, isCounted: true }
  if (sent === 'delivered') return { to: 'delivered', why: 'delivered', outcome: 'delivered' }
  if (sent === 'refused')
    return { to: 'dead', why: 'refused', outcome: 'permanent', holdsLane: one.policy.holdsLaneWhenDead }
  if (sent === 'unrepaired') return { to: 'held', why: 'ours to repair', outcome: 'permanent', isInDoubt }
  if (sent === 'waits-for-fact')
    return { to: 'held', why: 'ours to repair', outcome: 'permanent', isInDoubt, waitsFor: 'procedure:1' }
  if (sent === 'ambiguous') return again(one, { ...transient, why: 'ambiguous', outcome: 'ambiguous', isInDoubt: true })
  if (sent === 'channel') return again(one, { ...transient, why: 'channel', outcome: 'channel', isCounted: false })
  return again(one, { ...transient, atLeastMs: sent === 'busy' ? busyMs : 0 })
}

interface Again {
  readonly nowMs: number
  readonly stoppedMs: number
  readonly why: string
  readonly outcome: string
  readonly isInDoubt: boolean
  /** An unreachable channel kills nothing. */
  readonly isCounted: boolean
  readonly atLeastMs?: number
}

/** Unknown is not failed: what may have arrived is given up into a person's hands, never into the dead letters. */
function again(one: Delivery, { nowMs, stoppedMs, why, outcome, isInDoubt, isCounted, atLeastMs = 0 }: Again): Fate {
  const { delaysMs, holdsLaneWhenDead } = one.policy
  if (isCounted && isTooOld(one, { nowMs, stoppedMs })) {
    return isInDoubt
      ? { to: 'held', why: 'given up in doubt', outcome, isInDoubt }
      : { to: 'dead', why: 'given up', outcome, holdsLane: holdsLaneWhenDead }
  }
  const delayMs = delaysMs[Math.min(one.attempts.length, delaysMs.length - 1)] ?? 0
  return { to: 'waiting', why, outcome, isInDoubt, untilMs: nowMs + Math.max(delayMs, atLeastMs) }
}

function isTooOld({ firstTry, policy }: Delivery, { nowMs, stoppedMs }: { nowMs: number; stoppedMs: number }): boolean {
  const first = firstTry ?? { atMs: nowMs, stoppedMs }
  return nowMs - first.atMs - (stoppedMs - first.stoppedMs) >= policy.giveUpAfterMs
}
