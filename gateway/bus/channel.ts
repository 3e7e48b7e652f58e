import type { Reason } from './delivery-state.ts'

/**
 * How a channel stands; stored, so that a restart forgets neither a pause nor how long it lasted.
 * flowing: deliveries are claimed. broken: the partner can't be reached, or too many dossiers failed in a row; probed until it
 * answers. paused: by a person, until a person resumes it.
 */
export interface ChannelCondition {
  readonly system: string
  readonly state: 'flowing' | 'broken' | 'paused'
  readonly sinceMs: number
  /** Times it broke without a success in between; lengthens the pause. */
  readonly trips: number
  /** When a broken one is probed next. */
  readonly probeAtMs?: number
  /** How long it had stood still before `sinceMs`, in all. */
  readonly stoppedMs: number
  readonly reason?: Reason
  /** Who paused it. */
  readonly actor?: string
}

/** When a channel breaks and how often it is probed then. */
export interface BreakerPolicy {
  /** Different dossiers that must fail in a row; one hanging dossier can't break the channel for all. */
  readonly lanes: number
  readonly firstPauseMs: number
  readonly longestPauseMs: number
}

export const defaultBreaker: BreakerPolicy = { lanes: 5, firstPauseMs: 5_000, longestPauseMs: 300_000 }

export function flowingChannel(system: string, nowMs: number): ChannelCondition {
  return { system, state: 'flowing', sinceMs: nowMs, trips: 0, stoppedMs: 0 }
}

/** How long the channel has stood still in all, up to now: what the retry clock leaves out. */
export function stoppedMsAt({ state, sinceMs, stoppedMs }: ChannelCondition, nowMs: number): number {
  return state === 'flowing' ? stoppedMs : stoppedMs + Math.max(0, nowMs - sinceMs)
}

/** The channel breaks: probed after a pause that doubles with every trip, and no sooner than the partner asked for. */
export function broken(
  channel: ChannelCondition,
  facts: {
    readonly nowMs: number
    readonly reason: Reason
    readonly policy: BreakerPolicy
    readonly retryAfterMs?: number | undefined
  },
): ChannelCondition {
  const { nowMs, reason, policy, retryAfterMs = 0 } = facts
  const trips = channel.trips + 1
  const pauseMs = Math.min(policy.firstPauseMs * 2 ** (trips - 1), policy.longestPauseMs)
  const probeAtMs = nowMs + Math.max(pauseMs, retryAfterMs)
  const isNew = channel.state === 'flowing'
  return {
    ...channel,
    state: 'broken',
    sinceMs: isNew ? nowMs : channel.sinceMs,
    trips,
    probeAtMs,
    reason,
  }
}

/** It answers again. `trips` stays until a delivery has worked. */
export function flowingAgain(channel: ChannelCondition, nowMs: number): ChannelCondition {
  const { system, trips } = channel
  return { system, state: 'flowing', sinceMs: nowMs, trips, stoppedMs: stoppedMsAt(channel, nowMs) }
}

export function pausedBy(actor: string, channel: ChannelCondition, nowMs: number): ChannelCondition {
  const { system, trips } = channel
  return { system, state: 'paused', sinceMs: nowMs, trips, stoppedMs: stoppedMsAt(channel, nowMs), actor }
}

/** Which dossiers have failed since the last success; decides when that is too many. */
export class FailureWatch {
  readonly #lanes: number
  readonly #failing = new Set<string>()

  constructor(lanes: number) {
    this.#lanes = lanes
  }

  succeeded(): void {
    this.#failing.clear()
  }

  /** Answers whether this failure is one dossier too many. While on trial a single one is. */
  failed(subject: string, isOnTrial: boolean): boolean {
    this.#failing.add(subject)
    if (!isOnTrial && this.#failing.size < this.#lanes) return false
    this.#failing.clear()
    return true
  }
}
