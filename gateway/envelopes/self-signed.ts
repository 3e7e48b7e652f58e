import { createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { derTags, writeDer, writeOid } from './der.ts'

/**
 * A certificate in which a key speaks for itself (X.509 v3), for partners who register certificates and not keys. It
 * proves nothing beyond possession; an authority's certificate takes its place with `lienthong keys add`.
 */
export function selfSigned(
  privateKey: KeyObject,
  subject: {
    readonly name: string
    readonly use: 'sign' | 'encipher'
    readonly fromMs: number
    readonly untilMs: number
  },
): X509Certificate {
  const algorithm = algorithmOf(privateKey)
  const name = sequence(
    writeDer(derTags.set, sequence(writeOid('2.5.4.3'), writeDer(derTags.utf8String, Buffer.from(subject.name)))),
  )
  const serial = randomBytes(16)
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0) // positive, and its first byte is not zero
  const signed = sequence(
    writeDer(0xa0, integer(2)),
    writeDer(derTags.integer, serial),
    algorithm.identifier,
    name,
    sequence(time(subject.fromMs), time(subject.untilMs)),
    name,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    writeDer(
      0xa3,
      sequence(
        extension('2.5.29.19', sequence()), // not an authority
        extension('2.5.29.15', writeDer(derTags.bitString, subject.use === 'sign' ? signs : enciphers)),
      ),
    ),
  )
  const signature = sign(algorithm.digest, signed, privateKey)
  return new X509Certificate(
    sequence(signed, algorithm.identifier, writeDer(derTags.bitString, Buffer.concat([Buffer.of(0), signature]))),
  )
}

// Bit strings with the number of unused bits first: digitalSignature and nonRepudiation; keyEncipherment and keyAgreement.
const signs = Buffer.of(6, 0xc0)
const enciphers = Buffer.of(3, 0x28)

function algorithmOf(key: KeyObject): { readonly identifier: Buffer; readonly digest: string | null } {
  const curve = key.asymmetricKeyDetails?.namedCurve
  if (key.asymmetricKeyType === 'rsa')
    return { identifier: sequence(writeOid('1.2.840.113549.1.1.11'), Buffer.of(0x05, 0x00)), digest: 'sha256' }
  if (curve === 'prime256v1') return { identifier: sequence(writeOid('1.2.840.10045.4.3.2')), digest: 'sha256' }
  if (curve === 'secp384r1') return { identifier: sequence(writeOid('1.2.840.10045.4.3.3')), digest: 'sha384' }
  if (key.asymmetricKeyType === 'ed25519') return { identifier: sequence(writeOid('1.3.101.112')), digest: null }
  throw new Error('the key cannot sign a certificate')
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return writeDer(derTags.sequence, ...parts)
}

function integer(value: number): Buffer {
  return writeDer(derTags.integer, Buffer.of(value))
}

function extension(oid: string, value: Buffer): Buffer {
  return sequence(writeOid(oid), writeDer(derTags.boolean, Buffer.of(0xff)), writeDer(derTags.octetString, value))
}

/** RFC 5280 §4.1.2.5: UTCTime until 2049, GeneralizedTime after. */
function time(atMs: number): Buffer {
  const digits = `${new Date(atMs).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`
  return Number(digits.slice(0, 4)) < 2050
    ? writeDer(derTags.utcTime, Buffer.from(digits.slice(2)))
    : writeDer(derTags.generalizedTime, Buffer.from(digits))
}
