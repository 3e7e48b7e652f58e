import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CrashPoint, crashPoints } from './crash-points.ts'
import { defences } from './defences.ts'
import { buildHardware } from './hardware.ts'
import type { GatewayProcess } from './killable-gateway.ts'
import { judge, type Verdict } from './oracle.ts'
import { openSite, type Site } from './site.ts'

export interface RunOptions {
  readonly kills: number
  /** How long senders go on, at least. */
  readonly seconds: number
  /** Times the gateway is stopped beyond its lease while another one takes over. */
  readonly pauses: number
  readonly senders: number
  /** Between two statements of a sender, on average. */
  readonly pauseMs: number
  readonly faultRate: number
  readonly seed: number
  readonly progress: 'resend' | 'hold'
  /** A defence that is switched off; the verdict should then be guilty. */
  readonly without?: string
  /** Every kill takes the power with it: what was not synced is gone. */
  readonly cutsPower?: boolean
  /** How long nothing may move before what is left counts as stuck. */
  readonly patienceMs: number
  readonly say: (line: string) => void
}

/** What a run came to. */
export interface Report {
  readonly verdict: Verdict
  /** Kills by where they struck. */
  readonly kills: Readonly<Record<string, number>>
  readonly asked: number
  readonly repeated: number
  /** Writes that had not been synced when the power was cut, all cuts together. */
  readonly unsynced: number
  /** What the gateways logged that is not normal operation. */
  readonly trouble: readonly string[]
}

/** Load, kills, restarts, and then the oracle (docs/reliability.md). */
export async function run(options: RunOptions): Promise<Report> {
  const random = seeded(options.seed)
  const progress = defences[options.without ?? '']?.progress ?? options.progress
  const folder = mkdtempSync(path.join(tmpdir(), 'lien-thong-power-'))
  const dataDir = path.join(folder, 'data')
  const hardware = options.cutsPower ? buildHardware({ folder, dataDir }) : undefined
  if (options.cutsPower && !hardware) throw new Error('cutting the power needs gcc and Linux')
  const site = await openSite({ ...options, progress, random, dataDir, ...hardware })
  let unsynced = 0
  const afterKill = () => {
    unsynced += hardware?.cutPower(random) ?? 0
  }
  try {
    const { gateway, kills } = await killUnderLoad(site, { ...options, random, afterKill })
    const report = await conclude(site, { gateway, kills, patienceMs: options.patienceMs })
    return { ...report, unsynced }
  } catch (error) {
    if (!(error instanceof NeverStarted && options.cutsPower)) throw error
    // Nothing of what was accepted can be reached any more.
    const surprises = [...site.memory.surprises, 'the gateway can’t open its store any more']
    const verdict = judge({ ...nothing, sent: site.memory.sent, surprises })
    return { verdict, kills: {}, ...site.memory.counts, unsynced, trouble: site.log().filter(isTrouble) }
  } finally {
    await site.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A gateway that ends before it is ready, and not by our hand. */
class NeverStarted extends Error {}

const nothing = { effects: [], notices: [], messages: [], deliveries: [], brokenChains: 0, mayHold: false }

/** Lets everything come to rest, asks the gateway to end, and judges. */
export async function conclude(
  site: Site,
  how: {
    readonly gateway: GatewayProcess
    readonly kills: Readonly<Record<string, number>>
    readonly patienceMs: number
  },
): Promise<Report> {
  await site.untilAtRest(how.patienceMs)
  how.gateway.signal('SIGTERM')
  const end = await how.gateway.ended
  if (end !== 0) site.memory.surprises.push(`asked to end, the gateway ended with ${end}`)
  const facts = site.facts()
  const { asked, repeated } = site.memory.counts
  return {
    verdict: judge(facts),
    kills: how.kills,
    asked,
    repeated,
    unsynced: 0,
    trouble: site.log().filter(isTrouble),
  }
}

function isTrouble(line: string): boolean {
  return line !== '' && !/"level":"(?:info|warn)"/.test(line)
}

/** mulberry32, so that a run can be repeated as far as two processes allow. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = state
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296
  }
}

interface Killed {
  /** The last life, still running. */
  readonly gateway: GatewayProcess
  readonly kills: Readonly<Record<string, number>>
}

type Killing = RunOptions & { readonly random: () => number; readonly afterKill: () => void }

async function killUnderLoad(site: Site, options: Killing): Promise<Killed> {
  const { kills, seconds, pauses, random, say } = options
  const counts: Record<string, number> = {}
  const stopping = new AbortController()
  const senders = site.send({ ...options, stopping: stopping.signal })
  const startedAt = performance.now()
  const pauseAfter = new Set(
    Array.from({ length: pauses }, (_, index) => Math.floor(((index + 1) * kills) / (pauses + 1))),
  )
  let gateway = site.start(planned(random))
  for (let kill = 0; kill < kills; kill += 1) {
    const dueAt = startedAt + ((kill + 1) * seconds * 1_000) / (kills + 1)
    const where = await killOnce(gateway, { site, dueAt, random })
    counts[where] = (counts[where] ?? 0) + 1
    options.afterKill()
    if (where === 'by itself') await complain(site, gateway)
    if (pauseAfter.has(kill + 1)) await pauseBeyondLease(site, say)
    // The last life is one without a crash.
    gateway = site.start(kill + 1 < kills ? planned(random) : {})
    if ((kill + 1) % 20 === 0) say(`${kill + 1} kills, ${site.memory.sent.length} accepted`)
  }
  await waitUntil(startedAt + seconds * 1_000)
  site.becomeHonest()
  stopping.abort()
  await Promise.race([senders, gateway.ended.then(() => complain(site, gateway))])
  return { gateway, kills: counts }
}

/** Nobody killed it. Throws when it never comes up: then there is nothing to judge. */
async function complain(site: Site, gateway: GatewayProcess): Promise<void> {
  const end = await gateway.ended
  if (!(await gateway.ready))
    throw new NeverStarted(`the gateway did not start (${end}): ${site.log().slice(-3).join(' ')}`)
  site.memory.surprises.push(`the gateway ended by itself: ${end}`)
}

/** Half of the lives end at a named point, the others at any instant. */
function planned(random: () => number): {
  readonly crashAt?: { readonly point: CrashPoint; readonly passage: number }
} {
  if (random() < 0.5) return {}
  const point = crashPoints[Math.floor(random() * crashPoints.length)]
  return point ? { crashAt: { point, passage: 1 + Math.floor(random() * 60) } } : {}
}

/** Ends a life and answers where it was struck. */
async function killOnce(
  gateway: GatewayProcess,
  { dueAt, random }: { readonly site: Site; readonly dueAt: number; readonly random: () => number },
): Promise<string> {
  const isDuringStart = random() < 0.1
  if (isDuringStart) await Promise.race([sleep(random() * 700), gateway.ended])
  else {
    await gateway.ready
    const restMs = Math.max(dueAt - performance.now(), 100 + random() * 400)
    await Promise.race([sleep(restMs), gateway.ended])
  }
  const isOver = await Promise.race([gateway.ended, sleep(0, undefined)])
  if (isOver === undefined) {
    gateway.signal('SIGKILL')
    await gateway.ended
    return isDuringStart ? 'while starting' : 'at any instant'
  }
  return isOver === 'SIGKILL' ? 'at a named point' : 'by itself'
}

/**
 * SIGSTOP while attempts are under way; a second gateway takes over and, once the lease has run out, the deliveries too;
 * then the first wakes up believing that nothing has happened.
 */
async function pauseBeyondLease(site: Site, say: (line: string) => void): Promise<void> {
  const first = site.start()
  await first.ready
  await sleep(500)
  const second = await takeOver(site, first)
  if (second) await sleep(leaseMs)
  first.signal('SIGCONT')
  say(second ? `paused for ${leaseMs / 1_000} s, taken over` : 'paused, not taken over')
  await sleep(3_000)
  first.signal('SIGKILL')
  await first.ended
  second?.signal('SIGTERM')
  const end = await second?.ended
  if (second && end !== 0) site.memory.surprises.push(`the second gateway ended with ${end}`)
  site.turnTo(0)
}

/** One that is stopped in the middle of a write keeps the file locked, and nobody can take over: it has to wake first. */
async function takeOver(site: Site, first: GatewayProcess): Promise<GatewayProcess | undefined> {
  for (let tries = 0; tries < 8; tries += 1) {
    first.signal('SIGSTOP')
    const second = site.start({ seat: 1 })
    if (await Promise.race([second.ready, sleep(20_000, false)])) {
      site.turnTo(1)
      return second
    }
    first.signal('SIGCONT')
    second.signal('SIGKILL')
    await second.ended
    await sleep(100)
  }
  return undefined
}

/** Twice the deadline of 5 s and 15 s more, as the dispatcher leases; and a little. */
const leaseMs = 30_000

async function waitUntil(instant: number): Promise<void> {
  const restMs = instant - performance.now()
  if (restMs > 0) await sleep(restMs)
}
