import { join } from 'node:path'
import t from 'tap'
import { loadContracts } from '../../contracts/loader.ts'
import type { Attempt, LookupAnswer } from '../../gateway/bus/adapter.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import { type ErrorCode, GatewayError } from '../../gateway/bus/errors.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { testFolder } from '../test-folder.ts'
import { messagesOf, sampleDraft, sampleRoute, settled, silentTap, startBus } from './sample-bus.ts'

const receipt = { sentDigest: 'sha-256:00' }

t.test('an accepted message is delivered and its receipt is the stored one', async (t) => {
  const taken: Message[] = []
  const deliver = async (message: Message) => {
    taken.push(message)
    return { receipt }
  }
  const { bus, store } = await startBus(t, { deliver })
  const draft = sampleDraft('D1')
  const [accepted] = await bus.accept([draft])
  if (accepted?.kind !== 'stored') throw new Error('not stored')
  await settled(store, 'D1')
  t.same(
    taken.map(({ body }) => body),
    [draft.body],
  )
  t.equal((await bus.message(accepted.messageId, 'one-window'))?.receipt, accepted.receipt)
})

t.test('a clock that was an hour ahead and is set right delays nothing', async (t) => {
  let aheadMs = 3_600_000
  let tries = 0
  const deliver = async () => {
    tries += 1
    if (tries > 1) return { receipt }
    throw new GatewayError('partner-busy')
  }
  const clock = { ...systemClock, now: () => Date.now() + aheadMs }
  const route = sampleRoute({ retry: { schedule: ['200ms'], jitter: 0, giveUpAfter: '1h', deadline: '5s' } })
  const { bus, store } = await startBus(t, { deliver }, { clock, routes: [route] })
  await bus.accept([sampleDraft('D1'), sampleDraft('D1')])
  await settled(store, 'D1', ['waiting', 'blocked'])
  while (tries === 0) await new Promise(setImmediate)
  aheadMs = 0
  await bus.accept([sampleDraft('D2')])
  await settled(store, 'D1', ['delivered'])
  t.equal(tries, 4)
})

t.test('messages of one dossier arrive in order, others don’t wait for it', async (t) => {
  const arrived: string[] = []
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const deliver = async ({ subject, body }: Message) => {
    if (subject === 'SLOW') await gate
    arrived.push(`${subject}:${JSON.stringify(body)}`)
    return { receipt }
  }
  const { bus, store } = await startBus(t, { deliver }, { concurrency: 2 })
  const slow = [1, 2, 3].map((step) => sampleDraft('SLOW', { body: { step } }))
  await bus.accept(slow)
  await bus.accept([1, 2, 3].map((step) => sampleDraft('QUICK', { body: { step } })))
  await settled(store, 'QUICK')
  t.same(arrived, ['QUICK:{"step":1}', 'QUICK:{"step":2}', 'QUICK:{"step":3}'])
  release()
  await settled(store, 'SLOW')
  t.same(arrived.slice(3), ['SLOW:{"step":1}', 'SLOW:{"step":2}', 'SLOW:{"step":3}'])
})

t.test('a transient failure is tried again until it works', async (t) => {
  let tries = 0
  const deliver = async () => {
    tries += 1
    if (tries < 3) throw new GatewayError('partner-busy')
    return { receipt }
  }
  const { bus, store } = await startBus(t, { deliver })
  await bus.accept([sampleDraft('D1')])
  const [delivery] = await settled(store, 'D1')
  t.same(
    delivery?.attempts.map(({ number, outcome, code }) => [number, outcome, code]),
    [
      [1, 'transient', 'partner-busy'],
      [2, 'transient', 'partner-busy'],
      [3, 'delivered', undefined],
    ],
  )
})

t.test('what is ours to repair is held, what the partner refuses is dead', async (t) => {
  const deliver = async ({ subject }: Message) => {
    const code: ErrorCode = subject === 'OURS' ? 'value-missing' : 'partner-refused'
    throw new GatewayError(code, { field: 'ChuHoSo', rule: 'required' })
  }
  const { bus, store } = await startBus(t, { deliver })
  await bus.accept([sampleDraft('OURS'), sampleDraft('THEIRS')])
  t.match(await settled(store, 'OURS'), [{ state: 'held', reason: { code: 'value-missing', field: 'ChuHoSo' } }])
  t.match(await settled(store, 'THEIRS'), [{ state: 'dead', reason: { code: 'partner-refused', cause: 'business' } }])
})

t.test('a bug in an adapter is not the message’s fault: it is tried again and tells nothing of itself', async (t) => {
  let tries = 0
  const deliver = async () => {
    tries += 1
    if (tries === 1) throw new TypeError('Nguyễn Văn Thử is not a function')
    return { receipt }
  }
  const { bus, store } = await startBus(t, { deliver })
  await bus.accept([sampleDraft('D1')])
  const deliveries = await settled(store, 'D1')
  t.notMatch(JSON.stringify(deliveries), /Nguyễn/)
})

t.test('after an unknown outcome the look-up decides', async (t) => {
  const answers: Record<string, LookupAnswer> = {
    TAKEN: { kind: 'taken' },
    ABSENT: { kind: 'absent' },
    RESEND: { kind: 'resend', memory: { exists: true } },
    UNKNOWN: { kind: 'unknown', why: 'Nobody can tell.' },
  }
  const sent: string[] = []
  const seen: Record<string, unknown> = {}
  const deliver = async ({ subject }: Message, { number, memory }: Attempt) => {
    sent.push(subject)
    if (number === 1) throw new GatewayError('partner-cut-off')
    seen[subject] = memory
    return { receipt }
  }
  const lookup = async ({ subject }: Message) => answers[subject] ?? ({ kind: 'absent' } as const)
  const { bus, store } = await startBus(t, { deliver, lookup })
  const subjects = Object.keys(answers)
  await bus.accept(subjects.map((subject) => sampleDraft(subject)))
  const states = await Promise.all(subjects.map(async (subject) => (await settled(store, subject))[0]?.state))
  t.same(states, ['delivered', 'delivered', 'delivered', 'held'])
  t.same(sent.slice(4).sort(), ['ABSENT', 'RESEND'], 'what may be there is not sent again')
  t.same(seen, { ABSENT: {}, RESEND: { exists: true } })
})

t.test('a system that can’t be asked leaves an unknown outcome to a person', async (t) => {
  let sent = 0
  const deliver = async () => {
    sent += 1
    throw new GatewayError('partner-timeout')
  }
  const { bus, store } = await startBus(t, { deliver })
  await bus.accept([sampleDraft('D1')])
  t.match(await settled(store, 'D1'), [{ state: 'held', reason: { code: 'outcome-unknown' } }])
  t.equal(sent, 1)
})

t.test('a look-up that fails or comes too early leaves the doubt as it was', async (t) => {
  const doubts: (number | undefined)[] = []
  const deliver = async (_: Message, { number }: Attempt) => {
    if (number === 1) throw new GatewayError('partner-cut-off')
    return { receipt }
  }
  const lookup = async (_: Message, { number, doubtSinceMs }: Attempt): Promise<LookupAnswer> => {
    doubts.push(doubtSinceMs)
    if (number === 2) throw new GatewayError('partner-refused')
    return number === 3 ? { kind: 'later', afterMs: 5 } : { kind: 'taken' }
  }
  const { bus, store } = await startBus(t, { deliver, lookup })
  await bus.accept([sampleDraft('D1')])
  t.match(await settled(store, 'D1'), [{ state: 'delivered' }])
  t.equal(doubts.length, 3)
  t.equal(new Set(doubts).size, 1)
})

t.test('a deadline ends an attempt whose adapter ignores its signal; nobody knows what it did', async (t) => {
  const routes = [sampleRoute({ retry: { schedule: ['10ms'], jitter: 0, giveUpAfter: '1h', deadline: '20ms' } })]
  const { bus, store } = await startBus(t, { deliver: () => new Promise(() => {}) }, { routes })
  await bus.accept([sampleDraft('D1')])
  t.match((await settled(store, 'D1'))[0]?.attempts[0], { outcome: 'ambiguous', code: 'partner-timeout' })
})

t.test('the last step of the schedule repeats until the route gives up', async (t) => {
  const routes = [sampleRoute({ retry: { schedule: ['1ms', '2ms'], jitter: 0, giveUpAfter: '100ms', deadline: '5s' } })]
  const deliver = async () => {
    throw new GatewayError('partner-refused-connection')
  }
  const { bus, store } = await startBus(t, { deliver }, { routes })
  await bus.accept([sampleDraft('D1')])
  const [delivery] = await settled(store, 'D1')
  t.match(delivery, { state: 'dead', reason: { code: 'partner-refused-connection' } })
  t.ok((delivery?.attempts.length ?? 0) >= 2)
})

t.test('an unreachable channel never makes a dead letter', async (t) => {
  const routes = [sampleRoute({ retry: { schedule: ['1ms'], jitter: 0, giveUpAfter: '1ms', deadline: '5s' } })]
  let tries = 0
  const deliver = async () => {
    tries += 1
    if (tries < 5) throw new GatewayError('partner-denied')
    return { receipt }
  }
  const { bus, store } = await startBus(t, { deliver }, { routes })
  await bus.accept([sampleDraft('D1')])
  t.match(await settled(store, 'D1'), [{ state: 'delivered' }])
})

t.test('what a predecessor had in its hands is asked about, not sent blindly', async (t) => {
  const path = join(testFolder(t), 'store.sqlite')
  const store = await openSqliteStore({ path, clock: systemClock })
  const first = await startBus(t, { deliver: () => new Promise(() => {}) }, { store, owner: 'gone/boot/1/1' })
  await first.bus.accept([sampleDraft('D1'), sampleDraft('D1')])
  while ((await store.dossier('D1'))?.messages[0]?.deliveries[0]?.state !== 'leased') await new Promise(setImmediate)
  await store.recover((owner) => owner === 'gone/boot/1/1', systemClock.now())
  const calls: string[] = []
  const lookup = async () => {
    calls.push('lookup')
    return { kind: 'absent' } as const
  }
  const deliver = async () => {
    calls.push('deliver')
    return { receipt }
  }
  const second = await openSqliteStore({ path, clock: systemClock })
  await startBus(t, { deliver, lookup }, { store: second })
  await settled(second, 'D1')
  t.same(calls, ['lookup', 'deliver', 'deliver'])
})

t.test('replies of an attempt become messages in the write that settles it', async (t) => {
  const deliver = async ({ id, type }: Message) => {
    const reply = sampleDraft('D1', {
      type: 'payment.link-issued.v1',
      source: 'national-portal',
      causationId: id,
      recipient: 'one-window',
    })
    return type === 'dossier.received.v1' ? { receipt, replies: [reply] } : { receipt }
  }
  const { bus, store } = await startBus(t, { deliver })
  await bus.accept([sampleDraft('D1')])
  const types = (await messagesOf(store, 'D1', 2)).map(({ message }) => message.type)
  t.same(types, ['dossier.received.v1', 'payment.link-issued.v1'])
})

t.test('the sender is told of a hold with our own sentence in both languages', async (t) => {
  const deliver = async () => {
    throw new GatewayError('value-missing', { field: 'ChuHoSo', rule: 'required' })
  }
  const isTold = (system: string, state: string) => system === 'one-window' && state === 'held'
  const real = loadContracts()
  const contracts = {
    has: real.has,
    violations: (name: string, body: unknown) => (name.startsWith('delivery') ? real.violations(name, body) : []),
  }
  const { bus, store } = await startBus(t, { deliver }, { isTold, contracts })
  const code = '000.00.01.H47-261121-0001'
  const [accepted] = await bus.accept([sampleDraft(code)])
  const [, notice] = await messagesOf(store, code, 2)
  t.match(notice?.message, {
    type: 'delivery.reported.v1',
    causationId: accepted?.messageId,
    body: {
      system: 'national-portal',
      state: 'held',
      reason: { code: 'value-missing', field: 'ChuHoSo', vietnamese: /\p{L}/u },
    },
  })
  t.same(
    notice?.deliveries.map(({ system }) => system),
    ['one-window'],
  )
})

t.test('a message nobody receives is a dead letter that says so', async (t) => {
  const { bus, store } = await startBus(t, {}, { routes: [] })
  await bus.accept([sampleDraft('D1')])
  t.match(await settled(store, 'D1'), [{ system: 'none', state: 'dead', reason: { code: 'no-receiver' } }])
})

t.test('a body that breaks its contract stores nothing of the whole call', async (t) => {
  const contracts = {
    has: () => true,
    violations: (_: string, body: unknown) =>
      JSON.stringify(body).includes('bad') ? [{ field: '/owner/name', rule: 'required', message: 'is required' }] : [],
  }
  const { bus, store } = await startBus(t, {}, { contracts })
  const drafts = [sampleDraft('D1'), sampleDraft('D2', { body: 'bad' })]
  await t.rejects(bus.accept(drafts), { code: 'contract-violated', options: { field: '/owner/name' } })
  t.equal(await store.dossier('D1'), undefined)
})

t.test('a system sees what it sent or was sent, and of the latter only its own leg', async (t) => {
  const routes = [sampleRoute({ to: () => ['national-portal', 'land'] })]
  const { bus, store } = await startBus(t, { deliver: async () => ({ receipt }) }, { routes })
  const [accepted] = await bus.accept([sampleDraft('D1')])
  const id = accepted?.messageId ?? ''
  await settled(store, 'D1', ['delivered', 'waiting'])
  t.equal((await bus.message(id, 'one-window'))?.deliveries.length, 2)
  t.same(
    (await bus.message(id, 'land'))?.deliveries.map(({ system }) => system),
    ['land'],
  )
  t.equal(await bus.message(id, 'social-assistance'), undefined)
  t.equal(await bus.dossier('D1', 'social-assistance'), undefined)
  t.equal((await bus.dossier('D1', 'land'))?.messages.length, 1)
})

t.test('while draining nothing is accepted, and what is under way is settled', async (t) => {
  const { bus, store } = await startBus(t, { deliver: async () => ({ receipt }) })
  await bus.accept([sampleDraft('D1')])
  await bus.drain(1_000)
  await t.rejects(bus.accept([sampleDraft('D2')]), { code: 'draining' })
  t.equal(await store.dossier('D2'), undefined)
})

t.test('a settlement the store could not take at first is not forgotten', async (t) => {
  const real = await openSqliteStore({ path: join(testFolder(t), 'store.sqlite'), clock: systemClock })
  let failures = 2
  const store = {
    ...real,
    settle: (settlement: Parameters<typeof real.settle>[0]) => {
      failures -= 1
      return failures >= 0 ? Promise.reject(new GatewayError('store-unavailable')) : real.settle(settlement)
    },
  }
  let sent = 0
  const deliver = async () => {
    sent += 1
    return { receipt }
  }
  const { bus } = await startBus(t, { deliver }, { store })
  await bus.accept([sampleDraft('D1')])
  t.match(await settled(real, 'D1'), [{ state: 'delivered' }])
  t.equal(sent, 1)
})

t.test('a notice that can’t be made changes nothing of the outcome', async (t) => {
  const contracts = {
    has: () => true,
    violations: (name: string) =>
      name.startsWith('delivery') ? [{ field: '/at', rule: 'required', message: 'is required' }] : [],
  }
  const deliver = async () => {
    throw new GatewayError('value-missing')
  }
  const { bus, store, failures } = await startBus(t, { deliver }, { isTold: () => true, contracts })
  await bus.accept([sampleDraft('D1')])
  t.match(await settled(store, 'D1'), [{ state: 'held', reason: { code: 'value-missing' } }])
  t.equal(failures.length, 1)
})

t.test('a reply that breaks its contract holds the delivery for a person, who alone may send it again', async (t) => {
  const contracts = {
    has: () => true,
    violations: (name: string) =>
      name.startsWith('payment') ? [{ field: '/url', rule: 'required', message: 'is required' }] : [],
  }
  let sent = 0
  const deliver = async () => {
    sent += 1
    return { receipt, replies: [sampleDraft('D1', { type: 'payment.link-issued.v1' })] }
  }
  const { bus, store } = await startBus(t, { deliver }, { contracts })
  await bus.accept([sampleDraft('D1')])
  t.match(await settled(store, 'D1'), [{ state: 'held', reason: { code: 'contract-violated', field: '/url' } }])
  t.equal(sent, 1)
})

t.test('five dossiers that fail in a row break the channel, and it mends by itself', async (t) => {
  let isBack = false
  let probes = 0
  const states: string[] = []
  const deliver = async () => {
    if (!isBack) throw new GatewayError('partner-refused-connection')
    return { receipt }
  }
  const probe = async () => {
    probes += 1
    if (probes < 3) throw new GatewayError('partner-refused-connection')
    isBack = true
  }
  const tap = { ...silentTap, channel: ({ state }: { state: string }) => states.push(state) }
  const { bus, store } = await startBus(t, { deliver, probe }, { tap })
  const subjects = ['D1', 'D2', 'D3', 'D4', 'D5', 'D6']
  await bus.accept(subjects.map((subject) => sampleDraft(subject)))
  await Promise.all(subjects.map((subject) => settled(store, subject, ['delivered'])))
  t.equal(states.includes('broken'), true)
  t.equal(states.at(-1), 'flowing')
  t.equal(probes, 3)
  t.match(await store.channels(), [{ state: 'flowing', trips: 0 }])
})

t.test('one hanging dossier breaks nothing', async (t) => {
  const deliver = async ({ subject }: Message) => {
    if (subject === 'BAD') throw new GatewayError('partner-failed')
    return { receipt }
  }
  const lookup = async () => ({ kind: 'absent' }) as const
  const { bus, store } = await startBus(t, { deliver, lookup })
  await bus.accept([sampleDraft('BAD')])
  while (((await store.dossier('BAD'))?.messages[0]?.deliveries[0]?.attempts.length ?? 0) < 8) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await bus.accept([sampleDraft('GOOD')])
  await settled(store, 'GOOD', ['delivered'])
  t.same(await store.channels(), [])
})

t.test('a pause by a person stands whatever a probe says meanwhile', async (t) => {
  let answer = () => {}
  const probe = () => new Promise<void>((resolve) => (answer = resolve))
  const deliver = async () => {
    throw new GatewayError('partner-denied')
  }
  const { bus, store } = await startBus(t, { deliver, probe })
  await bus.accept([sampleDraft('D1')])
  while ((await store.channels())[0]?.state !== 'broken') await new Promise(setImmediate)
  while (String(answer) === '() => {}') await new Promise((resolve) => setTimeout(resolve, 5))
  await bus.operations.pause('national-portal', { actor: 'op', note: 'their maintenance' })
  answer()
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.match(await store.channels(), [{ state: 'paused' }])
})

t.test('a mistake of our own after the attempt leaves nothing leased', async (t) => {
  const random = () => {
    throw new TypeError('a bug')
  }
  const { bus, store, failures } = await startBus(t, { deliver: async () => ({ receipt }) }, { random })
  await bus.accept([sampleDraft('D1')])
  while (failures.length === 0) await new Promise(setImmediate)
  t.match(await settled(store, 'D1', ['waiting']), [
    { reason: { code: 'internal-error' }, attempts: [{ outcome: 'ambiguous' }] },
  ])
})

t.test('a dossier belongs to the units of its first record, and nobody else writes to it', async (t) => {
  const { bus, store } = await startBus(t, { deliver: async () => ({ receipt }) })
  const of = (unit: string) => ({ standing: { units: [unit], mayWriteFor: (code: string) => code === unit } })
  await bus.accept([sampleDraft('D1', of('A'))])
  const refused = { code: 'unit-not-allowed' }
  await t.rejects(bus.accept([sampleDraft('D1', of('B'))]), refused)
  await t.rejects(bus.accept([sampleDraft('D1', { ...of('B'), type: 'dossier.progressed.v1' })]), refused)
  await t.rejects(bus.accept([sampleDraft('D2', { ...of('B'), sameAs: ['D1'] })]), refused, 'under another name either')
  await t.rejects(bus.checkStanding(sampleDraft('D1', of('B'))), refused)
  t.equal((await store.dossier('D1'))?.messages.length, 1)
  t.equal(await store.dossier('D2'), undefined)
  await bus.accept([sampleDraft('D1', of('A')), sampleDraft('D1', { ...of('A'), type: 'dossier.progressed.v1' })])
  t.equal((await store.dossier('D1'))?.messages.length, 3)
})

t.test('whoever a dossier belongs to may hand it on, and both may write while it names both', async (t) => {
  const { bus } = await startBus(t, { deliver: async () => ({ receipt }) })
  const by = (unit: string, units: string[]) => ({ standing: { units, mayWriteFor: (code: string) => code === unit } })
  await bus.accept([sampleDraft('D1', by('A', ['A', 'B']))])
  await bus.accept([sampleDraft('D1', { ...by('B', ['B']), type: 'dossier.progressed.v1' })])
  await bus.accept([sampleDraft('D1', by('A', ['A', 'B']))])
  await bus.accept([sampleDraft('D1', by('B', ['B']))])
  await t.rejects(bus.accept([sampleDraft('D1', by('A', ['A']))]), { code: 'unit-not-allowed' }, 'B has it alone now')
})

t.test('of two units that claim one new dossier at the same moment, one has it', async (t) => {
  const { bus, store } = await startBus(t, { deliver: async () => ({ receipt }) })
  const of = (unit: string) => ({ standing: { units: [unit], mayWriteFor: (code: string) => code === unit } })
  const claims = ['A', 'B', 'C', 'D'].map((unit) => bus.accept([sampleDraft('D1', of(unit))]))
  const ends = await Promise.allSettled(claims)
  t.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
  t.equal((await store.dossier('D1'))?.messages.length, 1)
})
