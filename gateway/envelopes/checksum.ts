import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../bus/errors.ts'

/**
 * How a partner's format proves who filled it in, as data: which fields, in which order, and what is done with them.
 * `sha-256` is a plain hash of the fields with the secret at the end; the others are keyed.
 */
export interface ChecksumScheme {
  readonly algorithm: 'sha-256' | 'hmac-sha-256' | 'hmac-sha-1'
  /** Names as on the wire, in the order in which they are joined. */
  readonly fields: readonly string[]
  /** Stands between the fields, and before the secret; empty where they are run together. */
  readonly separator: string
  readonly encoding: 'hex' | 'base64'
}

/** A document's values as they stand on the wire; a number is its decimal text. */
export type ChecksumFields = Readonly<Record<string, unknown>>

/**
 * The checksum of a document that leaves us. Throws `value-missing` naming a field that is absent, and
 * `value-unmappable` for one that holds the separator: two different documents would have one checksum.
 */
export function checksumOf(scheme: ChecksumScheme, fields: ChecksumFields, secret: KeyObject): string {
  const texts = scheme.fields.map((name) => {
    const text = textOf(fields, name)
    if (text === undefined) throw new GatewayError('value-missing', { field: name, rule: 'checksum' })
    if (holdsSeparator(scheme, text)) throw new GatewayError('value-unmappable', { field: name, rule: 'checksum' })
    return text
  })
  return digestOf(scheme, texts, secret)
}

/**
 * Whether a document that came to us bears the checksum that one of the secrets gives it. Compares in constant time the
 * values exactly as they were received, never ones that were read and written again. Every secret is tried, whichever
 * fits, so that the time taken says nothing.
 */
export function hasChecksum(
  scheme: ChecksumScheme,
  fields: ChecksumFields,
  offer: { readonly checksum: unknown; readonly secrets: readonly KeyObject[] },
): boolean {
  const texts = scheme.fields.map((name) => textOf(fields, name))
  const isWhole = texts.every((text) => text !== undefined && !holdsSeparator(scheme, text))
  if (typeof offer.checksum !== 'string' || !isWhole) return false
  const offered = Buffer.from(offer.checksum)
  const fits = offer.secrets.map((secret) => {
    const wanted = Buffer.from(digestOf(scheme, texts.map(String), secret))
    return wanted.length === offered.length && timingSafeEqual(wanted, offered)
  })
  return fits.includes(true)
}

const hmacs = { 'hmac-sha-256': 'sha256', 'hmac-sha-1': 'sha1' } as const

/** The secret goes straight into the hash: a text that holds it is never made, so none can reach a log. */
function digestOf(
  { algorithm, separator, encoding }: ChecksumScheme,
  texts: readonly string[],
  secret: KeyObject,
): string {
  const joined = texts.join(separator)
  if (algorithm !== 'sha-256') return createHmac(hmacs[algorithm], secret).update(joined).digest(encoding)
  return createHash('sha256').update(`${joined}${separator}`).update(secret.export()).digest(encoding)
}

/** `undefined` for what has no text of its own: nothing, an object, or a number that does not survive being read. */
function textOf(fields: ChecksumFields, name: string): string | undefined {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (typeof value === 'string') return value
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined
}

function holdsSeparator({ separator }: ChecksumScheme, text: string): boolean {
  return separator !== '' && text.includes(separator)
}
