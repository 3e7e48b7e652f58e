import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { isKid, keyFault, type PublicJwk, pinnedAlgorithm, type SignatureAlgorithm } from './key-vetting.ts'

export type { PublicJwk } from './key-vetting.ts'

/** A private EC P-256 key as RFC 7517 writes it: a secret. */
export interface SigningJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  readonly d: string
  readonly kid: string
  readonly alg: 'ES256'
  readonly use: 'sig'
}

/** A public key somebody signs with; `system` is the only speaker it can prove. */
export interface VerificationKey {
  readonly kid: string
  readonly system: string
  /** The one algorithm this key is ever used with; what a signature's header says must equal it. */
  readonly algorithm: SignatureAlgorithm
  /** RFC 7638, SHA-256, base64url: what evidence names. */
  readonly thumbprint: string
  readonly publicKey: KeyObject
}

/** The key that signs in the gateway's name. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  readonly thumbprint: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/**
 * Our own keys and the partners' public ones. Nothing enters it at run time: a key named or carried by a message is
 * looked up here or it does not exist. Several own keys with dates fit behind these methods without a change to callers.
 */
export interface Keyring {
  /** The key to sign with now. */
  signingKey(): SigningKey
  /** A partner's key by its id; `undefined` when it is not registered. Our own keys are never found here. */
  partnerKey(kid: string): VerificationKey | undefined
  /** One of our own keys by its id, to check what we once signed. */
  ownKey(kid: string): SigningKey | undefined
  /** The public halves of our own keys, for `/.well-known/jwks.json` (RFC 7517 §5). */
  jwks(): { readonly keys: readonly PublicJwk[] }
  /**
   * Secrets for one purpose, derived from our own keys, the current one first: make with the first, check with all.
   * They survive a restart and are the same on every node that has the key.
   */
  secrets(purpose: string): readonly Buffer[]
}

export interface KeyringOptions {
  readonly signing: SigningJwk
  readonly partners: readonly { readonly system: string; readonly jwk: PublicJwk }[]
}

/** Vets every key and holds them. Throws an Error that names the key and the rule it breaks. */
export function createKeyring(options: KeyringOptions): Keyring {
  const own = ownKeyOf(options.signing)
  const partners = new Map<string, VerificationKey>()
  for (const { system, jwk } of options.partners) {
    const key = partnerKeyOf(system, jwk)
    if (partners.has(key.kid) || key.kid === own.kid) throw new Error(`key ${key.kid} of ${system}: its kid is taken`)
    partners.set(key.kid, key)
  }
  return {
    signingKey: () => own,
    partnerKey: (kid) => partners.get(kid),
    ownKey: (kid) => (kid === own.kid ? own : undefined),
    jwks: () => ({ keys: [publicJwkOf(own)] }),
    secrets: (purpose) => [secretOf(own, purpose)],
  }
}

/** A new ES256 key. Its kid is its RFC 7638 thumbprint, after `kidPrefix` (`demo-` marks keys production refuses). */
export function generateSigningJwk(options: { readonly kidPrefix?: string } = {}): SigningJwk {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x, y, d } = privateKey.export({ format: 'jwk' })
  if (x === undefined || y === undefined || d === undefined) throw new Error('the generated key cannot be exported')
  const kid = (options.kidPrefix ?? '') + thumbprintOf({ kty: 'EC', crv: 'P-256', x, y })
  return { kty: 'EC', crv: 'P-256', x, y, d, kid, alg: 'ES256', use: 'sig' }
}

/** The public half of a signing key, as a partner registers it. */
export function publicHalf(jwk: SigningJwk): PublicJwk {
  return { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y, kid: jwk.kid, alg: jwk.alg, use: jwk.use }
}

/** RFC 7638: SHA-256 over the required members in lexicographic order, base64url. */
export function thumbprintOf(jwk: JsonWebKey): string {
  const required =
    jwk.kty === 'RSA' ? ['e', 'kty', 'n'] : jwk.kty === 'OKP' ? ['crv', 'kty', 'x'] : ['crv', 'kty', 'x', 'y']
  const members = required.map((name) => `${JSON.stringify(name)}:${JSON.stringify(jwk[name])}`)
  return createHash('sha256')
    .update(`{${members.join(',')}}`)
    .digest('base64url')
}

function ownKeyOf(jwk: SigningJwk): SigningKey {
  const privateKey = createPrivateKey({ key: { ...jwk }, format: 'jwk' })
  const publicKey = createPublicKey(privateKey)
  const half = publicKey.export({ format: 'jwk' })
  if (half.crv !== 'P-256') throw new Error('the signing key must be EC P-256')
  // OpenSSL believes the public members whatever the secret is; we would publish a key that verifies nothing we sign.
  const probe = Buffer.from('lien-thong')
  if (!verify('sha256', probe, publicKey, sign('sha256', probe, privateKey)))
    throw new Error('the signing key: its public and private parts do not belong together')
  const thumbprint = thumbprintOf(half)
  if (!isKid(jwk.kid)) throw new Error('the signing key: its kid must be 1 to 128 plain characters')
  return { kid: jwk.kid, algorithm: 'ES256', thumbprint, privateKey, publicKey }
}

function partnerKeyOf(system: string, jwk: PublicJwk): VerificationKey {
  const fault = keyFault(jwk)
  if (fault !== undefined) throw new Error(`key ${String(jwk.kid ?? '')} of ${system}: ${fault}`)
  const publicKey = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  const thumbprint = thumbprintOf(publicKey.export({ format: 'jwk' }))
  return { kid: jwk.kid ?? thumbprint, system, algorithm: pinnedAlgorithm(jwk), thumbprint, publicKey }
}

function publicJwkOf(key: SigningKey): PublicJwk {
  const { crv, x, y } = key.publicKey.export({ format: 'jwk' })
  return { kty: 'EC', crv, x, y, kid: key.kid, alg: key.algorithm, use: 'sig' }
}

function secretOf(key: SigningKey, purpose: string): Buffer {
  const { d } = key.privateKey.export({ format: 'jwk' })
  const scalar = Buffer.from(d ?? '', 'base64url')
  return Buffer.from(hkdfSync('sha256', scalar, 'lien-thong', purpose, 32))
}
