import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { request } from 'undici'
import { demoDossiers, type Item, portalFiled } from '../../simulators/demo/dossiers.ts'
import { type Portal, type PortalOptions, startPortal } from '../../simulators/national-portal/portal.ts'
import { createDropInClient } from '../../simulators/one-window/drop-in-client.ts'

const dstcode = 'VN:GOV:000.00.00.G22:vpcpdvcprovider'

interface Said {
  readonly status: number
  readonly text: string
  readonly error_code?: unknown
  readonly message?: string
  readonly result?: readonly Item[]
  readonly session?: string
}

/** A portal of the test's own, and a bare way of speaking to it. */
async function portalFor(test: { teardown(end: () => unknown): unknown }, options: PortalOptions = {}) {
  const portal = await startPortal(options)
  test.teardown(() => portal.close())
  const post = async (path: string, body: unknown, headers: Record<string, string> = { dstcode }): Promise<Said> => {
    const answer = await request(portal.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await answer.body.text()
    const isJson = String(answer.headers['content-type']).includes('json')
    return { ...(isJson ? JSON.parse(text) : {}), status: answer.statusCode, text }
  }
  const login = async () =>
    (await post('/XrdAdapter/RestService/forward/mapi/login', { username: 'h47-demo', password: 'demo-only' })).session
  const session = await login()
  const call = (fields: Item) =>
    post('/XrdAdapter/RestService/forward/mapi/g', { session, madonvi: '000.00.00.H47', ...fields })
  const sync = (isUpdating: string, ...data: readonly unknown[]) => call({ service: 'DongBoHoSoMC', isUpdating, data })
  const progress = (...data: readonly unknown[]) => call({ service: 'CapNhatTienDoHoSoMC', data })
  return { portal, post, login, call, sync, progress }
}

function stepsOf(index: number, service: string): readonly Item[] {
  return (demoDossiers()[index]?.steps ?? []).filter((step) => step.service === service).map(({ item }) => item)
}

const [land = {}, landAgain = {}] = stepsOf(0, 'DongBoHoSoMC')
const [landStep = {}] = stepsOf(0, 'CapNhatTienDoHoSoMC')
const [other = {}] = stepsOf(1, 'DongBoHoSoMC')

t.test('a login gives a session only for the right account', async (t) => {
  const { post, portal } = await portalFor(t)
  const path = '/VXPAdapter/RestService/forward/mapi/login'
  const right = await post(path, { username: 'h47-demo', password: 'demo-only' })
  t.equal(right.error_code, 0)
  t.type(right.session, 'string')
  const wrong = await post(path, { username: 'h47-demo', password: 'guess' })
  t.match(wrong, { status: 200, error_code: -1, session: undefined })
  t.equal(portal.state().logins, 3)
})

t.test('the destination code is wanted, in the header or in the query', async (t) => {
  const { post } = await portalFor(t)
  const path = '/XrdAdapter/RestService/forward/mapi/login'
  const account = { username: 'h47-demo', password: 'demo-only' }
  t.equal((await post(`${path}?dstcode=${dstcode}`, account, {})).error_code, 0)
  t.equal((await post(path, account, {})).status, 400)
  t.equal((await post(path, account, { dstcode: 'VN:GOV:somebody' })).status, 500)
})

t.test('unknown paths, methods and media types are turned away', async (t) => {
  const { post, portal } = await portalFor(t)
  t.equal((await post('/XrdAdapter/RestService/forward/other', {})).status, 404)
  t.equal((await post('/mapi/g', {})).status, 404)
  t.equal((await request(`${portal.url}/XrdAdapter/RestService/forward/mapi/g`)).statusCode, 405)
  const path = '/XrdAdapter/RestService/forward/mapi/g'
  t.equal((await post(path, '{}', { dstcode, 'content-type': 'text/plain' })).status, 415)
})

t.test('a created dossier is held whole and found by a look-up', async (t) => {
  const { portal, sync, call } = await portalFor(t)
  t.same((await call({ service: 'TraCuuHoSo', mahoso: land.MaHoSo })).result, [])
  t.equal((await sync('False', land)).error_code, 0)
  t.match(await call({ service: 'TraCuuHoSo', mahoso: land.MaHoSo }), {
    error_code: 0,
    result: [{ MaHoSo: land.MaHoSo }],
  })
  const [held] = portal.state().dossiers
  t.same(held?.record, land)
  t.match(JSON.parse(held?.history[0]?.raw ?? ''), { service: 'DongBoHoSoMC', data: [land] })
})

t.test('creating what exists and updating what does not are both refused', async (t) => {
  const { portal, sync } = await portalFor(t)
  t.match(await sync('True', land), { error_code: -1, message: /chưa được đồng bộ/ })
  await sync('False', land)
  t.match(await sync('False', landAgain), { error_code: -3, message: /đã tồn tại/ })
  t.same(portal.state().dossiers[0]?.record, land)
  t.equal((await sync('True', landAgain)).error_code, 0)
  t.same(portal.state().dossiers[0]?.record, landAgain)
  t.match(await sync('true', landAgain), { error_code: -1, message: /isUpdating/ })
})

t.test('a batch has one code, and what came before the bad item has taken effect', async (t) => {
  const { portal, sync } = await portalFor(t)
  const third = stepsOf(2, 'DongBoHoSoMC')[0]
  const answer = await sync('False', land, { ...other, TrangThaiHoSo: '11' }, third)
  t.match(answer, { error_code: -1, message: /TrangThaiHoSo/ })
  t.same(
    portal.state().dossiers.map(({ code }) => code),
    [land.MaHoSo],
  )
})

t.test('a dossier that breaks the format is refused by the name of its field', async (t) => {
  const { portal, sync } = await portalFor(t)
  const wrong: readonly (readonly [field: string, value: unknown])[] = [
    ['MaHoSo', 'no code'],
    ['MaTTHC', '9.999999'],
    ['TenTTHC', ''],
    ['KenhThucHien', '4'],
    ['KenhThucHien', 2],
    ['NgayTiepNhan', '20260230090000'],
    ['NgayTiepNhan', '20261005246000'],
    ['NgayTiepNhan', '2026-10-05'],
    ['TrichYeuHoSo', 'x'.repeat(1001)],
    ['TrangThaiHoSo', '0'],
    ['HinhThuc', '2'],
    ['DinhDanhCHS', []],
    ['DinhDanhCHS', [{ LoaiDinhDanh: '1', SoDinhDanh: '123456789' }]],
    ['DinhDanhCHS', [{ LoaiDinhDanh: '2', SoDinhDanh: '000000001' }]],
    ['DSKetNoiCSDL', undefined],
    ['NgayNopHoSo', ''],
    ['DanhSachLePhi', [{ TenPhiLePhi: 'x', MaPhiLePhi: '1', HinhThucThu: '1', Gia: '1.5', LoaiPhiLePhi: '1' }]],
    ['TaiLieuNop', [{ TenTepDinhKem: 'x.pdf', IsDeleted: 'False', DuongDanTaiTepTin: 'C:\\x.pdf' }]],
    ['TruongLa', 'x'],
  ]
  for (const [field, value] of wrong) {
    const answer = await sync('False', { ...land, [field]: value })
    const says = field === 'MaTTHC' ? /Mã TTHC/ : field.startsWith('DinhDanh') ? /DinhDanh/ : new RegExp(field)
    t.match(answer, { status: 200, error_code: -1, message: says }, `${field} = ${JSON.stringify(value)?.slice(0, 40)}`)
  }
  t.same(portal.state().dossiers, [])
  t.equal((await sync('False', land)).error_code, 0, 'the valid twin is taken')
})

t.test('the form from before QĐ 766 is taken, unless the portal has stopped taking it', async (t) => {
  const old = stepsOf(3, 'DongBoHoSoMC')[0]
  t.equal((await (await portalFor(t)).sync('False', old)).error_code, 0)
  t.equal((await (await portalFor(t, { requiresV2: true })).sync('False', old)).error_code, -1)
})

t.test('progress is taken in order, only for a dossier that is there, and a repeat is one more entry', async (t) => {
  const { portal, sync, progress } = await portalFor(t)
  t.match(await progress(landStep), { error_code: -1, message: /chưa được đồng bộ/ })
  await sync('False', land)
  t.equal((await progress(landStep)).error_code, 0)
  t.equal((await progress(landStep, { ...landStep, TrangThai: '4' })).error_code, 0)
  t.match(await progress({ ...landStep, NguoiXuLy: 'x'.repeat(51) }), { error_code: -1, message: /NguoiXuLy/ })
  t.same(
    portal.state().dossiers[0]?.progress.map(({ TrangThai }) => TrangThai),
    ['2', '2', '4'],
  )
})

t.test('progress answered in plain text says "thành công" in its refusals too', async (t) => {
  const { sync, progress } = await portalFor(t, { plainTextProgress: true })
  t.match(await progress(landStep), { status: 200, text: /^Cập nhật không thành công: / })
  await sync('False', land)
  t.match(await progress(landStep), { status: 200, text: 'Cập nhật thành công' })
})

t.test('error codes are written in every style of the field', async (t) => {
  const styles = {
    int: { success: 0, exists: -3 },
    string: { success: '0', exists: '-3' },
    'double-zero': { success: '00', exists: '3' },
  } as const
  for (const [codes, { success, exists }] of Object.entries(styles)) {
    // Object.entries widens the three keys to string.
    const { sync } = await portalFor(t, { codes: codes as keyof typeof styles })
    t.equal((await sync('False', land)).error_code, success)
    t.equal((await sync('False', land)).error_code, exists)
  }
  const { call } = await portalFor(t, { codes: 'mixed' })
  const seen = new Set()
  for (let n = 0; n < 3; n += 1) seen.add((await call({ service: 'LayDanhMucCoQuan' })).error_code)
  t.same(seen, new Set([0, '0', '00']))
})

t.test('a session ends by use, by age, by order and by a newer login', async (t) => {
  const expired = { status: 200, error_code: -1, message: /[Pp]hiên/ }
  const used = await portalFor(t, { sessionUses: 1 })
  t.equal((await used.call({ service: 'LayDanhMucCoQuan' })).error_code, 0)
  t.match(await used.call({ service: 'LayDanhMucCoQuan' }), expired)
  const aged = await portalFor(t, { sessionTtlMs: 0 })
  t.match(await aged.call({ service: 'LayDanhMucCoQuan' }), expired)
  const ordered = await portalFor(t)
  await request(`${ordered.portal.url}/_sim/expire-sessions`, { method: 'POST' })
  t.match(await ordered.sync('False', land), expired)
  t.same(ordered.portal.state().dossiers, [])
  const single = await portalFor(t, { singleSession: true })
  await single.login()
  t.match(await single.call({ service: 'LayDanhMucCoQuan' }), expired)
})

t.test('unknown services, units and unreadable bodies get an error code', async (t) => {
  const { call, post } = await portalFor(t)
  t.match(await call({ service: 'KhongCo' }), { error_code: -1, message: /Service/ })
  t.match(await call({ service: 'constructor' }), { error_code: -1, message: /Service/ })
  t.match(await call({ service: 'LayDanhMucCoQuan', madonvi: '000.00.00.H56' }), { error_code: -1, message: /đơn vị/ })
  t.match(await post('/XrdAdapter/RestService/forward/mapi/g', '{"service":'), { error_code: -1, message: /JSON/ })
})

t.test('the catalogue is published on its own path, in upper-case records', async (t) => {
  const { call, post, login } = await portalFor(t, { catalogPath: 'mapi/share' })
  t.match(await call({ service: 'LayDanhSachTTHC' }), { error_code: -1 }, 'not on the data path')
  const session = await login()
  const share = (service: string) =>
    post('/XrdAdapter/RestService/forward/mapi/share', { session, madonvi: 'H47', service })
  const all = (await share('LayDanhSachTTHC')).result ?? []
  t.ok(all.length >= 40)
  t.ok(all.every(({ MATTHC, TENTTHC }) => typeof MATTHC === 'string' && typeof TENTTHC === 'string'))
  t.match((await share('LayDanhMucCoQuan')).result?.[0], { MADONVI: String, TENDONVI: String, CAPDONVI: String })
  t.match((await share('LayDanhMucLinhVuc')).result?.[0], { MALINHVUC: String, TENLINHVUC: String, MANGANH: String })
  const record = (await call({ service: 'LayThuTuc', maTTHC: '1.004873.000.00.00.H47' })).result?.[0]
  t.match(record, {
    MaTTHC: '1.004873',
    LINHVUCTHUCHIEN: [{ MALINHVUC: 'G15-HT01' }],
    KETQUATHUCHIEN: [{ MAKETQUA: String }],
  })
  t.same((await call({ service: 'LayThuTuc', maTTHC: '9.9' })).result, [])
})

t.test('a new dossier may show in look-ups only later', async (t) => {
  const { sync, call } = await portalFor(t, { lookupLagMs: 3_600_000 })
  await sync('False', land)
  t.same((await call({ service: 'TraCuuHoSo', mahoso: land.MaHoSo })).result, [])
  t.match(await sync('False', land), { error_code: -3 })
})

t.test('the portal calls the province, and takes outcomes only for what was filed with it', async (t) => {
  const { portal, call } = await portalFor(t)
  const received: { headers: unknown; body: unknown }[] = []
  const province = createServer((incoming, outgoing) => {
    incoming.setEncoding('utf8')
    let body = ''
    incoming.on('data', (text) => {
      body += text
    })
    incoming.on('end', () => {
      received.push({ headers: incoming.headers, body: JSON.parse(body) })
      outgoing.end('{"error_code":0,"message":"OK"}')
    })
  })
  await new Promise<void>((resolve) => province.listen(0, '127.0.0.1', resolve))
  t.teardown(() => province.close())
  // A listening TCP server has an AddressInfo.
  const { port } = province.address() as AddressInfo
  const [promotion, general] = portalFiled()
  const pushed = await request(`${portal.url}/_sim/push`, {
    method: 'POST',
    body: JSON.stringify({
      url: `http://127.0.0.1:${port}/XrdAdapter/RestService/forward/addtthcKhuyenMai`,
      headers: { 'x-api-key': 'demo-only' },
      document: promotion?.document,
    }),
  })
  t.match(await pushed.body.json(), { status: 200, body: '{"error_code":0,"message":"OK"}' })
  t.match(received, [{ headers: { 'x-api-key': 'demo-only' }, body: promotion?.document }])

  const outcome = (MaHoSo: unknown, TrangThai: string) =>
    call({ service: 'DongBoTrangThaiHoSo', type: '2', data: { MaHoSo, TrangThai, NgayXuLy: '20261015090000' } })
  t.match(await outcome(general?.code, '9'), { error_code: -1, message: /Không tìm thấy/ })
  t.match(await outcome(promotion?.code, '3'), { error_code: -1, message: /TrangThai/ }, 'a refusal is 11')
  t.equal((await outcome(promotion?.code, '11')).error_code, 0)
  t.match(portal.state().filed, [{ code: promotion?.code, outcomes: [{ item: { TrangThai: '11' } }] }])
})

t.test('a push that reaches nobody says so', async (t) => {
  const { portal } = await portalFor(t)
  const push = async (order: unknown) => {
    const answer = await request(`${portal.url}/_sim/push`, { method: 'POST', body: JSON.stringify(order) })
    return { status: answer.statusCode, document: await answer.body.json() }
  }
  t.match(await push({ url: 'http://127.0.0.1:1/', document: {} }), {
    status: 500,
    document: { error: /ECONNREFUSED/ },
  })
  t.match(await push({ document: {} }), { status: 400 })
})

t.test('a reset forgets everything', async (t) => {
  const { portal, sync } = await portalFor(t)
  await sync('False', land)
  await request(`${portal.url}/_sim/reset`, { method: 'POST' })
  t.same(await (await request(`${portal.url}/_sim/state`)).body.json(), {
    dossiers: [],
    operations: [],
    filed: [],
    calls: [],
    logins: 0,
  })
})

t.test('both habits of one-window products work against the portal', async (t) => {
  const { portal }: { portal: Portal } = await portalFor(t, { codes: 'mixed', plainTextProgress: true })
  const client = createDropInClient({
    baseUrl: portal.url,
    username: 'h47-demo',
    password: 'demo-only',
    madonvi: '000.00.00.H47',
    dstcodeIn: 'query',
  })
  const entries = Array.from({ length: 12 }, () => landStep)
  t.equal((await client.sendLikeTd(land, entries)).length, 3, 'create, then ten and two entries')
  t.equal((await client.sendLikeTd(landAgain)).length, 2, 'create, "exists", update')
  t.equal((await client.sendLikeOpencps(land)).length, 2)
  portal.expireSessions()
  t.match((await client.sendLikeOpencps(landAgain)).at(-1)?.text, /hết hạn/, 'its session is never renewed')
  t.match(portal.state().dossiers, [{ record: land, progress: { length: 12 } }])
})
