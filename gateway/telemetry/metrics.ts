import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '../bus/clock.ts'
import type { ChannelDepth, Store } from '../bus/store.ts'
import type { Health } from './health.ts'

interface MetricRow {
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
}

/**
 * Every metric of ours, in one table: mirrored by `docs/metrics.md`, held to it and to `ops/` by tests.
 * Labels are names from configuration and code only, so that their number is bounded and no person is in them.
 */
export const metricTable = {
  accepted: {
    name: 'lienthong_messages_accepted_total',
    kind: 'counter',
    labels: ['source', 'type', 'kind'],
    help: 'Messages answered at intake; kind is stored, duplicate or conflict.',
  },
  acceptDuration: {
    name: 'lienthong_accept_duration_seconds',
    kind: 'histogram',
    labels: [],
    help: 'From a call of intake to its durable end.',
  },
  refused: {
    name: 'lienthong_requests_refused_total',
    kind: 'counter',
    labels: ['door', 'code'],
    help: 'Requests refused at a door, by error code.',
  },
  settled: {
    name: 'lienthong_deliveries_settled_total',
    kind: 'counter',
    labels: ['system', 'outcome'],
    help: 'Deliveries whose last attempt ended them or stopped them for a person; outcome is the state reached.',
  },
  attempts: {
    name: 'lienthong_delivery_attempts_total',
    kind: 'counter',
    labels: ['system', 'outcome'],
    help: 'Attempts; outcome is delivered, taken or the failure class.',
  },
  attemptDuration: {
    name: 'lienthong_delivery_attempt_duration_seconds',
    kind: 'histogram',
    labels: ['system'],
    help: 'How long one attempt took.',
  },
  latency: {
    name: 'lienthong_delivery_latency_seconds',
    kind: 'histogram',
    labels: ['system'],
    help: 'From acceptance to delivery.',
  },
  depth: {
    name: 'lienthong_queue_depth',
    kind: 'gauge',
    labels: ['system', 'state'],
    help: 'Deliveries in a state that is not an end; dead ones count until somebody settles them.',
  },
  oldestAge: {
    name: 'lienthong_queue_oldest_age_seconds',
    kind: 'gauge',
    labels: ['system'],
    help: 'Age of the oldest delivery that is waiting or being tried.',
  },
  channel: {
    name: 'lienthong_channel_flowing',
    kind: 'gauge',
    labels: ['system'],
    help: '1 while deliveries to the system flow, 0 while its channel is broken or paused.',
  },
  check: {
    name: 'lienthong_health_check',
    kind: 'gauge',
    labels: ['check'],
    help: 'Readiness checks: 1 passes, 0 fails.',
  },
  storeBatch: {
    name: 'lienthong_store_batch_operations',
    kind: 'histogram',
    labels: [],
    help: 'Writes that shared one transaction and one sync.',
  },
  storeDuration: {
    name: 'lienthong_store_batch_duration_seconds',
    kind: 'histogram',
    labels: [],
    help: 'How long one transaction took, sync included.',
  },
  journalPosition: {
    name: 'lienthong_journal_position',
    kind: 'gauge',
    labels: [],
    help: 'Position of the newest entry in the journal chain of this process.',
  },
  keyDaysLeft: {
    name: 'lienthong_key_days_left',
    kind: 'gauge',
    labels: ['system', 'purpose', 'kid'],
    help: 'Days until a key in use ends, 0 when it is not trusted; system is gateway for our own. A key without an end, or with a successor, is not here.',
  },
  failures: {
    name: 'lienthong_internal_failures_total',
    kind: 'counter',
    labels: ['where'],
    help: 'Failures of the gateway itself, by part.',
  },
} as const satisfies Record<string, MetricRow>

/** One transaction of the store. */
export interface StoreBatch {
  readonly operations: number
  readonly durationMs: number
  readonly journalPosition?: number
}

/** The gateway's metrics: where the parts report, and the page Prometheus reads. */
export interface Metrics {
  accepted(labels: { readonly source: string; readonly type: string; readonly kind: string }): void
  acceptTook(durationMs: number): void
  refused(labels: { readonly door: string; readonly code: string }): void
  attempted(event: { readonly system: string; readonly outcome: string; readonly durationMs: number }): void
  settled(event: { readonly system: string; readonly outcome: string; readonly ageMs: number }): void
  channel(event: { readonly system: string; readonly state: 'flowing' | 'broken' | 'paused' }): void
  storeWrote(batch: StoreBatch): void
  failed(where: string): void
  /** The text exposition; reads the store's depths, no more often than every five seconds. */
  page(): Promise<{ readonly contentType: string; readonly body: string }>
  /** Forgets everything and stops the collectors. */
  close(): void
}

export interface MetricsOptions {
  readonly depths: Store['depths']
  readonly health?: Pick<Health, 'ready'>
  /** Every key and where it stands. */
  readonly keys?: () => readonly KeyEnd[]
  readonly clock: Clock
}

/** What is told of a key here. */
export interface KeyEnd {
  readonly system?: string
  readonly purpose: string
  readonly kid: string
  readonly standing: string
  readonly fromMs?: number
  readonly untilMs?: number
}

/** Counting depths reads an index range; a scrape every second by several servers shall not add up. */
const depthsFreshMs = 5_000

const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** A night's outage and the give-up time of a fortnight must still be told apart. */
const latencyBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600, 3_600, 21_600, 86_400, 604_800]
const batchBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

/** Builds the metrics on a registry of their own. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const counter = (row: MetricRow) => new Counter({ name: row.name, help: row.help, labelNames: row.labels, registers })
  const gauge = (row: MetricRow) => new Gauge({ name: row.name, help: row.help, labelNames: row.labels, registers })
  const histogram = (row: MetricRow, buckets: number[]) =>
    new Histogram({ name: row.name, help: row.help, labelNames: row.labels, registers, buckets })

  const accepted = counter(metricTable.accepted)
  const acceptDuration = histogram(metricTable.acceptDuration, durationBuckets)
  const refused = counter(metricTable.refused)
  const settled = counter(metricTable.settled)
  const attempts = counter(metricTable.attempts)
  const attemptDuration = histogram(metricTable.attemptDuration, durationBuckets)
  const latency = histogram(metricTable.latency, latencyBuckets)
  const depth = gauge(metricTable.depth)
  const oldestAge = gauge(metricTable.oldestAge)
  const channel = gauge(metricTable.channel)
  const check = gauge(metricTable.check)
  const storeBatch = histogram(metricTable.storeBatch, batchBuckets)
  const storeDuration = histogram(metricTable.storeDuration, durationBuckets)
  const journalPosition = gauge(metricTable.journalPosition)
  const keyDaysLeft = gauge(metricTable.keyDaysLeft)
  const failures = counter(metricTable.failures)

  const freshDepths = remembered(() => options.depths(), { freshMs: depthsFreshMs, clock: options.clock })

  const readQueues = async (): Promise<void> => {
    const channels = await freshDepths().catch((): readonly ChannelDepth[] => [])
    // A channel that became empty must go, and numbers of a store that can't be read must not look current.
    depth.reset()
    oldestAge.reset()
    for (const { system, state, count } of channels) depth.set({ system, state }, count)
    for (const [system, since] of oldestOf(channels)) {
      oldestAge.set({ system }, Math.max(0, options.clock.now() - since) / 1_000)
    }
  }

  const readHealth = async (): Promise<void> => {
    const report = await options.health?.ready()
    for (const { name, isPassing } of report?.checks ?? []) check.set({ check: name }, isPassing ? 1 : 0)
  }

  const readKeys = (): void => {
    keyDaysLeft.reset() // a key that was taken away must go
    for (const { system = 'gateway', purpose, kid, days } of endsOf(options.keys?.() ?? [], options.clock.now())) {
      keyDaysLeft.set({ system, purpose, kid }, days)
    }
  }

  return {
    accepted: (labels) => accepted.inc(labels),
    acceptTook: (durationMs) => acceptDuration.observe(durationMs / 1_000),
    refused: (labels) => refused.inc(labels),
    attempted({ system, outcome, durationMs }) {
      attempts.inc({ system, outcome })
      attemptDuration.observe({ system }, durationMs / 1_000)
    },
    settled({ system, outcome, ageMs }) {
      settled.inc({ system, outcome })
      if (outcome === 'delivered') latency.observe({ system }, ageMs / 1_000)
    },
    channel: ({ system, state }) => channel.set({ system }, state === 'flowing' ? 1 : 0),
    storeWrote(batch) {
      storeBatch.observe(batch.operations)
      storeDuration.observe(batch.durationMs / 1_000)
      if (batch.journalPosition !== undefined) journalPosition.set(batch.journalPosition)
    },
    failed: (where) => failures.inc({ where }),
    async page() {
      readKeys()
      await Promise.all([readQueues(), readHealth()])
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
    close: () => registry.clear(),
  }
}

/** Held and dead ones wait for a person and have their own alerts; a blocked one is younger than its head. */
function oldestOf(channels: readonly ChannelDepth[]): ReadonlyMap<string, number> {
  const oldest = new Map<string, number>()
  for (const { system, state, oldestCreatedAtMs } of channels) {
    if (state !== 'waiting' && state !== 'leased') continue
    oldest.set(system, Math.min(oldest.get(system) ?? Number.POSITIVE_INFINITY, oldestCreatedAtMs))
  }
  return oldest
}

/** Nobody has to act on a key that another of its kind outlives: an old one is left to end. */
function endsOf(keys: readonly KeyEnd[], nowMs: number) {
  const used = keys.filter(({ standing }) => ['current', 'future', 'untrusted'].includes(standing))
  return used.flatMap((key) => {
    if (key.standing === 'untrusted') return [{ ...key, days: 0 }]
    const { untilMs } = key
    if (untilMs === undefined || used.some((other) => succeeds(other, key))) return []
    return [{ ...key, days: Math.max(0, untilMs - nowMs) / 86_400_000 }]
  })
}

function succeeds(other: KeyEnd, key: KeyEnd): boolean {
  if (other === key || other.system !== key.system || other.purpose !== key.purpose) return false
  if (other.standing === 'untrusted') return false
  return (other.untilMs ?? Number.POSITIVE_INFINITY) > (key.untilMs ?? 0) && (other.fromMs ?? 0) < (key.untilMs ?? 0)
}

/** One read at a time, and its answer for a while; a failure is not remembered. */
function remembered<T>(read: () => Promise<T>, options: { freshMs: number; clock: Clock }): () => Promise<T> {
  let last: { readonly atMs: number; readonly answer: Promise<T> } | undefined
  return () => {
    const nowMs = options.clock.monotonic()
    if (last !== undefined && nowMs - last.atMs < options.freshMs) return last.answer
    const answer = read()
    last = { atMs: nowMs, answer }
    answer.catch(() => {
      last = undefined
    })
    return answer
  }
}
