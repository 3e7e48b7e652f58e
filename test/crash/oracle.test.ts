import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { defences } from '../../bench/crash/defences.ts'
import { type Facts, isInnocent, judge, type Sent, verdictLine } from '../../bench/crash/oracle.ts'

const root = path.resolve(import.meta.dirname, '../..')
const sent = (place: number, kind: Sent['kind']): Sent => ({
  code: 'D1',
  place,
  kind,
  marker: `D1 no. ${place}`,
  messageId: `m${place}`,
  receipt: `r${place}`,
})
const said = [sent(0, 'record'), sent(1, 'progress'), sent(2, 'progress')]

/** One dossier of three statements, all of it as promised. */
const innocent: Facts = {
  sent: said,
  effects: said.map(({ code, kind, marker, place }) => ({ code, kind, marker, isCreate: place === 0 })),
  notices: said.map(({ messageId, place }) => ({ id: `n${place}`, messageId, state: 'delivered' })),
  messages: said.map(({ messageId, receipt }) => ({ id: messageId, source: 'one-window', receipt })),
  deliveries: said.map(({ messageId }) => delivery(messageId, 'delivered')),
  brokenChains: 0,
  surprises: [],
  mayHold: false,
}

t.test('what is as promised is counted and nothing held against it', async (t) => {
  const verdict = judge(innocent)
  t.ok(isInnocent(verdict))
  t.equal(
    verdictLine(7, verdict),
    'kills 7, accepted 3, delivered 3, lost 0, second effects 0, inversions 0, unexpected 0, stuck 0',
  )
  const [create, ...others] = innocent.effects
  if (!create) throw new Error('there is no create')
  const overwritten = [create, { ...create, isCreate: false }, ...others]
  t.ok(isInnocent(judge({ ...innocent, effects: overwritten })), 'an update that leaves what was there')
})

t.test('each way to break a promise is seen', async (t) => {
  const { effects, notices, messages, deliveries } = innocent
  const [first, second, third] = effects
  if (!first || !second || !third) throw new Error('there are three effects')
  const guilty: Record<
    string,
    { facts: Partial<Facts>; of: 'lost' | 'secondEffects' | 'inversions' | 'unexpected' | 'stuck' }
  > = {
    'a message that is gone': { facts: { messages: messages.slice(1) }, of: 'lost' },
    'a delivery that was never made': { facts: { deliveries: deliveries.slice(1) }, of: 'lost' },
    'delivered, and not at the portal': { facts: { effects: [first, second] }, of: 'lost' },
    'nobody was told': { facts: { notices: notices.slice(1) }, of: 'lost' },
    'an entry that came twice': { facts: { effects: [...effects, third] }, of: 'secondEffects' },
    'a dossier created twice': { facts: { effects: [first, first, second, third] }, of: 'secondEffects' },
    'an old version that came back': {
      facts: { effects: [...effects, { ...first, isCreate: false }] },
      of: 'secondEffects',
    },
    'told twice': { facts: { notices: [...notices, { ...notices[0], id: 'n9' } as never] }, of: 'secondEffects' },
    'a later one first': { facts: { effects: [first, third, second] }, of: 'inversions' },
    'an effect of nothing': { facts: { effects: [...effects, { ...third, marker: 'x' }] }, of: 'unexpected' },
    'a message nobody sent': {
      facts: { messages: [...messages, { id: 'm9', source: 'one-window', receipt: 'r9' }] },
      of: 'unexpected',
    },
    'another receipt': {
      facts: { messages: messages.map((message) => ({ ...message, receipt: 'other' })) },
      of: 'unexpected',
    },
    'a dead letter': { facts: { deliveries: withState('dead') }, of: 'unexpected' },
    'a state nobody knows': { facts: { deliveries: withState('odd') }, of: 'unexpected' },
    'a broken chain': { facts: { brokenChains: 1 }, of: 'unexpected' },
    'what somebody noticed': { facts: { surprises: ['500'] }, of: 'unexpected' },
    'waiting for ever': { facts: { deliveries: withState('waiting') }, of: 'stuck' },
    'held without reason': { facts: { deliveries: withState('held', 'outcome-unknown') }, of: 'stuck' },
    'a notice on its way': {
      facts: { deliveries: [...deliveries, delivery('n0', 'leased', 'delivery.reported.v1')] },
      of: 'stuck',
    },
  }
  for (const [crime, { facts, of }] of Object.entries(guilty)) {
    const verdict = judge({ ...innocent, ...facts })
    t.ok(verdict[of].length > 0, crime)
    t.notOk(isInnocent(verdict), crime)
  }
})

t.test('where repeats count twice, an unknown outcome may be held, and what follows may wait behind it', async (t) => {
  const states = ['delivered', 'held', 'blocked'] as const
  const deliveries = said.map(({ messageId }, index) => ({
    ...delivery(messageId, states[index] ?? ''),
    ...(index === 1 ? { code: 'outcome-unknown' } : {}),
  }))
  const facts = { ...innocent, deliveries, effects: innocent.effects.slice(0, 1) }
  t.ok(isInnocent(judge({ ...facts, mayHold: true })))
  t.match(judge({ ...facts, mayHold: true }), { held: 1, delivered: 1 })
  t.equal(judge(facts).stuck.length, 2)
})

t.test('every defence that can be switched off stands in the source once', async (t) => {
  for (const [name, { file, written }] of Object.entries(defences)) {
    t.equal(readFileSync(path.join(root, file), 'utf8').split(written).length, 2, name)
  }
})

function withState(state: string, code?: string) {
  return innocent.deliveries.with(2, { ...delivery('m2', state), ...(code === undefined ? {} : { code }) })
}

function delivery(messageId: string, state: string, messageType = 'dossier.received.v1') {
  return { messageId, messageType, system: 'national-portal', state }
}
