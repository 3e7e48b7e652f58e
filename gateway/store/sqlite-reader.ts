import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { ChannelCondition } from '../bus/channel.ts'
import { deliveryStates } from '../bus/delivery-state.ts'
import {
  type Bulk,
  type DeliveryFilter,
  type InterventionKind,
  type InterventionRecord,
  interventionStates,
  type SelectionCount,
} from '../bus/intervention.ts'
import type { Message, Original } from '../bus/message.ts'
import type { ProcessInstance } from '../bus/process.ts'
import type {
  ChannelDepth,
  DeliveryView,
  DossierLedger,
  DueTimer,
  JournalEntry,
  MessageView,
  PairWindow,
  SentPair,
  ShelfItem,
  Standing,
} from '../bus/store.ts'
import {
  attemptOf,
  deliveryOf,
  instanceOf,
  messageOf,
  number,
  optionalText,
  present,
  type Row,
  text,
} from './sqlite-rows.ts'
import { deliveryColumns, filterClause, overtakenCondition, reads } from './sqlite-statements.ts'

/** What the reading worker can be asked. */
export interface ReadOperations {
  message(id: string): MessageView | undefined
  dossier(codeOrAlias: string): DossierLedger | undefined
  earlier(lane: { system: string; subject: string; before: number }, types: readonly string[]): readonly Message[]
  depths(): readonly ChannelDepth[]
  journal(chainId: string, position: number, limit: number): readonly JournalEntry[]
  checkpoints(): readonly { readonly atMs: number; readonly heads: string; readonly signature: string }[]
  shelf(shelf: string): readonly ShelfItem[]
  standings(names: readonly (readonly string[])[]): readonly Standing[]
  processOf(process: string, names: readonly string[]): ProcessInstance
  dueTimers(nowMs: number, limit: number): readonly DueTimer[]
  processes(status: ProcessInstance['status'] | undefined, limit: number): readonly ProcessInstance[]
  sentPairs(window: PairWindow): readonly SentPair[]
  channels(): readonly ChannelCondition[]
  backlog(source: string, limit: number): number
  countSelection(kind: InterventionKind, filter: DeliveryFilter): SelectionCount
  bulks(): readonly Bulk[]
  bulkItems(bulkId: string, limit: number): readonly string[]
  interventions(target: string | undefined, limit: number): readonly InterventionRecord[]
  deliveries(filter: DeliveryFilter, limit: number): readonly (DeliveryView & { readonly subject: string })[]
  delivery(id: string): DeliveryView | undefined
  original(messageId: string): Original | undefined
}

/** A connection that only reads, in its own worker, so that a long ledger never delays an acceptance. */
export class SqliteReader implements ReadOperations {
  readonly #database: DatabaseSync
  readonly #statements = new Map<keyof typeof reads, StatementSync>()

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { readOnly: true })
    this.#database.exec('PRAGMA busy_timeout = 5000; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY')
  }

  message(id: string): MessageView | undefined {
    const row = this.#one('messageById', id)
    return row && this.#view(row)
  }

  dossier(codeOrAlias: string): DossierLedger | undefined {
    const found = this.#one('subjectOfAlias', codeOrAlias)
    if (!found) return undefined
    const subject = text(found, 'subject')
    return {
      subject,
      aliases: this.#all('aliasesOfSubject', subject).map((row) => text(row, 'alias')),
      messages: this.#all('messagesOfSubject', subject).map((row) => this.#view(row)),
    }
  }

  #view(row: Row): MessageView {
    const message = messageOf(row)
    const deliveries = this.#all('deliveriesOfMessage', number(row, 'sequence')).map((delivery) =>
      deliveryOf(delivery, message.id, this.#all('attemptsOfDelivery', text(delivery, 'id')).map(attemptOf)),
    )
    return { message, receipt: text(row, 'receipt'), deliveries }
  }

  earlier(lane: { system: string; subject: string; before: number }, types: readonly string[]): readonly Message[] {
    return this.#all('takenBefore', lane.system, lane.subject, lane.before)
      .filter((row) => types.includes(text(row, 'type')))
      .map((row) => messageOf(row))
  }

  depths(): readonly ChannelDepth[] {
    return this.#all('depths').map((row) => ({
      system: text(row, 'system'),
      state: text(row, 'state') as ChannelDepth['state'], // the statement's WHERE names these alone
      count: number(row, 'count'),
      oldestCreatedAtMs: number(row, 'oldest_at_ms'),
    }))
  }

  journal(chainId: string, position: number, limit: number): readonly JournalEntry[] {
    return this.#all('journalFrom', chainId, position, limit).map((row) => ({
      chainId: text(row, 'chain_id'),
      position: number(row, 'position'),
      atMs: number(row, 'at_ms'),
      kind: text(row, 'kind'),
      entry: text(row, 'entry'),
      previousHash: text(row, 'previous_hash'),
      hash: text(row, 'hash'),
    }))
  }

  checkpoints(): readonly { readonly atMs: number; readonly heads: string; readonly signature: string }[] {
    return this.#all('checkpoints').map((row) => ({
      atMs: number(row, 'at_ms'),
      heads: text(row, 'heads'),
      signature: text(row, 'signature'),
    }))
  }

  shelf(shelf: string): readonly ShelfItem[] {
    return this.#all('shelf', shelf).map((row) => ({
      key: text(row, 'key'),
      value: JSON.parse(text(row, 'value')),
      updatedAtMs: number(row, 'updated_at_ms'),
    }))
  }

  standings(names: readonly (readonly string[])[]): readonly Standing[] {
    return names.map((list) => {
      const subject = this.#subjectOf(list)
      const row = this.#one('unitsOf', subject)
      return row ? { subject, units: JSON.parse(text(row, 'units')) } : { subject }
    })
  }

  /** As the accepting write resolves it: the first name that is known, or else the first name. */
  #subjectOf(names: readonly string[]): string {
    const known = names.map((name) => this.#one('subjectOfAlias', name)).find((row) => row !== undefined)
    return known ? text(known, 'subject') : (names[0] ?? '')
  }

  processOf(process: string, names: readonly string[]): ProcessInstance {
    const instance = this.#subjectOf(names)
    const row = this.#one('process', process, instance)
    return row ? instanceOf(row) : { process, instance, version: 0, status: 'ended', updatedAtMs: 0 }
  }

  dueTimers(nowMs: number, limit: number): readonly DueTimer[] {
    return this.#all('dueTimers', nowMs, limit).map((row) => ({
      process: text(row, 'process'),
      instance: text(row, 'instance'),
      name: text(row, 'name'),
    }))
  }

  processes(status: ProcessInstance['status'] | undefined, limit: number): readonly ProcessInstance[] {
    const rows = status === undefined ? this.#all('processes', limit) : this.#all('processesByStatus', status, limit)
    return rows.map(instanceOf)
  }

  sentPairs({ system, shadow, afterMs, beforeMs, afterSequence, limit }: PairWindow): readonly SentPair[] {
    return this.#all('sentPairs', shadow, system, afterSequence, afterMs, beforeMs, limit).map((row) =>
      present<SentPair>({
        sequence: number(row, 'sequence'),
        messageId: text(row, 'id'),
        messageType: text(row, 'type'),
        live: optionalText(row, 'live'),
        shadow: optionalText(row, 'shadow'),
        shadowState: text(row, 'shadow_state') as SentPair['shadowState'], // held to the union by the table's CHECK
      }),
    )
  }

  channels(): readonly ChannelCondition[] {
    // Written by setChannel from a ChannelCondition.
    return this.#all('channels').map((row) => JSON.parse(text(row, 'condition')) as ChannelCondition)
  }

  backlog(source: string, limit: number): number {
    const row = this.#one('backlog', source, limit + 1)
    return row ? number(row, 'count') : 0
  }

  countSelection(kind: InterventionKind, filter: DeliveryFilter): SelectionCount {
    const { where, values } = filterClause(filter, interventionStates[kind])
    const count = (more: string) => {
      const row = this.#database
        .prepare(`SELECT COUNT(*) AS count FROM deliveries d WHERE ${where}${more}`)
        .get(...values)
      return row ? number(row, 'count') : 0
    }
    return { total: count(''), overtaken: kind === 'replay' ? count(` AND ${overtakenCondition}`) : 0 }
  }

  bulks(): readonly Bulk[] {
    return this.#all('bulks').map((row) => ({
      id: text(row, 'id'),
      kind: text(row, 'kind') as InterventionKind, // written by createBulk from an InterventionKind
      filter: JSON.parse(text(row, 'filter')),
      actor: text(row, 'actor'),
      note: text(row, 'note'),
      perSecond: number(row, 'per_second'),
      isOverride: number(row, 'override') === 1,
      state: text(row, 'state') as Bulk['state'], // held to the union by the table's CHECK
      createdAtMs: number(row, 'created_at_ms'),
      total: number(row, 'total'),
      outcomes: Object.fromEntries(
        this.#all('bulkOutcomes', text(row, 'id')).map((item) => [text(item, 'outcome'), number(item, 'count')]),
      ),
    }))
  }

  bulkItems(bulkId: string, limit: number): readonly string[] {
    return this.#all('bulkItems', bulkId, limit).map((row) => text(row, 'delivery_id'))
  }

  interventions(target: string | undefined, limit: number): readonly InterventionRecord[] {
    const rows = target === undefined ? this.#all('interventions', limit) : this.#all('interventionsOf', target, limit)
    return rows.map((row) =>
      present<InterventionRecord>({
        atMs: number(row, 'at_ms'),
        actor: text(row, 'actor'),
        kind: text(row, 'kind'),
        target: text(row, 'target'),
        note: text(row, 'note'),
        bulkId: optionalText(row, 'bulk_id'),
      }),
    )
  }

  deliveries(filter: DeliveryFilter, limit: number): readonly (DeliveryView & { readonly subject: string })[] {
    const { where, values } = filterClause(filter, deliveryStates)
    const rows = this.#database
      .prepare(
        `SELECT ${deliveryColumns}, m.id AS message_id FROM deliveries d JOIN messages m ON m.sequence = d.message_sequence
        WHERE ${where} ORDER BY d.sequence DESC LIMIT ?`,
      )
      .all(...values, limit)
    return rows.map((row) => ({ ...this.#delivery(row), subject: text(row, 'subject') }))
  }

  delivery(id: string): DeliveryView | undefined {
    const row = this.#one('deliveryById', id)
    return row && this.#delivery(row)
  }

  #delivery(row: Row): DeliveryView {
    return deliveryOf(row, text(row, 'message_id'), this.#all('attemptsOfDelivery', text(row, 'id')).map(attemptOf))
  }

  original(messageId: string): Original | undefined {
    const row = this.#one('original', messageId)
    const bytes = row?.original
    if (!row || !(bytes instanceof Uint8Array)) return undefined
    return present<Original>({
      bytes,
      mediaType: text(row, 'original_media_type'),
      verifiedBy: optionalText(row, 'verified_by'),
    })
  }

  close(): void {
    this.#database.close()
  }

  #one(name: keyof typeof reads, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(name).get(...values)
  }

  #all(name: keyof typeof reads, ...values: SQLInputValue[]): Row[] {
    return this.#statement(name).all(...values)
  }

  #statement(name: keyof typeof reads): StatementSync {
    const known = this.#statements.get(name)
    if (known) return known
    const statement = this.#database.prepare(reads[name])
    this.#statements.set(name, statement)
    return statement
  }
}
