import { digestOf } from './canonical-json.ts'
import type { Clock } from './clock.ts'
import type { RefusedRequest, WireTap } from './gateway.ts'
import type { Refusal, Store } from './store.ts'

const minuteMs = 60_000

/** Sources counted one by one in a minute; any further ones share one count, so that memory is bounded. */
const mostSources = 10_000

interface SourceCount {
  written: number
  unwritten: number
  last: Refusal
}

/**
 * Audits refused requests one by one up to a limit per source and minute, the rest as one counted record at the minute's end
 * (design, truth 8): a stranger buys neither disk nor memory.
 */
export class RefusalAudit {
  readonly #store: Pick<Store, 'refuse'>
  readonly #clock: Clock
  readonly #tap: WireTap
  readonly #limitPerMinute: number
  #sources = new Map<string, SourceCount>()
  #cancelFlush: (() => void) | undefined

  constructor(ports: { store: Pick<Store, 'refuse'>; clock: Clock; tap: WireTap; limitPerMinute: number }) {
    this.#store = ports.store
    this.#clock = ports.clock
    this.#tap = ports.tap
    this.#limitPerMinute = ports.limitPerMinute
  }

  record({ door, remote, claimedSender, code, correlationId, body }: RefusedRequest): void {
    this.#tap.refused({ door, code })
    const source = this.#sources.has(remote) || this.#sources.size < mostSources ? remote : 'many sources'
    const count = this.#sources.get(source)
    const isLimited = count !== undefined && count.written >= this.#limitPerMinute
    const refusal: Refusal = {
      atMs: this.#clock.now(),
      door,
      remote: source,
      code,
      correlationId,
      count: 1,
      ...(claimedSender === undefined ? {} : { claimedSender: claimedSender.slice(0, 64) }),
      // Hashing what a flood sends would be work done for it.
      ...(body === undefined || isLimited ? {} : { bodyDigest: digestOf(body) }),
    }
    if (!isLimited) this.#write(refusal)
    this.#sources.set(source, {
      written: (count?.written ?? 0) + (isLimited ? 0 : 1),
      unwritten: (count?.unwritten ?? 0) + (isLimited ? 1 : 0),
      last: refusal,
    })
    this.#cancelFlush ??= this.#clock.after(minuteMs, () => void this.flush())
  }

  /** Writes one counted record for each source past its limit and begins a new minute. */
  async flush(): Promise<void> {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    const sources = this.#sources
    this.#sources = new Map()
    await Promise.all(
      [...sources.values()]
        .filter(({ unwritten }) => unwritten > 0)
        .map(({ last, unwritten }) => this.#write({ ...last, atMs: this.#clock.now(), count: unwritten })),
    )
  }

  async #write(refusal: Refusal): Promise<void> {
    await this.#store.refuse(refusal).catch((error) => this.#tap.failed({ where: 'refusal audit', error }))
  }
}
