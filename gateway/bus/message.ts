import { randomBytes } from 'node:crypto'

/** One immutable statement on the bus. Times are epoch milliseconds UTC. */
export interface Message<Body = unknown> {
  /** UUIDv7, so that ids sort by time of acceptance. */
  readonly id: string
  /** `<area>.<past participle>.v<major>`, e.g. `dossier.received.v1`. */
  readonly type: string
  /** The system that said it. */
  readonly source: string
  /** The dossier: business key and ordering key. */
  readonly subject: string
  readonly acceptedAtMs: number
  readonly correlationId: string
  readonly causationId?: string
  readonly idempotencyKey: string
  /** The canonical document, valid against `contracts/canonical/<type>`. */
  readonly body: Body
  /** `sha-256:<hex>` over the canonical JSON (RFC 8785) of the body. */
  readonly bodyDigest: string
}

/** The bytes a sender spoke, kept beside the message as evidence until retention. */
export interface Original {
  readonly bytes: Uint8Array
  readonly mediaType: string
  /** What was verified when it came in: the key's thumbprint or the credential's name. */
  readonly verifiedBy?: string
}

/**
 * How a repeat is recognised.
 * - `key`: the sender's own id (signed `jti`, a partner's message id). Other content under it is a conflict.
 * - `latest`: a format without ids. A repeat only when it equals the latest accepted ones of the same scope;
 *   consecutive drafts of one scope in one call are compared as a run (design, "Idempotency key").
 */
export type Idempotency =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'latest'; readonly scope: string; readonly digest: string }

/**
 * What somebody signed, whoever hands it in: while `untilMs` lasts nobody else may say the very same. Its own speaker may,
 * and gets the stored receipt.
 */
export interface Statement {
  /** Of the signed bytes, ids and times among them, without the signature: a second signature makes no second statement. */
  readonly digest: string
  /** When its time window is over for every clock, epoch ms; from then on it is refused as too old. */
  readonly untilMs: number
}

/** What an adapter hands to intake: everything the bus can't know by itself. */
export interface Draft<Body = unknown> {
  readonly type: string
  readonly source: string
  readonly subject: string
  /** Names the dossier can be found by, e.g. `receipt-number:<unit>:<number>`. They never join two dossiers: numbers are reused. */
  readonly aliases?: readonly string[]
  /** Other codes the sender states to be this very dossier (a portal's own code); resolved to one subject at acceptance. */
  readonly sameAs?: readonly string[]
  readonly body: Body
  readonly idempotency: Idempotency
  readonly correlationId?: string
  readonly causationId?: string
  /**
   * For whom the sender speaks: the units the body names, and which units it may write for. The first record of a dossier
   * says whose it is; whoever may write for none of its units is refused (`unit-not-allowed`).
   */
  readonly standing?: {
    readonly units: readonly string[]
    readonly mayWriteFor: (unit: string) => boolean
  }
  /** Names the recipient instead of the routes; used for notices to the sender. */
  readonly recipient?: string
  readonly original?: Original
  /** For signed messages: the replay guard's memory, written with the acceptance. */
  readonly statement?: Statement
}

/** UUID version 7 (RFC 9562 §5.7): 48 bits of epoch milliseconds, then 74 random bits. */
export function newMessageId(nowMs: number): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
