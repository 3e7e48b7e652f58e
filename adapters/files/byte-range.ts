import { GatewayError } from '../../gateway/bus/errors.ts'
import type { ByteRange } from '../../gateway/files/object-store.ts'

/**
 * The one range a request asks for (RFC 9110 §14.2); `undefined` for the whole: no range, several of them, another unit,
 * or an `If-Range` of another version. Throws `range-impossible` when the file ends before it.
 */
export function rangeOf(
  headers: { readonly range?: string | undefined; readonly 'if-range'?: string | undefined },
  { sizeBytes, etag }: { readonly sizeBytes: number; readonly etag: string },
): ByteRange | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range?.trim() ?? '') ?? []
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined
  const condition = headers['if-range']
  if (condition !== undefined && condition !== etag) return undefined
  const first = from === '' ? Math.max(0, sizeBytes - Number(to)) : Number(from)
  const last = from === '' || to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1)
  if (from !== '' && to !== '' && Number(to) < Number(from)) return undefined
  if (first >= sizeBytes || last < first)
    throw new GatewayError('range-impossible', { detail: `It has ${sizeBytes} bytes.` })
  return { first, last }
}
