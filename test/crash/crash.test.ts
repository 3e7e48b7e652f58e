import t from 'tap'
import { defences } from '../../bench/crash/defences.ts'
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
  patienceMs: 60_000,
  say: () => {},
}

t.test('killed a few times under load, the gateway keeps every promise', async (t) => {
  const { verdict, trouble } = await run(options)
  t.ok(verdict.accepted > 0)
  t.ok(isInnocent(verdict), JSON.stringify({ verdict, trouble: trouble.slice(0, 10) }))
})

t.test('at a portal that counts repeats, what may have arrived is held and never sent twice', async (t) => {
  const { verdict } = await run({ ...options, kills: 3, seconds: 6, progress: 'hold' })
  t.ok(isInnocent(verdict), JSON.stringify(verdict))
})

t.test('without a defence the oracle turns red', async (t) => {
  t.ok(await reddens('repeats-recognised', { kills: 1, seconds: 5 }))
  t.ok(await reddens('receipt-after-write', { kills: 6, seconds: 8 }))
})

/** How much a run gets done depends on the machine: what one short run had no chance to see, another seed shows. */
async function reddens(without: keyof typeof defences, size: Pick<RunOptions, 'kills' | 'seconds'>): Promise<boolean> {
  const shows = defences[without]?.shows ?? 'unexpected'
  for (let seed = 1; seed <= 8; seed++) {
    const { verdict } = await run({ ...options, ...size, seed, without })
    if (verdict[shows].length > 0) return true
  }
  return false
}
