import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { GatewayError, overLimit } from '../bus/errors.ts'
import type { Gateway, WireTap } from '../bus/gateway.ts'
import { jwsTypes, signDetached } from '../envelopes/jws.ts'
import type { Keyring } from '../envelopes/keyring.ts'
import { type ErrorAnswer, problemOf, rawProblem } from './problem.ts'
import { bodyTypeFault, requestFault } from './request-rules.ts'

export type { ErrorAnswer } from './problem.ts'

/** How one door differs from another. */
export interface DoorOptions {
  /** What audits and metrics call it: `one-window:drop-in`. */
  readonly name: string
  /** Exact media types whose bodies it takes; others are answered 415. Empty: no body at all. */
  readonly mediaTypes: readonly string[]
  /** Media types, with any parameters, whose bodies the handler reads as a stream and limits by itself. */
  readonly streamTypes?: readonly string[]
  /** Smaller than the server's limit when a door needs less. */
  readonly maxBodyBytes?: number
  /** The door's own error form; `application/problem+json` without it. */
  readonly answerError?: (error: GatewayError, request: FastifyRequest) => ErrorAnswer
}

/** What every door needs from the HTTP server, so that no door sets its own limits or invents its own errors. */
export interface HttpDoorKit {
  /**
   * Makes `scope` a door; call it first in the door's plugin. Within it bodies arrive as untouched Buffers, errors
   * thrown by handlers are answered in the door's form and reported once as refusals.
   */
  open(scope: FastifyInstance, options: DoorOptions): void
  /** The request's bytes as they came; throws `request-unreadable` when there are none. */
  bodyOf(request: FastifyRequest): Buffer
  /** Whom the request says it is from, before that is proved: goes to the audit record only. */
  claimSender(request: FastifyRequest, name: string): void
  /** Whom it is proved to be from: from here on every answer to it is signed (`x-jws-signature`). */
  markSender(request: FastifyRequest, system: string): void
  /** Audits a refusal that is not the whole answer, e.g. one item of a batch. */
  reportRefusal(request: FastifyRequest, error: GatewayError): void
}

/** What the server allows a caller. */
export interface DoorLimits {
  readonly maxBodyBytes: number
  readonly maxHeaderBytes: number
  /** From the first byte of a request to its last; a slow client gets no more. */
  readonly requestTimeoutMs: number
  readonly headersTimeoutMs: number
  /** A connection on which nothing moves, in the middle of a request too. */
  readonly idleTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly maxConnections: number
  readonly maxParamLength: number
}

/** The limits that hold unless configuration says otherwise. */
export const defaultDoorLimits: DoorLimits = {
  maxBodyBytes: 10 * 1024 * 1024,
  maxHeaderBytes: 16 * 1024,
  requestTimeoutMs: 60_000,
  headersTimeoutMs: 15_000,
  idleTimeoutMs: 30_000,
  keepAliveTimeoutMs: 10_000,
  maxConnections: 2048,
  maxParamLength: 200,
}

export interface DoorServerOptions {
  readonly gateway: Pick<Gateway, 'refused'>
  readonly keyring: Keyring
  readonly tap: Pick<WireTap, 'failed'>
  readonly limits?: Partial<DoorLimits>
  /** Addresses or CIDR ranges of proxies whose `X-Forwarded-For` is believed; empty believes nobody. */
  readonly trustProxy?: readonly string[]
  /** Host names answered for, without port; absent answers for any. */
  readonly hosts?: readonly string[]
}

export interface DoorServer {
  /** Not yet listening: doors are registered on it first. */
  readonly server: FastifyInstance
  readonly doors: HttpDoorKit
  /** From now on every new request is answered 503 `draining`; those under way go on. `server.close()` does it too. */
  drain(): void
}

/** The HTTP server every door hangs on: all limits set, one error form, signed answers to known senders. */
export function createDoorServer(options: DoorServerOptions): DoorServer {
  const limits = { ...defaultDoorLimits, ...options.limits }
  const desk = createRefusalDesk(options, limits)
  const server = Fastify({
    logger: false,
    bodyLimit: limits.maxBodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.idleTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    http: {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
      connectionsCheckingInterval: Math.min(5_000, Math.ceil(limits.requestTimeoutMs / 4)),
      insecureHTTPParser: false,
      // Ours is stricter, and answers in our form.
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: limits.maxParamLength },
    trustProxy: options.trustProxy === undefined || options.trustProxy.length === 0 ? false : [...options.trustProxy],
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    exposeHeadRoutes: false,
    // Its answer is not in our form.
    return503OnClosing: false,
    // These requests reach no route, and no hook runs for them.
    frameworkErrors: (error, _request, reply) => desk.answer(setFixedHeaders(reply), error, httpDoor),
    clientErrorHandler: (error, socket) => desk.answerBroken(error, socket),
  })
  server.server.maxConnections = limits.maxConnections
  server.removeAllContentTypeParsers()
  server.setErrorHandler((error, _request, reply) => desk.answer(reply, error, httpDoor))

  const state = { isDraining: false }
  const drain = (): void => {
    state.isDraining = true
  }
  server.addHook('preClose', (done) => {
    drain()
    done()
  })
  server.addHook('onRequest', (request, reply, done) => {
    setFixedHeaders(reply)
    const fault = state.isDraining ? new GatewayError('draining') : requestFault(request.raw, options.hosts)
    if (fault !== undefined) reply.header('connection', 'close')
    done(fault)
  })
  server.addHook('onSend', async (request, reply, payload) =>
    desk.senderOf(request) === undefined || isSignedItself(reply) ? payload : await signAnswer(reply, payload, options),
  )
  const doorsByPath = new Map<string, DoorForm>()
  answerUnknownPaths(server, { desk, doorsByPath })

  return { server, drain, doors: createDoorKit({ desk, doorsByPath }, limits) }
}

/** What of a door its errors need. */
type DoorForm = Omit<DoorOptions, 'mediaTypes'>

interface DoorRegister {
  readonly desk: RefusalDesk
  /** The doors at which something is mounted, by path as it was mounted. */
  readonly doorsByPath: Map<string, DoorForm>
}

function createDoorKit({ desk, doorsByPath }: DoorRegister, limits: DoorLimits): HttpDoorKit {
  return {
    open(scope, door) {
      const maxBodyBytes = Math.min(door.maxBodyBytes ?? limits.maxBodyBytes, limits.maxBodyBytes)
      const names = new Set(door.mediaTypes.map((name) => name.toLowerCase()))
      const streamed = new Set((door.streamTypes ?? []).map((name) => name.toLowerCase()))
      scope.setErrorHandler((error, _request, reply) => desk.answer(reply, error, { ...door, maxBodyBytes }))
      scope.addHook('onRoute', ({ url }) => void doorsByPath.set(url, door))
      scope.addHook('onRequest', (request, reply, done) => {
        desk.note(request, { door: door.name })
        const fault = bodyTypeFault(request.raw, { whole: names, streamed })
        // The body stays unread, so nothing after it on this connection can be trusted to be a request.
        if (fault !== undefined) reply.header('connection', 'close')
        done(fault)
      })
      for (const name of streamed) {
        scope.addContentTypeParser(name, (_request, body, done) => done(null, body))
      }
      for (const name of names) {
        scope.addContentTypeParser(name, { parseAs: 'buffer', bodyLimit: maxBodyBytes }, (_request, body, done) => {
          done(null, body)
        })
      }
    },
    bodyOf(request) {
      if (!Buffer.isBuffer(request.body) || request.body.length === 0)
        throw new GatewayError('request-unreadable', { detail: 'The request has no body.' })
      return request.body
    },
    claimSender: (request, name) => desk.note(request, { claimed: name.slice(0, 100) }),
    markSender: (request, sender) => desk.note(request, { sender }),
    reportRefusal: (request, error) => desk.report(request, error),
  }
}

/** What is known of a request while it is under way. */
interface RequestNote {
  readonly door?: string
  readonly claimed?: string
  readonly sender?: string
}

/** Where every refusal is answered and audited, whoever noticed it. */
interface RefusalDesk {
  note(request: FastifyRequest, more: RequestNote): void
  senderOf(request: FastifyRequest): string | undefined
  report(request: FastifyRequest, error: GatewayError): void
  answer(reply: FastifyReply, thrown: unknown, door: DoorForm): void
  /** For what the HTTP parser could not make a request of. */
  answerBroken(error: NodeJS.ErrnoException, socket: Socket): void
}

/** Stands for the server itself, where no door has been reached yet. */
const httpDoor = { name: 'http' }

function createRefusalDesk({ gateway, tap }: DoorServerOptions, limits: DoorLimits): RefusalDesk {
  const notes = new WeakMap<FastifyRequest, RequestNote>()
  // Their broken request has been audited; fastify meets the same end once more as a body that broke off.
  const audited = new WeakSet<Socket>()

  const report = (request: FastifyRequest, error: GatewayError): void => {
    if (audited.has(request.raw.socket)) return
    const { door, claimed, sender } = notes.get(request) ?? {}
    gateway.refused({
      door: door ?? httpDoor.name,
      remote: request.ip,
      code: error.code,
      correlationId: request.id,
      ...(sender === undefined ? {} : { sender }),
      ...(claimed === undefined ? {} : { claimedSender: claimed }),
      ...(Buffer.isBuffer(request.body) ? { body: request.body } : {}),
    })
  }

  return {
    note: (request, more) => void notes.set(request, { ...notes.get(request), ...more }),
    senderOf: (request) => notes.get(request)?.sender,
    report,
    answer(reply, thrown, door) {
      const error = faultOf(thrown, door.maxBodyBytes ?? limits.maxBodyBytes)
      if (error.status < 500) report(reply.request, error)
      else if (error.code === 'internal-error') tap.failed({ where: door.name, error: error.options.cause ?? error })
      const { status, mediaType, body } = door.answerError?.(error, reply.request) ?? problemOf(error, reply.request.id)
      // RFC 9110 §15.5.2 asks for it with every 401.
      if (status === 401) reply.header('www-authenticate', 'Bearer realm="lien-thong"')
      if (error.status === 429 || error.status === 503) {
        const retryAfterSeconds = Math.ceil((error.options.retryAfterMs ?? 5000) / 1000)
        reply.header('retry-after', String(Math.max(1, retryAfterSeconds)))
      }
      // As bytes, or fastify would add a charset that the media type does not have.
      const send = () => void reply.code(status).header('content-type', mediaType).send(Buffer.from(body))
      afterRest(reply.request.raw, send)
    },
    answerBroken(error, socket) {
      const fault = brokenRequestFault(error)
      // Half an answer may be on its way; more bytes would be read as part of it.
      if (fault === undefined || !socket.writable || hasBegunToAnswer(socket)) {
        socket.destroy()
        return
      }
      const correlationId = randomUUID()
      audited.add(socket)
      gateway.refused({ door: httpDoor.name, remote: socket.remoteAddress ?? '', code: fault.code, correlationId })
      socket.end(rawProblem(fault, correlationId), () => socket.destroy())
    },
  }
}

/** What is read of a body nobody wants. */
const restLimits = { bytes: 1024 * 1024, waitMs: 2_000 }

/**
 * Lets a client that writes its whole request before it reads get there: closed upon with bytes unread, its side would
 * answer them with a reset and throw our answer away (RFC 9112 §9.6).
 */
function afterRest(request: IncomingMessage, answer: () => void): void {
  const { 'transfer-encoding': encoding, 'content-length': length = '0' } = request.headers
  const hasBody = encoding !== undefined || length !== '0'
  if (!hasBody || request.complete || request.destroyed) {
    answer()
    return
  }
  let leftBytes = restLimits.bytes
  const end = () => {
    clearTimeout(timer)
    request.off('data', count).off('end', end).off('close', end)
    answer()
  }
  const count = (chunk: Buffer) => {
    leftBytes -= chunk.length
    if (leftBytes < 0) end()
  }
  const timer = setTimeout(end, restLimits.waitMs)
  request.on('data', count).once('end', end).once('close', end).resume()
}

/** What fastify or a door has thrown, in our terms; the framework's own words go no further. */
function faultOf(thrown: unknown, maxBodyBytes: number): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return overLimit('request-too-large', { count: maxBodyBytes, unit: 'bytes' })
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' || code === 'FST_ERR_CTP_EMPTY_TYPE')
    return new GatewayError('media-type-unknown', { field: 'content-type' })
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined
  if (typeof status === 'number' && status >= 400 && status < 500) return new GatewayError('request-malformed')
  return new GatewayError('internal-error', { cause: thrown })
}

function brokenRequestFault(error: NodeJS.ErrnoException): GatewayError | undefined {
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return undefined
  if (error.code === 'HPE_HEADER_OVERFLOW') return new GatewayError('headers-too-large')
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return new GatewayError('request-timeout')
  return new GatewayError('request-malformed')
}

function hasBegunToAnswer(socket: Socket): boolean {
  // Node's own default handler asks the same field; there is no public one.
  const answer: unknown = Reflect.get(socket, '_httpMessage')
  return answer !== null && typeof answer === 'object' && 'headersSent' in answer && answer.headersSent === true
}

function setFixedHeaders(reply: FastifyReply): FastifyReply {
  return reply.headers({
    'x-correlation-id': reply.request.id,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
}

/** A receipt is a JWS already; a second signature over it would prove nothing more. */
function isSignedItself(reply: FastifyReply): boolean {
  return reply.getHeader('content-type') === 'application/jose'
}

async function signAnswer(reply: FastifyReply, payload: unknown, options: DoorServerOptions): Promise<unknown> {
  try {
    const bytes = typeof payload === 'string' || payload instanceof Uint8Array ? payload : ''
    if (bytes === '' && payload !== '' && payload !== null && payload !== undefined)
      throw new TypeError('only an answer that is whole can be signed')
    const signature = await signDetached(options.keyring.signingKey(), { typ: jwsTypes.answer, payload: bytes })
    reply.header('x-jws-signature', signature)
    return payload
  } catch (error) {
    // A known sender is not given the answer it would take for ours without being able to check it.
    options.tap.failed({ where: 'answer signature', error })
    const { status, mediaType, body } = problemOf(new GatewayError('internal-error'), reply.request.id)
    reply.code(status).header('content-type', mediaType).removeHeader('content-length')
    return body
  }
}

/** 404, or 405 with `Allow` where another method would have been taken; fastify answers 404 to both. */
function answerUnknownPaths(server: FastifyInstance, { desk, doorsByPath }: DoorRegister): void {
  const routes: { readonly url: string; readonly segments: readonly string[]; readonly methods: readonly string[] }[] =
    []
  server.addHook('onRoute', ({ url, method }) => {
    routes.push({ url, segments: url.split('/'), methods: [method].flat() })
  })
  server.setNotFoundHandler((request, reply) => {
    const segments = (request.url.split('?', 1)[0] ?? '').split('/')
    const here = routes.filter((route) => fits(route.segments, segments))
    const [first] = here
    if (first === undefined) return desk.answer(reply, new GatewayError('not-found'), httpDoor)
    const door = doorsByPath.get(first.url) ?? httpDoor
    desk.note(request, { door: door.name })
    reply.header('allow', [...new Set(here.flatMap(({ methods }) => methods))].join(', '))
    desk.answer(reply, new GatewayError('method-not-allowed'), door)
  })
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.at(-1) === '*') return fits(pattern.slice(0, -1), segments.slice(0, pattern.length - 1))
  return (
    pattern.length === segments.length &&
    pattern.every((part, index) => (part.startsWith(':') ? segments[index] !== '' : part === segments[index]))
  )
}
