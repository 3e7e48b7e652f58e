import { readFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { deliveryStates } from '../../gateway/bus/delivery-state.ts'
import { testFolder } from '../test-folder.ts'
import { anAction } from './model-actions.ts'
import { faults } from './model-faults.ts'
import { type Fault, play } from './model-play.ts'

/** Fixed, so that a failure is the code's; `MODEL_SEED` and `MODEL_RUNS` look further. */
const seed = Number(process.env.MODEL_SEED ?? 766)
const runs = Number(process.env.MODEL_RUNS ?? 250)

const actions = fc.array(anAction, { minLength: 10, maxLength: 60, size: 'max' })

/** Checks the property and answers its first counterexample and every transition that was seen. */
async function check(t: Test, options: { readonly fault?: Fault; readonly numRuns: number }) {
  const folder = testFolder(t)
  const seen = new Set<string>()
  let count = 0
  const property = fc.asyncProperty(actions, async (played) => {
    count += 1
    const { transitions } = await play(path.join(folder, `${count}.sqlite`), played, options.fault)
    for (const transition of transitions) seen.add(transition)
  })
  // A planted mistake has only to be found; a true one is worth the time to make it small.
  const result = await fc.check(property, { seed, numRuns: options.numRuns, endOnFailure: options.fault !== undefined })
  return { result, seen }
}

t.test('whatever happens, the store and the settlement do what the model says', async (t) => {
  const { result, seen } = await check(t, { numRuns: runs })
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? 'no difference was found')

  const page = readFileSync(new URL('../../docs/delivery.md', import.meta.url), 'utf8')
  const [, moves = ''] = page.split('\n## Moves\n')
  const table = moves.split('\n## ')[0] ?? ''
  const rows = [...table.matchAll(/^\| (\S+) \| ([^|]+) \| (\S+) \|/gm)].slice(1) // after the head
  const documented = rows.map(([, from, why, to]) => `${from} | ${why} | ${to}`)
  t.same(documented.toSorted(), [...seen].toSorted(), 'docs/delivery.md names every transition, and no other')
  for (const state of deliveryStates)
    t.ok(
      [...seen].some((row) => row.endsWith(` ${state}`)),
      `${state} was reached`,
    )
})

t.test('the property finds each mistake that is put in on purpose', async (t) => {
  for (const fault of faults) {
    const { result } = await check(t, { fault, numRuns: 200 })
    t.ok(result.failed, fault.name)
  }
})
