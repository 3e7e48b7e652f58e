import type { KeyObject } from 'node:crypto'
import { CompactSign, compactVerify, FlattenedSign, flattenedVerify } from 'jose'
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

/** A JWS in compact serialization (RFC 7515 §3.1), its payload within. */
export async function signCompact(
  key: SigningKey,
  what: { readonly typ: JwsType; readonly payload: string | Uint8Array },
): Promise<string> {
  return await new CompactSign(bytesOf(what.payload)).setProtectedHeader(headerOf(key, what.typ)).sign(key.privateKey)
}

/** A JWS whose payload travels beside it (RFC 7515 appendix F): `<header>..<signature>`. */
export async function signDetached(
  key: SigningKey,
  what: { readonly typ: JwsType; readonly payload: string | Uint8Array },
): Promise<string> {
  const { protected: header, signature } = await new FlattenedSign(bytesOf(what.payload))
    .setProtectedHeader(headerOf(key, what.typ))
    .sign(key.privateKey)
  return `${header}..${signature}`
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
  if (![header, inner, signature].every(isCanonicalBase64Url)) throw refused()
  const { alg, kid } = readHeader(header, check.typ)
  const key = check.keyOf(kid)
  if (key === undefined || key.algorithm !== alg) throw refused()
  const only = { algorithms: [key.algorithm] }
  try {
    if (check.payload === undefined) {
      const { payload } = await compactVerify(token, key.publicKey, only)
      return { key, payload }
    }
    const payload = Buffer.from(check.payload.buffer, check.payload.byteOffset, check.payload.byteLength)
    const flattened = { protected: header, payload: payload.toString('base64url'), signature }
    await flattenedVerify(flattened, key.publicKey, only)
    return { key, payload }
  } catch {
    throw refused()
  }
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

function bytesOf(payload: string | Uint8Array): Uint8Array {
  return typeof payload === 'string' ? new TextEncoder().encode(payload) : payload
}

function refused(): GatewayError {
  return new GatewayError('credential-refused')
}

/**
 * RFC 7515 §2: no padding, no white space, no other alphabet; and the unused bits of the last character zero, or one
 * signature could be written in several ways. Decoders, jose's too, forgive all of these.
 */
function isCanonicalBase64Url(segment: string): boolean {
  return Buffer.from(segment, 'base64url').toString('base64url') === segment
}

/** Closed: with only these four there is no `crit`, `b64`, `zip`, and no key or address of a key brought along. */
const headerParameters = ['alg', 'kid', 'typ', 'cty']

function readHeader(segment: string, typ: JwsType): { readonly alg: string; readonly kid: string } {
  const header = parsed(segment)
  if (!isObject(header) || Object.keys(header).some((name) => !headerParameters.includes(name))) throw refused()
  const { alg, kid } = header
  if (typeof alg !== 'string' || typeof kid !== 'string' || kid.length > 128 || header.typ !== typ) throw refused()
  if (header.cty !== undefined && header.cty !== 'application/json' && header.cty !== 'json') throw refused()
  return { alg, kid }
}

function parsed(segment: string): unknown {
  try {
    return readJson(Buffer.from(segment, 'base64url'), { maxDepth: 2 })
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
