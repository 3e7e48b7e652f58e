import fastify from 'fastify'
import t from 'tap'
import { type Clock, systemClock } from '../../gateway/bus/clock.ts'
import { createHealth, type HealthOptions } from '../../gateway/telemetry/health.ts'
import { createMetrics } from '../../gateway/telemetry/metrics.ts'
import { telemetryPages } from '../../gateway/telemetry/pages.ts'

const healthy: HealthOptions = {
  store: { probe: async () => {} },
  dataDir: '.',
  minFreeDiskBytes: 1,
  hasSigningKey: () => true,
  isDraining: () => false,
  clock: systemClock,
}

t.test('ready when the store writes, the disk has room, there is a key and nobody drains', async (t) => {
  const report = await createHealth(healthy).ready()
  t.equal(report.status, 'pass')
  t.same(
    report.checks.map(({ name, isPassing }) => [name, isPassing]),
    [
      ['store', true],
      ['disk', true],
      ['signing-key', true],
      ['draining', true],
    ],
  )
})

const failing: Readonly<Record<string, Partial<HealthOptions>>> = {
  store: { store: { probe: () => Promise.reject(new Error('SQLITE_FULL: /secret/path')) } },
  disk: { minFreeDiskBytes: Number.MAX_SAFE_INTEGER },
  'signing-key': { hasSigningKey: () => false },
  draining: { isDraining: () => true },
}
for (const [name, change] of Object.entries(failing)) {
  t.test(`not ready when ${name} fails, and alone that is named`, async (t) => {
    const report = await createHealth({ ...healthy, ...change }).ready()
    t.equal(report.status, 'fail')
    t.same(
      report.checks.filter((check) => !check.isPassing).map((check) => check.name),
      [name],
    )
    t.notMatch(JSON.stringify(report), 'secret')
  })
}

t.test('a data folder that is not there fails the disk check', async (t) => {
  const report = await createHealth({ ...healthy, dataDir: './no-such-folder' }).ready()
  t.match(report, { status: 'fail', checks: [{}, { name: 'disk', isPassing: false }] })
})

t.test('a store that hangs fails within the deadline', async (t) => {
  const report = await createHealth({
    ...healthy,
    store: { probe: () => new Promise(() => {}) },
    deadlineMs: 10,
    clock: { ...systemClock, after: (delayMs, action) => keptAlive(delayMs, action) },
  }).ready()
  t.match(report, { status: 'fail', checks: [{ name: 'store', isPassing: false }] })
})

t.test('asking often probes the store once a second', async (t) => {
  let nowMs = 0
  let probes = 0
  const clock: Clock = { ...systemClock, monotonic: () => nowMs }
  const probe = async () => {
    probes += 1
  }
  const health = createHealth({ ...healthy, store: { probe }, clock })
  await Promise.all([health.ready(), health.ready()])
  nowMs = 999
  await health.ready()
  t.equal(probes, 1)
  nowMs = 1_000
  await health.ready()
  t.equal(probes, 2)
})

t.test('the pages answer 200 when ready, 503 when not, and live in both cases', async (t) => {
  let isDraining = false
  let nowMs = 0
  const clock: Clock = { ...systemClock, monotonic: () => nowMs }
  const health = createHealth({ ...healthy, isDraining: () => isDraining, clock })
  const metrics = createMetrics({ depths: async () => [], health, clock })
  const server = fastify()
  t.teardown(() => server.close())
  t.teardown(() => metrics.close())
  await server.register(telemetryPages({ health, metrics }))
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  t.equal((await fetch(`${url}/health/ready`)).status, 200)
  isDraining = true
  nowMs = 5_000
  const refused = await fetch(`${url}/health/ready`)
  t.equal(refused.status, 503)
  t.match(await refused.json(), { status: 'fail' })
  t.equal((await fetch(`${url}/health/live`)).status, 200)
  const page = await fetch(`${url}/metrics`)
  t.match(page.headers.get('content-type'), 'text/plain')
  t.match(await page.text(), 'lienthong_health_check{check="draining"} 0')
})

function keptAlive(delayMs: number, action: () => void): () => void {
  const timer = setTimeout(action, delayMs)
  return () => clearTimeout(timer)
}
