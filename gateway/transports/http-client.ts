import { Readable } from 'node:stream'
import type { SecureContextOptions } from 'node:tls'
import { type Dispatcher, Pool } from 'undici'
import type { Clock } from '../bus/clock.ts'
import { GatewayError } from '../bus/errors.ts'
import { guardedConnector } from './guarded-connector.ts'
import type { HttpAnswer } from './http-answer.ts'
import { connectionFailure } from './partner-failure.ts'

export type { HttpAnswer } from './http-answer.ts'

/** How one system is called. */
export interface HttpClientOptions {
  /** Scheme, host, port and the path everything is below; no credentials in it. */
  readonly baseUrl: string
  readonly connectTimeoutMs: number
  /** From the first byte sent to the last byte of the answer. */
  readonly answerTimeoutMs: number
  /** Connections, each with one request at a time. */
  readonly concurrency: number
  /** Default 16 MiB. */
  readonly maxAnswerBytes?: number
  /** The system stands in a private network: addresses there may be called. */
  readonly insideNetwork?: boolean
  /** `http:` may be spoken; without it such a base URL is refused. */
  readonly clearTextAllowed?: boolean
  /** Trust anchors in place of the system's own, and our certificate where the partner asks for one. */
  readonly tls?: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> & { readonly servername?: string }
  readonly clock: Clock
}

/** A body too large to hold: made as it is sent, of a length known before. */
export interface StreamedBody {
  readonly lengthBytes: number
  readonly chunks: AsyncIterable<Uint8Array>
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the base URL's path; begins with a slash, may carry a query. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string | StreamedBody
  readonly signal: AbortSignal
  /** For all of it: waiting for a connection, connecting, sending, being answered. */
  readonly deadlineMs?: number
  /**
   * Called once a connection is open and free, in the same turn of the event loop in which the first byte is given to
   * the socket. What it throws is what `send` rejects with, and nothing is sent.
   */
  readonly beforeSend?: () => void
  /** Doing it twice does no harm (a look-up): what would be ambiguous is transient. */
  readonly isIdempotent?: boolean
}

export interface HttpClient {
  /** Rejects with a GatewayError whose failure class says whether the partner may have acted. Never sends twice. */
  send(request: HttpRequest): Promise<HttpAnswer>
  /** Breaks off what is under way. */
  close(): Promise<void>
}

/** One system's pool of connections. Throws an Error when the base URL can't be used. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const base = new URL(options.baseUrl)
  if (base.protocol !== 'https:' && !(base.protocol === 'http:' && options.clearTextAllowed === true))
    throw new Error('the base URL must be https, or http where clear text is allowed')
  if (base.username !== '' || base.password !== '' || base.search !== '' || base.hash !== '')
    throw new Error('the base URL must have no credentials, query or fragment')
  const prefix = base.pathname.replace(/\/+$/, '')
  const maxAnswerBytes = options.maxAnswerBytes ?? 16 * 1024 * 1024
  const pool = new Pool(base.origin, {
    connect: guardedConnector(options),
    connections: options.concurrency,
    pipelining: 1,
    // Below what servers commonly keep (5 s): a connection they close as we write makes a delivery ambiguous.
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 30_000,
    // A dripping body resets both; the exchange has its own deadlines for the whole.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 16 * 1024,
    maxResponseSize: maxAnswerBytes,
  })

  return {
    async send(request) {
      const wire: Dispatcher.DispatchOptions = {
        method: request.method,
        path: prefix + withQuery(request.path, request.query ?? {}),
        ...contentOf(request),
      }
      return await exchange({ request, wire, pool, maxAnswerBytes, options })
    },
    async close() {
      await pool.destroy()
    },
  }
}

interface Exchange {
  readonly request: HttpRequest
  readonly wire: Dispatcher.DispatchOptions
  readonly pool: Pool
  readonly maxAnswerBytes: number
  readonly options: HttpClientOptions
}

/**
 * One request, one answer. Speaks to the dispatcher itself because only its handler is called between a connection
 * being free and the write, which is where the lease is checked and where "nothing was sent" ends.
 */
function exchange({ request, wire, pool, maxAnswerBytes, options }: Exchange): Promise<HttpAnswer> {
  const { clock } = options
  return new Promise((resolve, reject) => {
    let wasSent = false
    let isOver = false
    let controller: Dispatcher.DispatchController | undefined
    const chunks: Buffer[] = []
    let sizeBytes = 0
    let head: Pick<HttpAnswer, 'status' | 'headers'> | undefined

    const finish = (): boolean => {
      const isFirst = !isOver
      isOver = true
      cancelDeadline()
      cancelAnswerTimer()
      request.signal.removeEventListener('abort', onAbort)
      return isFirst
    }
    const fail = (error: GatewayError): void => {
      if (!finish()) return
      reject(error.failure === 'ambiguous' && request.isIdempotent === true ? madeTransient(error) : error)
      controller?.abort(error)
    }
    const timeOut = (detail: string): void =>
      fail(new GatewayError('partner-timeout', wasSent ? { detail } : { detail, failure: 'transient' }))
    const onAbort = (): void => timeOut(wasSent ? 'It was broken off.' : 'It was broken off before it was sent.')

    let cancelAnswerTimer = (): void => {}
    const deadlineMs = request.deadlineMs ?? options.connectTimeoutMs + options.answerTimeoutMs
    const cancelDeadline = clock.after(deadlineMs, () => timeOut(`The limit is ${deadlineMs} ms.`))
    request.signal.addEventListener('abort', onAbort, { once: true })
    if (request.signal.aborted) return onAbort()

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started
        if (isOver) throw new Error('given up')
        request.beforeSend?.()
        wasSent = true
        const { answerTimeoutMs } = options
        cancelAnswerTimer()
        cancelAnswerTimer = clock.after(answerTimeoutMs, () => timeOut(`The limit is ${answerTimeoutMs} ms.`))
      },
      onResponseStart(_controller, status, headers) {
        // 1xx: the answer is still to come.
        if (status < 200) return
        head = { status, headers }
        const encoding = headers['content-encoding']
        // Never inflated, so that no bomb can go off; `identity` was asked for.
        if (encoding !== undefined && encoding !== 'identity') fail(unreadable('It is compressed.'))
      },
      onResponseData(_controller, chunk) {
        sizeBytes += chunk.length
        if (sizeBytes > maxAnswerBytes) fail(unreadable(`It is larger than ${maxAnswerBytes} bytes.`))
        else chunks.push(chunk)
      },
      onResponseEnd() {
        if (head === undefined) fail(unreadable('It has no head.'))
        else if (finish()) resolve({ ...head, body: Buffer.concat(chunks, sizeBytes) })
      },
      onResponseError(_controller, error) {
        fail(error instanceof GatewayError ? error : connectionFailure(error, { wasSent }))
      },
    }
    try {
      pool.dispatch(wire, handler)
    } catch (error) {
      fail(new GatewayError('internal-error', { cause: error }))
    }
  })
}

function unreadable(detail: string): GatewayError {
  return new GatewayError('partner-answer-unreadable', { detail })
}

function madeTransient(error: GatewayError): GatewayError {
  return new GatewayError(error.code, { ...error.options, failure: 'transient' })
}

function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  if (!path.startsWith('/')) throw new GatewayError('internal-error', { cause: new Error('the path has no slash') })
  const pairs = Object.entries(query).map(([name, value]) => `${queryText(name)}=${queryText(value)}`)
  if (pairs.length === 0) return path
  return `${path}${path.includes('?') ? '&' : '?'}${pairs.join('&')}`
}

/** RFC 3986 §3.4 lets `:` and `/` stand in a query, and adapters in the field send `dstcode=VN:GOV:…` just so. */
function queryText(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':').replaceAll('%2F', '/')
}

/** Undici writes `content-length` itself for a whole body, and holds a streamed one to the one given here. */
function contentOf({ body, headers = {} }: HttpRequest): Pick<Dispatcher.DispatchOptions, 'headers' | 'body'> {
  if (body === undefined || body instanceof Uint8Array) return { headers: headersOf(headers), body: body ?? null }
  if (typeof body === 'string') return { headers: headersOf(headers), body: Buffer.from(body) }
  const length = { 'content-length': String(body.lengthBytes) }
  return { headers: headersOf({ ...headers, ...length }), body: Readable.from(body.chunks, { objectMode: false }) }
}

function headersOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  return { 'user-agent': 'lien-thong', ...Object.fromEntries(lower), 'accept-encoding': 'identity' }
}
