/** Message types whose bodies are described with the canonical door. */
const canonicalTypes = [
  'dossier.received.v1',
  'dossier.progressed.v1',
  'result.issued.v1',
  'dossier.outcome-reported.v1',
  'dossier.submitted.v1',
  'delivery.reported.v1',
]

const text = { type: 'string' }
const time = { type: 'string', format: 'date-time' }
const anyBody = { oneOf: canonicalTypes.map((name) => ({ $ref: `#/components/schemas/${name}` })) }

const problem = (description: string) => ({
  description,
  content: {
    'application/problem+json': {
      schema: {
        type: 'object',
        required: ['type', 'title', 'status', 'vietnamese', 'correlationId'],
        properties: {
          type: { type: 'string', description: '`urn:lien-thong:error:<code>`' },
          title: text,
          status: { type: 'integer' },
          detail: text,
          vietnamese: text,
          field: text,
          rule: text,
          correlationId: text,
        },
      },
    },
  },
})

const receipt = (description: string) => ({
  description,
  content: {
    'application/jose': { schema: { type: 'string', description: 'A compact JWS, `lienthong-receipt+jwt`.' } },
  },
})

const statement = {
  type: 'object',
  additionalProperties: false,
  required: ['jti', 'iat', 'aud', 'type', 'body'],
  properties: {
    jti: { type: 'string', description: 'The idempotency key. A message signed again keeps it.' },
    iat: { type: 'integer', description: 'Seconds since 1970; at most 300 s ago and 60 s ahead.' },
    exp: { type: 'integer', description: 'Seconds since 1970.' },
    iss: { type: 'string', description: 'The sending system, if given.' },
    aud: { type: 'string', description: 'The gateway’s id.' },
    type: { type: 'string', enum: canonicalTypes },
    subject: { type: 'string', description: 'The dossier code, if given.' },
    correlationId: text,
    causationId: text,
    body: anyBody,
  },
}

const reason = {
  type: 'object',
  properties: { code: text, cause: text, sentence: text, vietnamese: text, field: text, rule: text, detail: text },
}

const delivery = {
  type: 'object',
  properties: {
    id: text,
    system: text,
    route: text,
    position: { type: 'integer' },
    state: {
      type: 'string',
      enum: ['waiting', 'leased', 'blocked', 'held', 'delivered', 'dead', 'expired', 'discarded'],
    },
    reason,
    dueAt: time,
    settledAt: time,
    told: {
      type: 'string',
      enum: ['none', 'pending', 'told', 'not-told'],
      description:
        'For the sender alone: whether the notice of where this delivery stands has reached it. `none`: there was nothing it wants to be told.',
    },
    attempts: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          number: { type: 'integer' },
          startedAt: time,
          endedAt: time,
          outcome: text,
          code: text,
          cause: text,
          sentDigest: text,
          answerDigest: text,
          answerCode: text,
        },
      },
    },
  },
}

const message = {
  type: 'object',
  properties: {
    id: text,
    type: text,
    source: text,
    subject: text,
    acceptedAt: time,
    correlationId: text,
    causationId: text,
    idempotencyKey: text,
    bodyDigest: text,
    body: anyBody,
    deliveries: { type: 'array', items: delivery },
  },
}

const ledger = {
  type: 'object',
  properties: {
    dossierCode: text,
    systems: {
      type: 'array',
      items: {
        type: 'object',
        description: 'Where the dossier stands at one system.',
        properties: {
          system: text,
          state: text,
          reason,
          delivered: { type: 'integer' },
          open: { type: 'integer' },
          failed: { type: 'integer' },
          lastDeliveredAt: time,
        },
      },
    },
    messages: { type: 'array', items: message },
  },
}

const tags = ['messages']
const json = (schema: unknown, description: string) => ({ description, content: { 'application/json': { schema } } })
const unread = {
  401: problem('No access token, or one that is not accepted.'),
  404: problem('It does not exist, or the reader neither sent it nor was sent it.'),
}

/** What `/openapi.json` says of the canonical door. */
export const canonicalDocs = {
  send: {
    operationId: 'sendMessage',
    summary: 'Send a signed message',
    description:
      'A compact JWS (`application/jose`), or the JSON with a detached JWS in `x-jws-signature`; `typ` is ' +
      '`lienthong-message+jwt`. A repeat is answered with the same bytes.',
    tags,
    parameters: [
      { name: 'x-jws-signature', in: 'header', required: false, schema: text, description: 'With application/json.' },
    ],
    requestBody: {
      required: true,
      content: {
        'application/jose': { schema: { type: 'string', description: 'The statement below, signed.' } },
        'application/json': { schema: statement },
      },
    },
    responses: {
      202: receipt('Held durably: the signed receipt.'),
      400: problem('Not JSON, nested too deep, a key given twice, or not UTF-8.'),
      401: problem('The signature or a claim is not accepted.'),
      403: problem('The system may not send this type, or not for this agency.'),
      409: problem('The same `jti` was accepted before with other content.'),
      413: problem('Larger than the limit, which it names.'),
      415: problem('Another media type.'),
      422: problem('The message breaks its contract; `field` and `rule` say where.'),
      503: problem('Nothing was accepted; send it again after `Retry-After`.'),
    },
  },
  message: {
    operationId: 'readMessage',
    summary: 'Read a message and its deliveries',
    tags,
    security: [{ accessToken: [] }],
    responses: { 200: json(message, 'The message.'), ...unread },
  },
  receipt: {
    operationId: 'readReceipt',
    summary: 'Read the receipt of a message once more',
    tags,
    security: [{ accessToken: [] }],
    responses: { 200: receipt('The bytes that were answered first.'), ...unread },
  },
  dossier: {
    operationId: 'readDossier',
    summary: 'Read the ledger of a dossier',
    description: 'By its code or another name of it: every message, delivery and attempt the reader may see.',
    tags,
    security: [{ accessToken: [] }],
    responses: { 200: json(ledger, 'The ledger.'), ...unread },
  },
}
