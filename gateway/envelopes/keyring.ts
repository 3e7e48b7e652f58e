import {
  createHash,
  createSecretKey,
  generateKeyPairSync,
  hkdfSync,
  type JsonWebKey,
  type KeyObject,
  type X509Certificate,
} from 'node:crypto'
import { type Clock, systemClock } from '../bus/clock.ts'
import {
  isOwn,
  type KeyPurpose,
  type KeyRecord,
  privateKeyOf,
  publicJwkOf,
  publicKeyOf,
  readKeyRecord,
} from './key-record.ts'
import type { EncryptionAlgorithm, PublicJwk, SignatureAlgorithm } from './key-vetting.ts'
import type { TrustStore } from './trust-store.ts'

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
  /** Leaf first; absent for a bare key. */
  readonly certificates?: readonly X509Certificate[]
}

/** A key that signs in the gateway's name. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  readonly thumbprint: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** Leaf first, for a KeyInfo that names it; absent for a bare key. */
  readonly certificates?: readonly X509Certificate[]
}

/** A public key to encrypt to. */
export interface EncryptionKey {
  readonly kid: string
  readonly algorithm: EncryptionAlgorithm
  readonly publicKey: KeyObject
}

/** One of our own keys, that others encrypt to. */
export interface DecryptionKey {
  readonly kid: string
  readonly algorithm: EncryptionAlgorithm
  readonly privateKey: KeyObject
}

/** A secret shared with a system. */
export interface MacKey {
  readonly kid: string
  readonly algorithm: string
  readonly secret: KeyObject
}

/** Where a key stands; only a `current` one is used, and an `over` one of ours still checks what it once signed. */
export type KeyStanding = 'current' | 'future' | 'over' | 'revoked' | 'untrusted'

/** What is told about a key: everything but the key. */
export interface KeyView {
  readonly system?: string
  readonly purpose: KeyPurpose
  readonly kid: string
  readonly algorithm: string
  readonly standing: KeyStanding
  readonly fromMs?: number
  /** When it ends; absent for a key without an end. */
  readonly untilMs?: number
  /** Why it is not trusted, or was revoked. */
  readonly why?: string
}

/**
 * Our own keys and the partners' public ones, each with its dates. Nothing enters it from a message: a key named or
 * carried by one is looked up here or it does not exist.
 */
export interface Keyring {
  /**
   * The key to sign with now, the newest that has begun: one kept for `system` when there is one, else a general one.
   * Throws an Error when every key is over.
   */
  signingKey(system?: string): SigningKey
  /** A partner's current key by its id; `undefined` when there is none. Our own keys are never found here. */
  partnerKey(kid: string): VerificationKey | undefined
  /** Every current key a system may sign with, the newest first. */
  partnerKeys(system: string): readonly VerificationKey[]
  /** One of our own keys by its id, over or not, to check what we once signed; never a revoked one. */
  ownKey(kid: string): SigningKey | undefined
  /** The newest current key to encrypt to a system. */
  encryptionKey(system: string): EncryptionKey | undefined
  /** One of our own current keys by its id, to read what was encrypted to us. */
  decryptionKey(kid: string): DecryptionKey | undefined
  /** Current secrets shared with a system, the newest first: make with the first, check with all. */
  macKeys(system: string): readonly MacKey[]
  /**
   * The public halves of our own keys, for `/.well-known/jwks.json` (RFC 7517 §5): future ones too, so that partners
   * know them beforehand, and those that are over, so that receipts can be checked for as long as they are kept.
   */
  jwks(): { readonly keys: readonly PublicJwk[] }
  /** The certificates of our own current and future keys, as PEM, that of the key that signs first; empty when no key has one. */
  certificates(): string
  /**
   * Secrets for one purpose, derived from our own general signing keys, the current one first: make with the first,
   * check with all. They survive a restart and are the same on every node that has the keys.
   */
  secrets(purpose: string): readonly Buffer[]
  /** Every key, without the key. */
  list(): readonly KeyView[]
}

export interface KeyringOptions {
  /** A general signing key without dates. */
  readonly signing?: SigningJwk
  /** Partners' public keys without dates. */
  readonly partners: readonly { readonly system: string; readonly jwk: PublicJwk }[]
  /** Keys with dates, from the key folder. */
  readonly records?: readonly KeyRecord[]
  /** Signature algorithms a system may use; every one there is when it is not named. */
  readonly algorithms?: Readonly<Record<string, readonly string[]>>
  /** Whom certificates must lead to; without it a registered certificate is believed for its dates. */
  readonly trust?: TrustStore
  readonly clock?: Pick<Clock, 'now'>
}

/** Vets every key and holds them. Throws an Error that names the key and the rule it breaks. */
export function createKeyring(options: KeyringOptions): Keyring {
  const clock = options.clock ?? systemClock
  const held = [...undatedRecords(options), ...(options.records ?? [])].map(holdKey)
  refuseRepeats(held)
  refuseAlgorithms(held, options.algorithms ?? {})
  if (!held.some(({ record }) => record.purpose === 'sign')) throw new Error('there is no key to sign with')
  const byKid = new Map(held.map((key) => [key.record.kid, key]))

  // A chain costs a signature check per certificate; what it said holds for a minute.
  const distrust = new Map<KeyRecord, { readonly atMs: number; readonly why: string | undefined }>()
  const distrustOf = (record: KeyRecord, nowMs: number): string | undefined => {
    const known = distrust.get(record)
    if (known !== undefined && Math.abs(nowMs - known.atMs) < 60_000) return known.why
    const use = record.purpose === 'verify' ? 'sign' : 'encipher'
    const why = options.trust?.faultOf(record.certificates, { nowMs, use })
    distrust.set(record, { atMs: nowMs, why })
    return why
  }
  const standingOf = ({ record }: HeldKey): { readonly standing: KeyStanding; readonly why?: string } => {
    const nowMs = clock.now()
    const { revoked, fromMs, untilMs, certificates, purpose } = record
    if (revoked !== undefined && revoked.atMs <= nowMs) return { standing: 'revoked', why: revoked.reason }
    if (untilMs !== undefined && nowMs >= untilMs) return { standing: 'over' }
    if (fromMs !== undefined && nowMs < fromMs) return { standing: 'future' }
    const why = certificates.length === 0 || isOwn(purpose) ? undefined : distrustOf(record, nowMs)
    return why === undefined ? { standing: 'current' } : { standing: 'untrusted', why }
  }
  const isCurrent = (key: HeldKey): boolean => standingOf(key).standing === 'current'
  const isRevoked = (key: HeldKey): boolean => standingOf(key).standing === 'revoked'
  const newest = (purpose: KeyPurpose, system: string | undefined): readonly HeldKey[] =>
    held
      .filter(({ record }) => record.purpose === purpose && record.system === system)
      .filter(isCurrent)
      .sort(byBeginning)
  const named = (kid: string, purpose: KeyPurpose): HeldKey | undefined => {
    const key = byKid.get(kid)
    return key?.record.purpose === purpose ? key : undefined
  }

  // Many tools read the first certificate of a file alone: it is the one that signs for everybody now.
  const placeOf = (key: HeldKey): number => {
    const { purpose, system } = key.record
    if (purpose !== 'sign') return 3
    return standingOf(key).standing !== 'current' ? 2 : system === undefined ? 0 : 1
  }

  return {
    signingKey(system) {
      const [key] = [...(system === undefined ? [] : newest('sign', system)), ...newest('sign', undefined)]
      if (key === undefined) throw new Error('no key to sign with is current')
      return signingKeyOf(key)
    },
    partnerKey(kid) {
      const key = named(kid, 'verify')
      return key !== undefined && isCurrent(key) ? verificationKeyOf(key) : undefined
    },
    partnerKeys: (system) => newest('verify', system).map(verificationKeyOf),
    ownKey(kid) {
      const key = named(kid, 'sign')
      return key === undefined || isRevoked(key) ? undefined : signingKeyOf(key)
    },
    encryptionKey(system) {
      const [key] = newest('encrypt', system)
      return key && encryptionKeyOf(key)
    },
    decryptionKey(kid) {
      const key = named(kid, 'decrypt')
      return key !== undefined && isCurrent(key) ? decryptionKeyOf(key) : undefined
    },
    macKeys: (system) => newest('mac', system).map(macKeyOf),
    jwks: () => ({
      keys: held
        .filter((key) => isOwn(key.record.purpose) && !isRevoked(key))
        // Nothing can be encrypted to a key that is over, and nobody needs to check anything with it.
        .filter((key) => key.record.purpose === 'sign' || standingOf(key).standing !== 'over')
        .map(({ record }) => publicJwkOf(record)),
    }),
    certificates: () =>
      [...held]
        .filter(({ record }) => isOwn(record.purpose))
        .filter((key) => ['current', 'future'].includes(standingOf(key).standing))
        .sort((one, other) => placeOf(one) - placeOf(other))
        .flatMap(({ record }) => record.certificates.map(String))
        .join(''),
    secrets(purpose) {
      const general = held.filter(({ record }) => record.purpose === 'sign' && record.system === undefined)
      const current = general.filter(isCurrent).sort(byBeginning)
      const others = general.filter((key) => !current.includes(key) && !isRevoked(key)).sort(byBeginning)
      return [...current, ...others].map((key) => key.secret(purpose))
    },
    list: () =>
      held.map((key) => {
        const { system, purpose, kid, algorithm, fromMs, untilMs } = key.record
        return {
          purpose,
          kid,
          algorithm,
          ...standingOf(key),
          ...(system === undefined ? {} : { system }),
          ...(fromMs === undefined ? {} : { fromMs }),
          ...(untilMs === undefined ? {} : { untilMs }),
        }
      }),
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

/** A record with its keys made ready once; which of them may be used is asked anew each time. */
interface HeldKey {
  readonly record: KeyRecord
  readonly thumbprint: string
  readonly publicKey?: KeyObject
  readonly privateKey?: KeyObject
  /** The same Buffer for the same purpose, so that callers can keep what they derive from it. */
  readonly secret: (purpose: string) => Buffer
}

function undatedRecords({ signing, partners }: KeyringOptions): readonly KeyRecord[] {
  const own = signing === undefined ? [] : [undatedRecord({ purpose: 'sign', jwk: signing }, 'the signing key')]
  const others = partners.map(({ system, jwk }) => {
    const kid = jwk.kid ?? (typeof jwk.kty === 'string' ? thumbprintOf({ ...jwk }) : '')
    return undatedRecord({ purpose: 'verify', system, jwk: { ...jwk, kid } }, `key ${kid} of ${system}`)
  })
  return [...own, ...others]
}

function undatedRecord(file: object, name: string): KeyRecord {
  try {
    return readKeyRecord(Buffer.from(JSON.stringify(file)))
  } catch (cause) {
    throw new Error(`${name}: ${cause instanceof Error ? cause.message : 'it cannot be used'}`)
  }
}

function holdKey(record: KeyRecord): HeldKey {
  const secrets = new Map<string, Buffer>()
  const secret = (purpose: string): Buffer => {
    const known = secrets.get(purpose) ?? secretOf(record, purpose)
    secrets.set(purpose, known)
    return known
  }
  if (record.purpose === 'mac') return { record, thumbprint: '', secret }
  const publicKey = publicKeyOf(record)
  const thumbprint = thumbprintOf(publicKey.export({ format: 'jwk' }))
  return {
    record,
    thumbprint,
    publicKey,
    secret,
    ...(isOwn(record.purpose) ? { privateKey: privateKeyOf(record) } : {}),
  }
}

/** One id is one key, and one key is one system: a message could otherwise be said again in another's name. */
function refuseRepeats(held: readonly HeldKey[]): void {
  const kids = new Set<string>()
  const owners = new Map<string, string>()
  for (const { record, thumbprint } of held) {
    const { kid, system, purpose } = record
    const name = `key ${kid} of ${system ?? 'the gateway'}`
    if (kids.has(kid)) throw new Error(`${name}: its kid is taken`)
    kids.add(kid)
    if (purpose === 'mac') continue
    const owner = isOwn(purpose) ? '' : (system ?? '')
    if ((owners.get(thumbprint) ?? owner) !== owner) throw new Error(`${name}: another system has the very same key`)
    owners.set(thumbprint, owner)
  }
}

function refuseAlgorithms(held: readonly HeldKey[], allowed: Readonly<Record<string, readonly string[]>>): void {
  for (const { record } of held) {
    if (record.purpose !== 'verify' || record.system === undefined) continue
    const own = Object.hasOwn(allowed, record.system) ? allowed[record.system] : undefined
    if (own !== undefined && !own.includes(record.algorithm))
      throw new Error(`key ${record.kid} of ${record.system}: ${record.algorithm} is not one of ${own.join(', ')}`)
  }
}

/** The one that began last first; one without a beginning was always there. */
function byBeginning(one: HeldKey, other: HeldKey): number {
  return (other.record.fromMs ?? 0) - (one.record.fromMs ?? 0)
}

function signingKeyOf({ record, thumbprint, publicKey, privateKey }: HeldKey): SigningKey {
  if (publicKey === undefined || privateKey === undefined) throw new Error('it is no key to sign with')
  const algorithm = record.algorithm as SignatureAlgorithm // readKeyRecord has pinned it by the purpose
  return { kid: record.kid, algorithm, thumbprint, privateKey, publicKey, ...certificatesOf(record) }
}

function verificationKeyOf({ record, thumbprint, publicKey }: HeldKey): VerificationKey {
  if (publicKey === undefined) throw new Error('it is no key to verify with')
  const algorithm = record.algorithm as SignatureAlgorithm // readKeyRecord has pinned it by the purpose
  const system = record.system ?? '' // never absent: readKeyRecord wants it for every purpose but our own
  return { kid: record.kid, system, algorithm, thumbprint, publicKey, ...certificatesOf(record) }
}

function encryptionKeyOf({ record, publicKey }: HeldKey): EncryptionKey {
  if (publicKey === undefined) throw new Error('it is no key to encrypt to')
  return { kid: record.kid, algorithm: record.algorithm as EncryptionAlgorithm, publicKey } // pinned by the purpose
}

function decryptionKeyOf({ record, privateKey }: HeldKey): DecryptionKey {
  if (privateKey === undefined) throw new Error('it is no key to decrypt with')
  return { kid: record.kid, algorithm: record.algorithm as EncryptionAlgorithm, privateKey } // pinned by the purpose
}

function macKeyOf({ record }: HeldKey): MacKey {
  const secret = createSecretKey(Buffer.from(String(record.jwk.k), 'base64url'))
  return { kid: record.kid, algorithm: record.algorithm, secret }
}

function certificatesOf({ certificates }: KeyRecord): { readonly certificates?: readonly X509Certificate[] } {
  return certificates.length === 0 ? {} : { certificates }
}

/** Every kind of private key has a secret number called d. */
function secretOf(record: KeyRecord, purpose: string): Buffer {
  const scalar = Buffer.from(String(record.jwk.d), 'base64url')
  return Buffer.from(hkdfSync('sha256', scalar, 'lien-thong', purpose, 32))
}
