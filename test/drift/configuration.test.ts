import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { readInstallation } from '../../bin/installation.ts'
import { type Config, configSchema, loadConfig } from '../../config.ts'
import type { JsonSchema } from '../../contracts/configuration.ts'
import { startGateway } from '../../server.ts'

const { adapters } = await readInstallation()
const root = path.resolve(import.meta.dirname, '../..')

/** What is read only once there is a use for it, and where. */
const readLater: Readonly<Record<string, string>> = {
  calendar: 'gateway/bus',
  'keys.trust': 'gateway/envelopes/key-folder.ts',
  'systems.one-window.quota': 'gateway/bus',
  'systems.one-window.retry': 'gateway/bus',
  'systems.one-window.simulator': 'config.ts',
  'systems.one-window.tell': 'server.ts',
}

t.test(
  'every field of the configuration is read when the gateway starts, or later where it is said to be',
  async (t) => {
    const config = everything(t)
    const read = new Set<string>()
    const gateway = await startGateway(watched(config, { place: [], read }), silence())
    await gateway.stop()
    const { systems, files: _, ...common } = configSchema(adapters).properties ?? {}
    const own = Object.keys(adapters.find(({ system }) => system === 'one-window')?.settings.properties ?? {})
    const unread = [
      ...fieldsOf({ properties: common }),
      'files.enabled',
      ...fieldsOf(systems?.properties?.['one-window'] ?? {}, ['systems', 'one-window']).filter(
        (field) => !own.includes(field.split('.')[2] ?? ''),
      ),
    ].filter((field) => !read.has(field))
    const never = unread.filter((field) => {
      const place = Object.keys(readLater).find((place) => field === place || field.startsWith(`${place}.`))
      const reader = place && readLater[place]
      const name = new RegExp(`\\b${field.split('.').at(-1)}\\b`)
      return !reader || !name.test(sourcesBelow(path.join(root, reader)))
    })
    t.same(never, [])
  },
)

t.test('what nobody reads at the start is read by name where it belongs', async (t) => {
  const { systems, files } = configSchema(adapters).properties ?? {}
  const unread = (schema: JsonSchema, folders: readonly string[]): readonly string[] => {
    const text = folders.map((folder) => sourcesBelow(path.join(root, folder))).join('\n')
    return fieldsOf(schema).filter((field) => !new RegExp(`\\b${field.split('.').at(-1)}\\b`).test(text))
  }
  const { enabled: _, ...own } = files?.properties ?? {}
  t.same(unread({ properties: own }, ['adapters/files', 'gateway/files']), [])
  for (const { system, settings } of adapters) {
    const own = systems?.properties?.[system]?.properties ?? {}
    const properties = Object.fromEntries(
      Object.keys(Object(settings.properties)).map((name) => [name, own[name] ?? {}]),
    )
    t.same(unread({ properties }, [`adapters/${system}`]), [], system)
  }
})

/** A configuration in which nothing is left out that somebody could read. */
function everything(t: Test): Config {
  const folder = t.testdir({
    'gateway.json': JSON.stringify({
      gateway: { id: 'lien-thong-drift', url: 'http://127.0.0.1' },
      listen: { port: 0, hosts: ['127.0.0.1'], operations: { port: 0 } },
      dataDir: 'data',
      log: { level: 'fatal' },
      operators: [{ name: 'an', role: 'viewer', token: { env: 'TOKEN' } }],
      systems: {
        'one-window': {
          url: 'http://127.0.0.1:9',
          rate: { perSecond: 1, burst: 1 },
          retry: { schedule: ['1s'] },
        },
      },
    }),
  })
  return loadConfig({ path: path.join(folder, 'gateway.json'), env: { TOKEN: 'x'.repeat(32) }, adapters })
}

/** The same data, noting each member that is asked for. */
function watched<Value>(value: Value, of: { readonly place: readonly string[]; readonly read: Set<string> }): Value {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const inner = Object.entries(value).map(([name, member]) => {
    return [name, watched(member, { ...of, place: [...of.place, name] })]
  })
  return new Proxy(Object.fromEntries(inner), {
    get(target, name) {
      of.read.add([...of.place, String(name)].join('.'))
      return Reflect.get(target, name)
    },
  })
}

/** Dotted places of what has no members of its own; what can have one value alone tells nobody anything. */
function fieldsOf(schema: JsonSchema, place: readonly string[] = []): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    if (field.properties && !field['x-secret']) return fieldsOf(field, [...place, name])
    if (Array.isArray(field.enum) && field.enum.length === 1) return []
    return [[...place, name].join('.')]
  })
}

function sourcesBelow(folder: string): string {
  if (folder.endsWith('.ts')) return readFileSync(folder, 'utf8')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && path.basename(file) !== 'settings.ts')
    .map((file) => readFileSync(path.join(folder, file), 'utf8'))
    .join('\n')
}

function silence(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}
