import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { GatewayError } from '../bus/errors.ts'
import type { BatchAnswer, Operation, OperationResult, WorkerSettings } from './sqlite-worker.ts'

interface Pending {
  readonly operation: Operation
  readonly resolve: (value: unknown) => void
  readonly reject: (error: GatewayError) => void
}

/** What the wire tap learns of each batch. */
export interface BatchReport {
  readonly operations: number
  readonly durationMs: number
  readonly journalPosition?: number
}

export interface WorkerListeners {
  readonly onBatch?: (report: BatchReport) => void
  /** The thread ended by itself: nothing it is asked will ever be answered again. */
  readonly onDeath?: (cause: Error) => void
}

/** More than this in one transaction only makes the first wait for the last. */
const largestBatch = 256

/**
 * A store thread with one batch in flight: what is asked meanwhile becomes the next batch, so that one sync serves all of it
 * (group commit) and the event loop never waits for a disk.
 */
export class BatchingWorker {
  readonly #worker: Worker
  readonly #onBatch: (report: BatchReport) => void
  readonly #onDeath: (cause: Error) => void
  #queue: Pending[] = []
  #inFlight: readonly Pending[] = []
  #startedAt = 0
  #failure: GatewayError | undefined
  #isClosing = false

  private constructor(worker: Worker, { onBatch = () => {}, onDeath = () => {} }: WorkerListeners) {
    this.#worker = worker
    this.#onBatch = onBatch
    this.#onDeath = onDeath
    worker.on('message', (answer: BatchAnswer) => this.#finish(answer))
    worker.on('error', (cause) => this.#fail(cause))
    worker.on('exit', () => this.#fail(new Error('the store thread ended')))
  }

  static async start(settings: WorkerSettings, listeners: WorkerListeners = {}): Promise<BatchingWorker> {
    const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: settings })
    return BatchingWorker.over(worker, listeners)
  }

  /** Takes charge of a store thread that is starting. */
  static async over(worker: Worker, listeners: WorkerListeners = {}): Promise<BatchingWorker> {
    await once(worker, 'message')
    return new BatchingWorker(worker, listeners)
  }

  /** Resolves once the operation's batch is committed (a write) or read. */
  run(name: string, ...values: readonly unknown[]): Promise<unknown> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#queue.push({ operation: { name, values }, resolve, reject })
      this.#send()
    })
  }

  #send(): void {
    if (this.#inFlight.length > 0 || this.#queue.length === 0) return
    this.#inFlight = this.#queue.splice(0, largestBatch)
    this.#startedAt = performance.now()
    this.#worker.postMessage(this.#inFlight.map(({ operation }) => operation))
  }

  #finish({ results, ...position }: BatchAnswer): void {
    const finished = this.#inFlight
    this.#inFlight = []
    this.#onBatch({ operations: finished.length, durationMs: performance.now() - this.#startedAt, ...position })
    this.#send()
    for (const [index, { resolve, reject }] of finished.entries()) {
      const result = results[index]
      if (result?.ok) resolve(result.value)
      else reject(refusal(result))
    }
  }

  #fail(cause: Error): void {
    if (this.#isClosing || this.#failure) return
    this.#failure = new GatewayError('store-unavailable', { cause })
    for (const { reject } of [...this.#inFlight, ...this.#queue]) reject(this.#failure)
    this.#inFlight = []
    this.#queue = []
    this.#onDeath(cause)
  }

  /** Lets what was asked finish, then ends the thread. */
  async close(): Promise<void> {
    while (this.#inFlight.length > 0 || this.#queue.length > 0) await new Promise((resolve) => setImmediate(resolve))
    this.#isClosing = true
    if (this.#failure) return
    const exited = once(this.#worker, 'exit')
    this.#worker.postMessage('close')
    await exited
  }
}

const codes = { unavailable: 'store-unavailable', 'moved-on': 'process-changed', bug: 'internal-error' } as const

function refusal(result: OperationResult | undefined): GatewayError {
  if (!result || result.ok) return new GatewayError('internal-error')
  return new GatewayError(codes[result.kind], { cause: new Error(result.message) })
}
