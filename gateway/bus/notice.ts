import type { DeliveryState, Reason } from './delivery-state.ts'
import { errorTable } from './errors.ts'
import type { Draft, Message } from './message.ts'
import type { MessageView } from './store.ts'

/** The type of every notice; its contract is the schema of that name. */
export const noticeType = 'delivery.reported.v1'

/** What became of a delivery, for the sender of its message. */
export interface Reportable {
  readonly message: Message
  readonly deliveryId: string
  readonly system: string
  readonly state: DeliveryState
  readonly reason?: Reason | undefined
  readonly atMs: number
  /** Tells this change of the delivery from its others. */
  readonly change: string
}

/** The notice that tells a sender what became of its message; it goes in the sender's own lane, with its own retry. */
export function deliveryNotice(report: Reportable): Draft {
  const { message, deliveryId, system, state, reason, atMs, change } = report
  return {
    type: noticeType,
    source: 'gateway',
    subject: message.subject,
    recipient: message.source,
    correlationId: message.correlationId,
    causationId: message.id,
    idempotency: { kind: 'key', key: `told:${deliveryId}:${change}` },
    body: {
      messageId: message.id,
      messageType: message.type,
      dossierCode: ownCodeOf(message),
      system,
      state,
      at: new Date(atMs).toISOString(),
      ...(reason ? { reason: noticeReason(reason) } : {}),
    },
  }
}

/** The code the sender itself used; the subject may be an older name of the same dossier. */
function ownCodeOf({ body, subject }: Message): string {
  const hasCode = typeof body === 'object' && body !== null && 'dossierCode' in body
  return hasCode && typeof body.dossierCode === 'string' ? body.dossierCode : subject
}

function noticeReason({ code, cause, field, rule }: Reason) {
  const { sentence, vietnamese } = errorTable[code]
  return { code, cause, sentence, vietnamese, ...(field ? { field } : {}), ...(rule ? { rule } : {}) }
}

/**
 * Whether the sender knows where a delivery of its message stands. none: there was nothing it wants to be told.
 * pending: the latest notice is on its way, or held for a person. not-told: that notice was given up.
 */
export type Told = 'none' | 'pending' | 'told' | 'not-told'

/** Read from the latest notice about the delivery among the dossier's messages, oldest first. */
export function toldOf(deliveryId: string, messages: readonly MessageView[]): Told {
  const notice = messages.findLast(
    ({ message }) => message.type === noticeType && message.idempotencyKey.startsWith(`told:${deliveryId}:`),
  )
  // What was read again stands in for what it superseded.
  const state = notice?.deliveries.at(-1)?.state
  if (state === undefined) return 'none'
  if (state === 'delivered') return 'told'
  return state === 'dead' || state === 'expired' || state === 'discarded' ? 'not-told' : 'pending'
}
