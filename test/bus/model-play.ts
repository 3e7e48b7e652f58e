import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import type { ChannelAdapter } from '../../gateway/bus/adapter.ts'
import { canonicalJson, digestOf } from '../../gateway/bus/canonical-json.ts'
import { attemptDelivery } from '../../gateway/bus/delivery.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { verifyChain } from '../../gateway/bus/journal.ts'
import { newMessageId } from '../../gateway/bus/message.ts'
import type { ProcessChange } from '../../gateway/bus/process.ts'
import type { Route } from '../../gateway/bus/route.ts'
import { decideSettlement } from '../../gateway/bus/settlement.ts'
import type { Acceptance, ClaimedDelivery, DeliveryView } from '../../gateway/bus/store.ts'
import { SqliteReader } from '../../gateway/store/sqlite-reader.ts'
import { ReadTooEarly, SqliteWriter, type WriteOperations } from '../../gateway/store/sqlite-writer.ts'
import type { Action, DraftSeed } from './model-actions.ts'
import { busyMs, laterMs } from './model-fate.ts'
import { ModelLedger, MovedOn, possibleFrom } from './model-ledger.ts'
import type { Delivery, Found, Policy, Said, Sent } from './model-words.ts'

/** What is held against the model: the store's writes, each in its own transaction, and the decision after an attempt. */
export interface Subject {
  readonly store: Pick<
    WriteOperations,
    'accept' | 'advance' | 'claim' | 'settle' | 'intervene' | 'releaseWaiting' | 'recover'
  >
  readonly decide: typeof decideSettlement
}

/** A mistake put in on purpose; `sql` reaches behind the store. */
export interface Fault {
  readonly name: string
  readonly plant: (subject: Subject, sql: DatabaseSync) => Subject
}

const systems = ['national-portal', 'land'] as const
const sources = ['one-window', 'public-portal'] as const
const leaseMs = 75_000
const doubtfulSql = 'SELECT id FROM deliveries WHERE doubt_since_ms IS NOT NULL'
const startMs = 1_764_000_000_000

/** The same promises twice: as routes say them, and as the model counts them. */
const routes: Readonly<Record<string, Pick<Route, 'retry' | 'onDead'>>> = {
  strict: {
    retry: { schedule: ['10s', '1m'], jitter: 0, giveUpAfter: '10m', deadline: '30s' },
    onDead: 'hold-lane',
  },
  loose: { retry: { schedule: ['5s'], jitter: 0, giveUpAfter: '2m', deadline: '30s' }, onDead: 'pass' },
}
const strict: Policy = { delaysMs: [10_000, 60_000], giveUpAfterMs: 600_000, holdsLaneWhenDead: true }
const loose: Policy = { delaysMs: [5_000], giveUpAfterMs: 120_000, holdsLaneWhenDead: false }

/** Plays the actions on a real store and on the model and throws at the first difference; answers the model as it then stands. */
export async function play(file: string, actions: readonly Action[], fault?: Fault): Promise<ModelLedger> {
  const match = new Match(file, fault)
  try {
    for (const action of actions) {
      await match.play(action)
      match.compare()
    }
    match.compareHistory()
    return match.model
  } finally {
    match.close()
  }
}

class Match {
  readonly model = new ModelLedger()
  readonly #file: string
  readonly #fault: Fault | undefined
  readonly #sql: DatabaseSync
  readonly #reader: SqliteReader
  #writer: SqliteWriter
  #subject: Subject
  #nowMs = startMs
  #stoppedMs = 0
  #count = 0
  #owners = ['a1', 'b1']
  #underWay: readonly { readonly owner: string; readonly claimed: ClaimedDelivery; readonly endsAtMs: number }[] = []
  #seen = new Map<string, DeliveryView>()
  readonly #acceptances = new Map<string, Acceptance>()
  readonly #arrived = new Set<string>()
  readonly #newestArrival = new Map<string, number>()
  /** Deliveries that may arrive after later ones: a person said so. */
  readonly #excused = new Set<string>()

  constructor(file: string, fault: Fault | undefined) {
    this.#file = file
    this.#fault = fault
    this.#writer = new SqliteWriter(file, { nowMs: startMs, synchronous: 'OFF' })
    this.#reader = new SqliteReader(file)
    this.#sql = new DatabaseSync(file)
    this.#subject = this.#subjectOf()
  }

  #subjectOf(): Subject {
    const writer = this.#writer
    const store: Subject['store'] = {
      accept: (acceptances) => writer.transaction(() => writer.accept(acceptances)),
      advance: (advance) => writer.transaction(() => writer.advance(advance)),
      claim: (request) => writer.transaction(() => writer.claim(request)),
      settle: (settlement) => writer.transaction(() => writer.settle(settlement)),
      intervene: (intervention) => writer.transaction(() => writer.intervene(intervention)),
      releaseWaiting: (facts, nowMs) => writer.transaction(() => writer.releaseWaiting(facts, nowMs)),
      recover: (owners, nowMs) => writer.transaction(() => writer.recover(owners, nowMs)),
    }
    const subject = { store, decide: decideSettlement }
    return this.#fault ? this.#fault.plant(subject, this.#sql) : subject
  }

  play(action: Action): void | Promise<void> {
    switch (action.kind) {
      case 'accept':
        return this.#accept(action.drafts)
      case 'wait':
        this.#nowMs += action.ms
        if (action.isStandingStill) this.#stoppedMs += action.ms
        return
      case 'claim':
        return this.#claim(action)
      case 'finish':
        return this.#finish(action)
      case 'crash':
        return this.#crash(action)
      case 'act':
        return this.#act(action)
      case 'reread':
        return this.#reread(action)
      case 'fact':
        return this.#learn('procedure:1')
      case 'advance':
        return this.#advance(action)
    }
  }

  #accept(seeds: readonly DraftSeed[]): void {
    const pairs = seeds.map((seed) => this.#draft(seed))
    this.#bothAccept(pairs)
  }

  #bothAccept(pairs: readonly Pair[]): void {
    const real = outcomeOf(() => this.#subject.store.accept(pairs.map(({ acceptance }) => acceptance)))
    const wanted = outcomeOf(() =>
      this.model.atomically(() =>
        this.model.accept(
          pairs.map(({ said }) => said),
          this.#nowMs,
        ),
      ),
    )
    assert.deepEqual(real, wanted, 'answers to what was accepted')
    for (const { acceptance } of pairs) this.#acceptances.set(acceptance.message.id, acceptance)
  }

  #draft(seed: DraftSeed, more: { readonly key?: string; readonly supersedes?: string } = {}): Pair {
    const { source, content, isStrict, hasReceiver, step } = seed
    const key = more.key ?? (seed.key === undefined ? undefined : `key-${seed.key}`)
    const subject = subjectOf(seed.subject)
    const id = newMessageId(this.#nowMs)
    const said: Said = {
      messageId: id,
      receipt: `receipt-of-${id}`,
      source: sources[source] ?? '',
      subject,
      // A key stands for one dossier; without one the scope does.
      content: `${subject} ${content}`,
      key,
      scope: subject,
      to: seed.systems.map((system) => ({
        id: `${systems[system]}-${this.#next()}`,
        system: systems[system] ?? '',
        policy: isStrict ? strict : loose,
        isDead: !hasReceiver,
      })),
      ...(more.supersedes === undefined ? {} : { supersedes: more.supersedes }),
    }
    if (step === 'none') return { said, acceptance: this.#acceptanceOf(said) }
    const version = this.model.versionOf(subject) + (step === 'next' ? 1 : 0)
    return this.#withStep({ ...said, step: { version, says: [this.#draft(this.#saying(seed)).said] } })
  }

  #withStep(said: Said): Pair {
    const { step } = said
    const steps = step && [
      { change: changeOf(step.version), messages: step.says.map((one) => this.#acceptanceOf(one)) },
    ]
    return { said, acceptance: { ...this.#acceptanceOf(said), ...(steps ? { steps } : {}) } }
  }

  #acceptanceOf({ messageId, receipt, source, subject, content, key, scope, to, supersedes }: Said): Acceptance {
    const body = { content }
    const bodyDigest = digestOf(canonicalJson(body))
    return {
      message: {
        id: messageId,
        type: 'dossier.progressed.v1',
        source,
        subject,
        acceptedAtMs: this.#nowMs,
        correlationId: messageId,
        idempotencyKey: key ?? messageId,
        body,
        bodyDigest,
      },
      aliases: [],
      sameAs: [],
      idempotency: key === undefined ? { kind: 'latest', scope, digest: bodyDigest } : { kind: 'key', key },
      receipt,
      deliveries: to.map(({ id, system, policy, isDead }) => ({
        id,
        system,
        route: policy === strict ? 'strict' : 'loose',
        ...(isDead ? { deadReason: { code: 'no-receiver', cause: 'routing' } as const } : {}),
      })),
      ...(supersedes === undefined ? {} : { supersedes }),
    }
  }

  #advance({ subject: number, isStale }: Extract<Action, { kind: 'advance' }>): void {
    const subject = subjectOf(number)
    const { said, acceptance } = this.#draft(this.#saying({ subject: number, source: 0, systems: [0], isStrict: true }))
    const version = this.model.versionOf(subject) + (isStale ? 0 : 1)
    const nowMs = this.#nowMs
    const real = outcomeOf(() =>
      this.#subject.store.advance({ instance: subject, change: changeOf(version), messages: [acceptance], nowMs }),
    )
    const wanted = outcomeOf(() =>
      this.model.atomically(() => this.model.advance({ subject, version, says: [said], nowMs })),
    )
    assert.equal(real, wanted, 'whether a process moved on')
  }

  #claim({ owner: which, system: where, limit }: Extract<Action, { kind: 'claim' }>): void {
    const [owner, system] = [this.#owners[which] ?? '', systems[where] ?? '']
    const [nowMs, stoppedMs] = [this.#nowMs, this.#stoppedMs]
    const claimed = this.#subject.store.claim({ system, limit, owner, nowMs, leaseMs, stoppedMs })
    this.model.endLeases(nowMs, (one) => one.owner !== owner && one.untilMs < nowMs)
    const due = this.model.due(system, nowMs)
    assert.equal(claimed.deliveries.length, Math.min(limit, due.length), 'as many as are due are claimed')
    for (const [index, delivery] of claimed.deliveries.entries()) {
      const one = this.model.the(delivery.deliveryId)
      assert.equal(one.untilMs, due[index]?.untilMs, 'the soonest are claimed, and nothing that is not due')
      const before = one.isInDoubt
      const leased = this.model.claim(one.id, { owner, nowMs, leaseMs, stoppedMs })
      assert.deepEqual(
        [delivery.lease, delivery.attemptNumber, delivery.position, delivery.doubtSinceMs !== undefined],
        [leased.lease, one.attempts.length + 1, one.position, before],
        'what is known of a claimed delivery',
      )
      this.#underWay = [...this.#underWay, { owner, claimed: delivery, endsAtMs: nowMs + leaseMs }]
    }
    const waiting = this.model.deliveries.filter((one) => one.system === system && one.state === 'waiting')
    const next = waiting.length === 0 ? undefined : Math.min(...waiting.map(({ untilMs }) => untilMs))
    assert.equal(claimed.nextDueAtMs, next, 'when to look again')
  }

  async #finish({ pick, found, sent, replies }: Extract<Action, { kind: 'finish' }>): Promise<void> {
    const one = this.#underWay[pick % Math.max(1, this.#underWay.length)]
    if (!one) return
    this.#underWay = this.#underWay.filter((other) => other !== one)
    const { claimed, endsAtMs } = one
    const [nowMs, stoppedMs] = [this.#nowMs, this.#stoppedMs]
    const outcome = await attemptDelivery(claimed, {
      adapter: this.#partner(claimed, { found, sent }),
      store: { earlier: async () => [] },
      clock: { now: () => nowMs, monotonic: () => nowMs, after: () => () => {} },
      deadlineMs: 30_000,
      leaseEndsAt: endsAtMs,
      shutdown: new AbortController().signal,
    })
    const route = routes[claimed.route] ?? assert.fail('no such route')
    const answer = this.#subject.decide({
      claimed,
      outcome,
      route,
      startedAtMs: endsAtMs - leaseMs,
      nowMs,
      stoppedMs,
      random: 0.5,
    })
    const { subject } = this.model.the(claimed.deliveryId)
    const isReplying = outcome.kind === 'delivered' && replies > 0
    const reply = isReplying ? [this.#draft(this.#saying({ subject: 0, source: 1, systems: [1], isStrict: true }))] : []
    const settled = this.#subject.store.settle({
      deliveryId: claimed.deliveryId,
      lease: claimed.lease,
      ...answer,
      replies: reply.map(({ acceptance }) => acceptance),
    })
    const wanted = this.model.settle(claimed.deliveryId, { lease: claimed.lease, found, sent, nowMs, stoppedMs })
    assert.equal(settled.kind, wanted, 'whether the settlement counts')
    if (wanted === 'settled')
      this.model.accept(
        reply.map(({ said }) => said),
        nowMs,
      )
    const isHead = this.model.deliveries.some(
      (other) => other.state === 'waiting' && other.system === claimed.system && other.subject === subject,
    )
    assert.ok(
      settled.kind === 'fenced' || !settled.hasSuccessor || isHead,
      'a successor is announced only when it can go',
    )
  }

  /** The far side, as the action says; it notes what arrives. */
  #partner(claimed: ClaimedDelivery, { found, sent }: { readonly found: Found; readonly sent: Sent }): ChannelAdapter {
    return {
      deliver: async (_message, attempt) => {
        if (sent === 'unrepaired') throw new GatewayError('value-missing')
        if (sent === 'waits-for-fact') throw new GatewayError('procedure-unknown', { waitsFor: 'procedure:1' })
        attempt.beforeSend()
        if (sent === 'transient') throw new GatewayError('partner-refused-connection')
        if (sent === 'busy') throw new GatewayError('partner-busy', { retryAfterMs: busyMs })
        if (sent === 'channel') throw new GatewayError('partner-denied')
        this.#arrive(claimed)
        if (sent === 'ambiguous') throw new GatewayError('partner-timeout')
        if (sent === 'refused') throw new GatewayError('partner-refused')
        return { receipt: { sentDigest: 'sha-256:00' } }
      },
      lookup: async () => {
        if (found === 'unreachable') throw new GatewayError('partner-refused-connection')
        if (found === 'later') return { kind: 'later', afterMs: laterMs }
        return found === 'unknown' ? { kind: 'unknown', why: 'The sample partner can’t tell.' } : { kind: found }
      },
      probe: async () => {},
      close: async () => {},
    }
  }

  /** Truth 3, seen from the partner: the first arrival of a later message never precedes that of an earlier one. */
  #arrive({ deliveryId, system, position }: ClaimedDelivery): void {
    if (this.#arrived.has(deliveryId)) return
    this.#arrived.add(deliveryId)
    const lane = `${system} ${this.model.the(deliveryId).subject}`
    const newest = this.#newestArrival.get(lane) ?? 0
    if (!this.#excused.has(deliveryId)) assert.ok(position > newest, `${deliveryId} arrived out of order`)
    this.#newestArrival.set(lane, Math.max(newest, position))
  }

  /** A process dies with its leases held; its successor takes them back. At a restart the store's own process died too. */
  #crash({ owner, isRestart }: Extract<Action, { kind: 'crash' }>): void {
    const gone = isRestart ? this.#owners : [this.#owners[owner] ?? '']
    this.#owners = this.#owners.map((name) => (gone.includes(name) ? `${name[0]}${this.#next()}` : name))
    this.#underWay = this.#underWay.filter((one) => !gone.includes(one.owner))
    if (isRestart) {
      this.#writer.close()
      this.#writer = new SqliteWriter(this.#file, { nowMs: this.#nowMs + this.#next(), synchronous: 'OFF' })
      this.#subject = this.#subjectOf()
    }
    this.#subject.store.recover(gone, this.#nowMs)
    this.model.endLeases(this.#nowMs, (one) => gone.includes(one.owner))
  }

  #act({ act, pick, seen, isOverride }: Extract<Action, { kind: 'act' }>): void {
    // Mostly something that can be done, lest most acts be refusals; and now and then a delivery that nobody knows.
    const possible = this.model.deliveries.filter(({ state }) => possibleFrom[act].includes(state))
    const all = pick % 4 === 0 ? this.model.deliveries : possible
    const one = all[pick % (all.length + 1)]
    const deliveryId = one?.id ?? 'nobody-knows'
    const revision = seen === 'none' ? undefined : (one?.revision ?? 0) - (seen === 'stale' ? 1 : 0)
    const nowMs = this.#nowMs
    const asked = { kind: act, deliveryId, actor: 'an-operator', note: 'because', nowMs, isOverride }
    const done = this.#subject.store.intervene({ ...asked, ...(revision === undefined ? {} : { revision }) })
    const wanted = this.model.intervene(deliveryId, { act, revision, isOverride, nowMs })
    assert.equal(done.kind === 'refused' ? done.why : done.kind, wanted, `what a person is told after ${act}`)
    if (wanted === 'done' && act === 'replay' && isOverride) this.#excused.add(deliveryId)
  }

  /** As `Operator.reread` does it: never while an attempt is under way. */
  #reread({ pick, content, subject: other }: Extract<Action, { kind: 'reread' }>): void {
    const old = this.model.messages[pick % Math.max(1, this.model.messages.length)]
    if (!old) return
    const legs = this.model.deliveries.filter(({ messageId }) => messageId === old.messageId)
    if (legs.some(({ state }) => state === 'leased')) return
    // One reading in four finds that it belongs to another dossier.
    const subject = other % 4 === 0 ? other % 3 : subjectNumber(old.subject)
    const source = sources.findIndex((name) => old.source.startsWith(name))
    const seed = { subject, source, systems: old.to.map(({ system }) => systemNumber(system)), isStrict: true }
    const key = `reread:${old.messageId}:${content}`
    const pair = this.#draft({ ...this.#saying(seed), content }, { key, supersedes: old.messageId })
    this.#bothAccept([pair])
    for (const { id } of pair.said.to) this.#excused.add(id)
  }

  #learn(fact: string): void {
    const { count } = this.#subject.store.releaseWaiting([fact], this.#nowMs)
    assert.equal(count, this.model.becameKnown(fact, this.#nowMs), 'holds that a fact ended')
  }

  /** Every delivery stands where the model says, and no attempt that was written has changed. */
  compare(): void {
    const real = this.#reader.deliveries({}, 100_000)
    // No port shows it before the next attempt, which may be long in coming.
    const doubtful = new Set(
      this.#sql
        .prepare(doubtfulSql)
        .all()
        .map(({ id }) => id),
    )
    assert.deepEqual(
      real.map((one) => ({ ...sight(one), isInDoubt: doubtful.has(one.id) })).sort(byId),
      this.model.deliveries.map(modelSight).sort(byId),
      'where deliveries stand',
    )
    for (const one of real) {
      const before = this.#seen.get(one.id)?.attempts ?? []
      assert.deepEqual(one.attempts.slice(0, before.length), before, 'attempts that were written never change')
      assert.deepEqual(
        one.attempts.map(({ number }) => number),
        one.attempts.map((_, index) => index + 1),
        'attempts are numbered without a gap',
      )
    }
    this.#seen = new Map(real.map((one) => [one.id, one]))
    checkLanes(real)
  }

  /** Nothing was lost, the receipts are those of then, and the journal is whole. */
  compareHistory(): void {
    for (const { messageId, receipt, key } of this.model.messages) {
      const view = this.#reader.message(messageId)
      assert.equal(view?.receipt, receipt, 'the stored receipt')
      const acceptance = this.#acceptances.get(messageId)
      if (key === undefined || !acceptance) continue
      const again: Acceptance = { ...acceptance, receipt: 'another', message: { ...acceptance.message, id: 'another' } }
      assert.deepEqual(this.#subject.store.accept([again]), [{ kind: 'duplicate', messageId, receipt }])
    }
    assert.deepEqual(verifyChain(this.#reader.journal('', 0, 1_000_000)), [], 'the journal’s chains are whole')
  }

  /** What is said once, by a key that nothing else has. */
  #saying({ subject, source, systems: to, isStrict }: Saying): DraftSeed {
    const key = 1_000 + this.#next()
    return { subject, source, systems: to, isStrict, key, content: 0, hasReceiver: true, step: 'none' }
  }

  #next(): number {
    this.#count += 1
    return this.#count
  }

  close(): void {
    this.#writer.close()
    this.#reader.close()
    this.#sql.close()
  }
}

interface Pair {
  readonly said: Said
  readonly acceptance: Acceptance
}

type Saying = Pick<DraftSeed, 'subject' | 'source' | 'systems' | 'isStrict'>

const subjectOf = (number: number) => `D${number}`
const subjectNumber = (subject: string) => Number(subject.slice(1))
const systemNumber = (system: string) => systems.findIndex((name) => name.startsWith(system))

function changeOf(version: number): ProcessChange {
  return { process: 'reception', version, status: 'running', state: {}, timers: {} }
}

/** The answer, or that it was computed from a state that has moved on. */
function outcomeOf<T>(work: () => T): T | string {
  try {
    return work()
  } catch (error) {
    if (error instanceof ReadTooEarly || error instanceof MovedOn) return 'moved on'
    throw error
  }
}

const sight = ({
  id,
  state,
  revision,
  position,
  dueAtMs,
  attempts,
  subject,
}: DeliveryView & { readonly subject: string }) => ({
  id,
  subject,
  state,
  revision,
  position,
  dueAtMs,
  attempts: attempts.map(({ outcome }) => outcome),
})

const modelSight = ({ id, state, revision, position, untilMs, attempts, subject, isInDoubt }: Delivery) => ({
  id,
  isInDoubt,
  subject,
  state,
  revision,
  position,
  dueAtMs: state === 'waiting' ? untilMs : undefined,
  attempts,
})

const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1)

/** At most one of a lane waits or is leased; what waits has nothing open before it. */
function checkLanes(deliveries: readonly (DeliveryView & { readonly subject: string })[]): void {
  for (const [lane, all] of Map.groupBy(deliveries, ({ system, subject }) => `${system} ${subject}`)) {
    const open = all
      .filter(({ state }) => ['waiting', 'leased', 'blocked', 'held'].includes(state))
      .sort((a, b) => a.position - b.position)
    const going = open.filter(({ state }) => state === 'waiting' || state === 'leased')
    assert.ok(going.length <= 1, `two of ${lane} are under way`)
    assert.ok(
      going.every((one) => one.state === 'leased' || one === open[0]),
      `${lane} goes past its head`,
    )
  }
}
