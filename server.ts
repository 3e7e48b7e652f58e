import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { DestinationStream } from 'pino'
import { createCanonicalDoor } from './adapters/canonical/canonical-door.ts'
import type { Speaker } from './adapters/canonical/door-options.ts'
import { type RereadOptions, rereadSigned, signedMediaType } from './adapters/canonical/signed-request.ts'
import { type FilesService, openFilesService } from './adapters/files/files-service.ts'
import { adapters } from './adapters/index.ts'
import { type Config, keyringOptions, loadConfig, type SystemSettings } from './config.ts'
import { createAdmin } from './console/admin.ts'
import { loadContracts } from './contracts/loader.ts'
import type { ChannelAdapter } from './gateway/bus/adapter.ts'
import { createBus } from './gateway/bus/bus.ts'
import { type Clock, systemClock } from './gateway/bus/clock.ts'
import type { ChannelSettings } from './gateway/bus/dispatcher.ts'
import { GatewayError } from './gateway/bus/errors.ts'
import type { WireTap } from './gateway/bus/gateway.ts'
import { keepRetention } from './gateway/bus/retention.ts'
import { changedRetry } from './gateway/bus/retry.ts'
import { durationMs, type RetryChange, type Route } from './gateway/bus/route.ts'
import type { Store } from './gateway/bus/store.ts'
import { jwsTypes, signDetached } from './gateway/envelopes/jws.ts'
import { type LiveKeyring, openKeyring } from './gateway/envelopes/key-folder.ts'
import { generateSigningJwk, type Keyring, type SigningJwk } from './gateway/envelopes/keyring.ts'
import { createReceiptSigner } from './gateway/envelopes/receipts.ts'
import { openSqliteStore } from './gateway/store/sqlite-store.ts'
import { createHealth } from './gateway/telemetry/health.ts'
import { createLog } from './gateway/telemetry/log.ts'
import { createMetrics, type Metrics } from './gateway/telemetry/metrics.ts'
import { mountOpenApi, type OpenApiOptions } from './gateway/telemetry/openapi.ts'
import { telemetryPages } from './gateway/telemetry/pages.ts'
import { createWireTap } from './gateway/telemetry/wire-tap.ts'
import { createDoorServer } from './gateway/transports/http-door.ts'
import { loadTables } from './mappings/tables.ts'
import packageJson from './package.json' with { type: 'json' }
import { routes } from './routes/index.ts'
import { portalFiledReception } from './routes/portal-filed-reception.ts'

/** How long attempts under way may take to finish once the gateway is asked to stop. */
const drainGraceMs = 20_000
const checkpointEveryMs = 60_000
const listenAgainAfterMs = 5_000
const sweepEveryMs = 60 * 60_000
const rereadKeysEveryMs = 30_000

/** A gateway that answers. */
export interface RunningGateway {
  /** Where it listens: `http://127.0.0.1:8700`. */
  readonly url: string
  /** Where `/health`, `/metrics` and `/admin` are; the same unless `listen.operations` says otherwise. */
  readonly operationsUrl: string
  /** Reads keys, roots and revocation lists again if they have changed; a faulty file changes nothing. */
  reloadKeys(): void
  /** Accepts nothing more, finishes what is under way, closes everything. Safe to call twice. */
  stop(): Promise<void>
}

/** The composition root (design §2): config → store → bus → adapters → routes → doors. */
export async function startGateway(config: Config, output?: DestinationStream): Promise<RunningGateway> {
  const clock = systemClock
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
  const log = createLog({ level: config.log.level, ...(output ? { destination: output } : {}) })
  const signing = signingKeyOf(config)
  const keyring = openKeyring({ ...keyringOptions(config), ...(signing && { signing }), clock })
  const contracts = loadContracts()
  const tables = loadTables(config.directory)

  const observed: { metrics?: Metrics } = {} // the store reports to metrics, which read the store
  const store = await openSqliteStore({
    path: config.store.path,
    clock,
    onBatch: (batch) => observed.metrics?.storeWrote(batch),
    // A supervisor starts anew from what is on disk; a gateway that can't write must not look alive.
    onDeath: (error) => {
      log.fatal({ where: 'store', error }, 'failed')
      process.exit(1)
    },
  })
  const state = { isDraining: false }
  const health = createHealth({
    store,
    dataDir: config.dataDir,
    minFreeDiskBytes: config.limits.minFreeDiskBytes,
    hasSigningKey: () => keyring.list().some(({ purpose, standing }) => purpose === 'sign' && standing === 'current'),
    isDraining: () => state.isDraining,
    clock,
  })
  const metrics = createMetrics({ depths: () => store.depths(), keys: () => keyring.list(), health, clock })
  observed.metrics = metrics
  const tap = createWireTap({ metrics, log })

  const isEnabled = (system: string) => config.systems[system]?.enabled === true
  const bus = createBus({
    store,
    contracts,
    receipts: createReceiptSigner(keyring, { issuer: config.gateway.id }),
    routes: routesOf(config),
    processes: [portalFiledReception({ ...config.processes.portalFiledReception, calendar: config.calendar })],
    directory: { isEnabled },
    clock,
    tap,
    isTold: (system, delivery) =>
      isEnabled(system) && (config.systems[system]?.tell ?? []).some((told) => told === delivery),
    quotaOf: (source) => config.systems[source]?.quota,
    refusalsPerSourceAndMinute: config.limits.refusalsPerSourceAndMinute,
  })

  const { hosts, trustProxy } = config.listen
  const doorOptions = { gateway: bus, keyring, tap, limits: { maxBodyBytes: config.limits.bodyBytes }, trustProxy }
  const partnersListener = createDoorServer({ ...doorOptions, ...(hosts ? { hosts } : {}) })
  const { server, doors } = partnersListener
  // Whoever reaches this one is inside; it answers by whatever name they know it.
  const operations = config.listen.operations ? createDoorServer(doorOptions) : partnersListener
  const listeners = [...new Set([partnersListener, operations])]
  const description: OpenApiOptions = {
    title: 'Liên Thông',
    version: packageJson.version,
    description: 'The message gateway of the province.',
    url: config.gateway.url,
    schema: (name) => {
      const contract = contracts.names.find((known) => known.replaceAll('/', '.') === name)
      return contract === undefined ? undefined : contracts.schema(contract)
    },
    securitySchemes: {
      accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      operatorToken: { type: 'http', scheme: 'bearer' },
    },
  }
  // Each describes what can be reached there.
  for (const listener of listeners) mountOpenApi(listener.server, description)
  await operations.server.register(telemetryPages({ health, metrics }))
  server.get('/.well-known/jwks.json', { config: { doc: jwksDoc } }, async () => keyring.jwks())
  server.get('/.well-known/certificates.pem', { config: { doc: certificatesDoc } }, async (_request, reply) =>
    reply.type('application/pem-certificate-chain').send(keyring.certificates()),
  )

  const { id: gatewayId, url: gatewayUrl } = config.gateway
  const { dataDir } = config
  const filePorts = { gatewayId, gatewayUrl, dataDir, gateway: bus, keyring, doors, clock, tap }
  const files = config.files.enabled ? await openFilesService(config.files, filePorts) : undefined
  const context = { gatewayId, gateway: files?.gateway ?? bus, contracts, keyring, doors, tables, clock, tap }
  const speakers = speakersOf(config)
  const channels: ChannelSettings[] = []
  for (const definition of adapters) {
    const settings = config.systems[definition.system]
    if (!settings?.enabled) continue
    const adapter = definition.create({ ...context, system: definition.system, settings })
    if (adapter.door) await server.register(adapter.door)
    const whole = readingSigned(files?.carry(adapter) ?? adapter, { ...context, speakers })
    channels.push({ system: definition.system, adapter: whole, ...channelOf(settings) })
  }
  // A signed message is stored as it was signed: its receipt names the digest the sender knows.
  await server.register(createCanonicalDoor({ ...context, gateway: files?.noting ?? bus, speakers }))
  if (files) await server.register(files.door)
  const { operators } = config
  await operations.server.register(
    createAdmin({ doors: operations.doors, operations: bus.operations, store, operators }),
  )
  const { host, port } = config.listen
  await server.listen({ host, port })
  if (config.listen.operations) await operations.server.listen({ ...config.listen.operations })
  await bus.start(channels)

  const stopping = new AbortController()
  const listening = channels.map(({ system, adapter }) =>
    keepListening(adapter, { system, tap, clock, signal: stopping.signal }),
  )
  const checkpoints = keepCheckpoints({ store, keyring, clock, tap, signal: stopping.signal })
  const retaining = keepRetention({ ...config.retention, store, clock, tap, signal: stopping.signal })
  const sweeping = keepSwept({ files, store, clock, signal: stopping.signal })
  const rereading = keepKeys({ keyring, clock, tap, signal: stopping.signal })
  const url = `http://${hostOf(server.server.address())}`
  const operationsUrl = `http://${hostOf(operations.server.server.address())}`
  log.info({ url, operationsUrl, systems: channels.map(({ system }) => system) }, 'listening')

  const stop = async () => {
    state.isDraining = true
    for (const listener of listeners) listener.drain()
    stopping.abort()
    await bus.drain(drainGraceMs)
    await Promise.allSettled([...listening, checkpoints, rereading, retaining, sweeping])
    await Promise.all(listeners.map((listener) => listener.server.close()))
    await Promise.allSettled(channels.map(({ adapter }) => adapter.close()))
    await files?.close()
    metrics.close()
    await store.close()
    log.info('stopped')
  }
  let stopped: Promise<void> | undefined
  return {
    url,
    operationsUrl,
    reloadKeys: () => reloadKeys({ keyring, tap }),
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}

/** Outside production a gateway without a key makes its own demo key once, which production refuses. */
function signingKeyOf(config: Config): SigningJwk | undefined {
  if (config.keys.signing || config.keys.folder) return config.keys.signing
  const file = path.join(config.dataDir, 'keys', 'signing.jwk')
  if (!existsSync(file)) {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, JSON.stringify(generateSigningJwk({ kidPrefix: 'demo-' })), { mode: 0o600, flag: 'wx' })
  }
  return JSON.parse(readFileSync(file, 'utf8')) // written above; the keyring vets it
}

/** A system may send what some route takes from it, for the agencies its configuration names. */
function speakersOf(config: Config): ReadonlyMap<string, Speaker> {
  const enabled = Object.entries(config.systems).filter(([, settings]) => settings.enabled)
  return new Map(
    enabled.map(([system, { speaksFor }]) => {
      const taken = routes.filter(({ from }) => [from].flat().includes(system)).flatMap(({ on }) => on)
      return [system, { says: [...new Set(taken)], speaksFor }]
    }),
  )
}

/** Whoever sent it: what came through the canonical door is read again as that door reads. */
function readingSigned(adapter: ChannelAdapter, options: RereadOptions): ChannelAdapter {
  return {
    ...adapter,
    async reread(original, message) {
      if (original.mediaType === signedMediaType) return rereadSigned(original, message, options)
      if (!adapter.reread) throw new GatewayError('bytes-gone', { detail: 'This system’s bytes are not read again.' })
      return await adapter.reread(original, message)
    },
  }
}

/** What configuration says of a system's line of deliveries. */
function channelOf({ concurrency, rate, retry, breaker }: SystemSettings): Omit<ChannelSettings, 'system' | 'adapter'> {
  const { lanes, firstPause, longestPause } = breaker
  return {
    concurrency,
    breaker: { lanes, firstPauseMs: durationMs(firstPause), longestPauseMs: durationMs(longestPause) },
    ...(rate ? { rate } : {}),
    ...(retry ? { retry } : {}),
  }
}

/** The routes as written, with what configuration changes about them. */
function routesOf(config: Config): readonly Route[] {
  return routes.flatMap((route) => {
    const { enabled = true, shadow, retry, systems = {} } = config.routes[route.name] ?? {}
    if (!enabled) return []
    const retryTo: Record<string, RetryChange> = { ...route.retryTo }
    for (const [system, settings] of Object.entries(systems)) if (settings.retry) retryTo[system] = settings.retry
    return [{ ...route, ...(shadow === undefined ? {} : { shadow }), retry: changedRetry(route.retry, retry), retryTo }]
  })
}

/** Restarts what brings documents in when it fails, for as long as the gateway runs. */
async function keepListening(
  adapter: ChannelAdapter,
  { system, tap, clock, signal }: { system: string; tap: WireTap; clock: Clock; signal: AbortSignal },
): Promise<void> {
  while (adapter.listen && !signal.aborted) {
    await adapter.listen(signal).catch((error) => signal.aborted || tap.failed({ where: `${system}: listen`, error }))
    if (!signal.aborted) await pause(listenAgainAfterMs, { clock, signal })
  }
}

/** Looks at the key files every half minute: a rotated or revoked key counts within that time, or at once on SIGHUP. */
async function keepKeys(ports: {
  readonly keyring: LiveKeyring
  readonly clock: Clock
  readonly tap: WireTap
  readonly signal: AbortSignal
}): Promise<void> {
  while (!ports.signal.aborted) {
    await pause(rereadKeysEveryMs, ports)
    if (!ports.signal.aborted) reloadKeys(ports)
  }
}

function reloadKeys({ keyring, tap }: { readonly keyring: LiveKeyring; readonly tap: WireTap }): void {
  try {
    keyring.reload()
    const stale = keyring.staleLists()
    if (stale > 0) throw new Error(`${stale} revocation lists are past their time`)
  } catch (error) {
    tap.failed({ where: 'keyring', error })
  }
}

/** Signs the journal's head every minute and at the end, so that what came before can't be rewritten unseen. */
async function keepCheckpoints(ports: {
  readonly store: Pick<Store, 'checkpoint'>
  readonly keyring: Keyring
  readonly clock: Clock
  readonly tap: WireTap
  readonly signal: AbortSignal
}): Promise<void> {
  const { store, keyring, clock, tap, signal } = ports
  const sign = (heads: string) => signDetached(keyring.signingKey(), { typ: jwsTypes.checkpoint, payload: heads })
  do {
    await pause(checkpointEveryMs, { clock, signal })
    await store.checkpoint(sign, clock.now()).catch((error) => tap.failed({ where: 'checkpoint', error }))
  } while (!signal.aborted)
}

/** Lets go of files that no message needs, once an hour. */
async function keepSwept(ports: {
  readonly files: FilesService | undefined
  readonly store: Pick<Store, 'message'>
  readonly clock: Clock
  readonly signal: AbortSignal
}): Promise<void> {
  const { files, store, clock, signal } = ports
  while (files !== undefined && !signal.aborted) {
    await files.sweep(async (messageId) => (await store.message(messageId)) !== undefined)
    await pause(sweepEveryMs, { clock, signal })
  }
}

function pause(delayMs: number, { clock, signal }: { clock: Clock; signal: AbortSignal }): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const cancel = clock.after(delayMs, resolve)
    signal.addEventListener(
      'abort',
      () => {
        cancel()
        resolve()
      },
      { once: true },
    )
  })
}

function hostOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return String(address)
  return `${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
}

const jwksDoc = {
  operationId: 'jwks',
  summary: 'The gateway’s public keys',
  description: 'What receipts, answers and outgoing messages are verified with (RFC 7517).',
  tags: ['keys'],
  responses: { 200: { description: 'A JWK set.', content: { 'application/json': { schema: { type: 'object' } } } } },
}

const certificatesDoc = {
  operationId: 'certificates',
  summary: 'The gateway’s certificates',
  description: 'The same keys as X.509 (PEM), for partners who register certificates; empty when no key has one.',
  tags: ['keys'],
  responses: {
    200: {
      description: 'Certificates.',
      content: { 'application/pem-certificate-chain': { schema: { type: 'string' } } },
    },
  },
}

/** `npm start`: runs until SIGTERM, SIGINT or, when forked with a channel, its parent's end; then drains. */
async function main(): Promise<void> {
  const config = loadConfig({ env: process.env, adapters, routes: routes.map(({ name }) => name), openAgencies })
  const gateway = await startGateway(config)
  process.on('SIGHUP', () => gateway.reloadKeys())
  for (const signal of ['SIGTERM', 'SIGINT', 'disconnect']) {
    process.once(signal, () => void gateway.stop().then(() => process.exit(0)))
  }
  // The parent may have ended during the start, unheard.
  if (process.connected === false) process.emit('disconnect')
}

const openAgencies = (directory: Config['directory']) => {
  const tables = loadTables(directory)
  return (code: string) => tables.resolveAgency(code, Date.now()) !== undefined
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  })
}
