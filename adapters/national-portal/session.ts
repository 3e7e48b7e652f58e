import type { Clock } from '../../gateway/bus/clock.ts'
import { asGatewayError, GatewayError } from '../../gateway/bus/errors.ts'

/** The one session all calls share. */
export interface Session {
  /** The session to call with; logs in when there is none. */
  current(signal: AbortSignal): Promise<string>
  /** A session other than `spent`; whoever comes second gets what the first has fetched. */
  renewed(spent: string, signal: AbortSignal): Promise<string>
  /** A session just opened. */
  fresh(signal: AbortSignal): Promise<string>
}

/** A refused password is not tried again at once: many portals lock the account. */
const refusedPauseMs = 30_000

/**
 * Keeps one session with never more than one login under way. A login that fails has sent no message, so its failure is
 * never ambiguous.
 */
export function createSession(logIn: () => Promise<string>, clock: Clock): Session {
  let token: string | undefined
  let underWay: Promise<string> | undefined
  let refusal: { readonly error: GatewayError; readonly untilMs: number } | undefined

  async function start(): Promise<string> {
    try {
      token = await logIn()
      refusal = undefined
      return token
    } catch (thrown) {
      token = undefined
      const error = asGatewayError(thrown)
      if (error.code === 'partner-denied') refusal = { error, untilMs: clock.monotonic() + refusedPauseMs }
      throw error.failure === 'ambiguous'
        ? new GatewayError(error.code, { ...error.options, failure: 'transient' })
        : error
    } finally {
      underWay = undefined
    }
  }

  /** The login goes on for the others when one of those who wait is called off. */
  async function joined(signal: AbortSignal): Promise<string> {
    const calledOff = () => new GatewayError('partner-timeout', { failure: 'transient', cause: signal.reason })
    if (signal.aborted) throw calledOff()
    if (refusal && clock.monotonic() < refusal.untilMs) throw refusal.error
    underWay ??= start()
    const login = underWay
    return new Promise((resolve, reject) => {
      const stop = () => reject(calledOff())
      signal.addEventListener('abort', stop, { once: true })
      login.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
    })
  }

  return {
    current: async (signal) => token ?? joined(signal),
    async renewed(spent, signal) {
      if (token === spent) token = undefined
      return token ?? joined(signal)
    },
    fresh: joined,
  }
}
