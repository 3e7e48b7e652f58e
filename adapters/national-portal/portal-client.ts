import { canonicalJson, digestOf } from '../../gateway/bus/canonical-json.ts'
import type { Clock } from '../../gateway/bus/clock.ts'
import { type ErrorCode, GatewayError } from '../../gateway/bus/errors.ts'
import { durationMs } from '../../gateway/bus/route.ts'
import { createHttpClient, type HttpAnswer } from '../../gateway/transports/http-client.ts'
import { classifyStatus } from '../../gateway/transports/partner-failure.ts'
import { classifyAnswer, type Reading, type Verdict } from './classifier.ts'
import { createSession } from './session.ts'
import type { NationalPortalSettings } from './settings.ts'

export interface PortalCall {
  readonly service: string
  /** The service's own keys; `session`, `madonvi` and `service` are written beside them. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly endpoint: 'data' | 'catalog'
  readonly signal: AbortSignal
  readonly beforeSend?: () => void
  /** The catalogue has connections of its own, so that reading it never delays a delivery. */
  readonly isForCatalogue?: boolean
  /** It only reads, so that an unanswered call may simply be made again. */
  readonly isReading?: boolean
}

/** What the portal answered, in a verdict and in digests. */
export interface PortalAnswer extends Reading {
  /** Over what was sent without its session, which is a secret and changes. */
  readonly sentDigest: string
  readonly answerDigest: string
}

export interface PortalClient {
  /**
   * Calls one service in the shared session; when the answer says the session is over, once more in a new one. Answers
   * with `accepted`, `exists`, `missing` or `refused`; every other verdict is thrown as a GatewayError.
   */
  call(call: PortalCall): Promise<PortalAnswer>
  /** Logs in anew, to know that the portal is there and takes our account; that session is the one used from then on. */
  logIn(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** Speaks the portal's envelope over HTTP (wire-formats 1.1). Sessions and passwords reach no log, error or digest. */
export function createPortalClient(settings: NationalPortalSettings, clock: Clock): PortalClient {
  const connection = {
    baseUrl: settings.url,
    connectTimeoutMs: durationMs(settings.timeouts.connect),
    answerTimeoutMs: durationMs(settings.timeouts.answer),
    insideNetwork: settings.insideNetwork,
    // Configuration refuses clear text in production.
    clearTextAllowed: true,
    clock,
  }
  const deliveries = createHttpClient({
    ...connection,
    concurrency: settings.concurrency,
    maxAnswerBytes: 4 * mebibyte,
  })
  const catalogue = createHttpClient({
    ...connection,
    concurrency: settings.catalogue.parallelCalls,
    maxAnswerBytes: 32 * mebibyte,
  })
  const paths = { login: settings.loginPath, data: settings.dataPath, catalog: settings.catalogPath }
  const session = createSession(logIn, clock)

  function post(
    path: keyof typeof paths,
    document: unknown,
    call: Omit<PortalCall, 'service' | 'fields' | 'endpoint'>,
  ) {
    return (call.isForCatalogue ? catalogue : deliveries).send({
      method: 'POST',
      path: `/${paths[path].replace(/^\/+/, '')}`,
      ...(settings.dstcodeIn === 'query' ? { query: { dstcode: settings.dstcode } } : {}),
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        charset: 'utf-8',
        ...(settings.dstcodeIn === 'header' ? { dstcode: settings.dstcode } : {}),
      },
      body: JSON.stringify(document),
      signal: call.signal,
      isIdempotent: call.isReading === true,
      ...(call.beforeSend ? { beforeSend: call.beforeSend } : {}),
    })
  }

  async function logIn(): Promise<string> {
    const { username, password } = settings
    // Ends by the client's own deadline: several calls wait for it, and none of them may end it for the others.
    const { signal } = new AbortController()
    const answer = await post('login', { username, password }, { signal, isReading: true })
    throwByStatus(answer)
    const reading = classifyAnswer('login', answer.body)
    const token = reading.document?.session
    if (reading.verdict === 'accepted' && typeof token === 'string' && token !== '') return token
    throw failureOf({ ...reading, verdict: loginVerdicts[reading.verdict] ?? 'denied' }, answer)
  }

  async function once(
    token: string,
    call: PortalCall,
  ): Promise<{ readonly answer: HttpAnswer; readonly reading: Reading }> {
    const { madonvi } = settings
    const answer = await post(call.endpoint, { session: token, madonvi, service: call.service, ...call.fields }, call)
    // A 401 has done nothing; it may be how an adapter in between says that the session is over.
    if (answer.status === 401) return { answer, reading: { verdict: 'session-expired', renews: true, code: '401' } }
    throwByStatus(answer)
    return { answer, reading: classifyAnswer(call.service, answer.body) }
  }

  function throwByStatus(answer: HttpAnswer): void {
    const failure = classifyStatus(answer, clock.now())
    if (failure === undefined) return
    // A wrong dstcode is the same for every message and must not kill one.
    throw isAdapterFault(answer) ? new GatewayError('partner-address-wrong', failure.options) : failure
  }

  return {
    async call(call) {
      const { madonvi } = settings
      const sentDigest = digestOf(canonicalJson({ madonvi, service: call.service, ...call.fields }))
      const token = await session.current(call.signal)
      const first = await once(token, call)
      const { answer, reading } = first.reading.renews
        ? await once(await session.renewed(token, call.signal), call)
        : first
      const { verdict } = reading
      if (verdict === 'accepted' || verdict === 'exists' || verdict === 'missing' || verdict === 'refused') {
        return { ...reading, sentDigest, answerDigest: digestOf(answer.body) }
      }
      throw failureOf(reading, answer)
    },
    async logIn(signal) {
      await session.fresh(signal)
    },
    async close() {
      await Promise.all([deliveries.close(), catalogue.close()])
    },
  }
}

const mebibyte = 1024 * 1024

/** What a login's answer comes to when it is no success; any other no is about our account. */
const loginVerdicts: Readonly<Partial<Record<Verdict, Verdict>>> = {
  accepted: 'unreadable',
  unreadable: 'unreadable',
  busy: 'busy',
}

const failureRows: Readonly<Partial<Record<Verdict, ErrorCode>>> = {
  busy: 'partner-busy',
  denied: 'partner-denied',
  'session-expired': 'partner-denied',
  misdirected: 'partner-address-wrong',
  refused: 'partner-refused',
  unreadable: 'partner-answer-unreadable',
}

function failureOf({ verdict, code }: Reading, { body }: HttpAnswer): GatewayError {
  const answer = { digest: digestOf(body), ...(code === undefined ? {} : { code }) }
  return new GatewayError(failureRows[verdict] ?? 'partner-answer-unreadable', { answer })
}

/** X-Road reports its own troubles as `{type, message}`; these never reached the portal (assumed behind these adapters). */
function isAdapterFault({ body }: HttpAnswer): boolean {
  return (
    body.length < 4_096 && /"type"\s*:\s*"(?:Client\.|Server\.ClientProxy\.UnknownMember)/.test(body.toString('utf8'))
  )
}
