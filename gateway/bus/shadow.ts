import type { Attempt, ChannelAdapter } from './adapter.ts'
import { digestOf } from './canonical-json.ts'
import { GatewayError } from './errors.ts'
import type { Message } from './message.ts'
import type { SentPair, Store } from './store.ts'

/** The channel of a system's shadow: its own lanes, so that it can neither delay nor be delayed by the live one. */
export const shadowOf = (system: string): string => `${system}-shadow`

export const isShadow = (system: string): boolean => system.endsWith('-shadow')

/** Maps and checks as the live adapter would, records the document, and sends nothing. */
export function shadowAdapter(
  system: string,
  live: ChannelAdapter,
  store: Pick<Store, 'earlier' | 'message'>,
): ChannelAdapter {
  return {
    async deliver(message, attempt) {
      if (!live.preview) throw new GatewayError('no-receiver', { detail: 'This system has no preview.' })
      const earlier: Attempt['earlier'] = (types) => earlierOf(types, { system, message, attempt, store })
      const document = await live.preview(message, { ...attempt, earlier })
      return { receipt: { sentDigest: digestOf(document), document } }
    },
    lookup: async () => ({ kind: 'resend' }),
    probe: async () => {},
    close: async () => {},
  }
}

/**
 * What the live document builds on: what the live system took before this message, which it may have taken itself by now,
 * and what its shadow has seen but a slow live channel has yet to send.
 */
async function earlierOf(
  types: readonly string[],
  of: {
    readonly system: string
    readonly message: Message
    readonly attempt: Attempt
    readonly store: Pick<Store, 'earlier' | 'message'>
  },
): Promise<readonly Message[]> {
  const { system, message, attempt, store } = of
  const live = (await store.message(message.id))?.deliveries.find((delivery) => delivery.system === system)
  const taken = await store.earlier(system, message.subject, types, live?.position ?? Number.MAX_SAFE_INTEGER)
  const known = new Set(taken.map(({ id }) => id))
  const seen = (await attempt.earlier(types)).filter(({ id }) => !known.has(id))
  return [...taken, ...seen].sort((a, b) => a.acceptedAtMs - b.acceptedAtMs)
}

/** How a shadow's documents compare with those sent; paths only, never values. */
export interface ShadowDifference {
  readonly compared: number
  readonly equal: number
  /** Sent by the live channel, stopped in the shadow. */
  readonly stoppedInShadow: number
  readonly differing: number
  /** The first thousand of them. */
  readonly listed: readonly {
    readonly messageId: string
    readonly messageType: string
    readonly paths: readonly string[]
  }[]
}

/** More differing messages than a person reads; the counts go on. */
const mostListed = 1_000

/** Compares pair after pair; only those whose live side was sent count. */
export class ShadowComparison {
  #compared = 0
  #equal = 0
  #stoppedInShadow = 0
  #differing = 0
  readonly #listed: { messageId: string; messageType: string; paths: readonly string[] }[] = []

  add({ live, shadow, shadowState, messageId, messageType }: SentPair): void {
    if (live === undefined) return
    this.#compared += 1
    if (shadow === undefined) {
      if (shadowState === 'held' || shadowState === 'dead') this.#stoppedInShadow += 1
    } else if (live === shadow) this.#equal += 1
    else {
      this.#differing += 1
      if (this.#listed.length >= mostListed) return
      this.#listed.push({ messageId, messageType, paths: differingPaths(JSON.parse(live), JSON.parse(shadow)) })
    }
  }

  get difference(): ShadowDifference {
    return {
      compared: this.#compared,
      equal: this.#equal,
      stoppedInShadow: this.#stoppedInShadow,
      differing: this.#differing,
      listed: this.#listed,
    }
  }
}

/** JSON Pointers (RFC 6901) of the places where two documents differ, at most fifty. */
export function differingPaths(a: unknown, b: unknown, at = ''): readonly string[] {
  if (Object.is(a, b)) return []
  if (!isContainer(a) || !isContainer(b) || Array.isArray(a) !== Array.isArray(b)) return [at === '' ? '/' : at]
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  const paths = [...names].flatMap((name) =>
    differingPaths(
      Reflect.get(a, name),
      Reflect.get(b, name),
      `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    ),
  )
  return paths.slice(0, 50)
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null
