/**
 * What to do after a failed attempt (design §3).
 * - transient: the partner surely did not act; try again.
 * - ambiguous: it may have acted; the adapter's per-operation rule decides.
 * - permanent: it will never accept this message.
 * - channel: it is unreachable for every message; pause and alert.
 */
export type FailureClass = 'transient' | 'ambiguous' | 'permanent' | 'channel'

/** What an operator searches by. */
export type FailureCause =
  | 'dns'
  | 'tcp'
  | 'tls'
  | 'timeout'
  | 'http'
  | 'business'
  | 'contract'
  | 'signature'
  | 'expired'
  | 'credential'
  | 'routing'

interface ErrorRow {
  /** HTTP status when it is answered to a caller. */
  readonly status: number
  /** What a delivery does with it; doors ignore it. */
  readonly failure: FailureClass
  readonly cause: FailureCause
  /** One sentence for engineers. */
  readonly sentence: string
  /** The same for an officer. */
  readonly vietnamese: string
}

const row = (
  status: number,
  failure: FailureClass,
  cause: FailureCause,
  sentence: string,
  vietnamese: string,
): ErrorRow => ({
  status,
  failure,
  cause,
  sentence,
  vietnamese,
})

/**
 * Every error the gateway can give, in one table: mirrored by `docs/errors.md`, held to it by a test.
 * Codes are never reused; a retired one moves to `retiredCodes`.
 */
export const errorTable = {
  // Refused at a door
  'request-unreadable': row(
    400,
    'permanent',
    'contract',
    'The request is not well-formed UTF-8 JSON.',
    'Yêu cầu không phải JSON UTF-8 hợp lệ.',
  ),
  'request-too-deep': row(
    400,
    'permanent',
    'contract',
    'The request is nested deeper than the limit.',
    'Yêu cầu lồng nhau quá sâu.',
  ),
  'request-too-many-values': row(
    413,
    'permanent',
    'contract',
    'The request holds more values than the limit.',
    'Yêu cầu có quá nhiều giá trị; hãy chia nhỏ.',
  ),
  'duplicate-key': row(
    400,
    'permanent',
    'contract',
    'The request names one JSON key twice.',
    'Yêu cầu có khóa JSON bị lặp.',
  ),
  'forbidden-key': row(
    400,
    'permanent',
    'contract',
    'The request holds a key that is never allowed.',
    'Yêu cầu có khóa JSON không được phép.',
  ),
  'xml-unreadable': row(
    400,
    'permanent',
    'contract',
    'The document is not well-formed UTF-8 XML.',
    'Văn bản không phải XML UTF-8 hợp lệ.',
  ),
  'xml-forbidden': row(
    400,
    'permanent',
    'contract',
    'The XML document holds something that is never accepted.',
    'Văn bản XML có thành phần không được chấp nhận.',
  ),
  'xml-too-complex': row(
    400,
    'permanent',
    'contract',
    'The XML document exceeds what is read of one document.',
    'Văn bản XML vượt quá giới hạn cho phép.',
  ),
  'request-too-large': row(
    413,
    'permanent',
    'contract',
    'The request is larger than the limit.',
    'Yêu cầu vượt quá dung lượng cho phép.',
  ),
  'media-type-unknown': row(
    415,
    'permanent',
    'contract',
    'The content type or encoding is not one this address accepts.',
    'Kiểu nội dung không được chấp nhận.',
  ),
  'credential-missing': row(401, 'channel', 'credential', 'A credential is required.', 'Cần thông tin xác thực.'),
  'credential-refused': row(
    401,
    'channel',
    'credential',
    'The credential or signature is not accepted.',
    'Thông tin xác thực hoặc chữ ký không được chấp nhận.',
  ),
  'session-expired': row(
    401,
    'channel',
    'credential',
    'The session is unknown or has expired; log in again.',
    'Phiên làm việc không hợp lệ hoặc đã hết hạn; hãy đăng nhập lại.',
  ),
  'unit-not-allowed': row(
    403,
    'permanent',
    'credential',
    'The credential may not speak for this unit.',
    'Tài khoản không được phép gửi thay cho đơn vị này.',
  ),
  'type-not-allowed': row(
    403,
    'permanent',
    'credential',
    'This system may not send messages of this type.',
    'Hệ thống không được phép gửi loại thông điệp này.',
  ),
  'contract-violated': row(
    422,
    'permanent',
    'contract',
    'The document does not satisfy its contract.',
    'Dữ liệu không đúng quy định.',
  ),
  'after-invalid-item': row(
    422,
    'permanent',
    'contract',
    'An earlier item of the same dossier in this batch is invalid.',
    'Sau mục không hợp lệ của cùng hồ sơ.',
  ),
  'service-unknown': row(422, 'permanent', 'contract', 'There is no such service here.', 'Dịch vụ không tồn tại.'),
  'key-conflict': row(
    409,
    'permanent',
    'contract',
    'This idempotency key was accepted before with other content.',
    'Khóa thông điệp đã được dùng cho nội dung khác.',
  ),
  'replay-refused': row(
    409,
    'permanent',
    'signature',
    'Another system has signed the very same statement before.',
    'Một hệ thống khác đã ký chính nội dung này trước đó.',
  ),
  'not-found': row(404, 'permanent', 'http', 'There is nothing here by that name.', 'Không tìm thấy.'),
  'method-not-allowed': row(
    405,
    'permanent',
    'http',
    'This address does not take that method.',
    'Phương thức không được hỗ trợ.',
  ),
  'request-malformed': row(
    400,
    'permanent',
    'http',
    'The HTTP request itself is not well-formed.',
    'Yêu cầu HTTP không hợp lệ.',
  ),
  'request-timeout': row(
    408,
    'transient',
    'timeout',
    'The request did not arrive in time.',
    'Yêu cầu không đến đủ trong thời hạn.',
  ),
  'host-unknown': row(
    421,
    'permanent',
    'http',
    'The gateway does not answer for this host name.',
    'Hệ thống không phục vụ tên máy chủ này.',
  ),
  'headers-too-large': row(
    431,
    'permanent',
    'http',
    'The header fields are larger than the limit.',
    'Tiêu đề yêu cầu vượt quá dung lượng cho phép.',
  ),
  'too-many-requests': row(
    429,
    'transient',
    'http',
    'Too many requests; try again later.',
    'Quá nhiều yêu cầu; hãy thử lại sau.',
  ),
  'store-unavailable': row(
    503,
    'transient',
    'http',
    'Nothing was accepted: the store cannot be written. Try again later.',
    'Hệ thống tạm thời chưa nhận được; hãy gửi lại sau.',
  ),
  draining: row(
    503,
    'transient',
    'http',
    'Nothing was accepted: the gateway is shutting down. Try again.',
    'Hệ thống đang khởi động lại; hãy gửi lại sau.',
  ),
  'internal-error': row(
    500,
    'transient',
    'http',
    'The gateway failed; nothing was accepted.',
    'Lỗi hệ thống; chưa nhận được yêu cầu.',
  ),

  // Refused to an operator
  'role-too-low': row(403, 'permanent', 'credential', 'This needs a higher role.', 'Cần quyền cao hơn.'),
  'reason-missing': row(422, 'permanent', 'contract', 'A reason is required.', 'Phải nêu lý do.'),
  'selection-empty': row(422, 'permanent', 'contract', 'Nothing matches.', 'Không có mục nào phù hợp.'),
  'state-impossible': row(
    409,
    'permanent',
    'contract',
    'This is not possible in the delivery’s present state.',
    'Không thực hiện được ở trạng thái hiện tại.',
  ),
  'changed-meanwhile': row(
    409,
    'permanent',
    'contract',
    'Somebody was faster; look again and decide anew.',
    'Người khác vừa thay đổi; hãy xem lại rồi quyết định.',
  ),
  overtaken: row(
    409,
    'permanent',
    'contract',
    'Later deliveries of the dossier have gone before; override to send it all the same.',
    'Các lượt sau của hồ sơ đã đi trước; chọn “vẫn gửi” nếu chắc chắn.',
  ),
  'bytes-gone': row(
    410,
    'permanent',
    'contract',
    'The original bytes are gone; they were never kept or retention has taken them.',
    'Không còn dữ liệu gốc.',
  ),

  'process-changed': row(
    409,
    'transient',
    'contract',
    'The exchange has moved on meanwhile; look again.',
    'Quy trình vừa thay đổi; hãy xem lại.',
  ),
  'reception-overdue': row(
    422,
    'permanent',
    'business',
    'Nobody has received the dossier within its term.',
    'Hồ sơ chưa được tiếp nhận trong thời hạn.',
  ),
  'reading-unchanged': row(
    409,
    'permanent',
    'contract',
    'Read again, the bytes say the same; replay the delivery instead.',
    'Đọc lại cho kết quả như cũ; hãy gửi lại lượt này.',
  ),

  // A delivery that stops before anything is sent
  'no-receiver': row(
    422,
    'permanent',
    'routing',
    'No route names a receiver for this message.',
    'Không có tuyến nào nhận thông điệp này.',
  ),
  'value-missing': row(
    422,
    'permanent',
    'contract',
    'The receiver requires a value that the source does not have.',
    'Nơi nhận yêu cầu một thông tin mà nguồn không có.',
  ),
  'value-unmappable': row(
    422,
    'permanent',
    'contract',
    'A value has no counterpart in the receiver’s code table.',
    'Giá trị không có trong bảng mã của nơi nhận.',
  ),
  'procedure-unknown': row(
    422,
    'permanent',
    'contract',
    'The procedure is in neither the catalogue nor the mapping table.',
    'Thủ tục chưa có trong danh mục hoặc bảng ánh xạ.',
  ),
  'dossier-not-there': row(
    422,
    'permanent',
    'contract',
    'The receiver does not have the dossier this belongs to.',
    'Nơi nhận chưa có hồ sơ này.',
  ),
  superseded: row(
    409,
    'permanent',
    'contract',
    'A later reading of the same bytes took its place.',
    'Đã được thay bằng lần đọc lại sau.',
  ),
  'held-by-person': row(409, 'permanent', 'business', 'A person holds it.', 'Cán bộ đang giữ lại.'),
  'lease-lost': row(
    503,
    'transient',
    'timeout',
    'The lease ran out before anything was sent.',
    'Quá thời hạn giữ lượt; chưa gửi.',
  ),
  'outcome-unknown': row(
    502,
    'ambiguous',
    'http',
    'The partner may have acted, and nothing tells whether it did.',
    'Không rõ nơi nhận đã xử lý hay chưa.',
  ),

  // A file that is not taken, or not to be had
  'file-too-large': row(
    413,
    'permanent',
    'contract',
    'The file is larger than the limit.',
    'Tệp vượt quá dung lượng cho phép.',
  ),
  'file-unreadable': row(
    422,
    'permanent',
    'contract',
    'The file’s content is empty or not well-formed base64.',
    'Nội dung tệp rỗng hoặc không phải base64 hợp lệ.',
  ),
  'file-mismatch': row(
    422,
    'permanent',
    'contract',
    'The file is not the one that was announced.',
    'Tệp không đúng như đã khai báo (dung lượng, mã băm hoặc định dạng).',
  ),
  'file-type-refused': row(
    422,
    'permanent',
    'contract',
    'Files of this type are not taken.',
    'Định dạng tệp không được chấp nhận.',
  ),
  'file-name-refused': row(
    422,
    'permanent',
    'contract',
    'The file’s name has a path, a control character or no length.',
    'Tên tệp không hợp lệ.',
  ),
  // A document that is not to be sent on: held, for a person to talk with the sender.
  'file-infected': row(422, 'permanent', 'contract', 'The file holds malware.', 'Tệp chứa mã độc.'),
  'file-link-forbidden': row(
    422,
    'permanent',
    'contract',
    'The file’s link leads where the gateway does not fetch from.',
    'Đường dẫn tệp trỏ tới nơi hệ thống không được phép tải.',
  ),
  'file-unavailable': row(
    502,
    'transient',
    'http',
    'The file could not be fetched from its source.',
    'Chưa tải được tệp từ nguồn.',
  ),
  'file-not-scanned': row(
    503,
    'transient',
    'tcp',
    'The file could not be scanned for malware.',
    'Chưa quét được mã độc trong tệp.',
  ),
  'link-expired': row(410, 'permanent', 'expired', 'This link to a file has expired.', 'Đường dẫn tải tệp đã hết hạn.'),
  'range-impossible': row(
    416,
    'permanent',
    'http',
    'The file does not have the range that was asked for.',
    'Đoạn dữ liệu yêu cầu nằm ngoài tệp.',
  ),

  // What a transport or a partner answered
  'partner-unresolved': row(
    502,
    'channel',
    'dns',
    'The partner’s host name does not resolve.',
    'Không phân giải được tên máy chủ đối tác.',
  ),
  'partner-forbidden-address': row(
    502,
    'channel',
    'dns',
    'The partner’s address is one the gateway may not call.',
    'Địa chỉ đối tác không được phép gọi tới.',
  ),
  'partner-refused-connection': row(
    502,
    'transient',
    'tcp',
    'The partner did not take the connection.',
    'Không kết nối được tới đối tác.',
  ),
  'partner-tls': row(
    502,
    'channel',
    'tls',
    'The partner’s TLS identity could not be verified.',
    'Không xác thực được TLS của đối tác.',
  ),
  'partner-cut-off': row(
    502,
    'ambiguous',
    'tcp',
    'The connection was lost after the request was sent.',
    'Mất kết nối sau khi đã gửi.',
  ),
  'partner-timeout': row(
    504,
    'ambiguous',
    'timeout',
    'The partner did not answer within the deadline.',
    'Đối tác không trả lời trong thời hạn.',
  ),
  'partner-busy': row(
    502,
    'transient',
    'http',
    'The partner asks to try later (429 or 503).',
    'Đối tác đề nghị thử lại sau.',
  ),
  'partner-failed': row(502, 'ambiguous', 'http', 'The partner failed (5xx).', 'Đối tác gặp lỗi.'),
  'partner-denied': row(
    502,
    'channel',
    'credential',
    'The partner refuses our credential (401 or 403).',
    'Đối tác từ chối thông tin xác thực của ta.',
  ),
  'partner-address-wrong': row(
    502,
    'channel',
    'http',
    'The configured path is not there (404 or 405).',
    'Đường dẫn cấu hình của đối tác không tồn tại.',
  ),
  'partner-gone': row(
    502,
    'permanent',
    'http',
    'The partner says this is gone for good (410).',
    'Đối tác báo tài nguyên không còn.',
  ),
  'partner-refused': row(
    502,
    'permanent',
    'business',
    'The partner refused this message.',
    'Đối tác từ chối thông điệp.',
  ),
  'partner-answer-unreadable': row(
    502,
    'ambiguous',
    'http',
    'The partner’s answer could not be understood.',
    'Không hiểu được trả lời của đối tác.',
  ),
} as const satisfies Record<string, ErrorRow>

/** Codes that were once given and never will be again, with the version that retired them. */
export const retiredCodes: Readonly<Record<string, string>> = {}

export type ErrorCode = keyof typeof errorTable

/** The most of something that is taken. */
export interface Limit {
  readonly count: number
  readonly unit: 'bytes' | 'levels' | 'values'
}

export interface GatewayErrorOptions {
  /** What exactly, without personal data: it is shown to callers and operators. */
  readonly detail?: string
  /** JSON Pointer or partner field that is at fault. */
  readonly field?: string
  /** The rule it broke, e.g. `required`, `QĐ 766 3.3`. */
  readonly rule?: string
  /** The limit of ours it is over, for those who say it in another language than `detail` does. */
  readonly limit?: Limit
  /** Overrides the table when the transport knows better (a 503 is transient whatever was sent). */
  readonly failure?: FailureClass
  readonly failureCause?: FailureCause
  readonly retryAfterMs?: number
  /** A held delivery goes on by itself when this becomes known, e.g. `procedure:1.004269`. */
  readonly waitsFor?: string
  /** What the partner has told us about this dossier, kept even though the attempt failed. */
  readonly memory?: Readonly<Record<string, unknown>>
  /** Digest of the partner's answer and its own code, for the attempt's record. */
  readonly answer?: { readonly digest?: string; readonly code?: string }
  readonly cause?: unknown
}

/** The one error that crosses boundaries; `code` says which row of `errorTable`. */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly failure: FailureClass
  readonly failureCause: FailureCause
  readonly options: GatewayErrorOptions

  constructor(code: ErrorCode, options: GatewayErrorOptions = {}) {
    const entry = errorTable[code]
    const place = options.field === undefined ? '' : ` [${options.field}${options.rule ? `: ${options.rule}` : ''}]`
    super(`${entry.sentence}${options.detail ? ` ${options.detail}` : ''}${place}`, { cause: options.cause })
    this.name = 'GatewayError'
    this.code = code
    this.status = entry.status
    this.failure = options.failure ?? entry.failure
    this.failureCause = options.failureCause ?? entry.cause
    this.options = options
  }
}

/** Something is larger than what is taken, and is told how large it may be. */
export function overLimit(code: ErrorCode, limit: Limit): GatewayError {
  return new GatewayError(code, { detail: `The limit is ${limit.count} ${limit.unit}.`, limit })
}

/** Whatever was thrown, as a GatewayError; a bug in our own code is transient and hides its text. */
export function asGatewayError(thrown: unknown): GatewayError {
  return thrown instanceof GatewayError ? thrown : new GatewayError('internal-error', { cause: thrown })
}
