import { join } from 'node:path'
import type { Test } from 'tap'
import { createCanonicalDoor } from '../../adapters/canonical/canonical-door.ts'
import { oneWindow } from '../../adapters/one-window/one-window.ts'
import type { OneWindowSettings } from '../../adapters/one-window/settings.ts'
import { loadContracts } from '../../contracts/loader.ts'
import { createBus } from '../../gateway/bus/bus.ts'
import { type Clock, systemClock } from '../../gateway/bus/clock.ts'
import type { WireTap } from '../../gateway/bus/gateway.ts'
import type { Route } from '../../gateway/bus/route.ts'
import type { Store } from '../../gateway/bus/store.ts'
import { jwsTypes, signCompact, signDetached } from '../../gateway/envelopes/jws.ts'
import {
  createKeyring,
  generateSigningJwk,
  publicHalf,
  type SigningJwk,
  type SigningKey,
} from '../../gateway/envelopes/keyring.ts'
import { createReceiptSigner } from '../../gateway/envelopes/receipts.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { createDoorServer } from '../../gateway/transports/http-door.ts'
import { loadTables } from '../../mappings/tables.ts'
import { testFolder } from '../test-folder.ts'

export const gatewayId = 'lien-thong-test'

// What does not differ between tests, made once.
const signing = generateSigningJwk({ kidPrefix: 'demo-' })
const oneWindowJwk = generateSigningJwk({ kidPrefix: 'demo-' })
const landJwk = generateSigningJwk({ kidPrefix: 'demo-' })
const contracts = loadContracts()
const tables = loadTables()

export const account = { username: 'h47-demo', password: 'demo-only-secret', speaksFor: ['H47'] }
export const communeAccount = { username: 'commune', password: 'another-secret', speaksFor: ['H47.101'] }

export interface GatewayOptions {
  readonly folder?: string
  readonly url?: string
  readonly clock?: Clock
  readonly maxBodyBytes?: number
  readonly maxBatchBytes?: number
  readonly sessionTtl?: string
  readonly hasNoDropIn?: boolean
  /** Stands between the bus and the real store. */
  readonly wrap?: (store: Store) => Store
  /** What the national portal does with a delivery. */
  readonly deliver?: (message: { readonly type: string; readonly body: unknown }) => Promise<void>
}

/** The one-window adapter and the canonical door over the real bus, store and HTTP server. */
export async function startOneWindowGateway(t: Test, options: GatewayOptions = {}) {
  const clock = options.clock ?? systemClock
  const folder = options.folder ?? testFolder(t)
  const keyring = createKeyring({
    signing,
    partners: [
      { system: 'one-window', jwk: publicHalf(oneWindowJwk) },
      { system: 'land-vbdlis', jwk: publicHalf(landJwk) },
    ],
  })
  const real = await openSqliteStore({ path: join(folder, 'store.sqlite'), clock })
  const store = options.wrap?.(real) ?? real
  const failures: unknown[] = []
  const tap: WireTap = {
    channel() {},
    accepted() {},
    refused() {},
    attempted() {},
    failed: ({ error }: { error: unknown }) => failures.push(error),
  }
  const bus = createBus({
    store,
    contracts,
    receipts: createReceiptSigner(keyring, { issuer: gatewayId }),
    routes,
    directory: { isEnabled: () => true },
    clock,
    tap,
    refusalsPerSourceAndMinute: 1_000,
  })
  const limits = options.maxBodyBytes === undefined ? {} : { limits: { maxBodyBytes: options.maxBodyBytes } }
  const { server, doors } = createDoorServer({ gateway: bus, keyring, tap, ...limits })
  const settings: OneWindowSettings = {
    ...(options.url === undefined ? {} : { url: options.url }),
    timeouts: { connect: '2s', answer: '2s' },
    concurrency: 4,
    insideNetwork: true,
    dropIn: {
      enabled: options.hasNoDropIn !== true,
      loginPath: 'mapi/login',
      dataPath: 'mapi/g',
      catalogPath: 'mapi/share',
      maxBodyBytes: options.maxBatchBytes ?? 4_194_304,
      sessionTtl: options.sessionTtl ?? '24h',
      credentials: [account, communeAccount],
    },
  }
  const context = { gatewayId, gateway: bus, contracts, keyring, doors, tables, clock, tap }
  const adapter = oneWindow.create({ ...context, system: 'one-window', settings })
  if (adapter.door) await server.register(adapter.door)
  const speakers = new Map([
    ['one-window', { says: oneWindow.says ?? [], speaksFor: ['H47'] }],
    ['land-vbdlis', { says: ['dossier.progressed.v1'], speaksFor: ['H47.01'] }],
  ])
  await server.register(createCanonicalDoor({ ...context, speakers }))
  server.get('/.well-known/jwks.json', async () => keyring.jwks())
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const portal = {
    deliver: async (message: { readonly type: string; readonly body: unknown }) => {
      await options.deliver?.(message)
      return { receipt: { sentDigest: 'sha-256:00' } }
    },
    probe: async () => {},
    close: async () => {},
  }
  await bus.start([
    { system: 'national-portal', adapter: portal, concurrency: 4 },
    { system: 'one-window', adapter, concurrency: 4 },
  ])
  let stopped: Promise<void> | undefined
  const stop = async () => {
    await server.close()
    await bus.drain(100)
    await adapter.close()
    await store.close()
  }
  const ended = () => {
    stopped ??= stop()
    return stopped
  }
  t.teardown(ended)

  return {
    url,
    bus,
    store,
    keyring,
    adapter,
    failures,
    folder,
    stop: ended,
    /** Journal entries of one kind, after everything asked for so far is written. */
    async journal(kind: string) {
      await store.probe()
      const entries = await store.journal(undefined, 10_000)
      return entries.filter((entry) => entry.kind === kind).map(({ entry }) => JSON.parse(entry))
    },
  }
}

export type OneWindowGateway = Awaited<ReturnType<typeof startOneWindowGateway>>

const retry = { schedule: ['20ms'], jitter: 0, giveUpAfter: '1h', deadline: '5s' }
const routes: readonly Route[] = [
  {
    name: 'to-portal',
    on: ['dossier.received.v1', 'dossier.progressed.v1', 'result.issued.v1', 'dossier.outcome-reported.v1'],
    from: ['one-window', 'land-vbdlis'],
    to: () => ['national-portal'],
    retry,
    onDead: 'hold-lane',
  },
  {
    name: 'portal-filed',
    on: ['dossier.submitted.v1'],
    from: 'national-portal',
    to: () => ['one-window'],
    retry,
    onDead: 'hold-lane',
  },
]

/** A dossier as a one-window product sends it. */
export function dossierItem(code: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    MaHoSo: code,
    MaTTHC: '1.004269.000.00.00.H47',
    TenTTHC: 'Cung cấp dữ liệu đất đai',
    MaLinhVuc: 'G13-DD01',
    TenLinhVuc: 'Đất đai',
    KenhThucHien: '2',
    ChuHoSo: 'NGUYEN VAN A',
    SoGiayToChuHoSo: '049090000001',
    LoaiDoiTuong: '1',
    NgayTiepNhan: '20260105090000',
    NgayHenTra: '20260115170000',
    TrangThaiHoSo: '4',
    HinhThuc: '0',
    DonViXuLy: 'Sở Tài nguyên và Môi trường (mẫu)',
    TaiLieuNop: [],
    ...more,
  }
}

export function progressItem(code: string, status: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    MaHoSo: code,
    NguoiXuLy: 'TRAN THI B',
    ThoiDiemXuLy: `2026010${status}101500`,
    NoiDungXuLy: 'Xử lý',
    TrangThai: status,
    ...more,
  }
}

/** A canonical dossier. */
export function dossierBody(code: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    dossierCode: code,
    procedure: { code: '1.004269' },
    receivingUnit: { code: '000.00.01.H47' },
    status: 'processing',
    receivedAt: '2026-01-05T02:00:00.000Z',
    ...more,
  }
}

export interface DropInReply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly document: Readonly<Record<string, unknown>>
}

/** One POST at the drop-in door, as an unchanged product makes it. */
export async function post(
  gateway: { readonly url: string },
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<DropInReply> {
  const answer = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', charset: 'utf-8', dstcode: 'VN:GOV:000.00.00.G22:test', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text, document: JSON.parse(text) }
}

export const loginPath = '/XrdAdapter/RestService/forward/mapi/login'
export const dataPath = '/XrdAdapter/RestService/forward/mapi/g'
export const sharePath = '/VXPAdapter/RestService/forward/mapi/share'

/** A logged-in product. */
export async function loggedIn(gateway: { readonly url: string }, { username, password } = account) {
  const { document } = await post(gateway, loginPath, { username, password })
  const { session } = document
  if (typeof session !== 'string') throw new Error('no session')
  const call = (fields: Readonly<Record<string, unknown>>, path = dataPath) =>
    post(gateway, path, { session, madonvi: '000.00.01.H47', ...fields })
  return {
    session,
    call,
    dossiers: (data: readonly unknown[], more: Readonly<Record<string, unknown>> = {}) =>
      call({ service: 'DongBoHoSoMC', isUpdating: 'False', data, ...more }),
    progress: (data: readonly unknown[]) => call({ service: 'CapNhatTienDoHoSoMC', data }),
    lookUp: (mahoso: string, more: Readonly<Record<string, unknown>> = {}) =>
      call({ service: 'TraCuuHoSo', mahoso, ...more }),
  }
}

export const keys = { oneWindow: keyOf(oneWindowJwk), land: keyOf(landJwk), stranger: keyOf(generateSigningJwk()) }

function keyOf(jwk: SigningJwk): SigningKey {
  return createKeyring({ signing: jwk, partners: [] }).signingKey()
}

/** The claims of a canonical message. */
export function statement(body: unknown, more: Readonly<Record<string, unknown>> = {}) {
  return {
    jti: `jti-${Math.random().toString(36).slice(2)}`,
    iat: Math.floor(Date.now() / 1000),
    aud: gatewayId,
    type: 'dossier.received.v1',
    body,
    ...more,
  }
}

/** Signs and sends; `payload` goes as it is when it is text or bytes. */
export async function send(
  gateway: { readonly url: string },
  payload: unknown,
  how: { readonly key?: SigningKey; readonly isDetached?: boolean; readonly beside?: string } = {},
) {
  const { key = keys.oneWindow, isDetached = false } = how
  const raw = typeof payload === 'string' || payload instanceof Uint8Array ? payload : JSON.stringify(payload)
  const what = { typ: jwsTypes.message, payload: raw }
  const request = isDetached
    ? {
        headers: { 'content-type': 'application/json', 'x-jws-signature': await signDetached(key, what) },
        body: how.beside ?? raw,
      }
    : { headers: { 'content-type': 'application/jose' }, body: await signCompact(key, what) }
  return sendRaw(gateway, request)
}

export async function sendRaw(
  gateway: { readonly url: string },
  request: { readonly headers: Record<string, string>; readonly body: string | Uint8Array },
) {
  const answer = await fetch(`${gateway.url}/messages`, { method: 'POST', ...request })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text }
}
