/** `systems.national-portal`: what stands beside what every system has. Durations are text, secrets resolved. */
export interface NationalPortalSettings {
  /** Up to and with `…/RestService/forward`; the three paths are below it. */
  readonly url: string
  readonly timeouts: { readonly connect: string; readonly answer: string }
  readonly concurrency: number
  readonly insideNetwork: boolean
  readonly username: string
  readonly password: string
  readonly madonvi: string
  readonly dstcode: string
  readonly dstcodeIn: 'header' | 'query'
  readonly loginPath: string
  readonly dataPath: string
  readonly catalogPath: string
  readonly progressRepeat: 'resend' | 'hold'
  readonly settlingTime: string
  readonly catalogue: CatalogueSettings
  readonly inbound?: InboundSettings
}

export interface CatalogueSettings {
  readonly every: string
  readonly renewRecordsAfter: string
  readonly parallelCalls: number
}

/** Who may call our doors in the portal's name, and for whom they call. */
export interface InboundSettings {
  readonly allowFrom?: readonly string[]
  readonly apiKey?: string
  readonly receivingUnit: string
  readonly maxBodyBytes: number
  readonly promotion: { readonly enabled: boolean }
  readonly submitted: { readonly enabled: boolean }
}

const text = (description: string, more: Readonly<Record<string, unknown>> = {}) => ({
  type: 'string',
  minLength: 1,
  maxLength: 400,
  description,
  ...more,
})

const duration = (description: string, standard: string) => ({
  type: 'string',
  'x-duration': true,
  default: standard,
  description,
})

const inbound = {
  type: 'object',
  description: 'Our own doors that the portal calls; without it there are none.',
  additionalProperties: false,
  required: ['receivingUnit'],
  // A door without a way to know its caller would be open to everybody.
  anyOf: [
    { type: 'object', required: ['allowFrom'], properties: { allowFrom: {} } },
    { type: 'object', required: ['apiKey'], properties: { apiKey: {} } },
  ],
  properties: {
    allowFrom: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: text('An address or a CIDR range.'),
      description: 'Addresses the portal calls from; others are refused.',
    },
    apiKey: text('What the portal must send as `x-api-key`; beside `allowFrom` both must hold.', {
      minLength: 16,
      'x-secret': true,
    }),
    receivingUnit: text('The agency that receives what names no receiving unit of its own.', { 'x-agency': true }),
    maxBodyBytes: {
      type: 'integer',
      minimum: 1024,
      maximum: 10_485_760,
      default: 10_485_760,
      description: 'Largest request with its inline files, in bytes.',
    },
    promotion: {
      type: 'object',
      description: 'Promotion notices (`addtthcKhuyenMai`).',
      additionalProperties: false,
      default: {},
      properties: { enabled: { type: 'boolean', default: true, description: 'Whether the door is there.' } },
    },
    submitted: {
      type: 'object',
      description: 'Dossiers filed at the portal (`nhanhsdvcqg`). Their form is assumed: no source documents it.',
      additionalProperties: false,
      default: {},
      properties: { enabled: { type: 'boolean', default: false, description: 'Whether the door is there.' } },
    },
  },
}

/** JSON Schema of `systems.national-portal`. */
export const nationalPortalSettings = {
  required: ['url', 'username', 'password', 'madonvi', 'dstcode', 'dstcodeIn', 'loginPath', 'dataPath', 'catalogPath'],
  properties: {
    url: {
      type: 'string',
      'x-url': true,
      description: 'The adapter’s address up to and with `/XrdAdapter/RestService/forward` or `/VXPAdapter/…`.',
    },
    username: text('Account at the portal.'),
    password: text('Its password.', { 'x-secret': true }),
    madonvi: text('Agency code that every request names; the portal ties it to the account.', { 'x-agency': true }),
    dstcode: text('Where the adapter forwards to, like `VN:GOV:000.00.00.G22:vpcpdvcprovider`.'),
    dstcodeIn: { type: 'string', enum: ['header', 'query'], description: 'Where `dstcode` is written.' },
    loginPath: text('Path of the login below `url`, like `mapi/login`.'),
    dataPath: text('Path of the data services below `url`; no public source states it, `mapi/g` is usual.'),
    catalogPath: text('Path of the catalogue services below `url`.'),
    progressRepeat: {
      type: 'string',
      enum: ['resend', 'hold'],
      default: 'hold',
      description: 'What to do when nobody knows whether a progress entry or an outcome has arrived.',
    },
    settlingTime: duration('How long after an unanswered create the portal’s “not there” is not believed.', '2m'),
    catalogue: {
      type: 'object',
      description: 'The procedure catalogue, pulled from the portal.',
      additionalProperties: false,
      default: {},
      properties: {
        every: duration('How often the lists are read.', '6h'),
        renewRecordsAfter: duration('Age at which a procedure’s full record is read again.', '7d'),
        parallelCalls: {
          type: 'integer',
          minimum: 1,
          maximum: 16,
          default: 4,
          description: 'Calls at the same time while the catalogue is read.',
        },
      },
    },
    inbound,
  },
} as const
