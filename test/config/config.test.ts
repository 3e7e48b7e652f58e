import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { ConfigError, type ConfigSource, type ConfigurableSystem, loadConfig } from '../../config.ts'
import { generateSigningJwk, publicHalf } from '../../gateway/envelopes/keyring.ts'

const post: ConfigurableSystem = {
  system: 'post-office',
  settings: {
    required: ['url', 'password'],
    properties: {
      password: { type: 'string', minLength: 4, 'x-secret': true, description: 'What the gateway logs in with.' },
      catalogue: {
        type: 'object',
        additionalProperties: false,
        default: {},
        properties: { every: { type: 'string', 'x-duration': true, default: '6h', description: 'How often.' } },
        description: 'The catalogue.',
      },
      credentials: {
        type: 'array',
        default: [],
        description: 'Who may log in here.',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['username', 'password'],
          properties: {
            username: { type: 'string', description: 'Name.' },
            password: { type: 'string', 'x-secret': true, description: 'Password.' },
          },
        },
      },
    },
  },
}

const gateway = { id: 'lien-thong-test', url: 'https://gateway.example.vn' }
const reachable = { url: 'https://post.example.vn', password: { env: 'POST_PASSWORD' } }
const signing = generateSigningJwk()
const env = { POST_PASSWORD: 'mat-khau-thu', SIGNING: JSON.stringify(signing) }

type Written = Readonly<Record<string, unknown>>

function written(test: Test, document: Written | string): string {
  const folder = test.testdir()
  const file = path.join(folder, 'gateway.json')
  writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document))
  return file
}

function load(test: Test, document: Written | string, rest: Partial<ConfigSource> = {}) {
  return loadConfig({ path: written(test, document), env, adapters: [post], ...rest })
}

/** The mistakes of a document that must not load, by their paths. */
function mistakes(test: Test, document: Written | string, rest: Partial<ConfigSource> = {}) {
  try {
    load(test, document, rest)
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown
    return { text: thrown.message, of: Object.fromEntries(thrown.mistakes.map(({ path, what }) => [path, what])) }
  }
  test.fail('the configuration was accepted')
  return { text: '', of: {} }
}

t.test('the smallest configuration is filled in with defaults', async (t) => {
  const config = load(t, { gateway })
  t.equal(config.environment, 'development')
  t.same(config.listen, { host: '127.0.0.1', port: 8700, trustProxy: [] })
  t.equal(config.limits.bodyBytes, 10 * 1024 * 1024)
  t.equal(config.limits.refusalsPerSourceAndMinute, 10)
  t.same(config.systems, {})
  t.equal(config.keys.signing, undefined)
})

t.test('a system gets what every system has beside its own settings', async (t) => {
  const system = load(t, { gateway, systems: { 'post-office': reachable } }).systems['post-office']
  t.match(system, { enabled: true, concurrency: 8, insideNetwork: false, timeouts: { connect: '5s', answer: '30s' } })
  t.match(system, { password: 'mat-khau-thu', catalogue: { every: '6h' } })
  t.same(system?.tell, ['held', 'dead', 'expired', 'discarded'])
})

t.test('the configuration is frozen to its depths', async (t) => {
  const config = load(t, { gateway, systems: { 'post-office': reachable } })
  t.throws(() => Object.assign(config.gateway, { id: 'other' }), TypeError)
  t.throws(() => Object.assign(config.systems['post-office']?.timeouts ?? {}, { connect: '1s' }), TypeError)
})

t.test('paths start at the folder of the file, not at the working directory', async (t) => {
  const folder = t.testdir({ 'agencies.json': '[]', 'gateway.json': '' })
  writeFileSync(
    path.join(folder, 'gateway.json'),
    JSON.stringify({ gateway, dataDir: 'store', directory: { agencies: 'agencies.json' } }),
  )
  const config = loadConfig({ path: path.join(folder, 'gateway.json'), env, adapters: [] })
  t.equal(config.dataDir, path.join(folder, 'store'))
  t.equal(config.store.path, path.join(folder, 'store', 'lienthong.sqlite'))
  t.equal(config.directory.agencies, path.join(folder, 'agencies.json'))
})

t.test('LIENTHONG_CONFIG names the file', async (t) => {
  const file = written(t, { gateway })
  t.equal(loadConfig({ env: { LIENTHONG_CONFIG: file }, adapters: [] }).gateway.id, gateway.id)
})

t.test('a secret comes from the environment or from a file, without its line end', async (t) => {
  const folder = t.testdir({ 'gateway.json': '', secret: 'tu-tep\n' })
  const systems = { 'post-office': { ...reachable, password: { file: 'secret' } } }
  writeFileSync(path.join(folder, 'gateway.json'), JSON.stringify({ gateway, systems }))
  const config = loadConfig({ path: path.join(folder, 'gateway.json'), env, adapters: [post] })
  t.equal(config.systems['post-office']?.password, 'tu-tep')
})

t.test('the signing key and partners’ public keys are read', async (t) => {
  const partner = publicHalf(generateSigningJwk())
  const config = load(t, {
    gateway,
    keys: { signing: { env: 'SIGNING' } },
    systems: { 'post-office': { ...reachable, keys: [partner] } },
  })
  t.equal(config.keys.signing?.kid, signing.kid)
  t.same(config.systems['post-office']?.keys, [partner])
})

t.test('every mistake is reported at once, with its path and what to do', async (t) => {
  const { of, text } = mistakes(
    t,
    {
      gatway: {},
      gateway: { id: 'a b', url: 'ftp://gateway.example.vn' },
      environment: 'staging',
      listen: { port: '8700' },
      limits: { bodyBytes: 1 },
      directory: { agencies: 'nowhere.json' },
      routes: { 'no-such-route': {}, sync: { retry: { deadline: 'soon' } } },
      systems: {
        'no-such-system': {},
        'post-office': {
          url: 'https://user:pw@post.example.vn',
          password: { env: 'NOT_SET' },
          timeouts: { connect: '5 seconds' },
          concurrency: 0,
          credentials: [
            { username: 'a', password: { file: 'nowhere' }, extra: 1 },
            { password: { env: 'POST_PASSWORD' } },
          ],
          speaksFor: ['H47', 'H99'],
          tell: ['alive'],
        },
      },
    },
    { routes: ['sync'], openAgencies: () => (code) => code === 'H47' },
  )
  t.match(of, {
    '$.gatway': 'is not known',
    '$.gateway.id': /must match pattern/,
    '$.gateway.url': 'is not an http or https URL',
    '$.environment': /must be equal to one of the allowed values: development, test, production/,
    '$.listen.port': 'must be integer',
    '$.limits.bodyBytes': 'must be >= 1024',
    '$.directory.agencies': /not there/,
    "$.routes['no-such-route']": 'is not a route',
    '$.routes.sync.retry.deadline': 'is not a duration',
    "$.systems['no-such-system']": 'is not known',
    "$.systems['post-office'].url": 'holds a credential',
    "$.systems['post-office'].password": 'the environment variable NOT_SET is not set',
    "$.systems['post-office'].timeouts.connect": 'is not a duration',
    "$.systems['post-office'].concurrency": 'must be >= 1',
    "$.systems['post-office'].credentials[0].password": /the file nowhere is not there/,
    "$.systems['post-office'].credentials[0].extra": 'is not known',
    "$.systems['post-office'].credentials[1].username": 'is missing',
    "$.systems['post-office'].speaksFor[1]": 'is not an agency code',
    "$.systems['post-office'].tell[0]": /allowed values: delivered, held/,
  })
  t.equal(Object.keys(of).length, 19, 'and nothing else')
  for (const line of text.split('\n')) t.match(line, /^\$[^ ]*: .+ \(.+\)$/)
})

t.test('a secret written into the file is refused and never repeated', async (t) => {
  const secret = 'khong-duoc-lo'
  const { of, text } = mistakes(t, {
    gateway,
    keys: { signing },
    systems: { 'post-office': { ...reachable, password: secret, credentials: [{ username: 'a', password: secret }] } },
  })
  t.match(of, {
    '$.keys.signing': 'must be a reference to a secret',
    "$.systems['post-office'].password": 'must be a reference to a secret',
    "$.systems['post-office'].credentials[0].password": 'must be a reference to a secret',
  })
  t.notMatch(text, secret)
  t.notMatch(text, signing.d)
})

t.test('a resolved secret that breaks its rule is not repeated either', async (t) => {
  const { of, text } = mistakes(
    t,
    { gateway, keys: { signing: { env: 'SIGNING' } }, systems: { 'post-office': reachable } },
    { env: { POST_PASSWORD: 'xyz', SIGNING: JSON.stringify({ ...signing, crv: 'P-384' }) } },
  )
  t.match(of, { "$.systems['post-office'].password": /fewer than 4/, '$.keys.signing.crv': /constant/ })
  t.notMatch(text, 'xyz')
  t.notMatch(text, signing.d)
})

t.test('text that is not JSON is told by its place, without what stands there', async (t) => {
  const { text } = mistakes(t, '{\n  "password": khong-duoc-lo\n}')
  t.match(text, /line 2, column 15/)
  t.notMatch(text, 'khong-duoc-lo')
})

t.test('a key that stands twice is refused', async (t) => {
  t.match(mistakes(t, '{"gateway":{},"gateway":{}}').of, { $: /a key stands twice/ })
})

t.test('a file that is not there is told as such', async (t) => {
  t.throws(() => loadConfig({ path: path.join(t.testdir(), 'no.json'), env, adapters: [] }), /cannot be read: ENOENT/)
})

t.test('a partner’s key with its private part is refused', async (t) => {
  const key = generateSigningJwk()
  const { of, text } = mistakes(t, { gateway, systems: { 'post-office': { ...reachable, keys: [key] } } })
  t.match(of, { "$.systems['post-office'].keys[0]": /private parts/ })
  t.notMatch(text, key.d)
})

t.test('one key id names one key', async (t) => {
  const key = publicHalf(generateSigningJwk())
  const { of } = mistakes(t, { gateway, systems: { 'post-office': { ...reachable, keys: [key, key] } } })
  t.match(of, { "$.systems['post-office'].keys[1].kid": /another key/ })
})

t.test('a system that is switched off may be half filled in', async (t) => {
  const config = load(t, { gateway, systems: { 'post-office': { enabled: false, password: { env: 'NOT_SET' } } } })
  t.equal(config.systems['post-office']?.enabled, false)
})

t.test('a system that is switched off may still not hold a secret or an unknown field', async (t) => {
  const { of } = mistakes(t, { gateway, systems: { 'post-office': { enabled: false, password: 'a', colour: 'red' } } })
  t.same(Object.keys(of).sort(), ["$.systems['post-office'].colour", "$.systems['post-office'].password"])
})

t.test('production', async (t) => {
  const table = (name: string) => fileURLToPath(new URL(`../../mappings/tables/${name}.json`, import.meta.url))
  const demo = generateSigningJwk({ kidPrefix: 'demo-' })
  const production = {
    environment: 'production',
    gateway,
    keys: { signing: { env: 'SIGNING' } },
    directory: { agencies: table('agencies'), procedures: table('procedures') },
    systems: { 'post-office': reachable },
  }
  const withSystem = (settings: Written): Written => ({
    ...production,
    systems: { 'post-office': { ...reachable, ...settings } },
  })

  t.test('takes a configuration with none of the refused things', async (t) => {
    t.equal(load(t, production).environment, 'production')
    t.ok(load(t, withSystem({ keys: [publicHalf(generateSigningJwk())] })))
  })

  const refused: Readonly<Record<string, { document: Written; path: string; env?: Readonly<Record<string, string>> }>> =
    {
      'a missing signing key': { document: { ...production, keys: {} }, path: '$.keys.signing' },
      'a demo signing key': {
        document: production,
        path: '$.keys.signing',
        env: { ...env, SIGNING: JSON.stringify(demo) },
      },
      'a partner’s demo key': {
        document: withSystem({ keys: [publicHalf(demo)] }),
        path: "$.systems['post-office'].keys[0].kid",
      },
      'a simulator': { document: withSystem({ simulator: true }), path: "$.systems['post-office'].simulator" },
      'a clear-text partner': {
        document: withSystem({ url: 'http://post.example.vn' }),
        path: "$.systems['post-office'].url",
      },
      'the demonstration’s agencies': {
        document: { ...production, directory: { procedures: table('procedures') } },
        path: '$.directory.agencies',
      },
      'the demonstration’s procedures': {
        document: { ...production, directory: { agencies: table('agencies') } },
        path: '$.directory.procedures',
      },
      'its own clear-text address': {
        document: { ...production, gateway: { ...gateway, url: 'http://gateway.example.vn' } },
        path: '$.gateway.url',
      },
    }
  for (const [what, { document, path, env: others }] of Object.entries(refused)) {
    t.test(`refuses ${what}, which development takes`, async (t) => {
      const source = others === undefined ? {} : { env: others }
      t.same(Object.keys(mistakes(t, document, source).of), [path])
      t.equal(load(t, { ...document, environment: 'development' }, source).environment, 'development')
    })
  }

  for (const url of [
    'localhost',
    'localhost.',
    'a.localhost',
    '127.0.0.1',
    '127.9',
    '0x7f.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
  ]) {
    t.test(`refuses a partner at ${url}`, async (t) => {
      const document = withSystem({ url: `https://${url}:8443` })
      t.match(mistakes(t, document).of, { "$.systems['post-office'].url": /on this very machine/ })
    })
  }

  t.test('does not mind what is switched off', async (t) => {
    t.ok(load(t, withSystem({ enabled: false, simulator: true, url: 'http://127.0.0.1:1' })))
  })
})
