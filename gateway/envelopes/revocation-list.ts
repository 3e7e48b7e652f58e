import { type KeyObject, verify } from 'node:crypto'
import { readExtensions } from './certificate-fields.ts'
import { type DerValue, derTags, readDer, readDerSeries, readDerTime, writeOid } from './der.ts'

/** Certificates that an authority has taken back (RFC 5280 §5). */
export interface RevocationList {
  /** The authority's name, DER in hex. */
  readonly issuer: string
  /** When the authority was to publish the next one, epoch ms. */
  readonly nextUpdateMs?: number
  /** By serial number, hex. */
  isRevoked(serial: string): boolean
  isSignedBy(key: KeyObject): boolean
}

/** Reads a complete list, DER or PEM. Throws an Error that says what it is instead. */
export function readRevocationList(file: Buffer): RevocationList {
  try {
    return listOf(derOf(file))
  } catch (cause) {
    if (cause instanceof RangeError) throw new Error('it is not a certificate revocation list', { cause })
    throw cause
  }
}

function derOf(file: Buffer): Buffer {
  const [, base64] =
    /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/.exec(file.toString('latin1')) ?? []
  return base64 === undefined ? file : Buffer.from(base64, 'base64')
}

function listOf(der: Buffer): RevocationList {
  const [tbs, algorithm, signature] = readDerSeries(readDer(der).content)
  if (tbs === undefined || algorithm === undefined || signature?.tag !== derTags.bitString)
    throw new RangeError('no list')
  const fields = [...readDerSeries(tbs.content)]
  if (fields[0]?.tag === derTags.integer) fields.shift()
  const [, issuer, thisUpdate, ...rest] = fields
  if (issuer === undefined || thisUpdate === undefined || !isTime(thisUpdate)) throw new RangeError('no list')
  const nextUpdate = rest.find(isTime)
  const revoked = rest.find(({ tag }) => tag === derTags.sequence)
  const extensions = rest.find(({ tag }) => tag === extensionsTag)
  if (extensions) refuseParts(readDer(extensions.content).content)
  const serials = new Set<string>()
  for (const entry of revoked === undefined ? [] : readDerSeries(revoked.content)) {
    serials.add(readDer(entry.content).content.toString('hex'))
  }
  const digest = digests.get(readDer(algorithm.content).whole.toString('hex'))
  return {
    issuer: issuer.whole.toString('hex'),
    ...(nextUpdate && { nextUpdateMs: readDerTime(nextUpdate) }),
    isRevoked: (serial) => serials.has(serial),
    isSignedBy: (key) => digest !== undefined && verify(digest, tbs.whole, key, signature.content.subarray(1)),
  }
}

const extensionsTag = 0xa0

function isTime({ tag }: DerValue): boolean {
  return tag === derTags.utcTime || tag === derTags.generalizedTime
}

/** A list of changes, or of somebody else's certificates, would be read as complete and clear what it does not name. */
function refuseParts(content: Buffer): void {
  for (const { oid, isCritical, value } of readExtensions(content)) {
    if (oid === oidHex('2.5.29.27')) throw new Error('it holds only changes to another list')
    const isScope = oid === oidHex('2.5.29.28')
    if (isScope && [...readDerSeries(readDer(value).content)].some(({ tag }) => tag === indirectTag))
      throw new Error('it is a list of other authorities’ certificates')
    if (isCritical && !isScope) throw new Error('it holds a critical extension that is not understood')
  }
}

const indirectTag = 0x84
const oidHex = (dotted: string): string => writeOid(dotted).toString('hex')

/** What a list may be signed with; SHA-1 is not. */
const digests: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '1.2.840.113549.1.1.11': 'sha256',
    '1.2.840.113549.1.1.12': 'sha384',
    '1.2.840.113549.1.1.13': 'sha512',
    '1.2.840.10045.4.3.2': 'sha256',
    '1.2.840.10045.4.3.3': 'sha384',
    '1.2.840.10045.4.3.4': 'sha512',
  }).map(([oid, digest]) => [oidHex(oid), digest]),
)
