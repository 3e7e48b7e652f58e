import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../bus/errors.ts'

/**
 * What is wrong with a request before anybody looks at what it asks; `undefined` when nothing is. Node keeps the first
 * of two equal headers and drops the rest without a word, while a proxy before us may have believed the last.
 */
export function requestFault(request: IncomingMessage, hosts: readonly string[] | undefined): GatewayError | undefined {
  if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0') return malformed('Only HTTP/1.1 is spoken here.')
  const seen = new Set<string>()
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index]?.toLowerCase() ?? ''
    if (!singleHeaders.has(name)) continue
    if (seen.has(name)) return malformed(`The header ${name} is given twice.`)
    seen.add(name)
  }
  const host = request.headers.host
  if (host === undefined || !/^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/.test(host))
    return malformed('It needs one Host header.')
  const hostName = host.replace(/:\d+$/, '').toLowerCase()
  if (hosts !== undefined && !hosts.some((allowed) => allowed.toLowerCase() === hostName))
    return new GatewayError('host-unknown')
  return undefined
}

/** Whether a request's body is of a kind that is taken; `undefined` when it is, or when there is none. */
export function bodyTypeFault(
  request: IncomingMessage,
  mediaTypes: { readonly whole: MediaTypes; readonly streamed: MediaTypes },
): GatewayError | undefined {
  const { 'content-type': contentType, 'content-encoding': encoding, 'content-length': length } = request.headers
  const hasBody = request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    return new GatewayError('media-type-unknown', { field: 'content-encoding' })
  // Many clients name a type on every request, on a GET too.
  if (!hasBody) return undefined
  const name = wholeType.exec(contentType ?? '')?.[1]?.toLowerCase() ?? ''
  const streamedName = anyType.exec(contentType ?? '')?.[1]?.toLowerCase() ?? ''
  if (!mediaTypes.whole.has(name) && !mediaTypes.streamed.has(streamedName))
    return new GatewayError('media-type-unknown', { field: 'content-type' })
  // A server that reads a body here and one that does not would part on where the next request begins.
  if (request.method === 'GET' || request.method === 'HEAD') return malformed('A GET has no body.')
  return undefined
}

/** RFC 9110 §8.3.1, with no parameter but the one character set there is. */
const wholeType = /^([\w!#$&^.+-]+\/[\w!#$&^.+-]+)(?: *; *charset=(?:utf-8|"utf-8"))? *$/i

/** With parameters; a stream's reader looks at them. */
const anyType = /^([\w!#$&^.+-]+\/[\w!#$&^.+-]+)(?: *;.{0,200})?$/

interface MediaTypes {
  has(name: string): boolean
}

const singleHeaders = new Set([
  'authorization',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'transfer-encoding',
  'x-api-key',
  'x-jws-signature',
])

function malformed(detail: string): GatewayError {
  return new GatewayError('request-malformed', { detail })
}
