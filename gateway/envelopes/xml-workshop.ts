import { Worker } from 'node:worker_threads'
import { GatewayError } from '../bus/errors.ts'
import { type CrossingError, createXmlBench, fromCrossing, type XmlOrder, type XmlOutcomes } from './xml-work.ts'

/** Where XML signatures are made and checked, so that the event loop is never held for long. */
export interface XmlWorkshop {
  /**
   * Does an order: at once when it is small, else in a thread of its own. Rejects with what the work throws, with
   * `xml-too-complex` when it does not end by the deadline, and with `too-many-requests` when too many wait.
   */
  do<Act extends XmlOrder['act']>(order: Extract<XmlOrder, { act: Act }>): Promise<XmlOutcomes[Act]>
  /** Ends the threads; what is under way is broken off. */
  close(): Promise<void>
}

export interface XmlWorkshopOptions {
  /** XML Schemas by name, each in one text. */
  readonly schemas?: Readonly<Record<string, string>>
  /** Default 1: the others of a small machine have work of their own. */
  readonly threads?: number
  /** How long one order may take in its thread. */
  readonly deadlineMs?: number
  readonly maxWaiting?: number
}

interface Waiting {
  readonly order: XmlOrder
  readonly settle: (end: { readonly outcome: unknown } | { readonly failure: Error }) => void
}

/** A workshop without threads yet; each starts when there is work for it, and never keeps the gateway alive. */
export function createXmlWorkshop(options: XmlWorkshopOptions = {}): XmlWorkshop {
  const { schemas = {}, threads = 1, deadlineMs = 10_000, maxWaiting = 32 } = options
  const work = createXmlBench(schemas)
  const queue: Waiting[] = []
  const idle: Worker[] = []
  const all = new Set<Worker>()
  let isClosed = false

  function hire(): Worker | undefined {
    const free = idle.pop()
    if (free !== undefined || all.size >= threads) return free
    const worker = new Worker(new URL('./xml-worker.ts', import.meta.url), { workerData: schemas })
    worker.unref()
    all.add(worker)
    worker.once('exit', () => {
      all.delete(worker)
      const at = idle.indexOf(worker)
      if (at >= 0) idle.splice(at, 1)
      next()
    })
    return worker
  }

  function next(): void {
    if (queue.length === 0 || isClosed) return
    const worker = hire()
    const waiting = worker === undefined ? undefined : queue.shift()
    if (worker === undefined || waiting === undefined) return
    const finish = (end: Parameters<Waiting['settle']>[0], isUsable: boolean): void => {
      clearTimeout(timer)
      worker.removeAllListeners('message')
      worker.removeAllListeners('error')
      worker.off('exit', onExit)
      // Whoever is let go may still fail on its way out; nobody waits for it any more.
      worker.on('error', () => undefined)
      worker.unref()
      if (isUsable) idle.push(worker)
      else void worker.terminate()
      waiting.settle(end)
      next()
    }
    const onExit = () => finish({ failure: new GatewayError('draining') }, false)
    const timer = setTimeout(() => {
      const detail = `It could not be worked through in ${deadlineMs} ms.`
      finish({ failure: new GatewayError('xml-too-complex', { detail }) }, false)
    }, deadlineMs)
    worker.removeAllListeners('error')
    worker.once('message', (answer: { readonly outcome: unknown } | { readonly error: CrossingError }) =>
      finish('error' in answer ? { failure: fromCrossing(answer.error) } : answer, true),
    )
    worker.once('error', (error) => finish({ failure: new GatewayError('internal-error', { cause: error }) }, false))
    worker.once('exit', onExit)
    worker.ref()
    worker.postMessage(waiting.order)
  }

  function send(order: XmlOrder): Promise<unknown> {
    if (isClosed) return Promise.reject(new GatewayError('draining'))
    if (queue.length >= maxWaiting) return Promise.reject(new GatewayError('too-many-requests'))
    return new Promise((resolve, reject) => {
      queue.push({ order, settle: (end) => ('failure' in end ? reject(end.failure) : resolve(revived(end.outcome))) })
      next()
    })
  }

  return {
    async do(order) {
      const outcome = isLong(order) ? await send(order) : work(order)
      // The bench and its threads answer to an act with that act's outcome.
      return outcome as XmlOutcomes[typeof order.act]
    },
    async close() {
      isClosed = true
      for (const { settle } of queue.splice(0)) settle({ failure: new GatewayError('draining') })
      await Promise.all([...all].map((worker) => worker.terminate()))
    },
  }
}

/** What crosses between threads loses that its bytes were Buffers. */
function revived(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (Array.isArray(value)) return value.map(revived)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, revived(member)]))
}

/**
 * Whether an order may take more than about 10 ms. Measured on the build machine for a whole verification: 0.03 µs for
 * every byte and 0.4 µs for every `<`; a cold machine takes three times as long.
 */
function isLong(order: XmlOrder): boolean {
  const budgetUs = 3_000
  if (order.act === 'seal-edxml') {
    const bytes = order.content.attachments.reduce((sum, one) => sum + one.bytes.byteLength, 0)
    return bytes * 0.06 > budgetUs
  }
  const { document } = order
  if (document.byteLength * 0.03 > budgetUs) return true
  let tags = 0
  for (let at = document.indexOf(0x3c); at >= 0; at = document.indexOf(0x3c, at + 1)) tags += 1
  return document.byteLength * 0.03 + tags * 0.4 > budgetUs
}
