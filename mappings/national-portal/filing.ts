import type { Owner, ProcessingUnit } from '../../contracts/canonical/types.ts'
import type { DossierItem, SubmittedItem } from '../../contracts/partners/national-portal/types.ts'
import { present, presentAny, presentList } from '../present.ts'
import { channels, filingPlaces, onlinePayments, ownerKinds, returnMethods } from '../tables/portal-codes.ts'
import {
  eachLinked,
  feeFromPortal,
  fileFromPortal,
  identityFromPortal,
  otherPaperFromPortal,
} from './papers-from-portal.ts'
import { eachOf, given, givenFlag, givenInstant, givenName } from './reading.ts'

/** What a dossier bears from its filing on, wherever it was filed; the members may be undefined. */
export function filingFromPortal(item: DossierItem | SubmittedItem) {
  return {
    dossierCode: item.MaHoSo,
    receiptNumber: given(item.SoBienNhan),
    procedure: present({
      code: item.MaTTHC,
      name: given(item.TenTTHC),
      sectorCode: given(item.MaLinhVuc),
      sectorName: given(item.TenLinhVuc),
    }),
    processingUnit: presentAny({ name: given(item.DonViXuLy) }) satisfies ProcessingUnit | undefined,
    owner: ownerFrom(item),
    channel: givenName(item.KenhThucHien, { field: 'KenhThucHien', table: channels }),
    filedThrough: givenName(item.NoiNopHoSo, { field: 'NoiNopHoSo', table: filingPlaces }),
    summary: given(item.TrichYeuHoSo),
    otherInformation: given(item.ThongTinKhac),
    note: given(item.GhiChu),
    submittedAt: givenInstant(item.NgayNopHoSo, 'NgayNopHoSo'),
    dueAt: givenInstant(item.NgayHenTra, 'NgayHenTra'),
    returnMethod: givenName(item.HinhThuc, { field: 'HinhThuc', table: returnMethods }),
    submittedFiles: presentList(eachLinked(eachOf(item.TaiLieuNop, { field: 'TaiLieuNop', read: fileFromPortal }))),
    fees: presentList(eachOf(item.DanhSachLePhi, { field: 'DanhSachLePhi', read: feeFromPortal })),
    otherPapers: presentList(
      eachOf(item.DanhSachTepDinhKemKhac, { field: 'DanhSachTepDinhKemKhac', read: otherPaperFromPortal }),
    ),
    hasDigitisedComponent: givenFlag(item.HoSoCoThanhPhanSoHoa, 'HoSoCoThanhPhanSoHoa'),
    onlinePayment: givenName(item.DuocThanhToanTrucTuyen, { field: 'DuocThanhToanTrucTuyen', table: onlinePayments }),
    // Unlike any other list: that no database was used is a statement the portal wants to have.
    databasesUsed: item.DSKetNoiCSDL?.map(({ MaCSDL }) => MaCSDL),
  }
}

function ownerFrom(item: DossierItem | SubmittedItem): Owner | undefined {
  return presentAny({
    kind: givenName(item.LoaiDoiTuong, { field: 'LoaiDoiTuong', table: ownerKinds }),
    name: given(item.ChuHoSo),
    paperNumber: given(item.SoGiayToChuHoSo),
    identities: presentList(eachOf(item.DinhDanhCHS, { field: 'DinhDanhCHS', read: identityFromPortal })),
    technicalId: given(item.MaDoiTuong),
    accountVerified: givenFlag(item.TaiKhoanDuocXacThucVoiVNeID, 'TaiKhoanDuocXacThucVoiVNeID'),
    phone: given(item.SoDienThoai),
    email: given(item.Email),
    fax: given(item.Fax),
  })
}
