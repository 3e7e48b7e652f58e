import { readJson } from '../../gateway/envelopes/json-gate.ts'

/**
 * What an answer of the portal means.
 * accepted: done. exists: a create of what is there. missing: not there. session-expired: log in again.
 * busy: not done, later perhaps. denied: our account or unit is not accepted. misdirected: the configured path leads
 * elsewhere. refused: no, for good. unreadable: nobody knows.
 */
export type Verdict =
  | 'accepted'
  | 'exists'
  | 'missing'
  | 'session-expired'
  | 'busy'
  | 'denied'
  | 'misdirected'
  | 'refused'
  | 'unreadable'

/** One row of the classifier: it applies when all that it states holds. */
export interface AnswerRule {
  /** Only for these services; for all when absent. */
  readonly services?: readonly string[]
  /** `plain`: text without an `error_code`. `json`: an answer with one. */
  readonly form: 'json' | 'plain'
  /** `error_code` as text; any when absent. */
  readonly codes?: readonly string[]
  /** Every one of these phrases stands in the text (NFC, lower case, single spaces). */
  readonly all?: readonly string[]
  /** At least one of these does. */
  readonly any?: readonly string[]
  /** None of these does. */
  readonly none?: readonly string[]
  /** The text matches. */
  readonly pattern?: RegExp
  /** The text is empty. */
  readonly isTextless?: true
  readonly verdict: Verdict
  /** The session may be over although the text does not say so; a new one is worth one try. */
  readonly renews?: true
}

const dossier = ['DongBoHoSoMC']
const aboutDossier = ['DongBoHoSoMC', 'CapNhatTienDoHoSoMC', 'DongBoTrangThaiHoSo', 'TraCuuHoSo']
const progress = ['CapNhatTienDoHoSoMC']

/**
 * First row that applies decides; none: refused in JSON, unreadable in plain text. Sources: wire-formats 1.1–1.3. The
 * portal publishes no table of codes, so everything beyond 0, "0", "00", "3", "-3" and -1 is told by its words.
 */
export const answerRules: readonly AnswerRule[] = [
  { form: 'json', codes: ['0', '00'], verdict: 'accepted' },
  // Observed with the codes 3 and -3; the words decide (TD). Other codes must name the dossier itself.
  { services: dossier, form: 'json', codes: ['3', '-3'], any: ['đã tồn tại'], verdict: 'exists' },
  {
    services: dossier,
    form: 'json',
    all: ['hồ sơ', 'đã tồn tại'],
    none: ['thành phần hồ sơ', 'tệp', 'giấy tờ'],
    verdict: 'exists',
  },
  ...(['json', 'plain'] as const).flatMap((form): readonly AnswerRule[] => [
    {
      form,
      all: ['phiên'],
      any: ['hết hạn', 'không hợp lệ', 'không tồn tại', 'hết hiệu lực'],
      none: ['phiên bản'],
      verdict: 'session-expired',
      renews: true,
    },
    {
      form,
      any: ['session', 'access token', 'access_token', 'unauthorized', 'chưa xác thực'],
      verdict: 'session-expired',
      renews: true,
    },
    {
      form,
      any: ['chưa đăng nhập', 'đăng nhập lại', 'vui lòng đăng nhập'],
      verdict: 'session-expired',
      renews: true,
    },
    // The dossier itself, with its code or without; a procedure or a paper "không tồn tại" is a refusal.
    {
      services: aboutDossier,
      form,
      pattern: /hồ sơ (?:[a-z0-9.-]+ )?(?:chưa|không) (?:được đồng bộ|đồng bộ|tồn tại|có trên)/,
      none: ['thành phần hồ sơ'],
      verdict: 'missing',
    },
    { services: aboutDossier, form, any: ['không tìm thấy hồ sơ', 'không tìm thấy mã hồ sơ'], verdict: 'missing' },
    { form, any: ['thử lại sau', 'hệ thống đang bận', 'quá tải', 'đang bảo trì'], verdict: 'busy' },
  ]),
  // About our account or unit; "no right to this dossier" is about the message.
  {
    form: 'json',
    any: ['mã đơn vị không hợp lệ', 'không có quyền', 'chưa được phân quyền'],
    none: ['hồ sơ'],
    verdict: 'denied',
  },
  { form: 'json', all: ['service'], any: ['không tồn tại', 'không hợp lệ', 'not found'], verdict: 'misdirected' },
  // OpenCPS learnt nothing but a code from a dead session (wire-formats 1.1): worth one new login.
  { form: 'json', isTextless: true, verdict: 'refused', renews: true },
  // "Cập nhật không thành công" contains the words of success.
  {
    services: progress,
    form: 'plain',
    any: ['không thành công', 'chưa thành công', 'thất bại', 'không hợp lệ', 'bắt buộc'],
    verdict: 'refused',
  },
  { services: progress, form: 'plain', any: ['thành công'], none: ['lỗi'], verdict: 'accepted' },
]

/** An answer, read. */
export interface Reading {
  readonly verdict: Verdict
  readonly renews: boolean
  /** `error_code` as text. */
  readonly code?: string
  /** The whole answer where it is a JSON object. */
  readonly document?: Readonly<Record<string, unknown>>
}

/** Plain text longer than a sentence or two is a page, and no page says what became of a message. */
const longestPlainText = 1_000
const longestText = 4_000

/** Says what an answer with HTTP status 200 means for the service that was called. */
export function classifyAnswer(service: string, body: Uint8Array): Reading {
  const answer = readAnswer(body)
  if (answer === undefined) return { verdict: 'unreadable', renews: false }
  const { form, code, document } = answer
  const words = normalised(answer.text)
  const rule = answerRules.find((candidate) => {
    if (candidate.form !== form || candidate.services?.includes(service) === false) return false
    if (candidate.codes !== undefined && (code === undefined || !candidate.codes.includes(code))) return false
    if (candidate.isTextless && words !== '') return false
    return (
      (candidate.all?.every((phrase) => words.includes(phrase)) ?? true) &&
      (candidate.any?.some((phrase) => words.includes(phrase)) ?? true) &&
      !candidate.none?.some((phrase) => words.includes(phrase)) &&
      (candidate.pattern?.test(words) ?? true)
    )
  })
  return {
    verdict: rule?.verdict ?? (form === 'json' ? 'refused' : 'unreadable'),
    renews: rule?.renews ?? false,
    ...(code === undefined ? {} : { code }),
    ...(document === undefined ? {} : { document }),
  }
}

interface ReadAnswer {
  readonly form: 'json' | 'plain'
  readonly text: string
  readonly code?: string
  readonly document?: Readonly<Record<string, unknown>>
}

function readAnswer(body: Uint8Array): ReadAnswer | undefined {
  const text = textOf(body)?.trim()
  if (text === undefined || text === '') return undefined
  if (!/^["{[]/.test(text)) {
    return text.startsWith('<') || text.length > longestPlainText ? undefined : { form: 'plain', text }
  }
  const value = jsonOf(body)
  // .NET proxies write a text as a JSON string.
  if (typeof value === 'string') return value.length > longestPlainText ? undefined : { form: 'plain', text: value }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  // A JSON object, checked just above.
  const document = value as Readonly<Record<string, unknown>>
  const code = codeOf(document.error_code)
  if (code === undefined) return undefined
  const message = typeof document.message === 'string' ? document.message : ''
  return { form: 'json', text: message, code, document }
}

function textOf(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return undefined
  }
}

function jsonOf(body: Uint8Array): unknown {
  try {
    // Its catalogue has a value for every field of every procedure; how long an answer may be, the client says.
    return readJson(body, { maxValues: 1_000_000 })
  } catch {
    return undefined
  }
}

/** A whole number or a short text; anything else is no code. */
function codeOf(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  const text = typeof value === 'string' ? value.trim() : ''
  return /^[A-Za-z0-9_-]{1,20}$/.test(text) ? text : undefined
}

/** One form of a text for NFC and NFD, capitals and line breaks; what decides stands at its beginning. */
function normalised(text: string): string {
  return text.slice(0, longestText).normalize('NFC').toLocaleLowerCase('vi').replace(/\s+/g, ' ').trim()
}
