import t from 'tap'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { sampleDraft, sampleRoute, settled, startBus } from './sample-bus.ts'

const receipt = { sentDigest: 'sha-256:00' }
const routes = [sampleRoute({ to: ({ subject }) => [subject.startsWith('GOOD') ? 'one-window' : 'national-portal'] })]

t.test('a system whose every slot hangs leaves another one all of its own', async (t) => {
  let hanging = 0
  const deliver = (message: Message, _attempt: unknown, signal: AbortSignal) => {
    if (message.subject.startsWith('GOOD')) return Promise.resolve({ receipt })
    hanging += 1
    return new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const { bus, store } = await startBus(t, { deliver }, { routes, concurrency: 2, sourceOf: 'one-window' })
  const subjects = Array.from({ length: 6 }, (_, index) => index)
  await bus.accept(subjects.map((index) => sampleDraft(`HANGS-${index}`)))
  while (hanging < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  await bus.accept(subjects.map((index) => sampleDraft(`GOOD-${index}`)))
  for (const index of subjects) t.match(await settled(store, `GOOD-${index}`), [{ state: 'delivered' }])
  t.equal(hanging, 2, 'no more than its own slots')
})

t.test('a system that fails everything breaks its own channel and no other', async (t) => {
  const deliver = async ({ subject }: Message) => {
    if (subject.startsWith('GOOD')) return { receipt }
    throw new GatewayError('partner-refused-connection')
  }
  const breaker = { lanes: 3, firstPauseMs: 3_600_000, longestPauseMs: 3_600_000 }
  const { bus, store } = await startBus(t, { deliver }, { routes, breaker, sourceOf: 'one-window' })
  for (const index of [1, 2, 3]) await bus.accept([sampleDraft(`FAILS-${index}`), sampleDraft(`GOOD-${index}`)])
  const stateOf = (system: string) => bus.operations.channels().find((channel) => channel.system === system)?.state
  while (stateOf('national-portal') !== 'broken') await new Promise((resolve) => setTimeout(resolve, 5))
  await bus.accept([sampleDraft('GOOD-4')])
  for (const index of [1, 2, 3, 4]) t.match(await settled(store, `GOOD-${index}`), [{ attempts: { length: 1 } }])
  t.equal(stateOf('one-window'), 'flowing')
})
