import type { X509Certificate } from 'node:crypto'
import { derTags, readDer, readDerSeries, writeOid } from './der.ts'

/** What node:crypto does not tell about a certificate (RFC 5280 §4.1). Names are their DER bytes in hex. */
export interface CertificateFields {
  readonly serial: string
  readonly issuer: string
  readonly subject: string
  /** Of the signature on it, DER in hex. */
  readonly signatureAlgorithm: string
  /** Absent when the certificate does not limit what its key is for. */
  readonly keyUsage?: { readonly signs: boolean; readonly enciphers: boolean; readonly certifies: boolean }
  /** Certificate authorities that may stand between it and a leaf. */
  readonly pathLength?: number
  /** Critical extensions that are not understood here: whoever meets one must refuse (RFC 5280 §4.2). */
  readonly unknownCritical: readonly string[]
}

/** Reads a certificate's fields. Throws a RangeError when it is not DER. */
export function readCertificateFields(certificate: X509Certificate): CertificateFields {
  const [tbs, algorithm] = readDerSeries(readDer(certificate.raw).content)
  if (tbs === undefined || algorithm === undefined) throw new RangeError('not a certificate')
  const fields = [...readDerSeries(tbs.content)]
  if (fields[0]?.tag === versionTag) fields.shift()
  const [serial, , issuer, , subject, , ...rest] = fields
  if (serial === undefined || issuer === undefined || subject === undefined) throw new RangeError('not a certificate')
  const extensions = rest.find(({ tag }) => tag === extensionsTag)
  const found = extensions === undefined ? [] : [...readExtensions(readDer(extensions.content).content)]
  const usage = found.find(({ oid }) => oid === oids.keyUsage)
  const constraints = found.find(({ oid }) => oid === oids.basicConstraints)
  const pathLength = constraints && [...readDerSeries(readDer(constraints.value).content)][1]
  return {
    serial: serial.content.toString('hex'),
    issuer: issuer.whole.toString('hex'),
    subject: subject.whole.toString('hex'),
    signatureAlgorithm: algorithm.content.toString('hex'),
    ...(usage && { keyUsage: usageOf(readDer(usage.value).content) }),
    ...(pathLength && { pathLength: pathLength.content.readUIntBE(0, Math.min(pathLength.content.length, 4)) }),
    unknownCritical: found.filter(({ oid, isCritical }) => isCritical && !understood.has(oid)).map(({ oid }) => oid),
  }
}

/** One extension of a certificate or a revocation list; the object identifier is its DER bytes in hex. */
export interface Extension {
  readonly oid: string
  readonly isCritical: boolean
  readonly value: Buffer
}

/** Extensions in their order. */
export function* readExtensions(content: Buffer): Generator<Extension> {
  for (const extension of readDerSeries(content)) {
    const [oid, ...rest] = readDerSeries(extension.content)
    const value = rest.at(-1)
    if (oid === undefined || value === undefined) throw new RangeError('not an extension')
    const isCritical = rest[0]?.tag === derTags.boolean && rest[0].content[0] !== 0
    yield { oid: oid.whole.toString('hex'), isCritical, value: value.content }
  }
}

const versionTag = 0xa0
const extensionsTag = 0xa3

const oidHex = (dotted: string): string => writeOid(dotted).toString('hex')
const oids = { keyUsage: oidHex('2.5.29.15'), basicConstraints: oidHex('2.5.29.19') }
// Beside these two: alternative names, policies and extended key usage bind nothing that is decided here.
const understood = new Set([...Object.values(oids), ...['2.5.29.17', '2.5.29.32', '2.5.29.37'].map(oidHex)])

/** A bit string: how many bits are unused, then the bits, the first one highest. */
function usageOf(bits: Buffer): NonNullable<CertificateFields['keyUsage']> {
  const has = (bit: number): boolean => ((bits[1] ?? 0) & (0x80 >> bit)) !== 0
  // digitalSignature or nonRepudiation; keyEncipherment or keyAgreement; keyCertSign.
  return { signs: has(0) || has(1), enciphers: has(2) || has(4), certifies: has(5) }
}
