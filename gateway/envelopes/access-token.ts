import { randomUUID } from 'node:crypto'
import { GatewayError } from '../bus/errors.ts'
import { readJson } from './json-gate.ts'
import { checkClaims, claimRefused, jwsTypes, signCompact, verifyJws } from './jws.ts'
import type { Keyring, SigningKey } from './keyring.ts'

/** Nobody can take back a token that needs no asking, so it lives five minutes at the most. */
const maxLifetimeMs = 300_000

/** Who reads, and with which key that was proved. */
export interface Reader {
  readonly system: string
  readonly kid: string
  readonly thumbprint: string
}

/** A bearer token for reading, signed by a system with its registered key. Lives 60 s unless told. */
export async function signAccessToken(
  key: SigningKey,
  claims: { readonly audience: string; readonly nowMs: number; readonly lifetimeMs?: number },
): Promise<string> {
  const iat = Math.floor(claims.nowMs / 1000)
  const exp = iat + Math.ceil(Math.min(claims.lifetimeMs ?? 60_000, maxLifetimeMs) / 1000)
  const payload = JSON.stringify({ jti: randomUUID(), iat, exp, aud: claims.audience })
  return await signCompact(key, { typ: jwsTypes.access, payload })
}

/** Checks a token as it came after `Bearer`. Throws `credential-refused`. */
export async function verifyAccessToken(
  token: string,
  check: { readonly keyring: Keyring; readonly audience: string; readonly nowMs: number },
): Promise<Reader> {
  const { key, payload } = await verifyJws(token, {
    keyOf: (kid) => check.keyring.partnerKey(kid),
    typ: jwsTypes.access,
    maxBytes: 4096,
  })
  const document = readJson(payload, { maxDepth: 3 })
  if (document === null || typeof document !== 'object' || Array.isArray(document))
    throw new GatewayError('request-unreadable', { detail: 'It must be a JSON object.' })
  const claims: Readonly<Record<string, unknown>> = { ...document }
  checkClaims(claims, { system: key.system, ...check })
  if (typeof claims.exp !== 'number' || typeof claims.iat !== 'number') throw claimRefused('exp')
  if ((claims.exp - claims.iat) * 1000 > maxLifetimeMs) throw claimRefused('exp')
  return { system: key.system, kid: key.kid, thumbprint: key.thumbprint }
}
