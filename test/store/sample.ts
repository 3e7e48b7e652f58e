import { randomUUID } from 'node:crypto'
import { canonicalJson, digestOf } from '../../gateway/bus/canonical-json.ts'
import { type Idempotency, newMessageId, type Statement } from '../../gateway/bus/message.ts'
import type { Acceptance, AttemptRecord, NextState, Settlement } from '../../gateway/bus/store.ts'

export interface SampleOptions {
  readonly subject?: string
  readonly type?: string
  readonly body?: unknown
  readonly source?: string
  readonly idempotency?: Idempotency
  readonly aliases?: readonly string[]
  readonly sameAs?: readonly string[]
  readonly systems?: readonly string[]
  readonly nowMs?: number
  readonly statement?: Statement
}

/** An acceptance as intake would prepare it; what a test doesn't name is made up. */
export function sampleAcceptance(options: SampleOptions = {}): Acceptance {
  const { subject = `H47.01-261121-${Math.floor(Math.random() * 1e8)}`, type = 'dossier.received.v1' } = options
  const { source = 'one-window', systems = ['national-portal'], nowMs = 1_000, aliases = [], sameAs = [] } = options
  const body = options.body ?? { dossierCode: subject }
  const id = newMessageId(nowMs)
  const idempotency = options.idempotency ?? { kind: 'key', key: randomUUID() }
  return {
    message: {
      id,
      type,
      source,
      subject,
      acceptedAtMs: nowMs,
      correlationId: randomUUID(),
      idempotencyKey: idempotency.kind === 'key' ? idempotency.key : id,
      body,
      bodyDigest: digestOf(canonicalJson(body)),
    },
    aliases,
    sameAs,
    idempotency,
    receipt: `receipt-of-${id}`,
    ...(options.statement ? { statement: options.statement } : {}),
    deliveries: systems.map((system) => ({ id: randomUUID(), system, route: 'dossier-sync' })),
  }
}

export function sampleSettlement(
  claimed: { readonly deliveryId: string; readonly lease: number; readonly attemptNumber: number },
  next: NextState,
  more: Partial<Settlement> & { readonly outcome?: AttemptRecord['outcome']; readonly nowMs?: number } = {},
): Settlement {
  const { outcome = next.state === 'delivered' ? 'delivered' : 'transient', nowMs = 2_000, ...rest } = more
  return {
    deliveryId: claimed.deliveryId,
    lease: claimed.lease,
    attempt: { number: claimed.attemptNumber, startedAtMs: nowMs - 10, endedAtMs: nowMs, outcome },
    next,
    replies: [],
    ...rest,
  }
}
