/** A name and password of the drop-in door, and the agencies it may send for. */
export interface DropInCredential {
  readonly username: string
  readonly password: string
  readonly speaksFor: readonly string[]
}

/** The door that looks like the national adapter; paths are below `/XrdAdapter|VXPAdapter/RestService/forward/`. */
export interface DropInSettings {
  readonly enabled: boolean
  readonly loginPath: string
  readonly dataPath: string
  readonly catalogPath: string
  readonly maxBodyBytes: number
  readonly sessionTtl: string
  readonly credentials: readonly DropInCredential[]
}

/** `systems.one-window`, as far as the adapter itself reads it. */
export interface OneWindowSettings {
  readonly url?: string
  readonly timeouts: { readonly connect: string; readonly answer: string }
  readonly concurrency: number
  readonly insideNetwork: boolean
  readonly dropIn: DropInSettings
}

const path = (name: string, usual: string) => ({
  type: 'string',
  pattern: '^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*$',
  maxLength: 100,
  default: usual,
  description: `Where it ${name}, below \`/XrdAdapter|VXPAdapter/RestService/forward/\`.`,
})

/** JSON Schema of what the one-window has beyond every system. */
export const oneWindowSchema: Readonly<Record<string, unknown>> = {
  properties: {
    dropIn: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'The door for unchanged one-window products: it speaks as the national adapter does.',
      properties: {
        enabled: { type: 'boolean', default: false, description: 'Whether this door is open.' },
        loginPath: path('logs in', 'mapi/login'),
        dataPath: path('sends and looks up dossiers', 'mapi/g'),
        catalogPath: path('reads catalogues', 'mapi/g'),
        maxBodyBytes: {
          type: 'integer',
          minimum: 65_536,
          maximum: 268_435_456,
          default: 4_194_304,
          description: 'Largest batch in bytes, beyond it 413; `limits.bodyBytes` holds besides.',
        },
        sessionTtl: {
          type: 'string',
          'x-duration': true,
          default: '24h',
          description: 'How long a session lives. Products that never log in again need a long one.',
        },
        credentials: {
          type: 'array',
          maxItems: 200,
          default: [],
          'x-unique': ['username'],
          description: 'Who may log in.',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['username', 'password', 'speaksFor'],
            description: 'One account.',
            properties: {
              username: { type: 'string', minLength: 1, maxLength: 200, description: 'Its name.' },
              password: {
                type: 'string',
                minLength: 8,
                maxLength: 1000,
                'x-secret': true,
                description: 'Its password.',
              },
              speaksFor: {
                type: 'array',
                minItems: 1,
                maxItems: 1000,
                items: { type: 'string', minLength: 1, 'x-agency': true, description: 'An agency code.' },
                description: 'Agencies it may send for, each with all below it.',
              },
            },
          },
        },
      },
    },
  },
}
