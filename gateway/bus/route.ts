import type { Message } from './message.ts'

/** How a delivery is tried again; durations are text (`5s`, `2m`, `1h`, `14d`) so that configuration can carry them. */
export interface RetryPolicy {
  /** Delays before the 2nd, 3rd … attempt; the last one repeats. */
  readonly schedule: readonly string[]
  /** In place of the schedule when it is there. */
  readonly exponential?: ExponentialDelay
  /** Share of each delay drawn at random on either side, 0 to 1. */
  readonly jitter: number
  /** Age on the retry clock after which the delivery is dead. */
  readonly giveUpAfter: string
  /** The longest one attempt may take. */
  readonly deadline: string
}

/** Delays that grow by a factor with every attempt: `first`, then `factor` times as long, never longer than `cap`. */
export interface ExponentialDelay {
  readonly first: string
  readonly factor: number
  readonly cap: string
}

/** What configuration changes about a policy; what is absent stays. */
export type RetryChange = Partial<RetryPolicy>

/** What a route may ask about the world; built from configuration, constant while the gateway runs. */
export interface Directory {
  isEnabled(system: string): boolean
}

/**
 * Which messages go from whom to whom, on what condition, with what promises (design §5).
 * `when` and `to` are pure; they are resolved once, at acceptance, and stored.
 */
export interface Route {
  readonly name: string
  readonly on: readonly string[]
  /** Sender, or senders. */
  readonly from: string | readonly string[]
  readonly when?: (message: Message) => boolean
  readonly to: (message: Message, directory: Directory) => readonly string[]
  readonly retry: RetryPolicy
  /** By system: what is different on the way to that one. */
  readonly retryTo?: Readonly<Record<string, RetryChange>>
  /** Whether a dead delivery keeps blocking its lane. */
  readonly onDead: 'hold-lane' | 'pass'
  /** Maps, checks and records what it would send, and sends nothing. */
  readonly shadow?: boolean
}

export function defineRoute(route: Route): Route {
  return route
}

/** The schedule a route uses unless it says otherwise: quick at first, then every six hours for a fortnight. */
export const patientRetry: RetryPolicy = {
  schedule: ['5s', '30s', '2m', '10m', '1h', '6h'],
  jitter: 0.2,
  giveUpAfter: '14d',
  deadline: '30s',
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `90s` → 90000. Throws RangeError on anything else. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  if (!match) throw new RangeError(`not a duration: ${text}`)
  return Math.round(Number(match[1]) * unitMs[match[2] as keyof typeof unitMs])
}
