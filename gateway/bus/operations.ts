import { randomUUID } from 'node:crypto'
import type { ChannelAdapter } from './adapter.ts'
import { canonicalJson, digestOf } from './canonical-json.ts'
import type { ChannelCondition } from './channel.ts'
import type { Clock } from './clock.ts'
import type { DeliveryState, Reason } from './delivery-state.ts'
import type { Dispatcher } from './dispatcher.ts'
import { asGatewayError, errorTable, GatewayError } from './errors.ts'
import type { WireTap } from './gateway.ts'
import type {
  Act,
  Bulk,
  DeliveryFilter,
  Intervened,
  Intervention,
  InterventionKind,
  SelectionCount,
} from './intervention.ts'
import type { Draft, Message } from './message.ts'
import { deliveryNotice, noticeType } from './notice.ts'
import type { ProcessInstance } from './process.ts'
import type { ProcessRunner } from './process-runner.ts'
import { RateLimit } from './rate-limit.ts'
import { isShadow, ShadowComparison, type ShadowDifference, shadowOf } from './shadow.ts'
import type { Acceptance, Store } from './store.ts'

/** One act on one delivery, as a person asks for it. */
export type AskedIntervention = Pick<Intervention, 'kind' | 'deliveryId' | 'actor' | 'note'> &
  Partial<Pick<Intervention, 'revision' | 'isOverride'>>

/** The same act on all that match, a few a second. */
export interface AskedBulk extends Act {
  readonly kind: InterventionKind
  readonly filter: DeliveryFilter
  readonly perSecond: number
  readonly isOverride?: boolean
}

/**
 * What people do with deliveries and channels; each act leaves a record with its reason. Everything throws GatewayError:
 * `reason-missing`, `not-found`, `state-impossible`, `changed-meanwhile`, `overtaken`, `selection-empty`, `bytes-gone`.
 */
export interface Operations {
  intervene(asked: AskedIntervention): Promise<Extract<Intervened, { kind: 'done' }>>
  /** A new message of the original bytes; it takes the old one's place in the lanes (design, "Two kinds of replay"). */
  reread(messageId: string, act: Act): Promise<{ readonly messageId: string }>
  count(kind: InterventionKind, filter: DeliveryFilter): Promise<SelectionCount>
  startBulk(asked: AskedBulk): Promise<{ readonly id: string; readonly total: number }>
  changeBulk(id: string, state: 'running' | 'paused' | 'cancelled', act: Act): Promise<void>
  bulks(): Promise<readonly Bulk[]>
  pause(system: string, act: Act): Promise<ChannelCondition>
  resume(system: string, act: Act): Promise<ChannelCondition>
  channels(): readonly ChannelCondition[]
  /** What the shadow of a system would have sent beside what `live` was sent, of the messages accepted in a window. */
  compareShadow(
    system: string,
    beside: { readonly live: string; readonly afterMs: number; readonly beforeMs: number },
  ): Promise<ShadowDifference>
  /** Ends what an exchange waits for. */
  releaseProcess(process: string, instance: string, act: Act): Promise<ProcessInstance['status']>
  /** Keeps everything of a dossier whatever its age, or ends that. */
  setLegalHold(codeOrAlias: string, hold: Act & { readonly isHeld: boolean }): Promise<void>
}

export interface OperationsPorts {
  readonly store: Store
  readonly clock: Clock
  readonly tap: WireTap
  readonly dispatchers: ReadonlyMap<string, Dispatcher>
  /** By system: who can read its original bytes again. */
  readonly adapters: ReadonlyMap<string, Pick<ChannelAdapter, 'reread'>>
  readonly prepare: (drafts: readonly Draft[]) => Promise<readonly Acceptance[]>
  readonly wake: (systems: Iterable<string>) => void
  /** Whether `system` wants to be told when one of its messages comes to this state. */
  readonly isTold: (system: string, state: DeliveryState) => boolean
  readonly processes: Pick<ProcessRunner, 'release'>
}

const stepMs = 200
const pairsAtOnce = 500
const storeRetryMs = 500
const heldByPerson: Reason = { code: 'held-by-person', cause: errorTable['held-by-person'].cause }

/** Owns the timer of the bulks under way. */
export class Operator implements Operations {
  readonly #ports: OperationsPorts
  #cancelStep: (() => void) | undefined
  #isStopped = false
  #step: Promise<void> | undefined
  readonly #telling = new Set<Promise<void>>()
  /** How far each bulk under way is within its rate. */
  readonly #rates = new Map<string, RateLimit>()
  /** Systems whose channel somebody is changing right now. */
  readonly #changing = new Set<string>()

  constructor(ports: OperationsPorts) {
    this.#ports = ports
  }

  async intervene(asked: AskedIntervention): Promise<Extract<Intervened, { kind: 'done' }>> {
    const { store, clock, wake } = this.#ports
    checkNote(asked.note)
    const result = await store.intervene({ ...asked, nowMs: clock.now() })
    if (result.kind !== 'done') throw refusalOf(result)
    wake([result.system])
    this.#startTelling(asked.deliveryId, result)
    return result
  }

  /** A write of its own: the act stands even while the store can't take the notice. */
  #startTelling(deliveryId: string, done: Extract<Intervened, { kind: 'done' }>): void {
    if (isShadow(done.system)) return
    const telling = this.#tell(deliveryId, done).finally(() => this.#telling.delete(telling))
    this.#telling.add(telling)
  }

  /** Insists until the notice is stored or the gateway stops: a sender that counts on being told must not be forgotten. */
  async #tell(deliveryId: string, done: Extract<Intervened, { kind: 'done' }>): Promise<void> {
    const { store, clock, tap } = this.#ports
    for (;;) {
      try {
        const messageId = (await store.delivery(deliveryId))?.messageId
        const view = messageId === undefined ? undefined : await store.message(messageId)
        if (view) await this.#accept(this.#noticesOf(view.message, deliveryId, done))
        return
      } catch (thrown) {
        tap.failed({ where: 'notice', error: thrown })
        if (this.#isStopped || asGatewayError(thrown).failure !== 'transient') return
        await new Promise<void>((resolve) => clock.after(storeRetryMs, resolve))
      }
    }
  }

  #noticesOf(
    message: Message,
    deliveryId: string,
    { system, state, revision }: Extract<Intervened, { kind: 'done' }>,
  ): readonly Draft[] {
    if (message.type === noticeType || !this.#ports.isTold(message.source, state)) return []
    const change = `by-person:${revision}`
    const reason = state === 'held' ? heldByPerson : undefined
    return [deliveryNotice({ message, deliveryId, system, state, reason, atMs: this.#ports.clock.now(), change })]
  }

  async #accept(drafts: readonly Draft[]): Promise<void> {
    if (drafts.length === 0) return
    const { store, prepare, wake } = this.#ports
    const acceptances = await prepare(drafts)
    await store.accept(acceptances)
    wake(acceptances.flatMap(({ deliveries }) => deliveries.map(({ system }) => system)))
  }

  async reread(messageId: string, { actor, note }: Act): Promise<{ readonly messageId: string }> {
    checkNote(note)
    const { store, adapters, prepare, wake } = this.#ports
    const view = await store.message(messageId)
    if (!view) throw new GatewayError('not-found')
    const original = await store.original(messageId)
    const { message } = view
    const adapter = adapters.get(message.source)
    if (!original || !adapter?.reread) throw new GatewayError('bytes-gone')
    if (view.deliveries.some(({ state }) => state === 'leased')) throw new GatewayError('state-impossible')
    const read = await adapter.reread(original, message)
    const bodyDigest = digestOf(canonicalJson(read.body))
    if (bodyDigest === message.bodyDigest) throw new GatewayError('reading-unchanged')
    const [acceptance] = await prepare([
      {
        ...read,
        original,
        correlationId: message.correlationId,
        causationId: messageId,
        // The digest of what is read stands for the version of the mapping: the same reading is the same message.
        idempotency: { kind: 'key', key: `reread:${messageId}:${bodyDigest}` },
      },
    ])
    if (!acceptance) throw new GatewayError('internal-error')
    const [accepted] = await store.accept([{ ...acceptance, supersedes: messageId, by: { actor, note } }])
    wake(acceptance.deliveries.map(({ system }) => system))
    return { messageId: accepted?.messageId ?? acceptance.message.id }
  }

  count(kind: InterventionKind, filter: DeliveryFilter): Promise<SelectionCount> {
    return this.#ports.store.countSelection(kind, filter)
  }

  async startBulk({ kind, filter, actor, note, perSecond, isOverride = false }: AskedBulk) {
    checkNote(note)
    const id = randomUUID()
    const { store, clock } = this.#ports
    const createdAtMs = clock.now()
    const total = await store.createBulk({ id, kind, filter, actor, note, perSecond, isOverride, createdAtMs })
    if (total === 0) throw new GatewayError('selection-empty')
    this.#schedule()
    return { id, total }
  }

  async changeBulk(id: string, state: 'running' | 'paused' | 'cancelled', { actor, note }: Act): Promise<void> {
    checkNote(note)
    const isChanged = await this.#ports.store.setBulkState({ id, state, actor, note, nowMs: this.#ports.clock.now() })
    if (!isChanged) throw new GatewayError('state-impossible')
    this.#schedule()
  }

  bulks(): Promise<readonly Bulk[]> {
    return this.#ports.store.bulks()
  }

  pause(system: string, act: Act): Promise<ChannelCondition> {
    return this.#changeChannel(system, act, async (dispatcher) => {
      if (dispatcher.condition.state === 'paused')
        throw new GatewayError('state-impossible', { detail: 'It is paused.' })
      await dispatcher.pause(act.actor, act.note)
    })
  }

  resume(system: string, act: Act): Promise<ChannelCondition> {
    return this.#changeChannel(system, act, async (dispatcher) => {
      const { state, trips } = dispatcher.condition
      if (state === 'flowing' && trips === 0) throw new GatewayError('state-impossible', { detail: 'It is flowing.' })
      await dispatcher.resume(act.actor, act.note)
    })
  }

  /** One change at a time: of two people at once the second is told. */
  async #changeChannel(
    system: string,
    { note }: Act,
    change: (dispatcher: Dispatcher) => Promise<void>,
  ): Promise<ChannelCondition> {
    checkNote(note)
    const dispatcher = this.#dispatcherOf(system)
    if (this.#changing.has(system)) throw new GatewayError('changed-meanwhile')
    this.#changing.add(system)
    try {
      await change(dispatcher)
      return dispatcher.condition
    } finally {
      this.#changing.delete(system)
    }
  }

  channels(): readonly ChannelCondition[] {
    return [...this.#ports.dispatchers.values()].map(({ condition }) => condition)
  }

  async compareShadow(
    system: string,
    { live, afterMs, beforeMs }: { readonly live: string; readonly afterMs: number; readonly beforeMs: number },
  ): Promise<ShadowDifference> {
    const comparison = new ShadowComparison()
    for (let afterSequence = 0; ; ) {
      const question = { system: live, shadow: shadowOf(system), afterMs, beforeMs, afterSequence, limit: pairsAtOnce }
      const pairs = await this.#ports.store.sentPairs(question)
      for (const pair of pairs) comparison.add(pair)
      const last = pairs.at(-1)
      if (!last || pairs.length < pairsAtOnce) return comparison.difference
      afterSequence = last.sequence
    }
  }

  async releaseProcess(process: string, instance: string, act: Act): Promise<ProcessInstance['status']> {
    checkNote(act.note)
    return this.#ports.processes.release(process, instance, act)
  }

  async setLegalHold(codeOrAlias: string, { isHeld, actor, note }: Act & { readonly isHeld: boolean }): Promise<void> {
    checkNote(note)
    const { store, clock } = this.#ports
    const isKnown = await store.setLegalHold({ codeOrAlias, isHeld, actor, note, nowMs: clock.now() })
    if (!isKnown) throw new GatewayError('not-found')
  }

  #dispatcherOf(system: string): Dispatcher {
    const dispatcher = this.#ports.dispatchers.get(system)
    if (!dispatcher) throw new GatewayError('not-found', { detail: 'There is no such channel.' })
    return dispatcher
  }

  /** Goes on with what was under way when the gateway stopped. */
  start(): void {
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelStep?.()
    await this.#step
    await Promise.all(this.#telling)
  }

  #schedule(): void {
    if (this.#isStopped || this.#cancelStep) return
    this.#cancelStep = this.#ports.clock.after(stepMs, () => {
      this.#cancelStep = undefined
      this.#step = this.#stepAll()
    })
  }

  async #stepAll(): Promise<void> {
    try {
      const running = (await this.bulks()).filter(({ state }) => state === 'running')
      for (const bulk of running) await this.#stepOne(bulk)
      if (running.length > 0) this.#schedule()
    } catch (error) {
      this.#ports.tap.failed({ where: 'bulk', error })
      this.#schedule()
    }
  }

  async #stepOne(bulk: Bulk): Promise<void> {
    const { store, clock } = this.#ports
    const { id, actor, note } = bulk
    const rate = this.#rateOf(bulk)
    const limit = rate.available(clock.monotonic())
    if (limit < 1) return
    const items = await store.bulkItems(id, limit)
    rate.take(items.length)
    if (items.length === 0) {
      this.#rates.delete(id)
      await store.setBulkState({ id, state: 'finished', actor, note, nowMs: clock.now() })
      return
    }
    await Promise.all(items.map((deliveryId) => this.#interveneInBulk(deliveryId, bulk)))
  }

  #rateOf({ id, perSecond }: Bulk): RateLimit {
    const known = this.#rates.get(id)
    if (known) return known
    const burst = Math.max(1, Math.ceil((perSecond * stepMs) / 1_000))
    const rate = new RateLimit({ perSecond, burst }, this.#ports.clock.monotonic())
    this.#rates.set(id, rate)
    return rate
  }

  async #interveneInBulk(deliveryId: string, { id, kind, actor, note, isOverride }: Bulk): Promise<void> {
    const { store, clock, wake } = this.#ports
    if (kind !== 'reread') {
      const result = await store.intervene({
        kind,
        deliveryId,
        actor,
        note,
        isOverride,
        bulkId: id,
        nowMs: clock.now(),
      })
      if (result.kind === 'done') {
        wake([result.system])
        this.#startTelling(deliveryId, result)
      }
      return
    }
    const messageId = (await store.delivery(deliveryId))?.messageId
    const outcome = await this.reread(messageId ?? '', { actor, note }).then(
      () => 'done',
      (error: unknown) => (error instanceof GatewayError ? error.code : 'internal-error'),
    )
    await store.settleBulkItem(id, deliveryId, outcome)
  }
}

function checkNote(note: string): void {
  if (note.trim() === '') throw new GatewayError('reason-missing', { field: '/reason', rule: 'required' })
}

function refusalOf(result: Exclude<Intervened, { kind: 'done' }>): GatewayError {
  if (result.kind === 'unknown') return new GatewayError('not-found')
  const codes = { impossible: 'state-impossible', changed: 'changed-meanwhile', overtaken: 'overtaken' } as const
  return new GatewayError(codes[result.why], { detail: `It is ${result.state}.` })
}
