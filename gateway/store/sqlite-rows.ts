import type { SQLOutputValue } from 'node:sqlite'
import type { DeliveryState, Reason } from '../bus/delivery-state.ts'
import type { Message } from '../bus/message.ts'
import type { ProcessInstance } from '../bus/process.ts'
import type { AttemptRecord, DeliveryView } from '../bus/store.ts'

/** One row as `node:sqlite` gives it. */
export type Row = Record<string, SQLOutputValue>

/** The store wrote these columns itself under STRICT tables, so a wrong type is a damaged file. */
export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`store column ${column} is not text`)
  return value
}

export function number(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number') throw new TypeError(`store column ${column} is not a number`)
  return value
}

export function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null || row[column] === undefined ? undefined : text(row, column)
}

export function optionalNumber(row: Row, column: string): number | undefined {
  return row[column] === null || row[column] === undefined ? undefined : number(row, column)
}

/** Leaves out members that are `undefined`, so that absence is one thing. */
export function present<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  // The cast is sound: only members that were undefined are gone, and T marks those optional at every call.
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T
}

/** `idColumn` and `subjectColumn` are named where a join renames them. */
export function messageOf(row: Row, idColumn = 'id', subjectColumn = 'subject'): Message {
  return present<Message>({
    id: text(row, idColumn),
    type: text(row, 'type'),
    source: text(row, 'source'),
    subject: text(row, subjectColumn),
    acceptedAtMs: number(row, 'accepted_at_ms'),
    correlationId: text(row, 'correlation_id'),
    causationId: optionalText(row, 'causation_id'),
    idempotencyKey: text(row, 'idempotency_key'),
    body: JSON.parse(text(row, 'body')),
    bodyDigest: text(row, 'body_digest'),
  })
}

export function attemptOf(row: Row): AttemptRecord {
  // Outcome, code and cause were written from the unions; the table has no other writer.
  return present<AttemptRecord>({
    number: number(row, 'number'),
    startedAtMs: number(row, 'started_at_ms'),
    endedAtMs: number(row, 'ended_at_ms'),
    outcome: text(row, 'outcome') as AttemptRecord['outcome'],
    code: optionalText(row, 'code') as AttemptRecord['code'],
    cause: optionalText(row, 'cause') as AttemptRecord['cause'],
    sentDigest: optionalText(row, 'sent_digest'),
    answerDigest: optionalText(row, 'answer_digest'),
    answerCode: optionalText(row, 'answer_code'),
  })
}

export function deliveryOf(row: Row, messageId: string, attempts: readonly AttemptRecord[]): DeliveryView {
  const reason = optionalText(row, 'reason')
  const state = text(row, 'state') as DeliveryState // held to the union by the table's CHECK
  return present<DeliveryView>({
    id: text(row, 'id'),
    messageId,
    revision: number(row, 'revision'),
    system: text(row, 'system'),
    route: text(row, 'route'),
    position: number(row, 'position'),
    state,
    reason: reason === undefined ? undefined : (JSON.parse(reason) as Reason), // written by moveDelivery from a Reason
    dueAtMs: state === 'waiting' ? optionalNumber(row, 'due_at_ms') : undefined,
    settledAtMs: optionalNumber(row, 'settled_at_ms'),
    attempts,
  })
}

export function instanceOf(row: Row): ProcessInstance {
  const state = optionalText(row, 'state')
  const reason = optionalText(row, 'reason')
  return present<ProcessInstance>({
    process: text(row, 'process'),
    instance: text(row, 'instance'),
    version: number(row, 'version'),
    status: text(row, 'status') as ProcessInstance['status'], // held to the union by the table's CHECK
    state: state === undefined ? undefined : JSON.parse(state),
    reason: reason === undefined ? undefined : (JSON.parse(reason) as Reason), // written from a Reason
    updatedAtMs: number(row, 'updated_at_ms'),
  })
}
