import type { ChannelCondition } from './channel.ts'
import type { ErrorCode } from './errors.ts'
import type { Draft } from './message.ts'
import type { Accepted, DossierLedger, MessageView, ShelfItem } from './store.ts'

/** A request a door has refused; the bus audits it within the limits of design truth 8. */
export interface RefusedRequest {
  readonly door: string
  readonly remote: string
  /** Who it was proved to be from. */
  readonly sender?: string
  /** Who it said it was from, before that was proved; only its digest is kept. */
  readonly claimedSender?: string
  readonly code: ErrorCode
  readonly correlationId: string
  readonly body?: Uint8Array
}

/** What the bus offers to adapters: one way in, and reading. */
export interface Gateway {
  /**
   * Stops 2–5 for documents that are already canonical: contract, routes, receipt, one durable write for all.
   * Throws GatewayError: `contract-violated` (nothing stored), `store-unavailable`, `draining`.
   */
  accept(drafts: readonly Draft[]): Promise<readonly Accepted[]>
  /** Checks a body against the contract of its type without accepting it. Throws `contract-violated` naming the field. */
  check(type: string, body: unknown): void
  /** Whether the sender may write to this dossier at all. Throws `unit-not-allowed`; `accept` does so for the whole call. */
  checkStanding(draft: Draft): Promise<void>
  refused(request: RefusedRequest): void
  /** `undefined` when it does not exist or `reader` neither sent it nor was sent it. */
  message(id: string, reader: string): Promise<MessageView | undefined>
  /** The ledger of one dossier with what `reader` may not see left out. */
  dossier(codeOrAlias: string, reader: string): Promise<DossierLedger | undefined>
  /** Ends holds that wait for one of these facts. */
  release(waitsFor: readonly string[]): Promise<number>
  shelf(name: string): Promise<readonly ShelfItem[]>
  putShelf(name: string, items: readonly ShelfItem[]): Promise<void>
}

/** Where metrics, logs and traces listen without touching the flow. */
export interface WireTap {
  accepted(event: {
    readonly source: string
    readonly type: string
    readonly kind: Accepted['kind']
    readonly durationMs: number
  }): void
  refused(event: { readonly door: string; readonly code: ErrorCode }): void
  /** One line per attempt; `state` is where the delivery stands afterwards. */
  attempted(event: {
    readonly messageId: string
    readonly deliveryId: string
    readonly type: string
    readonly system: string
    readonly route: string
    readonly attempt: number
    readonly outcome: string
    readonly state: string
    readonly code?: ErrorCode
    readonly durationMs: number
    /** Acceptance to settlement, once settled. */
    readonly ageMs: number
  }): void
  /** A channel broke, flows again, or was paused. */
  channel(event: {
    readonly system: string
    readonly state: ChannelCondition['state']
    readonly code?: ErrorCode
  }): void
  failed(event: { readonly where: string; readonly error: unknown }): void
}
