import { createKeyring, type SigningKey } from '../../gateway/envelopes/keyring.ts'
import { CommandError, UsageError } from '../command.ts'
import { readSigningJwk } from './keys.ts'

/** Options of every command that speaks to a running gateway. */
export const gatewayOptions = {
  to: { type: 'string' },
  audience: { type: 'string' },
  key: { type: 'string' },
} as const

/** How those options are explained. */
export const gatewayUsage = `  --to URL        the gateway's address
  --audience ID   the gateway's id (gateway.id in its configuration)
  --key FILE      a signing key whose public half is registered there`

/** A gateway and the key to speak to it with. */
export interface GatewayCall {
  readonly url: URL
  readonly audience: string
  readonly key: SigningKey
}

/** Reads the options above. Throws UsageError when one is missing. */
export function gatewayCall(values: { to?: string; audience?: string; key?: string }): GatewayCall {
  const { to, audience, key } = values
  if (to === undefined || audience === undefined || key === undefined) {
    throw new UsageError('--to, --audience and --key are needed')
  }
  const url = URL.parse(to)
  if (url === null) throw new UsageError('--to is not a URL')
  return { url, audience, key: createKeyring({ signing: readSigningJwk(key), partners: [] }).signingKey() }
}

/** One request within 30 s, no redirect followed. Throws CommandError when there is no answer. */
export async function ask(url: URL, request: RequestInit): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const answer = await fetch(url, { ...request, redirect: 'manual', signal: AbortSignal.timeout(30_000) })
    return { status: answer.status, text: await answer.text() }
  } catch (cause) {
    const inner = cause instanceof Error ? cause.cause : undefined
    const why = inner instanceof Error && 'code' in inner ? String(inner.code) : 'no answer within 30 s'
    throw new CommandError(`${url.origin} cannot be reached: ${why}`)
  }
}
