import type { Attempt, ChannelAdapter } from './adapter.ts'
import { digestOf } from './canonical-json.ts'
import { GatewayError } from './errors.ts'
import type { SentPair, Store } from './store.ts'

/** The channel of a system's shadow: its own lanes, so that it can neither delay nor be delayed by the live one. */
export const shadowOf = (system: string): string => `${system}-shadow`

export const isShadow = (system: string): boolean => system.endsWith('-shadow')

/** Maps and checks as the live adapter would, records the document, and sends nothing. */
export function shadowAdapter(system: string, live: ChannelAdapter, store: Pick<Store, 'earlier'>): ChannelAdapter {
  return {
    async deliver(message, attempt) {
      if (!live.preview) throw new GatewayError('no-receiver', { detail: 'This system has no preview.' })
      // A shadow has taken nothing; what the live system has taken is what the document builds on.
      const earlier: Attempt['earlier'] = (types) =>
        store.earlier(system, message.subject, types, Number.MAX_SAFE_INTEGER)
      const document = await live.preview(message, { ...attempt, earlier })
      return { receipt: { sentDigest: digestOf(document), document } }
    },
    lookup: async () => ({ kind: 'resend' }),
    probe: async () => {},
    close: async () => {},
  }
}

/** How a shadow's documents compare with those sent; paths only, never values. */
export interface ShadowDifference {
  readonly compared: number
  readonly equal: number
  /** Sent by the live channel, stopped in the shadow. */
  readonly stoppedInShadow: number
  readonly different: readonly {
    readonly messageId: string
    readonly messageType: string
    readonly paths: readonly string[]
  }[]
}

/** Compares the pairs whose live side was sent. */
export function compareShadow(pairs: Iterable<SentPair>): ShadowDifference {
  const found = { compared: 0, equal: 0, stoppedInShadow: 0 }
  const different: { messageId: string; messageType: string; paths: readonly string[] }[] = []
  for (const { live, shadow, shadowState, messageId, messageType } of pairs) {
    if (live === undefined) continue
    found.compared += 1
    if (shadow === undefined) {
      if (shadowState === 'held' || shadowState === 'dead') found.stoppedInShadow += 1
      continue
    }
    if (live === shadow) found.equal += 1
    else different.push({ messageId, messageType, paths: differingPaths(JSON.parse(live), JSON.parse(shadow)) })
  }
  return { ...found, different }
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
