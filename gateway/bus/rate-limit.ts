/** A rate and how much of it may come at once. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** A token bucket (RFC 2697's idea with one rate). Time is passed in, monotonic milliseconds. */
export class RateLimit {
  readonly #rate: Rate
  #tokens: number
  #atMs: number

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#atMs = nowMs
  }

  /** How many may go now. */
  available(nowMs: number): number {
    const earned = ((nowMs - this.#atMs) / 1_000) * this.#rate.perSecond
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + Math.max(0, earned))
    this.#atMs = nowMs
    return Math.floor(this.#tokens)
  }

  take(count: number): void {
    this.#tokens -= count
  }

  /** How long until `count` may go, at least 1 ms. */
  waitMs(count: number): number {
    return Math.max(1, Math.ceil(((Math.min(count, this.#rate.burst) - this.#tokens) / this.#rate.perSecond) * 1_000))
  }
}
