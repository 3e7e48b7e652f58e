import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import type { AxisState, DepositOrder } from '../document-axis/axis.ts'
import type { PortalState, PushAnswer } from '../national-portal/portal.ts'
import type { CanonicalAnswer } from '../one-window/canonical-client.ts'
import { createDropInClient, type DropInClient } from '../one-window/drop-in-client.ts'
import type { OneWindowState } from '../one-window/one-window.ts'
import { type Ledger, readLedger } from './ledger.ts'

/** The account of the one-window at the drop-in door and of the gateway at the portal; nothing real answers to it. */
export const demoAccount = { username: 'h47-demo', password: 'demo-only' }

/** What may differ from the demonstration, for tests of rougher days. */
export interface StageOptions {
  /** More arguments for the portal's stand-in, such as `--fault`. */
  readonly portalArguments?: readonly string[]
  /** Laid over the gateway's configuration, part by part. */
  readonly configuration?: Readonly<Record<string, unknown>>
  /** Where the gateway keeps its data; a folder of the stage's own when absent. */
  readonly dataDir?: string
}

/** A gateway and its two neighbours, each a process of its own, on free ports of this machine. */
export interface Stage {
  readonly gatewayUrl: string
  readonly portalUrl: string
  readonly oneWindowUrl: string
  /** What the gateway has written to its log, and where. */
  readonly log: { readonly file: string; read(): string }
  readonly dataDir: string
  /** The private key the one-window signs with, for whoever wants to speak in its name. */
  readonly keyFile: string

  /** The unchanged product of one unit at the drop-in door; the same one for the same unit, with its own session. */
  product(madonvi: string): DropInClient
  /** A signed message of the one-window at the canonical door. */
  sendMessage(order: {
    readonly type: string
    readonly body: unknown
    readonly jti?: string
    readonly detached?: boolean
  }): Promise<CanonicalAnswer>
  /** What the gateway shows the one-window below this path. */
  read(path: string): Promise<{ readonly status: number; readonly text: string }>
  /** The ledger of a dossier as the one-window may see it; `undefined` when there is none. */
  ledger(code: string): Promise<Ledger | undefined>
  /** Lets the portal call the gateway. */
  push(order: { readonly path: string; readonly document: unknown }): Promise<PushAnswer>
  portalState(): Promise<PortalState>
  oneWindowState(): Promise<OneWindowState>
  axisState(): Promise<AxisState>
  /** Lets another agency send something over the document axis; answers the axis's id of it. */
  deposit(order: DepositOrder): Promise<string>
  /** Scripts what goes wrong next at a neighbour, or with `[]` forgets the script. */
  setFaults(neighbour: 'national-portal' | 'one-window', orders: readonly unknown[]): Promise<void>

  /** Starts a gateway that was stopped or killed, over the same data. */
  startGateway(): Promise<void>
  /** Ends the gateway and answers how: its exit code, or the signal that ended it. */
  stopGateway(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string>
  /** Ends every process and removes the stage's folder. */
  close(): Promise<void>
}

type Item = Readonly<Record<string, unknown>>

const root = path.resolve(import.meta.dirname, '../..')
const startTimeoutMs = 30_000
/** Longer than the gateway takes to drain. */
const stopTimeoutMs = 30_000

/** Starts all three and introduces them to each other. Nothing is left behind when it throws. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lien-thong-'))
  const children = new Set<ChildProcess>()
  const file = path.join(folder, 'gateway.json')
  const logFile = path.join(folder, 'gateway.log')
  const keyFile = path.join(folder, 'one-window-key.json')
  const dataDir = options.dataDir ?? path.join(folder, 'data')
  let gateway: ChildProcess | undefined

  function start(
    script: string,
    spawn: { args?: readonly string[]; env?: NodeJS.ProcessEnv; output: 'pipe' | number },
  ) {
    // With a channel to us each ends by itself when we do, whatever becomes of us.
    const child = fork(path.join(root, script), [...(spawn.args ?? [])], {
      cwd: folder,
      env: { ...process.env, ...spawn.env },
      execArgv: [],
      stdio: ['ignore', spawn.output, spawn.output === 'pipe' ? 'inherit' : spawn.output, 'ipc'],
    })
    children.add(child)
    child.once('exit', () => children.delete(child))
    return child
  }

  async function startStandIn(system: string, args: readonly string[] = []): Promise<Item> {
    const child = start(`simulators/${system}/main.ts`, { args, output: 'pipe' })
    const line = await withDeadline(`${system} to start`, Promise.race([firstLine(child), ending(child)]))
    // The stand-ins' own ready line.
    if (typeof line === 'string' && line.startsWith('{')) return JSON.parse(line) as Item
    throw new Error(`${system} ended before it was ready: ${line}`)
  }

  async function startGateway(): Promise<void> {
    const log = openSync(logFile, 'a')
    const env = { LIENTHONG_CONFIG: file, DEMO_PASSWORD: demoAccount.password }
    const child = start('server.ts', { env, output: log })
    closeSync(log)
    gateway = child
    const isReady = async () => {
      while (child.exitCode === null && child.signalCode === null) {
        const answer = await request(`${gatewayUrl}/health/ready`).catch(() => undefined)
        await answer?.body.dump()
        if (answer?.statusCode === 200) return true
        await sleep(25)
      }
      return false
    }
    if (await withDeadline('the gateway to be ready', isReady())) return
    throw new Error(`the gateway ended before it was ready:\n${lastLines(logFile)}`)
  }

  async function stopGateway(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string> {
    return gateway === undefined ? 'not started' : await end(gateway, signal)
  }

  async function close(): Promise<void> {
    // First the gateway, so that what is under way still finds its neighbours.
    await stopGateway('SIGTERM')
    await Promise.all([...children].map((child) => end(child, 'SIGTERM')))
    rmSync(folder, { recursive: true, force: true })
  }

  let gatewayUrl = ''
  try {
    const [portal, oneWindow, axis, port] = await Promise.all([
      startStandIn('national-portal', options.portalArguments),
      startStandIn('one-window', ['--key-file', keyFile]),
      startStandIn('document-axis'),
      freePort(),
    ])
    gatewayUrl = `http://127.0.0.1:${port}`
    const configuration = configurationOf({ port, dataDir, portal, oneWindow, axis })
    writeFileSync(file, JSON.stringify(merged(configuration, options.configuration ?? {}), null, 2))
    await startGateway()
    const portalUrl = String(portal.url)
    const oneWindowUrl = String(oneWindow.url)
    const axisUrl = String(axis.url)
    await post(oneWindowUrl, 'gateway', { url: gatewayUrl, id: gatewayId, ...demoAccount })
    const products = new Map<string, DropInClient>()

    const read = (place: string) =>
      get<{ status: number; text: string }>(oneWindowUrl, `read?path=${encodeURIComponent(place)}`)
    return {
      gatewayUrl,
      portalUrl,
      oneWindowUrl,
      log: { file: logFile, read: () => readFileSync(logFile, 'utf8') },
      dataDir,
      keyFile,
      product(madonvi) {
        const known = products.get(madonvi)
        if (known) return known
        const product = createDropInClient({ baseUrl: gatewayUrl, ...demoAccount, madonvi, renewsSession: true })
        products.set(madonvi, product)
        return product
      },
      sendMessage: (order) => post<CanonicalAnswer>(oneWindowUrl, 'send-message', order),
      read,
      async ledger(code) {
        const { status, text } = await read(`/dossiers/${encodeURIComponent(code)}`)
        if (status === 404) return undefined
        if (status !== 200) throw new Error(`the ledger of ${code} answers ${status}: ${text}`)
        return readLedger(text)
      },
      push: ({ path: place, document }) =>
        post<PushAnswer>(portalUrl, 'push', { url: `${gatewayUrl}${place}`, document }),
      portalState: () => get<PortalState>(portalUrl, 'state'),
      oneWindowState: () => get<OneWindowState>(oneWindowUrl, 'state'),
      axisState: () => get<AxisState>(axisUrl, 'state'),
      deposit: async (order) => (await post<{ docId: string }>(axisUrl, 'deposit', order)).docId,
      async setFaults(neighbour, orders) {
        const url = neighbour === 'national-portal' ? portalUrl : oneWindowUrl
        await control(url, 'faults', { method: 'DELETE' })
        if (orders.length > 0) await post(url, 'faults', orders)
      },
      startGateway,
      stopGateway,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** What a signed message to it must name as its audience. */
export const gatewayId = 'lien-thong-demo'

interface Known {
  readonly port: number
  readonly dataDir: string
  /** The stand-ins' ready lines. */
  readonly portal: Item
  readonly oneWindow: Item
  readonly axis: Item
}

/** `gateway.json` for this stage: the simulators, and everything that may be switched on. */
function configurationOf({ port, dataDir, portal, oneWindow, axis }: Known): Item {
  const password = { env: 'DEMO_PASSWORD' }
  const retry = { schedule: ['500ms', '1s', '2s'] }
  return {
    environment: 'development',
    gateway: { id: gatewayId, url: `http://127.0.0.1:${port}` },
    listen: { host: '127.0.0.1', port },
    dataDir,
    systems: {
      'one-window': {
        simulator: true,
        insideNetwork: true,
        url: oneWindow.inbox,
        keys: [oneWindow.publicJwk],
        speaksFor: ['H47'],
        dropIn: { enabled: true, credentials: [{ username: demoAccount.username, password, speaksFor: ['H47'] }] },
      },
      'national-portal': {
        simulator: true,
        insideNetwork: true,
        url: `${portal.url}/XrdAdapter/RestService/forward`,
        username: demoAccount.username,
        password,
        madonvi: '000.00.00.H47',
        dstcode: 'VN:GOV:000.00.00.G22:vpcpdvcprovider',
        dstcodeIn: 'header',
        loginPath: 'mapi/login',
        dataPath: 'mapi/g',
        catalogPath: 'mapi/g',
        inbound: {
          allowFrom: ['127.0.0.1'],
          receivingUnit: '000.00.00.H47',
          promotion: { enabled: true },
          // Its form is assumed (docs/systems.md): on here, off where nothing is said.
          submitted: { enabled: true },
        },
      },
      'document-axis': {
        simulator: true,
        insideNetwork: true,
        url: axis.url,
        systemId: axis.systemId,
        secret: password,
        keys: [axis.publicJwk],
        signers: [{ agency: 'G09', keys: [axis.kid] }],
        pollEvery: '500ms',
      },
    },
    routes: Object.fromEntries(
      ['dossier-sync', 'progress-sync', 'result', 'portal-filed', 'outcome', 'document-out', 'document-in'].map(
        (name) => [name, { retry }],
      ),
    ),
  }
}

/** Objects member by member; anything else replaces what was there. */
function merged(base: Item, over: Item): Item {
  const laidOver = Object.entries(over).map(([name, value]) => {
    const before = base[name]
    return [name, isObject(before) && isObject(value) ? merged(before, value) : value]
  })
  return { ...base, ...Object.fromEntries(laidOver) }
}

function isObject(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

async function get<T>(url: string, name: string): Promise<T> {
  return (await control(url, name, { method: 'GET' })) as T // the stand-ins' own types
}

async function post<T>(url: string, name: string, order: unknown): Promise<T> {
  return (await control(url, name, { method: 'POST', body: JSON.stringify(order) })) as T // as above
}

async function control(url: string, name: string, how: { method: 'GET' | 'POST' | 'DELETE'; body?: string }) {
  const answer = await request(`${url}/_sim/${name}`, { ...how, signal: AbortSignal.timeout(60_000) })
  const text = await answer.body.text()
  if (answer.statusCode !== 200)
    throw new Error(`${how.method} ${url}/_sim/${name} answers ${answer.statusCode}: ${text}`)
  return JSON.parse(text)
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of stdout ?? []) {
    text += String(chunk)
    if (text.includes('\n')) break
  }
  return text.split('\n')[0] ?? ''
}

/** Its exit code, or the signal that ended it. */
async function ending(child: ChildProcess): Promise<number | string> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode ?? child.signalCode ?? 'unknown'
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string> {
  child.kill(signal)
  const overdue = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
  const code = await ending(child)
  clearTimeout(overdue)
  return code
}

async function withDeadline<T>(what: string, work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = sleep(startTimeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`waited ${startTimeoutMs / 1000} s for ${what}`)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
    late.catch(() => undefined)
  }
}

/** A port nobody listens on now; the gateway is told its own address before it starts. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').split('\n').slice(-20).join('\n')
}
