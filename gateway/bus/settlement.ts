import type { LaneMemory } from './adapter.ts'
import type { Outcome } from './delivery.ts'
import type { Reason } from './delivery-state.ts'
import { errorTable, type GatewayError } from './errors.ts'
import type { Draft } from './message.ts'
import { deliveryNotice } from './notice.ts'
import { isGivenUp, retryDelayMs } from './retry.ts'
import type { Route } from './route.ts'
import type { AttemptRecord, ClaimedDelivery, NextState } from './store.ts'

export interface SettlementQuestion {
  readonly claimed: ClaimedDelivery
  readonly outcome: Outcome
  readonly route: Pick<Route, 'retry' | 'onDead'>
  readonly startedAtMs: number
  readonly nowMs: number
  /** How long the channel has stood still in all. */
  readonly stoppedMs: number
  /** 0 ≤ random < 1, for the jitter. */
  readonly random: number
}

export interface SettlementAnswer {
  readonly attempt: AttemptRecord
  readonly next: NextState
  readonly memory?: LaneMemory
  readonly document?: string
}

/** What becomes of a delivery after one attempt (stop 9). Pure. */
export function decideSettlement(question: SettlementQuestion): SettlementAnswer {
  const { claimed, outcome, startedAtMs, nowMs } = question
  const base = { number: claimed.attemptNumber, startedAtMs, endedAtMs: nowMs }
  const doubt = claimed.doubtSinceMs === undefined ? {} : { doubtSinceMs: claimed.doubtSinceMs }
  switch (outcome.kind) {
    case 'delivered': {
      const { document, ...receipt } = outcome.delivered.receipt
      return {
        attempt: { ...base, outcome: 'delivered', ...receipt },
        next: { state: 'delivered' },
        ...kept(outcome.delivered.memory),
        ...(document === undefined ? {} : { document }),
      }
    }
    case 'taken':
      return { attempt: { ...base, outcome: 'taken' }, next: { state: 'delivered' }, ...kept(outcome.memory) }
    case 'later':
      return {
        attempt: unclear(base),
        // A partner that never gets to say is for a person, not for ever.
        next: isGivenUp(question.route.retry, retryAgeMs(question))
          ? { state: 'held', reason: unknownOutcome(), ...doubt }
          : { state: 'waiting', dueAtMs: nowMs + outcome.afterMs, reason: unknownOutcome(), ...doubt },
      }
    case 'unknown':
      return { attempt: unclear(base), next: { state: 'held', reason: unknownOutcome(outcome.why), ...doubt } }
    case 'lookup-failed':
      return {
        attempt: { ...base, outcome: 'ambiguous', ...codesOf(outcome.error) },
        next: tryLater(outcome.error, question, claimed.doubtSinceMs),
      }
    case 'failed':
      return {
        attempt: { ...base, outcome: outcome.error.failure, ...codesOf(outcome.error) },
        next: afterFailure(outcome, question),
        ...kept(outcome.error.options.memory),
      }
  }
}

const kept = (memory: LaneMemory | undefined) => (memory === undefined ? {} : { memory })

const unclear = (base: Pick<AttemptRecord, 'number' | 'startedAtMs' | 'endedAtMs'>): AttemptRecord => ({
  ...base,
  outcome: 'ambiguous',
  code: 'outcome-unknown',
  cause: errorTable['outcome-unknown'].cause,
})

function unknownOutcome(detail?: string): Reason {
  return { code: 'outcome-unknown', cause: errorTable['outcome-unknown'].cause, ...(detail ? { detail } : {}) }
}

function afterFailure(
  { error, hasDoubtBefore }: Extract<Outcome, { kind: 'failed' }>,
  question: SettlementQuestion,
): NextState {
  const { claimed, route, startedAtMs } = question
  const reason = reasonOf(error)
  const doubtSinceMs = doubtAfter({ error, hasDoubtBefore, claimed, startedAtMs })
  if (error.failure === 'permanent') {
    // Ours to repair (a value, a code, a contract): a person can. The partner's own refusal of this message is final.
    return error.failureCause === 'contract' || error.failureCause === 'routing'
      ? { state: 'held', reason, ...(doubtSinceMs === undefined ? {} : { doubtSinceMs }) }
      : { state: 'dead', reason, holdsLane: route.onDead === 'hold-lane' }
  }
  return tryLater(error, question, doubtSinceMs)
}

function tryLater(error: GatewayError, question: SettlementQuestion, doubtSinceMs: number | undefined): NextState {
  const { claimed, route, nowMs, random } = question
  const reason = reasonOf(error)
  const doubt = doubtSinceMs === undefined ? {} : { doubtSinceMs }
  const isCounted = error.failure !== 'channel' // an unreachable channel kills nothing
  if (isCounted && isGivenUp(route.retry, retryAgeMs(question))) {
    // Unknown is not failed (design, truth 6): what may have been taken is for a person, not for the dead letters.
    return doubtSinceMs === undefined
      ? { state: 'dead', reason, holdsLane: route.onDead === 'hold-lane' }
      : { state: 'held', reason, ...doubt }
  }
  const { retryAfterMs } = error.options
  const delayMs = retryDelayMs(route.retry, { attempts: claimed.attemptNumber, retryAfterMs, random })
  return { state: 'waiting', dueAtMs: nowMs + delayMs, reason, ...doubt }
}

/** Age on the retry clock: since the first attempt, less what the channel stood still (design, "Retry clock"). */
function retryAgeMs({ claimed, nowMs, stoppedMs }: SettlementQuestion): number {
  return nowMs - claimed.firstAttemptAtMs - (stoppedMs - claimed.stoppedAtFirstMs)
}

/** Since when bytes may have left without an answer; `undefined` when it is sure that none did. */
function doubtAfter(facts: {
  readonly error: GatewayError
  readonly hasDoubtBefore: boolean
  readonly claimed: ClaimedDelivery
  readonly startedAtMs: number
}): number | undefined {
  if (facts.error.failure === 'ambiguous') return facts.startedAtMs
  return facts.hasDoubtBefore ? (facts.claimed.doubtSinceMs ?? facts.startedAtMs) : undefined
}

function codesOf({ code, failureCause, options }: GatewayError) {
  return {
    code,
    cause: failureCause,
    ...(options.answer?.digest === undefined ? {} : { answerDigest: options.answer.digest }),
    ...(options.answer?.code === undefined ? {} : { answerCode: options.answer.code }),
  }
}

/** What an operator and the sender are told; details are ours, never a partner's text. */
export function reasonOf({ code, failureCause, options }: GatewayError): Reason {
  const { field, rule, detail, waitsFor } = options
  return {
    code,
    cause: failureCause,
    ...(field === undefined ? {} : { field }),
    ...(rule === undefined ? {} : { rule }),
    ...(detail === undefined ? {} : { detail }),
    ...(waitsFor === undefined ? {} : { waitsFor }),
  }
}

/** The notice that tells a sender what became of its message after an attempt. */
export function outcomeNotice({ message, deliveryId, system }: ClaimedDelivery, answer: SettlementAnswer): Draft {
  return deliveryNotice({
    message,
    deliveryId,
    system,
    state: answer.next.state,
    reason: 'reason' in answer.next ? answer.next.reason : undefined,
    atMs: answer.attempt.endedAtMs,
    change: `${answer.attempt.number}`,
  })
}
