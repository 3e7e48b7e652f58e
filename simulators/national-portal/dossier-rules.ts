/** Why the portal refuses a document, in its own words; `undefined` when it does not. */
export type Objection = string | undefined

/** What the rules need to know of the portal. */
export interface RuleBook {
  isProcedure(code: string): boolean
  /** Refuses the form from before QĐ 766 (v1) too. */
  readonly requiresV2: boolean
}

/**
 * Judges one `DongBoHoSoMC` item by the M and M? columns of wire-formats 1.2.
 * An item that fills none of the fields added after QĐ 766 is judged as v1, every other one as v2.
 */
export function objectionToDossier(item: unknown, book: RuleBook): Objection {
  if (!isRecord(item)) return 'Hồ sơ không đúng định dạng'
  const isV2 = book.requiresV2 || v2Markers.some((name) => isFilled(item[name]))
  const shape = objectionToFields(item, dossierFields, isV2)
  if (shape !== undefined) return shape
  if (!book.isProcedure(String(item.MaTTHC))) return 'Mã TTHC không tồn tại trên CSDL quốc gia về TTHC'
  return (
    objectionToList(item, 'TaiLieuNop', (file) => objectionToFields(file, submittedFileFields, isV2)) ??
    objectionToList(item, 'DanhSachLePhi', (fee) => objectionToFields(fee, feeFields, isV2)) ??
    objectionToList(item, 'DanhSachTepDinhKemKhac', (paper) => objectionToFields(paper, otherPaperFields, isV2)) ??
    objectionToList(item, 'DanhSachHoSoBoSung', (supplement) => objectionToSupplement(supplement, isV2)) ??
    objectionToList(item, 'DanhSachGiayToKetQua', (paper) => objectionToFields(paper, resultFields, isV2)) ??
    objectionToList(item, 'DinhDanhCHS', objectionToIdentity) ??
    objectionToList(item, 'DSKetNoiCSDL', (database) =>
      objectionToFields(database, { MaCSDL: required(anyText) }, isV2),
    ) ??
    (isV2 && !isFilled(item.DinhDanhCHS) ? missing('DinhDanhCHS') : undefined) ??
    (isV2 && !Array.isArray(item.DSKetNoiCSDL) ? missing('DSKetNoiCSDL') : undefined)
  )
}

/** Judges one `CapNhatTienDoHoSoMC` item (wire-formats 1.3). */
export function objectionToProgress(item: unknown): Objection {
  return isRecord(item) ? objectionToFields(item, progressFields, true) : 'Tiến độ không đúng định dạng'
}

/** Judges the `data` object of `DongBoTrangThaiHoSo` (wire-formats 1.6). */
export function objectionToOutcome(data: unknown): Objection {
  if (!isRecord(data)) return 'Trường data phải là một đối tượng'
  return (
    objectionToFields(data, outcomeFields, true) ??
    objectionToList(data, 'TaiLieuXuLy', (file) => objectionToFields(file, submittedFileFields, false))
  )
}

/** `yyyyMMddHHmmss` of a day and a time that exist. */
export function isPortalDateTime(value: string): boolean {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(value) ?? []
  if (year === undefined) return false
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(date.getTime())) return false
  return date.toISOString().replace(/\D/g, '').slice(0, 14) === value
}

type Check = (value: unknown) => boolean
type Need = 'always' | 'v1' | 'v2' | 'never'
interface Field {
  readonly need: Need
  readonly check: Check
}

const text =
  (maxLength: number): Check =>
  (value) =>
    typeof value === 'string' && value.length <= maxLength
/** For fields whose length no source limits. */
const anyText = text(100_000)
const oneOf =
  (...allowed: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && allowed.includes(value)
const matching =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && value.length <= 100 && pattern.test(value)
const dateTime: Check = (value) => typeof value === 'string' && isPortalDateTime(value)
/** The format inside supplements is unproven (wire-formats 1.2): portal form or ISO. */
const supplementTime: Check = (value) =>
  dateTime(value) || (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value)))
const wholeNumber: Check = (value) => Number.isSafeInteger(value)
const link: Check = (value) => typeof value === 'string' && value.length <= 2000 && /^https?:\/\/\S+$/.test(value)
const list: Check = Array.isArray
const flag = oneOf('0', '1')
/** Marks a paper as removed; capitalised text, never a JSON boolean. */
const removed = oneOf('True', 'False')
const status = oneOf('1', '2', '3', '4', '5', '6', '7', '8', '9', '10')

const required = (check: Check): Field => ({ need: 'always', check })
const optional = (check: Check): Field => ({ need: 'never', check })
const since2022 = (check: Check): Field => ({ need: 'v2', check })
const until2022 = (check: Check): Field => ({ need: 'v1', check })

/** Permissive on purpose: both agency forms, 6- and 8-digit dates (wire-formats 2.2). */
const dossierCode = matching(/^[A-Z0-9.]+-\d{6}(\d{2})?-\d{3,8}$/)

/** `NoiNopHoSo` is left out: it is a constant of the format and says nothing about the sender's generation. */
const v2Markers = [
  'KenhThucHien',
  'SoGiayToChuHoSo',
  'HoSoCoThanhPhanSoHoa',
  'TaiKhoanDuocXacThucVoiVNeID',
  'DuocThanhToanTrucTuyen',
  'NgayNopHoSo',
  'DinhDanhCHS',
  'DSKetNoiCSDL',
]

const dossierFields: Readonly<Record<string, Field>> = {
  MaHoSo: required(dossierCode),
  MaTTHC: required(anyText),
  TenTTHC: required(anyText),
  MaLinhVuc: required(anyText),
  TenLinhVuc: required(anyText),
  SoBienNhan: optional(anyText),
  KenhThucHien: since2022(oneOf('1', '2', '3')),
  ChuHoSo: optional(anyText),
  SoGiayToChuHoSo: since2022(anyText),
  LoaiDoiTuong: required(oneOf('1', '2', '3', '4')),
  MaDoiTuong: optional(anyText),
  ThongTinKhac: optional(anyText),
  Email: optional(anyText),
  Fax: optional(anyText),
  SoDienThoai: until2022(anyText),
  TrichYeuHoSo: until2022(text(1000)),
  NgayTiepNhan: required(dateTime),
  NgayHenTra: until2022(dateTime),
  TrangThaiHoSo: required(status),
  NgayTra: optional(dateTime),
  ThongTinTra: optional(anyText),
  HinhThuc: required(flag),
  NgayKetThucXuLy: optional(dateTime),
  DonViXuLy: required(anyText),
  GhiChu: optional(anyText),
  TaiLieuNop: optional(list),
  DanhSachLePhi: optional(list),
  DanhSachTepDinhKemKhac: optional(list),
  DanhSachHoSoBoSung: optional(list),
  DanhSachGiayToKetQua: optional(list),
  NoiNopHoSo: since2022(oneOf('1', '2')),
  HoSoCoThanhPhanSoHoa: since2022(flag),
  TaiKhoanDuocXacThucVoiVNeID: since2022(flag),
  DuocThanhToanTrucTuyen: since2022(oneOf('0', '1', '2', '3')),
  NgayTuChoi: optional(dateTime),
  DinhDanhCHS: optional(list),
  NgayNopHoSo: since2022(dateTime),
  DSKetNoiCSDL: optional(list),
}

const submittedFileFields: Readonly<Record<string, Field>> = {
  TepDinhKemId: optional(anyText),
  TenTepDinhKem: required(text(4000)),
  IsDeleted: required(removed),
  MaThanhPhanHoSo: optional(anyText),
  DuongDanTaiTepTin: required(link),
  DuocSoHoa: since2022(flag),
  DuocTaiSuDung: since2022(oneOf('0', '1', '2')),
  DuocLayTuKhoDMQG: since2022(flag),
  MaKetQuaThayThe: optional(anyText),
}

const feeFields: Readonly<Record<string, Field>> = {
  TenPhiLePhi: required(anyText),
  MaPhiLePhi: required(anyText),
  HinhThucThu: required(anyText),
  Gia: required(matching(/^\d{1,15}$/)),
  LoaiPhiLePhi: required(anyText),
}

const otherPaperFields: Readonly<Record<string, Field>> = {
  TenGiayTo: required(anyText),
  SoLuong: required(wholeNumber),
  LoaiGiayTo: required(wholeNumber),
}

const resultFields: Readonly<Record<string, Field>> = {
  TenGiayTo: required(text(2000)),
  MaThanhPhanHoSo: optional(anyText),
  GiayToId: optional(anyText),
  DuongDanTepTinKetQua: required(link),
  MaGiayToKetQua: optional(anyText),
}

const supplementFields: Readonly<Record<string, Field>> = {
  HoSoBoSungId: required(wholeNumber),
  NguoiYeuCauBoSung: required(anyText),
  NoiDungBoSung: required(anyText),
  NgayBoSung: required(supplementTime),
  NguoiTiepNhanBoSung: optional(anyText),
  ThongTinTiepNhan: optional(anyText),
  NgayTiepNhanBoSung: optional(supplementTime),
  TrangThaiBoSung: required((value) => typeof value === 'boolean'),
  DanhSachGiayToBoSung: optional(list),
  DanhSachLePhiBoSung: optional(list),
  NgayHenTraTruoc: required(supplementTime),
  NgayHenTraMoi: optional(supplementTime),
}

const progressFields: Readonly<Record<string, Field>> = {
  MaHoSo: required(dossierCode),
  NguoiXuLy: required(text(50)),
  ChucDanh: optional(anyText),
  ThoiDiemXuLy: required(dateTime),
  PhongBanXuLy: optional(anyText),
  NoiDungXuLy: optional(anyText),
  TrangThai: required(status),
  NgayBatDau: optional(dateTime),
  NgayKetThucTheoQuyDinh: optional(dateTime),
}

const outcomeFields: Readonly<Record<string, Field>> = {
  MaHoSo: required(anyText),
  // A refusal is 11 here, not 3 (wire-formats 1.6).
  TrangThai: required(oneOf('1', '2', '4', '5', '6', '7', '8', '9', '10', '11')),
  MaHoSoDonVi: optional(anyText),
  MaDoiTuong: optional(anyText),
  NoiDung: optional(anyText),
  NgayXuLy: required(dateTime),
  TaiLieuXuLy: optional(list),
}

function objectionToFields(item: unknown, fields: Readonly<Record<string, Field>>, isV2: boolean): Objection {
  if (!isRecord(item)) return 'Dữ liệu không đúng định dạng'
  for (const name of Object.keys(item)) {
    if (!Object.hasOwn(fields, name)) return `Trường ${name} không có trong cấu trúc dữ liệu`
  }
  for (const [name, field] of Object.entries(fields)) {
    const value = item[name]
    if (value === undefined || value === null || value === '') {
      if (field.need === 'always' || field.need === (isV2 ? 'v2' : 'v1')) return missing(name)
    } else if (!field.check(value)) return `Trường ${name} không hợp lệ`
  }
  return undefined
}

function objectionToList(
  item: Readonly<Record<string, unknown>>,
  name: string,
  objectionTo: (entry: unknown) => Objection,
): Objection {
  const value = item[name]
  if (!Array.isArray(value)) return undefined
  for (const entry of value) {
    const objection = objectionTo(entry)
    if (objection !== undefined) return `${name}: ${objection}`
  }
  return undefined
}

function objectionToSupplement(supplement: unknown, isV2: boolean): Objection {
  const shape = objectionToFields(supplement, supplementFields, isV2)
  if (shape !== undefined || !isRecord(supplement)) return shape
  return (
    objectionToList(supplement, 'DanhSachGiayToBoSung', (file) => objectionToFields(file, submittedFileFields, isV2)) ??
    objectionToList(supplement, 'DanhSachLePhiBoSung', (fee) => objectionToFields(fee, feeFields, isV2))
  )
}

/** 1 = CCCD, 12 digits; 2 = CMND, 9 digits. The invented `000000001` some products send is no one's number. */
function objectionToIdentity(identity: unknown): Objection {
  const shape = objectionToFields(
    identity,
    { LoaiDinhDanh: required(oneOf('1', '2')), SoDinhDanh: required(matching(/^\d+$/)) },
    true,
  )
  if (shape !== undefined || !isRecord(identity)) return shape
  const digits = String(identity.SoDinhDanh)
  if (digits.length !== (identity.LoaiDinhDanh === '1' ? 12 : 9) || digits === '000000001') {
    return 'Trường SoDinhDanh không hợp lệ'
  }
  return undefined
}

function missing(name: string): string {
  return `Trường ${name} là bắt buộc`
}

function isFilled(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
