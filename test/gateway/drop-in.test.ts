import t from 'tap'
import { differences, progressDifferences } from '../../simulators/demo/comparison.ts'
import { dossierSync } from '../../simulators/demo/flows/dossier-sync.ts'
import { untilAtRest } from '../../simulators/demo/rest.ts'
import { progress, record, send, startStage, story, unit } from './sample-stage.ts'

t.test('of a batch of five with one invalid, four are delivered and one is explained', async (t) => {
  const stage = await startStage(t)
  const codes = [1, 2, 3, 4, 5].map((serial) => `${unit}-261015-000${serial}`)
  const items = codes.map((code, index) => record(code, index === 2 ? { NgayTiepNhan: '20260230083000' } : {}))
  const batch = { service: 'DongBoHoSoMC', isUpdating: 'False', data: items } as const
  const answer = await stage.product(unit).sendBatch(batch)
  t.match(answer, { status: 200, document: { error_code: -1, message: /^1\/5 / } })
  t.match(answer.text, 'mục 3')
  t.match(answer.text, codes[2])
  t.match(answer.text, 'NgayTiepNhan')

  const again = await stage.product(unit).sendBatch(batch)
  t.equal(again.document?.message, answer.document?.message, 'the same answer to the same batch')
  const ledgers = await untilAtRest(stage, codes)
  t.same([...ledgers.keys()], codes.toSpliced(2, 1))
  for (const { messages } of ledgers.values())
    t.match(messages, { length: 1, 0: { deliveries: [{ state: 'delivered' }] } })
  const held = new Map((await stage.portalState()).dossiers.map((dossier) => [dossier.code, dossier]))
  t.same([...held.keys()].sort(), codes.toSpliced(2, 1))
  for (const [index, code] of codes.entries()) {
    const sent = { code, steps: [{ service: 'DongBoHoSoMC' as const, item: items[index] ?? {} }] }
    if (index !== 2) t.same(differences(sent, held.get(code)), [])
  }
})

t.test('a status that comes back arrives again: 4, 5, 4, in order', async (t) => {
  const stage = await startStage(t)
  const code = `${unit}-261016-0001`
  const sent = story(code, ['4', '5', '4'])
  await send(stage, sent)
  await untilAtRest(stage, [code])
  const [held] = (await stage.portalState()).dossiers
  t.same(
    held?.progress.map(({ TrangThai }) => TrangThai),
    ['4', '5', '4'],
  )
  t.same(differences(sent, held), [])

  // The same three in one request: a run whose steps are all held adds nothing, and one more step adds just itself.
  const data = sent.steps.slice(1).map(({ item }) => item)
  const more = progress(code, { status: '10', place: 3 })
  for (const batch of [data, [...data, more]]) {
    const answer = await stage.product(unit).sendBatch({ service: 'CapNhatTienDoHoSoMC', data: batch })
    t.match(answer.document, { error_code: 0 })
  }
  await untilAtRest(stage, [code])
  const [after] = (await stage.portalState()).dossiers
  const longer = { code, steps: [...sent.steps, { service: 'CapNhatTienDoHoSoMC' as const, item: more }] }
  t.same(progressDifferences(longer, after), [])
})

t.test('what did not arrive is named by the flow that looks for it', async (t) => {
  const stage = await startStage(t)
  const check = await dossierSync.play(stage)
  const { messages, differences } = await check(stage)
  t.ok(messages > 0)
  t.match(differences[0], /: the portal does not hold it$/)
})
