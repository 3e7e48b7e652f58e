import t from 'tap'
import type { DeliveryState } from '../../gateway/bus/delivery-state.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { toldOf } from '../../gateway/bus/notice.ts'
import type { DeliveryView, MessageView } from '../../gateway/bus/store.ts'
import { messagesOf, sampleDraft, settled, startBus } from './sample-bus.ts'

const receipt = { sentDigest: 'sha-256:00' }
const act = { actor: 'lan.nguyen', note: 'because of NGUYEN VAN A' }

/** The portal refuses; the one-window takes what it is told. */
function farSide(notices: Message[]) {
  return async (message: Message) => {
    if (message.type !== 'delivery.reported.v1') throw new GatewayError('value-missing')
    notices.push(message)
    return { receipt }
  }
}

t.test('a sender is told of what a person discards, expires or holds, when it wants to be', async (t) => {
  const notices: Message[] = []
  const isTold = (system: string, state: DeliveryState) =>
    system === 'one-window' && (state === 'discarded' || state === 'expired')
  const { bus, store } = await startBus(t, { deliver: farSide(notices) }, { sourceOf: 'one-window', isTold })
  for (const [subject, kind, count] of [
    ['D1', 'discard', 2],
    ['D2', 'expire', 2],
  ] as const) {
    await bus.accept([sampleDraft(subject)])
    const [held] = await settled(store, subject, ['held'])
    await bus.operations.intervene({ ...act, kind, deliveryId: held?.id ?? '' })
    const messages = await messagesOf(store, subject, count)
    t.match(messages[1]?.message, { source: 'gateway', causationId: messages[0]?.message.id })
    await settled(store, subject, ['delivered', 'discarded', 'expired'])
    t.equal(toldOf(held?.id ?? '', (await store.dossier(subject))?.messages ?? []), 'told')
  }
  t.match(notices, [
    { body: { system: 'national-portal', state: 'discarded' } },
    { body: { system: 'national-portal', state: 'expired' } },
  ])
  t.notMatch(JSON.stringify(notices), 'NGUYEN', 'a person’s own words stay here')
})

t.test('a sender that does not want to know is left alone, and nobody is told of a notice', async (t) => {
  const notices: Message[] = []
  const isTold = (_system: string, state: DeliveryState) => state === 'held'
  const { bus, store } = await startBus(t, { deliver: farSide(notices) }, { sourceOf: 'one-window', isTold })
  await bus.operations.pause('one-window', act)
  await bus.accept([sampleDraft('D1')])
  const messages = await messagesOf(store, 'D1', 2)
  const [first, notice] = messages.map(({ deliveries }) => deliveries[0]?.id ?? '')
  t.equal(toldOf(first ?? '', messages), 'pending')
  await bus.operations.intervene({ ...act, kind: 'hold', deliveryId: notice ?? '' })
  await bus.operations.intervene({ ...act, kind: 'discard', deliveryId: notice ?? '' })
  await bus.operations.intervene({ ...act, kind: 'discard', deliveryId: first ?? '' })
  await bus.drain(0)
  const ledger = (await store.dossier('D1'))?.messages ?? []
  t.equal(ledger.length, 2)
  t.equal(toldOf(first ?? '', ledger), 'not-told')
  t.same(notices, [])
})

t.test('an act done twice in turn is told twice', async (t) => {
  const notices: Message[] = []
  const isTold = (_system: string, state: DeliveryState) => state === 'discarded'
  const { bus, store } = await startBus(t, { deliver: farSide(notices) }, { sourceOf: 'one-window', isTold })
  await bus.accept([sampleDraft('D1')])
  const [held] = await settled(store, 'D1', ['held'])
  const asked = { ...act, deliveryId: held?.id ?? '' }
  await bus.operations.intervene({ ...asked, kind: 'discard' })
  await messagesOf(store, 'D1', 2)
  await bus.operations.intervene({ ...asked, kind: 'replay' })
  await settled(store, 'D1', ['held', 'delivered'])
  await bus.operations.intervene({ ...asked, kind: 'discard' })
  await messagesOf(store, 'D1', 3)
  await settled(store, 'D1', ['discarded', 'delivered'])
  t.equal(notices.length, 2)
})

t.test('whether a sender knows is read from the latest notice about that delivery', async (t) => {
  const notice = (about: string, state: DeliveryState) => view(`told:${about}:1`, state)
  t.equal(toldOf('d1', []), 'none')
  t.equal(toldOf('d1', [notice('d2', 'delivered'), notice('d11', 'delivered')]), 'none')
  t.equal(toldOf('d1', [notice('d1', 'dead'), notice('d1', 'delivered')]), 'told')
  for (const state of ['waiting', 'leased', 'blocked', 'held'] as const) {
    t.equal(toldOf('d1', [notice('d1', 'delivered'), notice('d1', state)]), 'pending', state)
  }
  for (const state of ['dead', 'expired', 'discarded'] as const) {
    t.equal(toldOf('d1', [notice('d1', state)]), 'not-told', state)
  }
})

function view(idempotencyKey: string, state: DeliveryState): MessageView {
  const message: Message = {
    id: 'm',
    type: 'delivery.reported.v1',
    source: 'gateway',
    subject: 'D1',
    acceptedAtMs: 0,
    correlationId: 'c',
    idempotencyKey,
    body: {},
    bodyDigest: 'sha-256:00',
  }
  const where = { system: 'one-window', route: 'notice', position: 1 }
  const delivery: DeliveryView = { id: 'n', messageId: 'm', revision: 0, ...where, state, attempts: [] }
  return { message, receipt: '', deliveries: [delivery] }
}
