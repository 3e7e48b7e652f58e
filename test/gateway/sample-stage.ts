import type { Test } from 'tap'
import type { Story } from '../../simulators/demo/comparison.ts'
import type { DemoStep, Item } from '../../simulators/demo/dossiers.ts'
import { openStage, type Stage, type StageOptions } from '../../simulators/demo/stage.ts'

/** The real server between both stand-ins, ended with the test. */
export async function startStage(t: Test, options: StageOptions = {}): Promise<Stage> {
  const stage = await openStage(options)
  t.teardown(() => stage.close())
  return stage
}

/** The unit all these dossiers are of. */
export const unit = '000.10.01.H47'

/** A birth registration as a one-window product sends it. */
export function record(code: string, more: Item = {}): Item {
  return {
    MaHoSo: code,
    MaTTHC: '1.001193',
    TenTTHC: 'Đăng ký khai sinh',
    MaLinhVuc: 'G15-HT01',
    TenLinhVuc: 'Hộ tịch',
    KenhThucHien: '1',
    ChuHoSo: 'NGUYEN VAN A',
    SoGiayToChuHoSo: '049090000001',
    LoaiDoiTuong: '1',
    TrichYeuHoSo: 'Đăng ký khai sinh',
    NgayTiepNhan: '20261015083000',
    NgayHenTra: '20261016170000',
    TrangThaiHoSo: '2',
    HinhThuc: '0',
    DonViXuLy: 'Ủy ban nhân dân xã Mẫu Một',
    TaiLieuNop: [],
    NoiNopHoSo: '2',
    HoSoCoThanhPhanSoHoa: '0',
    TaiKhoanDuocXacThucVoiVNeID: '0',
    DuocThanhToanTrucTuyen: '0',
    DinhDanhCHS: [{ LoaiDinhDanh: '1', SoDinhDanh: '049090000001' }],
    NgayNopHoSo: '20261015080000',
    DSKetNoiCSDL: [{ MaCSDL: '1' }],
    ...more,
  }
}

/** One processing step; its time follows from its place, so that no two are the same. */
export function progress(code: string, { status, place }: { readonly status: string; readonly place: number }): Item {
  return {
    MaHoSo: code,
    NguoiXuLy: 'TRAN THI B',
    ThoiDiemXuLy: `20261015${String(10 + place)}0000`,
    NoiDungXuLy: 'Xử lý',
    TrangThai: status,
  }
}

/** A record and its steps, sent in this order; the portal must hold just that. */
export function story(code: string, statuses: readonly string[]): Story {
  const steps: readonly DemoStep[] = [
    { service: 'DongBoHoSoMC', isUpdating: 'False', item: record(code) },
    ...statuses.map((status, place) => ({
      service: 'CapNhatTienDoHoSoMC' as const,
      item: progress(code, { status, place }),
    })),
  ]
  return { code, steps }
}

/** Sends each step by itself, as products do; throws when one is not taken. */
export async function send(stage: Stage, { steps }: Story): Promise<void> {
  for (const { service, isUpdating, item } of steps) {
    const answer = await stage.product(unit).sendBatch({ service, ...(isUpdating && { isUpdating }), data: [item] })
    if (answer.document?.error_code !== 0) throw new Error(`${service}: ${answer.status} ${answer.text}`)
  }
}
