import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Reason } from '../../gateway/bus/delivery-state.ts'
import { errorTable, GatewayError } from '../../gateway/bus/errors.ts'
import { toldOf } from '../../gateway/bus/notice.ts'
import type { AttemptRecord, DeliveryView, DossierLedger, MessageView } from '../../gateway/bus/store.ts'
import { verifyAccessToken } from '../../gateway/envelopes/access-token.ts'
import { canonicalDocs } from './canonical-docs.ts'
import type { CanonicalDoorOptions } from './door-options.ts'

/** Mounts what a system may read: its messages, their receipts, and the ledger of a dossier. */
export function mountReading(scope: FastifyInstance, options: CanonicalDoorOptions): void {
  const { gateway } = options

  scope.get('/messages/:id', { config: { doc: canonicalDocs.message } }, async (request, reply) => {
    const reader = await readerOf(request, options)
    const found = await gateway.message(parameter(request, 'id'), reader)
    if (!found) throw new GatewayError('not-found')
    // The notices about it stand in the ledger; both are read at once, so that one does not run ahead of the other.
    const messages = (await gateway.dossier(found.message.subject, reader))?.messages ?? []
    const view = messages.find(({ message }) => message.id === found.message.id) ?? found
    return reply.type(json).send(JSON.stringify(messageOnWire(view, { reader, messages })))
  })

  scope.get('/messages/:id/receipt', { config: { doc: canonicalDocs.receipt } }, async (request, reply) => {
    const reader = await readerOf(request, options)
    const view = await gateway.message(parameter(request, 'id'), reader)
    // A receipt is between us and the sender; whoever was sent the message has his own proof.
    if (view?.message.source !== reader) throw new GatewayError('not-found')
    return reply.type('application/jose').send(view.receipt)
  })

  scope.get('/dossiers/:code', { config: { doc: canonicalDocs.dossier } }, async (request, reply) => {
    const reader = await readerOf(request, options)
    const ledger = await gateway.dossier(parameter(request, 'code'), reader)
    if (!ledger) throw new GatewayError('not-found')
    return reply.type(json).send(JSON.stringify(ledgerOnWire(ledger, reader)))
  })
}

const json = 'application/json; charset=utf-8'

async function readerOf(request: FastifyRequest, options: CanonicalDoorOptions): Promise<string> {
  const [, token] = /^Bearer ([^\s]+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (token === undefined) throw new GatewayError('credential-missing', { field: 'authorization', rule: 'required' })
  const check = { keyring: options.keyring, audience: options.gatewayId, nowMs: options.clock.now() }
  const { system } = await verifyAccessToken(token, check)
  options.doors.markSender(request, system)
  return system
}

function parameter(request: FastifyRequest, name: string): string {
  const { params } = request
  const value: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, name) : undefined
  if (typeof value !== 'string') throw new GatewayError('not-found')
  return value
}

/** Without its other names: they may come from messages this reader does not see. */
function ledgerOnWire({ subject, messages }: DossierLedger, reader: string) {
  const onWire = messages.map((view) => messageOnWire(view, { reader, messages }))
  return { dossierCode: subject, systems: standingsOf(messages), messages: onWire }
}

/** Where the dossier stands at each system: what its lane waits for, or that everything has arrived. */
function standingsOf(messages: readonly MessageView[]) {
  const bySystem = new Map<string, DeliveryView[]>()
  for (const delivery of messages.flatMap(({ deliveries }) => deliveries)) {
    const lane = bySystem.get(delivery.system)
    if (lane) lane.push(delivery)
    else bySystem.set(delivery.system, [delivery])
  }
  return [...bySystem].map(([system, lane]) => {
    const open = lane.filter(({ state }) => !settledStates.has(state))
    // The head of the lane is what everything behind it waits for; with nothing open the last one speaks.
    const telling = open[0] ?? lane.at(-1)
    const delivered = lane.flatMap((one) => (one.state === 'delivered' ? [one.settledAtMs ?? 0] : []))
    return {
      system,
      state: telling?.state,
      reason: telling?.reason && reasonOnWire(telling.reason),
      delivered: delivered.length,
      open: open.length,
      failed: lane.length - open.length - delivered.length,
      lastDeliveredAt: delivered.length === 0 ? undefined : isoTime(Math.max(...delivered)),
    }
  })
}

const settledStates: ReadonlySet<string> = new Set(['delivered', 'dead', 'expired', 'discarded'])

interface SeenBy {
  readonly reader: string
  /** Of the same dossier, as far as the reader may see them. */
  readonly messages: readonly MessageView[]
}

function messageOnWire({ message, deliveries }: MessageView, { reader, messages }: SeenBy) {
  const { id, type, source, subject, acceptedAtMs, correlationId, causationId, idempotencyKey, bodyDigest, body } =
    message
  return {
    id,
    type,
    source,
    subject,
    acceptedAt: isoTime(acceptedAtMs),
    correlationId,
    causationId,
    idempotencyKey,
    bodyDigest,
    body,
    deliveries: deliveries.map((delivery) => ({
      ...deliveryOnWire(delivery),
      // What the sender has been told is between the sender and us.
      ...(message.source === reader ? { told: toldOf(delivery.id, messages) } : {}),
    })),
  }
}

function deliveryOnWire({ id, system, route, position, state, reason, dueAtMs, settledAtMs, attempts }: DeliveryView) {
  return {
    id,
    system,
    route,
    position,
    state,
    reason: reason && reasonOnWire(reason),
    dueAt: dueAtMs === undefined ? undefined : isoTime(dueAtMs),
    settledAt: settledAtMs === undefined ? undefined : isoTime(settledAtMs),
    attempts: attempts.map(attemptOnWire),
  }
}

function attemptOnWire({ startedAtMs, endedAtMs, ...attempt }: AttemptRecord) {
  return { ...attempt, startedAt: isoTime(startedAtMs), endedAt: isoTime(endedAtMs) }
}

function reasonOnWire(reason: Reason) {
  const { sentence, vietnamese } = errorTable[reason.code]
  return { ...reason, sentence, vietnamese }
}

function isoTime(atMs: number): string {
  return new Date(atMs).toISOString()
}
