import type { WireTap } from '../bus/gateway.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/**
 * Feeds metrics and log. One line per delivery that has come to an end or to a stop; accepting, refusing and trying
 * again are counted and stay silent. It never throws into the flow it listens to.
 */
export function createWireTap({ metrics, log }: { readonly metrics: Metrics; readonly log: Log }): WireTap {
  const quietly = <Event>(listen: (event: Event) => void): ((event: Event) => void) => {
    return (event) => {
      try {
        listen(event)
      } catch (error) {
        log.error({ where: 'wire-tap', error }, 'failed')
      }
    }
  }
  return {
    accepted: quietly(({ source, type, kind, durationMs }) => {
      metrics.accepted({ source, type, kind })
      metrics.acceptTook(durationMs)
    }),
    refused: quietly(({ door, code }) => metrics.refused({ door, code })),
    attempted: quietly((event) => {
      const { system, outcome, state, durationMs, ageMs } = event
      metrics.attempted({ system, outcome, durationMs })
      if (!stops.has(state)) return
      metrics.settled({ system, outcome: state, ageMs })
      const line = {
        id: event.messageId,
        type: event.type,
        system,
        attempt: event.attempt,
        outcome: state,
        ...(event.code && { code: event.code }),
      }
      if (state === 'delivered') log.info(line, 'settled')
      else log.warn(line, 'settled')
    }),
    channel: quietly(({ system, state, code }) => {
      metrics.channel({ system, state })
      const line = { system, state, ...(code && { code }) }
      if (state === 'flowing') log.info(line, 'channel')
      else log.warn(line, 'channel')
    }),
    failed: quietly(({ where, error }) => {
      metrics.failed(where)
      log.error({ where, error }, 'failed')
    }),
  }
}

/** The states after which nothing happens by itself. */
const stops: ReadonlySet<string> = new Set(['delivered', 'held', 'dead', 'expired', 'discarded'])
