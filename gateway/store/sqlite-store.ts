import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { canonicalJson } from '../bus/canonical-json.ts'
import type { Clock } from '../bus/clock.ts'
import type { Acceptance, Store } from '../bus/store.ts'
import { BatchingWorker, type BatchReport } from './batching-worker.ts'
import type { ReadOperations } from './sqlite-reader.ts'
import type { WriteOperations } from './sqlite-writer.ts'

export interface SqliteStoreOptions {
  readonly path: string
  readonly clock: Clock
  /** `OFF` only to show what is lost without a sync; never in service. */
  readonly synchronous?: 'FULL' | 'OFF'
  readonly onBatch?: (report: BatchReport) => void
  /** A store thread ended by itself; only a new process can go on. */
  readonly onDeath?: (cause: Error) => void
}

/** The embedded store: one writing thread, one reading thread, files readable by their owner alone. */
export async function openSqliteStore({
  path,
  clock,
  synchronous = 'FULL',
  onBatch,
  onDeath,
}: SqliteStoreOptions): Promise<Store> {
  if (!existsSync(dirname(path))) mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const settings = { path, nowMs: clock.now(), synchronous }
  // Before SQLite opens it: the files it keeps beside it take over its permissions.
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
  const writer = await BatchingWorker.start(
    { ...settings, mode: 'write' },
    { ...(onBatch && { onBatch }), ...(onDeath && { onDeath }) },
  )
  const reader = await BatchingWorker.start({ ...settings, mode: 'read' }, onDeath && { onDeath })

  let lastHeads = '' // of the newest checkpoint: an idle night needs no more of them

  // The workers answer with exactly what the operation of that name returns.
  const write = <Name extends keyof WriteOperations>(name: Name, ...values: Parameters<WriteOperations[Name]>) =>
    writer.run(name, ...values) as Promise<ReturnType<WriteOperations[Name]>>
  const read = <Name extends keyof ReadOperations>(name: Name, ...values: Parameters<ReadOperations[Name]>) =>
    reader.run(name, ...values) as Promise<ReturnType<ReadOperations[Name]>>

  return {
    accept: (acceptances) => write('accept', acceptances.map(packed)),
    claim: (request) => write('claim', request),
    settle: (settlement) => write('settle', { ...settlement, replies: settlement.replies.map(packed) }),
    refuse: (refusal) => write('refuse', refusal),
    releaseWaiting: (waitsFor, nowMs) => write('releaseWaiting', waitsFor, nowMs),
    async recover(isGone, nowMs) {
      const gone = (await write('owners')).filter(isGone)
      return gone.length === 0 ? 0 : write('recover', gone, nowMs)
    },
    async checkpoint(sign, nowMs) {
      const known = await write('journalHeads')
      if (known.length === 0) return
      const heads = canonicalJson(known)
      if (heads === lastHeads) return
      lastHeads = heads
      await write('checkpoint', heads, await sign(heads), nowMs)
    },
    sentPairs: (window) => read('sentPairs', window),
    standings: (names) => read('standings', names),
    processOf: (process, names) => read('processOf', process, names),
    advance: (advance) => write('advance', advance),
    dueTimers: (nowMs, limit) => read('dueTimers', nowMs, limit),
    processes: (status, limit) => read('processes', status, limit),
    channels: () => read('channels'),
    setChannel: (condition, nowMs, note) => write('setChannel', condition, nowMs, note),
    intervene: (intervention) => write('intervene', intervention),
    countSelection: (kind, filter) => read('countSelection', kind, filter),
    createBulk: (bulk) => write('createBulk', bulk),
    bulkItems: (bulkId, limit) => read('bulkItems', bulkId, limit),
    settleBulkItem: (bulkId, deliveryId, outcome) => write('settleBulkItem', bulkId, deliveryId, outcome),
    setBulkState: (change) => write('setBulkState', change),
    bulks: () => read('bulks'),
    interventions: (target, limit) => read('interventions', target, limit),
    deliveries: (filter, limit) => read('deliveries', filter, limit),
    delivery: (id) => read('delivery', id),
    original: (messageId) => read('original', messageId),
    backlog: (source, limit) => read('backlog', source, limit),
    message: (id) => read('message', id),
    dossier: (codeOrAlias) => read('dossier', codeOrAlias),
    earlier: (system, subject, types, position) => read('earlier', { system, subject, before: position }, types),
    depths: () => read('depths'),
    journal: (from, limit) => read('journal', from?.chainId ?? '', from?.position ?? 0, limit),
    putShelf: (shelf, items) => write('putShelf', shelf, items),
    shelf: (shelf) => read('shelf', shelf),
    retain: (step) => write('retain', step),
    reclaim: () => write('reclaim'),
    setLegalHold: (hold) => write('setLegalHold', hold),
    probe: () => write('probe', clock.now()),
    async close() {
      await writer.close()
      await reader.close()
    },
  }
}

/** The text alone crosses to the thread: copying the tree as well was a fifteenth of the main thread's work. */
function packed(acceptance: Acceptance): Acceptance {
  if (acceptance.bodyText === undefined) return acceptance
  return { ...acceptance, message: { ...acceptance.message, body: undefined } }
}
