/**
 * A JSON Schema with our annotations: x-secret, x-key, x-duration, x-url, x-path (`file` must exist, `any` not), x-agency,
 * x-unique (members that no two items share).
 */
export interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly [keyword: string]: unknown
}

/** `gateway.json` (JSON Schema 2020-12), with the systems there are by name. */
export function configurationSchema(systems: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return {
    type: 'object',
    description: 'The gateway’s configuration.',
    additionalProperties: false,
    required: ['gateway'],
    properties: {
      environment: {
        type: 'string',
        enum: ['development', 'test', 'production'],
        default: 'development',
        description:
          'Production refuses demo keys, simulators, clear-text partners, made-up code tables and a missing signing key.',
      },
      gateway: {
        type: 'object',
        description: 'Who this gateway is to its partners.',
        additionalProperties: false,
        required: ['id', 'url'],
        properties: {
          id: {
            type: 'string',
            minLength: 1,
            maxLength: 64,
            pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]*$',
            description: 'Its name: the issuer of receipts and the audience that senders must sign for.',
          },
          url: {
            type: 'string',
            'x-url': true,
            description: 'The address at which partners reach it, without a path.',
          },
        },
      },
      listen: {
        type: 'object',
        description: 'Where it listens.',
        additionalProperties: false,
        default: {},
        properties: {
          host: { type: 'string', minLength: 1, default: '127.0.0.1', description: 'Address to bind.' },
          port: {
            type: 'integer',
            minimum: 0,
            maximum: 65535,
            default: 8700,
            description: 'Port to bind; 0 takes a free one.',
          },
          trustProxy: {
            type: 'array',
            items: { type: 'string', minLength: 1, description: 'An address or a CIDR range.' },
            default: [],
            description: 'Reverse proxies whose X-Forwarded-For is believed; none by default.',
          },
          operations: {
            type: 'object',
            description:
              'An address of their own for `/health`, `/metrics` and `/admin`, which are then not where partners are; shared when absent.',
            additionalProperties: false,
            required: ['port'],
            properties: {
              host: { type: 'string', minLength: 1, default: '127.0.0.1', description: 'Address to bind.' },
              port: {
                type: 'integer',
                minimum: 0,
                maximum: 65535,
                description: 'Port to bind; 0 takes a free one.',
              },
            },
          },
          hosts: {
            type: 'array',
            minItems: 1,
            maxItems: 100,
            items: {
              type: 'string',
              maxLength: 253,
              pattern: '^(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])$',
              description: 'A host name or an address, without port.',
            },
            description:
              'Names in `Host` that are answered for, others get 421; any when absent. Health checks send one too.',
          },
        },
      },
      dataDir: {
        type: 'string',
        minLength: 1,
        'x-path': 'any',
        default: './data',
        description: 'Folder for everything durable; made when missing.',
      },
      keys: {
        type: 'object',
        description: 'The gateway’s own keys.',
        additionalProperties: false,
        default: {},
        properties: {
          signing: {
            type: 'object',
            'x-secret': true,
            required: ['kty', 'crv', 'x', 'y', 'd', 'kid', 'alg', 'use'],
            properties: {
              kty: { type: 'string', const: 'EC', description: 'Key type.' },
              crv: { type: 'string', const: 'P-256', description: 'Curve.' },
              x: { type: 'string', description: 'Public point.' },
              y: { type: 'string', description: 'Public point.' },
              d: { type: 'string', description: 'Private part.' },
              kid: { type: 'string', minLength: 1, maxLength: 128, description: 'Key id.' },
              alg: { type: 'string', const: 'ES256', description: 'Algorithm.' },
              use: { type: 'string', const: 'sig', description: 'What it is for.' },
            },
            description:
              'ES256 key (private JWK) that signs receipts, answers and outgoing messages; `npx lienthong keys generate` makes one. Required in production unless `keys.folder` holds one.',
          },
          folder: {
            type: 'string',
            minLength: 1,
            'x-path': 'any',
            description:
              'Folder of further keys, ours and partners’, each with its purpose and dates; `npx lienthong keys` keeps it, and it is read again while the gateway runs.',
          },
          trust: {
            type: 'string',
            minLength: 1,
            'x-path': 'file',
            description:
              'Root certificates (PEM) that partners’ certificates must lead to; without it a registered certificate is believed for its dates.',
          },
          revocationLists: {
            type: 'array',
            maxItems: 64,
            default: [],
            items: { type: 'string', minLength: 1, 'x-path': 'file', description: 'A list, DER or PEM.' },
            description: 'Certificate revocation lists, read again when they change.',
          },
        },
      },
      directory: {
        type: 'object',
        description: 'The province’s own code tables; the demonstration tables when absent.',
        additionalProperties: false,
        default: {},
        properties: {
          agencies: { type: 'string', minLength: 1, 'x-path': 'file', description: 'Agencies, as a JSON file.' },
          procedures: {
            type: 'string',
            minLength: 1,
            'x-path': 'file',
            description: 'Procedure codes, as a JSON file.',
          },
        },
      },
      limits: {
        type: 'object',
        description: 'What a stranger or a mistake may cost at most.',
        additionalProperties: false,
        default: {},
        properties: {
          bodyBytes: {
            type: 'integer',
            minimum: 1024,
            maximum: 268_435_456,
            default: 10_485_760,
            description: 'Largest request body in bytes; beyond it 413.',
          },
          refusalsPerSourceAndMinute: {
            type: 'integer',
            minimum: 1,
            maximum: 10_000,
            default: 10,
            description: 'Refusals of one source audited one by one in a minute; the rest become one counted record.',
          },
          minFreeDiskBytes: {
            type: 'integer',
            minimum: 0,
            default: 268_435_456,
            description: 'Below this much free space under `dataDir` the gateway reports itself not ready.',
          },
        },
      },
      routes: {
        type: 'object',
        description: 'Changes to routes, by name; a route not named here runs as written.',
        default: {},
        additionalProperties: routeSettings,
      },
      log: {
        type: 'object',
        description: 'The log, JSON lines on standard output.',
        additionalProperties: false,
        default: {},
        properties: {
          level: {
            type: 'string',
            enum: ['fatal', 'error', 'warn', 'info', 'debug'],
            default: 'info',
            description: 'The least severe level that is written.',
          },
        },
      },
      store: {
        type: 'object',
        description: 'The message store.',
        additionalProperties: false,
        default: {},
        properties: {
          kind: { type: 'string', enum: ['sqlite'], default: 'sqlite', description: 'Which store.' },
          path: {
            type: 'string',
            minLength: 1,
            'x-path': 'any',
            description: 'The database file; `lienthong.sqlite` under `dataDir` when absent.',
          },
        },
      },
      retention: {
        type: 'object',
        description: 'How long what was said is kept beside the proof that it was said; receipts and digests stay.',
        additionalProperties: false,
        default: {},
        properties: {
          bodies: {
            type: 'string',
            'x-duration': true,
            default: '1825d',
            description:
              'How long after the last thing that happened to a dossier its bodies, original bytes and sent documents leave. Nothing leaves while something of it is open or under legal hold.',
          },
          every: {
            type: 'string',
            'x-duration': true,
            default: '1h',
            description: 'How often what has come of age is looked for.',
          },
        },
      },
      calendar: {
        type: 'object',
        description: 'When the offices work; terms are counted with it.',
        additionalProperties: false,
        default: {},
        properties: {
          workingWeekdays: {
            type: 'array',
            minItems: 1,
            maxItems: 7,
            uniqueItems: true,
            items: { type: 'integer', minimum: 1, maximum: 7, description: 'A weekday.' },
            default: [1, 2, 3, 4, 5],
            description: 'Working days of a week, 1 Monday to 7 Sunday.',
          },
          holidays: {
            type: 'array',
            maxItems: 1000,
            items: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'A day, yyyy-mm-dd.' },
            default: [],
            description: 'Days on which nobody works.',
          },
        },
      },
      processes: {
        type: 'object',
        description: 'Terms of exchanges of several messages.',
        additionalProperties: false,
        default: {},
        properties: {
          portalFiledReception: {
            type: 'object',
            description: 'A dossier filed at the national portal waits to be received.',
            additionalProperties: false,
            default: {},
            properties: {
              workingDays: {
                type: 'integer',
                minimum: 1,
                maximum: 365,
                default: 1,
                description: 'Working days after the day of filing; then a person is told. One day is assumed.',
              },
            },
          },
        },
      },
      files: filesSettings,
      operators: {
        type: 'array',
        maxItems: 200,
        default: [],
        // The audit log must say who it was: one name, one person; one token, one person.
        'x-unique': ['name', 'token'],
        description: 'People who may use the operators’ API below `/admin`; nobody by default.',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['name', 'role', 'token'],
          description: 'One person.',
          properties: {
            name: {
              type: 'string',
              pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$',
              description: 'What the audit log calls them.',
            },
            role: {
              type: 'string',
              enum: ['viewer', 'operator', 'admin'],
              description:
                'A viewer reads; an operator also acts on single and selected deliveries and on channels; an admin also on everything that matches a filter, and may expire and override.',
            },
            token: {
              type: 'string',
              minLength: 32,
              maxLength: 512,
              'x-secret': true,
              description: 'Their bearer token, 32 characters or more.',
            },
          },
        },
      },
      systems: {
        type: 'object',
        description: 'The partners, by name; one that is not named is switched off.',
        additionalProperties: false,
        default: {},
        properties: systems,
      },
    },
  }
}

/** What every system has under `systems.<name>`; its keys may be for these signature algorithms. */
export function systemSettings(algorithms: readonly string[]): Readonly<Record<string, JsonSchema>> {
  return {
    enabled: { type: 'boolean', default: true, description: 'Whether the gateway talks with this system.' },
    url: { type: 'string', 'x-url': true, description: 'Where the gateway reaches it.' },
    timeouts: {
      type: 'object',
      description: 'How long the gateway waits for it.',
      additionalProperties: false,
      default: {},
      properties: {
        connect: duration('5s', 'For a connection.'),
        answer: duration('30s', 'For a whole answer.'),
      },
    },
    concurrency: {
      type: 'integer',
      minimum: 1,
      maximum: 256,
      default: 8,
      description: 'Deliveries under way to it at the same time.',
    },
    insideNetwork: {
      type: 'boolean',
      default: false,
      description: 'Its `url` may lead to a private address. Without it such addresses are never called.',
    },
    simulator: { type: 'boolean', default: false, description: 'It is a stand-in; refused in production.' },
    keys: {
      type: 'array',
      maxItems: 32,
      default: [],
      items: {
        type: 'object',
        'x-key': true,
        description: 'A public JWK, or `{ "file": "path" }` of one.',
      },
      description: 'Public keys it signs with.',
    },
    algorithms: {
      type: 'array',
      uniqueItems: true,
      default: ['ES256', 'EdDSA', 'PS256', 'RS256'],
      items: { type: 'string', enum: algorithms, description: 'A JWS algorithm.' },
      description: 'Signature algorithms its keys may be used with; a key of another one is refused.',
    },
    speaksFor: {
      type: 'array',
      maxItems: 1000,
      default: [],
      items: { type: 'string', minLength: 1, 'x-agency': true, description: 'An agency code.' },
      description: 'Agencies it may name as the receiving unit, each with all below it.',
    },
    tell: {
      type: 'array',
      uniqueItems: true,
      default: ['held', 'dead', 'expired', 'discarded'],
      items: {
        type: 'string',
        enum: ['delivered', 'held', 'dead', 'expired', 'discarded'],
        description: 'A delivery state.',
      },
      description: 'Ends of its messages’ deliveries that it is told of by a signed notice.',
    },
    quota: {
      type: 'object',
      description: 'What it may ask of the gateway; beyond it 429 with Retry-After.',
      additionalProperties: false,
      default: {},
      properties: {
        perSecond: perSecond('Messages a second.', 2_000),
        burst: count('Messages at once.', { usual: 10_000, most: 1_000_000 }),
        backlog: count('Deliveries of its messages under way.', { usual: 200_000, most: 10_000_000 }),
      },
    },
    rate: {
      type: 'object',
      description: 'The most it is sent; without it as fast as `concurrency` allows.',
      additionalProperties: false,
      required: ['perSecond', 'burst'],
      properties: {
        perSecond: perSecond('Deliveries a second.'),
        burst: count('Deliveries at once.', { most: 10_000 }),
      },
    },
    breaker: {
      type: 'object',
      description: 'When its channel breaks, and how long it then rests between probes.',
      additionalProperties: false,
      default: {},
      properties: {
        lanes: count('Different dossiers that fail in a row; one alone never breaks it.', { usual: 5, most: 1_000 }),
        firstPause: duration('5s', 'Rest after the first break; doubles with each one after it.'),
        longestPause: duration('5m', 'The longest rest.'),
      },
    },
    retry: retryChange('How every delivery to it is tried again; wins over what `routes.<name>.retry` says.'),
  }
}

const duration = (text: string | undefined, description: string): JsonSchema => ({
  type: 'string',
  'x-duration': true,
  ...(text === undefined ? {} : { default: text }),
  description,
})

const retryChange = (description: string): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: false,
  properties: {
    schedule: {
      type: 'array',
      minItems: 1,
      maxItems: 32,
      items: duration(undefined, 'A delay.'),
      description: 'Delays before the second, third … attempt; the last one repeats.',
    },
    exponential: {
      type: 'object',
      description: 'Delays that grow, in place of a schedule.',
      additionalProperties: false,
      required: ['first', 'factor', 'cap'],
      properties: {
        first: duration(undefined, 'Delay before the second attempt.'),
        factor: { type: 'number', minimum: 1, maximum: 100, description: 'How many times as long each next one is.' },
        cap: duration(undefined, 'The longest.'),
      },
    },
    jitter: { type: 'number', minimum: 0, maximum: 1, description: 'Share of a delay drawn at random, 0 to 1.' },
    giveUpAfter: duration(undefined, 'Age after which a delivery is dead.'),
    deadline: duration(undefined, 'The longest one attempt may take.'),
  },
})

const filesSettings: JsonSchema = {
  type: 'object',
  description: 'Files that travel with messages: fetched, kept by digest, handed on by signed links (docs/files.md).',
  additionalProperties: false,
  default: {},
  properties: {
    enabled: {
      type: 'boolean',
      default: false,
      description: 'Whether files are brought along. Without it links and base64 go to receivers as they came.',
    },
    maxBytes: {
      type: 'integer',
      minimum: 1024,
      maximum: 5_368_709_120,
      default: 115_343_360,
      description: 'Largest file by link or upload, in bytes; beyond it 413.',
    },
    maxInlineBytes: {
      type: 'integer',
      minimum: 1024,
      maximum: 104_857_600,
      default: 20_971_520,
      description: 'Largest file as base64 within a document, in bytes of the file; beyond it 413.',
    },
    mediaTypes: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: { type: 'string', minLength: 3, maxLength: 200, description: 'A media type.' },
      description: 'Types that are taken; papers, pictures and signed containers when absent.',
    },
    hosts: {
      type: 'array',
      maxItems: 1000,
      default: [],
      description: 'Hosts that files are fetched from; nothing is fetched from any other.',
      items: {
        type: 'object',
        description: 'One host.',
        additionalProperties: false,
        required: ['host'],
        properties: {
          host: {
            type: 'string',
            minLength: 1,
            maxLength: 260,
            pattern: '^(?:[A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])(?::\\d{1,5})?$',
            description: 'A name or an address, with a port unless it is the scheme’s own.',
          },
          insideNetwork: {
            type: 'boolean',
            default: false,
            description: 'It may lead to a private address. Without it such addresses are never called.',
          },
          clearText: { type: 'boolean', default: false, description: '`http:` may be spoken to it.' },
        },
      },
    },
    fetchDeadline: duration('10m', 'For fetching one file, resumptions included.'),
    uploadTimeout: duration('1m', 'For one whole upload.'),
    linkLifetime: duration('365d', 'How long a link given to a receiver opens, from the acceptance of its message.'),
    retention: duration('30d', 'How long a file stays that no message needs.'),
    scan: {
      type: 'object',
      description: 'ClamAV’s daemon; every file passes it. Without this section files are not scanned.',
      additionalProperties: false,
      required: ['host'],
      properties: {
        host: { type: 'string', minLength: 1, description: 'Where `clamd` listens.' },
        port: { type: 'integer', minimum: 1, maximum: 65535, default: 3310, description: 'Its TCP port.' },
        timeout: duration('60s', 'For one file.'),
      },
    },
    signatures: {
      type: 'object',
      description: 'The check of signed PDFs.',
      additionalProperties: false,
      required: ['trustAnchors'],
      properties: {
        routes: {
          type: 'array',
          maxItems: 100,
          default: [],
          items: { type: 'string', minLength: 1, description: 'A route.' },
          description: 'Routes whose receivers are told what was found.',
        },
        trustAnchors: {
          type: 'array',
          minItems: 1,
          maxItems: 100,
          items: { type: 'string', minLength: 1, 'x-path': 'file', description: 'A PEM file.' },
          description: 'Certificates of the authorities whose signers are trusted.',
        },
        maxBytes: {
          type: 'integer',
          minimum: 1024,
          maximum: 104_857_600,
          default: 20_971_520,
          description: 'Larger files are not checked, and said not to be.',
        },
      },
    },
    s3: {
      type: 'object',
      description: 'An S3-compatible store instead of the folder `files` under `dataDir`.',
      additionalProperties: false,
      required: ['endpoint', 'bucket', 'accessKeyId', 'secretAccessKey'],
      properties: {
        endpoint: { type: 'string', 'x-url': true, description: 'Its address.' },
        region: { type: 'string', minLength: 1, default: 'us-east-1', description: 'Its region.' },
        bucket: { type: 'string', minLength: 3, maxLength: 63, description: 'A bucket that is there.' },
        prefix: {
          type: 'string',
          default: '',
          pattern: '^(?:[A-Za-z0-9._-]+/)*$',
          description: 'Begins every key; ends in a slash.',
        },
        accessKeyId: { type: 'string', minLength: 1, description: 'Who we are there.' },
        secretAccessKey: { type: 'string', 'x-secret': true, minLength: 1, description: 'The proof of it.' },
        timeout: duration('60s', 'For one request.'),
      },
    },
  },
}

const routeSettings: JsonSchema = {
  type: 'object',
  description: 'One route.',
  additionalProperties: false,
  properties: {
    enabled: { type: 'boolean', default: true, description: 'Whether it takes new messages.' },
    shadow: { type: 'boolean', description: 'Maps, checks and records what it would send, and sends nothing.' },
    retry: retryChange('How its deliveries are tried again; what is absent stays as the route says.'),
    systems: {
      type: 'object',
      description: 'By system: what is said of this route on the way to that system; it wins over all else.',
      additionalProperties: {
        type: 'object',
        description: 'One system.',
        additionalProperties: false,
        properties: { retry: retryChange('How this route’s deliveries to it are tried again.') },
      },
    },
  },
}

const perSecond = (description: string, usual?: number): JsonSchema => ({
  type: 'number',
  exclusiveMinimum: 0,
  maximum: 100_000,
  ...(usual === undefined ? {} : { default: usual }),
  description,
})

const count = (description: string, of: { readonly usual?: number; readonly most: number }): JsonSchema => ({
  type: 'integer',
  minimum: 1,
  maximum: of.most,
  ...(of.usual === undefined ? {} : { default: of.usual }),
  description,
})
