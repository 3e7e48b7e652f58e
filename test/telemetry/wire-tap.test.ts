import t from 'tap'
import { systemClock } from '../../gateway/bus/clock.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { createLog } from '../../gateway/telemetry/log.ts'
import { createMetrics } from '../../gateway/telemetry/metrics.ts'
import { createWireTap } from '../../gateway/telemetry/wire-tap.ts'

function setup() {
  const lines: Record<string, unknown>[] = []
  const log = createLog({ level: 'debug', destination: { write: (line) => void lines.push(JSON.parse(line)) } })
  const metrics = createMetrics({ depths: async () => [], clock: systemClock })
  return { lines, log, metrics, tap: createWireTap({ metrics, log }) }
}

const attempt = {
  messageId: '0190a5c0-0000-7000-8000-000000000001',
  deliveryId: '0190a5c0-0000-7000-8000-000000000002',
  type: 'dossier.received.v1',
  system: 'national-portal',
  route: 'dossier-sync',
  attempt: 2,
  durationMs: 12,
  ageMs: 500,
}

t.test('a delivery that ends is one line with id, type, system, attempt and outcome', async (t) => {
  const { lines, metrics, tap } = setup()
  t.teardown(() => metrics.close())
  tap.attempted({ ...attempt, outcome: 'delivered', state: 'delivered' })
  t.equal(lines.length, 1)
  const { time, ...line } = lines[0] ?? {}
  t.match(time, /^\d{4}-\d\d-\d\dT/)
  t.same(line, {
    level: 'info',
    id: attempt.messageId,
    type: attempt.type,
    system: attempt.system,
    attempt: 2,
    outcome: 'delivered',
    msg: 'settled',
  })
})

t.test('a delivery that stops for a person is a warning with its code', async (t) => {
  const { lines, metrics, tap } = setup()
  t.teardown(() => metrics.close())
  tap.attempted({ ...attempt, outcome: 'permanent', state: 'held', code: 'value-missing' })
  t.match(lines, [{ level: 'warn', outcome: 'held', code: 'value-missing' }])
})

t.test('accepting, refusing and trying again are counted and silent', async (t) => {
  const { lines, metrics, tap } = setup()
  t.teardown(() => metrics.close())
  tap.accepted({ source: 'one-window', type: 'dossier.received.v1', kind: 'stored', durationMs: 2 })
  tap.refused({ door: 'one-window:canonical', code: 'contract-violated' })
  tap.attempted({ ...attempt, outcome: 'transient', state: 'waiting', code: 'partner-busy' })
  t.same(lines, [])
  const { body } = await metrics.page()
  t.match(body, 'lienthong_delivery_attempts_total{system="national-portal",outcome="transient"} 1')
  t.match(body, 'lienthong_accept_duration_seconds_sum 0.002')
  t.notMatch(body, 'lienthong_deliveries_settled_total{')
})

t.test('a failure is told by name, code and place, never by its text', async (t) => {
  const { lines, metrics, tap } = setup()
  t.teardown(() => metrics.close())
  const library = new SyntaxError('Unexpected token in "NGUYEN VAN A, 049090000001"')
  tap.failed({
    where: 'dispatcher',
    error: new GatewayError('internal-error', { detail: 'NGUYEN VAN A', cause: library }),
  })
  const text = JSON.stringify(lines)
  t.match(lines, [
    { level: 'error', where: 'dispatcher', error: { code: 'internal-error', cause: { name: 'SyntaxError' } } },
  ])
  t.match(text, 'wire-tap.test.ts')
  t.notMatch(text, 'NGUYEN')
  t.notMatch(text, '049090000001')
})

t.test('bodies and credentials handed to the log are cut out', async (t) => {
  const { lines, log, metrics } = setup()
  t.teardown(() => metrics.close())
  log.info({ body: { owner: 'NGUYEN VAN A' }, message: { id: '1', body: 'NGUYEN VAN A' }, password: 'p' }, 'told')
  t.notMatch(JSON.stringify(lines), /NGUYEN|password/)
  t.match(lines, [{ message: { id: '1' } }])
})

t.test('a number that cannot be counted does not reach the flow', async (t) => {
  const { lines, metrics, tap } = setup()
  t.teardown(() => metrics.close())
  const broken = Symbol('not a number') as unknown as number // what the compiler would refuse
  t.doesNotThrow(() => tap.attempted({ ...attempt, durationMs: broken, outcome: 'delivered', state: 'delivered' }))
  t.match(lines, [{ level: 'error', where: 'wire-tap' }])
})
