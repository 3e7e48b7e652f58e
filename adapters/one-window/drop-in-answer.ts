import { errorTable, type GatewayError, type Limit } from '../../gateway/bus/errors.ts'
import type { ErrorAnswer } from '../../gateway/transports/http-door.ts'

/** An answer as the national adapter gives it (wire-formats 1.1): one code and one text for the whole request. */
export interface DropInAnswer {
  readonly error_code: 0 | -1
  readonly message: string
  readonly session?: string
  readonly result?: readonly unknown[]
}

/**
 * An error in the caller's own form. What the portal itself says by `error_code` comes with HTTP 200, because unchanged
 * products read nothing else; what cannot be read, is too large, or was not accepted keeps its HTTP status.
 */
export function dropInError(error: GatewayError): ErrorAnswer {
  const isPortalMatter = error.status === 401 || error.status === 403 || error.status === 422
  const answer: DropInAnswer = { error_code: -1, message: inVietnamese(error) }
  return { status: isPortalMatter ? 200 : error.status, mediaType, body: JSON.stringify(answer) }
}

/** The media type of every answer of this door. */
export const mediaType = 'application/json; charset=utf-8'

/** What is wrong, for the officer who reads the product's log: the sentence, then the limit or the field and the rule. */
function inVietnamese(error: GatewayError): string {
  const { vietnamese } = errorTable[error.code]
  const { field = '', rule = '', limit } = error.options
  if (limit !== undefined) return `${vietnamese} Giới hạn: ${limit.count} ${unitWords[limit.unit]}.`
  if (ruleWords[rule] !== undefined) return `${vietnamese} ${faultOf(error)}.`
  return field === '' || field === '/' ? vietnamese : `${vietnamese} (${field.replace(/^\//, '')})`
}

const unitWords: Readonly<Record<Limit['unit'], string>> = { bytes: 'byte', levels: 'cấp', values: 'giá trị' }

/** The field and the rule it breaks: `NgayTiepNhan: ngày giờ không có thật (format)`. */
export function faultOf(error: GatewayError): string {
  const { field = '', rule } = error.options
  const name = field.replace(/^\//, '')
  const words = rule === undefined ? undefined : ruleWords[rule]
  const why = words ?? errorTable[error.code].vietnamese.replace(/\.$/, '')
  const because = rule === undefined ? why : `${why} (${rule})`
  return name === '' ? because : `${name}: ${because}`
}

/** JSON Schema keywords in an officer's words; none of them may contain a word that products search answers for. */
const ruleWords: Readonly<Record<string, string>> = {
  required: 'thiếu thông tin',
  additionalProperties: 'trường không có trong quy định',
  type: 'sai kiểu dữ liệu',
  format: 'sai định dạng hoặc ngày giờ không có thật',
  pattern: 'sai định dạng',
  enum: 'giá trị ngoài danh mục',
  const: 'giá trị không được phép',
  minLength: 'để trống',
  maxLength: 'quá dài',
  minItems: 'danh sách trống',
  maxItems: 'quá nhiều phần tử',
}
