import { once } from 'node:events'
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
  /** Headers and half of the body, then silence; the connection stays open. */
  | { readonly kind: 'half-open'; readonly answer: Answer }
  /** The whole answer, one byte every `delayMs`. */
  | { readonly kind: 'drip'; readonly answer: Answer; readonly delayMs: number }
  /** The answer, followed by so many spaces: still the same JSON. */
  | { readonly kind: 'flood'; readonly answer: Answer; readonly bytes: number }
  /** These bytes in place of HTTP, then the end. */
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  /** The connection is reset, and nobody listens for so long. */
  | { readonly kind: 'refuse'; readonly forMs: number }

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
  /** Its address names a host that no name server knows. */
  readonly isNameless?: boolean
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
      case 'half-open':
        return half(response, reply.answer)
      case 'drip':
        return await drip(response, reply, closing.signal)
      case 'flood':
        return await flood(response, reply)
      case 'raw':
        request.socket.end(reply.bytes)
        return
      case 'refuse':
        return await refuse(reply.forMs)
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

  async function refuse(forMs: number): Promise<void> {
    server.close()
    server.closeAllConnections()
    await pause(forMs, closing.signal)
    if (!server.listening) await listen(server, { ...options, port })
  }

  await listen(server, options)
  // A TCP server that listens has an AddressInfo; null and strings belong to closed servers and pipes.
  const { port, address } = server.address() as AddressInfo
  return {
    port,
    // .invalid never resolves (RFC 6761 §6.4).
    url: `http://${options.isNameless ? 'stand-in.invalid' : address}:${port}`,
    async close() {
      closing.abort()
      const closed = new Promise<void>((resolve) => server.close(() => resolve())) // at once when it is refusing
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

function half(response: ServerResponse, answer: Answer): void {
  const body = Buffer.from(answer.body)
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length + 1 })
  response.write(body.subarray(0, Math.ceil(body.length / 2)))
}

async function drip(
  response: ServerResponse,
  { answer, delayMs }: { readonly answer: Answer; readonly delayMs: number },
  signal: AbortSignal,
): Promise<void> {
  const body = Buffer.from(answer.body)
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length })
  for (const byte of body) {
    if (response.destroyed) return
    response.write(Buffer.of(byte))
    await pause(delayMs, signal)
  }
  response.end()
}

async function flood(
  response: ServerResponse,
  { answer, bytes }: { readonly answer: Answer; readonly bytes: number },
): Promise<void> {
  response.writeHead(answer.status, answer.headers)
  response.write(answer.body)
  const spaces = Buffer.alloc(65_536, ' ')
  for (let left = bytes; left > 0 && !response.destroyed; left -= spaces.length) {
    // Whoever goes away in the middle makes no 'drain'.
    if (!response.write(spaces)) await Promise.race([once(response, 'drain'), once(response, 'close')])
  }
  response.end()
}
