import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { request } from 'undici'
import { type CrashPoint, crashPointVariable } from './crash-points.ts'
import { withoutVariable } from './defences.ts'

/** How one life of the gateway begins. */
export interface GatewayLife {
  readonly configFile: string
  readonly logFile: string
  readonly port: number
  readonly environment?: Readonly<Record<string, string>>
  /** Kills it at the given passage of this point. */
  readonly crashAt?: { readonly point: CrashPoint; readonly passage: number }
  /** A defence it has to do without. */
  readonly without?: string
}

/** The real `server.ts` as a process of its own. */
export interface GatewayProcess {
  readonly pid: number
  /** How it ended: exit code or signal. */
  readonly ended: Promise<number | string>
  /** Resolves with true once it is ready, false when it ends before. */
  readonly ready: Promise<boolean>
  /** Sends a signal; `ended` tells what became of it. */
  signal(name: NodeJS.Signals): void
}

const root = path.resolve(import.meta.dirname, '../..')

/** Starts a gateway; with this process it ends too. */
export function startGatewayProcess(life: GatewayLife): GatewayProcess {
  const log = openSync(life.logFile, 'a')
  const preloads = [
    'block-loop.ts',
    ...(life.crashAt ? ['crash-points.ts'] : []),
    ...(life.without === undefined ? [] : ['without-defence.ts']),
  ]
  const child = fork(path.join(root, 'server.ts'), [], {
    cwd: root,
    env: {
      ...process.env,
      ...life.environment,
      LIENTHONG_CONFIG: life.configFile,
      ...(life.crashAt && { [crashPointVariable]: `${life.crashAt.point}:${life.crashAt.passage}` }),
      ...(life.without !== undefined && { [withoutVariable]: life.without }),
    },
    // Threads of the store inherit these.
    execArgv: preloads.map((file) => `--import=${pathToFileURL(path.join(import.meta.dirname, file))}`),
    stdio: ['ignore', log, log, 'ipc'],
  })
  closeSync(log)
  const ended = endOf(child)
  return {
    pid: child.pid ?? 0,
    ended,
    ready: Promise.race([untilReady(child, life.port), ended.then(() => false)]),
    signal: (name) => void child.kill(name),
  }
}

async function endOf(child: ChildProcess): Promise<number | string> {
  await once(child, 'exit')
  return child.exitCode ?? child.signalCode ?? 'unknown'
}

async function untilReady(child: ChildProcess, port: number): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    const signal = AbortSignal.timeout(2_000)
    const answer = await request(`http://127.0.0.1:${port}/health/ready`, { signal }).catch(() => undefined)
    await answer?.body.dump().catch(() => undefined)
    if (answer?.statusCode === 200) return true
    await sleep(20)
  }
  return false
}
