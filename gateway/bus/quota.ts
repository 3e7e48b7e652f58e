import type { Clock } from './clock.ts'
import { GatewayError } from './errors.ts'
import { type Rate, RateLimit } from './rate-limit.ts'
import type { Store } from './store.ts'

/** What one sender may ask of the gateway. */
export interface Quota extends Rate {
  /** Deliveries of its messages that may be under way at once; beyond it nothing more is accepted. */
  readonly backlog: number
}

/** What was counted, and what was let in since. */
interface Backlog {
  count: number
}

/** How long a counted backlog is believed: counting at every message would cost more than it protects. */
const freshMs = 1_000
const askAgainMs = 10_000

/** Keeps every sender within its quota, so that one can't crowd out the others. Throws `too-many-requests`. */
export class QuotaGuard {
  readonly #quotaOf: (source: string) => Quota | undefined
  readonly #store: Pick<Store, 'backlog'>
  readonly #clock: Clock
  readonly #rates = new Map<string, RateLimit>()
  readonly #backlogs = new Map<string, { readonly atMs: number; readonly counted: Promise<Backlog> }>()

  constructor(ports: {
    quotaOf: (source: string) => Quota | undefined
    store: Pick<Store, 'backlog'>
    clock: Clock
  }) {
    this.#quotaOf = ports.quotaOf
    this.#store = ports.store
    this.#clock = ports.clock
  }

  async admit(source: string, count: number): Promise<void> {
    const quota = this.#quotaOf(source)
    if (!quota) return
    const backlog = await this.#backlogOf(source, quota.backlog)
    // Nothing is awaited from here on: of calls at the same moment each sees what the others took.
    const nowMs = this.#clock.monotonic()
    const rate = this.#rates.get(source) ?? new RateLimit(quota, nowMs)
    this.#rates.set(source, rate)
    // A call larger than the burst may go when the bucket is full, or it could never go.
    if (rate.available(nowMs) < Math.min(count, quota.burst)) {
      throw new GatewayError('too-many-requests', { rule: 'rate', retryAfterMs: rate.waitMs(count) })
    }
    if (backlog.count + count > quota.backlog) {
      throw new GatewayError('too-many-requests', { rule: 'backlog', retryAfterMs: askAgainMs })
    }
    backlog.count += count
    rate.take(count)
  }

  /** One count for all that ask at the same moment; one that failed is not kept. */
  #backlogOf(source: string, limit: number): Promise<Backlog> {
    const nowMs = this.#clock.monotonic()
    const known = this.#backlogs.get(source)
    if (known && nowMs - known.atMs < freshMs) return known.counted
    const counted = this.#store.backlog(source, limit).then((count) => ({ count }))
    this.#backlogs.set(source, { atMs: nowMs, counted })
    counted.catch(() => this.#backlogs.delete(source))
    return counted
  }
}
