import type { FastifyPluginAsync } from 'fastify'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { verifyAccessToken } from '../../gateway/envelopes/access-token.ts'
import type { AdapterContext } from '../definition.ts'
import type { Catalogue } from './catalogue.ts'
import type { Procedure } from './catalogue-record.ts'

type Ports = Pick<AdapterContext<unknown>, 'system' | 'gatewayId' | 'keyring' | 'doors' | 'tables' | 'clock'>

const pageSize = 100

/**
 * The procedure catalogue for systems with a registered key: `GET /catalogue/procedures` and how much of it is
 * configured here, by agency, `GET /catalogue/coverage`.
 */
export function createCatalogueDoor(catalogue: Catalogue, ports: Ports): FastifyPluginAsync {
  const { doors, keyring, gatewayId, clock, tables } = ports
  const isConfigured = ({ code }: Procedure) => tables.resolveProcedure(code, clock.now()) !== undefined
  return async (scope) => {
    doors.open(scope, { name: `${ports.system}:catalogue`, mediaTypes: [] })
    scope.addHook('onRequest', async (request) => {
      const [, token] = /^Bearer ([\w.-]+)$/i.exec(request.headers.authorization ?? '') ?? []
      if (token === undefined) throw new GatewayError('credential-missing')
      const reader = await verifyAccessToken(token, { keyring, audience: gatewayId, nowMs: clock.now() })
      doors.markSender(request, reader.system)
    })

    scope.get('/catalogue/procedures', { config: { doc: proceduresDoc } }, async (request, reply) => {
      const { agency, code, q, after } = queryOf(request.query, ['agency', 'code', 'q', 'after'])
      const words = q === undefined ? [] : folded(q).split(' ')
      const found = (await catalogue.procedures()).filter(
        (procedure) =>
          (agency === undefined || procedure.agency === agency) &&
          (code === undefined || procedure.code === code) &&
          (after === undefined || procedure.code > after) &&
          words.every((word) => folded(procedure.name ?? '').includes(word)),
      )
      const page = found.slice(0, pageSize)
      const next = found.length > pageSize ? { next: page.at(-1)?.code } : {}
      const procedures = page.map(({ updatedAtMs, ...procedure }) => ({
        ...procedure,
        isConfigured: isConfigured({ ...procedure, updatedAtMs }),
        readAt: new Date(updatedAtMs).toISOString(),
      }))
      return await reply.type('application/json; charset=utf-8').send(JSON.stringify({ procedures, ...next }))
    })

    scope.get('/catalogue/coverage', { config: { doc: coverageDoc } }, async (request, reply) => {
      queryOf(request.query, [])
      const coverage = coverageOf(await catalogue.procedures(), { isConfigured, names: await catalogue.agencies() })
      return await reply.type('application/json; charset=utf-8').send(JSON.stringify(coverage))
    })
  }
}

interface Count {
  readonly published: number
  readonly configured: number
}

/** Published procedures of each agency, and how many of them the mapping table knows. */
export function coverageOf(
  procedures: readonly Procedure[],
  by: {
    readonly isConfigured: (procedure: Procedure) => boolean
    readonly names: ReadonlyMap<string, string>
  },
) {
  const counts = new Map<string | undefined, Count>()
  for (const procedure of procedures) {
    const { published, configured } = counts.get(procedure.agency) ?? { published: 0, configured: 0 }
    const more = by.isConfigured(procedure) ? 1 : 0
    counts.set(procedure.agency, { published: published + 1, configured: configured + more })
  }
  const agencies = [...counts]
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
    .map(([agency, count]) => {
      const name = agency === undefined ? undefined : by.names.get(agency)
      // A procedure that is listed but not described yet has no known publisher.
      return { ...(agency === undefined ? {} : { agency }), ...(name ? { name } : {}), ...count, share: shareOf(count) }
    })
  const published = procedures.length
  const configured = agencies.reduce((sum, count) => sum + count.configured, 0)
  return { agencies, total: { published, configured, share: shareOf({ published, configured }) } }
}

function shareOf({ published, configured }: Count): number {
  return published === 0 ? 0 : Math.round((configured / published) * 10_000) / 10_000
}

/** The named parameters; anything else, or one given twice, is refused. */
function queryOf<Name extends string>(query: unknown, names: readonly Name[]): Readonly<Partial<Record<Name, string>>> {
  const given = Object.entries(typeof query === 'object' && query !== null ? query : {})
  const stray = given.find(([name, value]) => {
    const isKnown = names.some((known) => known === name)
    return !isKnown || typeof value !== 'string' || value.length > 200
  })
  if (stray) throw new GatewayError('contract-violated', { field: `?${stray[0].slice(0, 100)}`, rule: 'query' })
  return Object.fromEntries(given) as Partial<Record<Name, string>> // every name and value was checked
}

/** Vietnamese as people type it into a search box: without marks, in any case. */
function folded(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{Diacritic}/gu, '')
    .toLowerCase()
    .replaceAll('đ', 'd')
    .replace(/\s+/g, ' ')
    .trim()
}

const security = [{ accessToken: [] }]
const parameter = (name: string, description: string) => ({
  name,
  in: 'query',
  required: false,
  description,
  schema: { type: 'string', maxLength: 200 },
})
const text = { type: 'string' }
const count = { published: { type: 'integer' }, configured: { type: 'integer' }, share: { type: 'number' } }

const proceduresDoc = {
  operationId: 'listProcedures',
  summary: 'Procedures the national portal publishes',
  description: 'In the order of their codes, a hundred at a time.',
  tags: ['catalogue'],
  security,
  parameters: [
    parameter('agency', 'Only those that this agency publishes.'),
    parameter('code', 'Only the one with this code.'),
    parameter('q', 'Only those whose name has all of these words; accents and case do not matter.'),
    parameter('after', 'Only those behind this code: `next` of the page before.'),
  ],
  responses: {
    200: {
      description: 'A page of procedures; `next` is there when more follow.',
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['procedures'],
            properties: {
              procedures: {
                type: 'array',
                items: {
                  type: 'object',
                  required: ['code', 'isConfigured', 'readAt'],
                  properties: {
                    code: text,
                    name: text,
                    agency: text,
                    sectorCode: text,
                    sectorName: text,
                    isConfigured: { type: 'boolean', description: 'The mapping table of the province knows it.' },
                    readAt: { type: 'string', format: 'date-time' },
                  },
                },
              },
              next: text,
            },
          },
        },
      },
    },
  },
}

const coverageDoc = {
  operationId: 'catalogueCoverage',
  summary: 'How much of the catalogue is configured here',
  description: 'By publishing agency: procedures published, how many of them the mapping table knows, and their share.',
  tags: ['catalogue'],
  security,
  responses: {
    200: {
      description: 'Counts by agency, and in all.',
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['agencies', 'total'],
            properties: {
              agencies: {
                type: 'array',
                items: { type: 'object', properties: { agency: text, name: text, ...count } },
              },
              total: { type: 'object', properties: count },
            },
          },
        },
      },
    },
  },
}
