import { STATUS_CODES } from 'node:http'
import { errorTable, type GatewayError } from '../bus/errors.ts'

/** An error in the form a door's callers understand. */
export interface ErrorAnswer {
  readonly status: number
  readonly mediaType: string
  readonly body: string | Buffer
}

/** RFC 9457: everything it says comes from the error table and from `detail`, `field` and `rule`, never from a cause. */
export function problemOf(error: GatewayError, correlationId: string): ErrorAnswer {
  const { sentence, vietnamese } = errorTable[error.code]
  const { detail, field, rule } = error.options
  return {
    status: error.status,
    mediaType: 'application/problem+json',
    body: JSON.stringify({
      type: `urn:lien-thong:error:${error.code}`,
      title: sentence,
      status: error.status,
      detail,
      vietnamese,
      field,
      rule,
      correlationId,
    }),
  }
}

/** The same as a whole HTTP/1.1 response, for requests so broken that no server object exists to answer them. */
export function rawProblem(error: GatewayError, correlationId: string): string {
  const { status, mediaType, body } = problemOf(error, correlationId)
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `content-type: ${mediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-correlation-id: ${correlationId}`,
    'cache-control: no-store',
    'connection: close',
    '',
    String(body),
  ].join('\r\n')
}
