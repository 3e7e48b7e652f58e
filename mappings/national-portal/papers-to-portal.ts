import type {
  Fee,
  Identity,
  OtherPaper,
  ResultPaper,
  SubmittedFile,
  Supplement,
} from '../../contracts/canonical/types.ts'
import type {
  SentFee,
  SentFile,
  SentIdentity,
  SentOtherPaper,
  SentResult,
  SentSupplement,
} from '../../contracts/partners/national-portal/types.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { identityKinds, reuses } from '../tables/portal-codes.ts'
import { code, type Demand, deletion, demanded, each, flag, instant, required, requiredCode, text } from './writing.ts'

/** An item of `TaiLieuNop` or `DanhSachGiayToBoSung`; `sinceQd766` is the demand on what QĐ 766 added. */
export function fileToPortal(
  file: SubmittedFile,
  { place, sinceQd766 }: { readonly place: string; readonly sinceQd766: Demand },
): SentFile {
  return {
    TepDinhKemId: text(file.id, { field: `${place}.TepDinhKemId` }),
    // 4000: TD's DTO (wire-formats 1.2).
    TenTepDinhKem: text(file.name, { field: `${place}.TenTepDinhKem`, demand: required, max: 4000 }),
    IsDeleted: deletion(file.deleted, `${place}.IsDeleted`),
    MaThanhPhanHoSo: text(file.componentCode, { field: `${place}.MaThanhPhanHoSo` }),
    DuongDanTaiTepTin: text(file.url, { field: `${place}.DuongDanTaiTepTin`, demand: required }),
    DuocSoHoa: flag(file.digitised, { field: `${place}.DuocSoHoa`, demand: sinceQd766 }),
    DuocTaiSuDung: code(file.reuse, { field: `${place}.DuocTaiSuDung`, demand: sinceQd766, table: reuses }),
    DuocLayTuKhoDMQG: flag(file.fromNationalStore, { field: `${place}.DuocLayTuKhoDMQG`, demand: sinceQd766 }),
    MaKetQuaThayThe: text(file.replacedByResultCode, { field: `${place}.MaKetQuaThayThe` }),
  }
}

/** An item of `DanhSachLePhi` or `DanhSachLePhiBoSung`. */
export function feeToPortal(fee: Fee, place: string): SentFee {
  const amount = fee.amountVnd === undefined ? undefined : String(fee.amountVnd)
  return {
    TenPhiLePhi: text(fee.name, { field: `${place}.TenPhiLePhi`, demand: required }),
    MaPhiLePhi: text(fee.code, { field: `${place}.MaPhiLePhi`, demand: required }),
    HinhThucThu: text(fee.collectionCode, { field: `${place}.HinhThucThu`, demand: required }),
    Gia: text(amount, { field: `${place}.Gia`, demand: required }),
    LoaiPhiLePhi: text(fee.kindCode, { field: `${place}.LoaiPhiLePhi`, demand: required }),
  }
}

/** An item of `DanhSachTepDinhKemKhac`. */
export function otherPaperToPortal(paper: OtherPaper, place: string): SentOtherPaper {
  return {
    TenGiayTo: text(paper.name, { field: `${place}.TenGiayTo`, demand: required }),
    SoLuong: demanded(paper.count, { field: `${place}.SoLuong` }),
    LoaiGiayTo: demanded(paper.kindCode, { field: `${place}.LoaiGiayTo` }),
  }
}

/** An item of `DanhSachHoSoBoSung`; its dates go out as every other date does (wire-formats 1.2: the form is unproven). */
export function supplementToPortal(
  supplement: Supplement,
  { place, sinceQd766 }: { readonly place: string; readonly sinceQd766: Demand },
): SentSupplement {
  return {
    HoSoBoSungId: demanded(supplement.id, { field: `${place}.HoSoBoSungId` }),
    NguoiYeuCauBoSung: text(supplement.requestedBy, { field: `${place}.NguoiYeuCauBoSung`, demand: required }),
    NoiDungBoSung: text(supplement.request, { field: `${place}.NoiDungBoSung`, demand: required }),
    NgayBoSung: instant(supplement.requestedAt, { field: `${place}.NgayBoSung`, demand: required }),
    NguoiTiepNhanBoSung: text(supplement.receivedBy, { field: `${place}.NguoiTiepNhanBoSung` }),
    ThongTinTiepNhan: text(supplement.receptionNote, { field: `${place}.ThongTinTiepNhan` }),
    NgayTiepNhanBoSung: instant(supplement.receivedAt, { field: `${place}.NgayTiepNhanBoSung` }),
    TrangThaiBoSung: demanded(supplement.completed, { field: `${place}.TrangThaiBoSung` }),
    DanhSachGiayToBoSung: each(supplement.files, {
      field: `${place}.DanhSachGiayToBoSung`,
      write: (file, at) => fileToPortal(file, { place: at, sinceQd766 }),
    }),
    DanhSachLePhiBoSung: each(supplement.fees, { field: `${place}.DanhSachLePhiBoSung`, write: feeToPortal }),
    NgayHenTraTruoc: instant(supplement.dueBefore, { field: `${place}.NgayHenTraTruoc`, demand: required }),
    NgayHenTraMoi: instant(supplement.dueAfter, { field: `${place}.NgayHenTraMoi` }),
  }
}

/** An item of `DanhSachGiayToKetQua`. */
export function resultToPortal(paper: ResultPaper, place: string): SentResult {
  return {
    // 2000: TD's DTO (wire-formats 1.2).
    TenGiayTo: text(paper.name, { field: `${place}.TenGiayTo`, demand: required, max: 2000 }),
    MaThanhPhanHoSo: text(paper.componentCode, { field: `${place}.MaThanhPhanHoSo` }),
    GiayToId: text(paper.paperId, { field: `${place}.GiayToId` }),
    DuongDanTepTinKetQua: text(paper.url, { field: `${place}.DuongDanTepTinKetQua`, demand: required }),
    MaGiayToKetQua: text(paper.resultCode, { field: `${place}.MaGiayToKetQua` }),
  }
}

/** An item of `DinhDanhCHS`. */
export function identityToPortal(identity: Identity, place: string): SentIdentity {
  const LoaiDinhDanh = requiredCode(identity.kind, { field: `${place}.LoaiDinhDanh`, table: identityKinds })
  const digits = LoaiDinhDanh === '1' ? 12 : 9
  const field = `${place}.SoDinhDanh`
  if (!/^\d+$/.test(identity.number) || identity.number.length !== digits) {
    throw new GatewayError('value-unmappable', { field, rule: `${digits} digits` })
  }
  // Some products send this one for whoever has none (wire-formats 1.2, §8 no. 9). It is nobody's number.
  if (identity.number === '000000001') throw new GatewayError('value-unmappable', { field, rule: 'no placeholder' })
  return { LoaiDinhDanh, SoDinhDanh: identity.number }
}
