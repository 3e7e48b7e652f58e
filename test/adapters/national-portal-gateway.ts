import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { nationalPortal } from '../../adapters/national-portal/national-portal.ts'
import type { NationalPortalSettings } from '../../adapters/national-portal/settings.ts'
import { loadContracts } from '../../contracts/loader.ts'
import { createBus } from '../../gateway/bus/bus.ts'
import { type Clock, systemClock } from '../../gateway/bus/clock.ts'
import type { DeliveryState } from '../../gateway/bus/delivery-state.ts'
import type { WireTap } from '../../gateway/bus/gateway.ts'
import type { Draft } from '../../gateway/bus/message.ts'
import type { Route } from '../../gateway/bus/route.ts'
import type { DeliveryView } from '../../gateway/bus/store.ts'
import { createKeyring, generateSigningJwk, publicHalf } from '../../gateway/envelopes/keyring.ts'
import { createReceiptSigner } from '../../gateway/envelopes/receipts.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { createDoorServer } from '../../gateway/transports/http-door.ts'
import { loadTables } from '../../mappings/tables.ts'
import { routes } from '../../routes/index.ts'
import { type Portal, type PortalOptions, startPortal } from '../../simulators/national-portal/portal.ts'
import { testFolder } from '../test-folder.ts'

export const gatewayId = 'lien-thong-test'
export const password = 'demo-only'

// What does not differ between tests, made once.
const contracts = loadContracts()
const tables = loadTables()
const signing = generateSigningJwk()
export const readerJwk = generateSigningJwk()

export interface GatewayOptions {
  readonly settings?: Partial<NationalPortalSettings>
  readonly clock?: Clock
  /** A portal that is there already; a new one without it. */
  readonly portal?: Portal
  readonly portalOptions?: PortalOptions
}

/** The national-portal adapter over the real bus, store, routes and HTTP server, against the stand-in for the portal. */
export async function startPortalGateway(t: Test, options: GatewayOptions = {}) {
  const clock = options.clock ?? systemClock
  const portal = options.portal ?? (await startPortal(options.portalOptions))
  const store = await openSqliteStore({ path: join(testFolder(t), 'store.sqlite'), clock })
  const keyring = createKeyring({ signing, partners: [{ system: 'one-window', jwk: publicHalf(readerJwk) }] })
  const failures: unknown[] = []
  const attempts: unknown[] = []
  const tap: WireTap = {
    accepted() {},
    refused() {},
    channel() {},
    attempted: (event) => void attempts.push(event),
    failed: ({ error }) => void failures.push(error),
  }
  const bus = createBus({
    store,
    contracts,
    receipts: createReceiptSigner(keyring, { issuer: gatewayId }),
    routes: routes.map(quick),
    directory: { isEnabled: () => true },
    clock,
    tap,
    refusalsPerSourceAndMinute: 1_000,
  })
  const { server, doors } = createDoorServer({ gateway: bus, keyring, tap })
  const settings = portalSettings(portal, options.settings)
  const context = { gatewayId, gateway: bus, contracts, keyring, doors, tables, clock, tap }
  const adapter = nationalPortal.create({ ...context, system: 'national-portal', settings })
  if (adapter.door) await server.register(adapter.door)
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const breaker = { lanes: 5, firstPauseMs: 20, longestPauseMs: 100 }
  await bus.start([{ system: 'national-portal', adapter, concurrency: settings.concurrency, breaker }])

  const listening = new AbortController()
  let listened: Promise<void> | undefined
  t.teardown(async () => {
    listening.abort()
    await listened
    await server.close()
    await bus.drain(100)
    await adapter.close()
    await store.close()
    if (!options.portal) await portal.close()
  })

  return {
    url,
    bus,
    store,
    adapter,
    portal,
    failures,
    attempts,
    /** Begins to keep the catalogue fresh, as the server does. */
    listen() {
      listened ??= adapter.listen?.(listening.signal)
    },
    /** Accepts bodies as the one-window would have said them, in order. */
    say: (...messages: readonly (readonly [type: string, body: { readonly dossierCode: string }])[]) =>
      bus.accept(messages.map(([type, body]) => draftOf(type, body))),
    /** Waits, within tap's own time-out, until every delivery of the dossier has come to rest. */
    async settled(code: string, states: readonly DeliveryState[] = ['delivered', 'dead', 'held']) {
      for (;;) {
        const deliveries = await deliveriesOf(code)
        if (deliveries.length > 0 && deliveries.every(({ state }) => states.includes(state))) return deliveries
        await tick()
      }
    },
    /** Waits until a delivery of the dossier has this many attempts behind it. */
    async tried(code: string, count = 1) {
      for (;;) {
        const [first] = await deliveriesOf(code)
        if (first && first.attempts.length >= count && first.state !== 'leased') return first
        await tick()
      }
    },
    held: (code: string) => portal.state().dossiers.find((dossier) => dossier.code === code),
    async journal(kind: string) {
      await store.probe()
      return (await store.journal(undefined, 10_000))
        .filter((entry) => entry.kind === kind)
        .map(({ entry }) => JSON.parse(entry))
    },
  }

  async function deliveriesOf(code: string): Promise<readonly DeliveryView[]> {
    return (await store.dossier(code))?.messages.flatMap(({ deliveries }) => deliveries) ?? []
  }
}

export type PortalGateway = Awaited<ReturnType<typeof startPortalGateway>>

export function portalSettings(
  portal: { readonly url: string },
  more: Partial<NationalPortalSettings> = {},
): NationalPortalSettings {
  return {
    url: `${portal.url}/XrdAdapter/RestService/forward`,
    timeouts: { connect: '2s', answer: '2s' },
    concurrency: 8,
    insideNetwork: true,
    username: 'h47-demo',
    password,
    madonvi: '000.00.00.H47',
    dstcode: 'VN:GOV:000.00.00.G22:vpcpdvcprovider',
    dstcodeIn: 'header',
    loginPath: 'mapi/login',
    dataPath: 'mapi/g',
    catalogPath: 'mapi/g',
    progressRepeat: 'hold',
    settlingTime: '2m',
    catalogue: { every: '6h', renewRecordsAfter: '7d', parallelCalls: 4 },
    ...more,
  }
}

/** Waits until it is so; tap's own time-out ends it. */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await tick()
  }
}

/** The flows as written, with delays a test can wait for. */
function quick(route: Route): Route {
  return { ...route, retry: { schedule: ['20ms'], jitter: 0, giveUpAfter: '1h', deadline: '5s' } }
}

const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 10))

let count = 0 // keys of a test file must differ; nothing reads it back
function draftOf(type: string, body: { readonly dossierCode: string }): Draft {
  count += 1
  return {
    type,
    source: 'one-window',
    subject: body.dossierCode,
    body,
    idempotency: { kind: 'key', key: `key-${count}` },
  }
}

interface DossierBody {
  readonly dossierCode: string
  readonly owner: Readonly<Record<string, unknown>>
  readonly procedure: Readonly<Record<string, unknown>>
  readonly [member: string]: unknown
}

const example = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../contracts/canonical/examples/${name}.json`, import.meta.url), 'utf8'))

/** A land dossier with everything the portal wants. */
export function dossier(code: string, more: Readonly<Record<string, unknown>> = {}): DossierBody {
  return { ...example('dossier.received.v1.land'), dossierCode: code, ...more }
}

export function progress(code: string, more: Readonly<Record<string, unknown>> = {}) {
  return { ...example('dossier.progressed.v1.land'), dossierCode: code, ...more }
}

export function resultOf(code: string, more: Readonly<Record<string, unknown>> = {}) {
  return { ...example('result.issued.v1.land'), dossierCode: code, ...more }
}

export function outcomeOf(code: string, more: Readonly<Record<string, unknown>> = {}) {
  return { ...example('dossier.outcome-reported.v1.land'), dossierCode: code, ...more }
}
