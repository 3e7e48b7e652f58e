import type { ChannelAdapter } from './adapter.ts'
import {
  type BreakerPolicy,
  broken,
  type ChannelCondition,
  defaultBreaker,
  FailureWatch,
  flowingAgain,
  flowingChannel,
  pausedBy,
  stoppedMsAt,
} from './channel.ts'
import type { Clock } from './clock.ts'
import { attemptDelivery, type Outcome } from './delivery.ts'
import type { DeliveryState } from './delivery-state.ts'
import { asGatewayError, type GatewayError } from './errors.ts'
import type { WireTap } from './gateway.ts'
import type { Draft } from './message.ts'
import { type Rate, RateLimit } from './rate-limit.ts'
import { retryOf } from './retry.ts'
import { durationMs, patientRetry, type RetryChange, type RetryPolicy, type Route } from './route.ts'
import { decideSettlement, outcomeNotice, reasonOf, type SettlementAnswer } from './settlement.ts'
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
const probeDeadlineMs = 20_000

/** For deliveries whose route is gone, and for notices, which need none. */
const unknownRoute = { retry: patientRetry, onDead: 'hold-lane' } as const

/** Lookup and send have a deadline each; the rest of the lease is for claiming, queueing and settling. */
const leaseMs = (deadlineMs: number) => 2 * deadlineMs + 15_000

/**
 * Works one channel (`start` first): claims the heads of its lanes under a lease, in the order they fall due, never more than its own
 * concurrency at once, and settles each attempt. Shares no slot or timer with another channel. Owns its timer.
 */
export class Dispatcher {
  readonly #channel: ChannelSettings
  readonly #ports: DispatcherPorts
  readonly #shutdown = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #watch: FailureWatch
  readonly #rate: RateLimit | undefined
  #condition: ChannelCondition
  #isClaiming = false
  #isAskedAgain = false
  #isStopped = false
  #cancelTimer: (() => void) | undefined

  constructor(channel: ChannelSettings, ports: DispatcherPorts) {
    this.#channel = channel
    this.#ports = ports
    this.#watch = new FailureWatch(this.#breaker.lanes)
    this.#rate = channel.rate && new RateLimit(channel.rate, ports.clock.monotonic())
    this.#condition = flowingChannel(channel.system, ports.clock.now())
  }

  /** Goes on as the channel stood when the gateway stopped. */
  start(stored: ChannelCondition | undefined): void {
    if (stored) this.#condition = stored
    const { system, state } = this.#condition
    this.#ports.tap.channel({ system, state })
    this.wake()
  }

  get condition(): ChannelCondition {
    return this.#condition
  }

  get #breaker(): BreakerPolicy {
    return this.#channel.breaker ?? defaultBreaker
  }

  /** A person stops the channel; attempts under way finish. */
  async pause(actor: string, note: string): Promise<void> {
    await this.#become(pausedBy(actor, this.#condition, this.#ports.clock.now()), note)
  }

  /** A person lets the channel flow again, whatever stopped it. */
  async resume(actor: string, note: string): Promise<void> {
    const { clock } = this.#ports
    await this.#become({ ...flowingAgain(this.#condition, clock.now()), trips: 0, actor }, note)
    this.wake()
  }

  async #become(condition: ChannelCondition, note?: string): Promise<void> {
    const { store, clock, tap } = this.#ports
    await store.setChannel(condition, clock.now(), note)
    this.#condition = condition
    const code = condition.reason === undefined ? {} : { code: condition.reason.code }
    tap.channel({ system: condition.system, state: condition.state, ...code })
  }

  /** There may be something to do. Cheap to call often. */
  wake(): void {
    if (this.#isStopped) return
    if (this.#isClaiming) this.#isAskedAgain = true
    else void this.#claim()
  }

  async #claim(): Promise<void> {
    this.#isClaiming = true
    do {
      this.#isAskedAgain = false
      this.#cancelTimer?.()
      this.#cancelTimer = undefined
      const delayMs = await this.#claimOnce()
      if (delayMs !== undefined && !this.#isStopped) {
        this.#cancelTimer = this.#ports.clock.after(delayMs, () => this.wake())
      }
    } while (this.#isAskedAgain && !this.#isStopped)
    this.#isClaiming = false
  }

  /** Answers when to look again; `undefined` when a slot has to fall free or a person has to act first. */
  async #claimOnce(): Promise<number | undefined> {
    try {
      if (this.#condition.state === 'paused') return undefined
      if (this.#condition.state === 'broken') return await this.#probe()
      const room = this.#room()
      return room.limit > 0 ? await this.#claimUpTo(room.limit) : room.waitMs
    } catch (error) {
      this.#ports.tap.failed({ where: 'claim', error })
      return storeRetryMs
    }
  }

  /** How many may be claimed now. A channel that just came back carries one until that one has worked. */
  #room(): { readonly limit: number; readonly waitMs?: number } {
    const slots = (this.#condition.trips > 0 ? 1 : this.#channel.concurrency) - this.#running.size
    if (!this.#rate || slots <= 0) return { limit: slots }
    const limit = Math.min(slots, this.#rate.available(this.#ports.clock.monotonic()))
    return limit > 0 ? { limit } : { limit, waitMs: this.#rate.waitMs(1) }
  }

  async #claimUpTo(limit: number): Promise<number | undefined> {
    const { store, clock, owner } = this.#ports
    const [claimedAt, nowMs] = [clock.monotonic(), clock.now()]
    const lease = leaseMs(this.#longestDeadlineMs())
    const stoppedMs = stoppedMsAt(this.#condition, nowMs)
    const { system } = this.#channel
    const claimed = await store.claim({ system, limit, owner, nowMs, leaseMs: lease, stoppedMs })
    this.#rate?.take(claimed.deliveries.length)
    for (const delivery of claimed.deliveries) this.#start(delivery, claimedAt + lease)
    if (claimed.deliveries.length === limit) return this.#room().waitMs
    const nextMs = claimed.nextDueAtMs === undefined ? idlePollMs : claimed.nextDueAtMs - clock.now()
    return Math.min(Math.max(nextMs, 1), idlePollMs)
  }

  /** A broken channel carries nothing; the partner is asked from time to time whether it is back. */
  async #probe(): Promise<number> {
    const { clock } = this.#ports
    const waitMs = (this.#condition.probeAtMs ?? 0) - clock.now()
    if (waitMs > 0) return Math.min(waitMs, idlePollMs)
    const deadline = new AbortController()
    const cancel = clock.after(probeDeadlineMs, () => deadline.abort())
    try {
      await this.#channel.adapter.probe(AbortSignal.any([deadline.signal, this.#shutdown.signal]))
      await this.#become(flowingAgain(this.#condition, clock.now()))
    } catch (thrown) {
      await this.#break(asGatewayError(thrown))
    } finally {
      cancel()
    }
    return 1
  }

  async #break(error: GatewayError): Promise<void> {
    const facts = { nowMs: this.#ports.clock.now(), reason: reasonOf(error), policy: this.#breaker }
    await this.#become(broken(this.#condition, { ...facts, retryAfterMs: error.options.retryAfterMs }))
  }

  /** What an attempt says about the channel, and not only about its own dossier. */
  async #learn(subject: string, outcome: Outcome): Promise<void> {
    if (this.#condition.state !== 'flowing') return
    const error = outcome.kind === 'failed' || outcome.kind === 'lookup-failed' ? outcome.error : undefined
    if (error?.failure === 'permanent' && error.failureCause !== 'business') return // nothing was asked of the partner
    if (error === undefined || error.failure === 'permanent') {
      this.#watch.succeeded()
      if (this.#condition.trips > 0) await this.#become({ ...this.#condition, trips: 0 })
    } else if (error.code === 'lease-lost' || error.code === 'internal-error') {
      return // ours
    } else if (error.failure === 'channel' || this.#watch.failed(subject, this.#condition.trips > 0)) {
      await this.#break(error)
    }
  }

  #longestDeadlineMs(): number {
    const routes = [...this.#ports.routes.values(), unknownRoute]
    return Math.max(...routes.map((route) => durationMs(this.#retryOf(route).deadline)))
  }

  #retryOf(route: Pick<Route, 'retry' | 'retryTo'>): RetryPolicy {
    return retryOf(route, { system: this.#channel.system, change: this.#channel.retry })
  }

  #start(delivery: ClaimedDelivery, leaseEndsAt: number): void {
    const run = this.#work(delivery, leaseEndsAt).catch((error) => this.#ports.tap.failed({ where: 'delivery', error }))
    this.#running.add(run)
    void run.finally(() => {
      this.#running.delete(run)
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
    await this.#learn(claimed.message.subject, outcome).catch((error) => tap.failed({ where: 'channel', error }))
    const nowMs = clock.now()
    const stoppedMs = stoppedMsAt(this.#condition, nowMs)
    const question = { claimed, route, startedAtMs, nowMs, stoppedMs, random: random() }
    const decide = (final: Outcome) => decideSettlement({ ...question, outcome: final })
    await this.#settle(claimed, await this.#prepareReplies(claimed, outcome, decide))
  }

  /** The partner's replies and the notice to the sender, ready for the settling write. */
  async #prepareReplies(
    claimed: ClaimedDelivery,
    outcome: Outcome,
    decide: (outcome: Outcome) => SettlementAnswer,
  ): Promise<PreparedSettlement> {
    const { prepare, isTold } = this.#ports
    const answer = decide(outcome)
    const { message } = claimed
    const isUntold = message.type === 'delivery.reported.v1' || isShadow(claimed.system)
    const notices = !isUntold && isTold(message.source, answer.next.state) ? [outcomeNotice(claimed, answer)] : []
    const drafts = [...(outcome.kind === 'delivered' ? (outcome.delivered.replies ?? []) : []), ...notices]
    try {
      return { answer, drafts, replies: await prepare(drafts) }
    } catch (thrown) {
      // A reply we can't accept must not vanish behind a "delivered": a person sees it.
      const error = asGatewayError(thrown)
      return { answer: decide({ kind: 'failed', error, hasDoubtBefore: true }), drafts: [], replies: [] }
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
    await Promise.allSettled([...this.#running])
    cancel()
  }
}
