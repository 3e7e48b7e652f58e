import t from 'tap'
import type { ChannelCondition } from '../../gateway/bus/channel.ts'
import { ChannelGate } from '../../gateway/bus/channel-gate.ts'
import type { Clock } from '../../gateway/bus/clock.ts'
import type { Outcome } from '../../gateway/bus/delivery.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { silentTap } from './sample-bus.ts'

const breaker = { lanes: 3, firstPauseMs: 1_000, longestPauseMs: 3_000 }
const failed = (error: GatewayError): Outcome => ({ kind: 'failed', error, hasDoubtBefore: false })
const busy = failed(new GatewayError('partner-busy'))
const worked: Outcome = { kind: 'delivered', delivered: { receipt: { sentDigest: 'sha-256:00' } } }
const shutdown = new AbortController().signal

/** A gate whose clock and partner stand still until the test moves them. */
function openGate(stored?: ChannelCondition) {
  const world = { nowMs: 10_000, isBack: false, probes: 0, stored }
  const clock: Clock = { now: () => world.nowMs, monotonic: () => world.nowMs, after: () => () => {} }
  const gate = new ChannelGate({
    system: 'land',
    adapter: {
      async probe() {
        world.probes += 1
        if (!world.isBack) throw new GatewayError('partner-refused-connection')
      },
    },
    breaker,
    store: {
      async setChannel(condition) {
        world.stored = condition
      },
    },
    clock,
    tap: silentTap,
  })
  gate.start(stored)
  return { gate, world }
}

t.test('as many different dossiers as the policy says break it, and one that fails for ever does not', async (t) => {
  const { gate } = openGate()
  for (let tries = 0; tries < 9; tries++) await gate.learn('D1', busy)
  await gate.learn('D2', busy)
  t.equal(gate.condition.state, 'flowing')
  await gate.learn('D3', busy)
  t.match(gate.condition, { state: 'broken', trips: 1, probeAtMs: 11_000, reason: { code: 'partner-busy' } })
})

t.test('a success in between begins the count anew, and so does the refusal of one message', async (t) => {
  const refused = failed(new GatewayError('partner-refused'))
  for (const answered of [worked, refused]) {
    const { gate } = openGate()
    for (const subject of ['D1', 'D2']) await gate.learn(subject, busy)
    await gate.learn('D3', answered)
    for (const subject of ['D4', 'D5']) await gate.learn(subject, busy)
    t.equal(gate.condition.state, 'flowing')
  }
})

t.test('a failure of the channel itself breaks it at once, and what is ours never does', async (t) => {
  for (const code of ['partner-denied', 'partner-address-wrong', 'partner-tls', 'partner-unresolved'] as const) {
    const { gate } = openGate()
    await gate.learn('D1', failed(new GatewayError(code)))
    t.match(gate.condition, { state: 'broken', reason: { code } })
  }
  const { gate } = openGate()
  for (const subject of ['D1', 'D2', 'D3', 'D4']) await gate.learn(subject, failed(new GatewayError('internal-error')))
  t.equal(gate.condition.state, 'flowing')
})

t.test('the pause doubles up to its cap while probes fail, and no probe comes before its time', async (t) => {
  const { gate, world } = openGate()
  await gate.learn('D1', failed(new GatewayError('partner-denied')))
  const pauses = [1_000, 2_000, 3_000, 3_000]
  for (const pauseMs of pauses) {
    t.equal(await gate.probe(shutdown), pauseMs)
    world.nowMs += pauseMs
    await gate.probe(shutdown)
  }
  t.equal(world.probes, pauses.length)
})

t.test('it is probed no sooner than the partner asked for', async (t) => {
  const { gate } = openGate()
  await gate.learn('D1', failed(new GatewayError('partner-denied', { retryAfterMs: 60_000 })))
  t.equal(await gate.probe(shutdown), 60_000)
})

t.test('come back, it is on trial until a delivery has worked; one failure breaks it again, for longer', async (t) => {
  const { gate, world } = openGate()
  await gate.learn('D1', failed(new GatewayError('partner-denied')))
  world.nowMs += 1_000
  world.isBack = true
  await gate.probe(shutdown)
  t.match([gate.condition.state, gate.isOnTrial], ['flowing', true])
  await gate.learn('D1', busy)
  t.match(gate.condition, { state: 'broken', trips: 2, probeAtMs: world.nowMs + 2_000 })
  world.nowMs += 2_000
  await gate.probe(shutdown)
  await gate.learn('D1', worked)
  t.match([gate.condition.state, gate.isOnTrial], ['flowing', false])
})

t.test('how it stands and how long it has stood still outlives a restart', async (t) => {
  const { gate, world } = openGate()
  await gate.learn('D1', failed(new GatewayError('partner-denied')))
  world.nowMs += 700
  t.equal(gate.stoppedMs, 700)

  const next = openGate(world.stored)
  next.world.nowMs = 11_500
  t.same(next.gate.condition, gate.condition)
  t.equal(next.gate.stoppedMs, 1_500, 'the time in which nothing ran counts too')
  await next.gate.pause('op', 'their maintenance')
  next.world.nowMs = 20_000
  await next.gate.resume('op', 'they are back')
  next.world.nowMs = 30_000
  t.equal(next.gate.stoppedMs, 10_000)
  t.match(next.world.stored, { state: 'flowing', trips: 0 })
})
