import t from 'tap'
import { nationalPortal } from '../../adapters/national-portal/national-portal.ts'
import type { InboundSettings } from '../../adapters/national-portal/settings.ts'
import { type ConfigSource, loadConfig } from '../../config.ts'
import { type PortalGateway, startPortalGateway } from './national-portal-gateway.ts'

const forward = '/XrdAdapter/RestService/forward'
const door = `${forward}/addtthcKhuyenMai`
const code = 'G22.99-261010-0000001'

const inbound: InboundSettings = {
  allowFrom: ['127.0.0.1'],
  receivingUnit: '000.00.04.H47',
  maxBodyBytes: 1_000_000,
  promotion: { enabled: true },
  submitted: { enabled: false },
}

const notice = {
  MaHoSo: code,
  MaTTHC: '2.000033',
  MaSoThue: '0100000001',
  TenThuongNhan: 'CÔNG TY THỬ NGHIỆM',
  NgayNopHoSo: '20261010090000',
  TenChuongTrinhKhuyenMai: 'Tuần lễ mẫu',
  TenTepDonDangKy: 'don.pdf',
  TepDonDangKy: Buffer.from('%PDF-thu').toString('base64'),
  TaiLieuNop: [{ TenTepDinhKem: 'the-le.pdf', Base64: Buffer.from('%PDF-the-le').toString('base64') }],
}

async function post(
  gateway: PortalGateway,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  const answer = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  })
  const text = await answer.text()
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    document: text.startsWith('{') ? JSON.parse(text) : {},
  }
}

t.test('a promotion notice is taken once, whatever address it is sent to', async (t) => {
  const gateway = await startPortalGateway(t, { settings: { inbound } })
  const first = await post(gateway, door, notice)
  t.match(first, { status: 200, document: { error_code: 0, message: 'Thành công' } })
  t.match(first.headers.get('content-type'), 'application/json')
  t.ok(first.headers.get('x-jws-signature'), 'a known sender’s answer is signed')
  for (const path of [
    door,
    ...['/VXPAdapter', '/web/guest/XrdAdapter', '/web/guest/VXPAdapter'].map(
      (way) => `${way}/RestService/forward/addtthcKhuyenMai`,
    ),
  ]) {
    t.match(await post(gateway, path, notice), { status: 200, document: { error_code: 1 } }, path)
  }
  const ledger = await gateway.store.dossier(code)
  t.equal(ledger?.messages.length, 1)
  t.match(ledger?.messages[0]?.message, {
    type: 'dossier.submitted.v1',
    source: 'national-portal',
    subject: code,
    body: {
      receivingUnit: { code: '000.00.04.H47' },
      filedThrough: 'national-portal',
      promotion: { programmeName: 'Tuần lễ mẫu', applicationFile: { name: 'don.pdf' } },
    },
  })
  t.match(ledger?.messages[0]?.deliveries, [{ system: 'one-window', route: 'portal-filed' }])
  const original = await gateway.store.original(ledger?.messages[0]?.message.id ?? '')
  t.equal(Buffer.from(original?.bytes ?? []).toString(), JSON.stringify(notice), 'the bytes as they came are kept')
  t.equal(original?.verifiedBy, 'address 127.0.0.1')
})

t.test('the same notice written otherwise is the same; the same code with other content is a conflict', async (t) => {
  const gateway = await startPortalGateway(t, { settings: { inbound } })
  await post(gateway, door, notice)
  t.match(await post(gateway, door, JSON.stringify({ ...notice, Fax: '', Email: null }, undefined, 2)), {
    document: { error_code: 1 },
  })
  const other = await post(gateway, door, { ...notice, TenThuongNhan: 'CÔNG TY KHÁC' })
  t.match(other, { status: 200, document: { error_code: -1, message: /MaHoSo/ } })
  t.match(await gateway.journal('refused'), [{ code: 'key-conflict', door: 'national-portal:filing' }])
  t.equal((await gateway.store.dossier(code))?.messages.length, 1)
})

const bad: readonly (readonly [what: string, body: unknown, status: number, message: RegExp, code: string])[] = [
  ['not JSON', '{"MaHoSo":', 400, /JSON/, 'request-unreadable'],
  ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 400, /JSON/, 'request-unreadable'],
  ['a key twice', `{"MaHoSo":"a","MaHoSo":"b"}`, 400, /lặp/, 'duplicate-key'],
  ['__proto__', `{"__proto__":{}}`, 400, /khóa/, 'forbidden-key'],
  ['too deep', `${'['.repeat(100)}${']'.repeat(100)}`, 400, /sâu/, 'request-too-deep'],
  ['a list', [notice], 200, /type/, 'contract-violated'],
  ['no tax code', { ...notice, MaSoThue: undefined }, 200, /MaSoThue: required/, 'contract-violated'],
  ['an empty trader', { ...notice, TenThuongNhan: '' }, 200, /TenThuongNhan/, 'contract-violated'],
  ['an unknown field', { ...notice, Thua: '1' }, 200, /Thua: additionalProperties/, 'contract-violated'],
  ['a number for text', { ...notice, MaSoThue: 100000001 }, 200, /MaSoThue: type/, 'contract-violated'],
  ['a date that does not exist', { ...notice, NgayNopHoSo: '20260230090000' }, 200, /NgayNopHoSo/, 'value-unmappable'],
  ['a file that is not base64', { ...notice, TepDonDangKy: '%PDF' }, 200, /TepDonDangKy: base64/, 'value-unmappable'],
  [
    'a paper that is not base64',
    { ...notice, TaiLieuNop: [{ Base64: 'YQ=' }] },
    200,
    /TaiLieuNop\[0\].Base64/,
    'value-unmappable',
  ],
  ['too large', { ...notice, NoiDungChiTiet: 'x'.repeat(1_000_000) }, 413, /dung lượng/, 'request-too-large'],
]

for (const [what, body, status, message, reason] of bad) {
  t.test(`${what}: refused in the portal's own form, nothing kept but one audit record`, async (t) => {
    const gateway = await startPortalGateway(t, { settings: { inbound } })
    t.match(await post(gateway, door, body), { status, document: { error_code: -1, message } })
    t.match(await gateway.journal('refused'), [{ code: reason, count: 1 }])
    t.equal((await gateway.journal('refused')).length, 1)
    t.same(await gateway.journal('accepted'), [])
    t.match(await post(gateway, door, notice), { document: { error_code: 0 } }, 'its valid twin is taken')
  })
}

t.test('only JSON is taken, and only by POST', async (t) => {
  const gateway = await startPortalGateway(t, { settings: { inbound } })
  t.match(await post(gateway, door, notice, { 'content-type': 'text/plain' }), {
    status: 415,
    document: { error_code: -1 },
  })
  t.match(await post(gateway, door, notice, { 'content-encoding': 'gzip' }), { status: 415 })
  t.equal((await fetch(`${gateway.url}${door}`)).status, 405)
})

t.test('a stranger is refused before the body counts, unsigned and always alike', async (t) => {
  const key = 'a-key-for-tests-only'
  const { allowFrom: _, ...rest } = inbound
  const gateway = await startPortalGateway(t, { settings: { inbound: { ...rest, apiKey: key } } })
  const answers = [
    await post(gateway, door, notice),
    await post(gateway, door, notice, { 'x-api-key': 'another-key-of-length' }),
    await post(gateway, door, 'not even JSON', { 'x-api-key': '' }),
  ]
  for (const answer of answers) {
    t.match(answer, { status: 401, text: answers[0]?.text ?? '' })
    t.equal(answer.headers.get('x-jws-signature'), null)
  }
  t.equal((await gateway.journal('refused')).length, 3)
  t.same(await gateway.journal('accepted'), [])
  t.match(await post(gateway, door, notice, { 'x-api-key': key }), { status: 200, document: { error_code: 0 } })
})

t.test('an address that is not on the list is refused', async (t) => {
  const gateway = await startPortalGateway(t, { settings: { inbound: { ...inbound, allowFrom: ['192.0.2.0/24'] } } })
  t.match(await post(gateway, door, notice), { status: 401, document: { error_code: -1 } })
})

t.test('without inbound settings there is no door', async (t) => {
  const gateway = await startPortalGateway(t)
  t.equal((await post(gateway, door, notice)).status, 404)
})

const item = {
  MaHoSo: 'G22.99-261010-0000002',
  MaTTHC: '1.004227',
  TenTTHC: 'Đăng ký biến động',
  ChuHoSo: 'NGUYEN VAN A',
  KenhThucHien: '2',
  NgayNopHoSo: '20261010090000',
}

t.test('the assumed door for dossiers filed at the portal is off by default', async (t) => {
  const gateway = await startPortalGateway(t, { settings: { inbound } })
  t.equal((await post(gateway, `${forward}/nhanhsdvcqg`, { data: [item] })).status, 404)
})

t.test('where it is on, dossiers shaped like DongBoHoSoMC are taken, all of a request or nothing', async (t) => {
  const gateway = await startPortalGateway(t, { settings: { inbound: { ...inbound, submitted: { enabled: true } } } })
  const path = `${forward}/nhanhsdvcqg`
  const second = { ...item, MaHoSo: 'G22.99-261010-0000003' }
  const wrong = await post(gateway, path, {
    service: 'nhanhsdvcqg',
    data: [item, { ...second, NgayNopHoSo: 'hôm qua' }],
  })
  t.match(wrong, { status: 200, document: { error_code: -1, message: /NgayNopHoSo/ } })
  t.equal(await gateway.store.dossier(item.MaHoSo), undefined)
  t.match(await post(gateway, path, { data: [item, second] }), { document: { error_code: 0 } })
  t.match(await post(gateway, path, { data: [item, second] }), { document: { error_code: 1 } })
  t.match(await post(gateway, path, { data: [{ ...item, ChuHoSo: 'TRAN THI B' }] }), { document: { error_code: -1 } })
  t.match((await gateway.store.dossier(item.MaHoSo))?.messages[0]?.message.body, {
    filedThrough: undefined,
    submittedAt: '2026-10-10T02:00:00.000Z',
    receivingUnit: { code: '000.00.04.H47' },
  })
  for (const [data, rule] of [
    [[], 'minItems'],
    ['x', 'type'],
    [Array(101).fill(item), 'maxItems'],
  ] as const) {
    t.match(await post(gateway, path, { data }), { document: { error_code: -1, message: new RegExp(rule) } })
  }
  t.match(await post(gateway, path, { data: [item], thua: 1 }), { document: { error_code: -1, message: /thua/ } })
})

t.test('what the portal pushes arrives', async (t) => {
  const gateway = await startPortalGateway(t, { settings: { inbound } })
  const answer = await gateway.portal.push({ url: `${gateway.url}${door}`, document: notice })
  t.equal(answer.status, 200)
  t.match(JSON.parse(answer.body), { error_code: 0 })
})

t.test('configuration insists that a door can tell who is calling', async (t) => {
  const load = (inboundSettings: unknown) => {
    const system = {
      url: 'http://127.0.0.1:1/XrdAdapter/RestService/forward',
      username: 'u',
      password: { env: 'PASSWORD' },
      madonvi: '000.00.00.H47',
      dstcode: 'd',
      dstcodeIn: 'header',
      loginPath: 'mapi/login',
      dataPath: 'mapi/g',
      catalogPath: 'mapi/g',
      ...(inboundSettings === undefined ? {} : { inbound: inboundSettings }),
    }
    const file = t.testdir({
      'gateway.json': JSON.stringify({
        gateway: { id: 'g', url: 'http://127.0.0.1:8700' },
        systems: { 'national-portal': system },
      }),
    })
    const source: ConfigSource = {
      path: `${file}/gateway.json`,
      env: { PASSWORD: 'demo-only', KEY: 'a-key-for-tests-only' },
      adapters: [nationalPortal],
    }
    return loadConfig(source).systems['national-portal']
  }
  t.match(load(undefined), {
    progressRepeat: 'hold',
    settlingTime: '2m',
    catalogue: { every: '6h', renewRecordsAfter: '7d', parallelCalls: 4 },
    inbound: undefined,
  })
  t.match(load({ receivingUnit: 'H47', apiKey: { env: 'KEY' } }), {
    inbound: { apiKey: 'a-key-for-tests-only', promotion: { enabled: true }, submitted: { enabled: false } },
  })
  t.match(load({ receivingUnit: 'H47', allowFrom: ['10.0.0.0/8'] }), { inbound: { allowFrom: ['10.0.0.0/8'] } })
  t.throws(() => load({ receivingUnit: 'H47' }), /inbound/)
})
