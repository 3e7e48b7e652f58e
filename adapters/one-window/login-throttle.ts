import { createHash } from 'node:crypto'
import type { Clock } from '../../gateway/bus/clock.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'

/** Who tries: the name as it was given, and where from. */
export interface LoginAttempt {
  readonly username: string
  readonly source: string
}

/** Slows the guessing of passwords. */
export interface LoginThrottle {
  /** Throws `too-many-requests` to a source that has failed with this name too often. */
  check(attempt: LoginAttempt): void
  failed(attempt: LoginAttempt): void
}

const minuteMs = 60_000
const maxFailures = 10
/** Beyond it the oldest count is forgotten: who would have theirs forgotten must fail this often in between. */
const maxCounts = 10_000

/**
 * Ten failures of one name from one source, then nothing more of that name from there until the minute is over, right or
 * wrong. Nobody locks an account for others: from elsewhere it logs in as ever.
 */
export function createLoginThrottle(clock: Clock): LoginThrottle {
  const counts = new Map<string, { readonly sinceMs: number; readonly failures: number }>()
  const current = (key: string) => {
    const count = counts.get(key)
    return count !== undefined && clock.now() - count.sinceMs < minuteMs ? count : undefined
  }

  return {
    check(attempt) {
      const count = current(keyOf(attempt))
      if (count === undefined || count.failures < maxFailures) return
      throw new GatewayError('too-many-requests', { retryAfterMs: count.sinceMs + minuteMs - clock.now() })
    },
    failed(attempt) {
      const key = keyOf(attempt)
      const { sinceMs, failures } = current(key) ?? { sinceMs: clock.now(), failures: 0 }
      counts.delete(key)
      const [oldest] = counts.keys()
      if (counts.size >= maxCounts && oldest !== undefined) counts.delete(oldest)
      counts.set(key, { sinceMs, failures: failures + 1 })
    },
  }
}

/** Of one length, whatever a stranger takes for a name. */
function keyOf({ username, source }: LoginAttempt): string {
  return createHash('sha256')
    .update(JSON.stringify([username, source]))
    .digest('base64url')
}
