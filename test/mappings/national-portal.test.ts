import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import type {
  DossierOutcomeReported,
  DossierProgressed,
  DossierReceived,
  ResultIssued,
} from '../../contracts/canonical/types.ts'
import { loadContracts } from '../../contracts/loader.ts'
import type {
  DossierItem,
  OutcomeItem,
  ProgressItem,
  PromotionRequest,
} from '../../contracts/partners/national-portal/types.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { dossierFromPortal, dossierToPortal } from '../../mappings/national-portal/dossier.ts'
import { outcomeFromPortal, outcomeToPortal } from '../../mappings/national-portal/outcome.ts'
import { progressFromPortal, progressToPortal } from '../../mappings/national-portal/progress.ts'
import { promotionFromPortal } from '../../mappings/national-portal/promotion.ts'
import { submittedFromPortal } from '../../mappings/national-portal/submitted.ts'
import { instantFromLocal, instantFromPortal, instantToPortal } from '../../mappings/national-portal/time.ts'
import { loadTables } from '../../mappings/tables.ts'
import { demoDossiers, portalFiled } from '../../simulators/demo/dossiers.ts'

const contracts = loadContracts()
const tables = loadTables()
const madonvi = '000.00.01.H47'

/** The newer form, every field filled. */
const item = {
  MaHoSo: '000.00.01.H47-260101-0001',
  MaTTHC: '1.004269.000.00.00.H47',
  TenTTHC: 'Cung cấp dữ liệu đất đai',
  MaLinhVuc: 'G13-DD01',
  TenLinhVuc: 'Đất đai',
  SoBienNhan: 'BN-01',
  KenhThucHien: '2',
  ChuHoSo: 'NGUYEN VAN A',
  SoGiayToChuHoSo: '049090000001',
  LoaiDoiTuong: '1',
  MaDoiTuong: 'tech-1',
  ThongTinKhac: 'Khác',
  Email: 'a@example.vn',
  Fax: '02350000000',
  SoDienThoai: '0900000000',
  TrichYeuHoSo: 'Xin trích lục',
  NgayTiepNhan: '20260101090000',
  NgayHenTra: '20260115170000',
  TrangThaiHoSo: '4',
  NgayTra: '20260114170000',
  ThongTinTra: 'Trả tại quầy',
  HinhThuc: '0',
  NgayKetThucXuLy: '20260113170000',
  DonViXuLy: 'Sở Tài nguyên và Môi trường (mẫu)',
  GhiChu: 'Không',
  TaiLieuNop: [
    {
      TepDinhKemId: '1',
      TenTepDinhKem: 'đơn.pdf',
      IsDeleted: 'False',
      MaThanhPhanHoSo: 'KQ.G13.000001',
      DuongDanTaiTepTin: 'https://tep.example.vn/1',
      DuocSoHoa: '1',
      DuocTaiSuDung: '2',
      DuocLayTuKhoDMQG: '0',
      MaKetQuaThayThe: 'KQ.1',
    },
  ],
  DanhSachLePhi: [{ TenPhiLePhi: 'Phí', MaPhiLePhi: '1', HinhThucThu: '1', Gia: '50000', LoaiPhiLePhi: '1' }],
  DanhSachTepDinhKemKhac: [{ TenGiayTo: 'Bản vẽ', SoLuong: 2, LoaiGiayTo: 1 }],
  DanhSachHoSoBoSung: [
    {
      HoSoBoSungId: 1,
      NguoiYeuCauBoSung: 'Lê Văn Cán',
      NoiDungBoSung: 'Bổ sung bản vẽ',
      NgayBoSung: '20260102090000',
      NguoiTiepNhanBoSung: 'Lê Văn Cán',
      ThongTinTiepNhan: 'Đủ',
      NgayTiepNhanBoSung: '20260103090000',
      TrangThaiBoSung: true,
      DanhSachGiayToBoSung: [],
      DanhSachLePhiBoSung: [{ TenPhiLePhi: 'Phí', MaPhiLePhi: '1', HinhThucThu: '1', Gia: '0', LoaiPhiLePhi: '1' }],
      NgayHenTraTruoc: '20260110170000',
      NgayHenTraMoi: '20260115170000',
    },
  ],
  DanhSachGiayToKetQua: [
    {
      TenGiayTo: 'Trích lục',
      MaThanhPhanHoSo: 'TP1',
      GiayToId: '9',
      DuongDanTepTinKetQua: 'https://tep.example.vn/9',
      MaGiayToKetQua: 'KQ.G13.000001',
    },
  ],
  NoiNopHoSo: '2',
  HoSoCoThanhPhanSoHoa: '1',
  TaiKhoanDuocXacThucVoiVNeID: '0',
  DuocThanhToanTrucTuyen: '1',
  NgayTuChoi: '20260101100000',
  DinhDanhCHS: [{ LoaiDinhDanh: '1', SoDinhDanh: '049090000001' }],
  NgayNopHoSo: '20260101080000',
  DSKetNoiCSDL: [{ MaCSDL: '7' }],
} as const satisfies DossierItem

const requiredInBoth = 'TenTTHC MaLinhVuc TenLinhVuc LoaiDoiTuong HinhThuc DonViXuLy'.split(' ')
const addedByQd766 =
  'KenhThucHien SoGiayToChuHoSo HoSoCoThanhPhanSoHoa TaiKhoanDuocXacThucVoiVNeID DuocThanhToanTrucTuyen DinhDanhCHS NgayNopHoSo'.split(
    ' ',
  )
const requiredBefore = 'SoDienThoai TrichYeuHoSo NgayHenTra'.split(' ')

const older: DossierItem = Object.fromEntries(
  Object.entries({ ...item, TaiLieuNop: [] }).filter(
    ([name]) => ![...addedByQd766, 'DSKetNoiCSDL', 'NoiNopHoSo'].includes(name),
  ),
) as unknown as DossierItem

const there = (change: object = {}, base: DossierItem = item) =>
  dossierToPortal(dossierFromPortal({ ...base, ...change }, { madonvi }), { tables })
const stop = (act: () => unknown): GatewayError => {
  try {
    act()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('nothing stopped it')
}
/** Every field, with absence spelt one way, and the one constant of the format. */
const plain = (document: object, constants: object = { NoiNopHoSo: '2' }): unknown => {
  const members = Object.entries(document).filter(([, value]) => value !== '' && value !== null && value !== undefined)
  const deep = members.flatMap(([name, value]) => {
    if (!Array.isArray(value)) return [[name, value]]
    return value.length === 0 ? [] : [[name, value.map((entry) => plain(entry, {}))]]
  })
  return { ...constants, ...Object.fromEntries(deep) }
}

t.test('a dossier with every field comes back as it was, with no field of the form left out', async (t) => {
  t.same(there(), item)
  t.same(contracts.violations('national-portal/DongBoHoSoMC.item', item), [])
  t.same(contracts.violations('dossier.received.v1', dossierFromPortal(item, { madonvi })), [])
  t.same(contracts.violations('national-portal/DongBoHoSoMC.sent', there()), [])
  t.equal(dossierFromPortal(item, { madonvi }).receivedAt, '2026-01-01T02:00:00.000Z')
})

t.test('an absent optional goes out empty, and a list that is absent as an empty list', async (t) => {
  const sent = there({
    SoBienNhan: null,
    GhiChu: '',
    NgayTra: undefined,
    TaiLieuNop: null,
    DanhSachGiayToKetQua: undefined,
  })
  t.match(sent, { SoBienNhan: '', GhiChu: '', NgayTra: '', TaiLieuNop: [], DanhSachGiayToKetQua: [] })
  t.same(Object.keys(sent).sort(), Object.keys(item).sort())
  const body = dossierFromPortal({ ...item, SoBienNhan: null, GhiChu: '', TaiLieuNop: [] }, { madonvi })
  for (const name of ['receiptNumber', 'note', 'submittedFiles']) t.notOk(name in body, name)
})

t.test('any dossier a client may send comes back as it was, empty, null and missing being one', async (t) => {
  const spelt = <Value>(value: fc.Arbitrary<Value>) =>
    fc.oneof({ weight: 4, arbitrary: value }, fc.constantFrom('', null, undefined))
  const text = (max: number) =>
    fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: max })
      .filter((s) => !s.includes('\u0000') && s.length <= max)
  const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/)
  const date = fc
    .date({ min: new Date('1950-01-01T00:00:00Z'), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true })
    .map((day) => instantToPortal(day.toISOString()))
  const url = fc.webUrl({ validSchemes: ['http', 'https'] })
  const flag = fc.constantFrom('0', '1')
  const amount = fc.integer({ min: 0, max: 999_999_999_999_999 }).map(String)
  const list = <Value>(value: fc.Arbitrary<Value>) =>
    fc.oneof({ weight: 4, arbitrary: fc.array(value, { maxLength: 3 }) }, fc.constantFrom(null, undefined))
  const file = fc.record({
    TepDinhKemId: spelt(text(20)),
    TenTepDinhKem: text(50),
    IsDeleted: fc.constantFrom('True', 'False'),
    MaThanhPhanHoSo: spelt(text(20)),
    DuongDanTaiTepTin: url,
    DuocSoHoa: flag,
    DuocTaiSuDung: fc.constantFrom('0', '1', '2'),
    DuocLayTuKhoDMQG: flag,
    MaKetQuaThayThe: spelt(text(20)),
  })
  const fee = fc.record({
    TenPhiLePhi: text(30),
    MaPhiLePhi: text(9),
    HinhThucThu: text(9),
    Gia: amount,
    LoaiPhiLePhi: text(9),
  })
  const supplement = fc.record({
    HoSoBoSungId: fc.integer(),
    NguoiYeuCauBoSung: text(30),
    NoiDungBoSung: text(99),
    NgayBoSung: date,
    NguoiTiepNhanBoSung: spelt(text(30)),
    ThongTinTiepNhan: spelt(text(99)),
    NgayTiepNhanBoSung: spelt(date),
    TrangThaiBoSung: fc.boolean(),
    DanhSachGiayToBoSung: list(file),
    DanhSachLePhiBoSung: list(fee),
    NgayHenTraTruoc: date,
    NgayHenTraMoi: spelt(date),
  })
  const identity = fc.oneof(
    fc.stringMatching(/^0[0-9]{11}$/).map((SoDinhDanh) => ({ LoaiDinhDanh: '1', SoDinhDanh })),
    fc.stringMatching(/^[1-9][0-9]{8}$/).map((SoDinhDanh) => ({ LoaiDinhDanh: '2', SoDinhDanh })),
  )
  const dossier = fc.record({
    MaHoSo: word,
    MaTTHC: fc.constantFrom('1.004269', '1.004269.000.00.00.H47', '2.000477'),
    TenTTHC: text(99),
    MaLinhVuc: text(20),
    TenLinhVuc: text(50),
    SoBienNhan: spelt(text(20)),
    KenhThucHien: fc.constantFrom('1', '2', '3'),
    ChuHoSo: spelt(text(50)),
    SoGiayToChuHoSo: text(20),
    LoaiDoiTuong: fc.constantFrom('1', '2', '3', '4'),
    MaDoiTuong: spelt(text(20)),
    ThongTinKhac: spelt(text(99)),
    Email: spelt(text(30)),
    Fax: spelt(text(20)),
    SoDienThoai: spelt(text(20)),
    TrichYeuHoSo: spelt(text(1000)),
    NgayTiepNhan: date,
    NgayHenTra: spelt(date),
    TrangThaiHoSo: fc.constantFrom('1', '2', '3', '4', '5', '6', '7', '8', '9', '10'),
    NgayTra: spelt(date),
    ThongTinTra: spelt(text(99)),
    HinhThuc: flag,
    NgayKetThucXuLy: spelt(date),
    DonViXuLy: text(50),
    GhiChu: spelt(text(99)),
    TaiLieuNop: list(file),
    DanhSachLePhi: list(fee),
    DanhSachTepDinhKemKhac: list(fc.record({ TenGiayTo: text(50), SoLuong: fc.nat(1000), LoaiGiayTo: fc.integer() })),
    DanhSachHoSoBoSung: list(supplement),
    DanhSachGiayToKetQua: list(
      fc.record({
        TenGiayTo: text(50),
        MaThanhPhanHoSo: spelt(text(20)),
        GiayToId: spelt(text(20)),
        DuongDanTepTinKetQua: url,
        MaGiayToKetQua: spelt(text(20)),
      }),
    ),
    NoiNopHoSo: spelt(fc.constantFrom('1', '2')),
    HoSoCoThanhPhanSoHoa: flag,
    TaiKhoanDuocXacThucVoiVNeID: flag,
    DuocThanhToanTrucTuyen: fc.constantFrom('0', '1', '2', '3'),
    NgayTuChoi: spelt(date),
    DinhDanhCHS: fc.array(identity, { minLength: 1, maxLength: 3 }),
    NgayNopHoSo: date,
    DSKetNoiCSDL: fc.array(fc.record({ MaCSDL: word }), { maxLength: 3 }),
  })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(dossier, (generated) => {
        // As the door does: what is undefined is not in a JSON document.
        const sent = JSON.parse(JSON.stringify(generated))
        const violations = contracts.violations('national-portal/DongBoHoSoMC.item', sent)
        if (violations.length > 0) throw new Error(JSON.stringify(violations))
        const body = dossierFromPortal(sent, { madonvi })
        const bodyViolations = contracts.violations('dossier.received.v1', body)
        if (bodyViolations.length > 0) throw new Error(JSON.stringify(bodyViolations))
        const back = dossierToPortal(body, { tables })
        const backViolations = contracts.violations('national-portal/DongBoHoSoMC.sent', back)
        if (backViolations.length > 0) throw new Error(JSON.stringify(backViolations))
        return JSON.stringify(sorted(plain(back))) === JSON.stringify(sorted(plain(sent)))
      }),
      { numRuns: 200 },
    ),
  )
})

t.test('each field the portal requires stops the dossier by its name when the source lacks it', async (t) => {
  for (const field of [...requiredInBoth, ...addedByQd766]) {
    for (const absent of ['', undefined]) {
      const change = { [field]: field === 'DinhDanhCHS' ? [] : absent }
      t.match(
        stop(() => there(change)),
        { code: 'value-missing', options: { field, rule: /required/ } },
        field,
      )
    }
  }
  for (const field of [...requiredInBoth, ...requiredBefore]) {
    t.match(
      stop(() => there({ [field]: '' }, older)),
      { code: 'value-missing', options: { field } },
      `${field}, older form`,
    )
  }
  for (const field of requiredBefore)
    t.equal(there({ [field]: '' })[field as 'SoDienThoai'], '', `${field}, newer form`)
})

t.test('that no national database was used is stated by an empty list, and silence is not that', async (t) => {
  const said = dossierFromPortal({ ...item, DSKetNoiCSDL: [] }, { madonvi })
  t.same(said.databasesUsed, [])
  t.same(contracts.violations('dossier.received.v1', said), [])
  t.same(there({ DSKetNoiCSDL: [] }).DSKetNoiCSDL, [])
  const { DSKetNoiCSDL: _, ...without } = item
  for (const silent of [without, { ...item, DSKetNoiCSDL: null }]) {
    t.notOk('databasesUsed' in dossierFromPortal(silent, { madonvi }))
    t.match(
      stop(() => there({}, silent)),
      { code: 'value-missing', options: { field: 'DSKetNoiCSDL', rule: /QĐ 766/ } },
    )
  }
  t.same(there({}, older).DSKetNoiCSDL, [], 'the older form does not have it')
  t.same(there({ DSKetNoiCSDL: [] }, older).DSKetNoiCSDL, [], 'an empty list alone makes no newer form')
})

t.test('the form from before QĐ 766 passes with nothing added but the constant', async (t) => {
  t.same(contracts.violations('national-portal/DongBoHoSoMC.item', older), [])
  t.same(plain(there({}, older)), plain(older))
  t.match(there({}, older), { KenhThucHien: '', HoSoCoThanhPhanSoHoa: '', DinhDanhCHS: [], NoiNopHoSo: '2' })
})

t.test('each required field of a list stops the dossier with its place', async (t) => {
  const lists: Readonly<Record<string, readonly string[]>> = {
    TaiLieuNop: ['TenTepDinhKem', 'IsDeleted', 'DuongDanTaiTepTin', 'DuocSoHoa', 'DuocTaiSuDung', 'DuocLayTuKhoDMQG'],
    DanhSachLePhi: ['TenPhiLePhi', 'MaPhiLePhi', 'HinhThucThu', 'Gia', 'LoaiPhiLePhi'],
    DanhSachTepDinhKemKhac: ['TenGiayTo', 'SoLuong', 'LoaiGiayTo'],
    DanhSachHoSoBoSung: [
      'HoSoBoSungId',
      'NguoiYeuCauBoSung',
      'NoiDungBoSung',
      'NgayBoSung',
      'TrangThaiBoSung',
      'NgayHenTraTruoc',
    ],
    DanhSachGiayToKetQua: ['TenGiayTo', 'DuongDanTepTinKetQua'],
  }
  for (const [list, fields] of Object.entries(lists)) {
    const [first] = item[list as 'TaiLieuNop']
    for (const field of fields) {
      const error = stop(() => there({ [list]: [first, { ...first, [field]: null }] }))
      t.match(error, { code: 'value-missing', options: { field: `${list}[1].${field}` } }, `${list} ${field}`)
    }
  }
})

t.test('a text over the portal’s limit stops the dossier; nothing is cut', async (t) => {
  const [file] = item.TaiLieuNop
  const [result] = item.DanhSachGiayToKetQua
  const limits: readonly (readonly [string, (length: number) => object, number])[] = [
    ['TrichYeuHoSo', (length) => ({ TrichYeuHoSo: 'ă'.repeat(length) }), 1000],
    [
      'TaiLieuNop[0].TenTepDinhKem',
      (length) => ({ TaiLieuNop: [{ ...file, TenTepDinhKem: 'a'.repeat(length) }] }),
      4000,
    ],
    [
      'DanhSachGiayToKetQua[0].TenGiayTo',
      (length) => ({ DanhSachGiayToKetQua: [{ ...result, TenGiayTo: 'a'.repeat(length) }] }),
      2000,
    ],
  ]
  for (const [field, change, max] of limits) {
    t.ok(there(change(max)), field)
    t.match(
      stop(() => there(change(max + 1))),
      { code: 'value-unmappable', options: { field, rule: `at most ${max} characters` } },
    )
  }
})

t.test('text passes byte for byte, composed and decomposed alike', async (t) => {
  const texts = ['Đất đai'.normalize('NFC'), 'Đất đai'.normalize('NFD'), '  hai khoảng trắng ', '\tdòng\r\n']
  for (const TrichYeuHoSo of texts) t.equal(there({ TrichYeuHoSo }).TrichYeuHoSo, TrichYeuHoSo)
})

t.test('an unknown procedure waits for its code, and only after what a person must mend', async (t) => {
  const MaTTHC = '1.099999'
  const waiting = { code: 'procedure-unknown', options: { field: 'MaTTHC', waitsFor: 'procedure:1.099999' } }
  t.match(
    stop(() => there({ MaTTHC })),
    waiting,
  )
  t.match(
    stop(() => there({ MaTTHC, DonViXuLy: '' })),
    { code: 'value-missing' },
  )
  const body = dossierFromPortal({ ...item, MaTTHC }, { madonvi })
  t.equal(dossierToPortal(body, { tables, isPublished: (code) => code === MaTTHC }).MaTTHC, MaTTHC)
  t.match(
    stop(() => dossierToPortal(body, { tables, isPublished: () => false })),
    waiting,
  )
})

t.test('a local code goes out as the table of the day of reception says', async (t) => {
  t.equal(there({ MaTTHC: 'TTDD-01' }).MaTTHC, '1.004227')
  t.equal(there({ MaTTHC: 'TTDD-01', NgayTiepNhan: '20250630235959' }).MaTTHC, '1.004269')
  const body = dossierFromPortal({ ...item, MaTTHC: 'NOI-BO-7' }, { madonvi })
  const procedure = { ...body.procedure, nationalCode: '2.000477' }
  t.equal(dossierToPortal({ ...body, procedure }, { tables }).MaTTHC, '2.000477')
})

t.test('a unit given by code alone is named by the table, and an unknown one stops the dossier', async (t) => {
  const body = dossierFromPortal(item, { madonvi })
  const named = (code: string) => dossierToPortal({ ...body, processingUnit: { code } }, { tables }).DonViXuLy
  t.equal(named('000.10.01.H47'), 'Ủy ban nhân dân xã Mẫu Một')
  t.match(
    stop(() => named('H99')),
    { code: 'value-unmappable', options: { field: 'DonViXuLy' } },
  )
})

t.test('an identity the portal has no code for, or of the wrong shape, or nobody’s, stops the dossier', async (t) => {
  const body = dossierFromPortal(item, { madonvi })
  const withIdentity = (kind: 'citizen-card' | 'identity-card' | 'passport', number: string) =>
    dossierToPortal({ ...body, owner: { ...body.owner, identities: [{ kind, number }] } }, { tables }).DinhDanhCHS
  t.same(withIdentity('identity-card', '200000001'), [{ LoaiDinhDanh: '2', SoDinhDanh: '200000001' }])
  const field = 'DinhDanhCHS[0].SoDinhDanh'
  t.match(stop(() => withIdentity('passport', 'C0000001')).options, { field: 'DinhDanhCHS[0].LoaiDinhDanh' })
  t.match(stop(() => withIdentity('citizen-card', '049090001')).options, { field, rule: '12 digits' })
  t.match(stop(() => withIdentity('identity-card', '049090000001')).options, { field, rule: '9 digits' })
  t.match(stop(() => withIdentity('identity-card', '000000001')).options, { field, rule: 'no placeholder' })
})

t.test('a code, a date or an amount that is none stops the reading by its field', async (t) => {
  const read = (change: object) => stop(() => dossierFromPortal({ ...item, ...change } as DossierItem, { madonvi }))
  const cases: readonly (readonly [string, object])[] = [
    ['TrangThaiHoSo', { TrangThaiHoSo: '11' }],
    ['KenhThucHien', { KenhThucHien: '4' }],
    ['NgayTiepNhan', { NgayTiepNhan: '20260230000000' }],
    ['NgayHenTra', { NgayHenTra: '2026-01-15' }],
    ['NgayTuChoi', { NgayTuChoi: '20260101246060' }],
    ['DanhSachLePhi[0].Gia', { DanhSachLePhi: [{ Gia: '1e3' }] }],
    ['DanhSachHoSoBoSung[0].NgayBoSung', { DanhSachHoSoBoSung: [{ NgayBoSung: '2026-02-30T00:00:00' }] }],
    ['TaiLieuNop[1].IsDeleted', { TaiLieuNop: [{}, { IsDeleted: 'yes' }] }],
  ]
  for (const [field, change] of cases) t.match(read(change), { code: 'value-unmappable', options: { field } }, field)
  for (const Gia of ['-1', '+1', '1.0', '1,000', '01', ' 1', '1 ', '١', '0x1', '1000000000000000', 'NaN']) {
    t.match(read({ DanhSachLePhi: [{ Gia }] }).code, 'value-unmappable', Gia)
  }
})

t.test('no error tells a value of the dossier', async (t) => {
  for (const change of [
    { ChuHoSo: 'x', TrichYeuHoSo: 'NGUYEN VAN A '.repeat(99) },
    { MaTTHC: '1.099999', LoaiDoiTuong: '' },
  ]) {
    t.notMatch(stop(() => there(change)).message, /NGUYEN|0490/)
  }
})

t.test('local time of Viet Nam and instants are one another’s inverse, and no date rolls over', async (t) => {
  t.equal(instantFromPortal('20260101000000', 'f'), '2025-12-31T17:00:00.000Z')
  t.equal(instantToPortal('2025-12-31T17:00:00.999Z'), '20260101000000')
  t.equal(instantFromPortal('20240229120000', 'f'), '2024-02-29T05:00:00.000Z')
  t.equal(instantFromLocal('2026-01-15T17:00:00', 'f'), '2026-01-15T10:00:00.000Z')
  t.equal(instantFromLocal('2026-01-15T17:00:00.1234567', 'f'), '2026-01-15T10:00:00.123Z')
  t.equal(instantFromLocal('20260115170000', 'f'), '2026-01-15T10:00:00.000Z')
  for (const text of ['20230229000000', '20261301000000', '20260101240000', '20260101006000', '2026010100000', '']) {
    t.throws(() => instantFromPortal(text, 'f'), { code: 'value-unmappable' }, text)
  }
  fc.assert(
    fc.property(fc.date({ min: new Date('1900-01-02'), max: new Date('2200-01-01'), noInvalidDate: true }), (day) => {
      const seconds = `${day.toISOString().slice(0, 19)}.000Z`
      return instantFromPortal(instantToPortal(seconds), 'f') === seconds
    }),
  )
})

t.test('results stated later are merged in their order, and what they leave out stays', async (t) => {
  const body = dossierFromPortal({ ...item, NgayTra: '' }, { madonvi })
  const processed: ResultIssued = {
    dossierCode: item.MaHoSo,
    receivingUnit: { code: madonvi },
    status: 'processed',
    issuedAt: '2026-01-16T08:00:00.000Z',
    results: [
      { name: 'Trích lục (sửa)', paperId: '9', url: 'https://tep.example.vn/9b' },
      { name: 'Phiếu', url: 'https://tep.example.vn/10' },
    ],
  }
  const returned: ResultIssued = {
    ...processed,
    status: 'returned',
    returnedAt: '2026-01-17T08:00:00.000Z',
    results: [{ name: 'Phiếu', url: 'https://tep.example.vn/10' }],
  }
  const once = dossierToPortal(body, { tables, results: [processed] })
  t.match(once, { TrangThaiHoSo: '9', NgayKetThucXuLy: '20260116150000', NgayTra: '' })
  const both = dossierToPortal(body, { tables, results: [processed, returned] })
  t.match(both, { TrangThaiHoSo: '10', NgayTra: '20260117150000', ThongTinTra: item.ThongTinTra })
  t.same(
    both.DanhSachGiayToKetQua.map(({ TenGiayTo }) => TenGiayTo),
    ['Trích lục (sửa)', 'Phiếu'],
  )
  t.same(both.TaiLieuNop, item.TaiLieuNop)
})

t.test('a progress entry comes back as it was, and stops without an officer or with one too long', async (t) => {
  const step: ProgressItem = {
    MaHoSo: item.MaHoSo,
    NguoiXuLy: 'Lê Văn Cán',
    ChucDanh: 'Chuyên viên',
    ThoiDiemXuLy: '20260102080000',
    PhongBanXuLy: 'Phòng mẫu',
    NoiDungXuLy: 'Thẩm định',
    TrangThai: '4',
    NgayBatDau: '20260102070000',
    NgayKetThucTheoQuyDinh: '20260103170000',
  }
  const back = (change: object = {}) => progressToPortal(progressFromPortal({ ...step, ...change }, { madonvi }))
  t.same(back(), step)
  t.same(back({ ChucDanh: null, NoiDungXuLy: '' }), { ...step, ChucDanh: '', NoiDungXuLy: '' })
  t.same(contracts.violations('dossier.progressed.v1', progressFromPortal(step, { madonvi })), [])
  t.same(contracts.violations('national-portal/CapNhatTienDoHoSoMC.sent', back()), [])
  t.match(
    stop(() => back({ NguoiXuLy: '' })),
    { code: 'value-missing', options: { field: 'NguoiXuLy', rule: 'required' } },
  )
  t.match(
    stop(() => back({ NguoiXuLy: 'a'.repeat(51) })),
    { options: { field: 'NguoiXuLy', rule: 'at most 50 characters' } },
  )
  t.match(
    stop(() => back({ ThoiDiemXuLy: '20260230000000' })),
    { options: { field: 'ThoiDiemXuLy' } },
  )
  t.match(
    stop(() => back({ TrangThai: '0' })),
    { options: { field: 'TrangThai' } },
  )
})

t.test('an outcome comes back as it was, with a refusal as 11 and an absent id as null', async (t) => {
  const data: OutcomeItem = {
    MaHoSo: 'G22.99-260110-0000021',
    TrangThai: '11',
    MaHoSoDonVi: '000.00.04.H47-260112-0004',
    MaDoiTuong: 'tech-1',
    NoiDung: 'Thiếu thể lệ',
    NgayXuLy: '20260113100000',
    TaiLieuXuLy: [
      {
        TepDinhKemId: null,
        TenTepDinhKem: 'kq.pdf',
        IsDeleted: 'False',
        MaThanhPhanHoSo: '',
        DuongDanTaiTepTin: 'https://tep.example.vn/kq.pdf',
      },
    ],
  }
  const body = (change: object = {}) => outcomeFromPortal({ ...data, ...change }, { madonvi })
  t.same(outcomeToPortal(body()), data)
  t.equal(body().status, 'refused')
  t.same(outcomeToPortal(body({ TrangThai: '3' })), data)
  for (const TrangThai of ['1', '2', '4', '5', '6', '7', '8', '9', '10'])
    t.equal(outcomeToPortal(body({ TrangThai })).TrangThai, TrangThai)
  t.same(contracts.violations('dossier.outcome-reported.v1', body()), [])
  t.same(contracts.violations('national-portal/DongBoTrangThaiHoSo.sent', outcomeToPortal(body())), [])
  t.equal(body({ TaiLieuXuLy: [{ TepDinhKemId: 7 }] }).files?.[0]?.id, '7')
  for (const field of ['TenTepDinhKem', 'IsDeleted', 'DuongDanTaiTepTin']) {
    const [file] = data.TaiLieuXuLy ?? []
    t.match(stop(() => outcomeToPortal(body({ TaiLieuXuLy: [{ ...file, [field]: '' }] }))).options, {
      field: `TaiLieuXuLy[0].${field}`,
    })
  }
})

t.test('a promotion notice keeps every field, its dates as written and its files', async (t) => {
  const pdf = Buffer.from('%PDF-1.4\n'.repeat(20)).toString('base64')
  const notice: PromotionRequest = {
    MaHoSo: 'G22.99-260112-0000055',
    MaTTHC: '2.000033',
    MaSoThue: '4000000001',
    TenThuongNhan: 'Công ty TNHH Mẫu Ví Dụ',
    SoVanBan: '01/TB',
    NgayNopHoSo: '20260112090000',
    DiaChiDoanhNghiep: { MaTinh: '48', MaHuyen: '', MaXa: '20200', DiaChiChiTiet: 'Số 2' },
    ThoiGianKhuyenMaiTu: '15/01/2026',
    TenTepDonDangKy: 'đơn.pdf',
    TepDonDangKy: pdf.replace(/.{76}/g, '$&\r\n'),
    TaiLieuNop: [{ TenTepDinhKem: 'thể lệ.pdf', Base64: pdf }],
  }
  const read = (change: object = {}) => promotionFromPortal({ ...notice, ...change }, { receivingUnit: 'H47.04' })
  t.same(contracts.violations('national-portal/addtthcKhuyenMai', notice), [])
  t.same(contracts.violations('dossier.submitted.v1', read()), [])
  t.match(read(), {
    submittedAt: '2026-01-12T02:00:00.000Z',
    owner: {
      name: notice.TenThuongNhan,
      identities: [{ kind: 'tax-code', number: '4000000001' }],
      address: { communeCode: '20200' },
    },
    promotion: {
      submittedAtText: '20260112090000',
      fromText: '15/01/2026',
      applicationFile: { name: 'đơn.pdf', contentBase64: pdf },
    },
    submittedFiles: [{ name: 'thể lệ.pdf', contentBase64: pdf }],
  })
  t.equal(read({ NgayNopHoSo: '12/01/2026' }).submittedAt, undefined)
  t.equal(read({ NgayNopHoSo: '12/01/2026' }).promotion?.submittedAtText, '12/01/2026')
  t.match(
    stop(() => read({ TepDonDangKy: 'không phải' })),
    { code: 'value-unmappable', options: { field: 'TepDonDangKy', rule: 'base64' } },
  )
  t.match(stop(() => read({ TaiLieuNop: [{ Base64: '=AAA' }] })).options, { field: 'TaiLieuNop[0].Base64' })
  const { MaHoSo, MaTTHC, MaSoThue, TenThuongNhan } = notice
  const least = promotionFromPortal({ MaHoSo, MaTTHC, MaSoThue, TenThuongNhan }, { receivingUnit: 'H47.04' })
  t.same(contracts.violations('dossier.submitted.v1', least), [])
})

t.test('every example of a contract the portal is told of maps to a document it takes', async (t) => {
  const folder = new URL('../../contracts/canonical/examples/', import.meta.url)
  const examples = (type: string) =>
    readdirSync(folder)
      .filter((file) => file.startsWith(`${type}.`))
      .map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')))
  const taken = (name: string, document: unknown) =>
    t.same(contracts.violations(`national-portal/${name}`, document), [], name)
  const dossiers: readonly DossierReceived[] = examples('dossier.received.v1')
  for (const body of dossiers) taken('DongBoHoSoMC.sent', dossierToPortal(body, { tables }))
  const steps: readonly DossierProgressed[] = examples('dossier.progressed.v1')
  for (const body of steps) taken('CapNhatTienDoHoSoMC.sent', progressToPortal(body))
  const outcomes: readonly DossierOutcomeReported[] = examples('dossier.outcome-reported.v1')
  for (const body of outcomes) taken('DongBoTrangThaiHoSo.sent', outcomeToPortal(body))
  const results: readonly ResultIssued[] = examples('result.issued.v1')
  for (const result of results) {
    const body = dossiers.find(({ dossierCode }) => dossierCode === result.dossierCode)
    if (body === undefined) throw new Error(`No example of ${result.dossierCode}`)
    taken('DongBoHoSoMC.sent', dossierToPortal(body, { tables, results: [result] }))
  }
  t.ok(dossiers.length >= 3 && steps.length >= 3 && outcomes.length >= 3 && results.length >= 3)
})

t.test('every dossier of the demonstration comes back as it was', async (t) => {
  for (const { steps } of demoDossiers()) {
    for (const { service, item: sent } of steps) {
      if (service === 'DongBoHoSoMC') {
        const body = dossierFromPortal(sent as unknown as DossierItem, { madonvi })
        t.same(contracts.violations('dossier.received.v1', body), [])
        t.same(plain(dossierToPortal(body, { tables, isPublished: () => true })), plain(sent))
      } else if (service === 'CapNhatTienDoHoSoMC') {
        t.same(
          plain(progressToPortal(progressFromPortal(sent as unknown as ProgressItem, { madonvi })), {}),
          plain(sent, {}),
        )
      }
    }
  }
  t.ok(portalFiled().length > 0)
})

t.test('a dossier filed at the portal is read as far as it goes', async (t) => {
  const submitted = submittedFromPortal(
    {
      MaHoSo: 'G22.99-260110-0000021',
      MaTTHC: '1.004269',
      NgayNopHoSo: '20260110200500',
      LoaiDoiTuong: '1',
      TrangThaiHoSo: '',
    },
    { receivingUnit: 'H47.01' },
  )
  t.same(submitted, {
    dossierCode: 'G22.99-260110-0000021',
    procedure: { code: '1.004269' },
    receivingUnit: { code: 'H47.01' },
    owner: { kind: 'citizen' },
    submittedAt: '2026-01-10T13:05:00.000Z',
  })
  t.same(contracts.violations('dossier.submitted.v1', submitted), [])
})

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  )
}
