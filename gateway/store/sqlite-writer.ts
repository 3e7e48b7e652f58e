import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { LaneMemory } from '../bus/adapter.ts'
import { canonicalJson, digestOf } from '../bus/canonical-json.ts'
import type { ChannelCondition } from '../bus/channel.ts'
import { type Bulk, type Intervened, type Intervention, interventionStates } from '../bus/intervention.ts'
import { genesisHash, journalHash } from '../bus/journal.ts'
import { newMessageId } from '../bus/message.ts'
import type { ProcessChange } from '../bus/process.ts'
import type {
  Acceptance,
  Accepted,
  AttemptRecord,
  Claimed,
  ClaimedDelivery,
  ClaimRequest,
  LegalHold,
  NewDelivery,
  NextState,
  ProcessAdvance,
  Refusal,
  RetentionProgress,
  RetentionStep,
  Settled,
  Settlement,
  ShelfItem,
} from '../bus/store.ts'
import { deliveryOf, messageOf, number, optionalNumber, optionalText, present, type Row, text } from './sqlite-rows.ts'
import { migrate } from './sqlite-schema.ts'
import { filterClause, writes } from './sqlite-statements.ts'

/** What the worker can be asked to write; each runs inside the batch's transaction. */
export interface WriteOperations {
  accept(acceptances: readonly Acceptance[]): readonly Accepted[]
  claim(request: ClaimRequest): Claimed
  settle(settlement: Settlement): Settled
  refuse(refusal: Refusal): void
  releaseWaiting(waitsFor: readonly string[], nowMs: number): { readonly count: number; readonly systems: string[] }
  advance(advance: ProcessAdvance): void
  setChannel(condition: ChannelCondition, nowMs: number, note?: string): void
  intervene(intervention: Intervention): Intervened
  createBulk(bulk: Omit<Bulk, 'total' | 'outcomes' | 'state'>): number
  settleBulkItem(bulkId: string, deliveryId: string, outcome: string): void
  setBulkState(change: { id: string; state: Bulk['state']; actor: string; note: string; nowMs: number }): boolean
  owners(): readonly string[]
  recover(owners: readonly string[], nowMs: number): number
  journalHeads(): readonly JournalHead[]
  checkpoint(heads: string, signature: string, nowMs: number): void
  putShelf(shelf: string, items: readonly ShelfItem[]): void
  retain(step: RetentionStep): RetentionProgress
  reclaim(): boolean
  setLegalHold(hold: LegalHold): boolean
  probe(nowMs: number): void
}

export interface JournalHead {
  readonly chainId: string
  readonly position: number
  readonly hash: string
}

/** The one writing connection. Every method must be called inside `transaction`. Owns the database handle. */
export class SqliteWriter implements WriteOperations {
  readonly #database: DatabaseSync
  readonly #statements = new Map<keyof typeof writes, StatementSync>()
  #head: JournalHead
  #isToEmptyWal = false

  constructor(path: string, options: { readonly nowMs: number; readonly synchronous: 'FULL' | 'OFF' }) {
    this.#database = new DatabaseSync(path)
    // FULL: the WAL is synced before a commit returns; that is what a receipt promises (design, truth 1).
    // INCREMENTAL only counts before the first table; what retention frees is then given back to the disk.
    this.#database.exec(`PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${options.synchronous}; PRAGMA secure_delete = ON;
      PRAGMA busy_timeout = 5000; PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY`)
    migrate(this.#database)
    this.#head = { chainId: newMessageId(options.nowMs), position: 0, hash: genesisHash }
  }

  /** Runs `work` in one transaction with one sync at its end; the journal's head moves only when it is on disk. */
  transaction<T>(work: () => T): T {
    const head = this.#head
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      const { chainId, position, hash } = this.#head
      if (position !== head.position) this.#run('putChain', chainId, position, hash)
      this.#database.exec('COMMIT')
      if (this.#isToEmptyWal) this.#emptyWal()
      return result
    } catch (error) {
      this.#head = head
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** What was removed still stands in the log, in pages as they were. A reader in the middle of something is not waited for long. */
  #emptyWal(): void {
    this.#isToEmptyWal = false
    this.#database.exec('PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = 5000')
  }

  /** Runs one operation of a batch so that its failure leaves the others untouched. */
  savepoint<T>(work: () => T): T {
    const head = this.#head
    this.#database.exec('SAVEPOINT operation')
    try {
      const result = work()
      this.#database.exec('RELEASE operation')
      return result
    } catch (error) {
      this.#head = head
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK TO operation; RELEASE operation')
      throw error
    }
  }

  /** False once an error (a full disk) has made SQLite give up the whole transaction. */
  get isInTransaction(): boolean {
    return this.#database.isTransaction
  }

  accept(acceptances: readonly Acceptance[]): readonly Accepted[] {
    const repeats = this.#repeatsOf(acceptances)
    // One by one as they were given: that is their order in the lanes.
    return acceptances.map((acceptance) => {
      const repeat = repeats.get(acceptance)
      if (repeat) return repeat
      return acceptance.idempotency.kind === 'key' ? this.#acceptByKey(acceptance) : this.#insertMessage(acceptance)
    })
  }

  #acceptByKey(acceptance: Acceptance): Accepted {
    const { message, idempotency } = acceptance
    if (idempotency.kind !== 'key') throw new TypeError('not accepted by key')
    const replayed = this.#replayOf(acceptance)
    if (replayed !== undefined) {
      this.#journal(message.acceptedAtMs, 'replay-refused', { messageId: replayed, source: message.source })
      return { kind: 'conflict', messageId: replayed, isReplay: true }
    }
    const known = this.#one('messageByKey', message.source, idempotency.key)
    const messageId = known ? text(known, 'id') : message.id
    this.#rememberStatement(acceptance, messageId)
    if (!known) return this.#insertMessage(acceptance)
    if (text(known, 'type') === message.type && text(known, 'body_digest') === message.bodyDigest) {
      return { kind: 'duplicate', messageId, receipt: text(known, 'receipt') }
    }
    this.#journal(message.acceptedAtMs, 'key-conflict', { messageId, bodyDigest: message.bodyDigest })
    return { kind: 'conflict', messageId }
  }

  /**
   * A format without ids: the longest beginning of the run that equals the end of what was accepted before is a repeat,
   * the rest is new. For a single draft that is the design's rule (equal to the latest accepted one); for a run it makes
   * repeating a whole batch add nothing.
   */
  #repeatsOf(acceptances: readonly Acceptance[]): ReadonlyMap<Acceptance, Accepted> {
    const repeats = new Map<Acceptance, Accepted>()
    for (const run of runsByScope(acceptances)) {
      const first = run[0]
      if (first?.idempotency.kind !== 'latest') continue
      const tail = this.#all('latestOfScope', first.message.source, first.idempotency.scope, run.length).reverse()
      const overlap = overlapLength(
        tail.map((row) => text(row, 'scope_digest')),
        run.map(({ idempotency }) => (idempotency.kind === 'latest' ? idempotency.digest : '')),
      )
      for (const [index, known] of tail.slice(tail.length - overlap).entries()) {
        const acceptance = run[index]
        const answer = { kind: 'duplicate', messageId: text(known, 'id'), receipt: text(known, 'receipt') } as const
        if (acceptance) repeats.set(acceptance, answer)
      }
    }
    return repeats
  }

  /** The message as which another system has said the very same, while that can still be said again. */
  #replayOf({ message, statement }: Acceptance): string | undefined {
    const known = statement && this.#one('statementOf', statement.digest, message.acceptedAtMs)
    return known && text(known, 'source') !== message.source ? text(known, 'message_id') : undefined
  }

  #rememberStatement({ message, statement }: Acceptance, messageId: string): void {
    if (!statement) return
    this.#run('removeStatements', message.acceptedAtMs)
    this.#run('insertStatement', statement.digest, message.source, messageId, statement.untilMs)
  }

  #insertMessage(acceptance: Acceptance): Accepted {
    const { message, aliases, sameAs, idempotency, receipt, original, deliveries, supersedes } = acceptance
    const subject = this.#resolveSubject([message.subject, ...sameAs])
    if (acceptance.units) this.#noteUnits(subject, acceptance.units)
    // A number that is used again finds its newest dossier.
    for (const alias of aliases) this.#run('pointAlias', alias, subject)
    const inserted = this.#run(
      'insertMessage',
      message.id,
      message.type,
      message.source,
      subject,
      message.acceptedAtMs,
      message.correlationId,
      message.causationId ?? null,
      idempotency.kind === 'key' ? idempotency.key : message.idempotencyKey,
      idempotency.kind === 'latest' ? idempotency.scope : null,
      idempotency.kind === 'latest' ? idempotency.digest : null,
      acceptance.bodyText ?? canonicalJson(message.body),
      message.bodyDigest,
      receipt,
      original?.bytes ?? null,
      original?.mediaType ?? null,
      original ? digestOf(original.bytes) : null,
      original?.verifiedBy ?? null,
    )
    const sequence = Number(inserted.lastInsertRowid)
    // Lanes are locked in sorted order, so that two acceptances can never wait for each other (PostgreSQL shares the rule).
    for (const delivery of [...deliveries].sort((a, b) => (a.system < b.system ? -1 : 1))) {
      this.#insertDelivery(delivery, { message, sequence, subject, supersedes })
    }
    if (acceptance.by) {
      const { actor, note } = acceptance.by
      this.#run('insertIntervention', message.acceptedAtMs, actor, 'reread', supersedes ?? message.id, note, null)
    }
    this.#journal(message.acceptedAtMs, 'accepted', {
      messageId: message.id,
      type: message.type,
      source: message.source,
      bodyDigest: message.bodyDigest,
      receiptDigest: digestOf(receipt),
      ...(acceptance.by ? { actor: acceptance.by.actor, noteDigest: digestOf(acceptance.by.note) } : {}),
      deliveries: deliveries.map(({ id, system }) => ({ id, system })),
    })
    for (const { change, messages } of acceptance.steps ?? []) {
      this.#changeProcess(subject, change, message.acceptedAtMs)
      this.accept(messages)
    }
    return { kind: 'stored', messageId: message.id, receipt }
  }

  #changeProcess(instance: string, change: ProcessChange, nowMs: number): void {
    const { process, version, status, state, reason, timers } = change
    const known = this.#one('processVersion', process, instance)
    if ((known ? number(known, 'version') : 0) !== version - 1) throw new ReadTooEarly()
    this.#run(
      'putProcess',
      process,
      instance,
      version,
      status,
      state === undefined ? null : canonicalJson(state),
      reason ? canonicalJson(reason) : null,
      nowMs,
    )
    if (status === 'ended') this.#run('removeTimers', process, instance)
    else {
      for (const [name, dueAtMs] of Object.entries(timers)) {
        if (dueAtMs === null) this.#run('removeTimer', process, instance, name)
        else this.#run('putTimer', process, instance, name, dueAtMs)
      }
    }
    this.#journal(nowMs, 'process', { process, instance, version, status, ...(reason ? { code: reason.code } : {}) })
  }

  advance({ instance, change, messages, nowMs, timer, by }: ProcessAdvance): void {
    if (timer !== undefined) this.#run('removeTimer', change.process, instance, timer)
    this.#changeProcess(instance, change, nowMs)
    this.accept(messages)
    if (!by) return
    this.#run('insertIntervention', nowMs, by.actor, 'release', `process:${change.process}:${instance}`, by.note, null)
    this.#journal(nowMs, 'intervention', {
      process: change.process,
      instance,
      actor: by.actor,
      noteDigest: digestOf(by.note),
    })
  }

  /** The sender was checked against what was read before the write; somebody else may have been faster. */
  #noteUnits(subject: string, { seen, now }: NonNullable<Acceptance['units']>): void {
    const row = this.#one('unitsOf', subject)
    const stored = row && text(row, 'units')
    if (stored !== (seen && canonicalJson(seen))) throw new ReadTooEarly()
    const units = canonicalJson(now)
    if (units !== stored) this.#run('putUnits', subject, units)
  }

  #resolveSubject(names: readonly string[]): string {
    let subject: string | undefined
    for (const name of names) {
      const row = this.#one('subjectOfAlias', name)
      if (row) {
        subject = text(row, 'subject')
        break
      }
    }
    const resolved = subject ?? names[0] ?? ''
    for (const name of names) this.#run('insertAlias', name, resolved)
    return resolved
  }

  #insertDelivery(
    delivery: NewDelivery,
    of: {
      readonly message: Acceptance['message']
      readonly sequence: number
      readonly subject: string
      readonly supersedes: string | undefined
    },
  ): void {
    const { message, subject } = of
    const { system } = delivery
    const nowMs = message.acceptedAtMs
    const superseded = this.#supersede(of.supersedes, system, nowMs)
    const hasMoved = superseded !== undefined && superseded.subject !== subject // read anew, it is of another dossier
    const position = superseded && !hasMoved ? superseded.position : this.#takePosition(system, subject)
    const isDead = delivery.deadReason !== undefined
    const isBlocked = !isDead && (of.supersedes !== undefined || this.#one('laneHead', system, subject) !== undefined)
    this.#run(
      'insertDelivery',
      delivery.id,
      of.sequence,
      message.type,
      message.source,
      system,
      subject,
      delivery.route,
      position,
      isDead ? 'dead' : isBlocked ? 'blocked' : 'waiting',
      isDead ? 0 : 1,
      isDead || isBlocked ? null : nowMs,
      nowMs,
      isDead ? nowMs : null,
      delivery.deadReason ? canonicalJson(delivery.deadReason) : null,
    )
    if (of.supersedes !== undefined) this.#reseat(system, subject, nowMs)
    if (hasMoved) this.#reseat(system, superseded.subject, nowMs)
  }

  #takePosition(system: string, subject: string): number {
    const row = this.#one('takePosition', system, subject)
    if (!row) throw new Error('no lane position')
    return number(row, 'position')
  }

  /** Ends the older message's delivery to this system and answers its place, unless it is settled or being tried. */
  #supersede(messageId: string | undefined, system: string, nowMs: number) {
    const row = messageId === undefined ? undefined : this.#one('supersededDelivery', messageId, system)
    if (!row) return undefined
    const reason = canonicalJson({ code: 'superseded', cause: 'contract' })
    this.#run('intervene', 'discarded', 0, nowMs, reason, text(row, 'id'))
    this.#journal(nowMs, 'superseded', { deliveryId: text(row, 'id') })
    return { subject: text(row, 'subject'), position: number(row, 'position') }
  }

  claim(request: ClaimRequest): Claimed {
    const { system, nowMs, setBackMs } = request
    if (setBackMs !== undefined) this.#run('bringForward', nowMs, setBackMs, system, nowMs)
    for (const row of this.#all('expiredLeases', request.nowMs, request.owner)) this.#endLease(row, request.nowMs)
    const rows = request.limit > 0 ? this.#all('dueDeliveries', request.system, request.nowMs, request.limit) : []
    const deliveries = rows.map((row) => this.#lease(row, request))
    const next = this.#one('nextDue', request.system)
    return present<Claimed>({ deliveries, nextDueAtMs: next && optionalNumber(next, 'due_at_ms') })
  }

  #lease(row: Row, { owner, nowMs, leaseMs, stoppedMs }: ClaimRequest): ClaimedDelivery {
    const deliveryId = text(row, 'id')
    this.#run('lease', owner, nowMs + leaseMs, nowMs, nowMs, stoppedMs, nowMs, deliveryId)
    const memory = optionalText(row, 'memory')
    return present<ClaimedDelivery>({
      deliveryId,
      system: text(row, 'system'),
      route: text(row, 'route'),
      position: number(row, 'position'),
      lease: number(row, 'lease') + 1,
      attemptNumber: number(row, 'attempts') + 1,
      createdAtMs: number(row, 'created_at_ms'),
      firstAttemptAtMs: optionalNumber(row, 'first_attempt_at_ms') ?? nowMs,
      stoppedAtFirstMs: optionalNumber(row, 'stopped_at_first_ms') ?? stoppedMs,
      doubtSinceMs: optionalNumber(row, 'doubt_since_ms'),
      memory: memory === undefined ? {} : (JSON.parse(memory) as LaneMemory), // written by settle from a LaneMemory
      message: messageOf(row, 'message_id', 'message_subject'),
    })
  }

  /** An attempt whose process is gone: what it did is unknown, and that is what its record says. */
  #endLease(row: Row, nowMs: number): void {
    const deliveryId = text(row, 'id')
    this.#run('endLease', nowMs, deliveryId)
    this.#letLaneGo(text(row, 'system'), text(row, 'subject'), { deliveryId, nowMs })
    this.#insertAttempt(deliveryId, {
      number: number(row, 'attempts'),
      startedAtMs: number(row, 'claimed_at_ms'),
      endedAtMs: nowMs,
      outcome: 'ambiguous',
      code: 'outcome-unknown',
      cause: 'timeout',
    })
    this.#journal(nowMs, 'lease-ended', { deliveryId, attempt: number(row, 'attempts') })
  }

  settle({ deliveryId, lease, attempt, next, memory, replies, document }: Settlement): Settled {
    const nowMs = attempt.endedAtMs
    const row = this.#one('leasedDelivery', deliveryId, lease)
    if (!row) {
      this.#journal(nowMs, 'settlement-fenced', { deliveryId, attempt: attempt.number, outcome: attempt.outcome })
      return { kind: 'fenced' }
    }
    const [system, subject] = [text(row, 'system'), text(row, 'subject')]
    this.#insertAttempt(deliveryId, attempt)
    if (document !== undefined) this.#run('keepDocument', deliveryId, document)
    if (memory !== undefined) this.#run('remember', canonicalJson(memory), system, subject)
    this.#move(deliveryId, next, nowMs)
    this.#journal(nowMs, 'attempted', {
      deliveryId,
      attempt: attempt.number,
      outcome: attempt.outcome,
      state: next.state,
      ...(attempt.code === undefined ? {} : { code: attempt.code }),
      ...(attempt.sentDigest === undefined ? {} : { sentDigest: attempt.sentDigest }),
      ...(attempt.answerDigest === undefined ? {} : { answerDigest: attempt.answerDigest }),
      ...(attempt.files === undefined ? {} : { files: attempt.files }),
      ...(attempt.signatures === undefined ? {} : { signatures: attempt.signatures }),
    })
    const hasSuccessor = this.#letLaneGo(system, subject, { deliveryId, nowMs })
    return { kind: 'settled', hasSuccessor, replies: this.accept(replies) }
  }

  #move(deliveryId: string, next: NextState, nowMs: number): void {
    const blocks = next.state === 'waiting' || next.state === 'held' || (next.state === 'dead' && next.holdsLane)
    const reason = next.state === 'delivered' ? undefined : next.reason
    this.#run(
      'moveDelivery',
      next.state,
      blocks ? 1 : 0,
      next.state === 'waiting' ? next.dueAtMs : null,
      next.state === 'waiting' || next.state === 'held' ? (next.doubtSinceMs ?? null) : null,
      next.state === 'delivered' || next.state === 'dead' ? nowMs : null,
      reason ? canonicalJson(reason) : null,
      next.state === 'held' ? (next.reason.waitsFor ?? null) : null,
      deliveryId,
    )
  }

  /** Answers whether another delivery of the lane may go now; it can be an earlier one that a person put back meanwhile. */
  #letLaneGo(system: string, subject: string, after: { readonly deliveryId: string; readonly nowMs: number }): boolean {
    const head = this.#one('laneHead', system, subject)
    if (head === undefined || text(head, 'state') !== 'blocked') return false
    this.#run('reblock', after.deliveryId) // should it wait itself
    return this.#run('unblock', after.nowMs, text(head, 'id')).changes > 0
  }

  #insertAttempt(deliveryId: string, attempt: AttemptRecord): void {
    this.#run(
      'insertAttempt',
      deliveryId,
      attempt.number,
      attempt.startedAtMs,
      attempt.endedAtMs,
      attempt.outcome,
      attempt.code ?? null,
      attempt.cause ?? null,
      attempt.sentDigest ?? null,
      attempt.answerDigest ?? null,
      attempt.answerCode ?? null,
    )
  }

  setChannel(condition: ChannelCondition, nowMs: number, note?: string): void {
    const { system, state, actor = 'gateway', reason } = condition
    this.#run('setChannel', system, canonicalJson(condition))
    const code = reason === undefined ? {} : { code: reason.code }
    this.#journal(nowMs, 'channel', {
      system,
      state,
      actor,
      ...code,
      ...(note === undefined ? {} : { noteDigest: digestOf(note) }),
    })
    if (note !== undefined) this.#run('insertIntervention', nowMs, actor, state, `channel:${system}`, note, null)
  }

  intervene({ kind, deliveryId, actor, note, nowMs, revision, isOverride, bulkId }: Intervention): Intervened {
    const result = this.#tryIntervene({ kind, deliveryId, nowMs, revision, isOverride })
    if (bulkId !== undefined) {
      this.#run('settleBulkItem', result.kind === 'refused' ? result.why : result.kind, bulkId, deliveryId)
    }
    if (result.kind === 'done') {
      this.#run('insertIntervention', nowMs, actor, kind, deliveryId, note, bulkId ?? null)
      this.#journal(nowMs, 'intervention', { deliveryId, kind, actor, noteDigest: digestOf(note), state: result.state })
    }
    return result
  }

  #tryIntervene(asked: {
    readonly kind: Intervention['kind']
    readonly deliveryId: string
    readonly nowMs: number
    readonly revision: number | undefined
    readonly isOverride: boolean | undefined
  }): Intervened {
    const row = this.#one('deliveryById', asked.deliveryId)
    if (!row) return { kind: 'unknown' }
    const { state } = deliveryOf(row, '', [])
    const [system, subject, position] = [text(row, 'system'), text(row, 'subject'), number(row, 'position')]
    if (asked.revision !== undefined && asked.revision !== number(row, 'revision')) {
      return { kind: 'refused', why: 'changed', state }
    }
    const isPossible = interventionStates[asked.kind].some((possible) => possible === state)
    if (!isPossible || optionalText(row, 'reason')?.includes('"superseded"')) {
      return { kind: 'refused', why: 'impossible', state }
    }
    // There is nothing left to send.
    if (asked.kind === 'replay' && this.#one('bodiesLeft', asked.deliveryId)) {
      return { kind: 'refused', why: 'impossible', state }
    }
    const isOvertaken = asked.kind === 'replay' && this.#one('overtakenBy', system, subject, position) !== undefined
    if (isOvertaken && !asked.isOverride) return { kind: 'refused', why: 'overtaken', state }
    const next = {
      hold: 'held',
      release: 'blocked',
      replay: 'blocked',
      discard: 'discarded',
      expire: 'expired',
    } as const
    const isOpen = asked.kind !== 'discard' && asked.kind !== 'expire'
    const reason = asked.kind === 'hold' ? canonicalJson({ code: 'held-by-person', cause: 'business' }) : null
    this.#run('intervene', next[asked.kind], isOpen ? 1 : 0, isOpen ? null : asked.nowMs, reason, asked.deliveryId)
    this.#reseat(system, subject, asked.nowMs)
    const after = this.#one('deliveryById', asked.deliveryId) ?? row
    return { kind: 'done', system, state: deliveryOf(after, '', []).state, revision: number(after, 'revision') }
  }

  /** Puts a lane in order after somebody reached into it: the head may wait for its time, the others for the head. */
  #reseat(system: string, subject: string, nowMs: number): void {
    const lane = this.#all('laneInOrder', system, subject)
    if (lane.some((row) => text(row, 'state') === 'leased')) return // its settlement does it
    for (const [index, row] of lane.entries()) {
      if (index === 0) this.#run('unblock', nowMs, text(row, 'id'))
      else this.#run('reblock', text(row, 'id'))
    }
  }

  createBulk(bulk: Omit<Bulk, 'total' | 'outcomes' | 'state'>): number {
    const { where, values } = filterClause(bulk.filter, interventionStates[bulk.kind])
    const selected = this.#database
      .prepare(`INSERT INTO bulk_items (bulk_id, delivery_id) SELECT ?, d.id FROM deliveries d WHERE ${where}`)
      .run(bulk.id, ...values)
    const total = Number(selected.changes)
    if (total === 0) return 0
    const filter = canonicalJson(bulk.filter)
    const { id, kind, actor, note, perSecond, createdAtMs } = bulk
    this.#run('insertBulk', id, kind, filter, actor, note, perSecond, bulk.isOverride ? 1 : 0, createdAtMs, total)
    this.#run('insertIntervention', createdAtMs, actor, `bulk-${kind}`, id, note, id)
    this.#journal(createdAtMs, 'bulk', {
      bulkId: id,
      kind,
      actor,
      total,
      filterDigest: digestOf(filter),
      noteDigest: digestOf(note),
    })
    return total
  }

  settleBulkItem(bulkId: string, deliveryId: string, outcome: string): void {
    this.#run('settleBulkItem', outcome, bulkId, deliveryId)
  }

  setBulkState({ id, state, actor, note, nowMs }: Parameters<WriteOperations['setBulkState']>[0]): boolean {
    if (this.#run('setBulkState', state, id).changes === 0) return false
    this.#run('insertIntervention', nowMs, actor, `bulk-${state}`, id, note, id)
    this.#journal(nowMs, 'bulk', { bulkId: id, state, actor, noteDigest: digestOf(note) })
    return true
  }

  refuse({ atMs, ...refusal }: Refusal): void {
    this.#journal(atMs, 'refused', refusal)
  }

  releaseWaiting(waitsFor: readonly string[], nowMs: number): { readonly count: number; readonly systems: string[] } {
    const rows = waitsFor.flatMap((fact) => this.#all('awaiting', fact))
    for (const row of rows) {
      this.#run('intervene', 'blocked', 1, null, null, text(row, 'id'))
      this.#reseat(text(row, 'system'), text(row, 'subject'), nowMs)
      this.#journal(nowMs, 'hold-ended', { deliveryId: text(row, 'id') })
    }
    return { count: rows.length, systems: [...new Set(rows.map((row) => text(row, 'system')))] }
  }

  owners(): readonly string[] {
    return this.#all('owners').flatMap((row) => optionalText(row, 'owner') ?? [])
  }

  recover(owners: readonly string[], nowMs: number): number {
    const rows = owners.flatMap((owner) => this.#all('leasesOf', owner))
    for (const row of rows) this.#endLease(row, nowMs)
    return rows.length
  }

  checkpoint(heads: string, signature: string, nowMs: number): void {
    this.#run('insertCheckpoint', nowMs, heads, signature)
  }

  putShelf(shelf: string, items: readonly ShelfItem[]): void {
    for (const item of items) this.#run('putShelf', shelf, item.key, canonicalJson(item.value), item.updatedAtMs)
  }

  /**
   * Bodies, original bytes and sent documents leave the messages of dossiers at rest; receipts, digests and the names of
   * keys stay.
   */
  retain({ beforeMs, nowMs, afterSequence, limit }: RetentionStep): RetentionProgress {
    const rows = this.#all('withBodies', afterSequence, limit)
    const old = rows.filter((row) => number(row, 'accepted_at_ms') < beforeMs)
    const gone = old.filter((row) => this.#one('keptFor', text(row, 'subject'), beforeMs) === undefined)
    for (const row of gone) {
      this.#run('removeDocuments', number(row, 'sequence'))
      this.#run('removeBodies', nowMs, number(row, 'sequence'))
    }
    if (gone.length > 0) this.#journal(nowMs, 'bodies-left', { messageIds: gone.map((row) => text(row, 'id')) })
    const last = rows.at(-1)
    const isEnd = last === undefined || rows.length < limit || old.length === 0 // ids grow with time
    return { removed: gone.length, ...(isEnd ? {} : { nextSequence: number(last, 'sequence') }) }
  }

  /** A megabyte at most, so that acceptances hardly wait for it. */
  reclaim(): boolean {
    this.#database.exec('PRAGMA incremental_vacuum(256)')
    const row = this.#database.prepare('PRAGMA freelist_count').get()
    const isMore = row !== undefined && number(row, 'freelist_count') > 0
    if (!isMore) this.#isToEmptyWal = true
    return isMore
  }

  setLegalHold({ codeOrAlias, isHeld, actor, note, nowMs }: LegalHold): boolean {
    const known = this.#one('subjectOfAlias', codeOrAlias)
    if (!known) return false
    const subject = text(known, 'subject')
    if (isHeld) this.#run('holdForLaw', subject, nowMs)
    else this.#run('endLegalHold', subject)
    const kind = isHeld ? 'legal-hold' : 'legal-hold-ended'
    this.#run('insertIntervention', nowMs, actor, kind, `dossier:${subject}`, note, null)
    this.#journal(nowMs, 'intervention', { kind, dossierDigest: digestOf(subject), actor, noteDigest: digestOf(note) })
    return true
  }

  probe(nowMs: number): void {
    this.#run('touch', nowMs)
  }

  /** How far the chain of this writer has come. */
  get journalPosition(): number {
    return this.#head.position
  }

  /** Every chain and how far it has come: what a checkpoint signs. */
  journalHeads(): readonly JournalHead[] {
    return this.#all('chains').map((row) => ({
      chainId: text(row, 'chain_id'),
      position: number(row, 'position'),
      hash: text(row, 'hash'),
    }))
  }

  close(): void {
    this.#database.close()
  }

  #journal(atMs: number, kind: string, content: Record<string, unknown>): void {
    const entry = {
      chainId: this.#head.chainId,
      position: this.#head.position + 1,
      atMs,
      kind,
      entry: canonicalJson(content),
      previousHash: this.#head.hash,
    }
    const hash = journalHash(entry)
    this.#run('insertJournal', entry.chainId, entry.position, atMs, kind, entry.entry, entry.previousHash, hash)
    this.#head = { chainId: entry.chainId, position: entry.position, hash }
  }

  #statement(name: keyof typeof writes): StatementSync {
    const known = this.#statements.get(name)
    if (known) return known
    const statement = this.#database.prepare(writes[name])
    this.#statements.set(name, statement)
    return statement
  }

  #run(name: keyof typeof writes, ...values: SQLInputValue[]) {
    return this.#statement(name).run(...values)
  }

  #one(name: keyof typeof writes, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(name).get(...values)
  }

  #all(name: keyof typeof writes, ...values: SQLInputValue[]): Row[] {
    return this.#statement(name).all(...values)
  }
}

/** What the operation stands on was read before another write changed it; nothing of the operation is written. */
export class ReadTooEarly extends Error {}

/** The drafts without a key that must be compared as a run; their order within each is kept. */
function runsByScope(acceptances: readonly Acceptance[]): Iterable<Acceptance[]> {
  const withoutKey = acceptances.filter(({ idempotency }) => idempotency.kind === 'latest')
  const scopeOf = ({ message, idempotency }: Acceptance) =>
    `${message.source}\0${idempotency.kind === 'latest' ? idempotency.scope : ''}`
  return Map.groupBy(withoutKey, scopeOf).values()
}

/** The longest beginning of `run` that equals the end of `tail`. */
export function overlapLength(tail: readonly string[], run: readonly string[]): number {
  for (let length = Math.min(tail.length, run.length); length > 0; length--) {
    const end = tail.slice(-length)
    if (run.slice(0, length).every((digest, index) => digest === end[index])) return length
  }
  return 0
}
