import { readFileSync } from 'node:fs'
import { CommandError, UsageError } from '../command.ts'
import { ask } from './gateway-call.ts'

/** Options of every command that speaks as an operator. */
export const adminOptions = {
  url: { type: 'string' },
  'token-file': { type: 'string' },
} as const

/** How those options are explained. */
export const adminUsage = `  --url URL          the gateway's address; else LIENTHONG_URL
  --token-file FILE  your operator's token; else LIENTHONG_TOKEN`

/** What a gateway answered an operator. */
export type Answer = Readonly<Record<string, unknown>>

/** Calls the operators' API. Throws CommandError with the gateway's own words when it refuses. */
export type AdminCall = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<Answer>

/** Reads the options above. Throws UsageError when one is missing. */
export function adminCall(
  values: { readonly url?: string | undefined; readonly 'token-file'?: string | undefined },
  env: Readonly<Record<string, string | undefined>>,
): AdminCall {
  const url = URL.parse(values.url ?? env.LIENTHONG_URL ?? '')
  if (url === null) throw new UsageError('--url or LIENTHONG_URL must name the gateway’s address')
  const file = values['token-file']
  const token = file === undefined ? env.LIENTHONG_TOKEN : readToken(file)
  if (!token) throw new UsageError('--token-file or LIENTHONG_TOKEN must give an operator’s token')
  return async (method, path, body) => {
    const { status, text } = await ask(new URL(`/admin${path}`, url), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const document = parsed(text)
    if (status >= 200 && status < 300) return document
    throw new CommandError(refusalOf(status, document))
  }
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    throw new CommandError(`${file} cannot be read`)
  }
}

function parsed(text: string): Answer {
  try {
    const document: unknown = JSON.parse(text)
    if (typeof document === 'object' && document !== null) return { ...document }
  } catch {
    // A proxy's page is no answer of ours.
  }
  return {}
}

/** `409 overtaken: Later deliveries …` */
function refusalOf(status: number, { type, title, detail, field, rule }: Answer): string {
  const code = typeof type === 'string' ? type.replace('urn:lien-thong:error:', '') : 'no answer of a gateway'
  const place = field === undefined ? [] : [`[${field}${rule === undefined ? '' : `: ${rule}`}]`]
  const role = field === undefined && rule !== undefined ? [`(${rule})`] : []
  return [`${status} ${code}:`, title, detail, ...place, ...role].filter((part) => part !== undefined).join(' ')
}
