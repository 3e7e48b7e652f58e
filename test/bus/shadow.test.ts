import { join } from 'node:path'
import t from 'tap'
import type { Attempt } from '../../gateway/bus/adapter.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { differingPaths, ShadowComparison } from '../../gateway/bus/shadow.ts'
import { testFolder } from '../test-folder.ts'
import { sampleDraft, sampleRoute, settled, startBus } from './sample-bus.ts'

t.test('a shadow records what it would send, sends nothing, and is not the sender’s business', async (t) => {
  const sent: string[] = []
  const preview = async ({ body }: Message) => JSON.stringify({ shadowed: body })
  const deliver = async ({ id, body }: Message) => {
    sent.push(id)
    return { receipt: { sentDigest: 'sha-256:00', document: JSON.stringify({ live: body }) } }
  }
  const routes = [sampleRoute(), sampleRoute({ name: 'dossier-sync-next', shadow: true })]
  const told: string[] = []
  const isTold = (_: string, state: string) => {
    told.push(state)
    return false
  }
  const { bus, store } = await startBus(t, { deliver, preview }, { routes, isTold })
  const draft = sampleDraft('D1', { body: { a: 1 } })
  const [accepted] = await bus.accept([draft])
  const deliveries = await settled(store, 'D1')
  t.same(
    deliveries
      .map(({ system, state }) => [system, state])
      .slice(0, 2)
      .sort(),
    [
      ['national-portal', 'delivered'],
      ['national-portal-shadow', 'delivered'],
    ],
  )
  t.equal(sent.length, 1)
  t.same(told, ['delivered'], 'asked for the live leg alone')
  const seen = await bus.message(accepted?.messageId ?? '', 'one-window')
  t.same(
    seen?.deliveries.map(({ system }) => system),
    ['national-portal'],
  )
  const window = { afterMs: 0, beforeMs: Number.MAX_SAFE_INTEGER, afterSequence: 0, limit: 10 }
  const pairs = await store.sentPairs({ ...window, system: 'national-portal', shadow: 'national-portal-shadow' })
  t.match(await bus.operations.compareShadow('national-portal', { ...window, live: 'national-portal' }), {
    compared: 1,
    differing: 1,
    listed: [{ paths: ['/live', '/shadowed'] }],
  })
  t.match(pairs, [{ live: '{"live":{"a":1}}', shadow: '{"shadowed":{"a":1}}' }])
})

t.test('a shadow builds on what the live document builds on, whichever of the two is ahead', async (t) => {
  const documentOf = async ({ id }: Message, { earlier }: Attempt) =>
    JSON.stringify([...(await earlier(['dossier.received.v1'])).map((message) => message.id), id])
  for (const ahead of ['live', 'shadow']) {
    const slow = (side: string) => (side === ahead ? 0 : 40)
    const preview = async (message: Message, attempt: Attempt) => {
      await new Promise((resolve) => setTimeout(resolve, slow('shadow')))
      return documentOf(message, attempt)
    }
    const deliver = async (message: Message, attempt: Attempt) => {
      const document = await documentOf(message, attempt)
      await new Promise((resolve) => setTimeout(resolve, slow('live')))
      return { receipt: { sentDigest: 'sha-256:00', document } }
    }
    const routes = [sampleRoute(), sampleRoute({ name: 'next', shadow: true })]
    const path = join(testFolder(t), `${ahead}.sqlite`)
    const { bus, store } = await startBus(t, { deliver, preview }, { routes, path })
    await bus.accept([sampleDraft('D1'), sampleDraft('D1'), sampleDraft('D1')])
    await settled(store, 'D1')
    const window = { live: 'national-portal', afterMs: 0, beforeMs: Number.MAX_SAFE_INTEGER }
    t.match(
      await bus.operations.compareShadow('national-portal', window),
      { compared: 3, equal: 3 },
      `${ahead} is ahead`,
    )
  }
})

t.test('a shadow that stops holds up neither the live channel nor itself for others', async (t) => {
  const preview = async ({ subject }: Message) => {
    if (subject === 'BAD') throw new GatewayError('value-missing')
    return '{}'
  }
  const deliver = async () => ({ receipt: { sentDigest: 'sha-256:00' } })
  const routes = [sampleRoute(), sampleRoute({ name: 'next', shadow: true })]
  const { bus, store } = await startBus(t, { deliver, preview }, { routes })
  await bus.accept([sampleDraft('BAD'), sampleDraft('GOOD')])
  const bad = await settled(store, 'BAD')
  t.same(bad.map(({ system, state }) => [system, state]).sort(), [
    ['national-portal', 'delivered'],
    ['national-portal-shadow', 'held'],
  ])
  t.same(
    (await settled(store, 'GOOD')).map(({ state }) => state),
    ['delivered', 'delivered'],
  )
})

t.test('documents are compared by path, and values are never told', async (t) => {
  t.same(differingPaths({ a: [1, { b: 2 }], c: 3 }, { a: [1, { b: 9 }], d: 4 }), ['/a/1/b', '/c', '/d'])
  t.same(differingPaths({ 'x/y~z': 1 }, { 'x/y~z': 2 }), ['/x~1y~0z'])
  t.same(differingPaths([1], { 0: 1 }), ['/'])
  const pair = { sequence: 1, messageId: 'm', messageType: 'dossier.received.v1' }
  const comparison = new ShadowComparison()
  comparison.add({ ...pair, live: '{"a":1}', shadow: '{"a":1}', shadowState: 'delivered' })
  comparison.add({ ...pair, live: '{"a":1}', shadow: '{"a":2}', shadowState: 'delivered' })
  comparison.add({ ...pair, live: '{"a":1}', shadowState: 'held' })
  comparison.add({ ...pair, shadow: '{"a":1}', shadowState: 'delivered' })
  t.same(comparison.difference, {
    compared: 3,
    equal: 1,
    stoppedInShadow: 1,
    differing: 1,
    listed: [{ messageId: 'm', messageType: 'dossier.received.v1', paths: ['/a'] }],
  })
})
