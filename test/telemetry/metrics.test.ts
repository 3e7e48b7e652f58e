import t from 'tap'
import type { Clock } from '../../gateway/bus/clock.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import type { ChannelDepth } from '../../gateway/bus/store.ts'
import { createMetrics } from '../../gateway/telemetry/metrics.ts'

function setup(depths: () => Promise<readonly ChannelDepth[]>) {
  let nowMs = 1_000_000
  const clock: Clock = { ...systemClock, now: () => nowMs, monotonic: () => nowMs }
  const health = {
    ready: async () => ({
      status: 'fail' as const,
      checks: [
        { name: 'store' as const, isPassing: true },
        { name: 'disk' as const, isPassing: false },
      ],
    }),
  }
  const metrics = createMetrics({ depths, health, clock })
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { metrics, pass, lines: async () => (await metrics.page()).body.split('\n') }
}

const waiting = (system: string, oldestCreatedAtMs: number): ChannelDepth => ({
  system,
  state: 'waiting',
  count: 3,
  oldestCreatedAtMs,
})

t.test('what is reported appears under its name and labels', async (t) => {
  const { metrics, lines } = setup(async () => [])
  t.teardown(() => metrics.close())
  metrics.accepted({ source: 'one-window', type: 'dossier.received.v1', kind: 'stored' })
  metrics.refused({ door: 'one-window:drop-in', code: 'credential-refused' })
  metrics.attempted({ system: 'national-portal', outcome: 'delivered', durationMs: 40 })
  metrics.settled({ system: 'national-portal', outcome: 'delivered', ageMs: 90 })
  metrics.settled({ system: 'national-portal', outcome: 'held', ageMs: 90 })
  metrics.acceptTook(3)
  metrics.storeWrote({ operations: 5, durationMs: 2, journalPosition: 17 })
  metrics.failed('dispatcher')
  const page = await lines()
  for (const line of [
    'lienthong_messages_accepted_total{source="one-window",type="dossier.received.v1",kind="stored"} 1',
    'lienthong_requests_refused_total{door="one-window:drop-in",code="credential-refused"} 1',
    'lienthong_delivery_attempts_total{system="national-portal",outcome="delivered"} 1',
    'lienthong_delivery_attempt_duration_seconds_bucket{le="0.05",system="national-portal"} 1',
    'lienthong_deliveries_settled_total{system="national-portal",outcome="held"} 1',
    'lienthong_delivery_latency_seconds_count{system="national-portal"} 1',
    'lienthong_accept_duration_seconds_sum 0.003',
    'lienthong_store_batch_operations_sum 5',
    'lienthong_journal_position 17',
    'lienthong_internal_failures_total{where="dispatcher"} 1',
    'lienthong_health_check{check="store"} 1',
    'lienthong_health_check{check="disk"} 0',
  ]) {
    t.ok(page.includes(line), line)
  }
  t.ok(
    page.some((line) => line.startsWith('nodejs_eventloop_lag_seconds ')),
    'and those of the process',
  )
})

t.test('the oldest age counts what waits or is tried, not what waits for a person', async (t) => {
  const { metrics, lines } = setup(async () => [
    waiting('national-portal', 940_000),
    { system: 'national-portal', state: 'leased', count: 1, oldestCreatedAtMs: 880_000 },
    { system: 'national-portal', state: 'held', count: 2, oldestCreatedAtMs: 1_000 },
  ])
  t.teardown(() => metrics.close())
  const page = await lines()
  t.ok(page.includes('lienthong_queue_oldest_age_seconds{system="national-portal"} 120'))
  t.ok(page.includes('lienthong_queue_depth{system="national-portal",state="held"} 2'))
})

t.test('the store is asked for depths once in five seconds, however often the page is read', async (t) => {
  let asked = 0
  const { metrics, pass, lines } = setup(async () => {
    asked += 1
    return []
  })
  t.teardown(() => metrics.close())
  await Promise.all([lines(), lines()])
  pass(4_999)
  await lines()
  t.equal(asked, 1)
  pass(1)
  await lines()
  t.equal(asked, 2)
})

t.test('a channel that became empty leaves the page', async (t) => {
  let channels: readonly ChannelDepth[] = [waiting('national-portal', 0)]
  const { metrics, pass, lines } = setup(async () => channels)
  t.teardown(() => metrics.close())
  t.ok((await lines()).some((line) => line.startsWith('lienthong_queue_depth{')))
  channels = []
  pass(5_000)
  t.notOk((await lines()).some((line) => line.startsWith('lienthong_queue_depth{')))
})

t.test('a store that cannot be read leaves the page readable, without old numbers', async (t) => {
  let isBroken = false
  const { metrics, pass, lines } = setup(async () => {
    if (isBroken) throw new Error('closed')
    return [waiting('national-portal', 0)]
  })
  t.teardown(() => metrics.close())
  await lines()
  isBroken = true
  pass(5_000)
  t.notOk((await lines()).some((line) => line.startsWith('lienthong_queue_depth{')))
  isBroken = false
  t.ok(
    (await lines()).some((line) => line.startsWith('lienthong_queue_depth{')),
    'and a failure is not remembered',
  )
})
