import type { ChannelAdapter } from './adapter.ts'
import { type BreakerPolicy, type ChannelCondition, defaultBreaker } from './channel.ts'
import { ChannelGate } from './channel-gate.ts'
import type { Clock } from './clock.ts'
import { attemptDelivery, type Outcome } from './delivery.ts'
import type { DeliveryState } from './delivery-state.ts'
import { asGatewayError, GatewayError } from './errors.ts'
import type { WireTap } from './gateway.ts'
import type { Draft } from './message.ts'
import { noticeType } from './notice.ts'
import { type Rate, RateLimit } from './rate-limit.ts'
import { retryOf } from './retry.ts'
import { durationMs, patientRetry, type RetryChange, type RetryPolicy, type Route } from './route.ts'
import { decideSettlement, outcomeNotice, type SettlementAnswer } from './settlement.ts'
import { isShadow } from './shadow.ts'
import type { Acceptance, ClaimedDelivery, Store } from './store.ts'

/** One system's line of deliveries, as configuration gives it. */
export interface ChannelSettings {
  readonly system: string
  readonly adapter: ChannelAdapter
  /** Attempts under way at once, at most. */
  readonly concurrency: number
  readonly breaker?: BreakerPolicy
  /** The most the partner may be sent; absent is unlimited. */
  readonly rate?: Rate
  /** What this system's deliveries do differently from what their routes say. */
  readonly retry?: RetryChange
}

export interface DispatcherPorts {
  readonly store: Store
  readonly clock: Clock
  readonly tap: WireTap
  readonly owner: string
  /** By name; a stored delivery whose route is gone is tried patiently. */
  readonly routes: ReadonlyMap<string, Route>
  /** Drafts → what one write needs; may reject with `contract-violated`. */
  readonly prepare: (drafts: readonly Draft[]) => Promise<readonly Acceptance[]>
  /** Whether `system` wants to be told when one of its messages comes to this state. */
  readonly isTold: (system: string, state: DeliveryState) => boolean
  /** New work for these systems. */
  readonly wake: (systems: Iterable<string>) => void
  readonly random: () => number
}

interface PreparedSettlement {
  readonly answer: SettlementAnswer
  readonly drafts: readonly Draft[]
  readonly replies: readonly Acceptance[]
}

/** Looks again even when nothing was announced: another process may have died holding a lease. */
const idlePollMs = 5_000
const storeRetryMs = 500
const ownMistakeMs = 60_000

/** For deliveries whose route is gone, and for notices, which need none. */
const unknownRoute = { retry: patientRetry, onDead: 'hold-lane' } as const

/**
 * Works one channel (`start` first): claims the heads of its lanes under a lease, in the order they fall due, never more than its own
 * concurrency at once, and settles each attempt. Shares no slot or timer with another channel. Owns its timer.
 */
export class Dispatcher {
  readonly #channel: ChannelSettings
  readonly #ports: DispatcherPorts
  readonly #shutdown = new AbortController()
  /** Deliveries in hand, from claim to settlement; those still at the partner hold a slot. */
  readonly #running = new Set<Promise<void>>()
  readonly #atPartner = new Set<string>()
  readonly #gate: ChannelGate
  readonly #rate: RateLimit | undefined
  readonly #leaseMs: number
  #claiming: Promise<void> | undefined
  #isAskedAgain = false
  #isStopped = false
  #cancelTimer: (() => void) | undefined
  /** Wall clock less monotonic clock, when last claimed. */
  #wallAheadMs: number | undefined

  constructor(channel: ChannelSettings, ports: DispatcherPorts) {
    this.#channel = channel
    this.#ports = ports
    const { system, adapter, breaker = defaultBreaker, rate } = channel
    const { store, clock, tap } = ports
    this.#gate = new ChannelGate({ system, adapter, breaker, store, clock, tap })
    this.#rate = rate && new RateLimit(rate, clock.monotonic())
    const deadlines = [...ports.routes.values(), unknownRoute].map((route) => durationMs(this.#retryOf(route).deadline))
    // Look-up and send have a deadline each; the rest of the lease is for claiming and settling.
    this.#leaseMs = 2 * Math.max(...deadlines) + 15_000
  }

  /** Goes on as the channel stood when the gateway stopped. */
  start(stored: ChannelCondition | undefined): void {
    this.#gate.start(stored)
    this.wake()
  }

  get condition(): ChannelCondition {
    return this.#gate.condition
  }

  /** A person stops the channel; attempts under way finish. */
  pause(actor: string, note: string): Promise<void> {
    return this.#gate.pause(actor, note)
  }

  /** A person lets the channel flow again, whatever stopped it. */
  async resume(actor: string, note: string): Promise<void> {
    await this.#gate.resume(actor, note)
    this.wake()
  }

  /** There may be something to do. Cheap to call often. */
  wake(): void {
    if (this.#isStopped) return
    this.#isAskedAgain = true
    this.#claiming ??= this.#claim()
  }

  async #claim(): Promise<void> {
    while (this.#isAskedAgain && !this.#isStopped) {
      this.#isAskedAgain = false
      this.#cancelTimer?.()
      this.#cancelTimer = undefined
      const delayMs = await this.#claimOnce()
      if (delayMs !== undefined && !this.#isStopped) {
        this.#cancelTimer = this.#ports.clock.after(delayMs, () => this.wake())
      }
    }
    this.#claiming = undefined
  }

  /** Answers when to look again; `undefined` when a slot has to fall free or a person has to act first. */
  async #claimOnce(): Promise<number | undefined> {
    try {
      const { state } = this.#gate.condition
      if (state === 'paused') return undefined
      if (state === 'broken') return Math.min(await this.#gate.probe(this.#shutdown.signal), idlePollMs)
      const room = this.#room()
      return room.limit > 0 ? await this.#claimUpTo(room.limit) : room.waitMs
    } catch (error) {
      this.#ports.tap.failed({ where: 'claim', error })
      return storeRetryMs
    }
  }

  /** How many may be claimed now. A channel that just came back carries one until that one has worked. */
  #room(): { readonly limit: number; readonly waitMs?: number } {
    const most = this.#gate.isOnTrial ? 1 : this.#channel.concurrency
    // A slot falls free with the partner's answer, so that settling and claiming share a write; with a store that stalls,
    // no more than as many again are in hand.
    const slots = Math.min(most - this.#atPartner.size, 2 * most - this.#running.size)
    if (!this.#rate || slots <= 0) return { limit: slots }
    const limit = Math.min(slots, this.#rate.available(this.#ports.clock.monotonic()))
    return limit > 0 ? { limit } : { limit, waitMs: this.#rate.waitMs(1) }
  }

  async #claimUpTo(limit: number): Promise<number | undefined> {
    const { store, clock, owner } = this.#ports
    const [claimedAt, nowMs] = [clock.monotonic(), clock.now()]
    const { system } = this.#channel
    const { stoppedMs } = this.#gate
    const setBack = setBackSince(this.#wallAheadMs, nowMs - claimedAt)
    const claimed = await store.claim({ system, limit, owner, nowMs, leaseMs: this.#leaseMs, stoppedMs, ...setBack })
    this.#wallAheadMs = nowMs - claimedAt
    this.#rate?.take(claimed.deliveries.length)
    for (const delivery of claimed.deliveries) this.#start(delivery, claimedAt + this.#leaseMs)
    if (claimed.deliveries.length === limit) return this.#room().waitMs
    const nextMs = claimed.nextDueAtMs === undefined ? idlePollMs : claimed.nextDueAtMs - clock.now()
    return Math.min(Math.max(nextMs, 1), idlePollMs)
  }

  #retryOf(route: Pick<Route, 'retry' | 'retryTo'>): RetryPolicy {
    return retryOf(route, { system: this.#channel.system, change: this.#channel.retry })
  }

  #start(delivery: ClaimedDelivery, leaseEndsAt: number): void {
    this.#atPartner.add(delivery.deliveryId)
    const run = this.#work(delivery, leaseEndsAt).catch((error) => this.#recover(delivery, error))
    this.#running.add(run)
    void run.finally(() => {
      this.#running.delete(run)
      this.#atPartner.delete(delivery.deliveryId)
      this.wake()
    })
  }

  async #work(claimed: ClaimedDelivery, leaseEndsAt: number): Promise<void> {
    const { store, clock, routes, random, tap } = this.#ports
    const known: Pick<Route, 'retry' | 'retryTo' | 'onDead'> = routes.get(claimed.route) ?? unknownRoute
    const route = { onDead: known.onDead, retry: this.#retryOf(known) }
    const startedAtMs = clock.now()
    const outcome = await attemptDelivery(claimed, {
      adapter: this.#channel.adapter,
      store,
      clock,
      deadlineMs: durationMs(route.retry.deadline),
      leaseEndsAt,
      shutdown: this.#shutdown.signal,
    })
    await this.#gate.learn(claimed.message.subject, outcome).catch((error) => tap.failed({ where: 'channel', error }))
    const { stoppedMs } = this.#gate
    const question = { claimed, route, startedAtMs, nowMs: clock.now(), stoppedMs, random: random() }
    const decide = (final: Outcome) => decideSettlement({ ...question, outcome: final })
    const settling = this.#settle(claimed, await this.#prepareReplies(claimed, outcome, decide))
    // Asked for in this order, so that the write that settles can also claim the successor.
    this.#atPartner.delete(claimed.deliveryId)
    this.wake()
    await settling
  }

  /** A mistake of our own between claim and settlement: nothing may stay leased for ever because of it. */
  async #recover(claimed: ClaimedDelivery, error: unknown): Promise<void> {
    const { clock, tap } = this.#ports
    tap.failed({ where: 'delivery', error })
    const nowMs = clock.now()
    const code = { code: 'internal-error', cause: 'http' } as const
    const attempt = {
      number: claimed.attemptNumber,
      startedAtMs: nowMs,
      endedAtMs: nowMs,
      outcome: 'ambiguous',
      ...code,
    } as const
    const next = { state: 'waiting', dueAtMs: nowMs + ownMistakeMs, reason: code, doubtSinceMs: nowMs } as const
    await this.#settle(claimed, { answer: { attempt, next }, drafts: [], replies: [] })
  }

  /** The partner's replies and the notice to the sender, ready for the settling write. */
  async #prepareReplies(
    claimed: ClaimedDelivery,
    outcome: Outcome,
    decide: (outcome: Outcome) => SettlementAnswer,
  ): Promise<PreparedSettlement> {
    const drafts = outcome.kind === 'delivered' ? (outcome.delivered.replies ?? []) : []
    try {
      return await this.#withNotice(claimed, decide(outcome), drafts)
    } catch (thrown) {
      // A reply we can't accept must not vanish behind a "delivered": a person sees it.
      const error = asGatewayError(thrown)
      const unacceptable = new GatewayError(error.code, {
        ...error.options,
        failure: 'permanent',
        failureCause: 'contract',
      })
      return this.#withNotice(claimed, decide({ kind: 'failed', error: unacceptable, hasDoubtBefore: true }), [])
    }
  }

  /** The notice to the sender is ours: should it fail, the delivery's outcome stands. */
  async #withNotice(
    claimed: ClaimedDelivery,
    answer: SettlementAnswer,
    drafts: readonly Draft[],
  ): Promise<PreparedSettlement> {
    const { prepare, isTold, tap } = this.#ports
    const { message } = claimed
    const isUntold = message.type === noticeType || isShadow(claimed.system)
    if (isUntold || !isTold(message.source, answer.next.state)) {
      return { answer, drafts, replies: await prepare(drafts) }
    }
    const all = [...drafts, outcomeNotice(claimed, answer)]
    try {
      return { answer, drafts: all, replies: await prepare(all) }
    } catch (error) {
      tap.failed({ where: 'notice', error })
      return { answer, drafts, replies: await prepare(drafts) }
    }
  }

  /** Insists until the store takes it or the lease has passed on: what happened must not be forgotten. */
  async #settle(claimed: ClaimedDelivery, { answer, drafts, replies: prepared }: PreparedSettlement): Promise<void> {
    const { store, clock, tap, wake, prepare } = this.#ports
    const { deliveryId, lease } = claimed
    for (let replies = prepared; ; ) {
      try {
        const settled = await store.settle({ deliveryId, lease, ...answer, replies })
        if (settled.kind === 'settled') {
          if (settled.hasSuccessor) this.wake()
          if (replies.length > 0) wake(replies.flatMap((reply) => reply.deliveries.map(({ system }) => system)))
        }
        this.#report(claimed, answer, settled.kind === 'fenced' ? 'fenced' : answer.next.state)
        return
      } catch (error) {
        const hasMovedOn = asGatewayError(error).code === 'process-changed'
        if (hasMovedOn) replies = await prepare(drafts).catch(() => replies)
        else tap.failed({ where: 'settle', error })
        // Stopping with a store that can't be written: the lease tells a successor that the outcome is unknown.
        if (this.#shutdown.signal.aborted) return
        await new Promise<void>((resolve) => clock.after(storeRetryMs, resolve))
      }
    }
  }

  #report(claimed: ClaimedDelivery, { attempt }: SettlementAnswer, state: string): void {
    this.#ports.tap.attempted({
      messageId: claimed.message.id,
      deliveryId: claimed.deliveryId,
      type: claimed.message.type,
      system: claimed.system,
      route: claimed.route,
      attempt: attempt.number,
      outcome: attempt.outcome,
      state,
      ...(attempt.code === undefined ? {} : { code: attempt.code }),
      durationMs: attempt.endedAtMs - attempt.startedAtMs,
      ageMs: attempt.endedAtMs - claimed.createdAtMs,
    })
  }

  /** Claims nothing more, lets attempts finish for `graceMs`, then aborts them; their outcome is settled all the same. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true
    this.#cancelTimer?.()
    const cancel = this.#ports.clock.after(graceMs, () => this.#shutdown.abort())
    await this.#claiming // what it is claiming at this moment is to be tried, too
    await Promise.allSettled([...this.#running])
    cancel()
  }
}

/** Smaller corrections of the wall clock are everyday, and only delay by as much. */
const leastSetBackMs = 1_000

function setBackSince(beforeMs: number | undefined, aheadMs: number): { readonly setBackMs?: number } {
  const setBackMs = Math.ceil((beforeMs ?? aheadMs) - aheadMs)
  return setBackMs > leastSetBackMs ? { setBackMs } : {}
}
