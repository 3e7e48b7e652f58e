import { createHash } from 'node:crypto'
import { compactVerify, createRemoteJWKSet, decodeProtectedHeader, errors, type JWTVerifyGetKey } from 'jose'
import { createFaultScript, type FaultOrder, isNameless } from '../faults.ts'
import {
  type Answer,
  BadOrder,
  type Exchange,
  jsonAnswer,
  pause,
  type Reply,
  type StandIn,
  startStandIn,
  textAnswer,
} from '../stand-in.ts'
import { type CanonicalClient, type ClientKey, createCanonicalClient, newClientKey } from './canonical-client.ts'
import { createDropInClient, type DropInClient } from './drop-in-client.ts'

export interface OneWindowOptions {
  readonly port?: number
  readonly host?: string
  /** Where signed messages of the gateway are taken. */
  readonly inboxPath?: string
  /** What `aud` of a message to us must name; not looked at when absent. */
  readonly audience?: string
  readonly latencyMs?: number
  readonly key?: ClientKey
  readonly gateway?: GatewayAddress
  readonly faults?: readonly FaultOrder[]
  readonly seed?: number
}

/** Where the gateway is and who we are to it. */
export interface GatewayAddress {
  readonly url: string
  /** The gateway's id. */
  readonly id: string
  readonly jwksPath?: string
  readonly username?: string
  readonly password?: string
  readonly madonvi?: string
  readonly renewsSession?: boolean
}

/** A message of the gateway, verified and kept. */
export interface HeldMessage {
  readonly arrival: number
  readonly atMs: number
  readonly jti: string
  /** The signed document, claims included. */
  readonly document: Readonly<Record<string, unknown>>
  readonly raw: string
  /** How often it came again under the same `jti`. */
  readonly repeats: number
}

export interface OneWindowState {
  /** In order of first arrival. */
  readonly messages: readonly HeldMessage[]
  /** Calls of the inbox that were turned away. */
  readonly refused: readonly { readonly arrival: number; readonly status: number; readonly reason: string }[]
}

export interface OneWindow extends StandIn {
  readonly inboxUrl: string
  readonly key: ClientKey
  /** Says where the gateway is, when that is only known later. */
  meet(gateway: GatewayAddress): void
  dropIn(): DropInClient
  canonical(): CanonicalClient
  state(): OneWindowState
  addFaults(order: unknown): void
  clearFaults(): void
  reset(): void
  /** For the ready line: what the gateway's configuration needs to know. */
  readonly ready: Readonly<Record<string, unknown>>
}

/** Starts a provincial one-window system: an inbox for the gateway's messages, and both ways of sending to it. */
export async function startOneWindow(options: OneWindowOptions = {}): Promise<OneWindow> {
  const key = options.key ?? (await newClientKey())
  const script = createFaultScript(options.seed)
  if (options.faults) script.add(options.faults)
  const inboxPath = options.inboxPath ?? '/inbox'
  let gateway = options.gateway && neighbourOf(options.gateway, key)
  const messages = new Map<string, HeldMessage & { readonly content: string }>()
  const refused: OneWindowState['refused'][number][] = []

  async function reply(exchange: Exchange, signal: AbortSignal): Promise<Reply> {
    await pause(options.latencyMs ?? 0, signal)
    if (exchange.path !== inboxPath) return textAnswer(404, 'Not Found')
    if (exchange.method !== 'POST') return textAnswer(405, 'Method Not Allowed')
    const act = { service: 'inbox', forms, perform: () => receive(exchange) }
    return (await script.play(act, signal)).reply
  }

  async function receive(exchange: Exchange): Promise<Answer> {
    if (exchange.headers['content-type'] !== 'application/jose') return refuse(exchange, 415, 'media type')
    if (!gateway) return refuse(exchange, 503, 'the gateway is not known yet')
    const raw = exchange.body.toString('latin1')
    let document: Readonly<Record<string, unknown>>
    try {
      document = await verified(raw, gateway.keys)
    } catch (error) {
      // A key set that can't be fetched is our trouble, not the caller's fault.
      return refuse(exchange, isAboutKeySet(error) ? 503 : 401, error instanceof Error ? error.message : String(error))
    }
    const { jti, aud } = document
    if (typeof jti !== 'string' || jti === '') return refuse(exchange, 401, 'jti')
    if (options.audience !== undefined && aud !== options.audience) return refuse(exchange, 401, 'aud')
    return keep(exchange, { jti, document, raw })
  }

  function keep(exchange: Exchange, message: { jti: string; document: HeldMessage['document']; raw: string }): Answer {
    const content = contentDigest(message.document)
    const held = messages.get(message.jti)
    if (held && held.content !== content) return refuse(exchange, 409, 'same jti, other content')
    messages.set(
      message.jti,
      held
        ? { ...held, repeats: held.repeats + 1 }
        : { ...message, content, arrival: exchange.arrival, atMs: Date.now(), repeats: 0 },
    )
    return jsonAnswer(200, { status: held ? 'duplicate' : 'accepted', jti: message.jti })
  }

  function refuse(exchange: Exchange, status: number, reason: string): Answer {
    refused.push({ arrival: exchange.arrival, status, reason })
    return jsonAnswer(status, { error: status === 401 ? 'unauthorized' : reason })
  }

  function known(): Neighbour {
    if (!gateway) throw new BadOrder('the gateway is not known yet: POST /_sim/gateway')
    return gateway
  }

  function reset(): void {
    messages.clear()
    refused.length = 0
    script.clear()
  }

  const meet = (address: GatewayAddress) => {
    gateway = neighbourOf(address, key)
  }
  const state = (): OneWindowState => ({
    messages: [...messages.values()].map(({ content: _, ...message }) => message),
    refused: [...refused],
  })
  const control = {
    'GET /_sim/health': () => ({
      status: 'ok',
      system: 'one-window',
      messages: messages.size,
      refused: refused.length,
    }),
    'GET /_sim/state': state,
    'GET /_sim/key': () => key.publicJwk,
    'GET /_sim/faults': () => script.pending(),
    'POST /_sim/faults': (order: unknown) => script.add(order),
    'DELETE /_sim/faults': () => script.clear(),
    'POST /_sim/reset': () => reset(),
    'POST /_sim/gateway': (order: unknown) => meet(readGateway(order)),
    'POST /_sim/login': () => known().dropIn.login(),
    'POST /_sim/send-batch': (order: unknown) => {
      const { service, isUpdating, data } = fieldsOf(order)
      if (typeof service !== 'string') throw new BadOrder('a batch needs "service"')
      return known().dropIn.call({ service, ...(isUpdating !== undefined && { isUpdating }), data })
    },
    'POST /_sim/call': (order: unknown) => known().dropIn.call(fieldsOf(order)),
    'POST /_sim/send-dossier': (order: unknown) => {
      const { style, dossier, progress } = fieldsOf(order)
      const entries = Array.isArray(progress) ? progress.map(fieldsOf) : []
      if (style === 'opencps') return known().dropIn.sendLikeOpencps(fieldsOf(dossier), entries)
      if (style === 'td') return known().dropIn.sendLikeTd(fieldsOf(dossier), entries)
      throw new BadOrder('"style" must be "opencps" or "td"')
    },
    'POST /_sim/send-message': (order: unknown) => {
      const { type, body, jti, detached } = fieldsOf(order)
      if (typeof type !== 'string') throw new BadOrder('a message needs "type"')
      return known().canonical.send({
        type,
        body,
        ...(typeof jti === 'string' && { jti }),
        detached: detached === true,
      })
    },
    'GET /_sim/read': (_: unknown, query: URLSearchParams) => known().canonical.read(query.get('path') ?? '/'),
  }

  const standIn = await startStandIn({ reply, control }, { ...options, isNameless: isNameless(options.faults) })
  const inboxUrl = `${standIn.url}${inboxPath}`
  return {
    ...standIn,
    inboxUrl,
    key,
    meet,
    dropIn: () => known().dropIn,
    canonical: () => known().canonical,
    state,
    addFaults: script.add,
    clearFaults: script.clear,
    reset,
    ready: { inbox: inboxUrl, publicJwk: key.publicJwk },
  }
}

interface Neighbour {
  readonly keys: JWTVerifyGetKey
  readonly dropIn: DropInClient
  readonly canonical: CanonicalClient
}

const forms = {
  expiredSession: () => jsonAnswer(401, { error: 'unauthorized' }),
  refusal: (message: string) => jsonAnswer(422, { error: message }),
}

function neighbourOf(address: GatewayAddress, key: ClientKey): Neighbour {
  const jwks = new URL(address.jwksPath ?? '/.well-known/jwks.json', address.url)
  return {
    // A gateway that has just got a new key must not wait half a minute, jose's default, to be believed.
    keys: createRemoteJWKSet(jwks, { cooldownDuration: 1000, timeoutDuration: 5000 }),
    dropIn: createDropInClient({
      baseUrl: address.url,
      username: address.username ?? 'h47-demo',
      password: address.password ?? 'demo-only',
      madonvi: address.madonvi ?? '000.00.00.H47',
      renewsSession: address.renewsSession ?? false,
    }),
    canonical: createCanonicalClient({ gatewayUrl: address.url, audience: address.id, key }),
  }
}

async function verified(token: string, keys: JWTVerifyGetKey): Promise<Readonly<Record<string, unknown>>> {
  const { payload } = await compactVerify(token, keys, { algorithms: ['ES256'] })
  if (decodeProtectedHeader(token).typ !== 'lienthong-message+jwt') throw new errors.JWSInvalid('typ')
  const document = readJson(payload)
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new errors.JWSInvalid('payload')
  }
  return { ...document }
}

function isAboutKeySet(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true
  return ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'].includes(error.code)
}

function readJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch {
    throw new errors.JWSInvalid('payload')
  }
}

/** What stays the same when a message is signed again. */
function contentDigest({ iat: _, exp: __, ...content }: Readonly<Record<string, unknown>>): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadOrder('an object is expected')
  return { ...value }
}

function readGateway(order: unknown): GatewayAddress {
  const { url, id, jwksPath, username, password, madonvi, renewsSession } = fieldsOf(order)
  if (typeof url !== 'string' || typeof id !== 'string') throw new BadOrder('a gateway needs "url" and "id"')
  return {
    url,
    id,
    ...(typeof jwksPath === 'string' && { jwksPath }),
    ...(typeof username === 'string' && { username }),
    ...(typeof password === 'string' && { password }),
    ...(typeof madonvi === 'string' && { madonvi }),
    renewsSession: renewsSession === true,
  }
}
