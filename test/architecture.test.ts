import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'

const root = path.resolve(import.meta.dirname, '..')
const sources = listSources()

/**
 * Who may import whom (design §2). A part is the longest prefix that fits; `types` in brackets means `import type` alone.
 * Two rows differ from the design's table by decision (docs/adr): mappings throw GatewayError, and every adapter
 * is a definition of the shape in adapters/definition.ts.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'gateway/bus': [],
  'gateway/envelopes': ['gateway/bus'],
  'gateway/transports': ['gateway/bus', 'gateway/envelopes'],
  'gateway/store': ['gateway/bus'],
  'gateway/files': ['gateway/bus'],
  'gateway/telemetry': ['gateway/bus'],
  contracts: [],
  mappings: ['gateway/bus/errors.ts', 'contracts (types)'],
  // The shape of an adapter names the ports an adapter is given; it holds no code.
  'adapters/definition.ts': [
    'gateway/bus (types)',
    'gateway/envelopes (types)',
    'gateway/transports (types)',
    'gateway/files (types)',
    'mappings (types)',
  ],
  'adapters/index.ts': ['adapters'],
  adapters: [
    'gateway/bus',
    'gateway/envelopes',
    'gateway/transports',
    'gateway/files',
    'contracts',
    'mappings',
    'adapters/definition.ts',
  ],
  routes: ['gateway/bus', 'contracts (types)'],
  console: ['gateway/bus', 'gateway/envelopes', 'gateway/transports (types)', 'gateway/telemetry', 'contracts'],
  simulators: [],
  'server.ts': ['*'],
  'config.ts': ['gateway/bus', 'gateway/envelopes', 'contracts', 'adapters/definition.ts (types)'],
  bin: ['*'],
  docs: ['*'],
  bench: ['*'],
  test: ['*'],
}

const topLevel = [
  'adapters',
  'bench',
  'bin',
  'config.ts',
  'console',
  'contracts',
  'docs',
  'gateway',
  'mappings',
  'ops',
  'routes',
  'server.ts',
  'simulators',
  'test',
  // What tools demand at the top.
  '.ci',
  '.editorconfig',
  '.gitattributes',
  '.gitignore',
  '.node-version',
  '.npmrc',
  '.nvmrc',
  '.taprc',
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'biome.json',
  'gateway.json',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
]

const gatewayParts = ['bus', 'envelopes', 'files', 'store', 'telemetry', 'transports']

t.test('every import is one the table allows', async (t) => {
  const forbidden = sources.flatMap(({ file, imports }) =>
    imports
      .filter((one) => !isAllowed(file, one))
      .map(({ target, isTypeOnly }) => `${file} imports ${target}${isTypeOnly ? ' (types)' : ''}`),
  )
  t.same(forbidden, [])
})

t.test('every import names a file that is there', async (t) => {
  const missing = sources.flatMap(({ file, imports }) =>
    imports
      .filter(({ target }) => !existsSync(path.join(root, target)))
      .map(({ target }) => `${file} imports ${target}`),
  )
  t.same(missing, [])
})

t.test('no adapter imports another', async (t) => {
  const crossing = sources.flatMap(({ file, imports }) =>
    imports.filter(({ target }) => isCrossing(file, target)).map(({ target }) => `${file} imports ${target}`),
  )
  t.same(crossing, [])
})

t.test('no file imports itself by any way round', async (t) => {
  t.same(cycles(), [])
})

t.test('nothing is at the top level but what the house has', async (t) => {
  const found = [...new Set(tracked().map((file) => file.split('/')[0] ?? ''))]
  t.same(
    found.filter((name) => !topLevel.includes(name)),
    [],
  )
  const parts = new Set(tracked().flatMap((file) => /^gateway\/([^/]+)\//.exec(file)?.[1] ?? []))
  t.same(
    [...parts].filter((name) => !gatewayParts.includes(name)),
    [],
  )
})

t.test('a file is named by a noun or an act, in kebab-case', async (t) => {
  const vague = /(^|[-.])(utils?|helpers?|managers?|common|core|lib|misc|handlers?|process)([-.]|$)/
  const bad = sources
    .map(({ file }) => file)
    // The Process Manager of the field's vocabulary: the design's own word, in the bus alone.
    .filter((file) => !/^(gateway|test)\/bus\/process(-runner)?(\.test)?\.ts$/.test(file))
    .filter((file) => file.split('/').some((part) => vague.test(part)) || !/^[a-z0-9./-]+$/.test(file))
  t.same(bad, [])
})

t.test('what is left to do is in an issue, not in a comment', async (t) => {
  const found = sources.filter(({ text }) => /\b(TODO|FIXME)\b(?!\(#\d+\)|[|)])/.test(text)).map(({ file }) => file)
  t.same(found, [])
})

t.test('the packages the gateway is to be built on are in package.json, all exact', async (t) => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const all: Record<string, string> = { ...dependencies, ...devDependencies }
  const wanted = 'fastify fast-xml-parser soap amqplib jose undici ajv p-retry prom-client tap'.split(' ')
  t.same(
    wanted.filter((name) => !Object.hasOwn(all, name)),
    [],
  )
  t.same(
    Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
    [],
  )
  t.match(all.node, /^24\./)
})

/** Where a library's known holes end; several majors are listed with the floor of each. */
const floors: Readonly<Record<string, readonly string[]>> = {
  fastify: ['5.8.5'],
  'find-my-way': ['9.7.0'],
  'fast-uri': ['3.1.7', '4.1.4'],
  ajv: ['8.18.0'],
  undici: ['8.9.0'],
  'fast-xml-parser': ['5.7.0'],
  '@xmldom/xmldom': ['0.8.15', '0.9.12'],
  'xml-crypto': ['6.0.1'],
  soap: ['1.13.0'],
  axios: ['1.15.1'],
  jose: ['6.0.0'],
  amqplib: ['2.3.1'],
}

interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  /** Only there for building and testing. */
  readonly dev?: boolean
}

const locked = Object.entries(
  (
    JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, LockedPackage>
    }
  ).packages, // npm's own format, version 3
).filter(([place]) => place !== '')

t.test('no version locked for service is below the floor under which it has known holes', async (t) => {
  const low = locked.flatMap(([place, { version = '', dev }]) => {
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const own = floors[name]
    return own === undefined || dev || isAtLeast(version, own) ? [] : [`${place} ${version}`]
  })
  t.same(low, [])
  t.same(
    Object.keys(floors).filter((name) => !locked.some(([place]) => place.endsWith(`node_modules/${name}`))),
    [],
    'every floor is about a package we have',
  )
  t.same(
    locked.filter(([place]) => place.endsWith('node_modules/xmldom')),
    [],
    'the abandoned xmldom is nowhere',
  )
})

t.test('the lockfile is bound to contents and to no registry', async (t) => {
  t.same(
    locked.filter(([, { integrity, link }]) => integrity === undefined && !link).map(([place]) => place),
    [],
  )
  t.same(
    locked.filter(([, { resolved }]) => resolved !== undefined).map(([place]) => place),
    [],
    'no address of a registry: `npm install --package-lock-only --omit-lockfile-registry-resolved` leaves them out',
  )
})

t.test('the lockfile holds every package it asks for, or `npm ci` refuses it', async (t) => {
  const places = new Set(locked.map(([place]) => place))
  const missing = locked.flatMap(([place, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !isResolved(places, place, name))
      .map((name) => `${place} asks for ${name}`),
  )
  t.same(missing, [], 'a registry may lack a package for another platform: take its name out of optionalDependencies')
})

t.test('the checks above catch what they are for', async (t) => {
  const places = new Set(['node_modules/a', 'node_modules/a/node_modules/b', 'node_modules/c'])
  t.ok(isResolved(places, 'node_modules/a', 'b'))
  t.ok(isResolved(places, 'node_modules/a/node_modules/b', 'c'))
  t.notOk(isResolved(places, 'node_modules/c', 'b'))
  const one = (target: string, isTypeOnly = false) => ({ target, isTypeOnly })
  t.notOk(isAllowed('gateway/bus/a.ts', one('gateway/store/b.ts')))
  t.ok(isAllowed('gateway/store/a.ts', one('gateway/bus/b.ts')))
  t.notOk(isAllowed('mappings/a.ts', one('contracts/loader.ts')))
  t.ok(isAllowed('mappings/a.ts', one('contracts/loader.ts', true)))
  t.notOk(isAllowed('mappings/a.ts', one('gateway/bus/message.ts')))
  t.notOk(isAllowed('simulators/portal/a.ts', one('contracts/loader.ts', true)))
  t.notOk(isAllowed('adapters/one-window/a.ts', one('gateway/telemetry/log.ts')))
  t.ok(isCrossing('adapters/one-window/a.ts', 'adapters/national-portal/b.ts'))
  t.notOk(isCrossing('adapters/one-window/a.ts', 'adapters/definition.ts'))
  t.same(
    importsOf(
      'x/a.ts',
      [
        'import a, {',
        '  type B,',
        "} from './b.ts'",
        "export type { C } from '../c.ts'",
        `await ${'import'}('./d.ts')`,
      ].join('\n'),
    ),
    [
      { target: 'x/b.ts', isTypeOnly: false },
      { target: 'c.ts', isTypeOnly: true },
      { target: 'x/d.ts', isTypeOnly: false },
    ],
  )
  t.notOk(isAtLeast('8.9.0', ['8.18.0']))
  t.ok(isAtLeast('9.0.0', ['8.18.0']))
  t.notOk(isAtLeast('4.1.3', ['3.1.7', '4.1.4']))
})

interface Import {
  readonly target: string
  readonly isTypeOnly: boolean
}

/** Files of the repository, the ones not yet added included. */
function tracked(): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root })
  return listed
    .toString()
    .split('\n')
    .filter((file) => file !== '' && existsSync(path.join(root, file)))
}

function listSources() {
  return tracked()
    .filter((file) => file.endsWith('.ts'))
    .map((file) => {
      const text = readFileSync(path.join(root, file), 'utf8')
      return { file, text, imports: importsOf(file, text) }
    })
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

/** Static and dynamic imports and re-exports of our own files. A template literal as target has no name to check. */
function importsOf(file: string, text: string): readonly Import[] {
  const code = withoutComments(text)
  const found = [
    ...code.matchAll(/^\s*(?:import|export)\s+(type\s)?(?:[\w*\s{},$]+?\sfrom\s+)?'(\.{1,2}\/[^']+)'/gm),
    ...code.matchAll(/\bimport\((\s*)'(\.{1,2}\/[^']+)'/g),
  ]
  return found.map(([, type, target = '']) => ({
    target: path.posix.normalize(path.posix.join(path.posix.dirname(file), target)),
    isTypeOnly: type !== undefined && type.trim() === 'type',
  }))
}

function partOf(file: string): string | undefined {
  return Object.keys(mayImport)
    .filter((part) => file === part || file.startsWith(`${part}/`))
    .sort((a, b) => b.length - a.length)[0]
}

function isAllowed(file: string, { target, isTypeOnly }: Import): boolean {
  const part = partOf(file)
  if (part === undefined) return false
  // An adapter's own folder; which folder is the crossing test's to say.
  if (target.startsWith(`${part}/`) || target === part) return true
  return (mayImport[part] ?? []).some((allowed) => {
    const [prefix = '', onlyTypes] = allowed.split(' ')
    if (onlyTypes !== undefined && !isTypeOnly) return false
    return prefix === '*' || target === prefix || target.startsWith(`${prefix}/`)
  })
}

/** From one adapter's folder into another's. */
function isCrossing(file: string, target: string): boolean {
  const [area, own, inner] = file.split('/')
  const [targetArea, other, targetInner] = target.split('/')
  if (area !== 'adapters' || targetArea !== 'adapters' || inner === undefined || targetInner === undefined) return false
  return own !== other
}

function cycles(): readonly string[] {
  const imports = new Map(sources.map(({ file, imports }) => [file, imports.map(({ target }) => target)]))
  const found: string[] = []
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) {
      found.push([...trail.slice(trail.indexOf(file)), file].join(' → '))
      return
    }
    if (done.has(file)) return
    for (const target of imports.get(file) ?? []) visit(target, [...trail, file])
    done.add(file)
  }
  for (const file of imports.keys()) visit(file, [])
  return found
}

/** Whether a package asked for from a place is found there or in a folder above, as Node looks it up. */
function isResolved(places: ReadonlySet<string>, place: string, name: string): boolean {
  if (places.has(`${place}/node_modules/${name}`)) return true
  const above = place.lastIndexOf('/node_modules/')
  return above < 0 ? places.has(`node_modules/${name}`) : isResolved(places, place.slice(0, above), name)
}

/** At or above the floor of its own major; above the highest floor's major is fine. */
function isAtLeast(version: string, ownFloors: readonly string[]): boolean {
  const parts = version.split(/[.-]/).map(Number)
  const floor =
    ownFloors.find((one) => Number(one.split('.')[0]) === parts[0] && sameLine(one, parts)) ?? ownFloors.at(-1)
  for (const [index, wanted] of (floor ?? '0').split('.').map(Number).entries()) {
    const have = parts[index] ?? 0
    if (have !== wanted) return have > wanted
  }
  return true
}

/** Below 1.0 the minor number is what a major is above (0.8.15 and 0.9.12 are two lines). */
function sameLine(floor: string, parts: readonly number[]): boolean {
  return parts[0] !== 0 || Number(floor.split('.')[1]) === parts[1]
}
