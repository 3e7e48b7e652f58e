import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, sharedNowMs, startChild } from './apparatus/child.ts'
import type { LoadOrder, LoadTimes } from './apparatus/load-generator.ts'
import type { SinkAnswer, SinkOrder } from './apparatus/portal-sink.ts'
import { type RunningGateway, startGateway } from './apparatus/running-gateway.ts'
import { kinds } from './apparatus/sample-dossier.ts'
import { failuresOf } from './json-path.ts'
import { type BenchOptions, type Measurement, rounded } from './measurement.ts'

type Cells = readonly (string | number)[]

/** A small message: what matters here is how many there are. */
const sizeBytes = 800

/** What a portal that was down for long costs: messages pile up, then all of them are delivered, in memory that does not grow. */
export async function backlog({ isQuick }: BenchOptions): Promise<Measurement> {
  const messages = isQuick ? 5_000 : 1_000_000
  const sink = await startChild<SinkOrder, SinkAnswer>(new URL('./apparatus/portal-sink.ts', import.meta.url))
  const generator = await startChild<LoadOrder, LoadTimes>(new URL('./apparatus/load-generator.ts', import.meta.url))
  const { port } = await sink.ask({ do: 'listen', port: 0 })
  const gateway = await startGateway({ portalPort: port })
  try {
    const load = { firstDossier: 0, dossiers: messages / kinds.length, sizeBytes }
    await sink.ask({ do: 'expect', ...load })
    await sink.ask({ do: 'hang-up' })
    const idle = gateway.usage().rssMib
    const filled = await fill({ gateway, generator, load })
    await sink.ask({ do: 'listen', port })
    const drained = await drain({ gateway, sink, messages })
    const failures = failuresOf({ messages, ...filled, count: drained.count })
    return {
      question: `how does a backlog of ${messages.toLocaleString('en-US')} messages drain, and in how much memory?`,
      columns: ['phase', 'messages', 'per second', 'RSS MiB'],
      rows: [['idle', 0, '–', rounded(idle)], filled.row, ...drained.rows],
      notes: [
        'Filled through the drop-in door, 50 items to a request, while nobody listens where the portal should be.',
        `The store is ${drained.storeMib.toFixed(0)} MiB at the end.`,
        ...failures.map((failure) => `FAILED: ${failure}`),
      ],
      isGood: failures.length === 0,
    }
  } finally {
    await gateway.end()
    await Promise.all([generator.end(), sink.end()])
  }
}

async function fill(stage: {
  readonly gateway: RunningGateway
  readonly generator: Child<LoadOrder, LoadTimes>
  readonly load: Pick<LoadOrder, 'firstDossier' | 'dossiers' | 'sizeBytes'>
}): Promise<{ readonly row: Cells; readonly accepted: number; readonly refusals: readonly string[] }> {
  const { gateway, generator, load } = stage
  const { url, signing, account } = gateway
  const beganAtMs = sharedNowMs()
  const times = await generator.ask({
    ...load,
    door: 'drop-in',
    connections: 8,
    batch: 50,
    url,
    signing,
    account,
  })
  const accepted = times.acceptedAtMs.filter((atMs) => !Number.isNaN(atMs)).length
  const perSecond = (accepted * 1000) / (sharedNowMs() - beganAtMs)
  const row = ['filled', accepted, rounded(perSecond), rounded(gateway.usage().rssMib)]
  return { row, accepted, refusals: times.refusals }
}

/** Nothing has moved for this long: longer than any rest of a broken channel here. */
const standstillMs = 60_000

/** One row per tenth of the backlog: speed, and the most memory taken while it went. */
async function drain(stage: {
  readonly gateway: RunningGateway
  readonly sink: Child<SinkOrder, SinkAnswer>
  readonly messages: number
}): Promise<{ readonly rows: readonly Cells[]; readonly count: SinkAnswer; readonly storeMib: number }> {
  const { gateway, sink, messages } = stage
  const rows: Cells[] = []
  let count = await sink.ask({ do: 'count' })
  // The portal is noticed at the next probe; the first tenth counts from its first message.
  let tenth = { atMs: sharedNowMs(), verified: 0, mostMib: 0 }
  let movedAtMs = sharedNowMs()
  while (count.verified < messages && sharedNowMs() - movedAtMs < standstillMs) {
    await sleep(50)
    const now = await sink.ask({ do: 'count' })
    if (count.verified === 0 && now.verified > 0) tenth = { ...tenth, atMs: movedAtMs }
    if (now.verified !== count.verified || count.verified === 0)
      movedAtMs = now.verified === 0 ? movedAtMs : sharedNowMs()
    count = now
    tenth.mostMib = Math.max(tenth.mostMib, gateway.usage().rssMib)
    if (count.verified - tenth.verified < messages / 10 && count.verified < messages) continue
    const atMs = sharedNowMs()
    const went = count.verified - tenth.verified
    rows.push([
      `drained ${Math.round((count.verified / messages) * 100)} %`,
      went,
      rounded((went * 1000) / (atMs - tenth.atMs)),
      rounded(tenth.mostMib),
    ])
    tenth = { atMs, verified: count.verified, mostMib: 0 }
  }
  return { rows, count, storeMib: sizeOf(gateway.dataDir) / 2 ** 20 }
}

function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.reduce((sum, { parentPath, name }) => sum + statSync(path.join(parentPath, name)).size, 0)
}
