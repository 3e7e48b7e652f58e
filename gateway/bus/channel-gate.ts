import type { ChannelAdapter } from './adapter.ts'
import {
  type BreakerPolicy,
  broken,
  type ChannelCondition,
  FailureWatch,
  flowingAgain,
  flowingChannel,
  pausedBy,
  stoppedMsAt,
} from './channel.ts'
import type { Clock } from './clock.ts'
import type { Outcome } from './delivery.ts'
import { asGatewayError, type ErrorCode, type GatewayError } from './errors.ts'
import type { WireTap } from './gateway.ts'
import { reasonOf } from './settlement.ts'
import type { Store } from './store.ts'

export interface ChannelGatePorts {
  readonly system: string
  readonly adapter: Pick<ChannelAdapter, 'probe'>
  readonly breaker: BreakerPolicy
  readonly store: Pick<Store, 'setChannel'>
  readonly clock: Clock
  readonly tap: WireTap
}

const probeDeadlineMs = 20_000

/**
 * Whether deliveries of one channel may flow: broken by what attempts teach, mended by probing, paused and resumed by people.
 * Changes happen one after another, each from what the last one left, and each is stored before it counts.
 */
export class ChannelGate {
  readonly #ports: ChannelGatePorts
  readonly #watch: FailureWatch
  #condition: ChannelCondition
  /** When it is probed next, on the monotonic clock: the wall clock may be set while it rests. */
  #probeAt = 0
  #lastChange: Promise<unknown> = Promise.resolve()

  constructor(ports: ChannelGatePorts) {
    this.#ports = ports
    this.#watch = new FailureWatch(ports.breaker.lanes)
    this.#condition = flowingChannel(ports.system, ports.clock.now())
  }

  /** Goes on as the channel stood when the gateway stopped. */
  start(stored: ChannelCondition | undefined): void {
    if (stored) this.#stand(stored)
    const { system, state } = this.#condition
    this.#ports.tap.channel({ system, state })
  }

  #stand(condition: ChannelCondition): void {
    const { clock } = this.#ports
    this.#condition = condition
    this.#probeAt = clock.monotonic() + (condition.probeAtMs ?? 0) - clock.now()
  }

  get condition(): ChannelCondition {
    return this.#condition
  }

  /** It came back and has not delivered since: it carries one delivery at a time until one has worked. */
  get isOnTrial(): boolean {
    return this.#condition.trips > 0
  }

  /** How long the channel has stood still in all, up to now. */
  get stoppedMs(): number {
    return stoppedMsAt(this.#condition, this.#ports.clock.now())
  }

  /** Attempts under way finish. */
  async pause(actor: string, note: string): Promise<void> {
    await this.#change((now) => pausedBy(actor, now, this.#ports.clock.now()), note)
  }

  /** Flows again, whatever stopped it. */
  async resume(actor: string, note: string): Promise<void> {
    await this.#change((now) => ({ ...flowingAgain(now, this.#ports.clock.now()), trips: 0, actor }), note)
  }

  /** Asks the partner, when it is time, whether it is back. Answers how long to wait before looking again. */
  async probe(shutdown: AbortSignal): Promise<number> {
    const { adapter, clock } = this.#ports
    const waitMs = this.#probeAt - clock.monotonic()
    if (waitMs > 0) return waitMs
    const deadline = new AbortController()
    const cancel = clock.after(probeDeadlineMs, () => deadline.abort())
    try {
      await adapter.probe(AbortSignal.any([deadline.signal, shutdown]))
      await this.#change((now) => (now.state === 'broken' ? flowingAgain(now, clock.now()) : now))
    } catch (thrown) {
      await this.#break(asGatewayError(thrown), 'broken')
    } finally {
      cancel()
    }
    return 1
  }

  /** What an attempt says about the channel, and not only about its own dossier. */
  async learn(subject: string, outcome: Outcome): Promise<void> {
    const error = outcome.kind === 'failed' || outcome.kind === 'lookup-failed' ? outcome.error : undefined
    const isOurs = error !== undefined && beforeAsking.has(error.code)
    const wasNotAsked = error?.failure === 'permanent' && error.failureCause !== 'business'
    if (isOurs || wasNotAsked) return
    if (error === undefined || error.failure === 'permanent') {
      this.#watch.succeeded()
      if (this.isOnTrial) await this.#change((now) => (now.state === 'flowing' ? { ...now, trips: 0 } : now))
    } else if (error.failure === 'channel' || this.#watch.failed(subject, this.isOnTrial)) {
      await this.#break(error, 'flowing')
    }
  }

  /** Only from `state`: what a person decided meanwhile stands, and one outage is not counted by every attempt it ends. */
  async #break(error: GatewayError, state: ChannelCondition['state']): Promise<void> {
    const { clock, breaker: policy } = this.#ports
    const { retryAfterMs } = error.options
    const reason = reasonOf(error)
    await this.#change((now) =>
      now.state === state ? broken(now, { nowMs: clock.now(), reason, policy, retryAfterMs }) : now,
    )
  }

  #change(next: (now: ChannelCondition) => ChannelCondition, note?: string): Promise<void> {
    const change = this.#lastChange.then(async () => {
      const condition = next(this.#condition)
      if (condition === this.#condition) return
      const { store, clock, tap } = this.#ports
      await store.setChannel(condition, clock.now(), note)
      this.#stand(condition)
      const code = condition.reason === undefined ? {} : { code: condition.reason.code }
      tap.channel({ system: condition.system, state: condition.state, ...code })
    })
    this.#lastChange = change.catch(() => {}) // the caller is told; the next change goes on from what is stored
    return change
  }
}

/** What ends an attempt before the system is asked, and says nothing about it: a file's source is another's channel. */
const beforeAsking: ReadonlySet<ErrorCode> = new Set([
  'lease-lost',
  'internal-error',
  'file-unavailable',
  'file-not-scanned',
  'store-unavailable',
])
