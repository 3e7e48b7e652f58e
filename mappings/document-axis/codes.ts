import type { DocumentAction, DocumentStatus } from '../../contracts/canonical/types.ts'
import { type CodeTable, codeTable } from '../code-table.ts'

/** What a document does to earlier ones. */
export const documentActions: CodeTable<string, DocumentAction> = codeTable(
  'BussinessDocType: wire-formats 4.5 for 0, the SDKs of the axis for 1 to 3',
  [
    { code: '0', name: 'new', vietnamese: 'Văn bản mới' },
    { code: '1', name: 'recall', vietnamese: 'Thu hồi' },
    { code: '2', name: 'update', vietnamese: 'Cập nhật' },
    { code: '3', name: 'replace', vietnamese: 'Thay thế' },
  ],
)

/** Where a document stands at its receiver. */
export const documentStatuses: CodeTable<string, DocumentStatus> = codeTable(
  'StatusCode: QĐ 28/2018/QĐ-TTg, wire-formats 4.5',
  [
    { code: '01', name: 'arrived', vietnamese: 'Đã đến' },
    { code: '02', name: 'refused', vietnamese: 'Từ chối tiếp nhận' },
    { code: '03', name: 'accepted', vietnamese: 'Đã tiếp nhận' },
    { code: '04', name: 'assigned', vietnamese: 'Phân công' },
    { code: '05', name: 'processing', vietnamese: 'Đang xử lý' },
    { code: '06', name: 'finished', vietnamese: 'Hoàn thành' },
    { code: '13', name: 'taken-back', vietnamese: 'Lấy lại' },
    { code: '15', name: 'change-agreed', vietnamese: 'Đồng ý cập nhật, lấy lại' },
    { code: '16', name: 'change-refused', vietnamese: 'Từ chối cập nhật, lấy lại' },
  ],
)
