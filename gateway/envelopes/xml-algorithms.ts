import { constants, createHash, type KeyObject, type SignKeyObjectInput } from 'node:crypto'

/** Signature algorithms of the profile, by the names our configuration uses. */
export type XmlSignatureAlgorithm = keyof typeof signatureAlgorithms

/** Digests of the profile (RFC 9231 §2.1). */
export type XmlDigest = 'sha256' | 'sha384' | 'sha512'

interface AlgorithmRow {
  readonly uri: string
  readonly hash: XmlDigest
  readonly kind: 'rsa' | 'rsa-pss' | 'prime256v1' | 'secp384r1'
}

/** Identifiers of RFC 9231 and XMLDSig 1.1. What is not here is refused; SHA-1 and MD5 never will be here. */
export const signatureAlgorithms = {
  'RSA-SHA256': { uri: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', hash: 'sha256', kind: 'rsa' },
  'RSA-SHA384': { uri: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha384', hash: 'sha384', kind: 'rsa' },
  'RSA-SHA512': { uri: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512', hash: 'sha512', kind: 'rsa' },
  'RSA-PSS-SHA256': {
    uri: 'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
    hash: 'sha256',
    kind: 'rsa-pss',
  },
  'RSA-PSS-SHA384': {
    uri: 'http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1',
    hash: 'sha384',
    kind: 'rsa-pss',
  },
  'RSA-PSS-SHA512': {
    uri: 'http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1',
    hash: 'sha512',
    kind: 'rsa-pss',
  },
  'ECDSA-SHA256': {
    uri: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256',
    hash: 'sha256',
    kind: 'prime256v1',
  },
  'ECDSA-SHA384': {
    uri: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384',
    hash: 'sha384',
    kind: 'secp384r1',
  },
} as const satisfies Record<string, AlgorithmRow>

/** The algorithm a signature names; `undefined` when it is not of the profile. */
export function signatureAlgorithmOf(uri: string): XmlSignatureAlgorithm | undefined {
  return algorithmNames.find((name) => signatureAlgorithms[name].uri === uri)
}

/** The digest a reference names; `undefined` when it is not of the profile. */
export function digestOfUri(uri: string): XmlDigest | undefined {
  return digestNames.find((name) => digestUris[name] === uri)
}

export const digestUris: Readonly<Record<XmlDigest, string>> = {
  sha256: 'http://www.w3.org/2001/04/xmlenc#sha256',
  sha384: 'http://www.w3.org/2001/04/xmldsig-more#sha384',
  sha512: 'http://www.w3.org/2001/04/xmlenc#sha512',
}

/** The XML algorithm of a key that is registered under its JOSE name (RFC 7518 §3.1). */
export function xmlAlgorithmOf(jose: string): XmlSignatureAlgorithm | undefined {
  return joseNames[jose]
}

/** Whether this key may be used with this algorithm: its type, its curve, and for RSA at least 2048 bits. */
export function fits(key: KeyObject, algorithm: XmlSignatureAlgorithm): boolean {
  const { kind } = signatureAlgorithms[algorithm]
  const details = key.asymmetricKeyDetails
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return (kind === 'rsa' || kind === 'rsa-pss') && isStrong(details?.modulusLength)
    case 'rsa-pss':
      return kind === 'rsa-pss' && isStrong(details?.modulusLength)
    case 'ec':
      return details?.namedCurve === kind
    default:
      return false
  }
}

/** How `node:crypto` is asked for it: PSS with a salt as long as the hash, ECDSA as r and s side by side (RFC 9231). */
export function keyInput(key: KeyObject, algorithm: XmlSignatureAlgorithm): KeyObject | SignKeyObjectInput {
  switch (signatureAlgorithms[algorithm].kind) {
    case 'rsa':
      // Said by itself the key means PKCS #1; said with its padding the same takes 12 µs longer.
      return key
    case 'rsa-pss':
      return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    default:
      return { key, dsaEncoding: 'ieee-p1363' }
  }
}

export function hashOf(digest: XmlDigest, bytes: Uint8Array | string): Buffer {
  return createHash(digest).update(bytes).digest()
}

const joseNames: Readonly<Record<string, XmlSignatureAlgorithm>> = {
  RS256: 'RSA-SHA256',
  RS384: 'RSA-SHA384',
  RS512: 'RSA-SHA512',
  PS256: 'RSA-PSS-SHA256',
  PS384: 'RSA-PSS-SHA384',
  PS512: 'RSA-PSS-SHA512',
  ES256: 'ECDSA-SHA256',
  ES384: 'ECDSA-SHA384',
}

// The keys of an object written here.
const algorithmNames = Object.keys(signatureAlgorithms) as readonly XmlSignatureAlgorithm[]
const digestNames: readonly XmlDigest[] = ['sha256', 'sha384', 'sha512']

/** Above 8192 bits a key only makes every verification slow. */
function isStrong(bits: number | undefined): boolean {
  return bits !== undefined && bits >= 2048 && bits <= 8192
}
