import { digestOf } from '../bus/canonical-json.ts'
import { type ErrorCode, type FailureClass, GatewayError } from '../bus/errors.ts'
import type { HttpAnswer } from './http-answer.ts'

/** The error code of an address the egress rules refuse. */
export const forbiddenAddressCode = 'ERR_ADDRESS_FORBIDDEN'

/**
 * What an exchange that broke means for its delivery. `wasSent` is whether the first byte of the request had been given
 * to the socket: before that the partner surely did not act.
 */
export function connectionFailure(error: Error, exchange: { readonly wasSent: boolean }): GatewayError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const because = (row: ErrorCode, failure?: FailureClass) =>
    new GatewayError(row, { ...(failure === undefined ? {} : { failure }), cause: error })
  // A server that wants our certificate says so only after TLS 1.3 has let us send; it has read nothing of it. Where its
  // alert is lost to the reset that follows, the attempt stays ambiguous, which is safe.
  if (/^ERR_SSL_.*ALERT_(?:\w*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(code)) return because('partner-tls')
  if (exchange.wasSent) {
    if (error.name === 'HTTPParserError' || unreadableCodes.has(code)) return because('partner-answer-unreadable')
    return because('partner-cut-off')
  }
  if (code === forbiddenAddressCode) return because('partner-forbidden-address')
  if (/^(?:EAI_|ENOTFOUND|ENODATA)/.test(code)) return because('partner-unresolved')
  if (tlsCode.test(code)) return because('partner-tls')
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return because('partner-timeout', 'transient')
  if (code === 'UND_ERR_CLOSED' || code === 'UND_ERR_DESTROYED') return because('draining')
  if (code.startsWith('UND_ERR_INVALID') || code.startsWith('UND_ERR_REQ_')) return because('internal-error')
  return because('partner-refused-connection')
}

/** What a whole answer's status means for its delivery; `undefined` for 2xx, which only the partner's adapter can read. */
export function classifyStatus(answer: HttpAnswer, nowMs: number): GatewayError | undefined {
  const { status } = answer
  if (status >= 200 && status < 300) return undefined
  const retryAfterMs = retryAfterOf(answer, nowMs)
  return new GatewayError(codeOfStatus(status), {
    detail: `It answered ${status}.`,
    answer: { code: String(status), digest: digestOf(answer.body) },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

function codeOfStatus(status: number): ErrorCode {
  // 408 and 425 say that the request was not looked at (RFC 9110 §15.5.9, RFC 8470 §5.2).
  if (status === 429 || status === 503 || status === 408 || status === 425) return 'partner-busy'
  if (status === 401 || status === 403 || status === 407) return 'partner-denied'
  if (status === 404 || status === 405) return 'partner-address-wrong'
  if (status === 410) return 'partner-gone'
  // A redirect is never followed: where our bytes go is for configuration to say.
  if (status >= 300 && status < 400) return 'partner-address-wrong'
  return status >= 500 ? 'partner-failed' : 'partner-refused'
}

/** No partner may put a delivery off for longer than this by one header. */
const longestRetryAfterMs = 24 * 60 * 60 * 1000

/** RFC 9110 §10.2.3: seconds, or an HTTP date. Anything else is as if it were not there. */
function retryAfterOf(answer: HttpAnswer, nowMs: number): number | undefined {
  const value = answer.headers['retry-after']
  if (typeof value !== 'string') return undefined
  if (/^\d{1,12}$/.test(value)) return Math.min(Number(value) * 1000, longestRetryAfterMs)
  const atMs = httpDate(value)
  if (atMs === undefined) return undefined
  // A partner's date is by the partner's clock, which its Date tells.
  const thereMs = httpDate(answer.headers.date) ?? nowMs
  return Math.min(Math.max(atMs - thereMs, 0), longestRetryAfterMs)
}

function httpDate(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^[A-Z][a-z]{2,8},? [\w :-]{10,30} GMT$/.test(value)) return undefined
  const atMs = Date.parse(value)
  return Number.isNaN(atMs) ? undefined : atMs
}

const unreadableCodes = new Set(['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_NOT_SUPPORTED'])

// OpenSSL's verification results as node names them, its protocol errors, and node's own.
const tlsCode =
  /^(?:ERR_TLS_|ERR_SSL_|EPROTO|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERROR_IN_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH)/
