import { digestOf } from '../../gateway/bus/canonical-json.ts'
import type { Clock } from '../../gateway/bus/clock.ts'
import { type ErrorCode, GatewayError, type GatewayErrorOptions } from '../../gateway/bus/errors.ts'
import { durationMs } from '../../gateway/bus/route.ts'
import { readJson } from '../../gateway/envelopes/json-gate.ts'
import {
  createHttpClient,
  type HttpAnswer,
  type HttpClient,
  type HttpRequest,
} from '../../gateway/transports/http-client.ts'
import { classifyStatus } from '../../gateway/transports/partner-failure.ts'
import type { Call, MessageType } from './calls.ts'
import { restCalls } from './rest-calls.ts'
import { sdkCalls } from './sdk-calls.ts'
import type { DocumentAxisSettings } from './settings.ts'

/** What the axis says it has for us. */
export interface AxisItem {
  readonly docId: string
  readonly from?: string
}

export interface AxisReceipt {
  readonly docId?: string
  readonly answerDigest: string
}

export interface AxisWire {
  send(
    edxml: Uint8Array,
    order: { messageType: MessageType; signal: AbortSignal; beforeSend: () => void },
  ): Promise<AxisReceipt>
  /** What waits for us, oldest first as the axis gives it. */
  list(messageType: MessageType, signal: AbortSignal): Promise<readonly AxisItem[]>
  fetch(docId: string, signal: AbortSignal): Promise<Buffer>
  acknowledge(docId: string, status: 'done' | 'fail', signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** Speaks to the axis in the configured variant. Secrets reach no log, error or digest. */
export function createAxisWire(settings: DocumentAxisSettings, clock: Clock): AxisWire {
  const client = createHttpClient({
    baseUrl: settings.url,
    connectTimeoutMs: durationMs(settings.timeouts.connect),
    answerTimeoutMs: durationMs(settings.timeouts.answer),
    concurrency: settings.concurrency,
    insideNetwork: settings.insideNetwork,
    // Configuration refuses clear text in production.
    clearTextAllowed: true,
    // Base64 in JSON, and at times base64 within that.
    maxAnswerBytes: settings.maxDocumentBytes * 2,
    clock,
  })
  const calls = settings.variant === 'sdk' ? sdkCalls(settings, clock) : restCalls(settings)
  const ask = (call: Call, signal: AbortSignal) =>
    exchange({ client, clock, request: { ...call, signal, isIdempotent: true } })

  return {
    async send(edxml, { messageType, ...rest }) {
      const request = { ...calls.send(edxml, messageType), ...rest }
      const { document, answerDigest } = await exchange({ client, clock, request })
      const docId = idIn(document) ?? idIn(document.data)
      return { answerDigest, ...(docId !== undefined && { docId }) }
    },
    async list(messageType, signal) {
      const nowMs = clock.now()
      const window = { fromMs: nowMs - durationMs(settings.lookBack), toMs: nowMs }
      const { document } = await ask(calls.list(messageType, window), signal)
      return itemsIn(document.data)
    },
    async fetch(docId, signal) {
      const { document } = await ask(calls.fetch(docId), signal)
      return edxmlIn(document.data)
    },
    async acknowledge(docId, status, signal) {
      await ask(calls.acknowledge(docId, status), signal)
    },
    close: () => client.close(),
  }
}

type Json = Readonly<Record<string, unknown>>

async function exchange(options: {
  readonly client: HttpClient
  readonly clock: Clock
  readonly request: HttpRequest
}): Promise<{ readonly document: Json; readonly answerDigest: string }> {
  const answer = await options.client.send(options.request)
  const document = jsonIn(answer)
  // Some answer a refusal with 4xx and say in the body which; the body then knows better.
  const failure = document === undefined ? undefined : refusalIn(document, answer)
  if (failure) throw failure
  const byStatus = classifyStatus(answer, options.clock.now())
  if (byStatus) throw byStatus
  if (document === undefined || !isAccepted(document))
    throw new GatewayError('partner-answer-unreadable', digested(answer))
  return { document, answerDigest: digestOf(answer.body) }
}

/** Codes of the axis (wire-formats 4.4); what each means for a delivery. */
const axisErrors: Readonly<Record<string, ErrorCode>> = {
  '10': 'partner-refused',
  '15': 'partner-denied',
  '18': 'partner-refused',
  '19': 'partner-denied',
  '20': 'partner-failed',
  '21': 'partner-failed',
  '22': 'partner-refused',
  '23': 'partner-refused',
}

function isAccepted(document: Json): boolean {
  return document.status === 'OK' || document.success === true
}

function refusalIn(document: Json, answer: HttpAnswer): GatewayError | undefined {
  if (document.status !== 'FAIL' && document.success !== false) return undefined
  const data = isJson(document.data) ? document.data : {}
  const said = [document.ErrorCode, document.errorCode, data.errorCode].find((code) => code !== undefined)
  const code = typeof said === 'string' || typeof said === 'number' ? String(said).slice(0, 20) : undefined
  const known = code === undefined ? undefined : axisErrors[code]
  const options = { answer: { digest: digestOf(answer.body), ...(code !== undefined && { code }) } }
  // It says that it did not take it, so that repeating it does no harm where it is to blame or will not say why.
  return known === undefined || known === 'partner-failed'
    ? new GatewayError('partner-failed', { ...options, failure: 'transient' })
    : new GatewayError(known, options)
}

function jsonIn({ body }: HttpAnswer): Json | undefined {
  try {
    const document = readJson(body, { maxDepth: 8 })
    return isJson(document) ? document : undefined
  } catch {
    return undefined
  }
}

function itemsIn(data: unknown): readonly AxisItem[] {
  if (data === undefined || data === null) return []
  if (!Array.isArray(data)) throw new GatewayError('partner-answer-unreadable')
  return data.flatMap((item) => {
    const docId = idIn(item)
    // `done` and `fail` are our own answers; some lists go on showing them.
    if (docId === undefined || !isJson(item) || item.status === 'done' || item.status === 'fail') return []
    return [{ docId, ...(typeof item.from === 'string' && { from: item.from.slice(0, 100) }) }]
  })
}

/** The document: base64 in `data`, or in `data.edxml` as base64 or as it is. */
function edxmlIn(data: unknown): Buffer {
  const text = isJson(data) ? data.edxml : data
  if (typeof text !== 'string' || text === '') throw new GatewayError('partner-answer-unreadable')
  return text.trimStart().startsWith('<') ? Buffer.from(text) : Buffer.from(text, 'base64')
}

function idIn(value: unknown): string | undefined {
  if (!isJson(value)) return undefined
  const id = value.docId ?? value.DocId
  return typeof id === 'string' && /^[\x21-\x7e]{1,200}$/.test(id) ? id : undefined
}

function digested(answer: HttpAnswer): GatewayErrorOptions {
  return { answer: { digest: digestOf(answer.body), code: String(answer.status) } }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
