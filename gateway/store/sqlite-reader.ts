import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { Message } from '../bus/message.ts'
import type { ChannelDepth, DossierLedger, JournalEntry, MessageView, ShelfItem } from '../bus/store.ts'
import { attemptOf, deliveryOf, messageOf, number, type Row, text } from './sqlite-rows.ts'
import { reads } from './sqlite-statements.ts'

/** What the reading worker can be asked. */
export interface ReadOperations {
  message(id: string): MessageView | undefined
  dossier(codeOrAlias: string): DossierLedger | undefined
  earlier(lane: { system: string; subject: string; before: number }, types: readonly string[]): readonly Message[]
  depths(): readonly ChannelDepth[]
  journal(chainId: string, position: number, limit: number): readonly JournalEntry[]
  checkpoints(): readonly { readonly atMs: number; readonly heads: string; readonly signature: string }[]
  shelf(shelf: string): readonly ShelfItem[]
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
