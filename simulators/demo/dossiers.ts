import { demoCatalogue } from '../national-portal/catalogue.ts'

/** A document of the national portal's formats, as it is on the wire. */
export type Item = Readonly<Record<string, unknown>>

/** One call of a one-window product. */
export interface DemoStep {
  readonly service: 'DongBoHoSoMC' | 'CapNhatTienDoHoSoMC'
  /** Of `DongBoHoSoMC` alone. */
  readonly isUpdating?: 'True' | 'False'
  readonly item: Item
}

/** A dossier's life, in the order in which its one-window product tells it. */
export interface DemoDossier {
  readonly code: string
  readonly area: 'land' | 'social-affairs' | 'civil-status' | 'construction' | 'business'
  /** v1: as OpenCPS wrote in 2020; v2: as products write since QĐ 766. */
  readonly form: 'v1' | 'v2'
  readonly ending: 'returned' | 'processed' | 'refused' | 'withdrawn' | 'stopped' | 'processing'
  readonly steps: readonly DemoStep[]
}

/** A dossier filed at the national portal for the province. */
export interface PortalFiled {
  readonly code: string
  readonly kind: 'promotion' | 'general'
  /** The body of the portal's call. */
  readonly document: Item
  /** `data` of the `DongBoTrangThaiHoSo` (type "2") with which the one-window reports what became of it. */
  readonly outcome: Item
}

/** The demonstration's dossiers. People, numbers and units are made up; the procedures' codes and all forms are real. */
export function demoDossiers(): readonly DemoDossier[] {
  return [
    dossier({
      serial: '000.00.01.H47-261005-0001',
      area: 'land',
      procedure: '1.004269',
      unit: 'Sở Tài nguyên và Môi trường (mẫu)',
      owner: citizen(1),
      summary: 'Cung cấp thông tin thửa đất số 101, tờ bản đồ số 5',
      channel: '2',
      story: ['2', '4', '9', '10'],
      fee: { name: 'Phí khai thác dữ liệu đất đai', amountVnd: '50000' },
      hasResult: true,
    }),
    dossier({
      serial: '000.00.01.H47-261005-0002',
      area: 'land',
      procedure: '1.004227',
      unit: 'Văn phòng Đăng ký đất đai (mẫu)',
      owner: citizen(2),
      summary: 'Đăng ký biến động do nhận chuyển nhượng toàn bộ thửa đất số 102',
      channel: '1',
      story: ['4', '5', '4', '9'],
      fee: { name: 'Phí thẩm định hồ sơ', amountVnd: '80000' },
      hasResult: true,
    }),
    dossier({
      serial: '000.00.01.H47-261006-0003',
      area: 'land',
      procedure: '1.004193',
      unit: 'Văn phòng Đăng ký đất đai (mẫu)',
      owner: citizen(3),
      summary: 'Đính chính họ tên trên Giấy chứng nhận',
      channel: '2',
      story: ['1', '3'],
    }),
    dossier({
      serial: '000.00.01.H47-261006-0004',
      area: 'land',
      form: 'v1',
      procedure: '1.004269',
      unit: 'Sở Tài nguyên và Môi trường (mẫu)',
      owner: citizen(4),
      summary: 'Cung cấp bản sao hồ sơ địa chính',
      channel: '1',
      story: ['2', '4', '10'],
      hasResult: true,
    }),
    dossier({
      serial: '000.00.01.H47-261007-0005',
      area: 'land',
      procedure: '1.004227',
      unit: 'Văn phòng Đăng ký đất đai (mẫu)',
      owner: citizen(5),
      summary: 'Đăng ký biến động do tặng cho quyền sử dụng đất',
      channel: '2',
      story: ['2', '4', '6', '4', '9'],
      fee: { name: 'Phí thẩm định hồ sơ', amountVnd: '80000' },
      hasResult: true,
    }),
    dossier({
      serial: '000.10.01.H47-261005-0001',
      area: 'social-affairs',
      procedure: '1.001776',
      unit: 'Ủy ban nhân dân xã Mẫu Một',
      owner: citizen(6),
      summary: 'Đề nghị hưởng trợ cấp xã hội hàng tháng (người cao tuổi)',
      channel: '1',
      story: ['2', '4', '9', '10'],
      hasResult: true,
    }),
    dossier({
      serial: '000.10.02.H47-261005-0001',
      area: 'social-affairs',
      procedure: '1.001776',
      unit: 'Ủy ban nhân dân xã Mẫu Hai',
      owner: citizen(7),
      summary: 'Đề nghị điều chỉnh mức trợ cấp xã hội hàng tháng',
      channel: '1',
      story: ['4', '7'],
    }),
    dossier({
      serial: '000.00.05.H47-261006-0001',
      area: 'social-affairs',
      procedure: '2.000477',
      unit: 'Sở Lao động - Thương binh và Xã hội (mẫu)',
      owner: citizen(8),
      summary: 'Đề nghị dừng trợ giúp xã hội tại cơ sở',
      channel: '1',
      story: ['2', '4', '8'],
    }),
    dossier({
      serial: '000.10.03.H47-261006-0001',
      area: 'social-affairs',
      procedure: '1.001731',
      unit: 'Ủy ban nhân dân phường Mẫu Ba',
      owner: citizen(9),
      summary: 'Đề nghị hỗ trợ chi phí mai táng',
      channel: '3',
      story: ['4', '9', '10'],
      hasResult: true,
    }),
    dossier({
      serial: '000.10.01.H47-261007-0002',
      area: 'civil-status',
      procedure: '1.001193',
      unit: 'Ủy ban nhân dân xã Mẫu Một',
      owner: citizen(10),
      summary: 'Đăng ký khai sinh cho trẻ NGUYỄN THỊ THỬ BÉ',
      channel: '2',
      story: ['2', '10'],
      hasResult: true,
    }),
    dossier({
      serial: '000.10.02.H47-261007-0002',
      area: 'civil-status',
      procedure: '1.000656',
      unit: 'Ủy ban nhân dân xã Mẫu Hai',
      owner: citizen(11),
      summary: 'Đăng ký khai tử',
      channel: '1',
      story: ['2', '10'],
      hasResult: true,
    }),
    dossier({
      serial: '000.10.03.H47-261007-0002',
      area: 'civil-status',
      procedure: '1.004873',
      unit: 'Ủy ban nhân dân phường Mẫu Ba',
      owner: citizen(12),
      summary: 'Xác nhận tình trạng hôn nhân để đăng ký kết hôn',
      channel: '2',
      story: ['4', '5', '4', '10'],
      fee: { name: 'Phí xác nhận tình trạng hôn nhân', amountVnd: '15000' },
      hasResult: true,
      listsSupplement: true,
    }),
    dossier({
      serial: '000.10.01.H47-261008-0003',
      area: 'civil-status',
      form: 'v1',
      procedure: '2.000635',
      unit: 'Ủy ban nhân dân xã Mẫu Một',
      owner: citizen(13),
      summary: 'Cấp bản sao trích lục khai sinh',
      channel: '1',
      story: ['4', '10'],
      hasResult: true,
    }),
    dossier({
      serial: '000.10.02.H47-261008-0003',
      area: 'construction',
      procedure: '1.009994',
      unit: 'Ủy ban nhân dân xã Mẫu Hai',
      owner: citizen(14),
      summary: 'Cấp giấy phép xây dựng nhà ở riêng lẻ hai tầng',
      channel: '2',
      story: ['2', '4', '9', '10'],
      fee: { name: 'Lệ phí cấp giấy phép xây dựng', amountVnd: '75000' },
      hasResult: true,
    }),
    dossier({
      serial: '000.00.02.H47-261008-0001',
      area: 'construction',
      procedure: '1.009974',
      unit: 'Sở Xây dựng (mẫu)',
      owner: enterprise(15),
      summary: 'Cấp giấy phép xây dựng công trình nhà xưởng mẫu',
      channel: '2',
      story: ['2', '4'],
    }),
    dossier({
      serial: '000.00.03.H47-261009-0001',
      area: 'business',
      procedure: '2.001610',
      unit: 'Sở Kế hoạch và Đầu tư (mẫu)',
      owner: enterprise(16),
      summary: 'Đăng ký thành lập doanh nghiệp tư nhân Thử Nghiệm Mười Sáu',
      channel: '2',
      story: ['2', '4', '10'],
      fee: { name: 'Lệ phí đăng ký doanh nghiệp', amountVnd: '50000' },
      hasResult: true,
    }),
  ]
}

/** The unit a dossier's code begins with, which is the one that speaks of it. */
export function unitOf(code: string): string {
  return code.slice(0, code.indexOf('-'))
}

/** What citizens and enterprises file at the national portal for the province. */
export function portalFiled(): readonly PortalFiled[] {
  return [promotionNotice('G22.99-261010-0000001'), generalFiling('G22.99-261012-0000002')]
}

interface Owner {
  readonly kind: '1' | '2'
  readonly name: string
  readonly paper: string
  /** The identity paper of the citizen, or of who acts for the enterprise. */
  readonly identity: string
  readonly phone: string
}

interface Facts {
  /** The dossier's code; its date is the day of reception. */
  readonly serial: string
  readonly area: DemoDossier['area']
  readonly form?: 'v1' | 'v2'
  readonly procedure: string
  readonly unit: string
  readonly owner: Owner
  readonly summary: string
  /** `KenhThucHien`: 1 direct, 2 online, 3 postal. */
  readonly channel: '1' | '2' | '3'
  /** The statuses it goes through (wire-formats 2.1). */
  readonly story: readonly string[]
  readonly fee?: { readonly name: string; readonly amountVnd: string }
  readonly hasResult?: boolean
  /** Most products never fill `DanhSachHoSoBoSung`. */
  readonly listsSupplement?: boolean
}

const endings: Readonly<Record<string, DemoDossier['ending']>> = {
  '3': 'refused',
  '4': 'processing',
  '7': 'withdrawn',
  '8': 'stopped',
  '9': 'processed',
  '10': 'returned',
}

const stepTexts: Readonly<Record<string, readonly [person: string, title: string, text: string]>> = {
  '1': ['Hệ thống một cửa', '', 'Hồ sơ mới đăng ký'],
  '2': ['Trần Thị Thử', 'Chuyên viên tiếp nhận', 'Tiếp nhận hồ sơ'],
  '3': ['Trần Thị Thử', 'Chuyên viên tiếp nhận', 'Không tiếp nhận: thành phần hồ sơ không hợp lệ'],
  '4': ['Lê Văn Thử', 'Chuyên viên', 'Thẩm định hồ sơ'],
  '5': ['Lê Văn Thử', 'Chuyên viên', 'Yêu cầu bổ sung: bản sao có chứng thực giấy tờ tùy thân'],
  '6': ['Lê Văn Thử', 'Chuyên viên', 'Yêu cầu thực hiện nghĩa vụ tài chính'],
  '7': ['Trần Thị Thử', 'Chuyên viên tiếp nhận', 'Công dân yêu cầu rút hồ sơ'],
  '8': ['Phạm Thị Thử', 'Trưởng phòng', 'Dừng xử lý: đối tượng đã chuyển nơi cư trú'],
  '9': ['Phạm Thị Thử', 'Trưởng phòng', 'Đã xử lý xong, chuyển trả kết quả'],
  '10': ['Trần Thị Thử', 'Chuyên viên tiếp nhận', 'Đã trả kết quả'],
}

/** Each status is told as the products do it: the whole dossier, then the step that led there. */
function dossier(facts: Facts): DemoDossier {
  const form = facts.form ?? 'v2'
  const steps = facts.story.flatMap((status, index): readonly DemoStep[] => [
    {
      service: 'DongBoHoSoMC',
      isUpdating: index === 0 ? 'False' : 'True',
      item: form === 'v1' ? v1Item(facts, index) : v2Item(facts, index),
    },
    { service: 'CapNhatTienDoHoSoMC', item: progressItem(facts, { status, index }) },
  ])
  const ending = endings[facts.story.at(-1) ?? ''] ?? 'processing'
  return { code: facts.serial, area: facts.area, form, ending, steps }
}

/** The fields of 2020, in OpenCPS's order; optional ones without a value are sent empty. */
function v1Item(facts: Facts, index: number): Item {
  const { owner } = facts
  const status = facts.story[index] ?? ''
  const isOver = ['3', '7', '8', '9', '10'].includes(status)
  const result = facts.hasResult === true && ['9', '10'].includes(status)
  return {
    MaHoSo: facts.serial,
    ...procedureFields(facts.procedure),
    SoBienNhan: facts.serial.slice(-11),
    ChuHoSo: owner.name,
    LoaiDoiTuong: owner.kind,
    MaDoiTuong: '',
    ThongTinKhac: '',
    Email: '',
    Fax: '',
    SoDienThoai: owner.phone,
    TrichYeuHoSo: facts.summary,
    NgayTiepNhan: at(facts, { day: 0, time: '083000' }),
    NgayHenTra: at(facts, { day: 14, time: '170000' }),
    TrangThaiHoSo: status,
    NgayTra: status === '10' ? at(facts, { day: index, time: '150000' }) : '',
    ThongTinTra: status === '10' ? 'Đã trả kết quả tại bộ phận một cửa' : '',
    HinhThuc: facts.channel === '3' ? '1' : '0',
    NgayKetThucXuLy: isOver ? at(facts, { day: index, time: '140000' }) : '',
    DonViXuLy: facts.unit,
    GhiChu: '',
    TaiLieuNop: [
      {
        TepDinhKemId: '1',
        TenTepDinhKem: 'don-de-nghi.pdf',
        IsDeleted: 'False',
        MaThanhPhanHoSo: paperCode(facts.procedure),
        DuongDanTaiTepTin: `https://motcua.example/tep/${facts.serial}/don-de-nghi.pdf`,
      },
    ],
    DanhSachLePhi: facts.fee
      ? [
          {
            TenPhiLePhi: facts.fee.name,
            MaPhiLePhi: '1',
            HinhThucThu: '1',
            Gia: facts.fee.amountVnd,
            LoaiPhiLePhi: '1',
          },
        ]
      : [],
    DanhSachTepDinhKemKhac: [],
    DanhSachHoSoBoSung: facts.listsSupplement && index > 1 ? [supplement(facts)] : [],
    DanhSachGiayToKetQua: result
      ? [
          {
            TenGiayTo: resultOf(facts.procedure).TENKETQUA,
            MaThanhPhanHoSo: '',
            GiayToId: '1',
            DuongDanTepTinKetQua: `https://motcua.example/ket-qua/${facts.serial}/ket-qua.pdf`,
          },
        ]
      : [],
  }
}

/** The fields since QĐ 766 on top. */
function v2Item(facts: Facts, index: number): Item {
  const { owner } = facts
  const base = v1Item(facts, index)
  return {
    ...base,
    KenhThucHien: facts.channel,
    SoGiayToChuHoSo: owner.paper,
    MaDoiTuong: facts.channel === '2' ? `demo-tech-${owner.paper}` : null,
    TaiLieuNop: listOf(base.TaiLieuNop).map((file) => ({
      ...file,
      DuocSoHoa: '1',
      DuocTaiSuDung: '0',
      DuocLayTuKhoDMQG: '0',
      MaKetQuaThayThe: '',
    })),
    DanhSachGiayToKetQua: listOf(base.DanhSachGiayToKetQua).map((paper) => ({
      ...paper,
      MaGiayToKetQua: resultOf(facts.procedure).MAKETQUA,
    })),
    NoiNopHoSo: '2',
    HoSoCoThanhPhanSoHoa: '1',
    TaiKhoanDuocXacThucVoiVNeID: facts.channel === '2' ? '1' : '0',
    DuocThanhToanTrucTuyen: facts.fee === undefined ? '0' : facts.channel === '2' ? '1' : '3',
    NgayTuChoi: facts.story[index] === '3' ? at(facts, { day: index, time: '140000' }) : '',
    DinhDanhCHS: [{ LoaiDinhDanh: '1', SoDinhDanh: owner.identity }],
    NgayNopHoSo: at(facts, { day: 0, time: '080000' }),
    DSKetNoiCSDL: facts.area === 'civil-status' ? [{ MaCSDL: '1' }, { MaCSDL: '7' }] : [{ MaCSDL: '7' }],
  }
}

function progressItem(facts: Facts, { status, index }: { readonly status: string; readonly index: number }): Item {
  const [person = '', title = '', text = ''] = stepTexts[status] ?? []
  return {
    MaHoSo: facts.serial,
    NguoiXuLy: person,
    ChucDanh: title,
    ThoiDiemXuLy: at(facts, { day: index, time: '143000' }),
    PhongBanXuLy: facts.unit,
    NoiDungXuLy: text,
    TrangThai: status,
    NgayBatDau: at(facts, { day: index, time: '083000' }),
    NgayKetThucTheoQuyDinh: at(facts, { day: 14, time: '170000' }),
  }
}

function supplement(facts: Facts): Item {
  return {
    HoSoBoSungId: 1,
    NguoiYeuCauBoSung: 'Lê Văn Thử',
    NoiDungBoSung: 'Bản sao có chứng thực giấy tờ tùy thân',
    NgayBoSung: at(facts, { day: 1, time: '143000' }),
    NguoiTiepNhanBoSung: 'Trần Thị Thử',
    ThongTinTiepNhan: 'Đã nhận đủ',
    NgayTiepNhanBoSung: at(facts, { day: 2, time: '083000' }),
    TrangThaiBoSung: true,
    DanhSachGiayToBoSung: [],
    DanhSachLePhiBoSung: [],
    NgayHenTraTruoc: at(facts, { day: 14, time: '170000' }),
    NgayHenTraMoi: at(facts, { day: 16, time: '170000' }),
  }
}

/** A promotion notice with every documented field (wire-formats 1.6), all of them strings. */
function promotionNotice(code: string): PortalFiled {
  const owner = enterprise(21)
  // The smallest text that is a PDF by its first bytes; what is inside is nobody's business here.
  const file = Buffer.from('%PDF-1.4\n% Đơn đăng ký mẫu\n%%EOF\n').toString('base64')
  return {
    code,
    kind: 'promotion',
    document: {
      MaHoSo: code,
      MaTTHC: '2.000033',
      MaSoThue: owner.paper,
      TenThuongNhan: owner.name,
      SoVanBan: '01/TB-MAU',
      NgayNopHoSo: '20261010090000',
      DiaChiDoanhNghiep: { MaTinh: '49', MaHuyen: '', MaXa: '00001', DiaChiChiTiet: 'Số 1 đường Mẫu' },
      DienThoai: owner.phone,
      Fax: '',
      Email: 'thu.nghiem@example.vn',
      NguoiLienHe: 'Nguyễn Thị Thử',
      SoDienThoaiNguoiLienHe: owner.phone,
      TenChuongTrinhKhuyenMai: 'Tuần lễ mẫu',
      HinhThucKhuyenMai: 'Giảm giá',
      ThoiGianKhuyenMaiTu: '20261020000000',
      ThoiGianKhuyenMaiDen: '20261027235959',
      HangHoaDichVuKhuyenMai: 'Hàng gia dụng',
      SoLuongHangHoaDichVu: '1000',
      KhachHang: 'Mọi khách hàng',
      CoCauGiaiThuong: '',
      TongGiaTriHangHoa: '100000000',
      NoiDungChiTiet: 'Giảm giá 10% cho mọi mặt hàng gia dụng',
      TenCacThuongNhanCungThucHien: '',
      TenTepDonDangKy: 'don-dang-ky.pdf',
      TepDonDangKy: file,
      TaiLieuNop: [{ TenTepDinhKem: 'the-le.pdf', Base64: file }],
    },
    outcome: {
      MaHoSo: code,
      TrangThai: '9',
      MaHoSoDonVi: '000.00.04.H47-261010-0001',
      MaDoiTuong: '',
      NoiDung: 'Đã tiếp nhận thông báo hoạt động khuyến mại',
      NgayXuLy: '20261011100000',
      TaiLieuXuLy: [
        {
          TepDinhKemId: null,
          TenTepDinhKem: 'xac-nhan.pdf',
          IsDeleted: 'False',
          MaThanhPhanHoSo: '',
          DuongDanTaiTepTin: `https://motcua.example/ket-qua/${code}/xac-nhan.pdf`,
        },
      ],
    },
  }
}

/** A general filing in the shape of `DongBoHoSoMC`; assumed, as no source shows the portal's own (wire-formats 1.6). */
function generalFiling(code: string): PortalFiled {
  const facts: Facts = {
    serial: code,
    area: 'civil-status',
    procedure: '1.004873',
    unit: 'Ủy ban nhân dân xã Mẫu Một',
    owner: citizen(22),
    summary: 'Xác nhận tình trạng hôn nhân nộp trên Cổng DVCQG',
    channel: '2',
    story: ['1'],
  }
  const document = { ...v2Item(facts, 0), SoBienNhan: '', NgayHenTra: '', NoiNopHoSo: '1' }
  return {
    code,
    kind: 'general',
    document,
    outcome: {
      MaHoSo: code,
      // Refused: products write 11 here, not 3 (wire-formats 1.6).
      TrangThai: '11',
      MaHoSoDonVi: '000.10.01.H47-261012-0004',
      MaDoiTuong: `demo-tech-${facts.owner.paper}`,
      NoiDung: 'Không tiếp nhận: nơi thường trú không thuộc xã Mẫu Một',
      NgayXuLy: '20261013083000',
      TaiLieuXuLy: [],
    },
  }
}

function citizen(index: number): Owner {
  const serial = String(index).padStart(2, '0')
  const number = `0490900000${serial}`
  const [family, given] = index % 2 === 0 ? ['TRẦN THỊ', 'THỬ'] : ['NGUYỄN VĂN', 'THỬ']
  return {
    kind: '1',
    name: `${family} ${given} ${spoken(index)}`,
    paper: number,
    identity: number,
    phone: `09000000${serial}`,
  }
}

function enterprise(index: number): Owner {
  const serial = String(index).padStart(2, '0')
  return {
    kind: '2',
    name: `DOANH NGHIỆP THỬ NGHIỆM ${spoken(index)}`,
    paper: `04000000${serial}`,
    identity: `0490900000${serial}`,
    phone: `09000000${serial}`,
  }
}

/** 12 → `MƯỜI HAI`: names nobody bears. */
function spoken(number: number): string {
  const units = ['', 'MỘT', 'HAI', 'BA', 'BỐN', 'NĂM', 'SÁU', 'BẢY', 'TÁM', 'CHÍN']
  const tens = Math.floor(number / 10)
  const ten = tens === 0 ? '' : tens === 1 ? 'MƯỜI' : `${units[tens]} MƯƠI`
  return `${ten} ${units[number % 10]}`.trim()
}

/** The day of the code plus so many days, as the portal writes it. */
function at(facts: Facts, { day, time }: { readonly day: number; readonly time: string }): string {
  const [, year, month, date] = /-(\d\d)(\d\d)(\d\d)-/.exec(facts.serial) ?? []
  const days = Date.UTC(2000 + Number(year), Number(month) - 1, Number(date) + day)
  return new Date(days).toISOString().slice(0, 10).replaceAll('-', '') + time
}

function procedureFields(code: string): Item {
  const record = procedureOf(code)
  const [sector] = listOf(record.LINHVUCTHUCHIEN)
  return {
    MaTTHC: `${code}.000.00.00.H47`,
    TenTTHC: record.TENTTHC,
    MaLinhVuc: sector?.MALINHVUC,
    TenLinhVuc: sector?.TENLINHVUC,
  }
}

function paperCode(code: string): unknown {
  const [group] = listOf(procedureOf(code).THANHPHANHOSO)
  return listOf(group?.GIAYTO)[0]?.MAGIAYTO
}

function resultOf(code: string): Item {
  return listOf(procedureOf(code).KETQUATHUCHIEN)[0] ?? {}
}

function procedureOf(code: string): Item & { readonly TENTTHC: string } {
  const record = demoCatalogue().procedures.find(({ MaTTHC }) => MaTTHC === code)
  if (!record) throw new Error(`the catalogue has no ${code}`)
  return record
}

function listOf(value: unknown): readonly Item[] {
  return Array.isArray(value) ? value : []
}
