import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '../gateway/bus/errors.ts'
import type { Act } from '../gateway/bus/intervention.ts'
import type { Operations } from '../gateway/bus/operations.ts'
import type { Store } from '../gateway/bus/store.ts'
import { readJson } from '../gateway/envelopes/json-gate.ts'
import type { HttpDoorKit } from '../gateway/transports/http-door.ts'
import { adminDocs } from './admin-docs.ts'
import {
  type Asked,
  closed,
  filterNames,
  filterOf,
  flagOf,
  kindOf,
  limitOf,
  perSecondOf,
  reasonOf,
  revisionOf,
  selectionOf,
  statusOf,
  textOf,
  windowOf,
} from './asked.ts'
import { createOperatorCheck, type Operator, type Role, requireRole } from './operators.ts'
import { bulkOnWire, channelOnWire, deliveryOnWire, messageOnWire, processOnWire, recordOnWire } from './views.ts'

export interface AdminOptions {
  readonly doors: Pick<HttpDoorKit, 'open' | 'bodyOf' | 'markSender'>
  readonly operations: Operations
  readonly store: Pick<
    Store,
    'deliveries' | 'delivery' | 'message' | 'dossier' | 'interventions' | 'depths' | 'processes'
  >
  readonly operators: readonly Operator[]
}

/**
 * The operators' API: everything below `/admin`. Who asks is known before a body is read; what is asked is refused as
 * `application/problem+json` or done, and what is done is on record with its reason. It shows no body of a message.
 */
export function createAdmin(options: AdminOptions): FastifyPluginAsync {
  const { doors } = options
  const operatorOf = createOperatorCheck(options.operators)
  return async (scope) => {
    doors.open(scope, { name: 'admin', mediaTypes: ['application/json'], maxBodyBytes: 262_144 })
    const callers = new WeakMap<FastifyRequest, Caller>()
    scope.addHook('onRequest', async (request) => {
      const caller = operatorOf(request.headers.authorization)
      doors.markSender(request, `operator:${caller.name}`)
      callers.set(request, caller)
    })
    const ports: Ports = {
      ...options,
      callerOf(request, least) {
        const caller = callers.get(request)
        if (!caller) throw new GatewayError('credential-missing')
        requireRole(caller.role, least)
        return caller
      },
    }
    mountReading(scope, ports)
    mountDeliveries(scope, ports)
    mountBulks(scope, ports)
    mountChannels(scope, ports)
    mountProcesses(scope, ports)
    mountLegalHolds(scope, ports)
    mountShadows(scope, ports)
  }
}

type Caller = Omit<Operator, 'token'>

interface Ports extends AdminOptions {
  /** Who asks; throws `role-too-low`. */
  callerOf(request: FastifyRequest, least: Role): Caller
}

function mountReading(scope: FastifyInstance, { store, callerOf }: Ports): void {
  scope.get('/admin/deliveries', { config: { doc: adminDocs.deliveries } }, async (request, reply) => {
    callerOf(request, 'viewer')
    const asked = closed(request.query, [...filterNames, 'limit'])
    const deliveries = await store.deliveries(filterOf(asked), limitOf(asked))
    return answer(reply, { deliveries: deliveries.map(deliveryOnWire) })
  })

  scope.get('/admin/deliveries/:id', { config: { doc: adminDocs.delivery } }, async (request, reply) => {
    callerOf(request, 'viewer')
    const delivery = await store.delivery(parameter(request, 'id'))
    const view = delivery && (await store.message(delivery.messageId))
    if (!view) throw new GatewayError('not-found')
    const { type, source, subject } = view.message
    const done = await store.interventions(delivery.id, 1_000)
    return answer(reply, {
      ...deliveryOnWire(delivery),
      message: { id: view.message.id, type, source, subject },
      audit: done.map(recordOnWire),
    })
  })

  scope.get('/admin/messages/:id', { config: { doc: adminDocs.message } }, async (request, reply) => {
    callerOf(request, 'viewer')
    const found = await store.message(parameter(request, 'id'))
    if (!found) throw new GatewayError('not-found')
    const ledger = (await store.dossier(found.message.subject))?.messages ?? []
    const view = ledger.find(({ message }) => message.id === found.message.id) ?? found
    return answer(reply, messageOnWire(view, ledger))
  })

  scope.get('/admin/audit', { config: { doc: adminDocs.audit } }, async (request, reply) => {
    callerOf(request, 'viewer')
    const asked = closed(request.query, ['target', 'limit'])
    const records = await store.interventions(textOf(asked, 'target'), limitOf(asked))
    return answer(reply, { records: records.map(recordOnWire) })
  })
}

const singleActs = ['hold', 'release', 'discard', 'expire', 'replay'] as const

function mountDeliveries(scope: FastifyInstance, ports: Ports): void {
  const { operations, callerOf } = ports
  for (const kind of singleActs) {
    scope.post(`/admin/deliveries/:id/${kind}`, { config: { doc: adminDocs[kind] } }, async (request, reply) => {
      const caller = callerOf(request, kind === 'expire' ? 'admin' : 'operator')
      const names = kind === 'replay' ? ['reason', 'revision', 'override'] : ['reason', 'revision']
      const asked = closed(readJson(ports.doors.bodyOf(request)), names)
      const isOverride = flagOf(asked, 'override')
      if (isOverride) requireRole(caller.role, 'admin')
      const deliveryId = parameter(request, 'id')
      const revision = revisionOf(asked)
      const { system, state, ...done } = await operations.intervene({
        ...actOf(caller, asked),
        kind,
        deliveryId,
        isOverride,
        ...(revision === undefined ? {} : { revision }),
      })
      return answer(reply, { id: deliveryId, system, state, revision: done.revision })
    })
  }

  scope.post('/admin/messages/:id/reread', { config: { doc: adminDocs.reread } }, async (request, reply) => {
    const caller = callerOf(request, 'operator')
    const act = actOf(caller, closed(readJson(ports.doors.bodyOf(request)), ['reason']))
    return answer(reply, await operations.reread(parameter(request, 'id'), act))
  })
}

const bulkChanges = { pause: 'paused', resume: 'running', cancel: 'cancelled' } as const

function mountBulks(scope: FastifyInstance, ports: Ports): void {
  const { operations, callerOf, doors } = ports

  const bulkOf = async (request: FastifyRequest) => {
    const id = parameter(request, 'id')
    const bulk = (await operations.bulks()).find((one) => one.id === id)
    if (!bulk) throw new GatewayError('not-found')
    return bulk
  }

  scope.post('/admin/bulks', { config: { doc: adminDocs.startBulk } }, async (request, reply) => {
    const caller = callerOf(request, 'viewer')
    const isPreview = flagOf(closed(request.query, ['preview']), 'preview')
    const names = ['kind', 'ids', 'filter', 'reason', 'perSecond', 'override']
    const asked = closed(readJson(doors.bodyOf(request)), names)
    const kind = kindOf(asked)
    const { isSelected, filter } = selectionOf(asked)
    const perSecond = perSecondOf(asked)
    const isOverride = flagOf(asked, 'override')
    if (isPreview) return answer(reply, await operations.count(kind, filter))
    requireRole(caller.role, isSelected && kind !== 'expire' && !isOverride ? 'operator' : 'admin')
    const started = await operations.startBulk({ ...actOf(caller, asked), kind, filter, perSecond, isOverride })
    return answer(reply.code(202).header('location', `/admin/bulks/${started.id}`), started)
  })

  scope.get('/admin/bulks', { config: { doc: adminDocs.bulks } }, async (request, reply) => {
    callerOf(request, 'viewer')
    return answer(reply, { bulks: (await operations.bulks()).map(bulkOnWire) })
  })

  scope.get('/admin/bulks/:id', { config: { doc: adminDocs.bulk } }, async (request, reply) => {
    callerOf(request, 'viewer')
    return answer(reply, bulkOnWire(await bulkOf(request)))
  })

  for (const change of ['pause', 'resume', 'cancel'] as const) {
    const doc = adminDocs[`${change}Bulk`]
    scope.post(`/admin/bulks/:id/${change}`, { config: { doc } }, async (request, reply) => {
      const caller = callerOf(request, 'operator')
      const act = actOf(caller, closed(readJson(doors.bodyOf(request)), ['reason']))
      const bulk = await bulkOf(request)
      // Whoever may not start one may still stop it: pausing and cancelling do no harm.
      if (change === 'resume' && bulk.filter.ids === undefined) requireRole(caller.role, 'admin')
      await operations.changeBulk(bulk.id, bulkChanges[change], act)
      return answer(reply, bulkOnWire(await bulkOf(request)))
    })
  }
}

function mountChannels(scope: FastifyInstance, { operations, store, callerOf, doors }: Ports): void {
  scope.get('/admin/channels', { config: { doc: adminDocs.channels } }, async (request, reply) => {
    callerOf(request, 'viewer')
    const depths = await store.depths()
    return answer(reply, { channels: operations.channels().map((channel) => channelOnWire(channel, depths)) })
  })

  for (const change of ['pause', 'resume'] as const) {
    const doc = adminDocs[`${change}Channel`]
    scope.post(`/admin/channels/:system/${change}`, { config: { doc } }, async (request, reply) => {
      const caller = callerOf(request, 'operator')
      const act = actOf(caller, closed(readJson(doors.bodyOf(request)), ['reason']))
      const channel = await operations[change](parameter(request, 'system'), act)
      return answer(reply, channelOnWire(channel, await store.depths()))
    })
  }
}

function mountProcesses(scope: FastifyInstance, { operations, store, callerOf, doors }: Ports): void {
  scope.get('/admin/processes', { config: { doc: adminDocs.processes } }, async (request, reply) => {
    callerOf(request, 'viewer')
    const asked = closed(request.query, ['status', 'limit'])
    const processes = await store.processes(statusOf(asked), limitOf(asked))
    return answer(reply, { processes: processes.map(processOnWire) })
  })

  const releasing = '/admin/processes/:process/:instance/release'
  scope.post(releasing, { config: { doc: adminDocs.releaseProcess } }, async (request, reply) => {
    const caller = callerOf(request, 'operator')
    const act = actOf(caller, closed(readJson(doors.bodyOf(request)), ['reason']))
    const [process, instance] = [parameter(request, 'process'), parameter(request, 'instance')]
    return answer(reply, { process, instance, status: await operations.releaseProcess(process, instance, act) })
  })
}

function mountLegalHolds(scope: FastifyInstance, { operations, callerOf, doors }: Ports): void {
  for (const change of ['begin', 'end'] as const) {
    const doc = adminDocs[`${change}LegalHold`]
    scope.post(`/admin/dossiers/:code/legal-hold/${change}`, { config: { doc } }, async (request, reply) => {
      const caller = callerOf(request, 'admin')
      const act = actOf(caller, closed(readJson(doors.bodyOf(request)), ['reason']))
      const code = parameter(request, 'code')
      const isHeld = change === 'begin'
      await operations.setLegalHold(code, { ...act, isHeld })
      return answer(reply, { code, isHeld })
    })
  }
}

function mountShadows(scope: FastifyInstance, { operations, callerOf }: Ports): void {
  scope.get('/admin/shadows/:system', { config: { doc: adminDocs.shadow } }, async (request, reply) => {
    callerOf(request, 'viewer')
    const asked = closed(request.query, ['live', 'after', 'before'])
    const system = parameter(request, 'system')
    const live = textOf(asked, 'live') ?? system
    return answer(reply, await operations.compareShadow(system, { live, ...windowOf(asked) }))
  })
}

function actOf({ name }: Caller, asked: Asked): Act {
  return { actor: name, note: reasonOf(asked) }
}

function answer(reply: FastifyReply, document: unknown) {
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(document))
}

function parameter({ params }: FastifyRequest, name: string): string {
  const value: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, name) : undefined
  if (typeof value !== 'string') throw new GatewayError('not-found')
  return value
}
