import { createHmac, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../bus/errors.ts'
import { nameInLink } from './file-name.ts'

/** What the secrets of links are derived for. */
export const linkPurpose = 'file-link'

/** One file for whoever holds the link, until it expires. */
export interface FileLink {
  /** Lower-case hex of the file's SHA-256. */
  readonly sha256: string
  readonly name?: string
  readonly expiresAtMs: number
}

/** The link as text, always the same for the same link: `<base>/files/<sha256>/<name>?exp=<seconds>&sig=<HMAC-SHA-256>`. */
export function writeLink(link: FileLink, { secrets, baseUrl }: LinkKey): string {
  const [secret] = secrets
  if (secret === undefined) throw new GatewayError('internal-error', { cause: new Error('no secret for links') })
  const name = nameInLink(link.name)
  const exp = Math.ceil(link.expiresAtMs / 1000)
  const sig = seal(secret, { sha256: link.sha256, name, exp }).toString('base64url')
  return `${baseUrl.replace(/\/$/, '')}/files/${link.sha256}/${name}?exp=${exp}&sig=${sig}`
}

export interface LinkKey {
  /** The current one first; links of the others still open. */
  readonly secrets: readonly Buffer[]
  readonly baseUrl: string
}

/** Whether a request's parts are a link of ours. Throws `not-found` for one we never wrote, `link-expired`. */
export function checkLink(
  asked: { readonly sha256: string; readonly name: string; readonly exp: unknown; readonly sig: unknown },
  { secrets, nowMs }: { readonly secrets: readonly Buffer[]; readonly nowMs: number },
): void {
  const { sha256, name, exp, sig } = asked
  if (!isHex(sha256) || typeof exp !== 'string' || typeof sig !== 'string' || !/^[1-9]\d{0,11}$/.test(exp))
    throw new GatewayError('not-found')
  const given = Buffer.from(sig, 'base64url')
  const isOurs = secrets.some((secret) => {
    const right = seal(secret, { sha256, name, exp: Number(exp) })
    return given.length === right.length && timingSafeEqual(given, right)
  })
  if (!isOurs || given.toString('base64url') !== sig) throw new GatewayError('not-found')
  if (Number(exp) * 1000 <= nowMs) throw new GatewayError('link-expired')
}

/** The digest a URL names when it is one of our own links, expired or not; nothing is ever fetched from ourselves. */
export function readOwnLink(url: string, { secrets, baseUrl }: LinkKey): string | undefined {
  const parsed = URL.parse(url)
  if (parsed === null || parsed.origin !== new URL(baseUrl).origin) return undefined
  const [, sha256, name] = /^\/files\/([0-9a-f]{64})\/([\w.-]{1,80})$/.exec(parsed.pathname) ?? []
  if (sha256 === undefined || name === undefined) return undefined
  const { exp, sig } = Object.fromEntries(parsed.searchParams)
  try {
    checkLink({ sha256, name, exp, sig }, { secrets, nowMs: 0 })
    return sha256
  } catch {
    return undefined
  }
}

export function isHex(sha256: string): boolean {
  return /^[0-9a-f]{64}$/.test(sha256)
}

function seal(secret: Buffer, { sha256, name, exp }: { sha256: string; name: string; exp: number }): Buffer {
  return createHmac('sha256', secret).update(`${sha256}\n${name}\n${exp}`).digest()
}
