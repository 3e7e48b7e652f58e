import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { AdapterDefinition } from '../../adapters/definition.ts'
import { loadContracts } from '../../contracts/loader.ts'
import type { Attempt } from '../../gateway/bus/adapter.ts'
import { createBus } from '../../gateway/bus/bus.ts'
import { canonicalJson, digestOf } from '../../gateway/bus/canonical-json.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import { type FailureClass, GatewayError } from '../../gateway/bus/errors.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { createKeyring, generateSigningJwk } from '../../gateway/envelopes/keyring.ts'
import { createReceiptSigner } from '../../gateway/envelopes/receipts.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { createDoorServer } from '../../gateway/transports/http-door.ts'
import { loadTables } from '../../mappings/tables.ts'

/** An adapter, and what the suite must know to make it deliver. */
export interface ConformingAdapter<Settings> {
  readonly definition: AdapterDefinition<Settings>
  readonly settings: (url: string) => Settings
  /** Starts a partner that takes `message`, ends it with the test, and answers the address to be configured. */
  readonly partner: (t: Test) => Promise<string>
  /** One message the partner takes. */
  readonly message: { readonly type: string; readonly subject: string; readonly body: unknown }
  /** Whether a request is the one that acts on `message`, and no login or look-up. */
  readonly isDelivery: (request: ForwardedRequest) => boolean
}

export interface ForwardedRequest {
  readonly method: string
  readonly path: string
  readonly body: string
}

/**
 * What the bus relies on, whatever the partner: `beforeSend` before the bytes, failures in the right class and of no other
 * kind, an end by the signal, a probe that says the truth, a close that can be repeated.
 */
export function adapterConforms<Settings>(t: Test, adapter: ConformingAdapter<Settings>): void {
  t.test('it keeps the promises of every adapter', async (t) => {
    t.test('a delivery is announced once, before its bytes leave', async (t) => {
      const stage = await started(t, adapter)
      stage.front.onDelivery = () => t.equal(stage.announced(), 1)
      await stage.deliver()
      t.equal(stage.announced(), 1)
      t.equal(stage.front.deliveries(), 1)
    })

    t.test('told just then that the lease is lost, it sends nothing', async (t) => {
      const stage = await started(t, adapter)
      const error = await stage.failure({
        beforeSend: () => {
          throw new GatewayError('lease-lost')
        },
      })
      t.equal(error.code, 'lease-lost')
      t.equal(stage.front.deliveries(), 0)
    })

    t.test('it ends when the signal says so, before the first byte and while it waits for an answer', async (t) => {
      const stage = await started(t, adapter)
      await stage.failure({ signal: AbortSignal.abort() })
      t.equal(stage.front.deliveries(), 0)
      const stop = new AbortController()
      stage.front.behaviour = 'silence'
      stage.front.onDelivery = () => stop.abort()
      t.equal((await stage.failure({ signal: stop.signal })).failure, 'ambiguous' satisfies FailureClass)
    })

    t.test('a connection lost after the request is ambiguous: nobody knows whether it acted', async (t) => {
      const stage = await started(t, adapter)
      stage.front.behaviour = 'cut'
      t.equal((await stage.failure()).failure, 'ambiguous' satisfies FailureClass)
    })

    t.test('a connection nobody takes is transient: surely nothing happened', async (t) => {
      const stage = await started(t, adapter)
      await stage.front.close()
      t.equal((await stage.failure()).failure, 'transient' satisfies FailureClass)
      t.equal(stage.announced(), 0)
    })

    t.test('whatever is answered, it takes it or rejects with a GatewayError that quotes nothing of it', async (t) => {
      const stage = await started(t, adapter)
      for (const { status, type, body } of answers) {
        stage.front.behaviour = { status, type, body }
        const name = `${status} ${type} ${body.slice(0, 20)}`
        const thrown = await stage.deliver().then(
          () => undefined,
          (error: unknown) => error,
        )
        if (thrown === undefined) continue
        if (!(thrown instanceof GatewayError)) t.fail(`${name}: ${String(thrown)}`)
        else t.notMatch(thrown.message, /NGUYEN VAN A/, name)
      }
    })

    t.test('the probe says whether anybody is there', async (t) => {
      const stage = await started(t, adapter)
      await t.resolves(stage.channel.probe(AbortSignal.timeout(10_000)))
      await stage.front.close()
      await t.rejects(stage.channel.probe(AbortSignal.timeout(10_000)), GatewayError)
    })

    t.test('it can be closed twice', async (t) => {
      const stage = await started(t, adapter)
      await stage.deliver()
      await t.resolves(stage.channel.close())
      await t.resolves(stage.channel.close())
    })
  })
}

/** Answers no partner should give, and many do. */
const answers = [
  { status: 200, type: 'text/html', body: '<html>NGUYEN VAN A</html>' },
  { status: 200, type: 'application/json', body: '' },
  { status: 200, type: 'application/json', body: '{"error_code":' },
  { status: 200, type: 'application/json', body: 'null' },
  { status: 200, type: 'application/json', body: '["NGUYEN VAN A"]' },
  { status: 204, type: 'text/plain', body: '' },
  { status: 302, type: 'text/plain', body: 'NGUYEN VAN A' },
  { status: 400, type: 'application/json', body: '{"message":"NGUYEN VAN A"}' },
  { status: 410, type: 'text/plain', body: '' },
  { status: 429, type: 'text/plain', body: '' },
  { status: 500, type: 'text/html', body: '<h1>NGUYEN VAN A</h1>' },
  { status: 503, type: 'text/plain', body: '' },
] as const

async function started<Settings>(
  t: Test,
  { definition, settings, partner, message, isDelivery }: ConformingAdapter<Settings>,
) {
  const address = new URL(await partner(t))
  const front = await openFront(t, { origin: address.origin, isDelivery })
  const { system } = definition
  const context = await contextOf(t)
  const url = `${front.url}${address.pathname}${address.search}`.replace(/\/$/, '')
  const channel = definition.create({ ...context, system, settings: settings(url) })
  t.teardown(() => channel.close())
  let announced = 0
  const deliver = async (more: { readonly beforeSend?: () => void; readonly signal?: AbortSignal } = {}) => {
    const attempt: Attempt = {
      deliveryId: '01900000-0000-7000-8000-000000000002',
      number: 1,
      route: 'conformance',
      memory: {},
      earlier: async () => [],
      beforeSend() {
        more.beforeSend?.()
        announced += 1
      },
    }
    const signal = more.signal ?? AbortSignal.timeout(10_000)
    if (!channel.deliver) throw new Error(`${system} delivers nothing`)
    return await channel.deliver(messageOf(message), attempt, signal)
  }
  return {
    channel,
    front,
    deliver,
    announced: () => announced,
    /** The delivery’s failure; anything else fails the test. */
    async failure(more: Parameters<typeof deliver>[0] = {}): Promise<GatewayError> {
      const thrown = await deliver(more).then(
        () => new Error('it was delivered'),
        (error: unknown) => error,
      )
      if (thrown instanceof GatewayError) return thrown
      throw thrown
    },
  }
}

function messageOf({ type, subject, body }: ConformingAdapter<never>['message']): Message {
  return {
    id: '01900000-0000-7000-8000-000000000001',
    type,
    source: 'gateway',
    subject,
    acceptedAtMs: Date.UTC(2026, 10, 20),
    correlationId: 'conformance',
    idempotencyKey: 'conformance',
    body,
    bodyDigest: digestOf(canonicalJson(body)),
  }
}

/** Everything an adapter is given, over a real store that nothing is delivered from. */
async function contextOf(t: Test) {
  const clock = systemClock
  const contracts = loadContracts()
  const keyring = createKeyring({ signing: generateSigningJwk({ kidPrefix: 'demo-' }), partners: [] })
  const store = await openSqliteStore({ path: join(t.testdir(), 'store.sqlite'), clock })
  t.teardown(() => store.close())
  const tap = { accepted() {}, refused() {}, channel() {}, attempted() {}, failed() {} }
  const receipts = createReceiptSigner(keyring, { issuer: 'lien-thong-test' })
  const directory = { isEnabled: () => true }
  const rest = { contracts, clock, tap, routes: [], directory, refusalsPerSourceAndMinute: 10 }
  const gateway = createBus({ store, receipts, ...rest })
  const { doors, server } = createDoorServer({ gateway, keyring, tap })
  t.teardown(() => server.close())
  return { gatewayId: 'lien-thong-test', gateway, contracts, keyring, doors, tables: loadTables(), clock, tap }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** Stands before the partner, so that what is not a delivery goes through and a delivery meets what the test wants. */
interface Front {
  readonly url: string
  behaviour: 'pass' | 'cut' | 'silence' | Answer
  onDelivery: () => void
  /** Deliveries whose bytes have arrived. */
  deliveries(): number
  close(): Promise<void>
}

async function openFront(
  t: Test,
  { origin, isDelivery }: { readonly origin: string; readonly isDelivery: (request: ForwardedRequest) => boolean },
): Promise<Front> {
  let deliveries = 0
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    const path = request.url ?? '/'
    if (!isDelivery({ method: request.method ?? '', path, body: body.toString() })) return pass(request, response, body)
    deliveries += 1
    front.onDelivery()
    if (front.behaviour === 'pass') return pass(request, response, body)
    if (front.behaviour === 'cut') request.socket.destroy()
    else if (front.behaviour !== 'silence') {
      const { status, type, body } = front.behaviour
      response.writeHead(status, { 'content-type': type }).end(body)
    }
  })
  async function pass(request: IncomingMessage, response: ServerResponse, body: Buffer<ArrayBuffer>): Promise<void> {
    const ofTheConnection = ['host', 'connection', 'transfer-encoding', 'content-length', 'expect']
    const headers = new Headers()
    for (const [name, value] of Object.entries(request.headers))
      if (!ofTheConnection.includes(name)) headers.set(name, String(value))
    const { method = 'GET' } = request
    const hasBody = method !== 'GET' && method !== 'HEAD'
    const answer = await fetch(`${origin}${request.url}`, { method, headers, ...(hasBody && { body }) })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
    response.end(Buffer.from(await answer.arrayBuffer()))
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  const close = async () => {
    if (!server.listening) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  t.teardown(close)
  const front: Front = {
    url: `http://127.0.0.1:${port}`,
    behaviour: 'pass',
    onDelivery() {},
    deliveries: () => deliveries,
    close,
  }
  return front
}

async function bodyOf(request: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}
