import {
  constants,
  type KeyObject,
  type SignKeyObjectInput,
  sign,
  type VerifyKeyObjectInput,
  verify,
} from 'node:crypto'
import { promisify } from 'node:util'
import { GatewayError } from '../bus/errors.ts'
import { readJson } from './json-gate.ts'
import type { SignatureAlgorithm } from './key-vetting.ts'
import type { Keyring, SigningKey } from './keyring.ts'

/** The `typ` of everything signed here (RFC 8725 §3.11), so that no token passes for one of another kind. */
export const jwsTypes = {
  message: 'lienthong-message+jwt',
  receipt: 'lienthong-receipt+jwt',
  access: 'lienthong-access+jwt',
  answer: 'lienthong-answer+jws',
  checkpoint: 'lienthong-checkpoint+jws',
} as const

export type JwsType = (typeof jwsTypes)[keyof typeof jwsTypes]

/** What is to be signed, and what it is. */
export interface Signable {
  readonly typ: JwsType
  readonly payload: string | Uint8Array
}

/** A JWS in compact serialization (RFC 7515 §3.1), its payload within. */
export async function signCompact(key: SigningKey, what: Signable): Promise<string> {
  const input = `${segment(headerOf(key, what.typ))}.${bytesOf(what.payload).toString('base64url')}`
  return `${input}.${await sealOf(key, Buffer.from(input, 'latin1'))}`
}

/** The same in flattened JSON serialization (RFC 7515 §7.2.2). */
export async function signFlattened(key: SigningKey, what: Signable): Promise<FlattenedJws> {
  const [header = '', payload = '', signature = ''] = (await signCompact(key, what)).split('.')
  return { payload, protected: header, signature }
}

/**
 * A JWS whose payload travels beside it (RFC 7515 appendix F): `<header>..<signature>`. Unencoded, the payload's bytes
 * are signed as they are (RFC 7797, `b64: false`), which spares a large document its copy in base64url.
 */
export async function signDetached(
  key: SigningKey,
  what: Signable & { readonly isUnencoded?: boolean },
): Promise<string> {
  const { typ, isUnencoded = false } = what
  const header = segment(isUnencoded ? { ...headerOf(key, typ), b64: false, crit: ['b64'] } : headerOf(key, typ))
  return `${header}..${await sealOf(key, signingInput(header, { payload: bytesOf(what.payload), isUnencoded }))}`
}

/** RFC 7515 §7.2.2 with nothing unprotected. */
export interface FlattenedJws {
  readonly payload: string
  readonly protected: string
  readonly signature: string
}

/** A public key and the one algorithm it is used with. */
export interface PinnedKey {
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: KeyObject
}

export interface SignatureCheck<Key extends PinnedKey> {
  /** The only place a key can come from; what a header says beyond its kid is never followed. */
  readonly keyOf: (kid: string) => Key | undefined
  readonly typ: JwsType
  /** The bytes that travelled beside a detached signature; absent for a compact one. */
  readonly payload?: Uint8Array
  /** Of the whole token; checked before anything is decoded. Default 16 MiB. */
  readonly maxBytes?: number
}

/**
 * Checks a signature, and nothing that it says. Throws `credential-refused`, the same whatever is wrong, so that a
 * stranger can't tell an unknown key from a bad signature.
 */
export async function verifyJws<Key extends PinnedKey>(
  token: string,
  check: SignatureCheck<Key>,
): Promise<{ readonly key: Key; readonly payload: Uint8Array }> {
  if (token.length > (check.maxBytes ?? 16 * 1024 * 1024)) throw refused()
  const [header, inner, signature, ...more] = token.split('.', 4)
  if (header === undefined || inner === undefined || signature === undefined || more.length > 0) throw refused()
  if (header.length > maxHeaderCharacters || signature.length > maxSignatureCharacters) throw refused()
  if ((inner === '') !== (check.payload !== undefined)) throw refused()
  const within = decoded(inner)
  const seal = decoded(signature)
  const { alg, kid, isUnencoded } = readHeader(decoded(header), check.typ)
  // Unencoded within a token would be text where everybody else reads base64url.
  if (isUnencoded && check.payload === undefined) throw refused()
  const key = check.keyOf(kid)
  if (key === undefined || key.algorithm !== alg) throw refused()
  const payload = check.payload === undefined ? within : viewOf(check.payload)
  const input =
    check.payload === undefined
      ? Buffer.from(token.slice(0, header.length + 1 + inner.length), 'latin1')
      : signingInput(header, { payload, isUnencoded })
  if (!(await isSealOf(key, { input, seal }))) throw refused()
  return { key, payload }
}

/**
 * The compact form of a JWS in flattened JSON serialization. Throws `credential-refused` for whatever else the object
 * holds: an unprotected `header`, several `signatures`.
 */
export function compactOf(document: unknown): string {
  if (!isObject(document) || Object.keys(document).length !== 3) throw refused()
  const { payload, protected: header, signature } = document
  if (typeof payload !== 'string' || typeof header !== 'string' || typeof signature !== 'string') throw refused()
  return `${header}.${payload}.${signature}`
}

/** What every message to us must say about itself. Times are NumericDate seconds, as on the wire. */
export interface MessageClaims {
  /** The idempotency key; a message signed again keeps it. */
  readonly jti: string
  readonly iat: number
  readonly exp?: number
}

/** A document, who signed it, and with what. */
export interface VerifiedMessage {
  readonly system: string
  readonly kid: string
  /** RFC 7638 thumbprint of the key, as evidence names it. */
  readonly thumbprint: string
  readonly claims: MessageClaims
  /** The signed JSON object, claims included. */
  readonly document: Readonly<Record<string, unknown>>
  /** The very bytes that were signed. */
  readonly payload: Uint8Array
}

export interface MessageCheck {
  readonly keyring: Keyring
  /** Our gateway id: what `aud` must name. */
  readonly audience: string
  readonly nowMs: number
  /** How old and how far ahead `iat` may be; 300 s and 60 s unless told. */
  readonly window?: { readonly pastMs: number; readonly futureMs: number }
  readonly maxBytes?: number
  readonly maxDepth?: number
  /** The bytes beside a detached signature; absent for a compact one. */
  readonly payload?: Uint8Array
}

/**
 * Checks a signed message: the signature first, its claims after. Throws `credential-refused` without detail for
 * anything a stranger could have sent; once the signature holds, the error names the claim, or what json-gate found.
 */
export async function verifyMessage(token: string, check: MessageCheck): Promise<VerifiedMessage> {
  const { key, payload } = await verifyJws(token, {
    keyOf: (kid) => check.keyring.partnerKey(kid),
    typ: jwsTypes.message,
    ...(check.payload === undefined ? {} : { payload: check.payload }),
    ...(check.maxBytes === undefined ? {} : { maxBytes: check.maxBytes }),
  })
  const document = readJson(payload, check.maxDepth === undefined ? {} : { maxDepth: check.maxDepth })
  if (!isObject(document)) throw new GatewayError('request-unreadable', { detail: 'It must be a JSON object.' })
  checkClaims(document, { system: key.system, ...check })
  const { jti, iat, exp } = document
  if (typeof jti !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$/.test(jti)) throw claimRefused('jti')
  // checkClaims has seen both to be integers.
  const claims: MessageClaims = { jti, iat: iat as number, ...(exp === undefined ? {} : { exp: exp as number }) }
  return { system: key.system, kid: key.kid, thumbprint: key.thumbprint, claims, document, payload }
}

/** Checks `iat`, `exp`, `aud` and `iss` of a signed document. Throws `credential-refused` naming the claim. */
export function checkClaims(
  document: Readonly<Record<string, unknown>>,
  check: {
    readonly system: string
    readonly audience: string
    readonly nowMs: number
    readonly window?: { readonly pastMs: number; readonly futureMs: number }
  },
): void {
  const { iat, exp, aud, iss } = document
  const window = check.window ?? { pastMs: 300_000, futureMs: 60_000 }
  if (!isSeconds(iat)) throw claimRefused('iat')
  if (iat * 1000 < check.nowMs - window.pastMs || iat * 1000 > check.nowMs + window.futureMs) throw claimRefused('iat')
  if (exp !== undefined && (!isSeconds(exp) || exp * 1000 <= check.nowMs)) throw claimRefused('exp')
  if (aud !== check.audience && !(Array.isArray(aud) && aud.includes(check.audience))) throw claimRefused('aud')
  // The key alone says who speaks; a document that claims to be from somebody else is not believed.
  if (iss !== undefined && iss !== check.system) throw claimRefused('iss')
}

/** `credential-refused` that names a claim; only for what a known key has signed. */
export function claimRefused(claim: string): GatewayError {
  return new GatewayError('credential-refused', { field: `/${claim}`, rule: 'claim' })
}

const maxHeaderCharacters = 2048
// RSA-8192 gives 1024 bytes, 1366 characters.
const maxSignatureCharacters = 1400

function headerOf(key: SigningKey, typ: JwsType) {
  return { alg: key.algorithm, kid: key.kid, typ }
}

function segment(header: object): string {
  return Buffer.from(JSON.stringify(header)).toString('base64url')
}

function bytesOf(payload: string | Uint8Array): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : viewOf(payload)
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function signingInput(header: string, of: { readonly payload: Buffer; readonly isUnencoded: boolean }): Buffer {
  return of.isUnencoded
    ? Buffer.concat([Buffer.from(`${header}.`, 'latin1'), of.payload])
    : Buffer.from(`${header}.${of.payload.toString('base64url')}`, 'latin1')
}

/** RFC 7518 §3.3 to §3.5 and RFC 8037 in node:crypto's words; an ECDSA signature is r and s side by side, not DER. */
const schemes: Readonly<Record<SignatureAlgorithm, { readonly digest: string | null; readonly options: object }>> = {
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  ES384: { digest: 'sha384', options: { dsaEncoding: 'ieee-p1363' } },
  EdDSA: { digest: null, options: {} },
  Ed25519: { digest: null, options: {} },
  RS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PADDING } },
  RS384: { digest: 'sha384', options: { padding: constants.RSA_PKCS1_PADDING } },
  RS512: { digest: 'sha512', options: { padding: constants.RSA_PKCS1_PADDING } },
  PS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
  PS384: { digest: 'sha384', options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 } },
  PS512: { digest: 'sha512', options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 } },
}

// node:crypto and not jose: through WebCrypto a core makes 12,700 ES256 signatures of 1 KB a second, so 16,000, and OpenSSL
// alone 19,100 (bench/envelopes-jose.ts, 2026-11-21). What costs more than 50 µs, signing by RSA and verifying by a curve,
// leaves the event loop for the thread pool.
async function sealOf(key: SigningKey, input: Buffer): Promise<string> {
  const { digest, options } = schemes[key.algorithm]
  const how = { key: key.privateKey, ...options }
  const seal = isRsa(key.algorithm) ? await signInPool(digest, input, how) : sign(digest, input, how)
  return seal.toString('base64url')
}

async function isSealOf(
  { algorithm, publicKey }: PinnedKey,
  { input, seal }: { readonly input: Buffer; readonly seal: Buffer },
): Promise<boolean> {
  const { digest, options } = schemes[algorithm]
  const how = { key: publicKey, ...options }
  return isRsa(algorithm) ? verify(digest, input, how, seal) : await verifyInPool(digest, input, how, seal)
}

function isRsa(algorithm: SignatureAlgorithm): boolean {
  return algorithm.startsWith('RS') || algorithm.startsWith('PS')
}

const signInPool = promisify<string | null, Buffer, SignKeyObjectInput, Buffer>(sign)
const verifyInPool = promisify<string | null, Buffer, VerifyKeyObjectInput, Buffer, boolean>(verify)

function refused(): GatewayError {
  return new GatewayError('credential-refused')
}

/** Refuses spaces, padding, the other alphabet, and bits that say nothing: one text for one sequence of bytes. */
function decoded(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (bytes.toString('base64url') !== part) throw refused()
  return bytes
}

/** Closed: with only these there is no `zip`, and no key or address of a key brought along. */
const headerParameters = ['alg', 'kid', 'typ', 'cty', 'b64', 'crit']

function readHeader(
  bytes: Buffer,
  typ: JwsType,
): { readonly alg: string; readonly kid: string; readonly isUnencoded: boolean } {
  const header = parsed(bytes)
  if (!isObject(header) || Object.keys(header).some((name) => !headerParameters.includes(name))) throw refused()
  const { alg, kid, b64, crit } = header
  if (typeof alg !== 'string' || typeof kid !== 'string' || kid.length > 128 || header.typ !== typ) throw refused()
  if (header.cty !== undefined && header.cty !== 'application/json' && header.cty !== 'json') throw refused()
  // RFC 7797 §6: b64 must be critical. It is the only extension known here, and only to say false.
  const isUnencoded = b64 === false && Array.isArray(crit) && crit.length === 1 && crit[0] === 'b64'
  if (!isUnencoded && (b64 !== undefined || crit !== undefined)) throw refused()
  return { alg, kid, isUnencoded }
}

function parsed(bytes: Buffer): unknown {
  try {
    return readJson(bytes, { maxDepth: 2 })
  } catch {
    throw refused()
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < 1e11
}
