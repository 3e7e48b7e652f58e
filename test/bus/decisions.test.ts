import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import t from 'tap'
import { canonicalJson } from '../../gateway/bus/canonical-json.ts'
import type { Clock } from '../../gateway/bus/clock.ts'
import { newMessageId } from '../../gateway/bus/message.ts'
import { isOwnerGone, processOwner } from '../../gateway/bus/owner.ts'
import { RefusalAudit } from '../../gateway/bus/refusals.ts'
import { isGivenUp, retryDelayMs } from '../../gateway/bus/retry.ts'
import { durationMs, patientRetry } from '../../gateway/bus/route.ts'
import type { Refusal } from '../../gateway/bus/store.ts'
import { overlapLength } from '../../gateway/store/sqlite-writer.ts'
import { silentTap } from './sample-bus.ts'

t.test('the schedule is walked step by step and its last step repeats', async (t) => {
  const delays = [1, 2, 6, 7, 99].map((attempts) => retryDelayMs(patientRetry, { attempts, random: 0.5 }))
  t.same(delays, [5_000, 30_000, 21_600_000, 21_600_000, 21_600_000])
})

t.test('jitter moves a delay by its share at most, to either side', async (t) => {
  t.equal(retryDelayMs(patientRetry, { attempts: 1, random: 0 }), 4_000)
  t.ok(retryDelayMs(patientRetry, { attempts: 1, random: 0.999999 }) <= 6_000)
})

t.test('a partner that asks for more time gets it', async (t) => {
  t.equal(retryDelayMs(patientRetry, { attempts: 1, random: 0.5, retryAfterMs: 90_000 }), 90_000)
  t.equal(retryDelayMs(patientRetry, { attempts: 4, random: 0.5, retryAfterMs: 1_000 }), 600_000)
})

t.test('a delivery is given up at the age its route names', async (t) => {
  t.notOk(isGivenUp(patientRetry, durationMs('14d') - 1))
  t.ok(isGivenUp(patientRetry, durationMs('14d')))
})

t.test('durations are numbers with a unit and nothing else', async (t) => {
  t.equal(durationMs('1.5h'), 5_400_000)
  for (const text of ['', '5', '5 s', '-1s', '1y', 's']) t.throws(() => durationMs(text), RangeError, text)
})

t.test('canonical JSON has one form for equal values', async (t) => {
  t.equal(canonicalJson({ b: [1, undefined], a: 'Đất đai', c: undefined }), '{"a":"Đất đai","b":[1,null]}')
  t.equal(canonicalJson({ '\u{1F600}': 1, '\uFB33': 2 }), '{"\u{1F600}":1,"\uFB33":2}', 'sorted by UTF-16 code units')
})

t.test('message ids are UUIDs of version 7 that sort by time', async (t) => {
  const ids = [1_000, 2_000, 1_764_000_000_000].map(newMessageId)
  for (const id of ids) t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.same([...ids].sort(), ids)
})

t.test('a run repeats as far as its beginning is the end of what was accepted', async (t) => {
  const cases: [string, string, number][] = [
    ['', 'ab', 0],
    ['a', 'a', 1],
    ['ab', 'a', 0],
    ['aba', 'aba', 3],
    ['xab', 'abc', 2],
    ['aa', 'aaa', 2],
  ]
  for (const [tail, run, expected] of cases) t.equal(overlapLength([...tail], [...run]), expected, `${tail} ${run}`)
})

t.test('an owner is gone when its process is, and never because of its number alone', async (t) => {
  t.notOk(isOwnerGone(processOwner()))
  const child = spawn(process.execPath, ['-e', ''])
  const [host, boot] = processOwner().split('/')
  await once(child, 'exit')
  t.ok(isOwnerGone(`${host}/${boot}/${child.pid}/123`))
  t.ok(isOwnerGone(`${host}/${boot}/${process.pid}/1`), 'the number was used again')
  t.ok(isOwnerGone(`${hostname()}/another-boot/${process.pid}/1`))
  t.notOk(isOwnerGone(`another-host/${boot}/1/1`), 'left to its lease')
})

t.test('refusals are audited one by one up to the limit, then as one counted record a minute', async (t) => {
  const written: Refusal[] = []
  const timers: (() => void)[] = []
  const clock: Clock = {
    now: () => 1_000,
    monotonic: () => 0,
    after(_, action) {
      timers.push(action)
      return () => {}
    },
  }
  const store = {
    refuse: async (refusal: Refusal) => {
      written.push(refusal)
    },
  }
  const audit = new RefusalAudit({ store, clock, tap: silentTap, limitPerMinute: 3 })
  const knock = (remote: string) =>
    audit.record({ door: 'd', remote, code: 'credential-refused', correlationId: 'c', body: new Uint8Array(1) })
  for (let index = 0; index < 100; index++) knock('10.0.0.1')
  knock('10.0.0.2')
  t.same(
    written.map(({ remote, count }) => [remote, count]),
    [
      ['10.0.0.1', 1],
      ['10.0.0.1', 1],
      ['10.0.0.1', 1],
      ['10.0.0.2', 1],
    ],
  )
  timers[0]?.()
  t.match(written.slice(4), [{ remote: '10.0.0.1', count: 97, bodyDigest: undefined }])
  knock('10.0.0.1')
  t.equal(written.length, 6, 'a new minute begins')

  written.length = 0
  for (let index = 0; index < 20; index++) {
    const code = index % 2 === 0 ? 'unit-not-allowed' : 'contract-violated'
    audit.record({ door: 'd', remote: '10.0.0.1', sender: 'one-window', code, correlationId: 'c' })
  }
  t.equal(written.length, 20, 'a known sender’s refusals are not limited with the strangers of its address')
  t.match(written[0], { sender: 'one-window', count: 1 })

  written.length = 0
  const person = 'NGUYEN VAN A 049090000001'
  audit.record({ door: 'd', remote: '10.9.9.9', claimedSender: person, code: 'credential-refused', correlationId: 'c' })
  t.match(written, [{ claimedSenderDigest: /^sha-256:[0-9a-f]{64}$/ }])
  t.notMatch(JSON.stringify(written), /NGUYEN/)

  written.length = 0
  for (let host = 0; host < 3_000; host++) knock(`10.1.${host >> 8}.${host & 255}`)
  t.ok(written.length <= 1_000, 'many addresses together buy no more than their ceiling')
  timers.at(-1)?.()
  t.equal(
    written.reduce((sum, { count }) => sum + count, 0),
    3_000,
    'and every request is counted',
  )
})
