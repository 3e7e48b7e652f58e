import { join } from 'node:path'
import t from 'tap'
import type { Attempt } from '../../gateway/bus/adapter.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Message, Original } from '../../gateway/bus/message.ts'
import { testFolder } from '../test-folder.ts'
import { sampleDraft, settled, startBus } from './sample-bus.ts'

const receipt = { sentDigest: 'sha-256:00' }
const act = { actor: 'op', note: 'because' }

/** Until it is told to stop. */
const hang = (_message: Message, _attempt: Attempt, signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

t.test('a person repairs the cause and releases what was held', async (t) => {
  let isRepaired = false
  const deliver = async () => {
    if (!isRepaired) throw new GatewayError('value-missing')
    return { receipt }
  }
  const { bus, store } = await startBus(t, { deliver })
  await bus.accept([sampleDraft('D1'), sampleDraft('D1')])
  const [held] = await settled(store, 'D1', ['held', 'blocked'])
  isRepaired = true
  await bus.operations.intervene({ ...act, kind: 'release', deliveryId: held?.id ?? '' })
  t.same(
    (await settled(store, 'D1', ['delivered'])).map(({ state }) => state),
    ['delivered', 'delivered'],
  )
})

t.test('every act needs a reason, and what can’t be done says why', async (t) => {
  const { bus, store } = await startBus(t, { deliver: async () => ({ receipt }) })
  await bus.accept([sampleDraft('D1')])
  const [delivery] = await settled(store, 'D1')
  const asked = { ...act, kind: 'hold', deliveryId: delivery?.id ?? '' } as const
  await t.rejects(bus.operations.intervene({ ...asked, note: '  ' }), { code: 'reason-missing' })
  await t.rejects(bus.operations.intervene(asked), { code: 'state-impossible' })
  await t.rejects(bus.operations.intervene({ ...asked, deliveryId: 'x' }), { code: 'not-found' })
  await t.rejects(bus.operations.pause('no-such-system', act), { code: 'not-found' })
  const bulk = { ...act, kind: 'replay', filter: { system: 'land' }, perSecond: 10 } as const
  await t.rejects(bus.operations.startBulk(bulk), { code: 'selection-empty' })
  await t.rejects(bus.operations.reread('x', act), { code: 'not-found' })
  t.same(await store.interventions(undefined, 10), [])
})

t.test('a bulk replays all that match at its rate, and finishes', async (t) => {
  let isBack = false
  const deliver = async () => {
    if (!isBack) throw new GatewayError('partner-refused')
    return { receipt }
  }
  const { bus, store } = await startBus(t, { deliver })
  const subjects = ['D1', 'D2', 'D3']
  await bus.accept(subjects.map((subject) => sampleDraft(subject)))
  await Promise.all(subjects.map((subject) => settled(store, subject, ['dead'])))
  isBack = true
  const filter = { system: 'national-portal', state: 'dead' } as const
  t.same(await bus.operations.count('replay', filter), { total: 3, overtaken: 0 })
  t.match(await bus.operations.startBulk({ ...act, kind: 'replay', filter, perSecond: 1_000 }), { total: 3 })
  await Promise.all(subjects.map((subject) => settled(store, subject, ['delivered'])))
  while ((await bus.operations.bulks())[0]?.state !== 'finished') await new Promise(setImmediate)
  t.match(await bus.operations.bulks(), [{ outcomes: { done: 3 } }])
})

t.test('a paused channel carries nothing until a person resumes it, even over a restart', async (t) => {
  let sent = 0
  const deliver = async () => {
    sent += 1
    return { receipt }
  }
  const path = join(testFolder(t), 'store.sqlite')
  const before = await startBus(t, { deliver }, { path })
  t.match(await before.bus.operations.pause('national-portal', act), { state: 'paused', actor: 'op' })
  await before.bus.accept([sampleDraft('D1')])
  await before.bus.drain(1_000)
  const { bus, store } = await startBus(t, { deliver }, { path })
  await bus.accept([sampleDraft('D2')])
  t.match(bus.operations.channels(), [{ system: 'national-portal', state: 'paused', actor: 'op' }])
  t.equal((await store.dossier('D1'))?.messages[0]?.deliveries[0]?.state, 'waiting')
  t.equal(sent, 0)
  t.match(await bus.operations.resume('national-portal', act), { state: 'flowing' })
  for (const subject of ['D1', 'D2']) await settled(store, subject)
  t.equal(sent, 2)
})

t.test('bytes read again become a new message in the old one’s place', async (t) => {
  const reread = async ({ bytes }: Original, message: Message) =>
    sampleDraft(message.subject, { body: { read: new TextDecoder().decode(bytes), repaired: true } })
  const arrived: unknown[] = []
  const deliver = async ({ body }: Message) => {
    if (JSON.stringify(body).includes('"count"')) throw new GatewayError('value-unmappable')
    arrived.push(body)
    return { receipt }
  }
  const { bus, store } = await startBus(t, { deliver, reread }, { sourceOf: 'one-window' })
  const original = { bytes: new TextEncoder().encode('spoken'), mediaType: 'text/plain' }
  const [accepted] = await bus.accept([sampleDraft('D1', { original })])
  await settled(store, 'D1', ['held'])
  const id = accepted?.messageId ?? ''
  const again = await bus.operations.reread(id, act)
  await settled(store, 'D1', ['delivered', 'discarded'])
  t.same(arrived, [{ read: 'spoken', repaired: true }])
  t.match((await store.message(again.messageId))?.message, {
    causationId: id,
    idempotencyKey: new RegExp(`^reread:${id}:`),
  })
  t.same((await bus.operations.reread(id, act)).messageId, again.messageId, 'the same reading is the same message')
})

t.test('without original bytes nothing can be read again', async (t) => {
  const { bus, store } = await startBus(t, { deliver: async () => ({ receipt }) })
  const [accepted] = await bus.accept([sampleDraft('D1')])
  await settled(store, 'D1')
  await t.rejects(bus.operations.reread(accepted?.messageId ?? '', act), { code: 'bytes-gone' })
})

t.test('a sender beyond its rate or backlog is asked to come back, others are not', async (t) => {
  const quotaOf = (source: string) => (source === 'one-window' ? { perSecond: 1, burst: 2, backlog: 3 } : undefined)
  const { bus } = await startBus(t, { deliver: hang }, { quotaOf })
  await bus.accept([sampleDraft('D1'), sampleDraft('D2')])
  await t.rejects(bus.accept([sampleDraft('D3')]), { code: 'too-many-requests', options: { rule: 'rate' } })
  const other = sampleDraft('D4', { source: 'land' })
  t.match(await bus.accept([other]), [{ kind: 'stored' }])
})

t.test('calls at the same moment get no more out of a quota than calls in turn', async (t) => {
  for (const [rule, quota] of [
    ['rate', { perSecond: 0.001, burst: 2, backlog: 100 }],
    ['backlog', { perSecond: 100, burst: 100, backlog: 2 }],
  ] as const) {
    const { bus } = await startBus(
      t,
      { deliver: hang },
      { quotaOf: () => quota, path: join(testFolder(t), `${rule}.sqlite`) },
    )
    const calls = Array.from({ length: 8 }, (_, index) => bus.accept([sampleDraft(`D${index}`)]))
    const refused = (await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected')
    t.equal(refused.length, 6, rule)
    t.match(refused[0], { reason: { code: 'too-many-requests', options: { rule } } })
  }
})

t.test('too large a backlog is refused before anything is stored', async (t) => {
  const quotaOf = () => ({ perSecond: 1_000, burst: 1_000, backlog: 2 })
  const { bus, store } = await startBus(t, { deliver: hang }, { quotaOf })
  await bus.accept([sampleDraft('D1'), sampleDraft('D2')])
  await t.rejects(bus.accept([sampleDraft('D3')]), { code: 'too-many-requests', options: { rule: 'backlog' } })
  t.equal(await store.dossier('D3'), undefined)
})
