import type { DossierSubmitted, SubmittedFile } from '../../contracts/canonical/types.ts'
import type { PromotionRequest } from '../../contracts/partners/national-portal/types.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { present, presentAny, presentList } from '../present.ts'
import { eachOf, given, type Scalar } from './reading.ts'
import { instantFromPortal } from './time.ts'

/**
 * A notice of a sales promotion (`addtthcKhuyenMai`, wire-formats 1.6) as `dossier.submitted.v1` for the unit that is to
 * receive it. Throws `value-unmappable` for a file that is not base64.
 */
export function promotionFromPortal(
  notice: PromotionRequest,
  { receivingUnit }: { readonly receivingUnit: string },
): DossierSubmitted {
  const address = notice.DiaChiDoanhNghiep ?? {}
  return present({
    dossierCode: notice.MaHoSo,
    procedure: { code: notice.MaTTHC },
    receivingUnit: { code: receivingUnit },
    owner: present({
      name: notice.TenThuongNhan,
      identities: [{ kind: 'tax-code' as const, number: notice.MaSoThue }],
      phone: given(notice.DienThoai),
      email: given(notice.Email),
      fax: given(notice.Fax),
      address: presentAny({
        provinceCode: given(address.MaTinh),
        districtCode: given(address.MaHuyen),
        communeCode: given(address.MaXa),
        detail: given(address.DiaChiChiTiet),
      }),
    }),
    // Facts of the door it comes through: filed online, at the national portal.
    channel: 'online' as const,
    filedThrough: 'national-portal' as const,
    submittedAt: portalInstant(notice.NgayNopHoSo),
    submittedFiles: presentList(
      eachOf(notice.TaiLieuNop, {
        field: 'TaiLieuNop',
        read: (file, place) => inlineFile(file.TenTepDinhKem, { content: file.Base64, field: `${place}.Base64` }),
      }).filter((file) => file !== undefined),
    ),
    promotion: presentAny({
      documentNumber: given(notice.SoVanBan),
      submittedAtText: given(notice.NgayNopHoSo),
      contactName: given(notice.NguoiLienHe),
      contactPhone: given(notice.SoDienThoaiNguoiLienHe),
      programmeName: given(notice.TenChuongTrinhKhuyenMai),
      form: given(notice.HinhThucKhuyenMai),
      fromText: given(notice.ThoiGianKhuyenMaiTu),
      untilText: given(notice.ThoiGianKhuyenMaiDen),
      goods: given(notice.HangHoaDichVuKhuyenMai),
      goodsQuantity: given(notice.SoLuongHangHoaDichVu),
      customers: given(notice.KhachHang),
      prizes: given(notice.CoCauGiaiThuong),
      goodsValue: given(notice.TongGiaTriHangHoa),
      details: given(notice.NoiDungChiTiet),
      otherTraders: given(notice.TenCacThuongNhanCungThucHien),
      applicationFile: inlineFile(notice.TenTepDonDangKy, { content: notice.TepDonDangKy, field: 'TepDonDangKy' }),
    }),
  })
}

/** The date when it is in the portal's usual form; no source says which form this field has, so its text is kept as well. */
function portalInstant(value: Scalar): string | undefined {
  const text = given(value)
  if (text === undefined || !/^\d{14}$/.test(text)) return undefined
  return instantFromPortal(text, 'NgayNopHoSo')
}

function inlineFile(
  name: Scalar,
  { content, field }: { readonly content: Scalar; readonly field: string },
): SubmittedFile | undefined {
  return presentAny({ name: given(name), contentBase64: base64(content, field) })
}

/** MIME encoders break base64 into lines (RFC 2045 §6.8); ours is in one (RFC 4648). */
function base64(value: Scalar, field: string): string | undefined {
  const text = given(value)?.replaceAll(/[\r\n]/g, '')
  if (text === undefined || text === '') return undefined
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new GatewayError('value-unmappable', { field, rule: 'base64' })
  }
  return text
}
