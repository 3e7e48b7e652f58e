import { join } from 'node:path'
import t from 'tap'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { changedRetry, retryDelayMs, retryOf } from '../../gateway/bus/retry.ts'
import { patientRetry, type RetryPolicy } from '../../gateway/bus/route.ts'
import type { Store } from '../../gateway/bus/store.ts'
import { testFolder } from '../test-folder.ts'
import { sampleDraft, sampleRoute, settled, startBus } from './sample-bus.ts'

const doubling: RetryPolicy = { ...patientRetry, exponential: { first: '1s', factor: 2, cap: '1m' } }

t.test('exponential delays grow by their factor up to their cap, however often it is tried', async (t) => {
  const delays = [1, 2, 3, 6, 7, 5_000].map((attempts) => retryDelayMs(doubling, { attempts, random: 0.5 }))
  t.same(delays, [1_000, 2_000, 4_000, 32_000, 60_000, 60_000])
})

t.test('jitter and what the partner asks for hold for exponential delays too', async (t) => {
  t.equal(retryDelayMs(doubling, { attempts: 7, random: 0 }), 48_000)
  t.equal(retryDelayMs(doubling, { attempts: 1, random: 0.5, retryAfterMs: 90_000 }), 90_000)
})

t.test('a schedule takes the place of exponential delays, and they of a schedule', async (t) => {
  t.equal(changedRetry(doubling, { schedule: ['3s'] }).exponential, undefined)
  t.same(changedRetry(doubling, { jitter: 0 }).exponential, doubling.exponential)
  const changed = changedRetry(patientRetry, { exponential: { first: '2s', factor: 1, cap: '2s' } })
  t.equal(retryDelayMs(changed, { attempts: 9, random: 0.5 }), 2_000)
})

t.test('the system changes what the route says, and what is said of the pair changes both', async (t) => {
  const route = { retry: patientRetry, retryTo: { land: { deadline: '9s' }, tax: { deadline: '8s' } } }
  const change = { deadline: '5s', giveUpAfter: '1d' }
  t.match(retryOf(route, { system: 'land', change }), { deadline: '9s', giveUpAfter: '1d', jitter: 0.2 })
  t.match(retryOf(route, { system: 'portal', change }), { deadline: '5s' })
  t.same(retryOf({ retry: patientRetry }, { system: 'portal' }), patientRetry)
})

t.test('a delivery is tried again as is said of its route and system', async (t) => {
  let tries = 0
  const deliver = async () => {
    tries += 1
    if (tries < 3) throw new GatewayError('partner-busy')
    return { receipt: { sentDigest: 'sha-256:00' } }
  }
  const retryTo = { 'national-portal': { exponential: { first: '1ms', factor: 2, cap: '5ms' } } }
  const routes = [sampleRoute({ retry: { ...patientRetry, schedule: ['1h'] }, retryTo })]
  const { bus, store } = await startBus(t, { deliver }, { routes })
  await bus.accept([sampleDraft('D1')])
  t.match(await settled(store, 'D1'), [{ state: 'delivered', attempts: [{}, {}, {}] }])
})

t.test('a changed policy, and a route that is gone, lose nothing of what waits', async (t) => {
  const path = join(testFolder(t), 'store.sqlite')
  let isBack = false
  const deliver = async () => {
    if (!isBack) throw new GatewayError('partner-busy')
    return { receipt: { sentDigest: 'sha-256:00' } }
  }
  const slow = { ...patientRetry, jitter: 0, schedule: ['300ms'] }
  const routes = ['kept', 'gone'].map((name) =>
    sampleRoute({ name, when: ({ subject }) => subject === name, retry: slow }),
  )
  const waiting = async (store: Store, subject: string, attempts: number) => {
    for (;;) {
      const delivery = (await store.dossier(subject))?.messages[0]?.deliveries[0]
      if (delivery?.state === 'waiting' && delivery.attempts.length >= attempts) return delivery
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const before = await startBus(t, { deliver }, { path, routes })
  await before.bus.accept([sampleDraft('kept'), sampleDraft('gone')])
  for (const subject of ['kept', 'gone']) await waiting(before.store, subject, 1)
  await before.bus.drain(1_000)

  const quick = { ...patientRetry, jitter: 0, exponential: { first: '1ms', factor: 1, cap: '1ms' } }
  const after = await startBus(t, { deliver }, { path, routes: [sampleRoute({ name: 'kept', retry: quick })] })
  await waiting(after.store, 'kept', 5) // by the new policy: the old one would take a second and a half
  isBack = true
  t.match(await settled(after.store, 'kept', ['delivered']), [{ route: 'kept' }])
  t.match(await waiting(after.store, 'gone', 2), { route: 'gone', reason: { code: 'partner-busy' } }, 'tried patiently')
})
