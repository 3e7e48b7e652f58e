// Written by `npm run types` from the schemas beside it; never by hand.

export type PartnerDocument =
  | ProgressItem
  | ProgressRequest
  | SentProgress
  | DossierItem
  | DossierRequest
  | SentDossier
  | OutcomeRequest
  | SentOutcome
  | AgenciesAnswer
  | AgenciesRequest
  | SectorsAnswer
  | SectorsRequest
  | ProceduresAnswer
  | ProceduresRequest
  | ProcedureAnswer
  | ProcedureRequest
  | LookupAnswer
  | LookupRequest
  | PromotionRequest
  | PortalAnswer
  | LoginAnswer
  | LoginRequest
  | PortalRequest
  | SubmittedItem
export type DiaChiDoanhNghiep = {
  readonly MaTinh?: string | null
  readonly MaHuyen?: string | null
  readonly MaXa?: string | null
  readonly DiaChiChiTiet?: string | null
} | null

/**
 * One processing step as one-window products send it.
 */
export interface ProgressItem {
  readonly MaHoSo: string
  readonly NguoiXuLy?: string | null
  readonly ChucDanh?: string | null
  readonly ThoiDiemXuLy: string
  readonly PhongBanXuLy?: string | null
  readonly NoiDungXuLy?: string | null
  readonly TrangThai: '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '10'
  readonly NgayBatDau?: string | null
  readonly NgayKetThucTheoQuyDinh?: string | null
}
/**
 * The request CapNhatTienDoHoSoMC. Its items have a contract of their own, so that one bad item does not refuse the others.
 */
export interface ProgressRequest {
  readonly session: string
  readonly madonvi: string
  readonly service: 'CapNhatTienDoHoSoMC'
  /**
   * @minItems 1
   * @maxItems 1000
   */
  readonly data: {
    [k: string]: unknown
  }[]
}
/**
 * A processing step as it is sent to the portal.
 */
export interface SentProgress {
  readonly MaHoSo: string
  readonly NguoiXuLy: string
  readonly ChucDanh: string
  readonly ThoiDiemXuLy: string
  readonly PhongBanXuLy: string
  readonly NoiDungXuLy: string
  readonly TrangThai: '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '10'
  readonly NgayBatDau: string
  readonly NgayKetThucTheoQuyDinh: string
}
/**
 * A dossier as one-window products send it, before and after QĐ 766: scalars are strings, what is optional may be missing, null or empty. The portal’s own requirements are checked before sending, not here.
 */
export interface DossierItem {
  readonly MaHoSo: string
  readonly MaTTHC: string
  readonly TenTTHC?: string | null
  readonly MaLinhVuc?: string | null
  readonly TenLinhVuc?: string | null
  readonly SoBienNhan?: string | null
  readonly KenhThucHien?: '1' | '2' | '3' | '' | null
  readonly ChuHoSo?: string | null
  readonly SoGiayToChuHoSo?: string | null
  readonly LoaiDoiTuong?: '1' | '2' | '3' | '4' | '' | null
  readonly MaDoiTuong?: string | null
  readonly ThongTinKhac?: string | null
  readonly Email?: string | null
  readonly Fax?: string | null
  readonly SoDienThoai?: string | null
  readonly TrichYeuHoSo?: string | null
  readonly NgayTiepNhan: string
  readonly NgayHenTra?: string | null
  readonly TrangThaiHoSo: '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '10'
  readonly NgayTra?: string | null
  readonly ThongTinTra?: string | null
  readonly HinhThuc?: '0' | '1' | '' | null
  readonly NgayKetThucXuLy?: string | null
  readonly DonViXuLy?: string | null
  readonly GhiChu?: string | null
  /**
   * @maxItems 500
   */
  readonly TaiLieuNop?: readonly TaiLieuNop[] | null
  /**
   * @maxItems 200
   */
  readonly DanhSachLePhi?: readonly LePhi[] | null
  /**
   * @maxItems 200
   */
  readonly DanhSachTepDinhKemKhac?: readonly TepDinhKemKhac[] | null
  /**
   * @maxItems 100
   */
  readonly DanhSachHoSoBoSung?: readonly HoSoBoSung[] | null
  /**
   * @maxItems 200
   */
  readonly DanhSachGiayToKetQua?: readonly GiayToKetQua[] | null
  readonly NoiNopHoSo?: '1' | '2' | '' | null
  readonly HoSoCoThanhPhanSoHoa?: '0' | '1' | '' | null
  readonly TaiKhoanDuocXacThucVoiVNeID?: '0' | '1' | '' | null
  readonly DuocThanhToanTrucTuyen?: '0' | '1' | '2' | '3' | '' | null
  readonly NgayTuChoi?: string | null
  /**
   * @maxItems 10
   */
  readonly DinhDanhCHS?: readonly DinhDanh[] | null
  readonly NgayNopHoSo?: string | null
  /**
   * @maxItems 50
   */
  readonly DSKetNoiCSDL?: readonly KetNoiCSDL[] | null
}
/**
 * A submitted paper.
 */
export interface TaiLieuNop {
  readonly TepDinhKemId?: string | number | null
  readonly TenTepDinhKem?: string | null
  readonly IsDeleted?: 'True' | 'False' | '' | null
  readonly MaThanhPhanHoSo?: string | null
  readonly DuongDanTaiTepTin?: string | null
  readonly DuocSoHoa?: '0' | '1' | '' | null
  readonly DuocTaiSuDung?: '0' | '1' | '2' | '' | null
  readonly DuocLayTuKhoDMQG?: '0' | '1' | '' | null
  readonly MaKetQuaThayThe?: string | null
}
/**
 * A fee or charge.
 */
export interface LePhi {
  readonly TenPhiLePhi?: string | null
  readonly MaPhiLePhi?: string | null
  readonly HinhThucThu?: string | null
  readonly Gia?: string | null
  readonly LoaiPhiLePhi?: string | null
}
/**
 * A paper beside the listed ones.
 */
export interface TepDinhKemKhac {
  readonly TenGiayTo?: string | null
  readonly SoLuong?: number | null
  readonly LoaiGiayTo?: number | null
}
/**
 * A request for further papers. No client is known to fill this list; the date format in it is unproven.
 */
export interface HoSoBoSung {
  readonly HoSoBoSungId?: number | null
  readonly NguoiYeuCauBoSung?: string | null
  readonly NoiDungBoSung?: string | null
  readonly NgayBoSung?: string | null
  readonly NguoiTiepNhanBoSung?: string | null
  readonly ThongTinTiepNhan?: string | null
  readonly NgayTiepNhanBoSung?: string | null
  readonly TrangThaiBoSung?: boolean | null
  /**
   * @maxItems 200
   */
  readonly DanhSachGiayToBoSung?: readonly TaiLieuNop[] | null
  /**
   * @maxItems 100
   */
  readonly DanhSachLePhiBoSung?: readonly LePhi[] | null
  readonly NgayHenTraTruoc?: string | null
  readonly NgayHenTraMoi?: string | null
}
/**
 * A paper of the result.
 */
export interface GiayToKetQua {
  readonly TenGiayTo?: string | null
  readonly MaThanhPhanHoSo?: string | null
  readonly GiayToId?: string | null
  readonly DuongDanTepTinKetQua?: string | null
  readonly MaGiayToKetQua?: string | null
}
/**
 * An identity paper of the owner: 1 CCCD, 2 CMND.
 */
export interface DinhDanh {
  readonly LoaiDinhDanh: '1' | '2'
  readonly SoDinhDanh: string
}
/**
 * A national database that was used.
 */
export interface KetNoiCSDL {
  readonly MaCSDL: string
}
/**
 * The request DongBoHoSoMC. Its items have a contract of their own, so that one bad item does not refuse the others.
 */
export interface DossierRequest {
  readonly session: string
  readonly madonvi: string
  readonly service: 'DongBoHoSoMC'
  readonly isUpdating: 'True' | 'False'
  /**
   * @minItems 1
   * @maxItems 1000
   */
  readonly data: {
    [k: string]: unknown
  }[]
}
/**
 * A dossier as it is sent to the portal: every field present, what is absent empty, what the portal requires filled. Which of the QĐ 766 fields must be filled depends on the edition and is the mapping’s to check.
 */
export interface SentDossier {
  readonly MaHoSo: string
  readonly MaTTHC: string
  readonly TenTTHC: string
  readonly MaLinhVuc: string
  readonly TenLinhVuc: string
  readonly SoBienNhan: string
  readonly KenhThucHien: '1' | '2' | '3' | ''
  readonly ChuHoSo: string
  readonly SoGiayToChuHoSo: string
  readonly LoaiDoiTuong: '1' | '2' | '3' | '4'
  readonly MaDoiTuong: string
  readonly ThongTinKhac: string
  readonly Email: string
  readonly Fax: string
  readonly SoDienThoai: string
  readonly TrichYeuHoSo: string
  readonly NgayTiepNhan: string
  readonly NgayHenTra: string
  readonly TrangThaiHoSo: '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '10'
  readonly NgayTra: string
  readonly ThongTinTra: string
  readonly HinhThuc: '0' | '1'
  readonly NgayKetThucXuLy: string
  readonly DonViXuLy: string
  readonly GhiChu: string
  /**
   * @maxItems 500
   */
  readonly TaiLieuNop: readonly SentFile[]
  /**
   * @maxItems 200
   */
  readonly DanhSachLePhi: readonly SentFee[]
  /**
   * @maxItems 200
   */
  readonly DanhSachTepDinhKemKhac: readonly SentOtherPaper[]
  /**
   * @maxItems 100
   */
  readonly DanhSachHoSoBoSung: readonly SentSupplement[]
  /**
   * @maxItems 200
   */
  readonly DanhSachGiayToKetQua: readonly SentResult[]
  readonly NoiNopHoSo: '1' | '2'
  readonly HoSoCoThanhPhanSoHoa: '0' | '1' | ''
  readonly TaiKhoanDuocXacThucVoiVNeID: '0' | '1' | ''
  readonly DuocThanhToanTrucTuyen: '0' | '1' | '2' | '3' | ''
  readonly NgayTuChoi: string
  /**
   * @maxItems 10
   */
  readonly DinhDanhCHS: readonly SentIdentity[]
  readonly NgayNopHoSo: string
  /**
   * @maxItems 50
   */
  readonly DSKetNoiCSDL: readonly SentDatabase[]
}
/**
 * A submitted paper, as it is sent.
 */
export interface SentFile {
  readonly TepDinhKemId: string
  readonly TenTepDinhKem: string
  readonly IsDeleted: 'True' | 'False'
  readonly MaThanhPhanHoSo: string
  readonly DuongDanTaiTepTin: string
  readonly DuocSoHoa: '0' | '1' | ''
  readonly DuocTaiSuDung: '0' | '1' | '2' | ''
  readonly DuocLayTuKhoDMQG: '0' | '1' | ''
  readonly MaKetQuaThayThe: string
}
/**
 * A fee, as it is sent.
 */
export interface SentFee {
  readonly TenPhiLePhi: string
  readonly MaPhiLePhi: string
  readonly HinhThucThu: string
  readonly Gia: string
  readonly LoaiPhiLePhi: string
}
/**
 * A paper beside the listed ones, as it is sent.
 */
export interface SentOtherPaper {
  readonly TenGiayTo: string
  readonly SoLuong: number
  readonly LoaiGiayTo: number
}
/**
 * A request for further papers, as it is sent.
 */
export interface SentSupplement {
  readonly HoSoBoSungId: number
  readonly NguoiYeuCauBoSung: string
  readonly NoiDungBoSung: string
  readonly NgayBoSung: string
  readonly NguoiTiepNhanBoSung: string
  readonly ThongTinTiepNhan: string
  readonly NgayTiepNhanBoSung: string
  readonly TrangThaiBoSung: boolean
  /**
   * @maxItems 200
   */
  readonly DanhSachGiayToBoSung: readonly SentFile[]
  /**
   * @maxItems 100
   */
  readonly DanhSachLePhiBoSung: readonly SentFee[]
  readonly NgayHenTraTruoc: string
  readonly NgayHenTraMoi: string
}
/**
 * A paper of the result, as it is sent.
 */
export interface SentResult {
  readonly TenGiayTo: string
  readonly MaThanhPhanHoSo: string
  readonly GiayToId: string
  readonly DuongDanTepTinKetQua: string
  readonly MaGiayToKetQua: string
}
/**
 * An identity paper, as it is sent.
 */
export interface SentIdentity {
  readonly LoaiDinhDanh: '1' | '2'
  readonly SoDinhDanh: string
}
/**
 * A database that was used, as it is sent.
 */
export interface SentDatabase {
  readonly MaCSDL: string
}
/**
 * The request DongBoTrangThaiHoSo: what became of a dossier that was filed at the portal.
 */
export interface OutcomeRequest {
  readonly session: string
  readonly madonvi: string
  readonly service: 'DongBoTrangThaiHoSo'
  readonly type: '2'
  readonly data: OutcomeItem
}
/**
 * The outcome; one object, not a list. Status 11 is a refusal here.
 */
export interface OutcomeItem {
  readonly MaHoSo: string
  readonly TrangThai: '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '10' | '11'
  readonly MaHoSoDonVi?: string | null
  readonly MaDoiTuong?: string | null
  readonly NoiDung?: string | null
  readonly NgayXuLy: string
  /**
   * @maxItems 200
   */
  readonly TaiLieuXuLy?: readonly TaiLieuNop[] | null
}
/**
 * An outcome as it is sent to the portal; a refusal is 11.
 */
export interface SentOutcome {
  readonly MaHoSo: string
  readonly TrangThai: '1' | '2' | '4' | '5' | '6' | '7' | '8' | '9' | '10' | '11'
  readonly MaHoSoDonVi: string
  readonly MaDoiTuong: string
  readonly NoiDung: string
  readonly NgayXuLy: string
  /**
   * @maxItems 200
   */
  readonly TaiLieuXuLy: readonly SentOutcomeFile[]
}
/**
 * A paper that goes with an outcome, as it is sent.
 */
export interface SentOutcomeFile {
  readonly TepDinhKemId: string | null
  readonly TenTepDinhKem: string
  readonly IsDeleted: 'True' | 'False'
  readonly MaThanhPhanHoSo: string
  readonly DuongDanTaiTepTin: string
}
/**
 * The portal’s answer to LayDanhMucCoQuan.
 */
export interface AgenciesAnswer {
  readonly error_code: number | string
  readonly message?: string | null
  /**
   * @maxItems 200000
   */
  readonly result?: readonly AgencyEntry[] | null
  [k: string]: unknown
}
/**
 * An agency in the list.
 */
export interface AgencyEntry {
  readonly MADONVI: string
  readonly TENDONVI?: string
  readonly CAPDONVI?: string | number | null
  [k: string]: unknown
}
/**
 * The request LayDanhMucCoQuan.
 */
export interface AgenciesRequest {
  readonly session: string
  readonly madonvi: string
  readonly service: 'LayDanhMucCoQuan'
}
/**
 * The portal’s answer to LayDanhMucLinhVuc.
 */
export interface SectorsAnswer {
  readonly error_code: number | string
  readonly message?: string | null
  /**
   * @maxItems 200000
   */
  readonly result?: readonly SectorEntry[] | null
  [k: string]: unknown
}
/**
 * A sector in the list.
 */
export interface SectorEntry {
  readonly MALINHVUC: string
  readonly TENLINHVUC?: string
  readonly MANGANH?: string | null
  [k: string]: unknown
}
/**
 * The request LayDanhMucLinhVuc.
 */
export interface SectorsRequest {
  readonly session: string
  readonly madonvi: string
  readonly service: 'LayDanhMucLinhVuc'
}
/**
 * The portal’s answer to LayDanhSachTTHC.
 */
export interface ProceduresAnswer {
  readonly error_code: number | string
  readonly message?: string | null
  /**
   * @maxItems 200000
   */
  readonly result?: readonly ProcedureEntry[] | null
  [k: string]: unknown
}
/**
 * A procedure in the list.
 */
export interface ProcedureEntry {
  readonly MATTHC: string
  readonly TENTTHC?: string
  [k: string]: unknown
}
/**
 * The request LayDanhSachTTHC.
 */
export interface ProceduresRequest {
  readonly session: string
  readonly madonvi: string
  readonly service: 'LayDanhSachTTHC'
}
/**
 * The portal’s answer to LayThuTuc.
 */
export interface ProcedureAnswer {
  readonly error_code: number | string
  readonly message?: string | null
  /**
   * @maxItems 200000
   */
  readonly result?: readonly ProcedureRecord[] | null
  [k: string]: unknown
}
/**
 * The full record of a procedure, as far as we read it; the key of its code is written both ways by clients.
 */
export interface ProcedureRecord {
  readonly MaTTHC?: string
  readonly MATTHC?: string
  readonly TENTTHC?: string | null
  /**
   * @maxItems 100
   */
  readonly LINHVUCTHUCHIEN?: readonly ProcedureSector[] | null
  [k: string]: unknown
}
/**
 * A sector of the procedure.
 */
export interface ProcedureSector {
  readonly MALINHVUC?: string | null
  readonly TENLINHVUC?: string | null
  [k: string]: unknown
}
/**
 * The request LayThuTuc.
 */
export interface ProcedureRequest {
  readonly session: string
  readonly madonvi: string
  readonly service: 'LayThuTuc'
  readonly maTTHC: string
}
/**
 * The portal’s answer to TraCuuHoSo.
 */
export interface LookupAnswer {
  readonly error_code: number | string
  readonly message?: string | null
  /**
   * @maxItems 200000
   */
  readonly result?:
    | {
        [k: string]: unknown
      }[]
    | null
  [k: string]: unknown
}
/**
 * The request TraCuuHoSo.
 */
export interface LookupRequest {
  readonly session: string
  readonly madonvi: string
  readonly service: 'TraCuuHoSo'
  readonly mahoso: string
}
/**
 * A trader’s notice of a sales promotion, filed at the national portal.
 */
export interface PromotionRequest {
  readonly MaHoSo: string
  readonly MaTTHC: string
  readonly MaSoThue: string
  readonly TenThuongNhan: string
  readonly SoVanBan?: string | null
  readonly NgayNopHoSo?: string | null
  readonly DiaChiDoanhNghiep?: DiaChiDoanhNghiep
  readonly DienThoai?: string | null
  readonly Fax?: string | null
  readonly Email?: string | null
  readonly NguoiLienHe?: string | null
  readonly SoDienThoaiNguoiLienHe?: string | null
  readonly TenChuongTrinhKhuyenMai?: string | null
  readonly HinhThucKhuyenMai?: string | null
  readonly ThoiGianKhuyenMaiTu?: string | null
  readonly ThoiGianKhuyenMaiDen?: string | null
  readonly HangHoaDichVuKhuyenMai?: string | null
  readonly SoLuongHangHoaDichVu?: string | null
  readonly KhachHang?: string | null
  readonly CoCauGiaiThuong?: string | null
  readonly TongGiaTriHangHoa?: string | null
  readonly NoiDungChiTiet?: string | null
  readonly TenCacThuongNhanCungThucHien?: string | null
  readonly TenTepDonDangKy?: string | null
  readonly TepDonDangKy?: string | null
  /**
   * @maxItems 200
   */
  readonly TaiLieuNop?: readonly TaiLieuKemTheo[] | null
}
/**
 * A paper handed in inline.
 */
export interface TaiLieuKemTheo {
  readonly TenTepDinhKem?: string | null
  readonly Base64?: string | null
}
/**
 * The portal’s answer to a request: one code and one text for the whole of it.
 */
export interface PortalAnswer {
  readonly error_code: number | string
  readonly message?: string | null
  [k: string]: unknown
}
/**
 * The portal’s answer to a login.
 */
export interface LoginAnswer {
  readonly session?: string | null
  readonly error_code: number | string
  readonly message?: string | null
  [k: string]: unknown
}
/**
 * Login of a client.
 */
export interface LoginRequest {
  readonly username: string
  readonly password: string
}
/**
 * What every request after the login has; the service names the contract of the whole.
 */
export interface PortalRequest {
  readonly session: string
  readonly madonvi: string
  readonly service: string
  [k: string]: unknown
}
/**
 * A dossier filed at the national portal for the province, in the form of DongBoHoSoMC. Assumed: no source documents this message. What only processing can know stays empty.
 */
export interface SubmittedItem {
  readonly MaHoSo: string
  readonly MaTTHC: string
  readonly TenTTHC?: string | null
  readonly MaLinhVuc?: string | null
  readonly TenLinhVuc?: string | null
  readonly SoBienNhan?: string | null
  readonly KenhThucHien?: '1' | '2' | '3' | '' | null
  readonly ChuHoSo?: string | null
  readonly SoGiayToChuHoSo?: string | null
  readonly LoaiDoiTuong?: '1' | '2' | '3' | '4' | '' | null
  readonly MaDoiTuong?: string | null
  readonly ThongTinKhac?: string | null
  readonly Email?: string | null
  readonly Fax?: string | null
  readonly SoDienThoai?: string | null
  readonly TrichYeuHoSo?: string | null
  readonly NgayTiepNhan?: string | null
  readonly NgayHenTra?: string | null
  readonly TrangThaiHoSo?: '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '10' | '' | null
  readonly NgayTra?: string | null
  readonly ThongTinTra?: string | null
  readonly HinhThuc?: '0' | '1' | '' | null
  readonly NgayKetThucXuLy?: string | null
  readonly DonViXuLy?: string | null
  readonly GhiChu?: string | null
  /**
   * @maxItems 500
   */
  readonly TaiLieuNop?: readonly TaiLieuNop[] | null
  /**
   * @maxItems 200
   */
  readonly DanhSachLePhi?: readonly LePhi[] | null
  /**
   * @maxItems 200
   */
  readonly DanhSachTepDinhKemKhac?: readonly TepDinhKemKhac[] | null
  /**
   * @maxItems 0
   */
  readonly DanhSachHoSoBoSung?: readonly unknown[] | null
  /**
   * @maxItems 0
   */
  readonly DanhSachGiayToKetQua?: readonly unknown[] | null
  readonly NoiNopHoSo?: '1' | '2' | '' | null
  readonly HoSoCoThanhPhanSoHoa?: '0' | '1' | '' | null
  readonly TaiKhoanDuocXacThucVoiVNeID?: '0' | '1' | '' | null
  readonly DuocThanhToanTrucTuyen?: '0' | '1' | '2' | '3' | '' | null
  readonly NgayTuChoi?: string | null
  /**
   * @maxItems 10
   */
  readonly DinhDanhCHS?: readonly DinhDanh[] | null
  readonly NgayNopHoSo?: string | null
  /**
   * @maxItems 50
   */
  readonly DSKetNoiCSDL?: readonly KetNoiCSDL[] | null
}

/** The body of each contract, by its name. */
export interface PartnerDocuments {
  readonly 'national-portal/CapNhatTienDoHoSoMC.item': ProgressItem
  readonly 'national-portal/CapNhatTienDoHoSoMC': ProgressRequest
  readonly 'national-portal/CapNhatTienDoHoSoMC.sent': SentProgress
  readonly 'national-portal/DongBoHoSoMC.item': DossierItem
  readonly 'national-portal/DongBoHoSoMC': DossierRequest
  readonly 'national-portal/DongBoHoSoMC.sent': SentDossier
  readonly 'national-portal/DongBoTrangThaiHoSo': OutcomeRequest
  readonly 'national-portal/DongBoTrangThaiHoSo.sent': SentOutcome
  readonly 'national-portal/LayDanhMucCoQuan.answer': AgenciesAnswer
  readonly 'national-portal/LayDanhMucCoQuan': AgenciesRequest
  readonly 'national-portal/LayDanhMucLinhVuc.answer': SectorsAnswer
  readonly 'national-portal/LayDanhMucLinhVuc': SectorsRequest
  readonly 'national-portal/LayDanhSachTTHC.answer': ProceduresAnswer
  readonly 'national-portal/LayDanhSachTTHC': ProceduresRequest
  readonly 'national-portal/LayThuTuc.answer': ProcedureAnswer
  readonly 'national-portal/LayThuTuc': ProcedureRequest
  readonly 'national-portal/TraCuuHoSo.answer': LookupAnswer
  readonly 'national-portal/TraCuuHoSo': LookupRequest
  readonly 'national-portal/addtthcKhuyenMai': PromotionRequest
  readonly 'national-portal/answer': PortalAnswer
  readonly 'national-portal/login.answer': LoginAnswer
  readonly 'national-portal/login': LoginRequest
  readonly 'national-portal/request': PortalRequest
  readonly 'national-portal/submitted.item': SubmittedItem
}
