import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, sharedNowMs, startChild } from './apparatus/child.ts'
import type { Door, LoadOrder, LoadTimes } from './apparatus/load-generator.ts'
import type { SinkAnswer, SinkOrder } from './apparatus/portal-sink.ts'
import { type RunningGateway, startGateway } from './apparatus/running-gateway.ts'
import { kinds } from './apparatus/sample-dossier.ts'
import { limits } from './limits.ts'
import { type BenchOptions, type Measurement, percentile, rounded } from './measurement.ts'

const subjects: readonly Pick<Subject, 'door' | 'sizeKb'>[] = [
  { door: 'canonical', sizeKb: 1 },
  { door: 'canonical', sizeKb: 10 },
  { door: 'drop-in', sizeKb: 1 },
  { door: 'drop-in', sizeKb: 10 },
]

/**
 * How many dossiers and steps the gateway takes and delivers: from the one-window's door, by SQLite, to the portal. First
 * as fast as it goes, then at 70 % of that in an open loop, where latencies are measured.
 */
export async function jsonPath(options: BenchOptions): Promise<Measurement> {
  const limit = options.earlier?.get('limits') ?? (await limits(options))
  const results: (Subject & { readonly full: Outcome; readonly paced: Outcome })[] = []
  for (const subject of subjects) {
    results.push({ ...options, ...subject, ...(await measure({ ...options, ...subject })) })
  }
  const failures = results.flatMap(({ door, sizeKb, full, paced }) =>
    [...full.failures, ...paced.failures].map((failure) => `${door} ${sizeKb} KB: ${failure}`),
  )
  return {
    question: 'how many messages does the gateway take and deliver, and how long does each take?',
    columns,
    rows: results.flatMap((result) => [rowOf(result, 'full'), rowOf(result, 'paced')]),
    notes: [
      'Verified is what reached the portal’s stand-in for the first time, equal member by member, progress after its dossier.',
      'At 70 % the loop is open: latencies in ms count from the moment a message was due to be sent, full load has none.',
      'Generator, stand-in and gateway share this machine. A message is a dossier or a step; half of them each.',
      ...limit.rows.map(
        ([name, most]) => `Of ${name}, ${most} per second, it reaches ${sharesOf(Number(most), results)}.`,
      ),
      ...failures.map((failure) => `FAILED: ${failure}`),
    ],
    isGood: failures.length === 0,
    details: { limits: limit.rows },
  }
}

const columns = [
  'door',
  'KB',
  'load',
  'offered/s',
  'accepted/s',
  'verified/s',
  'accept p50',
  'p95',
  'p99',
  'end to end p50',
  'p95',
  'p99',
  'CPU ms/msg',
  'commits/msg',
  'RSS MiB',
]

function rowOf(
  { door, sizeKb, ...outcomes }: Subject & { readonly full: Outcome; readonly paced: Outcome },
  load: 'full' | 'paced',
): readonly (string | number)[] {
  const { offeredPerSecond, acceptMs, arriveMs, ...outcome } = outcomes[load]
  const shares = [0.5, 0.95, 0.99]
  return [
    door,
    sizeKb,
    load === 'full' ? 'full' : '70 %',
    offeredPerSecond === undefined ? '–' : rounded(offeredPerSecond),
    rounded(outcome.acceptedPerSecond),
    rounded(outcome.verifiedPerSecond),
    ...[acceptMs, arriveMs].flatMap((times) =>
      shares.map((share) => (load === 'full' ? '–' : rounded(percentile(times, share)))),
    ),
    rounded(outcome.cpuMsPerMessage),
    rounded(outcome.commitsPerMessage),
    rounded(outcome.rssMib),
  ]
}

/** What of this machine the gateway reaches at full load. */
function sharesOf(most: number, results: readonly (Subject & { readonly full: Outcome })[]): string {
  return results
    .map(({ door, sizeKb, full }) => `${rounded((full.verifiedPerSecond / most) * 100)} % (${door} ${sizeKb} KB)`)
    .join(', ')
}

interface Subject {
  readonly door: Door
  readonly sizeKb: number
  readonly isQuick: boolean
  readonly profileFolder?: string
}

async function measure(subject: Subject): Promise<{ readonly full: Outcome; readonly paced: Outcome }> {
  const { door, sizeKb, isQuick } = subject
  const sink = await startChild<SinkOrder, SinkAnswer>(new URL('./apparatus/portal-sink.ts', import.meta.url))
  const generator = await startChild<LoadOrder, LoadTimes>(new URL('./apparatus/load-generator.ts', import.meta.url))
  const { port } = await sink.ask({ do: 'listen', port: 0 })
  const gateway = await startGateway({ portalPort: port, nodeArguments: profiling(subject) })
  try {
    const run = (load: { firstDossier: number; dossiers: number; perSecond?: number }) =>
      runLoad({ gateway, sink, generator }, { door, sizeBytes: sizeKb * 1024, connections: 64, batch: 1, ...load })
    // The first messages pay for compiling; nobody asks what they cost.
    await run({ firstDossier: 0, dossiers: isQuick ? 150 : 2_000 })
    const full = await run({ firstDossier: 100_000, dossiers: isQuick ? 500 : 10_000 })
    const perSecond = full.verifiedPerSecond * 0.7
    const dossiers = Math.max(1, Math.ceil((perSecond * (isQuick ? 1.5 : 30)) / kinds.length))
    return { full, paced: await run({ firstDossier: 200_000, dossiers, perSecond }) }
  } finally {
    await gateway.end()
    await Promise.all([generator.end(), sink.end()])
  }
}

const profiling = ({ profileFolder, door, sizeKb }: Subject) =>
  profileFolder === undefined
    ? []
    : ['--cpu-prof', `--cpu-prof-dir=${path.resolve(profileFolder, `${door}-${sizeKb}kb`)}`]

interface Stage {
  readonly gateway: RunningGateway
  readonly sink: Child<SinkOrder, SinkAnswer>
  readonly generator: Child<LoadOrder, LoadTimes>
}

interface Outcome {
  readonly offeredPerSecond?: number
  readonly acceptedPerSecond: number
  readonly verifiedPerSecond: number
  readonly acceptMs: Float64Array
  readonly arriveMs: Float64Array
  readonly cpuMsPerMessage: number
  readonly commitsPerMessage: number
  readonly rssMib: number
  readonly failures: readonly string[]
}

/** No message has moved for this long: what is missing now is not on its way. */
const standstillMs = 10_000

/** Sends one load and waits until all of it has arrived. */
async function runLoad(
  { gateway, sink, generator }: Stage,
  load: Omit<LoadOrder, 'url' | 'signing' | 'account'>,
): Promise<Outcome> {
  const { firstDossier, dossiers, sizeBytes, perSecond } = load
  const messages = dossiers * kinds.length
  await sink.ask({ do: 'expect', firstDossier, dossiers, sizeBytes })
  const [before, commitsBefore] = [gateway.usage(), await commitsOf(gateway)]
  const { url, signing, account } = gateway
  const times = await generator.ask({ ...load, url, signing, account })

  let count = await sink.ask({ do: 'count' })
  let movedAtMs = sharedNowMs()
  while (count.verified < messages && sharedNowMs() - movedAtMs < standstillMs) {
    await sleep(20)
    const now = await sink.ask({ do: 'count' })
    if (now.verified > count.verified) movedAtMs = sharedNowMs()
    count = now
  }
  // It arrives before it is settled; what settling costs belongs to the message.
  await sleep(200)
  const [after, commitsAfter] = [gateway.usage(), await commitsOf(gateway)]
  const { arrivedAtMs = new Float64Array() } = await sink.ask({ do: 'collect' })
  const { intendedAtMs, acceptedAtMs, refusals } = times
  const [accepted, arrived] = [known(acceptedAtMs), known(arrivedAtMs)]
  const beganAtMs = percentile(known(intendedAtMs), 0)
  const perSecondUntilLast = (ends: Float64Array) => (ends.length * 1000) / (percentile(ends, 1) - beganAtMs)
  const since = (ends: Float64Array) => known(ends.map((endMs, index) => endMs - (intendedAtMs[index] ?? Number.NaN)))
  return {
    ...(perSecond === undefined ? {} : { offeredPerSecond: perSecond }),
    acceptedPerSecond: perSecondUntilLast(accepted),
    verifiedPerSecond: perSecondUntilLast(arrived),
    acceptMs: since(acceptedAtMs),
    arriveMs: since(arrivedAtMs),
    cpuMsPerMessage: (after.cpuMs - before.cpuMs) / messages,
    commitsPerMessage: (commitsAfter - commitsBefore) / messages,
    rssMib: after.rssMib,
    failures: failuresOf({ messages, accepted: accepted.length, count, refusals }),
  }
}

const known = (times: Float64Array) => times.filter((timeMs) => !Number.isNaN(timeMs))

async function commitsOf(gateway: RunningGateway): Promise<number> {
  return (await gateway.metrics()).get('lienthong_store_batch_operations_count') ?? Number.NaN
}

/** What may not happen, whatever the speed. */
export function failuresOf(facts: {
  readonly messages: number
  readonly accepted: number
  readonly count: SinkAnswer
  readonly refusals: readonly string[]
}): readonly string[] {
  const { messages, accepted, count, refusals } = facts
  const counted = {
    'not accepted': messages - accepted,
    'accepted and not delivered': accepted - count.verified,
    'delivered more than once': count.repeated,
    'delivered with other content': count.wrong,
    'delivered before what they follow': count.inversions,
  }
  const lines = Object.entries(counted).flatMap(([what, number]) => (number === 0 ? [] : [`${number} ${what}`]))
  return [...lines, ...refusals]
}
