import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { type ClientKey, newClientKey } from '../../simulators/one-window/canonical-client.ts'
import { sharedNowMs } from './child.ts'

/** What the kernel says of a process (Linux). */
export interface Usage {
  /** User and system time of all threads, in steps of 10 ms. */
  readonly cpuMs: number
  readonly rssMib: number
}

/** The real `server.ts` in a process of its own, over a store on the disk of this repository. */
export interface RunningGateway {
  readonly url: string
  readonly dataDir: string
  /** From the fork to the first ready answer. */
  readonly startMs: number
  /** What the one-window signs with, and for whom. */
  readonly signing: { readonly jwk: ClientKey['privateJwk']; readonly kid: string; readonly audience: string }
  readonly account: { readonly username: string; readonly password: string }
  usage(): Usage
  /** The metrics page's samples, labels and all, by name. */
  metrics(): Promise<ReadonlyMap<string, number>>
  /** Stops it as an operator does, and removes its data. */
  end(): Promise<void>
}

export interface GatewayOptions {
  readonly portalPort: number
  /** Deliveries under way to the portal at once. */
  readonly concurrency?: number
  /** Arguments of Node itself, such as `--cpu-prof`. */
  readonly nodeArguments?: readonly string[]
  /** Laid over our own environment. */
  readonly environment?: Readonly<Record<string, string>>
}

const root = path.resolve(import.meta.dirname, '../..')
const account = { username: 'bench', password: 'bench-only' }
const audience = 'lien-thong-bench'
const startDeadlineMs = 30_000

/** Where benchmarks keep what must be on a real disk: `data/bench`, which git does not see. */
export function benchFolder(): string {
  const folder = path.join(root, 'data', 'bench')
  mkdirSync(folder, { recursive: true })
  return mkdtempSync(path.join(folder, 'run-'))
}

/** Starts it and waits until it is ready. Nothing is left behind when it throws. */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const folder = benchFolder()
  const dataDir = path.join(folder, 'data')
  const key = await newClientKey()
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const file = path.join(folder, 'gateway.json')
  writeFileSync(file, JSON.stringify(configurationOf({ ...options, url, port, dataDir, key }), null, 2))

  const log = openSync(path.join(folder, 'gateway.log'), 'a')
  const forkedAtMs = sharedNowMs()
  const child = fork(path.join(root, 'server.ts'), {
    cwd: folder,
    env: { ...process.env, ...options.environment, LIENTHONG_CONFIG: file, BENCH_PASSWORD: account.password },
    execArgv: [...(options.nodeArguments ?? [])],
    stdio: ['ignore', log, log, 'ipc'],
  })
  closeSync(log)
  const end = async () => {
    await ended(child)
    rmSync(folder, { recursive: true, force: true })
  }
  if (!(await isReady(child, url))) {
    const said = readFileSync(path.join(folder, 'gateway.log'), 'utf8').split('\n').slice(-20).join('\n')
    await end()
    throw new Error(`the gateway was not ready:\n${said}`)
  }
  return {
    url,
    dataDir,
    startMs: sharedNowMs() - forkedAtMs,
    signing: { jwk: key.privateJwk, kid: key.kid, audience },
    account,
    usage: () => usageOf(child.pid ?? 0),
    metrics: () => readMetrics(url),
    end,
  }
}

/** `gateway.json` of the demonstration's two systems, with quotas out of the way: the load is what is asked. */
function configurationOf(known: GatewayOptions & { url: string; port: number; dataDir: string; key: ClientKey }) {
  const password = { env: 'BENCH_PASSWORD' }
  return {
    environment: 'development',
    gateway: { id: audience, url: known.url },
    listen: { host: '127.0.0.1', port: known.port },
    dataDir: known.dataDir,
    systems: {
      'one-window': {
        simulator: true,
        insideNetwork: true,
        keys: [known.key.publicJwk],
        speaksFor: ['H47'],
        quota: { perSecond: 100_000, burst: 1_000_000, backlog: 10_000_000 },
        dropIn: { enabled: true, credentials: [{ username: account.username, password, speaksFor: ['H47'] }] },
      },
      'national-portal': {
        simulator: true,
        insideNetwork: true,
        url: `http://127.0.0.1:${known.portalPort}/XrdAdapter/RestService/forward`,
        concurrency: known.concurrency ?? 32,
        breaker: { firstPause: '500ms', longestPause: '1s' },
        username: account.username,
        password,
        madonvi: '000.00.00.H47',
        dstcode: 'VN:GOV:000.00.00.G22:vpcpdvcprovider',
        dstcodeIn: 'header',
        loginPath: 'mapi/login',
        dataPath: 'mapi/g',
        catalogPath: 'mapi/g',
      },
    },
  }
}

async function isReady(child: ChildProcess, url: string): Promise<boolean> {
  const untilMs = sharedNowMs() + startDeadlineMs
  while (child.exitCode === null && child.signalCode === null && sharedNowMs() < untilMs) {
    const answer = await request(`${url}/health/ready`).catch(() => undefined)
    await answer?.body.dump()
    if (answer?.statusCode === 200) return true
    await sleep(5)
  }
  return false
}

/** proc(5): fields 14 and 15 of `stat` in ticks of 1/100 s, `VmRSS` of `status` in KiB. */
function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, rssMib: Number(kib) / 1024 }
}

async function readMetrics(url: string): Promise<ReadonlyMap<string, number>> {
  const answer = await request(`${url}/metrics`)
  const lines = (await answer.body.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const overdue = setTimeout(() => child.kill('SIGKILL'), 30_000)
  await once(child, 'exit')
  clearTimeout(overdue)
}

/** A port nobody listens on now. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
