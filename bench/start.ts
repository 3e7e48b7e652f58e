import { rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from './apparatus/child.ts'
import type { SinkAnswer, SinkOrder } from './apparatus/portal-sink.ts'
import { benchFolder, startGateway } from './apparatus/running-gateway.ts'
import { type BenchOptions, type Measurement, percentile, rounded } from './measurement.ts'

/** How long from the start of the process to its first ready answer, and what it takes when nothing happens. */
export async function start({ isQuick }: BenchOptions): Promise<Measurement> {
  const rounds = isQuick ? 1 : 5
  const idleMs = isQuick ? 1_000 : 10_000
  const sink = await startChild<SinkOrder, SinkAnswer>(new URL('./apparatus/portal-sink.ts', import.meta.url))
  const { port } = await sink.ask({ do: 'listen', port: 0 })
  const folder = benchFolder()
  const cached = { NODE_COMPILE_CACHE: path.join(folder, 'code') }
  try {
    await (await startGateway({ portalPort: port, environment: cached })).end() // fills the cache
    const rows: (readonly (string | number)[])[] = []
    for (const [code, environment] of [['compiled anew', {}] as const, ['from the code cache', cached] as const]) {
      const starts: Start[] = []
      for (let round = 0; round < rounds; round++) starts.push(await startOnce({ port, idleMs, environment }))
      const median = (of: keyof Start) =>
        rounded(
          percentile(
            starts.map((one) => one[of]),
            0.5,
          ),
        )
      rows.push([code, rounds, median('startMs'), median('startCpuMs'), median('idleRssMib'), median('idleCpuPercent')])
    }
    return {
      question: 'how fast does it start on an empty store, and what does it take when idle?',
      columns: ['code', 'starts', 'start ms', 'CPU ms', 'idle RSS MiB', 'idle CPU %'],
      rows,
      notes: [
        'Medians, from the fork to the first answer of /health/ready, which has written to the store.',
        'The code cache is Node’s own (NODE_COMPILE_CACHE): it keeps types stripped and functions compiled.',
      ],
      isGood: true,
    }
  } finally {
    await sink.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Start {
  readonly startMs: number
  readonly startCpuMs: number
  readonly idleRssMib: number
  readonly idleCpuPercent: number
}

async function startOnce(how: {
  readonly port: number
  readonly idleMs: number
  readonly environment: Readonly<Record<string, string>>
}): Promise<Start> {
  const { port, idleMs, environment } = how
  const gateway = await startGateway({ portalPort: port, environment })
  const before = gateway.usage()
  await sleep(idleMs)
  const after = gateway.usage()
  await gateway.end()
  return {
    startMs: gateway.startMs,
    startCpuMs: before.cpuMs,
    idleRssMib: after.rssMib,
    idleCpuPercent: ((after.cpuMs - before.cpuMs) / idleMs) * 100,
  }
}
