import { createPublicKey } from 'node:crypto'

/** A public key as RFC 7517 writes it; members we do not use are allowed and ignored. */
export interface PublicJwk {
  readonly kty: string
  readonly kid?: string
  readonly alg?: string
  readonly use?: string
  readonly [member: string]: unknown
}

/** Signature algorithms (RFC 7518 §3.1, RFC 8037) a registered key may be pinned to. */
export type SignatureAlgorithm =
  | 'ES256'
  | 'ES384'
  | 'EdDSA'
  | 'Ed25519'
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'

/** Key management algorithms (RFC 7518 §4.1) a key for encryption may be pinned to. */
export type EncryptionAlgorithm = 'ECDH-ES' | 'RSA-OAEP-256'

/** Every signature algorithm there is here; a system's own list may be shorter. */
export const signatureAlgorithms: readonly SignatureAlgorithm[] = [
  'ES256',
  'ES384',
  'EdDSA',
  'Ed25519',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
]

/** What is wrong with a partner's key to sign with, as one sentence; `undefined` when it may be registered. */
export function keyFault(jwk: PublicJwk): string | undefined {
  return faultFor(jwk, { use: 'sig', allowed: algorithmsOf(jwk), kinds: 'RSA, EC P-256, EC P-384 or Ed25519' })
}

/** The same for a key to encrypt to. */
export function encryptionKeyFault(jwk: PublicJwk): string | undefined {
  return faultFor(jwk, { use: 'enc', allowed: encryptionAlgorithmsOf(jwk), kinds: 'RSA, EC P-256 or EC P-384' })
}

/** The same for a shared secret: at least as long as the hash it is used with (RFC 7518 §3.2). */
export function secretFault(jwk: {
  readonly kid?: unknown
  readonly alg?: unknown
  readonly k?: unknown
}): string | undefined {
  const wanted = jwk.alg === 'HS256' ? 32 : jwk.alg === 'HS1' ? 20 : undefined
  if (wanted === undefined) return 'its alg must be HS256 or HS1'
  if (!isKid(jwk.kid)) return 'its kid must be 1 to 128 plain characters'
  if (typeof jwk.k !== 'string' || Buffer.from(jwk.k, 'base64url').toString('base64url') !== jwk.k)
    return 'it is not a well-formed secret'
  const secret = Buffer.from(jwk.k, 'base64url')
  if (secret.length < wanted) return `it must have at least ${wanted} bytes`
  return new Set(secret).size < 8 ? 'it can be guessed' : undefined
}

function faultFor(
  jwk: PublicJwk,
  wanted: { readonly use: string; readonly allowed: readonly string[] | undefined; readonly kinds: string },
): string | undefined {
  const { allowed } = wanted
  if (privateMembers.some((member) => jwk[member] !== undefined)) return 'it must not hold private parts'
  if (jwk.kid !== undefined && !isKid(jwk.kid)) return 'its kid must be 1 to 128 plain characters'
  if (jwk.use !== undefined && jwk.use !== wanted.use) return `its use must be ${wanted.use}`
  if (allowed === undefined) return `it must be ${wanted.kinds}`
  if (jwk.alg === undefined && allowed.length > 2) return `an RSA key must name its alg (one of ${allowed.join(', ')})`
  if (jwk.alg !== undefined && !allowed.some((name) => name === jwk.alg))
    return `its alg must be one of ${allowed.join(', ')}`
  if (jwk.kty === 'RSA') {
    const fault = rsaFault(jwk)
    if (fault !== undefined) return fault
  }
  try {
    createPublicKey({ key: { ...jwk }, format: 'jwk' })
    return undefined
  } catch {
    return 'it is not a well-formed public key'
  }
}

/** Whether a key id is one we register: printable ASCII without spaces, 1 to 128 characters. */
export function isKid(kid: unknown): kid is string {
  return typeof kid === 'string' && /^[\x21-\x7e]{1,128}$/.test(kid)
}

/** The one algorithm a vetted key is used with. Throws when the key was not vetted. */
export function pinnedAlgorithm(jwk: PublicJwk): SignatureAlgorithm {
  const allowed = algorithmsOf(jwk) ?? []
  const pinned = jwk.alg === undefined ? allowed[0] : allowed.find((name) => name === jwk.alg)
  if (pinned === undefined) throw new Error('the key has no algorithm')
  return pinned
}

/** The one algorithm a vetted key is encrypted to with. Throws when the key was not vetted. */
export function pinnedEncryption(jwk: PublicJwk): EncryptionAlgorithm {
  const [pinned] = encryptionAlgorithmsOf(jwk) ?? []
  if (pinned === undefined) throw new Error('the key has no algorithm')
  return pinned
}

// RFC 7518 §6.2.2, §6.3.2 and §6.4: every member that is secret.
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

function algorithmsOf(jwk: PublicJwk): readonly SignatureAlgorithm[] | undefined {
  if (jwk.kty === 'EC' && jwk.crv === 'P-256') return ['ES256']
  if (jwk.kty === 'EC' && jwk.crv === 'P-384') return ['ES384']
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') return ['EdDSA', 'Ed25519']
  if (jwk.kty === 'RSA') return ['PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512']
  return undefined
}

function encryptionAlgorithmsOf(jwk: PublicJwk): readonly EncryptionAlgorithm[] | undefined {
  if (jwk.kty === 'EC' && (jwk.crv === 'P-256' || jwk.crv === 'P-384')) return ['ECDH-ES']
  return jwk.kty === 'RSA' ? ['RSA-OAEP-256'] : undefined
}

function rsaFault(jwk: PublicJwk): string | undefined {
  const modulus = unsigned(jwk.n)
  const exponent = unsigned(jwk.e)
  if (modulus === undefined || exponent === undefined) return 'it is not a well-formed public key'
  const bits = modulus.toString(2).length
  if (bits < 2048 || bits > 8192) return 'its modulus must have 2048 to 8192 bits'
  // Above 2^32 an exponent only makes every verification slow.
  if (exponent < 65_537n || exponent % 2n === 0n || exponent > 2n ** 32n)
    return 'its exponent must be odd, at least 65537 and below 2^32'
  if (modulus % 2n === 0n) return 'its modulus is even'
  if (hasRocaFingerprint(modulus)) return 'it was made by a generator whose keys can be factored (CVE-2017-15361)'
  return undefined
}

function unsigned(member: unknown): bigint | undefined {
  if (typeof member !== 'string' || !/^[A-Za-z0-9_-]{1,2048}$/.test(member)) return undefined
  return BigInt(`0x0${Buffer.from(member, 'base64url').toString('hex')}`)
}

// The primes of the published test (Nemec et al., CCS 2017): moduli of the broken generator are powers of 65537
// modulo each of them; a sound modulus is so with a chance below 2^-27.
const rocaPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
]

function hasRocaFingerprint(modulus: bigint): boolean {
  return rocaPrimes.every((prime) => isPowerOf65537(Number(modulus % BigInt(prime)), prime))
}

function isPowerOf65537(residue: number, prime: number): boolean {
  for (let power = 1, step = 0; step < prime; step += 1, power = (power * 65_537) % prime) {
    if (power === residue) return true
  }
  return false
}
