import { randomUUID } from 'node:crypto'
import { canonicalJson, digestOf } from '../gateway/bus/canonical-json.ts'
import { newMessageId } from '../gateway/bus/message.ts'
import type { Acceptance, ClaimedDelivery } from '../gateway/bus/store.ts'
import { SqliteWriter } from '../gateway/store/sqlite-writer.ts'

/** What to fill, given as JSON on the command line. */
export interface WaitingFill {
  readonly file: string
  readonly system: string
  readonly count: number
  readonly spreadMs: number
}

const perBatch = 1_000

/** Time to kill this process and start the bus, on top of what storing the due times takes. */
const startsAfterMs = 15_000

const fill: WaitingFill = JSON.parse(process.argv[2] ?? '{}')
const writer = new SqliteWriter(fill.file, { nowMs: Date.now(), synchronous: 'FULL' })
const batches = Math.ceil(fill.count / perBatch)

for (let batch = 0; batch < batches; batch++) {
  const acceptances = Array.from({ length: perBatch }, () => acceptance(fill))
  writer.transaction(() => writer.accept(acceptances))
}

// Claimed in one go so that all due times count from one moment, that of the first settlement.
const claimingSince = Date.now()
const claimed = batchesOf(() =>
  writer.transaction(() => {
    const { system } = fill
    const request = { system, limit: perBatch, owner: 'gone', nowMs: Date.now(), leaseMs: 600_000, stoppedMs: 0 }
    return writer.claim(request).deliveries
  }),
)
const settlingMs = 2 * (Date.now() - claimingSince) // it takes about as long as claiming did
const firstDueAtMs = Date.now() + settlingMs + startsAfterMs
for (let from = 0; from < claimed.length; from += perBatch) {
  writer.transaction(() => {
    for (const delivery of claimed.slice(from, from + perBatch)) settleAsWaiting(delivery)
  })
}
process.send?.(firstDueAtMs)
setInterval(() => {}, 60_000) // until it is killed

function acceptance({ system, spreadMs }: WaitingFill): Acceptance {
  const nowMs = Date.now()
  const id = newMessageId(nowMs)
  const body = { dossierCode: `H47.01-${id}`, offsetMs: Math.floor(Math.random() * spreadMs) }
  return {
    message: {
      id,
      type: 'dossier.progressed.v1',
      source: 'one-window',
      subject: body.dossierCode,
      acceptedAtMs: nowMs,
      correlationId: id,
      idempotencyKey: id,
      body,
      bodyDigest: digestOf(canonicalJson(body)),
    },
    aliases: [],
    sameAs: [],
    idempotency: { kind: 'key', key: id },
    receipt: `receipt-of-${id}`,
    deliveries: [{ id: randomUUID(), system, route: 'dossier-sync' }],
  }
}

function batchesOf(next: () => readonly ClaimedDelivery[]): readonly ClaimedDelivery[] {
  const all: ClaimedDelivery[] = []
  for (let batch = next(); batch.length > 0; batch = next()) all.push(...batch)
  return all
}

/** As after a first attempt that found nobody there. */
function settleAsWaiting({ deliveryId, lease, attemptNumber, message }: ClaimedDelivery): void {
  const nowMs = Date.now()
  const reason = { code: 'partner-refused-connection', cause: 'tcp' } as const
  const { offsetMs } = message.body as { offsetMs: number } // written by `acceptance` above
  writer.settle({
    deliveryId,
    lease,
    attempt: { number: attemptNumber, startedAtMs: nowMs, endedAtMs: nowMs, outcome: 'transient', ...reason },
    next: { state: 'waiting', dueAtMs: firstDueAtMs + offsetMs, reason },
    replies: [],
  })
}
