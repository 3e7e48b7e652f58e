import t from 'tap'
import { loadContracts } from '../../contracts/loader.ts'
import { loadTables } from '../../mappings/tables.ts'
import { differences, fieldDifferences } from '../../simulators/demo/comparison.ts'
import { type DemoDossier, demoDossiers, portalFiled } from '../../simulators/demo/dossiers.ts'
import { demoCatalogue } from '../../simulators/national-portal/catalogue.ts'
import { startPortal } from '../../simulators/national-portal/portal.ts'
import { createDropInClient } from '../../simulators/one-window/drop-in-client.ts'

const dossiers = demoDossiers()

t.test('the dossiers cover the areas, units, forms and endings the demonstration promises', async (t) => {
  t.ok(dossiers.length >= 14)
  const values = (of: (dossier: DemoDossier) => string) => new Set(dossiers.map(of))
  t.same(
    values(({ area }) => area),
    new Set(['land', 'social-affairs', 'civil-status', 'construction', 'business']),
  )
  t.same(
    values(({ form }) => form),
    new Set(['v1', 'v2']),
  )
  t.equal(values(({ ending }) => ending).size, 6)
  t.ok(values(({ code }) => code.split('-')[0] ?? '').size >= 6)
  t.equal(values(({ code }) => code).size, dossiers.length)
  const stories = dossiers.map(({ steps }) =>
    steps.filter(({ service }) => service === 'DongBoHoSoMC').map(({ item }) => item.TrangThaiHoSo),
  )
  t.ok(stories.some((story) => story.join().includes('4,5,4')))
  t.ok(stories.every((story) => story.length > 1))
  t.same(
    portalFiled().map(({ kind }) => kind),
    ['promotion', 'general'],
  )
})

t.test('sent straight to the portal every dossier is taken, and what it holds is what was sent', async (t) => {
  const portal = await startPortal()
  t.teardown(() => portal.close())
  const client = createDropInClient({
    baseUrl: portal.url,
    username: 'h47-demo',
    password: 'demo-only',
    madonvi: '000.00.00.H47',
  })
  for (const { code, steps } of dossiers) {
    for (const { service, isUpdating, item } of steps) {
      const answer = await client.sendBatch({ service, ...(isUpdating && { isUpdating }), data: [item] })
      t.match(answer, { status: 200, document: { error_code: 0 } }, `${code} ${service} ${answer.text}`)
    }
  }
  for (const { document, outcome } of portalFiled()) {
    // Nobody listens there; the portal knows a dossier that was filed with it all the same.
    await t.rejects(portal.push({ url: 'http://127.0.0.1:1/', document }))
    t.match(await client.call({ service: 'DongBoTrangThaiHoSo', type: '2', data: outcome }), {
      document: { error_code: 0 },
    })
  }
  const held = new Map(portal.state().dossiers.map((dossier) => [dossier.code, dossier]))
  for (const dossier of dossiers.filter(({ form }) => form === 'v2')) {
    t.same(differences(dossier, held.get(dossier.code)), [])
  }
  for (const dossier of dossiers.filter(({ form }) => form === 'v1')) {
    const found = differences(dossier, held.get(dossier.code))
    t.ok(found.length > 0 && found.every((text) => text.endsWith(': /NoiNopHoSo')), 'a gateway adds the constant')
  }
})

t.test('a comparison names what is missing, changed, added or out of order', async (t) => {
  const [dossier] = dossiers
  if (!dossier) throw new Error('there is no first dossier')
  const operation = { arrival: 1, atMs: 0, raw: '', dossierCode: dossier.code }
  const history = dossier.steps.map((step) => ({ ...operation, service: step.service, item: step.item }))
  const progress = dossier.steps.filter((step) => step.service === 'CapNhatTienDoHoSoMC').map(({ item }) => item)
  const held = { code: dossier.code, record: {}, history, progress }
  t.same(differences(dossier, held), [])
  t.match(differences(dossier, undefined), [/does not hold/])
  t.match(differences(dossier, { ...held, history: history.slice(2) }), [/version count: sent 4, held 3/])
  t.match(differences(dossier, { ...held, progress: progress.toReversed() }), Array(4).fill(/progress \d: .*TrangThai/))
  const repeated = [...history.slice(0, 1), ...history]
  t.same(differences(dossier, { ...held, history: repeated }), [], 'an overwrite with the same is no difference')
  t.match(differences(dossier, { ...held, progress: [...progress, ...progress.slice(-1)] }), [/sent 4, held 5/])
})

t.test('absent, empty and null are one, everything else is a difference', async (t) => {
  t.same(fieldDifferences({ a: '', b: null, c: [] }, {}), [])
  t.same(fieldDifferences({ a: { b: ['x', 'y'] } }, { a: { b: ['x', 'z', 'w'] } }), ['/a/b/1', '/a/b/2'])
  t.same(fieldDifferences({ a: '1' }, { a: 1 }), ['/a'])
})

t.test('what the demonstration sends satisfies the contracts of the doors it is sent to', async (t) => {
  const contracts = loadContracts()
  const obeys = (name: string, document: unknown) =>
    t.same(contracts.violations(`national-portal/${name}`, document), [], name)
  for (const { steps } of dossiers) for (const { service, item } of steps) obeys(`${service}.item`, item)
  for (const { kind, document, outcome } of portalFiled()) {
    obeys(kind === 'promotion' ? 'addtthcKhuyenMai' : 'submitted.item', document)
    obeys('DongBoTrangThaiHoSo', {
      session: 's',
      madonvi: 'H47',
      service: 'DongBoTrangThaiHoSo',
      type: '2',
      data: outcome,
    })
  }
})

t.test('its units and procedures are in the tables the gateway ships for the demonstration', async (t) => {
  const tables = loadTables()
  const atMs = Date.parse('2026-10-15T00:00:00Z')
  for (const { code, steps } of dossiers) {
    const unit = code.split('-')[0] ?? ''
    t.ok(tables.resolveAgency(unit, atMs), unit)
    t.ok(tables.speaksFor(['H47'], unit), unit)
    t.ok(tables.resolveProcedure(String(steps[0]?.item.MaTTHC), atMs), code)
  }
  for (const { MaTTHC } of demoCatalogue().procedures.slice(0, 16)) t.ok(tables.resolveProcedure(MaTTHC, atMs), MaTTHC)
})
