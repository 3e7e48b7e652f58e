import t from 'tap'
import { signAccessToken } from '../../gateway/envelopes/access-token.ts'
import { createKeyring, generateSigningJwk } from '../../gateway/envelopes/keyring.ts'
import { type Catalogue, demoCatalogue } from '../../simulators/national-portal/catalogue.ts'
import { gatewayId, type PortalGateway, readerJwk, startPortalGateway, until } from './national-portal-gateway.ts'

const calls = (gateway: PortalGateway, service: string) =>
  gateway.portal.state().calls.filter((call) => call.service === service).length

const onShelf = (gateway: PortalGateway, count: number) =>
  until(async () => {
    const items = await gateway.store.shelf('procedures')
    return items.length >= count ? items : undefined
  })

async function read(gateway: PortalGateway, path: string, jwk = readerJwk) {
  const key = createKeyring({ signing: jwk, partners: [] }).signingKey()
  const token = await signAccessToken(key, { audience: gatewayId, nowMs: Date.now() })
  const answer = await fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
  return { status: answer.status, headers: answer.headers, document: JSON.parse(await answer.text()) }
}

t.test('the portal’s lists and records come onto the shelves as they are', async (t) => {
  const gateway = await startPortalGateway(t, { portalOptions: { codes: 'mixed' } })
  const { procedures, agencies, sectors } = demoCatalogue()
  gateway.listen()
  const items = await onShelf(gateway, procedures.length)
  t.same(items.map(({ key, value }) => [key, value]).sort(), procedures.map((record) => [record.MaTTHC, record]).sort())
  t.equal((await gateway.store.shelf('agencies')).length, agencies.length)
  t.same(
    (await gateway.store.shelf('sectors')).find(({ key }) => key === 'G13-DD01')?.value,
    sectors.find(({ MALINHVUC }) => MALINHVUC === 'G13-DD01'),
  )
  t.same(gateway.failures, [])
})

t.test('the next pull reads what is new or renamed, and the rest only when it is old', async (t) => {
  const full = demoCatalogue()
  const rows = [...full.procedures.slice(0, 5)]
  const catalogue: Catalogue = { ...full, procedures: rows }
  const schedule = { every: '100ms', renewRecordsAfter: '7d', parallelCalls: 2 }
  const gateway = await startPortalGateway(t, { portalOptions: { catalogue }, settings: { catalogue: schedule } })
  gateway.listen()
  await onShelf(gateway, 5)
  await until(() => calls(gateway, 'LayDanhSachTTHC') >= 3)
  t.equal(calls(gateway, 'LayThuTuc'), 5)
  rows.push({ MaTTHC: '1.999999', TENTTHC: 'Thủ tục mới' })
  const items = await onShelf(gateway, 6)
  t.match(
    items.find(({ key }) => key === '1.999999')?.value,
    { MATTHC: '1.999999', TENTTHC: 'Thủ tục mới' },
    'listed but not described yet: known all the same',
  )
  t.equal(calls(gateway, 'LayThuTuc'), 6)
  rows[0] = { ...full.procedures[0], MaTTHC: rows[0]?.MaTTHC ?? '', TENTTHC: 'Tên mới' }
  await until(() => calls(gateway, 'LayThuTuc') >= 7)
})

t.test('a record the portal no longer gives, or refuses, does not take the place of the one we have', async (t) => {
  const full = demoCatalogue()
  const rows = full.procedures.slice(0, 2)
  const catalogue: Catalogue = { ...full, procedures: rows }
  const schedule = { every: '50ms', renewRecordsAfter: '1ms', parallelCalls: 1 }
  const gateway = await startPortalGateway(t, { portalOptions: { catalogue }, settings: { catalogue: schedule } })
  gateway.listen()
  await onShelf(gateway, 2)
  gateway.portal.addFaults({ fault: 'business-refusal', service: 'LayThuTuc', times: 4 })
  const before = calls(gateway, 'LayThuTuc')
  await until(() => calls(gateway, 'LayThuTuc') >= before + 6)
  const kept = (await gateway.store.shelf('procedures')).map(({ key, value }) => [key, value])
  t.same(kept.sort(), rows.map((record) => [record.MaTTHC, record]).sort())
  t.same(gateway.failures, [])
})

t.test('what is old is read again', async (t) => {
  const full = demoCatalogue()
  const catalogue: Catalogue = { ...full, procedures: full.procedures.slice(0, 3) }
  const schedule = { every: '50ms', renewRecordsAfter: '1ms', parallelCalls: 2 }
  const gateway = await startPortalGateway(t, { portalOptions: { catalogue }, settings: { catalogue: schedule } })
  gateway.listen()
  await until(() => calls(gateway, 'LayThuTuc') >= 9)
  t.same(gateway.failures, [])
})

t.test('a pull that breaks costs nothing that is there, is told, and is tried again', async (t) => {
  const schedule = { every: '50ms', renewRecordsAfter: '7d', parallelCalls: 4 }
  const gateway = await startPortalGateway(t, { settings: { catalogue: schedule } })
  gateway.portal.addFaults([
    { fault: '500', service: 'LayThuTuc', after: 10, times: 3 },
    { fault: 'html-200', service: 'LayDanhMucCoQuan' },
    { fault: 'empty', service: 'LayDanhSachTTHC', after: 1 },
  ])
  gateway.listen()
  const all = demoCatalogue().procedures.length
  await onShelf(gateway, all)
  await until(async () => (await gateway.store.shelf('agencies')).length > 0)
  await until(() => calls(gateway, 'LayDanhSachTTHC') >= 4)
  t.equal((await gateway.store.shelf('procedures')).length, all)
  t.ok(gateway.failures.length >= 2)
  t.match(gateway.failures[0], { code: 'partner-answer-unreadable' })
})

t.test('a portal that is down is not asked for every single record', async (t) => {
  const gateway = await startPortalGateway(t)
  gateway.portal.addFaults({ fault: '503', service: 'LayThuTuc', rate: 1 })
  gateway.listen()
  await until(() => gateway.failures.length > 0)
  t.ok(calls(gateway, 'LayThuTuc') <= 16)
  t.match(gateway.failures, [{ code: 'partner-busy' }])
})

t.test('a reader with a registered key searches the catalogue', async (t) => {
  const gateway = await startPortalGateway(t)
  gateway.listen()
  await onShelf(gateway, demoCatalogue().procedures.length)
  const one = await read(gateway, '/catalogue/procedures?code=1.004269')
  t.match(one, {
    status: 200,
    document: {
      procedures: [
        {
          code: '1.004269',
          name: 'Cung cấp dữ liệu đất đai',
          agency: 'G13',
          sectorCode: 'G13-DD01',
          sectorName: 'Đất đai',
          isConfigured: true,
          readAt: /^\d{4}-.*Z$/,
        },
      ],
    },
  })
  t.ok(one.headers.get('x-jws-signature'))
  const found = await read(gateway, `/catalogue/procedures?q=${encodeURIComponent('DAT  dai cung')}`)
  t.same(
    found.document.procedures.map(({ code }: { code: string }) => code),
    ['1.004269'],
    'accents and case do not matter',
  )
  const agency = await read(gateway, '/catalogue/procedures?agency=G15')
  t.ok(agency.document.procedures.length > 3)
  t.ok(agency.document.procedures.every((procedure: { agency: string }) => procedure.agency === 'G15'))
  const after = await read(gateway, '/catalogue/procedures?after=2.001610')
  t.ok(after.document.procedures.every(({ code }: { code: string }) => code > '2.001610'))
  t.equal((await read(gateway, '/catalogue/procedures?code=a&code=b')).status, 422)
  t.equal((await read(gateway, '/catalogue/procedures?thua=1')).status, 422)
})

t.test('coverage counts the published and the configured procedures of each agency', async (t) => {
  const gateway = await startPortalGateway(t)
  gateway.listen()
  const { procedures } = demoCatalogue()
  await onShelf(gateway, procedures.length)
  const { status, document } = await read(gateway, '/catalogue/coverage')
  t.equal(status, 200)
  t.equal(document.total.published, procedures.length)
  const land = document.agencies.find(({ agency }: { agency: string }) => agency === 'G13')
  t.match(land, { name: 'Bộ Tài nguyên và Môi trường' })
  t.equal(land.published, procedures.filter(({ MACOQUANCONGBO }) => MACOQUANCONGBO === 'G13').length)
  t.ok(land.configured >= 1 && land.configured < land.published)
  t.equal(land.share, Math.round((land.configured / land.published) * 10_000) / 10_000)
})

t.test('a long catalogue is read page by page, each procedure once', async (t) => {
  const gateway = await startPortalGateway(t)
  const updatedAtMs = Date.now()
  const codes = Array.from({ length: 250 }, (_, index) => `1.${String(index).padStart(6, '0')}`)
  await gateway.store.putShelf(
    'procedures',
    codes.map((key) => ({ key, value: { MATTHC: key, TENTTHC: 'Thủ tục mẫu' }, updatedAtMs })),
  )
  const seen: string[] = []
  for (let query = ''; ; ) {
    const { document } = await read(gateway, `/catalogue/procedures${query}`)
    seen.push(...document.procedures.map(({ code }: { code: string }) => code))
    if (document.next === undefined) break
    query = `?after=${document.next}`
  }
  t.same(seen, codes, 'and the shelves are read again after a restart')
})

t.test('the catalogue is closed to strangers', async (t) => {
  const gateway = await startPortalGateway(t)
  for (const path of ['/catalogue/procedures', '/catalogue/coverage']) {
    t.equal((await fetch(`${gateway.url}${path}`)).status, 401)
    t.equal((await read(gateway, path, generateSigningJwk())).status, 401)
    t.equal((await read(gateway, path)).status, 200)
  }
})
