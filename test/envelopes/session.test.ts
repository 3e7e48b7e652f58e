import t from 'tap'
import { type Clock, systemClock } from '../../gateway/bus/clock.ts'
import { createKeyring, generateSigningJwk } from '../../gateway/envelopes/keyring.ts'
import { createSessions, type SessionOptions } from '../../gateway/envelopes/session.ts'

const signing = generateSigningJwk()
const startMs = Date.parse('2026-11-02T08:00:00Z')
const first = { username: 'H47', password: 'mat-khau-thu', speaksFor: ['H47.01'] }
const second = { username: 'H47.02', password: 'mat-khau-khac', speaksFor: ['H47.02'] }

function sessionsOf(more: Partial<SessionOptions<typeof first>> = {}, atMs = startMs) {
  const clock: Clock = { ...systemClock, now: () => atMs }
  return createSessions({
    keyring: createKeyring({ signing, partners: [] }),
    gatewayId: 'lien-thong.h47',
    system: 'one-window',
    credentials: [first, second],
    ttlMs: 3_600_000,
    clock,
    ...more,
  })
}

t.test('a session leads back to the credential it was opened with', async (t) => {
  const sessions = sessionsOf()
  for (const credential of [first, second]) {
    const session = sessions.login(credential.username, credential.password)
    t.equal(session.credential, credential)
    t.equal(session.expiresAtMs, startMs + 3_600_000)
    t.equal(sessions.verify(session.token), credential)
  }
})

t.test('a session fits the column unchanged products keep it in', async (t) => {
  const { token } = sessionsOf().login('H47', 'mat-khau-thu')
  t.match(token, /^[\w-]{58}$/)
})

t.test('two logins give two sessions, and both hold', async (t) => {
  const sessions = sessionsOf()
  const tokens = [sessions.login('H47', 'mat-khau-thu').token, sessions.login('H47', 'mat-khau-thu').token]
  t.not(tokens[0], tokens[1])
  for (const token of tokens) t.equal(sessions.verify(token), first)
})

t.test('an unknown name and a wrong password are refused alike', async (t) => {
  const wrong = [
    ['H48', 'mat-khau-thu'],
    ['H47', 'mat-khau-khac'],
    ['H47', ''],
    ['', ''],
    ['H47m', 'at-khau-thu'],
    ['h47', 'mat-khau-thu'],
  ] as const
  for (const [username, password] of wrong)
    t.throws(() => sessionsOf().login(username, password), { code: 'credential-refused', options: {} })
})

t.test('a session survives a restart and ends on time', async (t) => {
  const { token, expiresAtMs } = sessionsOf().login('H47', 'mat-khau-thu')
  t.equal(sessionsOf({}, expiresAtMs - 1).verify(token), first)
  t.throws(() => sessionsOf({}, expiresAtMs).verify(token), { code: 'session-expired' })
})

t.test('a session ends when its password changes or its credential goes', async (t) => {
  const { token } = sessionsOf().login('H47', 'mat-khau-thu')
  const changed = [{ ...first, password: 'moi' }, second]
  t.throws(() => sessionsOf({ credentials: changed }).verify(token), { code: 'session-expired' })
  t.throws(() => sessionsOf({ credentials: [second] }).verify(token), { code: 'session-expired' })
  t.equal(sessionsOf({ credentials: [second, first] }).verify(token), first, 'the order means nothing')
})

t.test('a session of another gateway, system or key is none', async (t) => {
  const { token } = sessionsOf().login('H47', 'mat-khau-thu')
  const keyring = createKeyring({ signing: generateSigningJwk(), partners: [] })
  for (const more of [{ gatewayId: 'x' }, { system: 'x' }, { keyring }])
    t.throws(() => sessionsOf(more).verify(token), { code: 'session-expired' })
})

t.test('no bit of a session can be changed', async (t) => {
  const sessions = sessionsOf()
  const { token } = sessions.login('H47', 'mat-khau-thu')
  const bytes = Buffer.from(token, 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    t.throws(() => sessions.verify(changed.toString('base64url')), { code: 'session-expired' })
  }
  for (const other of ['', 'x', token.slice(1), `${token}A`, ` ${token.slice(1)}`, `${token}=`, token.repeat(1000)])
    t.throws(() => sessions.verify(other), { code: 'session-expired' })
})
