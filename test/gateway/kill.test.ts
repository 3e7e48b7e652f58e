import t from 'tap'
import { differences } from '../../simulators/demo/comparison.ts'
import { untilAtRest } from '../../simulators/demo/rest.ts'
import type { Stage } from '../../simulators/demo/stage.ts'
import { send, startStage, story, unit } from './sample-stage.ts'

// "Not there" after an unanswered create is believed this soon; the stand-in has no replicas that lag behind.
const configuration = { systems: { 'national-portal': { settlingTime: '500ms' } } }
const stories = ['0001', '0002', '0003', '0004', '0005', '0006'].map((serial) =>
  story(`${unit}-261017-${serial}`, ['2', '4', '10']),
)
const codes = stories.map(({ code }) => code)

t.test('killed between accept and delivery, everything is delivered once after the restart', async (t) => {
  const stage = await startStage(t, { configuration })
  await pulled(stage)
  // Nothing gets further than the portal's door: what is accepted now waits.
  await stage.setFaults('national-portal', ['DongBoHoSoMC', 'login'].map(hanging))
  await Promise.all(stories.map((one) => send(stage, one)))
  t.same((await stage.portalState()).operations, [], 'the portal has taken nothing')
  t.equal(await stage.stopGateway('SIGKILL'), 'SIGKILL')

  await stage.setFaults('national-portal', [])
  await stage.startGateway()
  await untilAtRest(stage, codes)
  const { dossiers, operations } = await stage.portalState()
  const held = new Map(dossiers.map((dossier) => [dossier.code, dossier]))
  for (const one of stories) t.same(differences(one, held.get(one.code)), [])
  t.equal(operations.length, stories.length * 4, 'not one of them twice')
})

t.test('killed after the portal has acted and before it answered, nothing is created twice', async (t) => {
  const stage = await startStage(t, { configuration })
  await pulled(stage)
  const acting = { fault: 'effect-then-hang', service: 'DongBoHoSoMC', rate: 1 }
  await stage.setFaults('national-portal', [acting])
  await Promise.all(stories.map((one) => send(stage, one)))
  while ((await stage.portalState()).dossiers.length < stories.length) await new Promise(setImmediate)
  t.equal(await stage.stopGateway('SIGKILL'), 'SIGKILL')

  await stage.setFaults('national-portal', [])
  await stage.startGateway()
  const ledgers = await untilAtRest(stage, codes)
  const state = await stage.portalState()
  const held = new Map(state.dossiers.map((dossier) => [dossier.code, dossier]))
  for (const one of stories) t.same(differences(one, held.get(one.code)), [])
  const creates = state.operations.filter(({ isUpdating }) => isUpdating === false)
  t.equal(creates.length, stories.length, 'each was created once, and overwritten with the same')
  for (const { messages } of ledgers.values()) {
    t.match(messages[0]?.deliveries[0]?.attempts, [{ outcome: 'ambiguous' }, { outcome: 'delivered' }])
  }
})

t.test('asked to end, it finishes what is under way and keeps the rest', async (t) => {
  const stage = await startStage(t)
  await pulled(stage)
  await stage.setFaults('national-portal', [{ fault: 'slow-answer', service: 'DongBoHoSoMC', rate: 1, delayMs: 700 }])
  const [one] = stories
  if (!one) throw new Error('there is no first dossier')
  await send(stage, one)
  t.equal(await stage.stopGateway('SIGTERM'), 0)
  t.equal((await stage.portalState()).operations[0]?.service, 'DongBoHoSoMC')

  await stage.setFaults('national-portal', [])
  await stage.startGateway()
  const ledgers = await untilAtRest(stage, [one.code])
  const [first] = ledgers.get(one.code)?.messages ?? []
  t.match(first?.deliveries, [{ state: 'delivered', attempts: { length: 1, 0: { outcome: 'delivered' } } }])
  t.same(differences(one, (await stage.portalState()).dossiers[0]), [])
})

function hanging(service: string) {
  return { fault: 'hang', service, rate: 1 }
}

/** The catalogue's own calls are over, so that a fault strikes the dossiers alone. */
async function pulled(stage: Stage): Promise<void> {
  for (;;) {
    const { status, text } = await stage.read('/catalogue/procedures?code=2.001474')
    if (status === 200 && text.includes('sectorCode')) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
