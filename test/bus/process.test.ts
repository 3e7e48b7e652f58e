import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../gateway/bus/clock.ts'
import type { Message } from '../../gateway/bus/message.ts'
import type { ProcessDefinition } from '../../gateway/bus/process.ts'
import { endOfWorkingDay, officeCalendar } from '../../gateway/bus/working-days.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { portalFiledReception } from '../../routes/portal-filed-reception.ts'
import { testFolder } from '../test-folder.ts'
import { messagesOf, sampleDraft, sampleRoute, startBus } from './sample-bus.ts'

const receipt = { sentDigest: 'sha-256:00' }
const act = { actor: 'op', note: 'because' }

/** Counts what it sees, says so at the third, and looks again by a timer. */
const counting = (timerMs?: number): ProcessDefinition => ({
  name: 'counting',
  startsOn: ['dossier.received.v1'],
  continuesOn: ['dossier.progressed.v1'],
  step(state, input) {
    if (input.kind === 'release') return {}
    if (input.kind === 'timer') return { state, exception: { code: 'reception-overdue', cause: 'business' } }
    const seen = (typeof state === 'number' ? state : 0) + 1
    const { subject } = input.message
    const message = { type: 'process.counted.v1', source: 'gateway', subject, recipient: 'one-window', body: { seen } }
    return {
      state: seen,
      ...(seen === 3 ? { messages: [message] } : {}),
      ...(timerMs === undefined ? {} : { timers: { again: systemClock.now() + timerMs } }),
    }
  },
})

t.test('a process moves on in the write that accepts its message, and says what it has to say', async (t) => {
  const { bus, store } = await startBus(t, { deliver: async () => ({ receipt }) }, { processes: [counting()] })
  await bus.accept([sampleDraft('D1')])
  await bus.accept([sampleDraft('D1'), sampleDraft('D1')])
  t.match(await store.processOf('counting', ['D1']), { version: 3, state: 3, status: 'running' })
  const messages = await messagesOf(store, 'D1', 4)
  t.match(messages[3]?.message, { type: 'process.counted.v1', body: { seen: 3 }, idempotencyKey: 'counting:D1:3:0' })
})

t.test('a repeated message takes no second step, alone or within a batch', async (t) => {
  const { bus, store } = await startBus(t, { deliver: async () => ({ receipt }) }, { processes: [counting()] })
  const draft = sampleDraft('D1')
  await bus.accept([draft])
  t.match(await bus.accept([draft]), [{ kind: 'duplicate' }])
  t.match(await store.processOf('counting', ['D1']), { version: 1, state: 1 })
  t.match(await bus.accept([draft, sampleDraft('D1')]), [{ kind: 'duplicate' }, { kind: 'stored' }])
  t.match(await store.processOf('counting', ['D1']), { version: 2, state: 2 })
})

t.test('messages of one dossier accepted at the same moment each take their step', async (t) => {
  const { bus, store } = await startBus(t, { deliver: async () => ({ receipt }) }, { processes: [counting()] })
  await Promise.all(Array.from({ length: 12 }, () => bus.accept([sampleDraft('D1')])))
  t.match(await store.processOf('counting', ['D1']), { version: 12, state: 12 })
})

t.test('a message that only continues begins nothing', async (t) => {
  const { bus, store } = await startBus(t, { deliver: async () => ({ receipt }) }, { processes: [counting()] })
  await bus.accept([sampleDraft('D1', { type: 'dossier.progressed.v1' })])
  t.match(await store.processOf('counting', ['D1']), { version: 0 })
})

t.test('a timer survives a restart and makes an exception that a person can end', async (t) => {
  const path = join(testFolder(t), 'store.sqlite')
  const first = await openSqliteStore({ path, clock: systemClock })
  const before = await startBus(t, { deliver: async () => ({ receipt }) }, { store: first, processes: [counting(10)] })
  await before.bus.accept([sampleDraft('D1')])
  await before.bus.drain(1_000)

  const store = await openSqliteStore({ path, clock: systemClock })
  const { bus } = await startBus(t, { deliver: async () => ({ receipt }) }, { store, processes: [counting(10)] })
  while ((await store.processes('exception', 10)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  t.match(await store.processes('exception', 10), [{ instance: 'D1', reason: { code: 'reception-overdue' } }])
  t.same(await store.dueTimers(Number.MAX_SAFE_INTEGER, 10), [], 'a timer fires once')
  await t.rejects(bus.operations.releaseProcess('counting', 'D1', { ...act, note: '' }), { code: 'reason-missing' })
  await t.rejects(bus.operations.releaseProcess('counting', 'no-such', act), { code: 'not-found' })
  t.equal(await bus.operations.releaseProcess('counting', 'D1', act), 'ended')
  await t.rejects(bus.operations.releaseProcess('counting', 'D1', act), { code: 'state-impossible' })
  t.match(await store.interventions('process:counting:D1', 1), [{ kind: 'release', note: 'because' }])
})

t.test('a timer that can’t be fired stops no other', async (t) => {
  const failing: ProcessDefinition = {
    name: 'failing',
    startsOn: ['dossier.received.v1'],
    continuesOn: [],
    step(_, input) {
      if (input.kind === 'timer') throw new TypeError('a mistake of ours')
      return { state: 1, timers: { first: 1 } }
    },
  }
  const processes = [failing, counting(10)]
  const { bus, store, failures } = await startBus(t, { deliver: async () => ({ receipt }) }, { processes })
  await bus.accept([sampleDraft('D1')])
  while ((await store.processes('exception', 10)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  t.match(await store.processes('exception', 10), [{ process: 'counting' }])
  t.ok(failures.some((failure) => failure instanceof TypeError))
})

t.test('a portal-filed dossier that nobody receives within its term becomes an exception', async (t) => {
  const definition = portalFiledReception({ workingDays: 1, calendar: officeCalendar })
  const message = (type: string): Message => ({
    id: 'm',
    type,
    source: 'national-portal',
    subject: 'D1',
    acceptedAtMs: Date.parse('2026-11-20T03:00:00Z'), // a Friday
    correlationId: 'c',
    idempotencyKey: 'k',
    body: {},
    bodyDigest: 'd',
  })
  const filed = definition.step(undefined, { kind: 'message', message: message('dossier.submitted.v1') })
  t.same(filed.timers, { reception: Date.parse('2026-11-23T17:00:00Z') }, 'the end of Monday in Vietnam')
  const overdue = definition.step(filed.state, { kind: 'timer', name: 'reception', nowMs: 0 })
  t.match(overdue, { state: filed.state, exception: { code: 'reception-overdue' } })
  for (const type of ['dossier.received.v1', 'dossier.outcome-reported.v1']) {
    t.same(definition.step(overdue.state, { kind: 'message', message: message(type) }), {}, `${type} ends it`)
  }
  t.same(definition.step(overdue.state, { kind: 'release', actor: 'op', nowMs: 0 }), {})
})

t.test('a dossier received under its own code ends the wait under the portal’s', async (t) => {
  const processes = [portalFiledReception({ workingDays: 1, calendar: officeCalendar })]
  const routes = [
    sampleRoute({ on: ['dossier.received.v1', 'dossier.submitted.v1'], from: ['one-window', 'national-portal'] }),
  ]
  const { bus, store } = await startBus(t, { deliver: async () => ({ receipt }) }, { processes, routes })
  await bus.accept([sampleDraft('PORTAL-1', { type: 'dossier.submitted.v1', source: 'national-portal' })])
  t.match(await store.processOf('portal-filed-reception', ['PORTAL-1']), { status: 'running' })
  await bus.accept([sampleDraft('LOCAL-1', { sameAs: ['PORTAL-1'] })])
  t.match(await store.processOf('portal-filed-reception', ['PORTAL-1']), { status: 'ended' })
})

t.test('working days leave out weekends and holidays, in Vietnam’s time', async (t) => {
  const at = (text: string) => Date.parse(text)
  const calendar = { ...officeCalendar, holidays: ['2026-11-23'] }
  t.equal(endOfWorkingDay(at('2026-11-18T01:00:00Z'), 1, officeCalendar), at('2026-11-19T17:00:00Z'))
  t.equal(
    endOfWorkingDay(at('2026-11-18T17:30:00Z'), 1, officeCalendar),
    at('2026-11-20T17:00:00Z'),
    'already the 19th there',
  )
  t.equal(endOfWorkingDay(at('2026-11-20T01:00:00Z'), 1, calendar), at('2026-11-24T17:00:00Z'))
  t.throws(() => endOfWorkingDay(0, 1, { workingWeekdays: [], holidays: [] }), RangeError)
})
