import { randomUUID } from 'node:crypto'
import { canonicalJson, digestOf } from './canonical-json.ts'
import type { Clock } from './clock.ts'
import { GatewayError } from './errors.ts'
import type { ContractBook, ReceiptSigner } from './intake-ports.ts'
import { type Draft, type Message, newMessageId } from './message.ts'
import type { Directory, Route } from './route.ts'
import { resolveDeliveries } from './router.ts'
import type { Acceptance } from './store.ts'

export interface IntakePorts {
  readonly receipts: ReceiptSigner
  readonly routes: readonly Route[]
  readonly directory: Directory
  readonly clock: Clock
  /** Throws `contract-violated` naming the first field that breaks the contract of `type`. */
  readonly check: (type: string, body: unknown) => void
}

/**
 * Checks bodies against the contracts. A body that a door has had checked is not checked again at acceptance: bodies are
 * never changed once they are read.
 */
export function contractCheck(contracts: ContractBook): IntakePorts['check'] {
  const checked = new WeakMap<object, string>()
  return (type, body) => {
    const isObject = typeof body === 'object' && body !== null
    if (isObject && checked.get(body) === type) return
    checkContract(type, body, contracts)
    if (isObject) checked.set(body, type)
  }
}

/**
 * Turns drafts into everything one durable write needs: the body held to its contract, recipients resolved, the receipt signed
 * (stops 3 to 5). Throws `contract-violated` naming the first field; nothing is half-prepared.
 */
export async function prepareAcceptances(drafts: readonly Draft[], ports: IntakePorts): Promise<readonly Acceptance[]> {
  for (const draft of drafts) ports.check(draft.type, draft.body)
  return Promise.all(drafts.map((draft) => prepare(draft, ports)))
}

function checkContract(type: string, body: unknown, contracts: ContractBook): void {
  if (!contracts.has(type)) {
    throw new GatewayError('contract-violated', { field: '/type', rule: 'enum', detail: 'Unknown message type.' })
  }
  const [violation] = contracts.violations(type, body)
  if (!violation) return
  throw new GatewayError('contract-violated', {
    field: violation.field === '' ? '/' : violation.field,
    rule: violation.rule,
    detail: `${violation.message}.`,
  })
}

async function prepare(draft: Draft, { receipts, routes, directory, clock }: IntakePorts): Promise<Acceptance> {
  const acceptedAtMs = clock.now()
  const id = newMessageId(acceptedAtMs)
  const bodyText = canonicalJson(draft.body)
  const message: Message = {
    id,
    type: draft.type,
    source: draft.source,
    subject: draft.subject,
    acceptedAtMs,
    correlationId: draft.correlationId ?? randomUUID(),
    ...(draft.causationId === undefined ? {} : { causationId: draft.causationId }),
    idempotencyKey: draft.idempotency.kind === 'key' ? draft.idempotency.key : id,
    body: draft.body,
    bodyDigest: digestOf(bodyText),
  }
  const receipt = await receipts.sign({
    messageId: id,
    type: message.type,
    source: message.source,
    subject: message.subject,
    bodyDigest: message.bodyDigest,
    acceptedAtMs,
    ...(draft.original ? { originalDigest: digestOf(draft.original.bytes) } : {}),
  })
  return {
    message,
    bodyText,
    aliases: draft.aliases ?? [],
    sameAs: draft.sameAs ?? [],
    idempotency: draft.idempotency,
    receipt,
    ...(draft.original ? { original: draft.original } : {}),
    ...(draft.statement ? { statement: draft.statement } : {}),
    deliveries: resolveDeliveries(message, { routes, directory, recipient: draft.recipient }),
  }
}
