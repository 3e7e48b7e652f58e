/** Time, passed in so that tests own it. */
export interface Clock {
  /** Wall clock, epoch milliseconds UTC: what is stored. */
  now(): number
  /** Monotonic milliseconds: what deadlines and leases are measured with. */
  monotonic(): number
  /** Runs `action` once after `delayMs`; the returned function cancels. Never keeps the process alive. */
  after(delayMs: number, action: () => void): () => void
}

/** Node clamps longer timers to 1 ms; callers look again when it fires. */
const longestTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, Math.min(Math.max(delayMs, 0), longestTimerMs))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
