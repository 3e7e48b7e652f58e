import { Agent, type Dispatcher, request } from 'undici'
import { GatewayError } from '../bus/errors.ts'
import { guardedConnector } from './guarded-connector.ts'
import { connectionFailure } from './partner-failure.ts'

/** A host that files may be fetched from. */
export interface FileHost {
  /** `host` or `host:port`; a name, or a literal address. Without a port the scheme's own. */
  readonly host: string
  /** It stands in a private network: addresses there may be called for this host alone. */
  readonly insideNetwork: boolean
  /** `http:` may be spoken to it. */
  readonly clearTextAllowed: boolean
}

export interface FileSourceOptions {
  readonly hosts: readonly FileHost[]
  readonly connectTimeoutMs: number
  /** Default 3. */
  readonly maxRedirects?: number
}

/** One GET within the rules of egress; the body streams, and its reader's leaving lets go of the connection. */
export interface FileSource {
  open(wanted: {
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly signal: AbortSignal
  }): Promise<{
    readonly status: number
    readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
    readonly body: AsyncIterable<Uint8Array>
  }>
  close(): Promise<void>
}

/**
 * Fetches files from listed hosts only. Each step of a redirect is held to the same list, and each connection goes to
 * the very address that was checked. Rejects with `file-link-forbidden` where the rules say no.
 */
export function createFileSource(options: FileSourceOptions): FileSource {
  const agents = {
    outside: agentOf({ ...options, insideNetwork: false }),
    inside: agentOf({ ...options, insideNetwork: true }),
  }
  const { maxRedirects = 3, hosts } = options
  return {
    async open({ url, headers, signal }) {
      let target = permitted(url, hosts)
      for (let step = 0; ; step += 1) {
        const dispatcher = target.host.insideNetwork ? agents.inside : agents.outside
        const answer = await ask(target.url, { headers, signal, dispatcher })
        const next = redirectOf(answer)
        // Left before its end a body breaks with an error, which would end the process if nobody listened.
        answer.body.on('error', () => undefined)
        if (next === undefined) {
          const encoding = answer.headers['content-encoding']
          if (encoding === undefined || encoding === 'identity') return { ...answer, status: answer.statusCode }
          // Never inflated, so that no bomb can go off; `identity` was asked for.
          answer.body.destroy()
          throw new GatewayError('file-unavailable', { rule: 'status', detail: 'Its source compresses it unasked.' })
        }
        answer.body.destroy()
        if (step >= maxRedirects) throw forbidden('It is redirected too often.')
        const from = target.url
        target = permitted(URL.parse(next, from.href)?.href ?? '', hosts)
        if (from.protocol === 'https:' && target.url.protocol === 'http:')
          throw forbidden('It is redirected from TLS to clear text.')
      }
    },
    async close() {
      await Promise.all([agents.inside.destroy(), agents.outside.destroy()])
    },
  }
}

interface Target {
  readonly url: URL
  readonly host: FileHost
}

/** The URL parser turns every spelling of an address (octal, hexadecimal, one number) into the one that is listed. */
function permitted(link: string, hosts: readonly FileHost[]): Target {
  const url = URL.parse(link)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw forbidden('It is not an http or https address.')
  if (url.username !== '' || url.password !== '') throw forbidden('It holds a credential.')
  // A name with its root's dot is the same host.
  url.hostname = url.hostname.replace(/\.$/, '')
  const host = hosts.find((one) => canonicalHost(one.host, url.protocol) === url.host)
  if (host === undefined) throw forbidden('Its host is not one files are fetched from.')
  if (url.protocol === 'http:' && !host.clearTextAllowed) throw forbidden('It is clear text.')
  url.hash = ''
  return { url, host }
}

function canonicalHost(host: string, protocol: string): string | undefined {
  return URL.parse(`${protocol}//${host}`)?.host
}

function forbidden(detail: string, cause?: unknown): GatewayError {
  return new GatewayError('file-link-forbidden', { detail, ...(cause === undefined ? {} : { cause }) })
}

async function ask(
  url: URL,
  {
    headers,
    signal,
    dispatcher,
  }: { headers: Readonly<Record<string, string>>; signal: AbortSignal; dispatcher: Dispatcher },
): Promise<Dispatcher.ResponseData> {
  try {
    return await request(url, {
      method: 'GET',
      headers: { 'user-agent': 'lien-thong', accept: '*/*', ...headers, 'accept-encoding': 'identity' },
      signal,
      dispatcher,
    })
  } catch (error) {
    if (!(error instanceof Error)) throw new GatewayError('internal-error', { cause: error })
    const failure = connectionFailure(error, { wasSent: false })
    if (failure.code === 'partner-forbidden-address') throw forbidden('It leads to an address inside.', error)
    throw failure
  }
}

function redirectOf({ statusCode, headers }: Dispatcher.ResponseData): string | undefined {
  const { location } = headers
  return [301, 302, 303, 307, 308].includes(statusCode) && typeof location === 'string' ? location : undefined
}

function agentOf(options: FileSourceOptions & { readonly insideNetwork: boolean }): Agent {
  return new Agent({
    connect: guardedConnector(options),
    connections: 4,
    pipelining: 1,
    keepAliveTimeout: 4_000,
    // The reader has one deadline for the whole, which a dripping body does not reset.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 16 * 1024,
  })
}
