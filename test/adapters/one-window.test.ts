import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLoginThrottle } from '../../adapters/one-window/login-throttle.ts'
import { oneWindow } from '../../adapters/one-window/one-window.ts'
import { loadConfig } from '../../config.ts'
import { digestOf } from '../../gateway/bus/canonical-json.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { jwsTypes, verifyJws } from '../../gateway/envelopes/jws.ts'
import { statuses } from '../../mappings/tables/statuses.ts'
import { demoDossiers } from '../../simulators/demo/dossiers.ts'
import {
  account,
  communeAccount,
  dataPath,
  dossierItem,
  loggedIn,
  loginPath,
  type OneWindowGateway,
  post,
  progressItem,
  sharePath,
  startOneWindowGateway,
} from './one-window-gateway.ts'

const code = (serial: number) => `000.00.01.H47-260105-${String(serial).padStart(4, '0')}`
const accepted = async (gateway: OneWindowGateway) => (await gateway.journal('accepted')).length

/** Waits until the dossier's deliveries are all in one of these states. */
async function settled(gateway: OneWindowGateway, subject: string, states: readonly string[]) {
  for (;;) {
    const deliveries = (await gateway.store.dossier(subject))?.messages.flatMap((view) => view.deliveries) ?? []
    if (deliveries.length > 0 && deliveries.every(({ state }) => states.includes(state))) return deliveries
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

t.test('an unchanged product logs in, sends, and is answered in the form it knows', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const login = await post(gateway, loginPath, { username: account.username, password: account.password })
  t.equal(login.status, 200)
  t.equal(login.document.error_code, 0)
  t.type(login.document.session, 'string')

  const product = await loggedIn(gateway)
  const sent = await product.dossiers([dossierItem(code(1))])
  t.equal(sent.status, 200)
  t.equal(sent.document.error_code, 0)
  t.match(sent.headers.get('content-type'), /^application\/json/)
  const progress = await product.progress([progressItem(code(1), '4')])
  t.match(progress.text, /thành công/)
  const outcome = await product.call({
    service: 'DongBoTrangThaiHoSo',
    type: '2',
    data: { MaHoSo: 'QG-1', TrangThai: '11', NgayXuLy: '20260106080000', NoiDung: 'Từ chối' },
  })
  t.equal(outcome.document.error_code, 0)
  t.same(
    (await gateway.journal('accepted')).map(({ type }) => type),
    ['dossier.received.v1', 'dossier.progressed.v1', 'dossier.outcome-reported.v1'],
  )
  t.same(gateway.failures, [])
})

t.test('every dossier and step of the demonstration is taken as it is', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const product = await loggedIn(gateway)
  const steps = demoDossiers().flatMap((dossier) => dossier.steps)
  for (const { service, isUpdating, item } of steps) {
    const answer = await product.call({ service, ...(isUpdating ? { isUpdating } : {}), data: [item] })
    t.equal(answer.document.error_code, 0, answer.text)
  }
})

t.test('both adapter names and the other ways of writing the request are accepted', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const { session } = await loggedIn(gateway)
  const request = {
    session,
    madonvi: 'H47.01',
    service: 'DongBoHoSoMC',
    isUpdating: 'True',
    data: [dossierItem(code(1))],
  }
  for (const path of [
    dataPath,
    dataPath.replace('Xrd', 'VXP'),
    `${dataPath}?dstcode=VN:GOV:000.00.00.G22:x&providerurl=https://a.b`,
  ]) {
    const answer = await post(gateway, path, request, { 'content-type': 'application/json; charset=utf-8' })
    t.equal(answer.document.error_code, 0, path)
  }
  t.equal(await accepted(gateway), 1)
})

t.test('answers to a known account are signed over their bytes, errors too', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const product = await loggedIn(gateway)
  for (const answer of [await product.dossiers([dossierItem(code(1))]), await product.call({ service: 'KhongCo' })]) {
    const { payload } = await verifyJws(answer.headers.get('x-jws-signature') ?? '', {
      keyOf: (kid) => gateway.keyring.ownKey(kid),
      typ: jwsTypes.answer,
      payload: new TextEncoder().encode(answer.text),
    })
    t.ok(payload)
  }
  const stranger = await post(gateway, dataPath, { session: 'x', madonvi: 'H47', service: 'TraCuuHoSo', mahoso: 'A' })
  t.equal(stranger.headers.get('x-jws-signature'), null)
})

t.test('a batch of five with one invalid: four accepted, one explained, and repeating it adds nothing', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const product = await loggedIn(gateway)
  const batch = [1, 2, 3, 4, 5].map((n) => dossierItem(code(n), n === 3 ? { NgayTiepNhan: '20260230090000' } : {}))
  const first = await product.dossiers(batch)
  t.equal(first.status, 200)
  t.equal(first.document.error_code, -1)
  t.match(first.document.message, /mục 3 \(000\.00\.01\.H47-260105-0003\): NgayTiepNhan: .*\(format\)/)
  t.notMatch(first.text, /thành công|đã tồn tại|phiên|session/i)
  t.equal(await accepted(gateway), 4)
  t.equal((await gateway.journal('refused')).length, 1)
  t.match((await gateway.journal('refused'))[0], {
    door: 'one-window:drop-in',
    code: 'contract-violated',
    sender: 'one-window',
    bodyDigest: /^sha-256:/,
    count: 1,
  })
  const again = await product.dossiers(batch)
  t.equal(again.text, first.text, 'the same bytes, the receipts among them')
  t.equal(await accepted(gateway), 4)
  for (const n of [1, 2, 4, 5]) await settled(gateway, code(n), ['delivered'])
})

t.test(
  'after an invalid step the dossier’s later ones wait for its repair; sent whole, the batch adds those',
  async (t) => {
    const arrived: unknown[] = []
    const gateway = await startOneWindowGateway(t, {
      deliver: async ({ body }) => void arrived.push(body),
    })
    const product = await loggedIn(gateway)
    const batch = (more: Readonly<Record<string, unknown>>) => [
      progressItem(code(1), '2'),
      progressItem(code(1), '4', more),
      progressItem(code(2), '3'),
      progressItem(code(1), '9'),
    ]
    const broken = batch({ ThoiDiemXuLy: '20260230090000' })
    for (const _ of [1, 2]) {
      const { document } = await product.progress(broken)
      t.equal(document.error_code, -1)
      t.match(document.message, /^2\/4 .*mục 2 \(.*0001\): ThoiDiemXuLy: .*; mục 4 \(.*0001\): Sau mục không hợp lệ/)
      t.equal(await accepted(gateway), 2)
    }
    await settled(gateway, code(2), ['delivered'])
    t.equal((await product.progress(batch({}))).document.error_code, 0)
    t.equal(await accepted(gateway), 4)
    await settled(gateway, code(1), ['delivered'])
    const steps = arrived.filter((body) => Reflect.get(Object(body), 'dossierCode') === code(1))
    t.same(
      steps.map((body) => statuses.codeOf(Reflect.get(Object(body), 'status'))),
      ['2', '4', '9'],
    )
  },
)

t.test('an item that is no object is named by its place and does not refuse the others', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const product = await loggedIn(gateway)
  const answer = await product.dossiers(['x', null, dossierItem(code(1))])
  t.match(answer.document.message, /mục 1: sai kiểu dữ liệu \(type\); mục 2: sai kiểu dữ liệu \(type\)/)
  t.equal(await accepted(gateway), 1)
  t.equal((await gateway.journal('refused')).length, 1)
})

t.test('status 4, 5, 4 arrive in order, in one call or in three, and repeating adds nothing', async (t) => {
  const arrived: unknown[] = []
  const gateway = await startOneWindowGateway(t, {
    deliver: async ({ body }) => void arrived.push(Reflect.get(Object(body), 'status')),
  })
  const product = await loggedIn(gateway)
  const run = [progressItem(code(1), '4'), progressItem(code(1), '5'), progressItem(code(1), '4')]
  for (const _ of [1, 2]) t.equal((await product.progress(run)).document.error_code, 0)
  t.equal(await accepted(gateway), 3)
  await settled(gateway, code(1), ['delivered'])
  t.same(arrived, ['processing', 'supplement-requested', 'processing'])

  for (const item of run.map((one) => ({ ...one, MaHoSo: code(2) }))) await product.progress([item])
  await settled(gateway, code(2), ['delivered'])
  t.same(arrived.slice(3), ['processing', 'supplement-requested', 'processing'])
})

t.test('an update with other content is new; the same dossier again is not', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const product = await loggedIn(gateway)
  await product.dossiers([dossierItem(code(1))])
  await product.dossiers([dossierItem(code(1))], { isUpdating: 'True' })
  t.equal(await accepted(gateway), 1)
  await product.dossiers([dossierItem(code(1), { TrangThaiHoSo: '9' })], { isUpdating: 'True' })
  await product.dossiers([dossierItem(code(1))], { isUpdating: 'True' })
  t.equal(await accepted(gateway), 3, 'going back to an earlier state is news')
})

t.test('the original kept beside a message is its own item, without the session', async (t) => {
  const seen: unknown[] = []
  const gateway = await startOneWindowGateway(t, {
    wrap: (store) => ({
      ...store,
      accept: (acceptances) => {
        seen.push(...acceptances.map(({ original }) => original))
        return store.accept(acceptances)
      },
    }),
  })
  const product = await loggedIn(gateway)
  await product.dossiers([dossierItem(code(1)), dossierItem(code(2))])
  const [original] = seen as { bytes: Uint8Array; verifiedBy: string }[]
  t.same(JSON.parse(new TextDecoder().decode(original?.bytes)), {
    madonvi: '000.00.01.H47',
    service: 'DongBoHoSoMC',
    isUpdating: 'False',
    data: [dossierItem(code(1))],
  })
  t.equal(original?.verifiedBy, 'credential:h47-demo')
})

t.test('TraCuuHoSo', async (t) => {
  await t.test('is empty for what we do not hold, and found from the moment we do', async (t) => {
    const gateway = await startOneWindowGateway(t)
    const product = await loggedIn(gateway)
    t.same((await product.lookUp(code(1))).document, { error_code: 0, message: 'Thành công', result: [] })
    await product.dossiers([dossierItem(code(1), { SoBienNhan: 'BN-77' })])
    await settled(gateway, code(1), ['delivered'])
    const [found] = (await product.lookUp(code(1))).document.result as Record<string, string>[]
    t.match(found, {
      MaHoSo: code(1),
      TrangThaiHoSo: '4',
      TrangThaiDongBo: 'DA_DONG_BO',
      LyDo: '',
      NgayDongBo: /^\d{14}$/,
    })
    t.same((await product.lookUp('BN-77')).document.result, [found], 'by its receipt number as well')
  })

  await t.test('tells of a later refusal, with the reason in Vietnamese', async (t) => {
    const gateway = await startOneWindowGateway(t, {
      deliver: async ({ body }) => {
        const isFirst = Reflect.get(Object(body), 'dossierCode') === code(1)
        throw isFirst
          ? new GatewayError('value-missing', { field: 'DinhDanhCHS', rule: 'required' })
          : new GatewayError('partner-refused')
      },
    })
    const product = await loggedIn(gateway)
    await product.dossiers([dossierItem(code(1)), dossierItem(code(2))])
    await settled(gateway, code(1), ['held'])
    await settled(gateway, code(2), ['dead'])
    t.match((await product.lookUp(code(1))).document.result, [
      {
        TrangThaiDongBo: 'TAM_GIU',
        LyDo: /^national-portal: Nơi nhận yêu cầu .*\[DinhDanhCHS: required\]/,
        NgayDongBo: '',
      },
    ])
    t.match((await product.lookUp(code(2))).document.result, [
      { TrangThaiDongBo: 'BI_TU_CHOI', LyDo: /Đối tác từ chối/ },
    ])
  })

  await t.test('shows an account nothing of agencies it may not speak for', async (t) => {
    const gateway = await startOneWindowGateway(t)
    const province = await loggedIn(gateway)
    await province.dossiers([dossierItem(code(1))])
    const commune = await loggedIn(gateway, communeAccount)
    t.same((await commune.lookUp(code(1), { madonvi: '000.10.01.H47' })).document.result, [])
    t.equal((await province.lookUp(code(1))).document.error_code, 0)
  })
})

t.test(
  'catalogue services answer from what the portal published, and say so when nothing was pulled yet',
  async (t) => {
    const gateway = await startOneWindowGateway(t)
    const product = await loggedIn(gateway)
    t.equal((await product.call({ service: 'LayDanhSachTTHC' }, sharePath)).document.error_code, -1)

    const other = await startOneWindowGateway(t, { folder: t.testdir({ other: {} }) })
    const item = (key: string, value: unknown) => ({ key, value, updatedAtMs: 1 })
    const record = {
      MaTTHC: '1.004269',
      TENTTHC: 'Cung cấp dữ liệu đất đai',
      LINHVUCTHUCHIEN: [{ MALINHVUC: 'G13-DD01' }],
    }
    await other.bus.putShelf('procedures', [item('1.004269', record)])
    await other.bus.putShelf('agencies', [
      item('000.00.01.H47', { MADONVI: '000.00.01.H47', TENDONVI: 'Sở', CAPDONVI: '2' }),
    ])
    await other.bus.putShelf('sectors', [
      item('G13-DD01', { MALINHVUC: 'G13-DD01', TENLINHVUC: 'Đất đai', MANGANH: 'G13' }),
    ])
    const client = await loggedIn(other)
    const ask = async (fields: Record<string, unknown>) => (await client.call(fields, sharePath)).document.result
    t.same(await ask({ service: 'LayDanhSachTTHC' }), [{ MATTHC: '1.004269', TENTTHC: 'Cung cấp dữ liệu đất đai' }])
    t.same(await ask({ service: 'LayThuTuc', maTTHC: '1.004269' }), [record])
    t.same(await ask({ service: 'LayThuTuc', maTTHC: '1.004269.000.00.00.H47' }), [record], 'by the local code too')
    t.same(await ask({ service: 'LayThuTuc', maTTHC: '9.999999' }), [])
    t.same(await ask({ service: 'LayDanhMucCoQuan' }), [{ MADONVI: '000.00.01.H47', TENDONVI: 'Sở', CAPDONVI: '2' }])
    t.same(await ask({ service: 'LayDanhMucLinhVuc' }), [
      { MALINHVUC: 'G13-DD01', TENLINHVUC: 'Đất đai', MANGANH: 'G13' },
    ])
  },
)

t.test('a session outlives a restart, and ends at its time', async (t) => {
  const folder = t.testdir()
  const first = await startOneWindowGateway(t, { folder })
  const { session } = await loggedIn(first)
  await first.stop()
  const second = await startOneWindowGateway(t, { folder, sessionTtl: '1ms' })
  const request = { session, madonvi: 'H47.01', service: 'TraCuuHoSo', mahoso: code(1) }
  t.equal((await post(second, dataPath, request)).document.error_code, 0)
  const short = await loggedIn(second)
  await new Promise((resolve) => setTimeout(resolve, 10))
  const over = await short.lookUp(code(1))
  t.equal(over.document.error_code, -1)
  t.match(over.document.message, /[Pp]hiên/)
})

t.test('what is refused is refused in the door’s own form, leaves one audit record and nothing else', async (t) => {
  const gateway = await startOneWindowGateway(t, { maxBodyBytes: 20_000 })
  const product = await loggedIn(gateway)
  const { session } = product
  const whole = { session, madonvi: '000.00.01.H47', service: 'DongBoHoSoMC', isUpdating: 'False' }
  const dossier = dossierItem(code(9))
  const { MaTTHC: _, ...withoutProcedure } = dossier
  const text = (data: string) =>
    `{"session":"${session}","madonvi":"000.00.01.H47","service":"DongBoHoSoMC","isUpdating":"False","data":[${data}]}`
  const good = JSON.stringify(dossier)
  const bad: readonly (readonly [name: string, body: unknown, status: number, auditCode: string, message: RegExp])[] = [
    ['not JSON', '{"session":', 400, 'request-unreadable', /JSON/],
    ['empty', '', 400, 'request-unreadable', /JSON/],
    ['an array', [1], 200, 'contract-violated', /Dữ liệu/],
    [
      'wrong type',
      { ...whole, data: [{ ...dossier, TrangThaiHoSo: 4 }] },
      200,
      'contract-violated',
      /TrangThaiHoSo.*type/,
    ],
    [
      'unknown field',
      { ...whole, data: [{ ...dossier, Thua: '1' }] },
      200,
      'contract-violated',
      /Thua.*additionalProperties/,
    ],
    [
      'unknown field around',
      { ...whole, data: [dossier], thua: 1 },
      200,
      'contract-violated',
      /thua.*additionalProperties/,
    ],
    ['missing field', { ...whole, data: [withoutProcedure] }, 200, 'contract-violated', /MaTTHC.*required/],
    ['no unit', { session, service: 'DongBoHoSoMC', data: [dossier] }, 200, 'contract-violated', /madonvi.*required/],
    [
      'isUpdating as a boolean',
      { ...whole, isUpdating: false, data: [dossier] },
      200,
      'contract-violated',
      /isUpdating/,
    ],
    [
      'unknown status',
      { ...whole, data: [{ ...dossier, TrangThaiHoSo: '11' }] },
      200,
      'contract-violated',
      /TrangThaiHoSo.*enum/,
    ],
    [
      'no such date',
      { ...whole, data: [{ ...dossier, NgayHenTra: '20260231000000' }] },
      200,
      'contract-violated',
      /NgayHenTra/,
    ],
    ['no data', { ...whole, data: [] }, 200, 'contract-violated', /data.*minItems/],
    [
      'a unit of another province',
      { ...whole, madonvi: '000.00.00.H22', data: [dossier] },
      200,
      'unit-not-allowed',
      /madonvi/,
    ],
    ['unknown service', { ...whole, service: 'XoaHoSo' }, 200, 'service-unknown', /service/],
    ['no session', { ...whole, session: undefined, data: [dossier] }, 200, 'credential-missing', /xác thực/],
    [
      'wrong session',
      { ...whole, session: `${session.slice(0, -2)}AA`, data: [dossier] },
      200,
      'session-expired',
      /[Pp]hiên/,
    ],
    ['too deep', text(`${'['.repeat(40)}${']'.repeat(40)}`), 400, 'request-too-deep', /sâu/],
    ['a key twice', text(good.replace('"MaHoSo"', '"MaHoSo":"X","\\u004daHoSo"')), 400, 'duplicate-key', /lặp/],
    ['__proto__', text(good.replace('{', '{"__proto__":{"a":1},')), 400, 'forbidden-key', /không được phép/],
    [
      'invalid UTF-8',
      Buffer.from(text(good).replace('NGUYEN', '\u00ff\u00fe'), 'latin1'),
      400,
      'request-unreadable',
      /UTF-8/,
    ],
    ['too large', text(good.replace('NGUYEN VAN A', 'A'.repeat(30_000))), 413, 'request-too-large', /20000/],
  ]
  let count = 0
  for (const [name, body, status, auditCode, message] of bad) {
    const answer = await post(gateway, dataPath, body)
    count += 1
    t.equal(answer.status, status, name)
    t.equal(answer.document.error_code, -1, name)
    t.match(answer.document.message, message, name)
    t.notMatch(answer.text, /thành công|đã tồn tại|node_modules|Error:|\.ts\b/, name)
    t.match(answer.headers.get('content-type'), /^application\/json/, name)
    const refusals = await gateway.journal('refused')
    t.equal(refusals.length, count, `${name}: one audit record`)
    t.equal(refusals.at(-1)?.code, auditCode, name)
  }
  t.equal(await accepted(gateway), 0)
  const twin = await post(gateway, dataPath, text(good))
  t.equal(twin.document.error_code, 0, 'the valid twin is taken')
  t.equal(await accepted(gateway), 1)
  t.equal((await gateway.journal('refused')).length, count)
})

t.test('what may be sent is bounded before it is known who speaks', async (t) => {
  const gateway = await startOneWindowGateway(t, { maxBatchBytes: 70_000 })
  const { session } = await loggedIn(gateway)
  const { username, password } = account
  const large = await post(gateway, loginPath, { username, password, x: 'x'.repeat(4_096) })
  t.match(large, { status: 413, document: { error_code: -1, message: /4096/ } })
  const batch = { session, madonvi: '000.00.01.H47', service: 'DongBoHoSoMC', isUpdating: 'False' }
  const long = await post(gateway, dataPath, {
    ...batch,
    data: [dossierItem(code(1), { TenTTHC: 'x'.repeat(70_000) })],
  })
  t.match(long, { status: 413, document: { error_code: -1, message: /70000/ } })
  const many = await post(gateway, dataPath, `{"session":"${session}","data":[${'1,'.repeat(30_000)}1]}`)
  t.match(many, { status: 200 }, '60,000 bytes of 30,000 values are read')
  const wide = await startOneWindowGateway(t, { folder: t.testdir({ wide: {} }) })
  const wider = await post(wide, dataPath, `{"session":"x","data":[${'1,'.repeat(60_000)}1]}`)
  t.match(wider, { status: 413, document: { error_code: -1, message: /quá nhiều giá trị/ } })
})

t.test('other media types are refused before they are read', async (t) => {
  const gateway = await startOneWindowGateway(t)
  for (const type of ['text/plain', 'application/xml', 'application/jsonx']) {
    const answer = await post(gateway, dataPath, '{}', { 'content-type': type })
    t.equal(answer.status, 415)
    t.equal(answer.document.error_code, -1)
  }
  t.equal((await gateway.journal('refused')).length, 3)
})

t.test(
  'a wrong name and a wrong password are answered with the same bytes, and audited with the claimed name',
  async (t) => {
    const gateway = await startOneWindowGateway(t)
    const unknown = await post(gateway, loginPath, { username: 'nobody', password: account.password })
    const wrong = await post(gateway, loginPath, { username: account.username, password: 'wrong' })
    t.equal(unknown.text, wrong.text)
    t.equal(unknown.status, 200)
    t.equal(wrong.document.error_code, -1)
    t.notOk('session' in wrong.document)
    t.match(await gateway.journal('refused'), [
      { code: 'credential-refused', claimedSenderDigest: digestOf('nobody') },
      { code: 'credential-refused', claimedSenderDigest: digestOf(account.username) },
    ])
    t.equal((await post(gateway, loginPath, { username: account.username })).document.error_code, -1)
  },
)

t.test('who guesses passwords is told to wait, and locks nobody else out', async (t) => {
  const start = Date.now()
  const time = { now: start }
  const gateway = await startOneWindowGateway(t, { clock: { ...systemClock, now: () => time.now } })
  const { username, password } = account
  const guess = (name: string, word: string) => post(gateway, loginPath, { username: name, password: word })
  for (let failure = 0; failure < 10; failure += 1) t.equal((await guess(username, 'sai')).status, 200)
  time.now = start + 20_000
  const throttled = await guess(username, password)
  t.match(throttled, { status: 429, document: { error_code: -1, message: /Quá nhiều yêu cầu/ } })
  t.equal(throttled.headers.get('retry-after'), '40')
  t.notOk('session' in throttled.document, 'the right one too: a guesser learns nothing')
  t.equal((await guess(communeAccount.username, communeAccount.password)).document.error_code, 0, 'another account')
  const elsewhere = createLoginThrottle({ ...systemClock, now: () => time.now })
  for (let failure = 0; failure < 10; failure += 1) elsewhere.failed({ username, source: '192.0.2.1' })
  t.throws(() => elsewhere.check({ username, source: '192.0.2.1' }), { code: 'too-many-requests' })
  t.doesNotThrow(() => elsewhere.check({ username, source: '192.0.2.2' }), 'another source')
  time.now = start + 60_000
  t.equal((await guess(username, password)).document.error_code, 0, 'the minute is over')
})

t.test('its errors are Vietnamese alone, say a thing once, and come in its form for a wrong method too', async (t) => {
  const gateway = await startOneWindowGateway(t, { maxBatchBytes: 70_000 })
  const { session } = await loggedIn(gateway)
  const said = async (body: unknown) => (await post(gateway, dataPath, body)).document.message
  const whole = { session, madonvi: '000.00.01.H47', service: 'TraCuuHoSo', mahoso: code(1) }
  t.equal(await said('x'.repeat(70_001)), 'Yêu cầu vượt quá dung lượng cho phép. Giới hạn: 70000 byte.')
  t.equal(await said('['.repeat(40)), 'Yêu cầu lồng nhau quá sâu. Giới hạn: 32 cấp.')
  t.equal(await said('{'), 'Yêu cầu không phải JSON UTF-8 hợp lệ.')
  t.equal(await said({ ...whole, madonvi: 'H22' }), 'Tài khoản không được phép gửi thay cho đơn vị này. (madonvi)')
  t.equal(await said({ ...whole, service: 'X' }), 'Dịch vụ không tồn tại. service: giá trị ngoài danh mục (enum).')
  t.equal(await said([1]), 'Dữ liệu không đúng quy định. sai kiểu dữ liệu (type).')
  t.equal(
    await said({ ...whole, x: 1 }),
    'Dữ liệu không đúng quy định. x: trường không có trong quy định (additionalProperties).',
  )
  const got = await fetch(`${gateway.url}${dataPath}`)
  t.equal(got.status, 405)
  t.equal(got.headers.get('allow'), 'POST')
  t.same(await got.json(), { error_code: -1, message: 'Phương thức không được hỗ trợ.' })
  t.match((await gateway.journal('refused')).at(-1), { door: 'one-window:drop-in', code: 'method-not-allowed' })
})

t.test('the agencies of an account are known by all their codes, and no others', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const commune = await loggedIn(gateway, communeAccount)
  for (const madonvi of ['H47.101', '000.10.01.H47']) {
    t.equal((await commune.dossiers([dossierItem(code(1))], { madonvi })).document.error_code, 0, madonvi)
  }
  for (const madonvi of ['H47', '000.00.00.H47', 'H47.102', '000.10.02.H47', '', 'h47.101']) {
    t.equal((await commune.dossiers([dossierItem(code(2))], { madonvi })).document.error_code, -1, madonvi)
  }
  t.equal(await accepted(gateway), 2)
})

t.test('a store that cannot be written answers 503 in the door’s form, promises nothing, and recovers', async (t) => {
  const fault = { isFull: true }
  const gateway = await startOneWindowGateway(t, {
    wrap: (store) => ({
      ...store,
      accept: (acceptances) =>
        fault.isFull ? Promise.reject(new GatewayError('store-unavailable')) : store.accept(acceptances),
    }),
  })
  const product = await loggedIn(gateway)
  const batch = [dossierItem(code(1)), dossierItem(code(2), { NgayTiepNhan: 'x' })]
  const answer = await product.dossiers(batch)
  t.equal(answer.status, 503)
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  t.match(answer.document, { error_code: -1, message: /gửi lại sau/ })
  fault.isFull = false
  await product.dossiers(batch)
  t.equal(await accepted(gateway), 1)
})

t.test('with the drop-in door switched off its paths do not exist', async (t) => {
  const gateway = await startOneWindowGateway(t, { hasNoDropIn: true })
  t.equal((await post(gateway, loginPath, { username: account.username, password: account.password })).status, 404)
})

t.test('its settings are read from configuration: secrets from outside, the rest with its defaults', async (t) => {
  const credentials = [{ username: 'x', password: { env: 'ONE_WINDOW_PASSWORD' }, speaksFor: ['H47'] }]
  const path = join(t.testdir(), 'gateway.json')
  const load = (dropIn: unknown) => {
    const gateway = { id: 'lien-thong-test', url: 'https://gateway.example.vn' }
    writeFileSync(path, JSON.stringify({ gateway, systems: { 'one-window': { enabled: true, dropIn } } }))
    return loadConfig({ path, env: { ONE_WINDOW_PASSWORD: 'mat-khau-thu' }, adapters: [oneWindow] })
  }
  t.match(load({ enabled: true, credentials }).systems['one-window']?.dropIn, {
    loginPath: 'mapi/login',
    dataPath: 'mapi/g',
    catalogPath: 'mapi/g',
    sessionTtl: '24h',
    credentials: [{ password: 'mat-khau-thu' }],
  })
  t.throws(() => load({ credentials: [{ ...credentials[0], password: 'mat-khau-thu' }] }), /password/)
  t.throws(() => load({ loginPath: '/mapi/../login' }), /loginPath/)
  const twin = { ...credentials[0], speaksFor: ['H47.101'] }
  t.throws(
    () => load({ credentials: [...credentials, twin] }),
    /\$\.systems\['one-window'\]\.dropIn\.credentials\[1\]\.username: is the username of another one/,
  )
  t.throws(() => load({ sessionTtl: 'soon' }), /sessionTtl/)
})
