import type { DossierProgressed } from '../../contracts/canonical/types.ts'
import type { ProgressItem, SentProgress } from '../../contracts/partners/national-portal/types.ts'
import { present, presentAny } from '../present.ts'
import { statuses } from '../tables/statuses.ts'
import { given, givenInstant, nameOf } from './reading.ts'
import { instantFromPortal } from './time.ts'
import { instant, required, requiredCode, text } from './writing.ts'

/** A `CapNhatTienDoHoSoMC` item as `dossier.progressed.v1`; `madonvi` of the envelope is the unit that speaks. */
export function progressFromPortal(item: ProgressItem, { madonvi }: { readonly madonvi: string }): DossierProgressed {
  return present({
    dossierCode: item.MaHoSo,
    receivingUnit: { code: madonvi },
    status: nameOf(item.TrangThai, { field: 'TrangThai', table: statuses }),
    processedAt: instantFromPortal(item.ThoiDiemXuLy, 'ThoiDiemXuLy'),
    officer: presentAny({
      name: given(item.NguoiXuLy),
      title: given(item.ChucDanh),
      department: given(item.PhongBanXuLy),
    }),
    content: given(item.NoiDungXuLy),
    startedAt: givenInstant(item.NgayBatDau, 'NgayBatDau'),
    dueAt: givenInstant(item.NgayKetThucTheoQuyDinh, 'NgayKetThucTheoQuyDinh'),
  })
}

/** `dossier.progressed.v1` as a `CapNhatTienDoHoSoMC` item. Throws `value-missing` and `value-unmappable` as a dossier does. */
export function progressToPortal(body: DossierProgressed): SentProgress {
  return {
    MaHoSo: body.dossierCode,
    // 50: TD cuts here (wire-formats 1.3). We stop instead.
    NguoiXuLy: text(body.officer?.name, { field: 'NguoiXuLy', demand: required, max: 50 }),
    ChucDanh: text(body.officer?.title, { field: 'ChucDanh' }),
    ThoiDiemXuLy: instant(body.processedAt, { field: 'ThoiDiemXuLy', demand: required }),
    PhongBanXuLy: text(body.officer?.department, { field: 'PhongBanXuLy' }),
    // Mandatory before QĐ 766 and nullable since; progress has no other sign of its edition, so the newer holds.
    NoiDungXuLy: text(body.content, { field: 'NoiDungXuLy' }),
    TrangThai: requiredCode(body.status, { field: 'TrangThai', table: statuses }),
    NgayBatDau: instant(body.startedAt, { field: 'NgayBatDau' }),
    NgayKetThucTheoQuyDinh: instant(body.dueAt, { field: 'NgayKetThucTheoQuyDinh' }),
  }
}
