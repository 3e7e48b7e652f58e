import type { Attempt, Delivered, LaneMemory, LookupAnswer } from '../../gateway/bus/adapter.ts'
import { canonicalJson } from '../../gateway/bus/canonical-json.ts'
import type { Clock } from '../../gateway/bus/clock.ts'
import { asGatewayError, GatewayError } from '../../gateway/bus/errors.ts'
import type { ContractBook } from '../../gateway/bus/intake-ports.ts'
import type { Message } from '../../gateway/bus/message.ts'
import type { Tables } from '../../mappings/tables.ts'
import type { Catalogue } from './catalogue.ts'
import type { PortalAnswer, PortalClient } from './portal-client.ts'
import type { NationalPortalSettings } from './settings.ts'

/** How messages of one type reach the portal, and what to do when nobody knows whether one did. */
export interface Operation {
  /** Stop 7: what the portal would be sent, held to its contract. */
  document(message: Message, attempt: Attempt): Promise<unknown>
  deliver(message: Message, attempt: Attempt, signal: AbortSignal): Promise<Delivered>
  lookup(message: Message, attempt: Attempt, signal: AbortSignal): Promise<LookupAnswer>
}

export interface OperationPorts {
  readonly client: PortalClient
  readonly contracts: ContractBook
  readonly tables: Tables
  readonly catalogue: Pick<Catalogue, 'isPublished'>
  readonly settings: NationalPortalSettings
  readonly clock: Clock
}

/** Holds what a mapping has written to the portal's contract (stop 7). Throws `contract-violated` naming the field. */
export function checkSent(service: string, item: unknown, contracts: ContractBook): void {
  const [violation] = contracts.violations(`national-portal/${service}.sent`, item)
  if (!violation) return
  const field = violation.field.slice(1).replaceAll('/', '.')
  throw new GatewayError('contract-violated', { field, rule: violation.rule, detail: `${violation.message}.` })
}

/** The answer and the document for the attempt's record, and what is known of the dossier now. */
export function delivered(
  { sentDigest, answerDigest, code }: PortalAnswer,
  { document, memory }: { readonly document: unknown; readonly memory?: LaneMemory },
): Delivered {
  const answerCode = code === undefined ? {} : { answerCode: code }
  const receipt = { sentDigest, answerDigest, document: canonicalJson(document), ...answerCode }
  return { receipt, ...(memory === undefined ? {} : { memory }) }
}

/**
 * The portal said no to this very message. Its words may name a person, so their digest and its code are all that is
 * kept.
 */
export function refusal({ code, answerDigest }: PortalAnswer): GatewayError {
  return new GatewayError('partner-refused', { answer: answerOf({ code, answerDigest }) })
}

/** The portal does not have the dossier: a person sends that again first. */
export function notThere(answer?: PortalAnswer, memory?: LaneMemory): GatewayError {
  return new GatewayError('dossier-not-there', {
    ...(answer === undefined ? {} : { answer: answerOf(answer) }),
    ...(memory === undefined ? {} : { memory }),
  })
}

/** Does `work` so that what is known of the dossier is kept even when it fails. */
export async function remembering<T>(memory: LaneMemory, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    const { code, failure, failureCause, options } = asGatewayError(thrown)
    throw new GatewayError(code, { ...options, failure, failureCause, memory })
  }
}

/** What a repeat of a progress entry or an outcome does at the portal is not documented; configuration decides. */
export function repeatAsConfigured({ progressRepeat }: NationalPortalSettings): LookupAnswer {
  return progressRepeat === 'resend'
    ? { kind: 'resend' }
    : { kind: 'unknown', why: 'The portal can’t be asked for it, and a repeat might be counted twice.' }
}

function answerOf({ code, answerDigest }: Pick<PortalAnswer, 'answerDigest'> & { readonly code?: string | undefined }) {
  return { digest: answerDigest, ...(code === undefined ? {} : { code }) }
}
