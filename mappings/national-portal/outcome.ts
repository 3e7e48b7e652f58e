import type { DossierOutcomeReported, SubmittedFile } from '../../contracts/canonical/types.ts'
import type { OutcomeItem, SentOutcome, SentOutcomeFile } from '../../contracts/partners/national-portal/types.ts'
import { present, presentList } from '../present.ts'
import { outcomeStatuses, statuses } from '../tables/statuses.ts'
import { eachLinked, fileFromPortal } from './papers-from-portal.ts'
import { eachOf, given, nameOf } from './reading.ts'
import { instantFromPortal } from './time.ts'
import { deletion, each, instant, required, requiredCode, text } from './writing.ts'

/** `type` of the request `DongBoTrangThaiHoSo`: a constant of the format (wire-formats 1.6: TD SyncDVCService.cs). */
export const outcomeRequestType = '2'

/** `data` of `DongBoTrangThaiHoSo` as `dossier.outcome-reported.v1`; `madonvi` of the envelope is the unit that speaks. */
export function outcomeFromPortal(
  data: OutcomeItem,
  { madonvi }: { readonly madonvi: string },
): DossierOutcomeReported {
  // A client that leaves the rewriting of 3 to 11 to its proxy (wire-formats 1.6) sends 3.
  const table = data.TrangThai === '3' ? statuses : outcomeStatuses
  return present({
    dossierCode: data.MaHoSo,
    localDossierCode: given(data.MaHoSoDonVi),
    receivingUnit: { code: madonvi },
    status: nameOf(data.TrangThai, { field: 'TrangThai', table }),
    processedAt: instantFromPortal(data.NgayXuLy, 'NgayXuLy'),
    content: given(data.NoiDung),
    ownerTechnicalId: given(data.MaDoiTuong),
    files: presentList(eachLinked(eachOf(data.TaiLieuXuLy, { field: 'TaiLieuXuLy', read: fileFromPortal }))),
  })
}

/** `dossier.outcome-reported.v1` as `data` of `DongBoTrangThaiHoSo`, where a refusal is 11. */
export function outcomeToPortal(body: DossierOutcomeReported): SentOutcome {
  return {
    MaHoSo: body.dossierCode,
    TrangThai: requiredCode(body.status, { field: 'TrangThai', table: outcomeStatuses }),
    MaHoSoDonVi: text(body.localDossierCode, { field: 'MaHoSoDonVi' }),
    MaDoiTuong: text(body.ownerTechnicalId, { field: 'MaDoiTuong' }),
    NoiDung: text(body.content, { field: 'NoiDung' }),
    NgayXuLy: instant(body.processedAt, { field: 'NgayXuLy', demand: required }),
    TaiLieuXuLy: each(body.files, { field: 'TaiLieuXuLy', write: outcomeFileToPortal }),
  }
}

/** Five fields here, and an id that is null when absent (wire-formats 1.6). */
function outcomeFileToPortal(file: SubmittedFile, place: string): SentOutcomeFile {
  return {
    TepDinhKemId: file.id ?? null,
    TenTepDinhKem: text(file.name, { field: `${place}.TenTepDinhKem`, demand: required, max: 4000 }),
    IsDeleted: deletion(file.deleted, `${place}.IsDeleted`),
    MaThanhPhanHoSo: text(file.componentCode, { field: `${place}.MaThanhPhanHoSo` }),
    DuongDanTaiTepTin: text(file.url, { field: `${place}.DuongDanTaiTepTin`, demand: required }),
  }
}
