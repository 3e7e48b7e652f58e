import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** One call a stand-in has received, body read to its end. */
export interface Exchange {
  /** Position in the order of arrival, from 1. */
  readonly arrival: number
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** A whole HTTP answer. */
export interface Answer {
  readonly kind: 'answer'
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** What goes back on the wire; everything but `answer` is a way of going wrong. */
export type Reply =
  | Answer
  /** Never a byte; the connection stays open. */
  | { readonly kind: 'hang' }
  /** The connection is reset without a byte. */
  | { readonly kind: 'reset' }
  /** Headers and half of the body, then the connection is reset. */
  | { readonly kind: 'cut'; readonly answer: Answer }

/** What a stand-in does, without its socket. */
export interface Behaviour {
  reply(exchange: Exchange, signal: AbortSignal): Promise<Reply>
  /** The control API: `'GET /_sim/state'` → what to do with the JSON it was given. */
  readonly control: Readonly<Record<string, (order: unknown, query: URLSearchParams) => unknown>>
}

export interface StandInOptions {
  /** 0 takes any free port. */
  readonly port?: number
  readonly host?: string
  readonly maxBodyBytes?: number
}

/** A listening stand-in. */
export interface StandIn {
  readonly port: number
  readonly url: string
  /** Cuts every connection and ends every wait. */
  close(): Promise<void>
}

/** An order of the control API that makes no sense; answered with 400. */
export class BadOrder extends Error {}

/** Gives a behaviour a socket and a control API under `/_sim/`. */
export async function startStandIn(behaviour: Behaviour, options: StandInOptions = {}): Promise<StandIn> {
  const closing = new AbortController()
  const maxBodyBytes = options.maxBodyBytes ?? 50 * 1024 * 1024
  let arrivals = 0

  const server = createServer((request, response) => {
    // A caller that goes away mid-request is the caller's business; nothing else may be swallowed here.
    response.on('error', () => undefined)
    void serve(request, response).catch((error: unknown) => {
      if (closing.signal.aborted || response.destroyed) response.destroy()
      else send(response, jsonAnswer(500, { error: error instanceof Error ? error.message : String(error) }))
    })
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = new URL(request.url ?? '/', 'http://stand-in')
    const body = await readBody(request, maxBodyBytes)
    if (body === undefined) return send(response, textAnswer(413, 'Payload Too Large'))
    const method = request.method ?? 'GET'
    if (target.pathname.startsWith('/_sim/')) {
      return send(response, await control(`${method} ${target.pathname}`, target.searchParams, body))
    }
    arrivals += 1
    const exchange: Exchange = {
      arrival: arrivals,
      method,
      path: target.pathname,
      query: target.searchParams,
      headers: request.headers,
      body,
    }
    const reply = await behaviour.reply(exchange, closing.signal)
    switch (reply.kind) {
      case 'hang':
        return
      case 'reset':
        request.socket.resetAndDestroy()
        return
      case 'cut':
        return cut(response, reply.answer)
      case 'answer':
        return send(response, reply)
    }
  }

  async function control(name: string, query: URLSearchParams, body: Buffer): Promise<Answer> {
    const act = behaviour.control[name]
    if (!act) return jsonAnswer(404, { error: `no ${name}`, known: Object.keys(behaviour.control) })
    try {
      const order: unknown = body.length > 0 ? JSON.parse(body.toString('utf8')) : undefined
      return jsonAnswer(200, (await act(order, query)) ?? { ok: true })
    } catch (error) {
      if (!(error instanceof BadOrder || error instanceof SyntaxError)) throw error
      return jsonAnswer(400, { error: error.message })
    }
  }

  await listen(server, options)
  // A TCP server that listens has an AddressInfo; null and strings belong to closed servers and pipes.
  const { port, address } = server.address() as AddressInfo
  return {
    port,
    url: `http://${address}:${port}`,
    async close() {
      closing.abort()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

/** A JSON answer as these partners write it. */
export function jsonAnswer(status: number, document: unknown): Answer {
  return {
    kind: 'answer',
    status,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(document),
  }
}

/** An answer in plain text. */
export function textAnswer(status: number, text: string): Answer {
  return { kind: 'answer', status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: text }
}

/** Waits, or rejects when the stand-in closes. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  if (delayMs > 0) await sleep(delayMs, undefined, { signal })
}

function listen(server: Server, options: StandInOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function readBody(request: IncomingMessage, maxBodyBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes <= maxBodyBytes) chunks.push(chunk)
  }
  return bytes > maxBodyBytes ? undefined : Buffer.concat(chunks)
}

function send(response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return
  const body = Buffer.from(answer.body)
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length })
  response.end(body)
}

function cut(response: ServerResponse, answer: Answer): void {
  const body = Buffer.from(answer.body)
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length + 1 })
  response.write(body.subarray(0, Math.ceil(body.length / 2)), () => response.socket?.resetAndDestroy())
}
