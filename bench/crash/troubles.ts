import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { blockMs } from './block-loop.ts'
import { buildHardware, type Hardware, type HardwareOrders } from './hardware.ts'
import type { GatewayProcess } from './killable-gateway.ts'
import { conclude, type Report, type RunOptions, seeded } from './run.ts'
import { openSite, type Site } from './site.ts'

/** What a trouble needs to know of a run. */
export type TroubleOptions = Omit<RunOptions, 'kills' | 'pauses' | 'cutsPower'>

interface Place {
  readonly site: Site
  readonly gateway: GatewayProcess
  readonly dataDir: string
  readonly hardware: Hardware
}

interface Trouble {
  /** A disk of its own, this small. */
  readonly diskMegabytes?: number
  /** Nothing may be accepted while it lasts. */
  readonly stops: boolean
  /** It is itself a computation. */
  readonly isBusy?: boolean
  /** Brings it about; what it answers takes it away. */
  begin(place: Place): (() => void) | Promise<() => void>
  /** How long it stays, once it has begun. */
  readonly lastsMs: number
}

const errno = { EIO: 5, ENOSPC: 28 } as const

/** What may befall a machine besides a kill. A new trouble is a new row. */
export const troubles: Readonly<Record<string, Trouble>> = {
  'disk-full': {
    diskMegabytes: 48,
    stops: true,
    lastsMs: 6_000,
    begin({ dataDir }) {
      const ballast = path.join(dataDir, 'ballast')
      fill(ballast)
      return () => rmSync(ballast)
    },
  },
  'failed-writes': { stops: true, lastsMs: 6_000, begin: ordered({ writeErrno: errno.EIO }) },
  /** One write in so many; a commit has some ten, a checkpoint hundreds. */
  'torn-writes': { stops: false, lastsMs: 8_000, begin: ordered({ writeErrno: errno.ENOSPC, tornOneIn: 211 }) },
  /** As an unset clock, a wrong time server and their repair would move it. */
  clock: {
    stops: false,
    lastsMs: 0,
    async begin({ hardware }) {
      for (const clockOffsetMs of [40_000, -40_000, 3_600_000, -3_600_000, 86_400_000]) {
        hardware.order({ clockOffsetMs })
        await sleep(2_000)
      }
      return () => hardware.order({})
    },
  },
  /** Idle callers take all there are; the partners and the senders have to connect anew. */
  descriptors: {
    stops: false,
    lastsMs: 6_000,
    begin({ site, gateway: { pid } }) {
      const open = readdirSync(`/proc/${pid}/fd`).length
      execFileSync('prlimit', ['--pid', String(pid), `--nofile=${open + 10}:4096`])
      const { hostname, port } = new URL(site.urlOf(0))
      const idle = Array.from({ length: open + 100 }, () =>
        connect(Number(port), hostname).on('error', () => undefined),
      )
      site.dropConnections()
      return () => {
        for (const socket of idle) socket.destroy()
      }
    },
  },
  'blocked-loop': {
    stops: true,
    isBusy: true,
    lastsMs: blockMs - 500,
    begin({ gateway }) {
      gateway.signal('SIGUSR2')
      return () => undefined
    },
  },
}

function ordered(orders: HardwareOrders): Trouble['begin'] {
  return ({ hardware }) => {
    hardware.order(orders)
    return () => hardware.order({})
  }
}

const settleMs = 3_000
/** How soon it must accept again, and how much it may do meanwhile. */
const recoversWithinMs = 10_000
const mostLogLinesPerSecond = 100
const mostCpuShare = 0.5

/** Load, one trouble, its end; then the oracle. What the issue asks of a recovery stands among the unexpected if missed. */
export async function runTrouble(name: string, options: TroubleOptions): Promise<Report> {
  const trouble = troubles[name]
  if (!trouble) throw new Error(`--trouble ${name}: known are ${Object.keys(troubles).join(', ')}, power-loss`)
  const folder = mkdtempSync(path.join(tmpdir(), 'lien-thong-trouble-'))
  const dataDir = path.join(folder, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  const unmount = trouble.diskMegabytes === undefined ? undefined : mount(dataDir, trouble.diskMegabytes)
  const hardware = buildHardware({ folder, dataDir })
  if (!hardware) throw new Error('troubles need gcc and Linux')
  // Only what needs the hardware gets it: a full disk and few descriptors are the machine's own.
  const { HARDWARE_DIR: _, HARDWARE_DISK: __, ...light } = hardware.environment
  const environment = { ...light, HARDWARE_DIR: dataDir }
  const random = seeded(options.seed)
  const site = await openSite({ ...options, random, dataDir, environment, isClockWrong: name === 'clock' })
  try {
    const gateway = site.start()
    if (!(await gateway.ready)) throw new Error(`the gateway did not start:\n${site.log().slice(-10).join('\n')}`)
    const stopping = new AbortController()
    const senders = site.send({ ...options, stopping: stopping.signal })
    await sleep(settleMs)
    await suffer(trouble, { place: { site, gateway, dataDir, hardware }, say: options.say })
    await sleep(settleMs)
    site.becomeHonest()
    stopping.abort()
    await senders
    return await conclude(site, { gateway, kills: {}, patienceMs: options.patienceMs })
  } finally {
    await site.close()
    unmount?.()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function suffer(trouble: Trouble, { place, say }: { place: Place; say: (line: string) => void }): Promise<void> {
  const { site, gateway } = place
  const { memory } = site
  const before = { cpuMs: cpuMs(gateway.pid), lines: site.log().length, atMs: performance.now(), ...memory.counts }
  const acceptedBefore = memory.sent.length
  const end = await trouble.begin(place)
  await sleep(300) // what was accepted just before is still on its way to the sender
  const accepted = trouble.stops ? memory.sent.length : acceptedBefore
  await sleep(trouble.lastsMs)
  const acceptedMeanwhile = memory.sent.length - accepted
  const seconds = (performance.now() - before.atMs) / 1_000
  const cpuShare = (cpuMs(gateway.pid) - before.cpuMs) / 1_000 / seconds
  const linesPerSecond = (site.log().length - before.lines) / seconds
  end()
  const recoveredMs = await untilAccepted(site)
  const turnedAway = memory.counts.turnedAway - before.turnedAway
  say(
    [
      `for ${seconds.toFixed(1)} s: ${acceptedMeanwhile} accepted, ${turnedAway} turned away`,
      `${memory.counts.unanswered - before.unanswered} unanswered, ${Math.round(cpuShare * 100)} % of a CPU`,
      `${Math.round(linesPerSecond)} log lines a second; accepting again after ${Math.round(recoveredMs)} ms`,
    ].join(', '),
  )
  const surprise = (isTrue: boolean, what: string) => isTrue && memory.surprises.push(what)
  surprise(trouble.stops && acceptedMeanwhile > 0, `${acceptedMeanwhile} were accepted that could not be written`)
  surprise(recoveredMs > recoversWithinMs, `accepting again only after ${Math.round(recoveredMs)} ms`)
  surprise(trouble.stops && cpuShare > mostCpuShare && !trouble.isBusy, `a hot loop: ${cpuShare.toFixed(2)} CPUs`)
  surprise(trouble.stops && linesPerSecond > mostLogLinesPerSecond, 'a hot loop in the log')
}

async function untilAccepted({ memory }: Site): Promise<number> {
  const startedAt = performance.now()
  const accepted = memory.sent.length
  while (memory.sent.length === accepted && performance.now() - startedAt < 2 * recoversWithinMs) await sleep(10)
  return performance.now() - startedAt
}

/** User and system time; fields 14 and 15 of /proc/<pid>/stat in hundredths of a second (proc(5)). */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function mount(folder: string, megabytes: number): () => void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', folder])
  return () => void execFileSync('umount', [folder])
}

/** To the last byte: what is left over after whole pages is filled as well. */
function fill(file: string): void {
  for (const bytes of [1_048_576, 4_096, 1]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(bytes), { flag: 'a' })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    }
  }
}
