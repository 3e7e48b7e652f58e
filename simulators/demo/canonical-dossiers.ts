import type { DemoStep, Item } from './dossiers.ts'

/** A dossier that the one-window tells in the canonical form. */
export interface CanonicalDossier {
  readonly code: string
  readonly title: string
  /** Sent in this order: the record, its progress. */
  readonly messages: readonly CanonicalStep[]
  /** Sent last, by itself. */
  readonly result: CanonicalStep
  /** What the portal must hold of it in the end, in its own form, result included. */
  readonly steps: readonly DemoStep[]
}

export interface CanonicalStep {
  readonly type: string
  readonly body: Item
  /** Signed beside the document instead of around it. */
  readonly detached?: boolean
}

/** Two dossiers of a product that speaks the canonical form; written in both forms by hand, so that either checks the other. */
export function canonicalDossiers(): readonly CanonicalDossier[] {
  return [landDossier(), civilStatusDossier()]
}

function landDossier(): CanonicalDossier {
  const code = '000.00.01.H47-261012-0101'
  const title = 'Đăng ký biến động do thừa kế quyền sử dụng đất (dạng chuẩn)'
  const receivingUnit = { code: 'H47.01' }
  const office = 'Văn phòng Đăng ký đất đai (mẫu)'
  const record = {
    ...procedureInPortalForm('1.004227', 'Đăng ký biến động quyền sử dụng đất, quyền sở hữu tài sản gắn liền với đất'),
    MaLinhVuc: 'G13-DD01',
    TenLinhVuc: 'Đất đai',
    MaHoSo: code,
    SoBienNhan: 'BN-0101/2026',
    KenhThucHien: '2',
    ChuHoSo: 'NGUYỄN VĂN THỬ BA MƯƠI MỐT',
    SoGiayToChuHoSo: '049090000031',
    LoaiDoiTuong: '1',
    MaDoiTuong: 'demo-tech-049090000031',
    SoDienThoai: '0900000031',
    TrichYeuHoSo: title,
    NgayTiepNhan: '20261012083000',
    NgayHenTra: '20261026170000',
    TrangThaiHoSo: '4',
    HinhThuc: '1',
    DonViXuLy: office,
    TaiLieuNop: [
      {
        TepDinhKemId: '1',
        TenTepDinhKem: 'don-dang-ky.pdf',
        IsDeleted: 'False',
        DuongDanTaiTepTin: `https://motcua.example/tep/${code}/don-dang-ky.pdf`,
        DuocSoHoa: '1',
        DuocTaiSuDung: '0',
        DuocLayTuKhoDMQG: '0',
      },
    ],
    DanhSachLePhi: [
      { TenPhiLePhi: 'Phí thẩm định hồ sơ', MaPhiLePhi: '1', HinhThucThu: '1', Gia: '80000', LoaiPhiLePhi: '1' },
    ],
    NoiNopHoSo: '2',
    HoSoCoThanhPhanSoHoa: '1',
    TaiKhoanDuocXacThucVoiVNeID: '1',
    DuocThanhToanTrucTuyen: '1',
    DinhDanhCHS: [{ LoaiDinhDanh: '1', SoDinhDanh: '049090000031' }],
    NgayNopHoSo: '20261012080000',
    DSKetNoiCSDL: [{ MaCSDL: '7' }],
  }
  const paper = { name: 'Giấy chứng nhận quyền sử dụng đất', url: `https://motcua.example/ket-qua/${code}/gcn.pdf` }
  return {
    code,
    title,
    messages: [
      {
        type: 'dossier.received.v1',
        body: {
          dossierCode: code,
          receiptNumber: 'BN-0101/2026',
          procedure: {
            code: '1.004227',
            name: 'Đăng ký biến động quyền sử dụng đất, quyền sở hữu tài sản gắn liền với đất',
            sectorCode: 'G13-DD01',
            sectorName: 'Đất đai',
          },
          receivingUnit,
          processingUnit: { code: 'H47.01.VPDK', name: office },
          owner: {
            kind: 'citizen',
            name: 'NGUYỄN VĂN THỬ BA MƯƠI MỐT',
            paperNumber: '049090000031',
            identities: [{ kind: 'citizen-card', number: '049090000031' }],
            technicalId: 'demo-tech-049090000031',
            accountVerified: true,
            phone: '0900000031',
          },
          channel: 'online',
          filedThrough: 'province',
          summary: title,
          status: 'processing',
          submittedAt: '2026-10-12T01:00:00.000Z',
          receivedAt: '2026-10-12T01:30:00.000Z',
          dueAt: '2026-10-26T10:00:00.000Z',
          returnMethod: 'postal',
          submittedFiles: [
            {
              id: '1',
              name: 'don-dang-ky.pdf',
              deleted: false,
              url: `https://motcua.example/tep/${code}/don-dang-ky.pdf`,
              digitised: true,
              reuse: 'none',
              fromNationalStore: false,
            },
          ],
          fees: [{ name: 'Phí thẩm định hồ sơ', code: '1', collectionCode: '1', kindCode: '1', amountVnd: 80_000 }],
          hasDigitisedComponent: true,
          onlinePayment: 'national-platform',
          databasesUsed: ['7'],
        },
      },
      {
        type: 'dossier.progressed.v1',
        detached: true,
        body: {
          dossierCode: code,
          receivingUnit,
          status: 'processing',
          processedAt: '2026-10-13T03:00:00.000Z',
          officer: { name: 'Lê Văn Thử', title: 'Chuyên viên', department: office },
          content: 'Thẩm định hồ sơ, trích lục bản đồ',
        },
      },
    ],
    result: {
      type: 'result.issued.v1',
      body: {
        dossierCode: code,
        receivingUnit,
        status: 'processed',
        issuedAt: '2026-10-20T07:00:00.000Z',
        results: [{ ...paper, paperId: 'GCN-0101', resultCode: 'KQ.G13.000002' }],
      },
    },
    steps: [
      { service: 'DongBoHoSoMC', item: record },
      {
        service: 'CapNhatTienDoHoSoMC',
        item: {
          MaHoSo: code,
          NguoiXuLy: 'Lê Văn Thử',
          ChucDanh: 'Chuyên viên',
          ThoiDiemXuLy: '20261013100000',
          PhongBanXuLy: office,
          NoiDungXuLy: 'Thẩm định hồ sơ, trích lục bản đồ',
          TrangThai: '4',
        },
      },
      {
        service: 'DongBoHoSoMC',
        item: {
          ...record,
          TrangThaiHoSo: '9',
          NgayKetThucXuLy: '20261020140000',
          DanhSachGiayToKetQua: [
            {
              TenGiayTo: paper.name,
              GiayToId: 'GCN-0101',
              DuongDanTepTinKetQua: paper.url,
              MaGiayToKetQua: 'KQ.G13.000002',
            },
          ],
        },
      },
    ],
  }
}

function civilStatusDossier(): CanonicalDossier {
  const code = '000.10.01.H47-261012-0102'
  const title = 'Đăng ký khai sinh cho trẻ TRẦN VĂN THỬ BÉ (dạng chuẩn)'
  const receivingUnit = { code: 'H47.101' }
  const office = 'Ủy ban nhân dân xã Mẫu Một'
  const record = {
    ...procedureInPortalForm('1.001193', 'Đăng ký khai sinh'),
    MaLinhVuc: 'G15-HT01',
    TenLinhVuc: 'Hộ tịch',
    MaHoSo: code,
    KenhThucHien: '1',
    ChuHoSo: 'TRẦN THỊ THỬ BA MƯƠI HAI',
    SoGiayToChuHoSo: '049090000032',
    LoaiDoiTuong: '1',
    TrichYeuHoSo: title,
    NgayTiepNhan: '20261012090000',
    NgayHenTra: '20261013170000',
    TrangThaiHoSo: '2',
    HinhThuc: '0',
    DonViXuLy: office,
    NoiNopHoSo: '2',
    HoSoCoThanhPhanSoHoa: '0',
    TaiKhoanDuocXacThucVoiVNeID: '0',
    DuocThanhToanTrucTuyen: '0',
    DinhDanhCHS: [{ LoaiDinhDanh: '1', SoDinhDanh: '049090000032' }],
    NgayNopHoSo: '20261012085500',
    DSKetNoiCSDL: [{ MaCSDL: '1' }],
  }
  return {
    code,
    title,
    messages: [
      {
        type: 'dossier.received.v1',
        detached: true,
        body: {
          dossierCode: code,
          procedure: {
            code: '1.001193',
            name: 'Đăng ký khai sinh',
            sectorCode: 'G15-HT01',
            sectorName: 'Hộ tịch',
          },
          receivingUnit,
          processingUnit: { name: office },
          owner: {
            kind: 'citizen',
            name: 'TRẦN THỊ THỬ BA MƯƠI HAI',
            paperNumber: '049090000032',
            identities: [{ kind: 'citizen-card', number: '049090000032' }],
            accountVerified: false,
          },
          channel: 'direct',
          filedThrough: 'province',
          summary: title,
          status: 'accepted',
          submittedAt: '2026-10-12T01:55:00.000Z',
          receivedAt: '2026-10-12T02:00:00.000Z',
          dueAt: '2026-10-13T10:00:00.000Z',
          returnMethod: 'direct',
          hasDigitisedComponent: false,
          onlinePayment: 'none',
          databasesUsed: ['1'],
        },
      },
    ],
    result: {
      type: 'result.issued.v1',
      detached: true,
      body: {
        dossierCode: code,
        receivingUnit,
        status: 'returned',
        issuedAt: '2026-10-12T08:00:00.000Z',
        returnedAt: '2026-10-12T09:00:00.000Z',
        returnNote: 'Đã trả kết quả tại bộ phận một cửa',
        results: [
          {
            name: 'Giấy khai sinh',
            paperId: 'GKS-0102',
            url: `https://motcua.example/ket-qua/${code}/giay-khai-sinh.pdf`,
          },
        ],
      },
    },
    steps: [
      { service: 'DongBoHoSoMC', item: record },
      {
        service: 'DongBoHoSoMC',
        item: {
          ...record,
          TrangThaiHoSo: '10',
          NgayKetThucXuLy: '20261012150000',
          NgayTra: '20261012160000',
          ThongTinTra: 'Đã trả kết quả tại bộ phận một cửa',
          DanhSachGiayToKetQua: [
            {
              TenGiayTo: 'Giấy khai sinh',
              GiayToId: 'GKS-0102',
              DuongDanTepTinKetQua: `https://motcua.example/ket-qua/${code}/giay-khai-sinh.pdf`,
            },
          ],
        },
      },
    ],
  }
}

function procedureInPortalForm(code: string, name: string) {
  return { MaTTHC: code, TenTTHC: name }
}
