/** The two messages that every dossier of the load has, in this order. */
export type Kind = 'record' | 'progress'

export const kinds: readonly Kind[] = ['record', 'progress']

/** The unit all dossiers are of. */
export const unit = '000.10.01.H47'

/** The portal's service for each kind. */
export const services: Readonly<Record<Kind, string>> = { record: 'DongBoHoSoMC', progress: 'CapNhatTienDoHoSoMC' }

/** The canonical type of each kind. */
export const types: Readonly<Record<Kind, string>> = {
  record: 'dossier.received.v1',
  progress: 'dossier.progressed.v1',
}

/** One message in its three forms, as JSON text: written by hand in each, so that what arrives can be held to it. */
export interface Sample {
  /** An item at the drop-in door. */
  readonly dropIn: string
  /** The body at the canonical door. */
  readonly canonical: string
  /** What the portal must be sent. */
  readonly sent: string
}

/** The code of a dossier by its number; all of one length, so that the texts of all dossiers are. */
export function codeOf(dossier: number): string {
  return `${unit}-261015-${String(dossier).padStart(7, '0')}`
}

/** The number in a code made by `codeOf`; NaN for any other. */
export function dossierOf(code: string): number {
  return code.startsWith(`${unit}-261015-`) && code.length === codeOf(0).length ? Number(code.slice(-7)) : Number.NaN
}

/** Makes the texts of one message for any dossier; the item at the drop-in door has `sizeBytes`, or as few as it can. */
export function sampleOf(kind: Kind, sizeBytes: number): (dossier: number) => Sample {
  const forms = kind === 'record' ? recordForms : progressForms
  const bare = byteLength(forms(codeOf(0), { files: 0, filler: '' }).dropIn)
  // Most of a large dossier is its list of papers; the rest of the size is filled with text.
  const files = kind === 'record' ? Math.max(0, Math.floor((sizeBytes - bare) / 400)) : 0
  const listed = byteLength(forms(codeOf(0), { files, filler: '' }).dropIn)
  const filler = 'x'.repeat(Math.max(1, sizeBytes - listed))
  const { dropIn, canonical, sent } = forms(codeOf(0), { files, filler })
  const templates = [dropIn, canonical, sent].map((form) => JSON.stringify(form).split(codeOf(0)))
  return (dossier) => {
    const [first = '', second = '', third = ''] = templates.map((parts) => parts.join(codeOf(dossier)))
    return { dropIn: first, canonical: second, sent: third }
  }
}

function byteLength(document: unknown): number {
  return Buffer.byteLength(JSON.stringify(document))
}

interface Forms {
  readonly dropIn: unknown
  readonly canonical: unknown
  readonly sent: unknown
}

interface Bulk {
  readonly files: number
  readonly filler: string
}

const procedure = { code: '1.001193', name: 'Đăng ký khai sinh', sectorCode: 'G15-HT01', sectorName: 'Hộ tịch' }
const office = 'Ủy ban nhân dân xã Mẫu Một'
const identity = '049090000001'

function recordForms(code: string, { files, filler }: Bulk): Forms {
  const papers = Array.from({ length: files }, (_, index) => paper(code, index + 1))
  const portal = {
    MaHoSo: code,
    MaTTHC: procedure.code,
    TenTTHC: procedure.name,
    MaLinhVuc: procedure.sectorCode,
    TenLinhVuc: procedure.sectorName,
    KenhThucHien: '1',
    ChuHoSo: 'NGUYEN VAN A',
    SoGiayToChuHoSo: identity,
    LoaiDoiTuong: '1',
    TrichYeuHoSo: 'Đăng ký khai sinh',
    NgayTiepNhan: '20261015083000',
    NgayHenTra: '20261016170000',
    TrangThaiHoSo: '2',
    HinhThuc: '0',
    DonViXuLy: office,
    GhiChu: filler,
    TaiLieuNop: papers.map(({ portal }) => portal),
    NoiNopHoSo: '2',
    HoSoCoThanhPhanSoHoa: '0',
    TaiKhoanDuocXacThucVoiVNeID: '0',
    DuocThanhToanTrucTuyen: '0',
    DinhDanhCHS: [{ LoaiDinhDanh: '1', SoDinhDanh: identity }],
    NgayNopHoSo: '20261015080000',
    DSKetNoiCSDL: [{ MaCSDL: '1' }],
  }
  return {
    dropIn: portal,
    canonical: {
      dossierCode: code,
      procedure,
      receivingUnit: { code: unit },
      processingUnit: { name: office },
      owner: {
        kind: 'citizen',
        name: 'NGUYEN VAN A',
        paperNumber: identity,
        identities: [{ kind: 'citizen-card', number: identity }],
        accountVerified: false,
      },
      channel: 'direct',
      filedThrough: 'province',
      summary: 'Đăng ký khai sinh',
      note: filler,
      status: 'accepted',
      submittedAt: '2026-10-15T01:00:00.000Z',
      receivedAt: '2026-10-15T01:30:00.000Z',
      dueAt: '2026-10-16T10:00:00.000Z',
      returnMethod: 'direct',
      ...(files > 0 && { submittedFiles: papers.map(({ canonical }) => canonical) }),
      hasDigitisedComponent: false,
      onlinePayment: 'none',
      databasesUsed: ['1'],
    },
    sent: {
      ...portal,
      SoBienNhan: '',
      MaDoiTuong: '',
      ThongTinKhac: '',
      Email: '',
      Fax: '',
      SoDienThoai: '',
      NgayTra: '',
      ThongTinTra: '',
      NgayKetThucXuLy: '',
      DanhSachLePhi: [],
      DanhSachTepDinhKemKhac: [],
      DanhSachHoSoBoSung: [],
      DanhSachGiayToKetQua: [],
      NgayTuChoi: '',
    },
  }
}

function paper(code: string, serial: number) {
  const id = String(serial)
  const name = `giay-to-kem-theo-so-${id}.pdf`
  const url = `https://motcua.example/tep/${code}/${name}`
  const componentCode = `000.00.00.G15-KQ${id.padStart(4, '0')}`
  return {
    portal: {
      TepDinhKemId: id,
      TenTepDinhKem: name,
      IsDeleted: 'False',
      MaThanhPhanHoSo: componentCode,
      DuongDanTaiTepTin: url,
      DuocSoHoa: '1',
      DuocTaiSuDung: '0',
      DuocLayTuKhoDMQG: '0',
      MaKetQuaThayThe: '',
    },
    canonical: {
      id,
      name,
      deleted: false,
      componentCode,
      url,
      digitised: true,
      reuse: 'none',
      fromNationalStore: false,
    },
  }
}

function progressForms(code: string, { filler }: Bulk): Forms {
  const officer = { name: 'TRAN THI B', title: 'Chuyên viên', department: office }
  const portal = {
    MaHoSo: code,
    NguoiXuLy: officer.name,
    ChucDanh: officer.title,
    ThoiDiemXuLy: '20261015143000',
    PhongBanXuLy: officer.department,
    NoiDungXuLy: filler,
    TrangThai: '4',
    NgayBatDau: '20261015083000',
    NgayKetThucTheoQuyDinh: '20261016170000',
  }
  return {
    dropIn: portal,
    canonical: {
      dossierCode: code,
      receivingUnit: { code: unit },
      status: 'processing',
      processedAt: '2026-10-15T07:30:00.000Z',
      officer,
      content: filler,
      startedAt: '2026-10-15T01:30:00.000Z',
      dueAt: '2026-10-16T10:00:00.000Z',
    },
    sent: portal,
  }
}
