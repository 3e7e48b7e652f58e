/** `systems.document-axis`, as far as the adapter itself reads it. */
export interface DocumentAxisSettings {
  readonly url: string
  readonly timeouts: { readonly connect: string; readonly answer: string }
  readonly concurrency: number
  readonly insideNetwork: boolean
  readonly variant: 'sdk' | 'rest'
  readonly systemId: string
  readonly secret: string
  readonly pollEvery: string
  readonly lookBack: string
  readonly mustBeSigned: boolean
  readonly mustBindAttachments: boolean
  readonly signers: readonly { readonly agency: string; readonly keys: readonly string[] }[]
  readonly maxDocumentBytes: number
}

/** JSON Schema of what the document axis has beyond every system. */
export const documentAxisSchema: Readonly<Record<string, unknown>> = {
  required: ['url', 'systemId', 'secret'],
  properties: {
    url: {
      type: 'string',
      'x-url': true,
      maxLength: 1000,
      description: 'Where the axis is: everything it offers lies below, `/v1` of the REST variant included.',
    },
    variant: {
      enum: ['sdk', 'rest'],
      default: 'sdk',
      description: 'How it is spoken to: `sdk` by signed headers (SDKVXP), `rest` by multipart with two credentials.',
    },
    systemId: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      pattern: '^[A-Za-z0-9._:-]+$',
      description: 'Our name at the axis.',
    },
    secret: {
      type: 'string',
      minLength: 8,
      maxLength: 1000,
      'x-secret': true,
      description: 'The secret that goes with it.',
    },
    pollEvery: {
      type: 'string',
      'x-duration': true,
      default: '1m',
      description: 'How often it is asked for documents sent to us.',
    },
    lookBack: {
      type: 'string',
      'x-duration': true,
      default: '7d',
      description: 'How far back lists are asked for, where the variant wants dates. What is taken is not taken twice.',
    },
    mustBeSigned: {
      type: 'boolean',
      default: true,
      description:
        'Whether a document without a signature is refused. One that bears a signature must have a good one.',
    },
    mustBindAttachments: {
      type: 'boolean',
      default: true,
      description: 'Whether a signed document is refused whose signature does not cover its attachments.',
    },
    signers: {
      type: 'array',
      maxItems: 5000,
      default: [],
      description: 'Whose signature is whose: the keys registered for this system that an agency signs with.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['agency', 'keys'],
        description: 'One agency.',
        properties: {
          agency: { type: 'string', minLength: 1, maxLength: 50, description: 'Its code, as `From/OrganId` names it.' },
          keys: {
            type: 'array',
            minItems: 1,
            maxItems: 20,
            items: { type: 'string', minLength: 1, maxLength: 128, description: 'A key’s id.' },
            description: 'Ids of its keys.',
          },
        },
      },
    },
    maxDocumentBytes: {
      type: 'integer',
      minimum: 65_536,
      maximum: 100_663_296,
      default: 33_554_432,
      description: 'The largest document taken from the axis, its attachments included.',
    },
  },
}
