import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../bus/clock.ts'
import { GatewayError } from '../bus/errors.ts'
import type { Keyring } from './keyring.ts'

/** A name and password a system logs in with; doors add what it may do. */
export interface Credential {
  readonly username: string
  readonly password: string
}

export interface Session {
  readonly token: string
  readonly expiresAtMs: number
}

/** The sessions of one system's drop-in door. */
export interface Sessions<Held extends Credential> {
  /** Throws `credential-refused`, the same for an unknown name and a wrong password. */
  login(username: string, password: string): Session & { readonly credential: Held }
  /** Whose session it is. Throws `session-expired`: forged, foreign, over, or its password has changed since. */
  verify(token: string): Held
}

export interface SessionOptions<Held extends Credential> {
  readonly keyring: Keyring
  /** Our gateway id and the system: a session of one is none at another. */
  readonly gatewayId: string
  readonly system: string
  readonly credentials: readonly Held[]
  readonly ttlMs: number
  readonly clock: Clock
}

/**
 * Sessions that nobody has to store: each carries its end and its credential's fingerprint under a MAC made with a
 * secret of the keyring, so they survive a restart and hold on every node. 58 characters, because unchanged products
 * keep the session in a text column (Liferay's default has 75), which no JWS fits.
 */
export function createSessions<Held extends Credential>(options: SessionOptions<Held>): Sessions<Held> {
  const { keyring, credentials, clock } = options
  const scope = JSON.stringify([options.gatewayId, options.system])
  const mac = (secret: Buffer, ...parts: readonly (string | Buffer)[]): Buffer => {
    const hmac = createHmac('sha256', secret).update(scope)
    for (const part of parts) hmac.update(lengthOf(part)).update(part)
    return hmac.digest()
  }
  const fingerprint = (secret: Buffer, { username, password }: Credential): Buffer =>
    mac(secret, 'credential', username, password).subarray(0, fingerprintBytes)
  const tagOf = (secret: Buffer, content: Buffer): Buffer => mac(secret, 'session', content).subarray(0, tagBytes)
  // Asked for each time, because keys change while we run; what follows from a secret is made once.
  const fingerprints = new WeakMap<Buffer, readonly { readonly credential: Held; readonly fingerprint: Buffer }[]>()
  const heldUnder = (secret: Buffer) => {
    const known = fingerprints.get(secret)
    if (known !== undefined) return known
    const made = credentials.map((credential) => ({ credential, fingerprint: fingerprint(secret, credential) }))
    fingerprints.set(secret, made)
    return made
  }
  const secrets = () => keyring.secrets('drop-in-session')

  return {
    login(username, password) {
      const [newest] = secrets()
      if (newest === undefined) throw new Error('the keyring has no secret to make sessions with')
      const offered = fingerprint(newest, { username, password })
      const credential = match(heldUnder(newest), offered)
      if (credential === undefined) throw new GatewayError('credential-refused')
      const expiresAtMs = clock.now() + options.ttlMs
      const content = Buffer.alloc(contentBytes)
      content.writeUInt8(version, 0)
      content.writeUIntBE(expiresAtMs, 1, 6)
      offered.copy(content, 7)
      randomBytes(nonceBytes).copy(content, 7 + fingerprintBytes)
      const token = Buffer.concat([content, tagOf(newest, content)]).toString('base64url')
      return { token, expiresAtMs, credential }
    },
    verify(token) {
      const bytes = token.length === tokenCharacters ? Buffer.from(token, 'base64url') : Buffer.alloc(0)
      if (bytes.length !== contentBytes + tagBytes || bytes.toString('base64url') !== token) throw expired()
      const content = bytes.subarray(0, contentBytes)
      const tag = bytes.subarray(contentBytes)
      const signer = secrets().find((secret) => timingSafeEqual(tagOf(secret, content), tag))
      if (signer === undefined || content.readUInt8(0) !== version) throw expired()
      if (content.readUIntBE(1, 6) <= clock.now()) throw expired()
      const credential = match(heldUnder(signer), content.subarray(7, 7 + fingerprintBytes))
      if (credential === undefined) throw expired()
      return credential
    },
  }
}

const version = 1
const fingerprintBytes = 12
const nonceBytes = 8
const contentBytes = 1 + 6 + fingerprintBytes + nonceBytes
const tagBytes = 16
const tokenCharacters = Math.ceil(((contentBytes + tagBytes) * 8) / 6)

/** Compares with every credential, whichever fits, so that the time taken says nothing. */
function match<Held>(
  held: readonly { readonly credential: Held; readonly fingerprint: Buffer }[],
  offered: Buffer,
): Held | undefined {
  let found: Held | undefined
  for (const { credential, fingerprint } of held) {
    if (timingSafeEqual(fingerprint, offered)) found = credential
  }
  return found
}

function lengthOf(part: string | Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.byteLength(part))
  return length
}

function expired(): GatewayError {
  return new GatewayError('session-expired')
}
