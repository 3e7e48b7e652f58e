import { CompactEncrypt, compactDecrypt } from 'jose'
import { GatewayError } from '../bus/errors.ts'
import { readJson } from './json-gate.ts'
import type { DecryptionKey, EncryptionKey } from './keyring.ts'

/** The `typ` of everything encrypted here. */
export const jweType = 'lienthong-message+jwe'

/**
 * Wraps a signed token so that only the holder of `key` can read it on the way (RFC 7516, compact): ECDH-ES or
 * RSA-OAEP-256, and A256GCM. Signed first and encrypted after: what is kept as evidence is the signed token.
 */
export async function encryptToken(key: EncryptionKey, token: string): Promise<string> {
  const header = { alg: key.algorithm, enc: encryption, kid: key.kid, typ: jweType, cty: 'JWT' }
  return await new CompactEncrypt(Buffer.from(token, 'latin1')).setProtectedHeader(header).encrypt(key.publicKey)
}

/** Whether a token has the five parts of a JWE; a JWS has three. */
export function isEncrypted(token: string): boolean {
  return token.split('.', 6).length === 5
}

/**
 * The signed token within; nothing is known of who made it before that one is verified. Throws `credential-refused`,
 * the same whatever is wrong.
 */
export async function decryptToken(
  token: string,
  check: {
    /** The only place a key can come from. */
    readonly keyOf: (kid: string) => DecryptionKey | undefined
    /** Of the whole token; checked before anything is decoded. Default 24 MiB. */
    readonly maxBytes?: number
  },
): Promise<string> {
  if (token.length > (check.maxBytes ?? 24 * 1024 * 1024)) throw refused()
  const parts = token.split('.', 6)
  if (parts.length !== 5 || !parts.every(isCanonicalBase64Url)) throw refused()
  const { alg, kid } = readHeader(parts[0] ?? '')
  const key = check.keyOf(kid)
  if (key === undefined || key.algorithm !== alg) throw refused()
  try {
    const { plaintext } = await compactDecrypt(token, key.privateKey, {
      keyManagementAlgorithms: [key.algorithm],
      contentEncryptionAlgorithms: [encryption],
    })
    return Buffer.from(plaintext).toString('latin1')
  } catch {
    throw refused()
  }
}

const encryption = 'A256GCM'
const maxHeaderCharacters = 2048

/** Closed: no `zip` (a small token that unpacks to a large one), no `p2c`, and no key but the ephemeral one. */
const headerParameters = ['alg', 'enc', 'kid', 'typ', 'cty', 'epk']

function readHeader(segment: string): { readonly alg: string; readonly kid: string } {
  if (segment.length > maxHeaderCharacters) throw refused()
  const header = parsed(segment)
  if (!isObject(header) || Object.keys(header).some((name) => !headerParameters.includes(name))) throw refused()
  const { alg, kid, enc, typ, cty, epk } = header
  if (typeof alg !== 'string' || typeof kid !== 'string' || kid.length > 128) throw refused()
  if (enc !== encryption || typ !== jweType || cty !== 'JWT') throw refused()
  if ((alg === 'ECDH-ES') !== (epk !== undefined)) throw refused()
  return { alg, kid }
}

function parsed(segment: string): unknown {
  try {
    return readJson(Buffer.from(segment, 'base64url'), { maxDepth: 3 })
  } catch {
    throw refused()
  }
}

function isCanonicalBase64Url(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function refused(): GatewayError {
  return new GatewayError('credential-refused')
}
