import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { createBus } from '../gateway/bus/bus.ts'
import { systemClock } from '../gateway/bus/clock.ts'
import type { Message } from '../gateway/bus/message.ts'
import { openSqliteStore } from '../gateway/store/sqlite-store.ts'
import { type BenchOptions, type Measurement, percentile, rounded } from './measurement.ts'
import { silentTap } from './silent-tap.ts'
import type { WaitingFill } from './waiting-fill.ts'

const system = 'national-portal'

/** A delivery takes its slot for two commits, so this many go in that time at most. */
const concurrency = 64

/**
 * 200,000 retries wait with due times spread over ten minutes; the process that stored them is killed and another one starts.
 * Each must be sent once, never early, and at the 99th percentile within one second of its time.
 */
export async function waitingRetries({ isQuick }: BenchOptions): Promise<Measurement> {
  const size = isQuick ? { count: 20_000, spreadMs: 60_000 } : { count: 200_000, spreadMs: 600_000 }
  const folder = mkdtempSync(path.join(tmpdir(), 'waiting-retries-'))
  try {
    return await measure(path.join(folder, 'store.sqlite'), size)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function measure(
  file: string,
  size: { readonly count: number; readonly spreadMs: number },
): Promise<Measurement> {
  const { count, spreadMs } = size
  const firstDueAtMs = await fillAndKill({ file, system, ...size })
  const storeMib = Math.round(statSync(file).size / 2 ** 20)

  const startedAt = performance.now()
  const store = await openSqliteStore({ path: file, clock: systemClock })
  const latenessMs: number[] = []
  const worstByTenSeconds: number[] = []
  const seen = new Set<string>()
  let repeats = 0
  let peakRssMib = 0
  const adapter = {
    async deliver(message: Message) {
      const dueAfterMs = offsetOf(message)
      const lateMs = Date.now() - (firstDueAtMs + dueAfterMs)
      latenessMs.push(lateMs)
      const tenSeconds = Math.floor(dueAfterMs / 10_000)
      worstByTenSeconds[tenSeconds] = Math.max(worstByTenSeconds[tenSeconds] ?? 0, lateMs)
      if (seen.has(message.id)) repeats += 1
      seen.add(message.id)
      return { receipt: { sentDigest: message.bodyDigest } }
    },
    probe: async () => {},
    close: async () => {},
  }
  const bus = createBus({
    store,
    contracts: { has: () => true, violations: () => [] },
    receipts: { sign: async ({ messageId }) => `receipt-of-${messageId}` },
    routes: [],
    directory: { isEnabled: () => true },
    clock: systemClock,
    tap: silentTap,
  })
  await bus.start([{ system, adapter, concurrency }])
  const startMs = performance.now() - startedAt
  const isInTime = Date.now() < firstDueAtMs

  // What the machine itself did meanwhile: how long a write that changes nothing took, and how late a timer came.
  const probeMs: number[] = []
  const timerLateMs: number[] = []
  const cpuBefore = process.cpuUsage()
  const endsAtMs = firstDueAtMs + spreadMs + 30_000
  while (seen.size < count && Date.now() < endsAtMs) {
    const before = performance.now()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    timerLateMs.push(performance.now() - before - 1_000)
    const asked = performance.now()
    await store.probe()
    probeMs.push(performance.now() - asked)
    peakRssMib = Math.max(peakRssMib, Math.round(process.memoryUsage.rss() / 2 ** 20))
  }
  const cpu = process.cpuUsage(cpuBefore)
  await bus.drain(5_000)
  const open = (await store.depths()).reduce((sum, depth) => sum + depth.count, 0)
  await store.close()

  const early = latenessMs.filter((late) => late < 0).length
  const p99 = percentile(latenessMs, 0.99)
  return {
    question: `do ${count.toLocaleString('en')} waiting retries, due over ${spreadMs / 60_000} min, survive a kill and fire in time?`,
    columns: [
      'retries',
      'sent',
      'twice',
      'early',
      'left',
      'late p50 ms',
      'p99 ms',
      'max ms',
      'start ms',
      'peak RSS MiB',
    ],
    rows: [
      [
        count,
        seen.size,
        repeats,
        early,
        open,
        percentile(latenessMs, 0.5),
        p99,
        percentile(latenessMs, 1),
        rounded(startMs),
        peakRssMib,
      ],
    ],
    notes: [
      `Lateness is the moment the adapter is called less the due time. The store held ${storeMib} MiB; the process that filled it was killed with SIGKILL.`,
      `CPU of the process while they fired: ${rounded((cpu.user + cpu.system) / 1_000 / count)} ms per delivery, all threads.`,
      `Concurrency ${concurrency}; load average of the machine at the end ${loadavg().map(rounded).join(', ')}.`,
      `Meanwhile a write that changes nothing took ${rounded(percentile(probeMs, 0.5))} ms in the middle and ${rounded(percentile(probeMs, 1))} ms at worst; a timer came at most ${rounded(percentile(timerLateMs, 1))} ms late.`,
      `Worst lateness was above 1 s in ${worstByTenSeconds.filter((late) => late > 1_000).length} of ${worstByTenSeconds.length} spans of ten seconds.`,
      ...(isInTime ? [] : ['The bus started after the first was due: the first ones count as late.']),
    ],
    details: { worstByTenSeconds, probeMs: probeMs.map(Math.round), timerLateMs: timerLateMs.map(Math.round) },
    isGood: seen.size === count && repeats === 0 && early === 0 && open === 0 && p99 <= 1_000,
  }
}

/** Written by the fill. */
function offsetOf({ body }: Message): number {
  if (typeof body === 'object' && body !== null && 'offsetMs' in body && typeof body.offsetMs === 'number') {
    return body.offsetMs
  }
  throw new TypeError('not a message of the fill')
}

/** Another process fills the store, says when the first is due, and is killed as it stands. */
async function fillAndKill(fill: WaitingFill): Promise<number> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'waiting-fill.ts'), JSON.stringify(fill)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [said] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('the fill ended early'))),
  ])
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
  return Number(said)
}
