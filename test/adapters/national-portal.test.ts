import t from 'tap'
import type { Attempt } from '../../gateway/bus/adapter.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { startPortal } from '../../simulators/national-portal/portal.ts'
import {
  dossier,
  outcomeOf,
  password,
  portalSettings,
  progress,
  resultOf,
  startPortalGateway,
  until,
} from './national-portal-gateway.ts'

const code = '000.00.01.H47-260105-0001'
const other = '000.00.01.H47-260105-0002'
const received = 'dossier.received.v1'
const progressed = 'dossier.progressed.v1'
const issued = 'result.issued.v1'
const reported = 'dossier.outcome-reported.v1'

t.test('a dossier is created the first time and updated ever after', async (t) => {
  const gateway = await startPortalGateway(t)
  await gateway.say([received, dossier(code)], [received, dossier(code, { status: 'processed' })])
  const deliveries = await gateway.settled(code)
  t.match(deliveries, [{ state: 'delivered' }, { state: 'delivered' }])
  t.match(deliveries[0]?.attempts, [
    { outcome: 'delivered', answerCode: '0', sentDigest: /^sha-256:/, answerDigest: /^sha-256:/ },
  ])
  const held = gateway.held(code)
  t.same(
    held?.history.map(({ isUpdating }) => isUpdating),
    [false, true],
  )
  t.match(held?.record, {
    MaHoSo: code,
    MaTTHC: '1.004227',
    TrangThaiHoSo: '9',
    ChuHoSo: 'Nguyễn Văn Thử',
    NgayTiepNhan: '20260105083000',
    DinhDanhCHS: [{ LoaiDinhDanh: '1', SoDinhDanh: '049090000001' }],
  })
  t.match(JSON.parse(held?.history[0]?.raw ?? ''), {
    madonvi: '000.00.00.H47',
    service: 'DongBoHoSoMC',
    isUpdating: 'False',
  })
})

for (const portalOptions of [
  { codes: 'string' },
  { codes: 'double-zero' },
  { codes: 'mixed', plainTextProgress: true },
] as const) {
  t.test(`every way of writing success is one: ${JSON.stringify(portalOptions)}`, async (t) => {
    const gateway = await startPortalGateway(t, { portalOptions })
    await gateway.say([received, dossier(code)], [progressed, progress(code)], [received, dossier(code)])
    t.match(await gateway.settled(code), [{ state: 'delivered' }, { state: 'delivered' }, { state: 'delivered' }])
    t.equal(gateway.held(code)?.progress.length, 1)
  })
}

t.test('progress follows its dossier in the order it was said, and a status may come back', async (t) => {
  const gateway = await startPortalGateway(t)
  const statuses = ['processing', 'supplement-requested', 'processing'] as const
  await gateway.say(
    [received, dossier(code)],
    ...statuses.map((status) => [progressed, progress(code, { status })] as const),
  )
  await gateway.settled(code)
  t.same(
    gateway.held(code)?.progress.map(({ TrangThai }) => TrangThai),
    ['4', '5', '4'],
  )
})

t.test('progress without its dossier is held and nothing is sent', async (t) => {
  const gateway = await startPortalGateway(t)
  await gateway.say([progressed, progress(code)])
  t.match(await gateway.settled(code), [{ state: 'held', reason: { code: 'dossier-not-there' } }])
  t.same(gateway.portal.state().calls, [])
})

t.test('progress of a dossier the portal has lost is held, and the dossier sent again is created again', async (t) => {
  const gateway = await startPortalGateway(t)
  await gateway.say([received, dossier(code)])
  await gateway.settled(code)
  gateway.portal.reset()
  await gateway.say([progressed, progress(code)])
  t.match((await gateway.settled(code))[1], { state: 'held', reason: { code: 'dossier-not-there' } })
})

t.test('an update of a dossier the portal does not have becomes a create in the same attempt', async (t) => {
  const gateway = await startPortalGateway(t)
  await gateway.say([received, dossier(code)])
  await gateway.settled(code)
  gateway.portal.reset()
  await gateway.say([received, dossier(code)])
  t.match((await gateway.settled(code))[1], { state: 'delivered', attempts: { length: 1 } })
  t.same(
    gateway.held(code)?.history.map(({ isUpdating }) => isUpdating),
    [false],
  )
})

t.test('a create of a dossier that somebody else created becomes an update in the same attempt', async (t) => {
  const portal = await startPortal({ codes: 'mixed' })
  t.teardown(() => portal.close())
  const first = await startPortalGateway(t, { portal })
  await first.say([received, dossier(code)])
  await first.settled(code)
  await t.test('told by a gateway that knows nothing of it', async (t) => {
    const second = await startPortalGateway(t, { portal })
    await second.say([received, dossier(code, { status: 'processed' })], [progressed, progress(code)])
    t.match(await second.settled(code), [{ state: 'delivered', attempts: { length: 1 } }, { state: 'delivered' }])
    t.same(
      second.held(code)?.history.map(({ isUpdating }) => isUpdating),
      [false, true, undefined],
    )
  })
})

t.test('what is learnt of a dossier is kept although the attempt fails', async (t) => {
  const portal = await startPortal()
  t.teardown(() => portal.close())
  const first = await startPortalGateway(t, { portal })
  await first.say([received, dossier(code)])
  await first.settled(code)
  await t.test('the update after "exists" is turned away once', async (t) => {
    const second = await startPortalGateway(t, { portal })
    portal.addFaults({ fault: '503', service: 'DongBoHoSoMC', after: 1 })
    await second.say([received, dossier(code)])
    t.match(await second.settled(code), [
      { state: 'delivered', attempts: [{ code: 'partner-busy' }, { outcome: 'delivered' }] },
    ])
    const texts = portal
      .state()
      .calls.slice(1)
      .map(({ text, fault }) => fault ?? JSON.parse(text).error_code)
    t.same(texts, [-3, '503', 0], 'the second attempt did not create again')
  })
})

t.test('a result is shown as the dossier last recorded with every result since', async (t) => {
  const gateway = await startPortalGateway(t)
  const late = { status: 'returned', issuedAt: '2026-01-17T02:00:00.000Z', returnedAt: '2026-01-18T02:00:00.000Z' }
  const paper = { name: 'Biên bản bàn giao', paperId: 'BB-0001', url: 'https://tep.example.vn/h47/bb-0001.pdf' }
  await gateway.say(
    [received, dossier(code, { summary: 'Lần đầu' })],
    [received, dossier(code, { summary: 'Lần sau' })],
    [progressed, progress(code)],
    [issued, resultOf(code)],
    [issued, resultOf(code, { ...late, results: [paper] })],
  )
  t.match(await gateway.settled(code), Array(5).fill({ state: 'delivered' }))
  const { record, history } = gateway.held(code) ?? {}
  t.match(record, { TrichYeuHoSo: 'Lần sau', TrangThaiHoSo: '10', NgayTra: '20260118090000' })
  t.match(
    record?.DanhSachGiayToKetQua,
    ['GCN-0001', 'PC-0001', 'BB-0001'].map((GiayToId) => ({ GiayToId })),
  )
  t.same(
    history?.map(({ isUpdating }) => isUpdating),
    [false, true, undefined, true, true],
  )
})

t.test('a result without its dossier is held', async (t) => {
  const gateway = await startPortalGateway(t)
  await gateway.say([issued, resultOf(code)])
  t.match(await gateway.settled(code), [{ state: 'held', reason: { code: 'dossier-not-there' } }])
})

t.test('the outcome of a dossier filed at the portal is told back to it, a refusal as 11', async (t) => {
  const gateway = await startPortalGateway(t)
  await gateway.portal.push({ url: `${gateway.url}/nowhere`, document: { MaHoSo: code } })
  await gateway.say([reported, outcomeOf(code, { status: 'refused' })])
  t.match(await gateway.settled(code), [{ state: 'delivered' }])
  const [filed] = gateway.portal.state().filed
  t.match(JSON.parse(filed?.outcomes[0]?.raw ?? ''), {
    type: '2',
    data: { MaHoSo: code, TrangThai: '11', NgayXuLy: '20260113110000', TaiLieuXuLy: [{ TepDinhKemId: null }] },
  })
})

t.test('an outcome of a dossier that was never filed there is held', async (t) => {
  const gateway = await startPortalGateway(t)
  await gateway.say([reported, outcomeOf(code)])
  t.match(await gateway.settled(code), [{ state: 'held', reason: { code: 'dossier-not-there' } }])
})

t.test('a refusal is final and is kept as code and digest, never in the portal’s words', async (t) => {
  const gateway = await startPortalGateway(t)
  const message = 'Công dân NGUYEN VAN A không hợp lệ'
  gateway.portal.addFaults({ fault: 'business-refusal', service: 'DongBoHoSoMC', message })
  await gateway.say([received, dossier(code)])
  const deliveries = await gateway.settled(code)
  t.match(deliveries, [
    {
      state: 'dead',
      reason: { code: 'partner-refused', cause: 'business' },
      attempts: [{ outcome: 'permanent', code: 'partner-refused', answerCode: '-1', answerDigest: /^sha-256:/ }],
    },
  ])
  const view = JSON.stringify([await gateway.store.dossier(code), await gateway.store.journal(undefined, 1_000)])
  t.notMatch(JSON.stringify(deliveries), 'NGUYEN VAN A')
  t.notMatch(view, 'NGUYEN VAN A')
})

t.test('one dossier’s trouble is not another’s', async (t) => {
  const gateway = await startPortalGateway(t)
  await gateway.say([received, dossier(code, { owner: undefined })], [received, dossier(other)])
  t.match(await gateway.settled(other), [{ state: 'delivered' }])
  t.match(await gateway.settled(code), [{ state: 'held' }])
})

t.test('what the portal requires and the source lacks holds the delivery, naming the field', async (t) => {
  const gateway = await startPortalGateway(t)
  const { owner, procedure, ...rest } = dossier(code)
  const without = (from: Readonly<Record<string, unknown>>, name: string) => ({ ...from, [name]: undefined })
  const cases: readonly (readonly [field: string, more: Readonly<Record<string, unknown>>])[] = [
    ['TenTTHC', { procedure: without(procedure, 'name') }],
    ['MaLinhVuc', { procedure: without(procedure, 'sectorCode') }],
    ['TenLinhVuc', { procedure: without(procedure, 'sectorName') }],
    ['KenhThucHien', without(rest, 'channel')],
    ['SoGiayToChuHoSo', { owner: without(owner, 'paperNumber') }],
    ['LoaiDoiTuong', { owner: without(owner, 'kind') }],
    ['HinhThuc', without(rest, 'returnMethod')],
    ['DonViXuLy', without(rest, 'processingUnit')],
    ['HoSoCoThanhPhanSoHoa', without(rest, 'hasDigitisedComponent')],
    ['TaiKhoanDuocXacThucVoiVNeID', { owner: without(owner, 'accountVerified') }],
    ['DuocThanhToanTrucTuyen', without(rest, 'onlinePayment')],
    ['DinhDanhCHS', { owner: without(owner, 'identities') }],
    ['NgayNopHoSo', without(rest, 'submittedAt')],
    ['DSKetNoiCSDL', without(rest, 'databasesUsed')],
  ]
  for (const [index, [field, more]] of cases.entries()) {
    const subject = `000.00.01.H47-260106-${String(index).padStart(4, '0')}`
    const body = JSON.parse(JSON.stringify({ ...dossier(subject), ...more, dossierCode: subject }))
    await gateway.say([received, body])
    const [delivery] = await gateway.settled(subject)
    t.match(delivery, { state: 'held', reason: { code: 'value-missing', field, rule: /required/ } }, field)
  }
  const summary = 'x'.repeat(1001)
  await gateway.say([received, dossier(other, { summary })])
  t.match(await gateway.settled(other), [
    { state: 'held', reason: { code: 'value-unmappable', field: 'TrichYeuHoSo' } },
  ])
  t.same(gateway.portal.state().calls, [], 'nothing was sent, not even a login')
})

t.test('an unknown procedure is held until the catalogue knows it', async (t) => {
  const gateway = await startPortalGateway(t)
  const procedure = { ...dossier(code).procedure, code: '1.900001' }
  await gateway.say([received, dossier(code, { procedure })], [progressed, progress(code)])
  t.match(await gateway.settled(code, ['held', 'blocked']), [
    { state: 'held', reason: { code: 'procedure-unknown', field: 'MaTTHC', waitsFor: 'procedure:1.900001' } },
    { state: 'blocked' },
  ])
  gateway.listen()
  t.match(await gateway.settled(code), [{ state: 'delivered' }, { state: 'delivered' }])
  t.match(gateway.held(code)?.record, { MaTTHC: '1.900001' })
})

t.test('concurrent deliveries share one login', async (t) => {
  const gateway = await startPortalGateway(t, { portalOptions: { latencyMs: 50 } })
  const codes = Array.from({ length: 8 }, (_, index) => `000.00.01.H47-260107-${String(index).padStart(4, '0')}`)
  await gateway.say(...codes.map((each) => [received, dossier(each)] as const))
  for (const each of codes) await gateway.settled(each)
  t.equal(gateway.portal.state().logins, 1)
  t.equal(gateway.portal.state().dossiers.length, 8)
})

t.test('a session that ends is renewed by one login, and the call made once more', async (t) => {
  const gateway = await startPortalGateway(t, { portalOptions: { latencyMs: 30, singleSession: true, codes: 'mixed' } })
  await gateway.say([received, dossier(code)])
  await gateway.settled(code)
  gateway.portal.expireSessions()
  const codes = Array.from({ length: 6 }, (_, index) => `000.00.01.H47-260108-${String(index).padStart(4, '0')}`)
  await gateway.say(...codes.map((each) => [received, dossier(each)] as const))
  for (const each of codes) t.match(await gateway.settled(each), [{ state: 'delivered', attempts: { length: 1 } }])
  t.equal(gateway.portal.state().logins, 2)
})

t.test('sessions of a few calls each still carry everything, once and in order', async (t) => {
  const gateway = await startPortalGateway(t, { portalOptions: { sessionUses: 2 }, settings: { concurrency: 1 } })
  await gateway.say(
    [received, dossier(code)],
    ...Array.from({ length: 5 }, (_, index) => [progressed, progress(code, { content: `Bước ${index}` })] as const),
  )
  await gateway.settled(code)
  t.same(
    gateway.held(code)?.progress.map(({ NoiDungXuLy }) => NoiDungXuLy),
    [0, 1, 2, 3, 4].map((step) => `Bước ${step}`),
  )
})

t.test('a session refused although it is new is trouble with our account, not with the message', async (t) => {
  const gateway = await startPortalGateway(t)
  gateway.portal.addFaults({ fault: 'expired-session', service: 'DongBoHoSoMC', times: 2 })
  await gateway.say([received, dossier(code)])
  const [delivery] = await gateway.settled(code)
  t.match(delivery, {
    state: 'delivered',
    attempts: [{ outcome: 'channel', code: 'partner-denied' }, { outcome: 'delivered' }],
  })
})

for (const [name, settings, expected] of [
  ['a wrong password', { password: 'not-the-password' }, 'partner-denied'],
  ['a unit that is not ours', { madonvi: '000.00.00.H99' }, 'partner-denied'],
  ['a wrong dstcode', { dstcode: 'VN:GOV:nobody:nothing' }, 'partner-address-wrong'],
  ['a wrong path', { dataPath: 'mapi/elsewhere' }, 'partner-address-wrong'],
] as const) {
  t.test(`${name} kills no message`, async (t) => {
    const gateway = await startPortalGateway(t, { settings })
    await gateway.say([received, dossier(code)])
    t.match(await gateway.tried(code), { state: 'waiting', attempts: [{ outcome: 'channel', code: expected }] })
    const text = JSON.stringify([gateway.attempts, gateway.failures, await gateway.store.journal(undefined, 1_000)])
    t.notMatch(text, password)
    t.notMatch(text, 'not-the-password')
  })
}

t.test('dstcode goes where it is configured to', async (t) => {
  const gateway = await startPortalGateway(t, { settings: { dstcodeIn: 'query' } })
  await gateway.say([received, dossier(code)])
  t.match(await gateway.settled(code), [{ state: 'delivered' }])
})

for (const [fault, expected] of [
  ['503', 'partner-busy'],
  ['429', 'partner-busy'],
] as const) {
  t.test(`${fault} is tried again after the time the portal asks for`, async (t) => {
    const gateway = await startPortalGateway(t)
    gateway.portal.addFaults({ fault, service: 'DongBoHoSoMC', retryAfter: '3600' })
    await gateway.say([received, dossier(code)])
    const delivery = await gateway.tried(code)
    t.match(delivery, { state: 'waiting', attempts: [{ outcome: 'transient', code: expected }] })
    t.ok((delivery.dueAtMs ?? 0) > Date.now() + 3_500_000)
  })
}

t.test('a create whose answer is lost is looked up, found, and sent as an update', async (t) => {
  const gateway = await startPortalGateway(t)
  gateway.portal.addFaults({ fault: 'effect-then-drop', service: 'DongBoHoSoMC' })
  await gateway.say([received, dossier(code)], [progressed, progress(code)])
  t.match(await gateway.settled(code), [
    { state: 'delivered', attempts: [{ outcome: 'ambiguous', code: 'partner-cut-off' }, { outcome: 'delivered' }] },
    { state: 'delivered' },
  ])
  t.same(
    gateway.held(code)?.history.map(({ isUpdating }) => isUpdating),
    [false, true, undefined],
  )
  t.same(
    gateway.portal.state().calls.map(({ service }) => service),
    ['DongBoHoSoMC', 'TraCuuHoSo', 'DongBoHoSoMC', 'CapNhatTienDoHoSoMC'],
  )
})

for (const fault of ['garbage', 'html-200', 'empty', 'truncated-json', 'cut-body', '500', 'reset']) {
  t.test(`nobody knows what "${fault}" means, so the portal is asked`, async (t) => {
    const gateway = await startPortalGateway(t, { settings: { settlingTime: '1ms' } })
    gateway.portal.addFaults({ fault, service: 'DongBoHoSoMC' })
    await gateway.say([received, dossier(code)])
    const [delivery] = await gateway.settled(code)
    t.equal(delivery?.state, 'delivered')
    t.match(delivery?.attempts[0], { outcome: 'ambiguous' })
    const { calls } = gateway.portal.state()
    t.equal(calls[1]?.service, 'TraCuuHoSo')
    t.equal(gateway.held(code)?.history.filter(({ isUpdating }) => isUpdating === false).length, 1, 'created once')
  })
}

t.test('an update whose answer is lost is simply sent again', async (t) => {
  const gateway = await startPortalGateway(t)
  await gateway.say([received, dossier(code)])
  await gateway.settled(code)
  gateway.portal.addFaults({ fault: 'effect-then-drop', service: 'DongBoHoSoMC', times: 2 })
  await gateway.say([received, dossier(code)], [issued, resultOf(code)])
  t.match(await gateway.settled(code), Array(3).fill({ state: 'delivered' }))
  t.notOk(gateway.portal.state().calls.some(({ service }) => service === 'TraCuuHoSo'))
})

t.test('"not there" is believed only after the settling time', async (t) => {
  let nowMs = 1_800_000_000_000
  const clock = { ...systemClock, now: () => nowMs }
  const gateway = await startPortalGateway(t, { clock, settings: { settlingTime: '2m' } })
  const { adapter, portal } = gateway
  const message = { type: received, subject: code, body: dossier(code) } as unknown as Message // what a look-up reads
  const attempt: Attempt = {
    deliveryId: 'd',
    number: 2,
    route: 'dossier-sync',
    memory: {},
    doubtSinceMs: nowMs,
    earlier: async () => [],
    beforeSend() {},
  }
  const lookUp = async () => adapter.lookup?.(message, attempt, AbortSignal.timeout(5_000))
  nowMs += 30_000
  t.same(await lookUp(), { kind: 'later', afterMs: 90_000 })
  nowMs += 89_999
  t.same(await lookUp(), { kind: 'later', afterMs: 1 })
  nowMs += 1
  t.same(await lookUp(), { kind: 'absent' })
  await gateway.say([received, dossier(code)])
  await gateway.settled(code)
  t.same(await lookUp(), { kind: 'resend', memory: { exists: true } }, 'and what is there is found at any time')
  portal.addFaults({ fault: 'business-refusal', service: 'TraCuuHoSo' })
  await t.rejects(lookUp(), { code: 'partner-refused' }, 'a refusal to answer says nothing about the dossier')
  portal.addFaults({ fault: 'garbage', service: 'TraCuuHoSo' })
  await t.rejects(lookUp(), { code: 'partner-answer-unreadable' })
})

t.test('a dossier that shows late in the look-up is still not created twice', async (t) => {
  const gateway = await startPortalGateway(t, {
    portalOptions: { lookupLagMs: 300 },
    settings: { settlingTime: '400ms' },
  })
  gateway.portal.addFaults({ fault: 'effect-then-drop', service: 'DongBoHoSoMC' })
  await gateway.say([received, dossier(code)])
  t.match(await gateway.settled(code), [{ state: 'delivered' }])
  t.same(
    gateway.held(code)?.history.map(({ isUpdating }) => isUpdating),
    [false, true],
  )
})

for (const [type, service, body] of [
  [progressed, 'CapNhatTienDoHoSoMC', progress(code)],
  [reported, 'DongBoTrangThaiHoSo', outcomeOf(code)],
] as const) {
  t.test(`${service} whose answer is lost is held for a person`, async (t) => {
    const gateway = await startPortalGateway(t)
    await gateway.portal.push({ url: `${gateway.url}/nowhere`, document: { MaHoSo: code } })
    gateway.portal.addFaults({ fault: 'effect-then-drop', service })
    await gateway.say([received, dossier(code)], [type, body])
    t.match((await gateway.settled(code))[1], { state: 'held', reason: { code: 'outcome-unknown' } })
    t.equal(gateway.portal.state().operations.filter((operation) => operation.service === service).length, 1)
  })

  t.test(`${service} whose answer is lost is sent again where that is configured`, async (t) => {
    const gateway = await startPortalGateway(t, { settings: { progressRepeat: 'resend' } })
    await gateway.portal.push({ url: `${gateway.url}/nowhere`, document: { MaHoSo: code } })
    gateway.portal.addFaults({ fault: 'effect-then-drop', service })
    await gateway.say([received, dossier(code)], [type, body])
    t.match((await gateway.settled(code))[1], { state: 'delivered' })
    t.equal(gateway.portal.state().operations.filter((operation) => operation.service === service).length, 2)
  })
}

t.test('a login nobody answers leaves the message as if nothing had been sent', async (t) => {
  const gateway = await startPortalGateway(t)
  gateway.portal.addFaults({ fault: 'reset', service: 'login' })
  await gateway.say([received, dossier(code)])
  const [delivery] = await gateway.settled(code)
  t.match(delivery, {
    state: 'delivered',
    attempts: [{ outcome: 'transient', code: 'partner-cut-off' }, { outcome: 'delivered' }],
  })
  t.notOk(gateway.portal.state().calls.some(({ service }) => service === 'TraCuuHoSo'))
})

t.test('a message it does not take is held', async (t) => {
  const gateway = await startPortalGateway(t)
  const message = { type: 'payment.made.v1', subject: code } as Message // its type is all that is read
  const attempt = {} as Attempt // not read
  await t.rejects(async () => gateway.adapter.deliver?.(message, attempt, AbortSignal.timeout(1_000)), {
    code: 'no-receiver',
  })
})

t.test('a probe logs in', async (t) => {
  const { adapter, portal } = await startPortalGateway(t)
  await adapter.probe(AbortSignal.timeout(5_000))
  t.equal(portal.state().logins, 1)
  await portal.close()
  await t.rejects(adapter.probe(AbortSignal.timeout(5_000)), { code: 'partner-refused-connection' })
})

t.test('a portal that is down for a while loses nothing', async (t) => {
  const gone = await startPortal()
  const { port } = gone
  await gone.close()
  const gateway = await startPortalGateway(t, {
    settings: { url: portalSettings({ url: `http://127.0.0.1:${port}` }).url },
  })
  await gateway.say([received, dossier(code)], [progressed, progress(code)])
  await gateway.tried(code, 3)
  const back = await startPortal({ port })
  t.teardown(() => back.close())
  t.match(await gateway.settled(code), [{ state: 'delivered' }, { state: 'delivered' }])
  const held = await until(() => back.state().dossiers.find((each) => each.code === code))
  t.equal(held.progress.length, 1)
})
