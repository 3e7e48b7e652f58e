export type State = 'waiting' | 'leased' | 'blocked' | 'held' | 'delivered' | 'dead' | 'expired' | 'discarded'

export interface Delivery {
  readonly id: string
  readonly messageId: string
  readonly system: string
  readonly subject: string
  readonly policy: Policy
  readonly position: number
  readonly state: State
  readonly revision: number
  /** Of a waiting one: when it may go. Of a leased one: when the lease ends. */
  readonly untilMs: number
  readonly owner: string
  readonly lease: number
  /** The partner may have it, and nobody has said. `wasInDoubt`: before the attempt under way. */
  readonly isInDoubt: boolean
  readonly wasInDoubt: boolean
  readonly holdsLane: boolean
  readonly waitsFor: string
  readonly isSuperseded: boolean
  /** How each attempt ended. */
  readonly attempts: readonly string[]
  readonly firstTry: { readonly atMs: number; readonly stoppedMs: number } | undefined
}

export interface Policy {
  readonly delaysMs: readonly number[]
  readonly giveUpAfterMs: number
  readonly holdsLaneWhenDead: boolean
}

export interface Said {
  readonly messageId: string
  readonly receipt: string
  readonly source: string
  readonly subject: string
  readonly content: string
  readonly key: string | undefined
  /** In place of a key: what it is compared with. */
  readonly scope: string
  readonly to: readonly {
    readonly id: string
    readonly system: string
    readonly policy: Policy
    readonly isDead: boolean
  }[]
  readonly supersedes?: string
  readonly step?: { readonly version: number; readonly says: readonly Said[] }
}

export type Answer = { readonly kind: string; readonly messageId: string; readonly receipt?: string }
export type Act = 'hold' | 'release' | 'discard' | 'expire' | 'replay'
export type Found = 'taken' | 'absent' | 'resend' | 'later' | 'unknown' | 'unreachable'
export type Sent =
  | 'delivered'
  | 'transient'
  | 'busy'
  | 'ambiguous'
  | 'refused'
  | 'unrepaired'
  | 'waits-for-fact'
  | 'channel'
  | 'too-late'
