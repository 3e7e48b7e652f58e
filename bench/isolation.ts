import { loadavg } from 'node:os'
import { type Child, startChild } from './apparatus/child.ts'
import type { LegAnswer, LegOrder } from './apparatus/isolated-gateway.ts'
import type { Mood, MoodyAnswer, MoodyOrder } from './apparatus/moody-sinks.ts'
import { type BenchOptions, type Measurement, percentile, rounded } from './measurement.ts'

const healthy: readonly Mood[] = ['healthy', 'healthy', 'healthy']
const troubled: readonly Mood[] = ['healthy', 'hanging', 'failing']

/** What the healthy system saw of one leg. */
interface Leg {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuMs: number
  readonly channels: readonly string[]
}

/**
 * Three systems on one gateway process: does it show at a healthy one that another hangs for 30 s and a third fails everything? Each
 * round plays A (all healthy), A again and B (troubled), each first in turn; B/A is held against A/A of the same rounds.
 */
export async function isolation({ isQuick }: BenchOptions): Promise<Measurement> {
  const { rounds, perSecond, durationMs } = isQuick
    ? { rounds: 3, perSecond: 50, durationMs: 4_000 }
    : { rounds: 9, perSecond: 50, durationMs: 10_000 }
  const size = { perSecond, durationMs }
  const played: { readonly a: Leg; readonly again: Leg; readonly b: Leg }[] = []
  for (let round = 0; round < rounds; round++) {
    const legs: Record<string, Leg> = {}
    const order = ['a', 'again', 'b']
    for (let place = 0; place < order.length; place++) {
      const name = order[(round + place) % order.length] ?? ''
      legs[name] = await playLeg(name === 'b' ? troubled : healthy, size)
    }
    const { a, again, b } = legs
    if (a && again && b) played.push({ a, again, b })
  }
  const figures = (['perSecond', 'p50Ms', 'p99Ms'] as const).map((what) => {
    const [a, again, b] = (['a', 'again', 'b'] as const).map((leg) => median(played.map((round) => round[leg][what])))
    const same = spreadOf(played.map((round) => round.again[what] / round.a[what]))
    const other = spreadOf(played.map((round) => round.b[what] / round.a[what]))
    // B is told from A only when its ratio lies outside what two equal legs show by themselves, and on the worse side.
    const isWorse = what === 'perSecond' ? other.middle < same.low : other.middle > same.high
    return { what, a, again, b, same, other, isWorse }
  })
  const show = ({ middle, low, high }: Spread) => `${middle.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`
  return {
    question: 'does a healthy system notice that another hangs and a third fails everything?',
    columns: ['at the healthy system', 'A', 'A again', 'B', 'A again / A (spread)', 'B / A (spread)'],
    rows: figures.map(({ what, a, again, b, same, other }) => [
      { perSecond: 'messages/s', p50Ms: 'p50 ms', p99Ms: 'p99 ms' }[what],
      ...[a, again, b].map((value) => rounded(value ?? Number.NaN)),
      show(same),
      show(other),
    ]),
    notes: [
      `${rounds} rounds, legs of ${durationMs / 1_000} s, ${perSecond} messages/s to each of three systems, open loop; latency is from the intended time of acceptance to the arrival at the sink, over HTTP. Medians over rounds; spread is the 10th to the 90th percentile of the ratios by round.`,
      `Channels at the end of a troubled leg: ${played.at(-1)?.b.channels.join(', ')}.`,
      `Load average of the machine at the end ${loadavg().map(rounded).join(', ')}.`,
      `CPU of the gateway per leg, median: A ${rounded(median(played.map(({ a }) => a.cpuMs)))} ms, B ${rounded(median(played.map(({ b }) => b.cpuMs)))} ms.`,
    ],
    details: played,
    isGood: figures.every(({ isWorse }) => !isWorse),
  }
}

async function playLeg(moods: readonly Mood[], size: Pick<LegOrder, 'perSecond' | 'durationMs'>): Promise<Leg> {
  const sinks = await startChild<MoodyOrder, MoodyAnswer>(new URL('apparatus/moody-sinks.ts', import.meta.url))
  const gateway: Child<LegOrder, LegAnswer> = await startChild(
    new URL('apparatus/isolated-gateway.ts', import.meta.url),
  )
  try {
    const { ports } = await sinks.ask({ listen: moods })
    const { startedMs, cpuMs, channels } = await gateway.ask({ ports, ...size })
    const { arrivals } = await sinks.ask('collect')
    // The first second warms up: code is compiled and connections are opened.
    const counted = arrivals.filter(({ intendedMs }) => intendedMs >= startedMs + 1_000)
    const last = Math.max(...counted.map(({ arrivedMs }) => arrivedMs))
    const latencyMs = counted.map(({ intendedMs, arrivedMs }) => arrivedMs - intendedMs)
    return {
      perSecond: counted.length / ((last - startedMs - 1_000) / 1_000),
      p50Ms: percentile(latencyMs, 0.5),
      p99Ms: percentile(latencyMs, 0.99),
      cpuMs,
      channels,
    }
  } finally {
    await gateway.end()
    await sinks.end()
  }
}

interface Spread {
  readonly middle: number
  readonly low: number
  readonly high: number
}

const median = (values: readonly number[]) => percentile(values, 0.5)

const spreadOf = (values: readonly number[]): Spread => ({
  middle: median(values),
  low: percentile(values, 0.1),
  high: percentile(values, 0.9),
})
