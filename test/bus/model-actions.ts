import fc from 'fast-check'
import type { Act, Found, Sent } from './model-words.ts'

/** What may happen next; numbers pick among what there is, so that every action means something in every state. */
export type Action =
  | { readonly kind: 'accept'; readonly drafts: readonly DraftSeed[] }
  | { readonly kind: 'wait'; readonly ms: number; readonly isStandingStill: boolean }
  | { readonly kind: 'claim'; readonly owner: number; readonly system: number; readonly limit: number }
  | {
      readonly kind: 'finish'
      readonly pick: number
      readonly found: Found
      readonly sent: Sent
      readonly replies: number
    }
  | { readonly kind: 'crash'; readonly owner: number; readonly isRestart: boolean }
  | {
      readonly kind: 'act'
      readonly act: Act
      readonly pick: number
      readonly seen: Seen
      readonly isOverride: boolean
    }
  | { readonly kind: 'reread'; readonly pick: number; readonly content: number; readonly subject: number }
  | { readonly kind: 'fact' }
  | { readonly kind: 'advance'; readonly subject: number; readonly isStale: boolean }

/** Which revision a person names: none, the newest, or one that somebody has changed since. */
export type Seen = 'none' | 'newest' | 'stale'

export interface DraftSeed {
  readonly subject: number
  readonly source: number
  readonly systems: readonly number[]
  readonly isStrict: boolean
  /** Absent: a format without ids. */
  readonly key: number | undefined
  readonly content: number
  readonly hasReceiver: boolean
  readonly step: 'none' | 'next' | 'stale'
}

const index = (count: number) => fc.nat(count - 1)
const pick = fc.nat(1_000)
const rarely = fc.nat(9).map((value) => value === 0)

const draft: fc.Arbitrary<DraftSeed> = fc.record({
  subject: index(3),
  source: index(2),
  systems: fc.constantFrom([0], [0], [1], [1, 0]),
  isStrict: fc.boolean(),
  key: fc.option(index(12), { nil: undefined }),
  content: index(2),
  hasReceiver: rarely.map((isRare) => !isRare),
  step: fc.constantFrom('none', 'none', 'none', 'next', 'stale'),
})

const found = fc.constantFrom<Found[]>('taken', 'absent', 'resend', 'later', 'unknown', 'unreachable')
const sent = fc.constantFrom<Sent[]>(
  ...(['delivered', 'delivered', 'transient', 'busy', 'ambiguous', 'ambiguous'] as const),
  ...(['refused', 'unrepaired', 'waits-for-fact', 'channel'] as const),
)
const ms = fc.constantFrom(1, 5_000, 10_000, 60_000, 76_000, 600_000)

/** What could happen to a ledger, most likely first. */
export const anAction: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('finish'), pick, found, sent, replies: fc.constantFrom(0, 0, 0, 1) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('claim'),
      owner: index(2),
      system: index(2),
      limit: fc.constantFrom(1, 2, 5),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('accept'), drafts: fc.array(draft, { minLength: 1, maxLength: 4 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait'), ms, isStandingStill: rarely }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('act'),
      act: fc.constantFrom<Act[]>('hold', 'release', 'discard', 'expire', 'replay', 'replay'),
      pick,
      seen: fc.constantFrom<Seen[]>('none', 'none', 'newest', 'stale'),
      isOverride: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reread'), pick, content: index(50), subject: pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash'), owner: index(2), isRestart: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fact') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance'), subject: index(3), isStale: fc.boolean() }) },
)
