import t from 'tap'
import { isInnocent } from '../../bench/crash/oracle.ts'
import { type RunOptions, run } from '../../bench/crash/run.ts'

const options: RunOptions = {
  kills: 4,
  seconds: 8,
  pauses: 0,
  senders: 4,
  pauseMs: 10,
  faultRate: 0.15,
  seed: 20261121,
  progress: 'resend',
  patienceMs: 15_000,
  say: () => {},
}

t.test('killed a few times under load, the gateway keeps every promise', async (t) => {
  const { verdict, trouble } = await run(options)
  t.ok(verdict.accepted > 20)
  t.ok(isInnocent(verdict), JSON.stringify({ verdict, trouble: trouble.slice(0, 10) }))
})

t.test('at a portal that counts repeats, what may have arrived is held and never sent twice', async (t) => {
  const { verdict } = await run({ ...options, kills: 3, seconds: 6, progress: 'hold' })
  t.ok(isInnocent(verdict), JSON.stringify(verdict))
})

t.test('without a defence the oracle turns red', async (t) => {
  const repeats = await run({ ...options, kills: 1, seconds: 4, without: 'repeats-recognised' })
  t.not(repeats.verdict.unexpected.length, 0)
  const receipts = await run({ ...options, kills: 6, seconds: 10, without: 'receipt-after-write' })
  t.not(receipts.verdict.lost.length, 0)
})
