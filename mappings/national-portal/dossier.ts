import type { DossierReceived, ResultIssued } from '../../contracts/canonical/types.ts'
import type { DossierItem, SentDossier } from '../../contracts/partners/national-portal/types.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { present, presentList } from '../present.ts'
import { channels, filingPlaces, onlinePayments, ownerKinds, returnMethods } from '../tables/portal-codes.ts'
import { statuses } from '../tables/statuses.ts'
import type { Tables } from '../tables.ts'
import { filingFromPortal } from './filing.ts'
import { withResults } from './issued-results.ts'
import { eachLinked, resultFromPortal, supplementFromPortal } from './papers-from-portal.ts'
import {
  feeToPortal,
  fileToPortal,
  identityToPortal,
  otherPaperToPortal,
  resultToPortal,
  supplementToPortal,
} from './papers-to-portal.ts'
import { eachOf, given, givenInstant, nameOf } from './reading.ts'
import { instantFromPortal } from './time.ts'
import { code, type Demand, each, flag, instant, required, requiredCode, text } from './writing.ts'

/**
 * A `DongBoHoSoMC` item as `dossier.received.v1`; `madonvi` of the envelope is the unit that speaks. Empty, null and
 * missing are one; every other byte of a text stays. Throws `value-unmappable` for a date, code or amount that is none.
 */
export function dossierFromPortal(item: DossierItem, { madonvi }: { readonly madonvi: string }): DossierReceived {
  return present({
    ...filingFromPortal(item),
    receivingUnit: { code: madonvi },
    status: nameOf(item.TrangThaiHoSo, { field: 'TrangThaiHoSo', table: statuses }),
    receivedAt: instantFromPortal(item.NgayTiepNhan, 'NgayTiepNhan'),
    finishedAt: givenInstant(item.NgayKetThucXuLy, 'NgayKetThucXuLy'),
    returnedAt: givenInstant(item.NgayTra, 'NgayTra'),
    refusedAt: givenInstant(item.NgayTuChoi, 'NgayTuChoi'),
    returnNote: given(item.ThongTinTra),
    supplements: presentList(
      eachOf(item.DanhSachHoSoBoSung, { field: 'DanhSachHoSoBoSung', read: supplementFromPortal }),
    ),
    results: presentList(
      eachLinked(eachOf(item.DanhSachGiayToKetQua, { field: 'DanhSachGiayToKetQua', read: resultFromPortal })),
    ),
  })
}

/** What the mapping needs beside the dossier. */
export interface DossierToPortalOptions {
  readonly tables: Tables
  /** Whether the portal's own catalogue has the procedure code. */
  readonly isPublished?: (procedureCode: string) => boolean
  /** Results stated after the dossier, oldest first. */
  readonly results?: readonly ResultIssued[]
}

/**
 * `dossier.received.v1` as a `DongBoHoSoMC` item with every field of the form. Throws `value-missing` for what the portal
 * requires and the source lacks, `value-unmappable` for what its form can't say, `procedure-unknown` with `waitsFor`.
 */
export function dossierToPortal(dossier: DossierReceived, options: DossierToPortalOptions): SentDossier {
  const body = withResults(dossier, options.results ?? [])
  const demands = demandsOn(body)
  const { sinceQd766, beforeQd766 } = demands
  const { owner, procedure } = body
  return {
    MaHoSo: body.dossierCode,
    TenTTHC: text(procedure.name, { field: 'TenTTHC', demand: required }),
    MaLinhVuc: text(procedure.sectorCode, { field: 'MaLinhVuc', demand: required }),
    TenLinhVuc: text(procedure.sectorName, { field: 'TenLinhVuc', demand: required }),
    SoBienNhan: text(body.receiptNumber, { field: 'SoBienNhan' }),
    KenhThucHien: code(body.channel, { field: 'KenhThucHien', demand: sinceQd766, table: channels }),
    ChuHoSo: text(owner?.name, { field: 'ChuHoSo' }),
    SoGiayToChuHoSo: text(owner?.paperNumber, { field: 'SoGiayToChuHoSo', demand: sinceQd766 }),
    LoaiDoiTuong: requiredCode(owner?.kind, { field: 'LoaiDoiTuong', table: ownerKinds }),
    // The one M? that no client fills for every dossier (wire-formats 1.2: null unless KenhThucHien is 2).
    MaDoiTuong: text(owner?.technicalId, { field: 'MaDoiTuong' }),
    ThongTinKhac: text(body.otherInformation, { field: 'ThongTinKhac' }),
    Email: text(owner?.email, { field: 'Email' }),
    Fax: text(owner?.fax, { field: 'Fax' }),
    SoDienThoai: text(owner?.phone, { field: 'SoDienThoai', demand: beforeQd766 }),
    // 1000: TD cuts here and writes "Dinhkem" for nothing (wire-formats 1.2). We stop instead.
    TrichYeuHoSo: text(body.summary, { field: 'TrichYeuHoSo', demand: beforeQd766, max: 1000 }),
    NgayTiepNhan: instant(body.receivedAt, { field: 'NgayTiepNhan', demand: required }),
    NgayHenTra: instant(body.dueAt, { field: 'NgayHenTra', demand: beforeQd766 }),
    TrangThaiHoSo: requiredCode(body.status, { field: 'TrangThaiHoSo', table: statuses }),
    NgayTra: instant(body.returnedAt, { field: 'NgayTra' }),
    ThongTinTra: text(body.returnNote, { field: 'ThongTinTra' }),
    HinhThuc: requiredCode(body.returnMethod, { field: 'HinhThuc', table: returnMethods }),
    NgayKetThucXuLy: instant(body.finishedAt, { field: 'NgayKetThucXuLy' }),
    DonViXuLy: processingUnitName(body, options.tables),
    GhiChu: text(body.note, { field: 'GhiChu' }),
    TaiLieuNop: each(body.submittedFiles, {
      field: 'TaiLieuNop',
      write: (file, place) => fileToPortal(file, { place, sinceQd766 }),
    }),
    DanhSachLePhi: each(body.fees, { field: 'DanhSachLePhi', write: feeToPortal }),
    DanhSachTepDinhKemKhac: each(body.otherPapers, { field: 'DanhSachTepDinhKemKhac', write: otherPaperToPortal }),
    DanhSachHoSoBoSung: each(body.supplements, {
      field: 'DanhSachHoSoBoSung',
      write: (supplement, place) => supplementToPortal(supplement, { place, sinceQd766 }),
    }),
    DanhSachGiayToKetQua: each(body.results, { field: 'DanhSachGiayToKetQua', write: resultToPortal }),
    // 2, filed in the province, is a constant of what provinces send (wire-formats 1.2: TD); a source may say otherwise.
    NoiNopHoSo: requiredCode(body.filedThrough ?? 'province', { field: 'NoiNopHoSo', table: filingPlaces }),
    HoSoCoThanhPhanSoHoa: flag(body.hasDigitisedComponent, { field: 'HoSoCoThanhPhanSoHoa', demand: sinceQd766 }),
    TaiKhoanDuocXacThucVoiVNeID: flag(owner?.accountVerified, {
      field: 'TaiKhoanDuocXacThucVoiVNeID',
      demand: sinceQd766,
    }),
    DuocThanhToanTrucTuyen: code(body.onlinePayment, {
      field: 'DuocThanhToanTrucTuyen',
      demand: sinceQd766,
      table: onlinePayments,
    }),
    NgayTuChoi: instant(body.refusedAt, { field: 'NgayTuChoi' }),
    DinhDanhCHS: identities(body, sinceQd766),
    NgayNopHoSo: instant(body.submittedAt, { field: 'NgayNopHoSo', demand: sinceQd766 }),
    DSKetNoiCSDL: databases(body, sinceQd766),
    // Last, so that what a person must mend is told before what the catalogue may bring by itself.
    MaTTHC: procedureCode(body, options),
  }
}

/**
 * A dossier that states nothing of what QĐ 766 added is in the older form (v1 of wire-formats 1.2), and the older
 * requirements hold; any other is in the newer one. `NoiNopHoSo` says nothing: it is a constant.
 */
function demandsOn(body: DossierReceived): { readonly sinceQd766: Demand; readonly beforeQd766: Demand } {
  const added = [
    body.channel,
    body.owner?.paperNumber,
    body.owner?.identities,
    body.owner?.accountVerified,
    body.hasDigitisedComponent,
    body.onlinePayment,
    body.submittedAt,
    // Older products that fill in a newer form write it empty with the rest.
    body.databasesUsed?.[0],
  ]
  return added.some((value) => value !== undefined)
    ? { sinceQd766: 'required since QĐ 766', beforeQd766: undefined }
    : { sinceQd766: undefined, beforeQd766: 'required in the form before QĐ 766' }
}

function identities({ owner }: DossierReceived, demand: Demand) {
  if (owner?.identities === undefined && demand !== undefined) {
    throw new GatewayError('value-missing', { field: 'DinhDanhCHS', rule: demand })
  }
  return each(owner?.identities, { field: 'DinhDanhCHS', write: identityToPortal })
}

/** An empty list is an answer here: no national database was used. */
function databases({ databasesUsed }: DossierReceived, demand: Demand) {
  if (databasesUsed === undefined && demand !== undefined) {
    throw new GatewayError('value-missing', { field: 'DSKetNoiCSDL', rule: demand })
  }
  return (databasesUsed ?? []).map((MaCSDL) => ({ MaCSDL }))
}

/** The portal wants the unit's name; a source that gives its code alone is read in the table of agencies. */
function processingUnitName({ processingUnit, receivedAt }: DossierReceived, tables: Tables): string {
  const at = { field: 'DonViXuLy', demand: required }
  if (processingUnit?.name !== undefined || processingUnit?.code === undefined) return text(processingUnit?.name, at)
  const agency = tables.resolveAgency(processingUnit.code, Date.parse(receivedAt))
  if (agency === undefined) throw new GatewayError('value-unmappable', { field: at.field, rule: 'table of agencies' })
  return agency.name
}

/** The code the catalogue has, or the one the mapping table gives for it; by the table of the day of reception. */
function procedureCode({ procedure, receivedAt }: DossierReceived, options: DossierToPortalOptions): string {
  const stated = procedure.nationalCode ?? procedure.code
  if (options.isPublished?.(stated)) return stated
  const resolved = options.tables.resolveProcedure(stated, Date.parse(receivedAt))
  if (resolved !== undefined) return resolved.portalCode
  throw new GatewayError('procedure-unknown', {
    field: 'MaTTHC',
    rule: 'catalogue or mapping table',
    waitsFor: `procedure:${stated}`,
  })
}
