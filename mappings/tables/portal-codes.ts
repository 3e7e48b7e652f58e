import { codeTable } from '../code-table.ts'

/** `KenhThucHien` (wire-formats 2.5). */
export const channels = codeTable('wire-formats 2.5', [
  { code: '1', name: 'direct', vietnamese: 'Trực tiếp' },
  { code: '2', name: 'online', vietnamese: 'Trực tuyến' },
  { code: '3', name: 'postal', vietnamese: 'Bưu chính công ích' },
])

/** `HinhThuc`: how the result is returned (wire-formats 2.5). */
export const returnMethods = codeTable('wire-formats 2.5', [
  { code: '0', name: 'direct', vietnamese: 'Trả trực tiếp' },
  { code: '1', name: 'postal', vietnamese: 'Trả qua bưu chính' },
])

/** `LoaiDoiTuong` of the national portal (wire-formats 2.5: TD); the ministry API of 2026 counts otherwise. */
export const ownerKinds = codeTable('wire-formats 2.5', [
  { code: '1', name: 'citizen', vietnamese: 'Công dân' },
  { code: '2', name: 'enterprise', vietnamese: 'Doanh nghiệp' },
  { code: '3', name: 'state-agency', vietnamese: 'Cơ quan nhà nước' },
  { code: '4', name: 'organisation', vietnamese: 'Tổ chức khác' },
])

/** `LoaiDinhDanh` (wire-formats 2.5). Passports and tax numbers have no code here. */
export const identityKinds = codeTable('wire-formats 2.5', [
  { code: '1', name: 'citizen-card', vietnamese: 'Căn cước công dân (12 số)' },
  { code: '2', name: 'identity-card', vietnamese: 'Chứng minh nhân dân (9 số)' },
])

/** `DuocTaiSuDung` (wire-formats 2.5; what sets 1 and 2 apart is inferred there). */
export const reuses = codeTable('wire-formats 2.5', [
  { code: '0', name: 'none', vietnamese: 'Không tái sử dụng' },
  { code: '1', name: 'reused', vietnamese: 'Tái sử dụng' },
  { code: '2', name: 'reused-otherwise', vietnamese: 'Tái sử dụng (loại 2)' },
])

/** `DuocThanhToanTrucTuyen` (wire-formats 2.5). */
export const onlinePayments = codeTable('wire-formats 2.5', [
  { code: '0', name: 'none', vietnamese: 'Không phải nộp' },
  { code: '1', name: 'national-platform', vietnamese: 'Nền tảng thanh toán của Cổng DVCQG' },
  { code: '2', name: 'local-portal', vietnamese: 'Cổng của bộ, tỉnh' },
  { code: '3', name: 'not-online', vietnamese: 'Có phí, không nộp trực tuyến' },
])

/** `NoiNopHoSo` (wire-formats 1.2: 2 is TD's constant, 1 is general knowledge). */
export const filingPlaces = codeTable('wire-formats 1.2', [
  { code: '1', name: 'national-portal', vietnamese: 'Cổng Dịch vụ công quốc gia' },
  { code: '2', name: 'province', vietnamese: 'Hệ thống của bộ, tỉnh' },
])

/** Fields that are `0` or `1` on the wire. */
export const flags = codeTable('wire-formats 1.2', [
  { code: '0', name: 'false', vietnamese: 'Không' },
  { code: '1', name: 'true', vietnamese: 'Có' },
])

/** `IsDeleted`: a capitalised word, not a JSON boolean (wire-formats 1.2). */
export const deletions = codeTable('wire-formats 1.2', [
  { code: 'False', name: 'false', vietnamese: 'Còn hiệu lực' },
  { code: 'True', name: 'true', vietnamese: 'Đã xóa' },
])
