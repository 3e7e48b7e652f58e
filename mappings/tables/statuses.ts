import type { Status } from '../../contracts/canonical/types.ts'
import { type CodeRow, type CodeTable, codeTable } from '../code-table.ts'

/** One of the ten statuses of a dossier. */
export interface StatusRow extends CodeRow<PortalStatus, Status> {
  readonly english: string
  /** Nothing more is done after it. Inferred from the end markers of QĐ 766 (wire-formats 2.1, §6). */
  readonly isTerminal: boolean
  /** The time limit stands still in it (wire-formats 2.1). */
  readonly pausesClock: boolean
}

export type PortalStatus = '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '10'

const row = (
  code: PortalStatus,
  name: Status,
  rest: { vietnamese: string; english: string; is?: 'terminal' | 'pause' },
): StatusRow => ({
  code,
  name,
  vietnamese: rest.vietnamese,
  english: rest.english,
  isTerminal: rest.is === 'terminal',
  pausesClock: rest.is === 'pause',
})

/** `TrangThaiHoSo` 1–10 (wire-formats 2.1: TD ApplicationDbSeeder.cs 610-619). */
export const statusRows: readonly StatusRow[] = [
  row('1', 'newly-registered', { vietnamese: 'Mới đăng ký', english: 'newly registered' }),
  row('2', 'accepted', { vietnamese: 'Được tiếp nhận', english: 'accepted' }),
  row('3', 'refused', { vietnamese: 'Không được tiếp nhận', english: 'refused at reception', is: 'terminal' }),
  row('4', 'processing', { vietnamese: 'Đang xử lý', english: 'in process' }),
  row('5', 'supplement-requested', {
    vietnamese: 'Yêu cầu bổ sung giấy tờ',
    english: 'supplement requested',
    is: 'pause',
  }),
  row('6', 'obligation-requested', {
    vietnamese: 'Yêu cầu thực hiện nghĩa vụ tài chính',
    english: 'financial obligation requested',
    is: 'pause',
  }),
  row('7', 'withdrawn', {
    vietnamese: 'Công dân yêu cầu rút hồ sơ',
    english: 'withdrawn by the citizen',
    is: 'terminal',
  }),
  row('8', 'stopped', { vietnamese: 'Dừng xử lý', english: 'stopped', is: 'terminal' }),
  row('9', 'processed', { vietnamese: 'Đã xử lý xong', english: 'processed' }),
  row('10', 'returned', { vietnamese: 'Đã trả kết quả', english: 'result returned', is: 'terminal' }),
]

/** `TrangThaiHoSo` and `TrangThai` of progress. */
export const statuses: CodeTable<PortalStatus, Status> = codeTable('wire-formats 2.1', statusRows)

/** `TrangThai` of `DongBoTrangThaiHoSo`: as everywhere, but a refusal is 11 (wire-formats 1.6: TD SyncDVCService.cs). */
export const outcomeStatuses: CodeTable<Exclude<PortalStatus, '3'> | '11', Status> = codeTable(
  'wire-formats 1.6',
  statusRows.map(({ code, name, vietnamese }) => ({ code: code === '3' ? '11' : code, name, vietnamese })),
)
