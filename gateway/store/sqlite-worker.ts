import { parentPort, workerData } from 'node:worker_threads'
import { SqliteReader } from './sqlite-reader.ts'
import { ReadTooEarly, SqliteWriter } from './sqlite-writer.ts'

/** How the store thread is started. */
export interface WorkerSettings {
  readonly path: string
  readonly mode: 'write' | 'read'
  readonly nowMs: number
  readonly synchronous: 'FULL' | 'OFF'
}

/** What comes back for a batch. */
export interface BatchAnswer {
  readonly results: readonly OperationResult[]
  /** Newest entry of the writer's journal chain; absent from the reader. */
  readonly journalPosition?: number
}

/** One operation of a batch. */
export interface Operation {
  readonly name: string
  readonly values: readonly unknown[]
}

export type OperationResult =
  | { readonly ok: true; readonly value: unknown }
  /** `unavailable`: the disk or file would not take it. `bug`: our own mistake. */
  /** `moved-on`: computed from a state that is no longer the newest. */
  | { readonly ok: false; readonly kind: 'unavailable' | 'moved-on' | 'bug'; readonly message: string }

const settings: WorkerSettings = workerData
const port = parentPort
if (!port) throw new Error('the store runs in a worker thread')

if (settings.mode === 'write') {
  const writer = new SqliteWriter(settings.path, settings)
  port.on('message', (batch: readonly Operation[] | 'close') => {
    if (batch === 'close') {
      writer.close()
      port.close()
    } else {
      const results = writeBatch(writer, batch)
      port.postMessage({ results, journalPosition: writer.journalPosition } satisfies BatchAnswer)
    }
  })
} else {
  const reader = new SqliteReader(settings.path)
  port.on('message', (batch: readonly Operation[] | 'close') => {
    if (batch === 'close') {
      reader.close()
      port.close()
    } else {
      const results = batch.map((operation) => attempt(() => call(reader, operation)))
      port.postMessage({ results } satisfies BatchAnswer)
    }
  })
}
port.postMessage('ready')

/** Group commit: every operation of the batch shares one transaction and one sync. */
function writeBatch(writer: SqliteWriter, batch: readonly Operation[]): readonly OperationResult[] {
  try {
    return writer.transaction(() =>
      batch.map((operation) => {
        const result = attempt(() => writer.savepoint(() => call(writer, operation)))
        // A full disk makes SQLite abandon the whole transaction: then nothing of the batch was written.
        if (!writer.isInTransaction) throw new Error(result.ok ? 'the transaction was lost' : result.message)
        return result
      }),
    )
  } catch (error) {
    return batch.map(() => failure(error))
  }
}

function call(target: SqliteWriter | SqliteReader, { name, values }: Operation): unknown {
  // Only the façade posts operations, and it names methods of these two classes alone.
  const method = Reflect.get(target, name) as (...values: readonly unknown[]) => unknown
  return method.apply(target, [...values])
}

function attempt(work: () => unknown): OperationResult {
  try {
    return { ok: true, value: work() }
  } catch (error) {
    return failure(error)
  }
}

function failure(error: unknown): OperationResult {
  if (error instanceof ReadTooEarly) return { ok: false, kind: 'moved-on', message: 'the process has moved on' }
  const isSqlite = error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'
  const isLost = error instanceof Error && !isSqlite && error.message === 'the transaction was lost'
  return {
    ok: false,
    kind: isSqlite || isLost ? 'unavailable' : 'bug',
    message: error instanceof Error ? error.message : String(error),
  }
}
