import {
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto'
import { readJson } from './json-gate.ts'
import {
  encryptionKeyFault,
  isKid,
  keyFault,
  type PublicJwk,
  pinnedAlgorithm,
  pinnedEncryption,
  secretFault,
} from './key-vetting.ts'

/**
 * What a key is for. `sign` and `decrypt` are our own private keys, `verify` and `encrypt` a system's public ones, `mac`
 * is a secret shared with a system.
 */
export type KeyPurpose = 'sign' | 'verify' | 'decrypt' | 'encrypt' | 'mac'

/** Every purpose. */
export const keyPurposes: readonly KeyPurpose[] = ['sign', 'verify', 'decrypt', 'encrypt', 'mac']

/** One key, vetted, with its dates: what one file of the key folder says. */
export interface KeyRecord {
  readonly kid: string
  readonly purpose: KeyPurpose
  /** Whose key it is, or, for one of our own, the only system it is used with. */
  readonly system?: string
  readonly algorithm: string
  /** First and last moment it is used; a certificate's dates narrow them. Epoch ms. */
  readonly fromMs?: number
  readonly untilMs?: number
  readonly revoked?: { readonly atMs: number; readonly reason: string }
  /** Leaf first; empty for a bare key. */
  readonly certificates: readonly X509Certificate[]
  /** The key itself: a secret unless the purpose is `verify` or `encrypt`. */
  readonly jwk: Readonly<Record<string, unknown>>
}

/** Reads one file of the key folder. Throws an Error that names the rule it breaks and nothing that it holds. */
export function readKeyRecord(bytes: Uint8Array): KeyRecord {
  const file = readObject(bytes)
  const unknown = Object.keys(file).find((name) => !fileMembers.includes(name))
  if (unknown !== undefined) throw new Error(`${unknown} is not known`)
  const purpose = keyPurposes.find((one) => one === file.purpose)
  if (purpose === undefined) throw new Error(`its purpose must be one of ${keyPurposes.join(', ')}`)
  const { system, jwk, revoked } = file
  if (system === undefined ? !isOwn(purpose) : !isSystemName(system)) throw new Error('its system must be a name')
  if (!isObject(jwk)) throw new Error('its jwk must be a JSON Web Key')
  const certificates = certificatesOf(jwk)
  const fault = faultOf(purpose, jwk) ?? (certificates[0] && certificateFault(certificates[0], jwk))
  if (fault !== undefined) throw new Error(fault)
  const limits = [...certificates.slice(0, 1)]
  const fromMs = latest(timeOf(file, 'from'), limits[0]?.validFromDate.getTime())
  const untilMs = earliest(timeOf(file, 'until'), limits[0]?.validToDate.getTime())
  return {
    kid: String(jwk.kid), // vetted above
    purpose,
    algorithm: algorithmOf(purpose, jwk),
    certificates,
    jwk,
    ...(system === undefined ? {} : { system: String(system) }),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(untilMs === undefined ? {} : { untilMs }),
    ...(revoked === undefined ? {} : { revoked: revocationOf(revoked) }),
  }
}

/** What a key file says, as it is written. */
export interface KeyFile {
  readonly purpose: KeyPurpose
  readonly system?: string
  /** ISO 8601. */
  readonly from?: string
  readonly until?: string
  readonly revoked?: { readonly at: string; readonly reason: string }
  readonly jwk: Readonly<Record<string, unknown>>
}

/** Whether a key of this purpose is one of ours and private. */
export function isOwn(purpose: KeyPurpose): boolean {
  return purpose === 'sign' || purpose === 'decrypt'
}

/** A key as RFC 7517 publishes it: without a private part, with its dates and certificates when it has them. */
export function publicJwkOf(record: Pick<KeyRecord, 'kid' | 'algorithm' | 'purpose' | 'jwk'> & Dates): PublicJwk {
  const { purpose, jwk, fromMs, untilMs } = record
  if (purpose === 'mac') throw new Error('a shared secret has no public half')
  return {
    kty: String(jwk.kty),
    ...Object.fromEntries(publicMembers.filter((name) => jwk[name] !== undefined).map((name) => [name, jwk[name]])),
    kid: record.kid,
    alg: record.algorithm,
    use: purpose === 'sign' || purpose === 'verify' ? 'sig' : 'enc',
    // Registered for published keys by OpenID Federation 1.0 §8.7.2: when the key is used from and until.
    ...(fromMs === undefined ? {} : { nbf: Math.floor(fromMs / 1000) }),
    ...(untilMs === undefined ? {} : { exp: Math.floor(untilMs / 1000) }),
    ...(jwk.x5c === undefined ? {} : { x5c: jwk.x5c }),
  }
}

/** The private key of a record; only for purposes that are our own. */
export function privateKeyOf({ jwk }: Pick<KeyRecord, 'jwk'>): KeyObject {
  return createPrivateKey({ key: bareKey(jwk), format: 'jwk' })
}

/** The public key of a record, whatever its purpose but `mac`. */
export function publicKeyOf({ jwk }: Pick<KeyRecord, 'jwk'>): KeyObject {
  return createPublicKey({ key: publicMembersOf(jwk), format: 'jwk' })
}

interface Dates {
  readonly fromMs?: number
  readonly untilMs?: number
}

const fileMembers = ['purpose', 'system', 'from', 'until', 'revoked', 'jwk']
const publicMembers = ['crv', 'x', 'y', 'n', 'e']

function readObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = readJson(bytes, { maxDepth: 5 })
  } catch {
    throw new Error('it is not well-formed JSON') // the gate's own words could name a member of a secret
  }
  if (!isObject(value)) throw new Error('it is not a JSON object')
  return value
}

function isSystemName(value: unknown): boolean {
  return typeof value === 'string' && /^[a-z][a-z0-9-]{0,63}$/.test(value)
}

function faultOf(purpose: KeyPurpose, jwk: Readonly<Record<string, unknown>>): string | undefined {
  if (purpose === 'mac') return secretFault(jwk)
  if (!isKid(jwk.kid)) return 'its kid must be 1 to 128 plain characters'
  const half: PublicJwk = isOwn(purpose) ? { kty: '', ...publicMembersOf(jwk), ...namesOf(jwk) } : { kty: '', ...jwk }
  const fault = purpose === 'sign' || purpose === 'verify' ? keyFault(half) : encryptionKeyFault(half)
  return fault ?? (isOwn(purpose) ? privateFault(jwk) : undefined)
}

/** OpenSSL believes the public members whatever the secret is; we would publish a key that is not ours. */
function privateFault(jwk: Readonly<Record<string, unknown>>): string | undefined {
  try {
    const privateKey = privateKeyOf({ jwk })
    const digest = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
    const probe = Buffer.from('lien-thong')
    if (!verify(digest, probe, publicKeyOf({ jwk }), sign(digest, probe, privateKey)))
      return 'its public and private parts do not belong together'
    return undefined
  } catch {
    return 'it is not a well-formed private key'
  }
}

const spki = { type: 'spki', format: 'der' } as const

function algorithmOf(purpose: KeyPurpose, jwk: Readonly<Record<string, unknown>>): string {
  if (purpose === 'mac') return String(jwk.alg)
  const half: PublicJwk = { kty: '', ...publicMembersOf(jwk), ...namesOf(jwk) }
  return purpose === 'sign' || purpose === 'verify' ? pinnedAlgorithm(half) : pinnedEncryption(half)
}

function publicMembersOf(jwk: Readonly<Record<string, unknown>>): JsonWebKey {
  const members = ['kty', ...publicMembers].filter((name) => jwk[name] !== undefined)
  return Object.fromEntries(members.map((name) => [name, String(jwk[name])]))
}

function namesOf(jwk: Readonly<Record<string, unknown>>) {
  const { kid, alg, use } = jwk
  return {
    ...(kid === undefined ? {} : { kid: String(kid) }),
    ...(alg === undefined ? {} : { alg: String(alg) }),
    ...(use === undefined ? {} : { use: String(use) }),
  }
}

function bareKey(jwk: Readonly<Record<string, unknown>>): JsonWebKey {
  const members = ['d', 'p', 'q', 'dp', 'dq', 'qi'].filter((name) => jwk[name] !== undefined)
  return { ...publicMembersOf(jwk), ...Object.fromEntries(members.map((name) => [name, String(jwk[name])])) }
}

function certificatesOf({ x5c }: Readonly<Record<string, unknown>>): readonly X509Certificate[] {
  if (x5c === undefined) return []
  if (!Array.isArray(x5c) || x5c.length === 0 || x5c.length > 8)
    throw new Error('its x5c must be a list of certificates')
  try {
    return x5c.map((one) => new X509Certificate(Buffer.from(String(one), 'base64')))
  } catch {
    throw new Error('its x5c holds what is not a certificate')
  }
}

function certificateFault(leaf: X509Certificate, jwk: Readonly<Record<string, unknown>>): string | undefined {
  const isSame = leaf.publicKey.export(spki).equals(publicKeyOf({ jwk }).export(spki))
  return isSame ? undefined : 'its certificate is of another key'
}

function timeOf(file: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = file[name]
  if (value === undefined) return undefined
  const timeMs =
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(value) ? Date.parse(value) : NaN
  if (Number.isNaN(timeMs)) throw new Error(`its ${name} must be a time like 2026-11-01T00:00:00Z`)
  return timeMs
}

function revocationOf(value: unknown): { readonly atMs: number; readonly reason: string } {
  const atMs = isObject(value) ? timeOf(value, 'at') : undefined
  if (!isObject(value) || atMs === undefined || typeof value.reason !== 'string')
    throw new Error('its revocation must have a time (at) and a reason')
  return { atMs, reason: value.reason }
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
