import { digestOf } from './canonical-json.ts'
import type { Clock } from './clock.ts'
import type { RefusedRequest, WireTap } from './gateway.ts'
import type { Refusal, Store } from './store.ts'

const minuteMs = 60_000

/** Strangers counted one by one in a minute; any further ones share one count, so that memory is bounded. */
const mostSources = 10_000
/** Single records all strangers together may buy in a minute, however many addresses they have. */
const mostSingleRecords = 1_000
/** What is refused to a known sender is on record one by one; this only ends a runaway client. */
const knownLimitPerMinute = 1_000

interface SourceCount {
  written: number
  /** By door and code: what stands for more than one request must still say what was refused. */
  readonly unwritten: Map<string, Refusal>
}

/**
 * Audits refused requests one by one. What comes before authentication is limited per source and minute, the rest of it
 * becomes one counted record per door and code at the minute's end (design, truth 8): a stranger buys neither disk nor
 * memory, and can't crowd out the record of what a known sender was refused.
 */
export class RefusalAudit {
  readonly #store: Pick<Store, 'refuse'>
  readonly #clock: Clock
  readonly #tap: WireTap
  readonly #limitPerMinute: number
  #sources = new Map<string, SourceCount>()
  #strangersWritten = 0
  #cancelFlush: (() => void) | undefined

  constructor(ports: { store: Pick<Store, 'refuse'>; clock: Clock; tap: WireTap; limitPerMinute: number }) {
    this.#store = ports.store
    this.#clock = ports.clock
    this.#tap = ports.tap
    this.#limitPerMinute = ports.limitPerMinute
  }

  record(request: RefusedRequest): void {
    const { door, code, sender, body } = request
    this.#tap.refused({ door, code })
    const key = sender === undefined ? this.#strangerOf(request.remote) : `known:${sender}`
    const count = this.#sources.get(key) ?? { written: 0, unwritten: new Map() }
    this.#sources.set(key, count)
    const isLimited =
      sender === undefined
        ? count.written >= this.#limitPerMinute || this.#strangersWritten >= mostSingleRecords
        : count.written >= knownLimitPerMinute
    if (isLimited) this.#countOne(count.unwritten, { ...this.#refusalOf(request, key), count: 1 })
    else {
      count.written += 1
      if (sender === undefined) this.#strangersWritten += 1
      // Hashing what a flood sends would be work done for it.
      const digest = body === undefined ? {} : { bodyDigest: digestOf(body) }
      void this.#write({ ...this.#refusalOf(request, key), ...digest, count: 1 })
    }
    this.#cancelFlush ??= this.#clock.after(minuteMs, () => void this.flush())
  }

  #strangerOf(remote: string): string {
    return this.#sources.has(remote) || this.#sources.size < mostSources ? remote : 'many sources'
  }

  #refusalOf({ door, remote, sender, claimedSender, code, correlationId }: RefusedRequest, key: string) {
    return {
      atMs: this.#clock.now(),
      door,
      remote: key === 'many sources' ? key : remote,
      code,
      correlationId,
      ...(sender === undefined ? {} : { sender }),
      // A stranger may write a person's name where a system's belongs, and the journal forgets nothing.
      ...(claimedSender === undefined || sender !== undefined ? {} : { claimedSenderDigest: digestOf(claimedSender) }),
    }
  }

  #countOne(unwritten: Map<string, Refusal>, refusal: Refusal): void {
    const kind = `${refusal.door}\0${refusal.code}`
    unwritten.set(kind, { ...refusal, count: (unwritten.get(kind)?.count ?? 0) + 1 })
  }

  /** Writes the counted records and begins a new minute. */
  async flush(): Promise<void> {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    const sources = this.#sources
    this.#sources = new Map()
    this.#strangersWritten = 0
    const counted = [...sources.values()].flatMap(({ unwritten }) => [...unwritten.values()])
    await Promise.all(counted.map((refusal) => this.#write({ ...refusal, atMs: this.#clock.now() })))
  }

  async #write(refusal: Refusal): Promise<void> {
    await this.#store.refuse(refusal).catch((error) => this.#tap.failed({ where: 'refusal audit', error }))
  }
}
