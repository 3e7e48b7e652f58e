import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { verifyChain } from '../../gateway/bus/journal.ts'
import { type Portal, startPortal } from '../../simulators/national-portal/portal.ts'
import { createCanonicalClient } from '../../simulators/one-window/canonical-client.ts'
import { createDropInClient } from '../../simulators/one-window/drop-in-client.ts'
import { type OneWindow, startOneWindow } from '../../simulators/one-window/one-window.ts'
import { startTcpProxy, type TcpProxy } from '../../simulators/tcp-proxy/tcp-proxy.ts'
import { type GatewayLife, type GatewayProcess, startGatewayProcess } from './killable-gateway.ts'
import type { Effect, Facts } from './oracle.ts'
import { type Memory, newMemory, type SenderOptions, sendLikeClient, sendLikeProduct, unit } from './senders.ts'

export interface SiteOptions {
  /** Where the gateway keeps its data; a folder of the site's own when absent. */
  readonly dataDir?: string
  /** What a repeated progress entry does at the portal, and what the gateway has been told of it. */
  readonly progress: 'resend' | 'hold'
  /** Share of the partners' calls that go wrong, all faults together. */
  readonly faultRate: number
  readonly seed: number
  readonly random: () => number
  /** A defence every gateway of this site has to do without. */
  readonly without?: string
  readonly environment?: Readonly<Record<string, string>>
  /** The gateway's clock is off, so that it may refuse what was signed just now. */
  readonly isClockWrong?: boolean
}

/** Partners that outlive every kill, the wires to them, and gateways over one store. */
export interface Site {
  readonly memory: Memory
  readonly dataDir: string
  readonly portal: Portal
  readonly oneWindow: OneWindow
  /** Between the gateway and the portal. */
  readonly wire: TcpProxy
  /** Starts a gateway that senders reach from now on; `seat` is 1 when it must stand beside another one. */
  start(life?: Pick<GatewayLife, 'crashAt' | 'environment'> & { readonly seat?: 0 | 1 }): GatewayProcess
  /** Lets senders reach the gateway in that seat. */
  turnTo(seat: 0 | 1): void
  /** The gateway in that seat, from beside the senders. */
  urlOf(seat: 0 | 1): string
  /** Starts senders of both kinds; resolves when they have all come to an end. */
  send(options: Pick<SenderOptions, 'pauseMs' | 'stopping'> & { readonly senders: number }): Promise<void>
  /** Ends every connection to and from the gateway, so that each has to be made again. */
  dropConnections(): void
  /** Partners and wires do as they should from now on. */
  becomeHonest(): void
  /** Resolves once no delivery is under way, or when nothing has moved for so long. Answers whether all is at rest. */
  untilAtRest(patienceMs: number): Promise<boolean>
  facts(): Facts
  /** Every line the gateways have written. */
  log(): readonly string[]
  close(): Promise<void>
}

const account = { username: 'h47-demo', password: 'demo-only' }
const gatewayId = 'lien-thong-crash'

/** Faults of the portal that leave it able to go on, and how often each is drawn. */
const portalFaults = {
  reset: 2,
  'effect-then-drop': 4,
  'cut-body': 2,
  '500': 2,
  '502': 1,
  '503': 2,
  '429': 1,
  'truncated-json': 3,
  garbage: 2,
  'html-200': 2,
  empty: 1,
  'expired-session': 2,
  'slow-answer': 2,
}
const inboxFaults = { reset: 2, 'effect-then-drop': 4, '500': 2, '503': 2 }

/** Opens a site without a gateway yet. */
export async function openSite(options: SiteOptions): Promise<Site> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lien-thong-crash-'))
  const dataDir = options.dataDir ?? path.join(folder, 'data')
  const storeFile = path.join(dataDir, 'lienthong.sqlite')
  const logFile = path.join(folder, 'gateway.log')
  const memory = newMemory()
  const life = new Set<GatewayProcess>()
  const givingUp = new AbortController()
  const { seed, faultRate } = options
  const portal = await startPortal({
    plainTextProgress: true,
    codes: 'mixed',
    sessionUses: 400,
    units: ['000.00.00.H47'],
    mergesRepeats: options.progress === 'resend',
    seed,
    faults: shares(portalFaults, faultRate),
  })
  const oneWindow = await startOneWindow({ seed, faults: shares(inboxFaults, faultRate) })
  const wire = await startTcpProxy({
    target: { host: '127.0.0.1', port: portal.port },
    random: options.random,
    orders: [
      { trouble: 'reset', rate: faultRate / 2, afterBytes: 2_000 },
      { trouble: 'cut', rate: faultRate / 2, afterBytes: 3_000 },
      { trouble: 'delay', rate: faultRate / 2, delayMs: 50 },
      { trouble: 'drip', rate: faultRate / 2, delayMs: 1, afterBytes: 8_000 },
    ],
  })
  const ports = [await freePort(), await freePort()] as const
  const reached = { port: ports[0] }
  const front = await startTcpProxy({
    target: {
      host: '127.0.0.1',
      get port() {
        return reached.port
      },
    },
  })
  const url = `http://127.0.0.1:${front.port}`
  oneWindow.meet({ url: `http://127.0.0.1:${front.port}`, id: gatewayId, ...account })
  const configFiles = ports.map((port, seat) => {
    const file = path.join(folder, `gateway-${seat}.json`)
    writeFileSync(file, JSON.stringify(configurationOf({ port, url, dataDir, wire, oneWindow, options }), null, 2))
    return file
  })

  return {
    memory,
    dataDir,
    portal,
    oneWindow,
    wire,
    start({ seat = 0, crashAt, environment } = {}) {
      const gateway = startGatewayProcess({
        configFile: configFiles[seat] ?? '',
        logFile,
        port: ports[seat],
        environment: { CRASH_PASSWORD: account.password, ...options.environment, ...environment },
        ...(crashAt && { crashAt }),
        ...(options.without !== undefined && { without: options.without }),
      })
      life.add(gateway)
      void gateway.ended.then(() => life.delete(gateway))
      return gateway
    },
    turnTo(seat) {
      reached.port = ports[seat]
      front.resetAll()
    },
    urlOf: (seat) => `http://127.0.0.1:${ports[seat]}`,
    async send({ senders, ...how }) {
      const canonical = createCanonicalClient({ gatewayUrl: url, audience: gatewayId, key: oneWindow.key })
      const runs = Array.from({ length: senders }, (_, index) => {
        const { random, isClockWrong = false } = options
        const sender = { memory, random, serial: index + 1, isClockWrong, givingUp: givingUp.signal, ...how }
        if (index % 2 === 1) return sendLikeClient(canonical, sender)
        return sendLikeProduct(
          createDropInClient({ baseUrl: url, ...account, madonvi: unit, renewsSession: true }),
          sender,
        )
      })
      await Promise.all(runs)
    },
    dropConnections() {
      front.resetAll()
      wire.resetAll()
    },
    becomeHonest() {
      wire.order([])
      for (const partner of [portal, oneWindow]) partner.clearFaults()
    },
    untilAtRest: (patienceMs) => untilAtRest(storeFile, patienceMs),
    facts: () => gather(storeFile, { memory, portal, oneWindow, options }),
    log: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8').split('\n') : []),
    async close() {
      givingUp.abort()
      for (const gateway of life) {
        gateway.signal('SIGKILL')
        await gateway.ended
      }
      await Promise.all([front.close(), wire.close(), portal.close(), oneWindow.close()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function shares(weights: Readonly<Record<string, number>>, rate: number) {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
  if (rate === 0) return []
  return Object.entries(weights).flatMap(([fault, weight]) => {
    const order = { fault, rate: (rate * weight) / total, delayMs: 150 }
    // A login that says the session is over means that our account is refused, which is not tried again for 30 s.
    if (fault !== 'expired-session') return [order]
    return ['DongBoHoSoMC', 'CapNhatTienDoHoSoMC'].map((service) => ({ ...order, service }))
  })
}

function configurationOf(known: {
  readonly port: number
  readonly url: string
  readonly dataDir: string
  readonly wire: TcpProxy
  readonly oneWindow: OneWindow
  readonly options: SiteOptions
}) {
  const { port, url, dataDir, wire, oneWindow, options } = known
  const password = { env: 'CRASH_PASSWORD' }
  const retry = { schedule: ['150ms', '300ms', '600ms'], deadline: '5s' }
  const breaker = { lanes: 50, firstPause: '500ms', longestPause: '1s' }
  const quota = { perSecond: 10_000, burst: 10_000, backlog: 1_000_000 }
  return {
    environment: 'test',
    gateway: { id: gatewayId, url },
    listen: { host: '127.0.0.1', port },
    dataDir,
    limits: { minFreeDiskBytes: 65_536 },
    systems: {
      'one-window': {
        simulator: true,
        insideNetwork: true,
        url: oneWindow.inboxUrl,
        keys: [oneWindow.key.publicJwk],
        speaksFor: ['H47'],
        tell: ['delivered', 'held', 'dead', 'expired', 'discarded'],
        concurrency: 16,
        retry,
        breaker,
        quota,
        dropIn: { enabled: true, credentials: [{ username: account.username, password, speaksFor: ['H47'] }] },
      },
      'national-portal': {
        simulator: true,
        insideNetwork: true,
        url: `http://127.0.0.1:${wire.port}/XrdAdapter/RestService/forward`,
        username: account.username,
        password,
        madonvi: '000.00.00.H47',
        dstcode: 'VN:GOV:000.00.00.G22:vpcpdvcprovider',
        dstcodeIn: 'header',
        loginPath: 'mapi/login',
        dataPath: 'mapi/g',
        catalogPath: 'mapi/g',
        progressRepeat: options.progress,
        // The stand-in has no replicas that lag behind.
        settlingTime: '300ms',
        concurrency: 16,
        timeouts: { connect: '2s', answer: '2s' },
        retry,
        breaker,
      },
    },
  }
}

/** Read by its own SQL, so that the gateway's reading code can't cover for its writing code. */
function gather(
  file: string,
  {
    memory,
    portal,
    oneWindow,
    options,
  }: { memory: Memory; portal: Portal; oneWindow: OneWindow; options: SiteOptions },
): Facts {
  const store = new DatabaseSync(file, { readOnly: true })
  const rows = (sql: string) => store.prepare(sql).all()
  try {
    const chains = rows('SELECT * FROM journal ORDER BY chain_id, position').map((row) => ({
      chainId: String(row.chain_id),
      position: Number(row.position),
      atMs: Number(row.at_ms),
      kind: String(row.kind),
      entry: String(row.entry),
      previousHash: String(row.previous_hash),
      hash: String(row.hash),
    }))
    const integrity = rows('PRAGMA integrity_check').map((row) => String(row.integrity_check))
    return {
      sent: memory.sent,
      effects: portal.state().operations.map(({ dossierCode, service, item, isUpdating }): Effect => {
        const isRecord = service === 'DongBoHoSoMC'
        const marker = String(isRecord ? item.TrichYeuHoSo : item.NoiDungXuLy)
        return { code: dossierCode, kind: isRecord ? 'record' : 'progress', marker, isCreate: isUpdating === false }
      }),
      notices: oneWindow.state().messages.map(({ jti, document: { body } }) => ({ id: jti, ...noticeOf(body) })),
      messages: rows('SELECT id, source, receipt FROM messages').map((row) => ({
        id: String(row.id),
        source: String(row.source),
        receipt: String(row.receipt),
      })),
      deliveries: rows(
        `SELECT m.id, d.message_type, d.system, d.state, json_extract(d.reason, '$.code') AS code
        FROM deliveries d JOIN messages m ON m.sequence = d.message_sequence`,
      ).map((row) => ({
        messageId: String(row.id),
        messageType: String(row.message_type),
        system: String(row.system),
        state: String(row.state),
        ...(row.code === null ? {} : { code: String(row.code) }),
      })),
      brokenChains: verifyChain(chains).length,
      surprises: [...memory.surprises, ...integrity.filter((line) => line !== 'ok').map((line) => `store: ${line}`)],
      mayHold: options.progress === 'hold',
    }
  } finally {
    store.close()
  }
}

function noticeOf(body: unknown): { readonly messageId: string; readonly state: string } {
  if (typeof body !== 'object' || body === null) return { messageId: '', state: '' }
  return { messageId: String(Reflect.get(body, 'messageId')), state: String(Reflect.get(body, 'state')) }
}

async function untilAtRest(file: string, patienceMs: number): Promise<boolean> {
  let last: string | undefined
  let movedAt = performance.now()
  for (;;) {
    const standing = standingOf(file)
    if (standing !== undefined && !/"(?:waiting|leased)":/.test(standing)) return true
    if (standing !== last) {
      last = standing
      movedAt = performance.now()
    } else if (performance.now() - movedAt > patienceMs) return false
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** How many deliveries are in which state, as text that changes when anything moves. */
function standingOf(file: string): string | undefined {
  try {
    const store = new DatabaseSync(file, { readOnly: true })
    try {
      const rows = store.prepare('SELECT state, COUNT(*) AS count FROM deliveries GROUP BY state ORDER BY state').all()
      return JSON.stringify(Object.fromEntries(rows.map((row) => [row.state, row.count])))
    } finally {
      store.close()
    }
  } catch {
    return undefined // being opened, or busy
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
