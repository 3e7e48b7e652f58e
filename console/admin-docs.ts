import { deliveryStates } from '../gateway/bus/delivery-state.ts'
import { interventionStates } from '../gateway/bus/intervention.ts'
import type { OpenApiObject, Operation } from '../gateway/telemetry/openapi.ts'

const text = { type: 'string' }
const time = { type: 'string', format: 'date-time' }
const count = { type: 'integer' }
const list = (items: OpenApiObject) => ({ type: 'array', items })
const object = (properties: OpenApiObject, required: readonly string[] = []) => ({
  type: 'object',
  required,
  properties,
})

const reason = object({ code: text, cause: text, sentence: text, vietnamese: text, field: text, rule: text })
const attempt = object({
  number: count,
  startedAt: time,
  endedAt: time,
  outcome: text,
  code: text,
  cause: text,
  sentDigest: text,
  answerDigest: text,
  answerCode: text,
})
const delivery = {
  id: text,
  messageId: text,
  revision: count,
  system: text,
  subject: text,
  route: text,
  position: count,
  state: { type: 'string', enum: deliveryStates },
  reason,
  dueAt: time,
  settledAt: time,
  attempts: list(attempt),
}
const record = object({ at: time, actor: text, kind: text, target: text, reason: text, bulkId: text })
const filter = {
  type: 'object',
  description: 'Every member narrows. `after` and `before` are about when the delivery was made.',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    system: text,
    state: { type: 'string', enum: deliveryStates },
    type: { type: 'string', description: 'Message type.' },
    subject: { type: 'string', description: 'Dossier code.' },
    code: { type: 'string', description: 'Code of the reason (`docs/errors.md`).' },
    cause: { type: 'string', description: 'Cause of the reason.' },
    after: time,
    before: time,
  },
}
const bulk = object({
  id: text,
  kind: text,
  filter,
  selected: { type: 'integer', description: 'How many ids were given, in place of a filter.' },
  actor: text,
  reason: text,
  perSecond: { type: 'number' },
  override: { type: 'boolean' },
  state: { type: 'string', enum: ['running', 'paused', 'cancelled', 'finished'] },
  createdAt: time,
  total: count,
  left: count,
  outcomes: { type: 'object', additionalProperties: count, description: 'How many ended how: `done`, `overtaken` …' },
})
const channel = object({
  system: text,
  state: { type: 'string', enum: ['flowing', 'broken', 'paused'] },
  since: time,
  trips: count,
  probeAt: time,
  reason,
  actor: text,
  deliveries: { type: 'object', additionalProperties: count, description: 'How many stand in each open state.' },
})

const processStatuses = ['running', 'exception', 'ended']
const process = object({
  process: text,
  instance: { type: 'string', description: 'The dossier.' },
  version: count,
  status: { type: 'string', enum: processStatuses },
  reason,
  updatedAt: time,
})

const json = (schema: OpenApiObject, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})
const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: object({ type: text, title: text, detail: text, field: text }) } },
})
const refusals = {
  401: problem('No token, or one that is not accepted.'),
  403: problem('The role is too low; `rule` names the one that is needed.'),
}
const common = { tags: ['admin'], security: [{ operatorToken: [] }] }
const query = (names: OpenApiObject) =>
  Object.entries(names).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
const body = (properties: OpenApiObject, required: readonly string[]) => ({
  required: true,
  content: { 'application/json': { schema: { ...object(properties, required), additionalProperties: false } } },
})
const reasonGiven = { type: 'string', minLength: 1, maxLength: 1000, description: 'Why, for the audit log.' }
const limit = { type: 'integer', minimum: 1, maximum: 1000, default: 100 }

const reading = (
  operation: Pick<Operation, 'operationId' | 'summary' | 'parameters'>,
  answer: OpenApiObject,
): Operation => ({
  ...common,
  ...operation,
  responses: { 200: json(answer, 'What was asked for; never the body of a message.'), ...refusals },
})

const single = (kind: keyof typeof interventionStates, summary: string, least: string): Operation => ({
  ...common,
  operationId: `${kind}Delivery`,
  summary,
  description: `Possible while it is ${interventionStates[kind].join(', ')}. Needs the role ${least}.`,
  requestBody: body(
    {
      reason: reasonGiven,
      revision: { type: 'integer', description: 'The revision that was seen; another one is answered 409.' },
      ...(kind === 'replay'
        ? { override: { type: 'boolean', description: 'Send it although later ones have gone before. For admins.' } }
        : {}),
    },
    ['reason'],
  ),
  responses: {
    200: json(object({ id: text, system: text, state: text, revision: count }), 'Done.'),
    ...refusals,
    404: problem('There is no such delivery.'),
    409: problem('Not in this state, overtaken, or somebody was faster.'),
    422: problem('No reason, or a member that is not known.'),
  },
})

const changing = (operationId: string, summary: string, answer: OpenApiObject): Operation => ({
  ...common,
  operationId,
  summary,
  requestBody: body({ reason: reasonGiven }, ['reason']),
  responses: {
    200: json(answer, 'As it stands now.'),
    ...refusals,
    404: problem('There is none by that name.'),
    409: problem('Not possible as it stands.'),
    422: problem('No reason.'),
  },
})

/** What `/openapi.json` says of the operators' API. */
export const adminDocs = {
  deliveries: reading(
    {
      operationId: 'listDeliveries',
      summary: 'Search deliveries, newest first',
      parameters: query({ ...filter.properties, limit }),
    },
    object({ deliveries: list(object(delivery)) }),
  ),
  delivery: reading(
    { operationId: 'readDelivery', summary: 'Read a delivery, its attempts and what people did with it' },
    object({
      ...delivery,
      message: object({ id: text, type: text, source: text, subject: text }),
      audit: list(record),
    }),
  ),
  message: reading(
    { operationId: 'readMessageAsOperator', summary: 'Read a message without its body' },
    object({
      id: text,
      type: text,
      source: text,
      subject: text,
      acceptedAt: time,
      correlationId: text,
      causationId: text,
      idempotencyKey: text,
      bodyDigest: text,
      deliveries: list(
        object({ ...delivery, told: { type: 'string', enum: ['none', 'pending', 'told', 'not-told'] } }),
      ),
    }),
  ),
  audit: reading(
    {
      operationId: 'readAudit',
      summary: 'Read what people did, newest first',
      parameters: query({
        target: { type: 'string', description: 'A delivery, a message, a bulk, or `channel:<system>`.' },
        limit,
      }),
    },
    object({ records: list(record) }),
  ),
  hold: single('hold', 'Hold a delivery back', 'operator'),
  release: single('release', 'Let a held delivery go on', 'operator'),
  discard: single('discard', 'Give a delivery up as not needed', 'operator'),
  expire: single('expire', 'Give a delivery up as too late', 'admin'),
  replay: single('replay', 'Deliver once more, mapped afresh', 'operator'),
  reread: changing(
    'rereadMessage',
    'Read the original bytes of a message again with today’s mapping',
    object({ messageId: { type: 'string', description: 'The new message, which takes the old one’s place.' } }),
  ),
  startBulk: {
    ...common,
    operationId: 'startBulk',
    summary: 'Do the same with selected deliveries, or with all that match',
    description:
      'What matches is fixed when it starts. Selected ones need the role operator; a filter, `expire` and `override` need admin.',
    parameters: [
      {
        name: 'preview',
        in: 'query',
        required: false,
        schema: { type: 'boolean' },
        description: 'Count exactly, and do nothing.',
      },
    ],
    requestBody: body(
      {
        kind: { type: 'string', enum: Object.keys(interventionStates) },
        ids: {
          type: 'array',
          items: text,
          minItems: 1,
          maxItems: 1000,
          description: 'Deliveries; in place of filter.',
        },
        filter,
        reason: reasonGiven,
        perSecond: { type: 'number', exclusiveMinimum: 0, maximum: 1000, default: 20 },
        override: { type: 'boolean', default: false },
      },
      ['kind', 'reason'],
    ),
    responses: {
      200: json(
        object({ total: count, overtaken: { type: 'integer', description: 'Of these, replayable only by override.' } }),
        'A preview.',
      ),
      202: json(object({ id: text, total: count }), 'Under way.'),
      ...refusals,
      422: problem('Nothing matches, no reason, or a member that is not known.'),
    },
  },
  bulks: reading({ operationId: 'listBulks', summary: 'List bulks, newest first' }, object({ bulks: list(bulk) })),
  bulk: reading({ operationId: 'readBulk', summary: 'Read a bulk and how far it is' }, bulk),
  pauseBulk: changing('pauseBulk', 'Pause a bulk', bulk),
  resumeBulk: changing('resumeBulk', 'Let a paused bulk go on', bulk),
  cancelBulk: changing('cancelBulk', 'End a bulk; what is done stays done', bulk),
  channels: reading(
    { operationId: 'listChannels', summary: 'List channels and what waits in them' },
    object({ channels: list(channel) }),
  ),
  pauseChannel: changing('pauseChannel', 'Stop a channel', channel),
  resumeChannel: changing('resumeChannel', 'Let a channel flow again, whatever stopped it', channel),
  processes: reading(
    {
      operationId: 'listProcesses',
      summary: 'List exchanges of several messages; those in `exception` wait for a person',
      parameters: query({ status: { type: 'string', enum: processStatuses }, limit }),
    },
    object({ processes: list(process) }),
  ),
  releaseProcess: changing(
    'releaseProcess',
    'End what an exchange waits for',
    object({ process: text, instance: text, status: { type: 'string', enum: processStatuses } }),
  ),
  beginLegalHold: changing(
    'beginLegalHold',
    'Keep everything of a dossier, whatever its age',
    object({ code: text, isHeld: { type: 'boolean' } }),
  ),
  endLegalHold: changing(
    'endLegalHold',
    'Let retention count for a dossier again',
    object({ code: text, isHeld: { type: 'boolean' } }),
  ),
  shadow: reading(
    {
      operationId: 'compareShadow',
      summary: 'Compare what a shadow route would have sent with what was sent; paths, never values',
      parameters: query({
        live: { type: 'string', description: 'The live system; itself unless told.' },
        after: time,
        before: time,
      }),
    },
    object({
      compared: count,
      equal: count,
      differing: count,
      stoppedInShadow: count,
      listed: list(object({ messageId: text, messageType: text, paths: list(text) })),
    }),
  ),
} as const
