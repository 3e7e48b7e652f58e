/**
 * The life of a delivery as a specification that runs (docs/delivery.md in code): states, lanes, the fate of an attempt, what
 * people may do. It shares nothing with the gateway, not even its words for types, so that a mistake there is not made twice.
 */
import { fateOf } from './model-fate.ts'
import type { Act, Answer, Delivery, Found, Said, Sent, State } from './model-words.ts'

/** Thrown when a step of a process was computed from a state that has moved on: nothing of the call is done. */
export class MovedOn extends Error {}

/** From which states a person can do what. */
export const possibleFrom: Readonly<Record<Act, readonly State[]>> = {
  hold: ['waiting', 'blocked'],
  release: ['held'],
  discard: ['waiting', 'blocked', 'held', 'dead'],
  expire: ['waiting', 'blocked', 'held', 'dead'],
  replay: ['dead', 'expired', 'discarded', 'delivered'],
}
const into = { hold: 'held', release: 'blocked', discard: 'discarded', expire: 'expired', replay: 'blocked' } as const

export class ModelLedger {
  /** `from | why | to` of every change so far. */
  readonly transitions = new Set<string>()
  #deliveries = new Map<string, Delivery>()
  #messages: readonly Said[] = []
  #positions = new Map<string, number>()
  #versions = new Map<string, number>()

  get deliveries(): readonly Delivery[] {
    return [...this.#deliveries.values()]
  }

  get messages(): readonly Said[] {
    return this.#messages
  }

  versionOf = (subject: string) => this.#versions.get(subject) ?? 0

  /** All or nothing. */
  atomically<T>(work: () => T): T {
    const before = [
      new Map(this.#deliveries),
      this.#messages,
      new Map(this.#positions),
      new Map(this.#versions),
    ] as const
    try {
      return work()
    } catch (error) {
      ;[this.#deliveries, this.#messages, this.#positions, this.#versions] = before
      throw error
    }
  }

  /** Accepted once: a repeat gets the receipt of then. What has no key repeats only the end of what its scope said. */
  accept(drafts: readonly Said[], nowMs: number): readonly Answer[] {
    const repeats = repeatsOf(drafts, this.#messages)
    return drafts.map((said) => {
      const known =
        repeats.get(said) ??
        this.#messages.find(({ key, source }) => said.key !== undefined && key === said.key && source === said.source)
      if (!known) return this.#store(said, nowMs)
      const { messageId, receipt } = known
      const isSame = known.content === said.content
      return isSame ? { kind: 'duplicate', messageId, receipt } : { kind: 'conflict', messageId }
    })
  }

  #store(said: Said, nowMs: number): Answer {
    const { messageId, receipt, subject, step } = said
    this.#messages = [...this.#messages, said]
    for (const { id, system, policy, isDead } of said.to) {
      const old = this.deliveries.find((one) => one.messageId === said.supersedes && one.system === system)
      const isReplaced = old !== undefined && ['waiting', 'blocked', 'held', 'dead'].includes(old.state)
      if (isReplaced) this.#move(old, { to: 'discarded', why: 'superseded' }, { isSuperseded: true })
      const lane = `${system} ${subject}`
      const hasPlace = isReplaced && old.subject === subject
      if (!hasPlace) this.#positions.set(lane, (this.#positions.get(lane) ?? 0) + 1)
      const position = hasPlace ? old.position : (this.#positions.get(lane) ?? 0)
      const fresh = { id, messageId, system, subject, policy, position, revision: -1, untilMs: 0, owner: '', lease: 0 }
      const blank = { isInDoubt: false, wasInDoubt: false, holdsLane: false, waitsFor: '', isSuperseded: false }
      const born = { ...fresh, ...blank, attempts: [], firstTry: undefined, state: 'blocked' as const }
      this.#move(born, isDead ? { to: 'dead', why: 'no receiver' } : { to: 'blocked', why: 'accepted' }, {}, '–')
      for (const one of new Set([subject, old?.subject ?? subject])) this.#order({ system, subject: one }, nowMs)
    }
    if (step) {
      if (step.version !== this.versionOf(subject) + 1) throw new MovedOn()
      this.#versions.set(subject, step.version)
      this.accept(step.says, nowMs)
    }
    return { kind: 'stored', messageId, receipt }
  }

  advance({
    subject,
    version,
    says,
    nowMs,
  }: {
    subject: string
    version: number
    says: readonly Said[]
    nowMs: number
  }) {
    if (version !== this.versionOf(subject) + 1) throw new MovedOn()
    this.#versions.set(subject, version)
    this.accept(says, nowMs)
  }

  /** What may be claimed now, soonest first. */
  due(system: string, nowMs: number): readonly Delivery[] {
    return this.deliveries
      .filter((one) => one.system === system && one.state === 'waiting' && one.untilMs <= nowMs)
      .sort((a, b) => a.untilMs - b.untilMs)
  }

  /** From here on the partner may have it, whatever becomes of who sends it. */
  claim(id: string, by: { owner: string; nowMs: number; leaseMs: number; stoppedMs: number }): Delivery {
    const one = this.the(id)
    const firstTry = one.firstTry ?? { atMs: by.nowMs, stoppedMs: by.stoppedMs }
    const lease = { owner: by.owner, lease: one.lease + 1, untilMs: by.nowMs + by.leaseMs, firstTry }
    const doubt = { wasInDoubt: one.isInDoubt, isInDoubt: true }
    return this.#move(one, { to: 'leased', why: 'claimed' }, { ...lease, ...doubt })
  }

  /** Nobody knows how such an attempt went. Somebody else's run out; a dead owner's are taken back. */
  endLeases(nowMs: number, isOver: (delivery: Delivery) => boolean): void {
    for (const one of this.deliveries.filter((candidate) => candidate.state === 'leased' && isOver(candidate))) {
      const attempts = [...one.attempts, 'ambiguous']
      this.#move(one, { to: 'waiting', why: 'lease ended' }, { attempts, untilMs: nowMs, owner: '' })
      this.#order(one, nowMs)
    }
  }

  /** Only the lease that was given may settle. */
  settle(
    id: string,
    how: { lease: number; found: Found; sent: Sent; nowMs: number; stoppedMs: number },
  ): 'settled' | 'fenced' {
    const one = this.the(id)
    if (one.state !== 'leased' || one.lease !== how.lease) return 'fenced'
    const { to, why, outcome, ...rest } = fateOf(one, how)
    const change = { isInDoubt: false, holdsLane: false, waitsFor: '', untilMs: 0, owner: '', ...rest }
    this.#move(one, { to, why }, { ...change, attempts: [...one.attempts, outcome] })
    this.#order(one, how.nowMs)
    return 'settled'
  }

  /** What a person asks for is done, or nothing is and the answer says why. */
  intervene(id: string, asked: { act: Act; revision: number | undefined; isOverride: boolean; nowMs: number }): string {
    const one = this.#deliveries.get(id)
    if (!one) return 'unknown'
    const { act, revision, isOverride, nowMs } = asked
    if (revision !== undefined && revision !== one.revision) return 'changed'
    if (!possibleFrom[act].includes(one.state) || one.isSuperseded) return 'impossible'
    if (act === 'replay' && !isOverride && this.deliveries.some((other) => hasOvertaken(other, one))) return 'overtaken'
    // A person took it up: its age starts anew. What may have arrived may still have arrived.
    this.#move(one, { to: into[act], why: act }, { firstTry: undefined, holdsLane: false, waitsFor: '', untilMs: 0 })
    this.#order(one, nowMs)
    return 'done'
  }

  becameKnown(fact: string, nowMs: number): number {
    const waiting = this.deliveries.filter((one) => one.state === 'held' && one.waitsFor === fact)
    for (const one of waiting) {
      this.#move(one, { to: 'blocked', why: 'fact known' }, { firstTry: undefined, waitsFor: '' })
      this.#order(one, nowMs)
    }
    return waiting.length
  }

  /** Of each lane the foremost open delivery goes, and nothing else while one is leased. */
  #order({ system, subject }: Pick<Delivery, 'system' | 'subject'>, nowMs: number): void {
    const lane = this.deliveries.filter((one) => one.system === system && one.subject === subject && isOpen(one))
    if (lane.some(({ state }) => state === 'leased')) return
    for (const [index, one] of lane.sort((a, b) => a.position - b.position).entries()) {
      const { revision } = one // nobody has done anything to it
      if (index === 0 && one.state === 'blocked')
        this.#move(one, { to: 'waiting', why: 'heads its lane' }, { untilMs: nowMs, revision })
      if (index > 0 && one.state === 'waiting')
        this.#move(one, { to: 'blocked', why: 'one before it again' }, { untilMs: 0, firstTry: undefined, revision })
    }
  }

  #move(
    one: Delivery,
    { to, why }: { to: State; why: string },
    change: Partial<Delivery>,
    state: string = one.state,
  ): Delivery {
    const moved = { ...one, revision: one.revision + 1, ...change, state: to }
    this.#deliveries.set(one.id, moved)
    this.transitions.add(`${state} | ${why} | ${to}`)
    return moved
  }

  the(id: string): Delivery {
    const one = this.#deliveries.get(id)
    if (!one) throw new Error(`the model knows no delivery ${id}`)
    return one
  }
}

const isOpen = ({ state, holdsLane }: Delivery) =>
  ['waiting', 'leased', 'blocked', 'held'].includes(state) || (state === 'dead' && holdsLane)

const hasOvertaken = (other: Delivery, one: Delivery) =>
  other.system === one.system &&
  other.subject === one.subject &&
  other.position > one.position &&
  other.state !== 'discarded' &&
  (other.state === 'delivered' || other.state === 'leased' || other.attempts.length > 0)

/** The longest beginning of each run without keys that equals the end of what its scope has said. */
function repeatsOf(drafts: readonly Said[], messages: readonly Said[]): ReadonlyMap<Said, Said> {
  const scopeOf = ({ key, source, scope }: Said) => (key === undefined ? `${source} ${scope}` : undefined)
  const runs = [...Map.groupBy(drafts, scopeOf)].flatMap(([scope, run]) => (scope === undefined ? [] : [run]))
  const pairs = runs.flatMap((run) => {
    const told = messages.filter((one) => run[0] && scopeOf(one) === scopeOf(run[0]))
    const ends = Array.from({ length: run.length }, (_, index) => told.slice(-(run.length - index)))
    const end = ends.find((one) => one.every(({ content }, index) => content === run[index]?.content)) ?? []
    return end.flatMap((one, index) => (run[index] ? [[run[index], one] as const] : []))
  })
  return new Map(pairs)
}
