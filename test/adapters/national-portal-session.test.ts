import t from 'tap'
import { createSession } from '../../adapters/national-portal/session.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'

const never = new AbortController().signal

/** A login whose answers the test gives. */
function scriptedLogin() {
  const waiting: { readonly resolve: (token: string) => void; readonly reject: (error: unknown) => void }[] = []
  return {
    waiting,
    logIn: () => new Promise<string>((resolve, reject) => waiting.push({ resolve, reject })),
  }
}

t.test('however many calls need a session, one login is under way', async (t) => {
  const { waiting, logIn } = scriptedLogin()
  const session = createSession(logIn, systemClock)
  const calls = [1, 2, 3].map(() => session.current(never))
  waiting[0]?.resolve('first')
  t.same(await Promise.all(calls), ['first', 'first', 'first'])
  const renewals = [1, 2, 3].map(() => session.renewed('first', never))
  waiting[1]?.resolve('second')
  t.same(await Promise.all(renewals), ['second', 'second', 'second'])
  t.equal(await session.renewed('first', never), 'second', 'a late comer gets what is there')
  t.equal(waiting.length, 2)
})

t.test('a call that is broken off does not end the login of the others', async (t) => {
  const { waiting, logIn } = scriptedLogin()
  const session = createSession(logIn, systemClock)
  const leaving = new AbortController()
  const left = session.current(leaving.signal)
  const staying = session.current(never)
  leaving.abort(new GatewayError('partner-timeout'))
  await t.rejects(left, { code: 'partner-timeout', failure: 'transient' }, 'nothing was sent for it')
  await t.rejects(session.current(AbortSignal.abort()), { code: 'partner-timeout', failure: 'transient' })
  waiting[0]?.resolve('token')
  t.equal(await staying, 'token')
})

t.test('a login that nobody answers leaves no doubt about the message', async (t) => {
  const { waiting, logIn } = scriptedLogin()
  const session = createSession(logIn, systemClock)
  const call = session.current(never)
  waiting[0]?.reject(new GatewayError('partner-cut-off'))
  await t.rejects(call, { code: 'partner-cut-off', failure: 'transient' })
  const again = session.current(never)
  waiting[1]?.resolve('token')
  t.equal(await again, 'token', 'and is made again at the next call')
})

t.test('a refused password is not tried again for half a minute, lest the account be locked', async (t) => {
  const { waiting, logIn } = scriptedLogin()
  let nowMs = 0
  const session = createSession(logIn, { ...systemClock, monotonic: () => nowMs })
  const call = session.current(never)
  waiting[0]?.reject(new GatewayError('partner-denied'))
  await t.rejects(call, { code: 'partner-denied', failure: 'channel' })
  nowMs = 29_000
  await t.rejects(session.current(never), { code: 'partner-denied' })
  t.equal(waiting.length, 1)
  nowMs = 31_000
  const again = session.current(never)
  waiting[1]?.resolve('token')
  t.equal(await again, 'token')
})
