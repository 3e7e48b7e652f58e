import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import {
  CompactSign,
  calculateJwkThumbprint,
  exportJWK,
  FlattenedSign,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose'
import { request } from 'undici'

/** A key the one-window signs with, and the half the gateway registers. */
export interface ClientKey {
  readonly kid: string
  readonly privateJwk: JWK
  readonly publicJwk: JWK
}

/** A canonical message to be signed and sent. */
export interface CanonicalMessage {
  readonly type: string
  readonly body: unknown
  /** The idempotency key; a new one when absent. Signing again keeps it. */
  readonly jti?: string
  /** The signature beside the document instead of around it (RFC 7515 appendix F). */
  readonly detached?: boolean
}

export interface CanonicalAnswer {
  readonly jti: string
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export interface CanonicalClient {
  send(message: CanonicalMessage): Promise<CanonicalAnswer>
  /** GET below the gateway's URL with a fresh access token. */
  read(path: string): Promise<{ readonly status: number; readonly text: string }>
}

export interface CanonicalClientOptions {
  readonly gatewayUrl: string
  /** The gateway's id: what `aud` must name. */
  readonly audience: string
  readonly key: ClientKey
}

/** A client of the gateway's canonical door: `POST /messages` with a JWS, reads with a short-lived signed token. */
export function createCanonicalClient({ gatewayUrl, audience, key }: CanonicalClientOptions): CanonicalClient {
  const header = (typ: string) => ({ alg: 'ES256', kid: key.kid, typ })
  const nowSeconds = () => Math.floor(Date.now() / 1000)
  const signingKey = () => importJWK(key.privateJwk, 'ES256')

  return {
    async send({ type, body, jti = randomUUID(), detached = false }) {
      const payload = Buffer.from(JSON.stringify({ jti, iat: nowSeconds(), aud: audience, type, body }))
      const answer = await request(new URL('/messages', gatewayUrl), {
        method: 'POST',
        ...(detached ? await beside(payload) : await around(payload)),
        signal: AbortSignal.timeout(30_000),
      })
      return { jti, status: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
    },
    async read(path) {
      const iat = nowSeconds()
      const claims = { jti: randomUUID(), iat, exp: iat + 60, aud: audience }
      const token = await new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader(header('lienthong-access+jwt'))
        .sign(await signingKey())
      const answer = await request(new URL(path, gatewayUrl), {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(30_000),
      })
      return { status: answer.statusCode, text: await answer.body.text() }
    },
  }

  async function around(payload: Buffer) {
    const token = await new CompactSign(payload)
      .setProtectedHeader(header('lienthong-message+jwt'))
      .sign(await signingKey())
    return { headers: { 'content-type': 'application/jose' }, body: token }
  }

  async function beside(payload: Buffer) {
    const flattened = await new FlattenedSign(payload)
      .setProtectedHeader(header('lienthong-message+jwt'))
      .sign(await signingKey())
    const signature = `${flattened.protected}..${flattened.signature}`
    return { headers: { 'content-type': 'application/json', 'x-jws-signature': signature }, body: payload }
  }
}

/** A new ES256 key whose kid marks it as one production refuses. */
export async function newClientKey(): Promise<ClientKey> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return clientKeyOf(await exportJWK(privateKey))
}

/** The private key in a file; made there, readable by its owner alone, when the file does not exist. */
export async function clientKeyIn(file: string): Promise<ClientKey> {
  try {
    const stored: unknown = JSON.parse(readFileSync(file, 'utf8'))
    // importJWK checks it in the first signature; a file of one's own needs no more.
    return await clientKeyOf(stored as JWK)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    const key = await newClientKey()
    writeFileSync(file, JSON.stringify(key.privateJwk), { mode: 0o600 })
    return key
  }
}

async function clientKeyOf(jwk: JWK): Promise<ClientKey> {
  const { kty, crv, x, y } = jwk
  if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined || jwk.d === undefined) {
    throw new Error('the key must be a private EC P-256 key as a JWK')
  }
  const kid = jwk.kid ?? `demo-${await calculateJwkThumbprint({ kty, crv, x, y })}`
  return {
    kid,
    privateJwk: { ...jwk, kid, alg: 'ES256', use: 'sig' },
    publicJwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' },
  }
}
