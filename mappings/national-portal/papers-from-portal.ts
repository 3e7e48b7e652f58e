import type {
  Fee,
  Identity,
  OtherPaper,
  ResultPaper,
  SubmittedFile,
  Supplement,
} from '../../contracts/canonical/types.ts'
import type {
  DinhDanh,
  GiayToKetQua,
  HoSoBoSung,
  LePhi,
  TaiLieuNop,
  TepDinhKemKhac,
} from '../../contracts/partners/national-portal/types.ts'
import { present, presentList } from '../present.ts'
import { identityKinds, reuses } from '../tables/portal-codes.ts'
import { eachOf, given, givenAmount, givenDeletion, givenFlag, givenName, nameOf, type Scalar } from './reading.ts'
import { instantFromLocal } from './time.ts'

/** An item of `TaiLieuNop`, `DanhSachGiayToBoSung` or `TaiLieuXuLy`. */
export function fileFromPortal(item: TaiLieuNop, place: string): SubmittedFile {
  return present({
    id: given(typeof item.TepDinhKemId === 'number' ? String(item.TepDinhKemId) : item.TepDinhKemId),
    name: given(item.TenTepDinhKem),
    deleted: givenDeletion(item.IsDeleted, `${place}.IsDeleted`),
    componentCode: given(item.MaThanhPhanHoSo),
    url: given(item.DuongDanTaiTepTin),
    digitised: givenFlag(item.DuocSoHoa, `${place}.DuocSoHoa`),
    reuse: givenName(item.DuocTaiSuDung, { field: `${place}.DuocTaiSuDung`, table: reuses }),
    fromNationalStore: givenFlag(item.DuocLayTuKhoDMQG, `${place}.DuocLayTuKhoDMQG`),
    replacedByResultCode: given(item.MaKetQuaThayThe),
  })
}

/** Products join the links of several files with `##` (wire-formats section 8, row 10): each is a file of its own. */
export function eachLinked<File extends { readonly url?: string }>(files: readonly File[]): readonly File[] {
  return files.flatMap((file) => {
    const links = (file.url ?? '').split('##').filter((link) => link !== '')
    return links.length < 2 ? [file] : links.map((url) => ({ ...file, url }))
  })
}

/** An item of `DanhSachLePhi` or `DanhSachLePhiBoSung`. */
export function feeFromPortal(item: LePhi, place: string): Fee {
  return present({
    name: given(item.TenPhiLePhi),
    code: given(item.MaPhiLePhi),
    collectionCode: given(item.HinhThucThu),
    kindCode: given(item.LoaiPhiLePhi),
    amountVnd: givenAmount(item.Gia, `${place}.Gia`),
  })
}

/** An item of `DanhSachTepDinhKemKhac`. */
export function otherPaperFromPortal(item: TepDinhKemKhac): OtherPaper {
  return present({
    name: given(item.TenGiayTo),
    count: item.SoLuong ?? undefined,
    kindCode: item.LoaiGiayTo ?? undefined,
  })
}

/** An item of `DanhSachHoSoBoSung`. */
export function supplementFromPortal(item: HoSoBoSung, place: string): Supplement {
  const instant = (value: Scalar, field: string) => {
    const text = given(value)
    return text === undefined ? undefined : instantFromLocal(text, `${place}.${field}`)
  }
  return present({
    id: item.HoSoBoSungId ?? undefined,
    requestedBy: given(item.NguoiYeuCauBoSung),
    request: given(item.NoiDungBoSung),
    requestedAt: instant(item.NgayBoSung, 'NgayBoSung'),
    receivedBy: given(item.NguoiTiepNhanBoSung),
    receptionNote: given(item.ThongTinTiepNhan),
    receivedAt: instant(item.NgayTiepNhanBoSung, 'NgayTiepNhanBoSung'),
    completed: item.TrangThaiBoSung ?? undefined,
    files: presentList(
      eachLinked(eachOf(item.DanhSachGiayToBoSung, { field: `${place}.DanhSachGiayToBoSung`, read: fileFromPortal })),
    ),
    fees: presentList(eachOf(item.DanhSachLePhiBoSung, { field: `${place}.DanhSachLePhiBoSung`, read: feeFromPortal })),
    dueBefore: instant(item.NgayHenTraTruoc, 'NgayHenTraTruoc'),
    dueAfter: instant(item.NgayHenTraMoi, 'NgayHenTraMoi'),
  })
}

/** An item of `DanhSachGiayToKetQua`. */
export function resultFromPortal(item: GiayToKetQua): ResultPaper {
  return present({
    name: given(item.TenGiayTo),
    componentCode: given(item.MaThanhPhanHoSo),
    paperId: given(item.GiayToId),
    url: given(item.DuongDanTepTinKetQua),
    resultCode: given(item.MaGiayToKetQua),
  })
}

/** An item of `DinhDanhCHS`. */
export function identityFromPortal(item: DinhDanh, place: string): Identity {
  return {
    kind: nameOf(item.LoaiDinhDanh, { field: `${place}.LoaiDinhDanh`, table: identityKinds }),
    number: item.SoDinhDanh,
  }
}
