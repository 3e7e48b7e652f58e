import pRetry from 'p-retry'
import { asGatewayError, GatewayError } from '../bus/errors.ts'
import { type Announced, type Arrived, type Incoming, tooLarge } from './incoming.ts'

/** One GET of a file's source, redirects followed as far as the rules of egress allow. */
export interface FileSource {
  /**
   * Rejects with `file-link-forbidden` before any connection when the rules forbid the link, and where it leads;
   * with any other GatewayError when there was no answer.
   */
  open(request: {
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly signal: AbortSignal
  }): Promise<SourceAnswer>
}

export interface SourceAnswer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Left early, it lets go of the connection. */
  readonly body: AsyncIterable<Uint8Array>
}

export interface DownloadRules {
  readonly source: FileSource
  readonly maxBytes: number
  /** For all of it, resumptions included: an endless or dripping body gets no more. */
  readonly deadlineMs: number
  /** How often it goes on after a cut. */
  readonly resumptions: number
  /** Before the first resumption; doubles with each. */
  readonly pauseMs: number
}

/**
 * Fetches one file into `incoming`, going on where it broke off when the source can (RFC 9110 §14) and has not changed
 * it meanwhile. Rejects with what `arrive` throws, with `file-link-forbidden`, and with `file-unavailable`, which is
 * transient, for everything that may pass.
 */
export async function download(
  file: { readonly url: string; readonly announced: Announced; readonly field?: string },
  incoming: Incoming,
  { rules, signal }: { readonly rules: DownloadRules; readonly signal: AbortSignal },
): Promise<Arrived> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(rules.deadlineMs)])
  const state: Progress = {
    incoming,
    announced: file.announced,
    ...(file.field === undefined ? {} : { field: file.field }),
  }
  try {
    await pRetry(() => fetchRest(file.url, state, { rules, signal: deadline }), {
      retries: rules.resumptions,
      minTimeout: rules.pauseMs,
      factor: 2,
      signal: deadline,
      shouldRetry: ({ error }) =>
        !deadline.aborted && asGatewayError(error).failure === 'transient' && isPassing(error),
    })
  } catch (error) {
    if (deadline.aborted)
      throw new GatewayError('file-unavailable', {
        ...placeOf(state),
        failureCause: 'timeout',
        detail: signal.aborted ? 'It was broken off.' : `It did not arrive within ${rules.deadlineMs} ms.`,
        cause: error,
      })
    throw asUnavailable(error, state)
  }
  return await incoming.arrive({ ...file.announced, ...state.served }, file.field)
}

interface Progress {
  readonly incoming: Incoming
  readonly announced: Announced
  readonly field?: string
  /** The source's own mark of this version; without one nothing is resumed. */
  validator?: string
  totalBytes?: number
  served?: { readonly mediaType?: string; readonly sizeBytes?: number }
}

async function fetchRest(
  url: string,
  state: Progress,
  { rules, signal }: { readonly rules: DownloadRules; readonly signal: AbortSignal },
): Promise<void> {
  const { incoming } = state
  const resumes = incoming.sizeBytes > 0 && state.validator !== undefined
  if (!resumes && incoming.sizeBytes > 0) await incoming.restart()
  const headers: Record<string, string> =
    resumes && state.validator !== undefined
      ? { range: `bytes=${incoming.sizeBytes}-`, 'if-range': state.validator }
      : {}
  const answer = await rules.source.open({ url, headers, signal })
  const stop = async () => {
    // Leaving the loop at once lets go of the connection.
    for await (const _ of answer.body) break
  }
  const isRest = answer.status === 206 && resumes && firstOf(answer) === incoming.sizeBytes
  if (!isRest && answer.status !== 200) {
    await stop().catch(() => undefined)
    if (answer.status === 206 || answer.status === 416) {
      await incoming.restart()
      throw new GatewayError('file-unavailable', {
        ...placeOf(state),
        detail: 'It does not continue where it broke off.',
      })
    }
    throw refusedBySource(answer, state)
  }
  if (!isRest && incoming.sizeBytes > 0) await incoming.restart()
  if (!isRest) {
    const length = numberOf(answer.headers['content-length'])
    const validator = validatorOf(answer)
    delete state.validator
    delete state.totalBytes
    if (validator !== undefined) state.validator = validator
    if (length !== undefined) state.totalBytes = length
    state.served = servedOf(answer, state.announced)
    if (length !== undefined && length > rules.maxBytes) {
      await stop().catch(() => undefined)
      throw tooLarge(rules.maxBytes, placeOf(state))
    }
  }
  for await (const chunk of answer.body) await incoming.write(chunk)
  if (state.totalBytes !== undefined && incoming.sizeBytes < state.totalBytes)
    throw new GatewayError('file-unavailable', { ...placeOf(state), detail: 'It broke off.' })
}

/** A cut or a busy source may be over in a moment; what the source has answered stands until the next attempt. */
function isPassing(error: unknown): boolean {
  return !(error instanceof GatewayError) || error.options.rule !== 'status'
}

function refusedBySource({ status }: SourceAnswer, state: Progress): GatewayError {
  return new GatewayError('file-unavailable', {
    ...placeOf(state),
    // 410 is the source's word that it will never be there again (RFC 9110 §15.5.11): a person asks for another.
    ...(status === 410 ? { failure: 'permanent', failureCause: 'contract' } : {}),
    ...(status >= 500 || status === 429 || status === 408 ? {} : { rule: 'status' }),
    detail: `Its source answered ${status}.`,
    answer: { code: String(status) },
  })
}

/** A source's failure is one file's, never its own channel's: the channel that waits is another system's. */
function asUnavailable(error: unknown, state: Progress): GatewayError {
  if (error instanceof GatewayError && error.failure === 'permanent') return error
  if (error instanceof GatewayError && error.code.startsWith('file-')) return error
  const known = asGatewayError(error)
  if (known.code === 'store-unavailable') return known
  return new GatewayError('file-unavailable', {
    ...placeOf(state),
    failureCause: known.failureCause,
    detail: known.options.detail ?? 'The connection to its source was lost.',
    cause: error,
  })
}

/** A sender's own word weighs more than the label its web server puts on every file. */
function servedOf(answer: SourceAnswer, announced: Announced): { readonly mediaType?: string } {
  const type = answer.headers['content-type']
  return announced.mediaType === undefined && typeof type === 'string' ? { mediaType: type } : {}
}

/** A weak validator does not say that the bytes are the same (RFC 9110 §13.1.5). */
function validatorOf({ headers }: SourceAnswer): string | undefined {
  const { etag, 'last-modified': modified } = headers
  if (typeof etag === 'string' && /^"[\x21\x23-\x7e]*"$/.test(etag)) return etag
  return typeof modified === 'string' && etag === undefined ? modified : undefined
}

function firstOf({ headers }: SourceAnswer): number | undefined {
  const range = headers['content-range']
  return numberOf(typeof range === 'string' ? /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(range)?.[1] : undefined)
}

function numberOf(text: string | readonly string[] | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function placeOf({ field }: Progress): { readonly field?: string } {
  return field === undefined ? {} : { field }
}
