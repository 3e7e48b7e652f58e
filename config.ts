import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { ErrorObject } from 'ajv/dist/2020.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { AdapterDefinition } from './adapters/definition.ts'
import { configurationSchema, type JsonSchema, systemSettings } from './contracts/configuration.ts'
import { errorTable, GatewayError } from './gateway/bus/errors.ts'
import { durationMs, type RetryChange } from './gateway/bus/route.ts'
import type { WorkCalendar } from './gateway/bus/working-days.ts'
import { readJson } from './gateway/envelopes/json-gate.ts'
import type { KeyPlaces, LiveKeyringOptions } from './gateway/envelopes/key-folder.ts'
import { keyFault, type SignatureAlgorithm, signatureAlgorithms } from './gateway/envelopes/key-vetting.ts'
import type { PublicJwk, SigningJwk } from './gateway/envelopes/keyring.ts'

export type Environment = 'development' | 'test' | 'production'

/** What every system has; an adapter's own settings stand beside it and are valid against its schema. */
export interface SystemSettings {
  readonly enabled: boolean
  readonly url?: string
  readonly timeouts: { readonly connect: string; readonly answer: string }
  readonly concurrency: number
  /** The configured host may be a private address. */
  readonly insideNetwork: boolean
  /** A stand-in, not the partner; refused in production. */
  readonly simulator: boolean
  /** Public keys the system signs with. */
  readonly keys: readonly PublicJwk[]
  /** Signature algorithms its keys may be used with. */
  readonly algorithms: readonly SignatureAlgorithm[]
  /** Agency codes the system's credentials may name; their descendants included. */
  readonly speaksFor: readonly string[]
  /** Ends of its messages' deliveries that the system wants to be told of. */
  readonly tell: readonly ('delivered' | 'held' | 'dead' | 'expired' | 'discarded')[]
  /** What it may ask of the gateway. */
  readonly quota: { readonly perSecond: number; readonly burst: number; readonly backlog: number }
  /** The most it is sent; without it as fast as `concurrency` allows. */
  readonly rate?: { readonly perSecond: number; readonly burst: number }
  /** When its channel breaks, and how long it then rests. */
  readonly breaker: { readonly lanes: number; readonly firstPause: string; readonly longestPause: string }
  /** What deliveries to it do differently from what their routes say. */
  readonly retry?: RetryChange
  readonly [setting: string]: unknown
}

/** What an operator may change about a route; the rest is code. */
export interface RouteSettings {
  readonly enabled: boolean
  readonly shadow?: boolean
  readonly retry?: RetryChange
  /** By system: what is said of this route on the way to that system alone. */
  readonly systems?: Readonly<Record<string, { readonly retry?: RetryChange }>>
}

/** A person who may act through `/admin`. */
export interface OperatorSettings {
  readonly name: string
  readonly role: 'viewer' | 'operator' | 'admin'
  readonly token: string
}

/** The claim check: what is fetched, kept and handed on in place of links and base64. */
export interface FilesConfig {
  readonly enabled: boolean
  readonly maxBytes: number
  readonly maxInlineBytes: number
  readonly mediaTypes?: readonly string[]
  readonly hosts: readonly { readonly host: string; readonly insideNetwork: boolean; readonly clearText: boolean }[]
  readonly fetchDeadline: string
  readonly uploadTimeout: string
  readonly linkLifetime: string
  readonly retention: string
  readonly scan?: { readonly host: string; readonly port: number; readonly timeout: string }
  readonly signatures?: {
    readonly routes: readonly string[]
    readonly trustAnchors: readonly string[]
    readonly maxBytes: number
  }
  readonly s3?: {
    readonly endpoint: string
    readonly region: string
    readonly bucket: string
    readonly prefix: string
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly timeout: string
  }
}

/** The whole configuration: defaults filled in, secrets resolved, paths absolute, deeply frozen. Durations stay text. */
export interface Config {
  readonly environment: Environment
  readonly gateway: { readonly id: string; readonly url: string }
  readonly listen: {
    readonly host: string
    readonly port: number
    readonly trustProxy: readonly string[]
    readonly hosts?: readonly string[]
    readonly operations?: { readonly host: string; readonly port: number }
  }
  readonly dataDir: string
  readonly keys: { readonly signing?: SigningJwk } & KeyPlaces
  readonly directory: { readonly agencies?: string; readonly procedures?: string }
  readonly limits: {
    readonly bodyBytes: number
    readonly refusalsPerSourceAndMinute: number
    readonly minFreeDiskBytes: number
  }
  readonly routes: Readonly<Record<string, RouteSettings>>
  readonly log: { readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' }
  readonly store: { readonly kind: 'sqlite'; readonly path: string }
  readonly retention: { readonly bodies: string; readonly every: string }
  readonly calendar: WorkCalendar
  readonly processes: { readonly portalFiledReception: { readonly workingDays: number } }
  readonly files: FilesConfig
  readonly operators: readonly OperatorSettings[]
  readonly systems: Readonly<Record<string, SystemSettings>>
}

/** One thing that is wrong. `path` is a JSONPath (RFC 9535); no part ever holds a value from the file. */
export interface Mistake {
  readonly path: string
  readonly what: string
  readonly remedy: string
}

/** Everything that is wrong with a configuration, at once. */
export class ConfigError extends Error {
  readonly mistakes: readonly Mistake[]

  constructor(mistakes: readonly Mistake[]) {
    super(mistakes.map(({ path, what, remedy }) => `${path}: ${what} (${remedy})`).join('\n'))
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

/** What configuration needs to know of an adapter. */
export type ConfigurableSystem = Pick<AdapterDefinition<never>, 'system' | 'settings'>

export interface ConfigSource {
  /** Overrides `LIENTHONG_CONFIG`; without either it is `gateway.json` in the working directory. */
  readonly path?: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly adapters: readonly ConfigurableSystem[]
  /** Names that may stand under `routes`; not checked when absent. */
  readonly routes?: readonly string[]
  /** Opens the agency table the configuration names and answers which codes it knows; not checked when absent. */
  readonly openAgencies?: (directory: Config['directory']) => (code: string) => boolean
}

/** Reads, checks and freezes the configuration. Throws ConfigError with every mistake at once. */
export function loadConfig(source: ConfigSource): Config {
  const file = path.resolve(source.path ?? source.env.LIENTHONG_CONFIG ?? 'gateway.json')
  const folder = path.dirname(file)
  const schema = configSchema(source.adapters)
  const written = readDocument(file)
  // A system that is switched off may be half filled in: nothing reads it.
  const isExcused = (place: Place): boolean =>
    place[0] === 'systems' && place.length > 1 && member(written, 'systems', place[1] ?? '', 'enabled') === false

  const mistakes: Mistake[] = []
  const unresolved: string[] = []
  const resolved = eachPlace({ schema, value: written, place: [] }, (here) => {
    if (!here.schema['x-secret'] && !here.schema['x-key']) return here.value
    const read = here.schema['x-secret'] ? readSecret(here, folder, source.env) : readKey(here, folder)
    if (read.kind === 'found') return read.value
    unresolved.push(jsonPath(here.place))
    if (read.kind === 'wrong' || !isExcused(here.place)) mistakes.push(read.mistake)
    return here.value
  })

  const validate = compiler().compile(schema)
  validate(resolved)
  for (const error of validate.errors ?? []) {
    const place = placeOf(error.instancePath)
    const at = jsonPath(place)
    if (unresolved.some((above) => isAtOrBelow(at, above))) continue
    if (error.keyword === 'required' && isExcused(place)) continue
    mistakes.push(mistakeOf(error))
  }

  const finished = eachPlace({ schema, value: resolved, place: [] }, (here) => {
    if (typeof here.value !== 'string') return here.value
    mistakes.push(...textMistakes(here, here.value))
    return here.schema['x-path'] ? path.resolve(folder, here.value) : here.value
  })
  mistakes.push(
    ...missingFiles({ schema, value: finished, place: [] }),
    ...unknownRoutes(finished, source.routes),
    ...unknownPairs(finished, source.adapters),
    ...twofoldRetries(finished),
    ...repeatedMembers({ schema, value: finished, place: [] }),
    ...unknownAgencies({ schema, value: finished, place: [] }, source.openAgencies),
    ...repeatedKids(finished),
    ...(member(finished, 'environment') === 'production' ? unfitForProduction(finished) : []),
  )
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return deepFreeze(withStorePath(finished as Config)) // valid against the schema, whose shape Config mirrors
}

/** What a keyring is opened with: every enabled system's keys and the folder of those with dates. */
export function keyringOptions({ environment, keys, systems }: Config): LiveKeyringOptions {
  const enabled = Object.entries(systems).filter(([, system]) => system.enabled)
  const { signing, ...places } = keys
  return {
    ...(signing === undefined ? {} : { signing }),
    partners: enabled.flatMap(([system, { keys: own }]) => own.map((jwk) => ({ system, jwk }))),
    algorithms: Object.fromEntries(enabled.map(([system, { algorithms }]) => [system, algorithms])),
    places,
    isProduction: environment === 'production',
  }
}

/** The one schema (JSON Schema 2020-12): what is validated and what `docs/configuration.md` is written from. */
export function configSchema(adapters: readonly ConfigurableSystem[]): JsonSchema {
  return configurationSchema(Object.fromEntries(adapters.map((adapter) => [adapter.system, systemSchema(adapter)])))
}

/** An adapter's own settings and what every system has; where both name a field, the adapter's wording wins. */
function systemSchema(adapter: ConfigurableSystem): JsonSchema {
  const own = adapter.settings as JsonSchema // an adapter's settings are a JSON Schema by contract; ajv refuses others
  return {
    description: `The system \`${adapter.system}\`.`,
    additionalProperties: false,
    ...own,
    type: 'object',
    properties: { ...systemSettings(signatureAlgorithms), ...own.properties },
  }
}

function compiler(): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, allErrors: true, useDefaults: true, verbose: true })
  return ajv.addVocabulary(['x-secret', 'x-key', 'x-duration', 'x-url', 'x-path', 'x-agency', 'x-unique'])
}

type Place = readonly string[]

interface Here {
  readonly schema: JsonSchema
  readonly value: unknown
  readonly place: Place
}

/** Copies a document, giving every place that the schema describes to `change`, parents first. */
function eachPlace(here: Here, change: (here: Here) => unknown): unknown {
  const value = change(here)
  if (Array.isArray(value)) {
    const { items } = here.schema
    if (items === undefined) return value
    return value.map((item, index) =>
      eachPlace({ schema: items, value: item, place: [...here.place, `${index}`] }, change),
    )
  }
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const schema = memberSchema(here.schema, name)
      return [
        name,
        schema === undefined ? inner : eachPlace({ schema, value: inner, place: [...here.place, name] }, change),
      ]
    }),
  )
}

function memberSchema(schema: JsonSchema, name: string): JsonSchema | undefined {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, name)) return schema.properties[name]
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
}

function readDocument(file: string): unknown {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    const what = `${file} cannot be read: ${errnoOf(cause)}`
    throw new ConfigError([{ path: '$', what, remedy: 'name the file with LIENTHONG_CONFIG or --config' }])
  }
  try {
    return readJson(bytes)
  } catch (cause) {
    // JSON.parse quotes the text around a mistake, which may be a secret: only the place is told.
    const what = `${file} cannot be used${placeInText(bytes.toString())}: ${reasonOf(cause)}`
    throw new ConfigError([{ path: '$', what, remedy: 'correct the file' }])
  }
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof GatewayError) || thrown.code === 'request-unreadable')
    return 'it is not well-formed UTF-8 JSON'
  return thrown.code === 'duplicate-key' ? 'a key stands twice in one object' : errorTable[thrown.code].sentence
}

/** Where reading stops making sense; empty when it does to the end. */
function placeInText(text: string): string {
  if (isBeginning(text)) return ''
  let [good, bad] = [0, text.length]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (isBeginning(text.slice(0, middle))) good = middle
    else bad = middle
  }
  const before = text.slice(0, good).split('\n')
  return ` at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

/** Whether text is JSON as far as it goes. V8's words decide about the place alone: should they change, it is off. */
function isBeginning(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (thrown) {
    const position = /position (\d+)/.exec(String(thrown))?.[1]
    return position === undefined ? /end of JSON input/.test(String(thrown)) : Number(position) >= text.length
  }
}

/** `absent`: named, but not there now. `wrong`: can never be right as it is written. */
type Read =
  | { readonly kind: 'found'; readonly value: unknown }
  | { readonly kind: 'absent' | 'wrong'; readonly mistake: Mistake }

function readSecret(here: Here, folder: string, env: ConfigSource['env']): Read {
  const at = jsonPath(here.place)
  const reference = referenceOf(here.value)
  if (reference === undefined) {
    const remedy = 'write { "env": "NAME" } or { "file": "path" } and keep the secret there'
    return { kind: 'wrong', mistake: { path: at, what: 'must be a reference to a secret', remedy } }
  }
  const text = reference.env === undefined ? readText(path.resolve(folder, reference.file)) : env[reference.env]
  if (text === undefined || text === '') {
    const what =
      reference.env === undefined
        ? `the file ${reference.file} is not there, not readable or empty`
        : `the environment variable ${reference.env} is not set`
    const remedy = reference.env === undefined ? fromFolder : 'set it before the gateway starts'
    return { kind: 'absent', mistake: { path: at, what, remedy } }
  }
  if (here.schema.type !== 'object') return { kind: 'found', value: text }
  const parsed = parsedObject(text)
  if (parsed !== undefined) return { kind: 'found', value: parsed }
  return {
    kind: 'wrong',
    mistake: { path: at, what: 'the secret is not a JSON object', remedy: describe(here.schema) },
  }
}

function readKey(here: Here, folder: string): Read {
  const at = jsonPath(here.place)
  const reference = referenceOf(here.value)
  let key = here.value
  if (reference?.file !== undefined) {
    const text = readText(path.resolve(folder, reference.file))
    if (text === undefined) {
      const what = `the file ${reference.file} is not there, not readable or empty`
      return { kind: 'absent', mistake: { path: at, what, remedy: fromFolder } }
    }
    key = parsedObject(text)
  }
  if (!isRecord(key)) {
    return { kind: 'wrong', mistake: { path: at, what: 'is not a JSON Web Key', remedy: describe(here.schema) } }
  }
  const fault = keyFault(key as PublicJwk) // only read there, member by member
  if (fault === undefined) return { kind: 'found', value: key }
  const what = `cannot be registered: ${fault}`
  return { kind: 'wrong', mistake: { path: at, what, remedy: describe(here.schema) } }
}

const fromFolder = 'relative paths start at the configuration file’s folder'

type Reference = { readonly env: string; readonly file?: never } | { readonly file: string; readonly env?: never }

function referenceOf(value: unknown): Reference | undefined {
  if (!isRecord(value) || Object.keys(value).length !== 1) return undefined
  if (typeof value.env === 'string') return { env: value.env }
  return typeof value.file === 'string' ? { file: value.file } : undefined
}

/** Without the one line end that editors and `echo` leave behind. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '') || undefined
  } catch {
    return undefined
  }
}

function parsedObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function mistakeOf(error: ErrorObject): Mistake {
  const place = placeOf(error.instancePath)
  const schema: JsonSchema = error.parentSchema ?? {}
  if (error.keyword === 'required') {
    const name = String(error.params.missingProperty)
    const missing = memberSchema(schema, name)
    return { path: jsonPath([...place, name]), what: 'is missing', remedy: missing ? describe(missing) : 'add it' }
  }
  if (error.keyword === 'additionalProperties') {
    const known = Object.keys(schema.properties ?? {}).join(', ') || 'nothing'
    const name = String(error.params.additionalProperty)
    return { path: jsonPath([...place, name]), what: 'is not known', remedy: `known here: ${known}` }
  }
  const allowed = error.keyword === 'enum' ? `: ${(error.params.allowedValues as readonly unknown[]).join(', ')}` : ''
  return { path: jsonPath(place), what: `${error.message ?? 'is wrong'}${allowed}`, remedy: describe(schema) }
}

function describe(schema: JsonSchema): string {
  return typeof schema.description === 'string' ? schema.description.replace(/\.$/, '') : 'see docs/configuration.md'
}

function textMistakes({ schema, place }: Here, text: string): readonly Mistake[] {
  const at = jsonPath(place)
  if (schema['x-duration'] && !isDuration(text)) {
    return [{ path: at, what: 'is not a duration', remedy: 'a number and ms, s, m, h or d, like "30s"' }]
  }
  if (!schema['x-url']) return []
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    return [{ path: at, what: 'is not an http or https URL', remedy: describe(schema) }]
  }
  if (url.username !== '' || url.password !== '') {
    return [{ path: at, what: 'holds a credential', remedy: 'take it out and treat it as disclosed' }]
  }
  if (url.hash !== '') return [{ path: at, what: 'has a fragment', remedy: 'leave out the part from # on' }]
  return []
}

function isDuration(text: string): boolean {
  try {
    return durationMs(text) >= 0
  } catch {
    return false
  }
}

function missingFiles(root: Here): readonly Mistake[] {
  const mistakes: Mistake[] = []
  eachPlace(root, ({ schema, value, place }) => {
    if (schema['x-path'] === 'file' && typeof value === 'string' && readText(value) === undefined) {
      mistakes.push({
        path: jsonPath(place),
        what: 'names a file that is not there, not readable or empty',
        remedy: fromFolder,
      })
    }
    return value
  })
  return mistakes
}

function unknownRoutes(config: unknown, known: readonly string[] | undefined): readonly Mistake[] {
  if (known === undefined) return []
  return Object.keys(record(member(config, 'routes')))
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: jsonPath(['routes', name]),
      what: 'is not a route',
      remedy: `routes: ${known.join(', ') || 'none'}`,
    }))
}

/** Systems that stand below a route and are none. */
function unknownPairs(config: unknown, adapters: readonly ConfigurableSystem[]): readonly Mistake[] {
  const known = adapters.map(({ system }) => system)
  return Object.entries(record(member(config, 'routes'))).flatMap(([route, settings]) =>
    Object.keys(record(member(settings, 'systems')))
      .filter((system) => !known.includes(system))
      .map((system) => ({
        path: jsonPath(['routes', route, 'systems', system]),
        what: 'is not a system',
        remedy: `systems: ${known.join(', ') || 'none'}`,
      })),
  )
}

function twofoldRetries(config: unknown): readonly Mistake[] {
  const routes = Object.entries(record(member(config, 'routes')))
  const places: Place[] = [
    ...routes.map(([route]) => ['routes', route, 'retry']),
    ...routes.flatMap(([route, settings]) =>
      Object.keys(record(member(settings, 'systems'))).map((system) => ['routes', route, 'systems', system, 'retry']),
    ),
    ...Object.keys(record(member(config, 'systems'))).map((system) => ['systems', system, 'retry']),
  ]
  return places
    .filter((place) => ['schedule', 'exponential'].every((name) => member(config, ...place, name) !== undefined))
    .map((place) => ({
      path: jsonPath(place),
      what: 'has a schedule and exponential',
      remedy: 'leave one of them out',
    }))
}

/** Items of one list that share what only one of them may have; whoever reads the list would find the first. */
function repeatedMembers(root: Here): readonly Mistake[] {
  const mistakes: Mistake[] = []
  eachPlace(root, ({ schema, value, place }) => {
    const unique = schema['x-unique']
    if (!Array.isArray(unique) || !Array.isArray(value)) return value
    for (const field of unique.map(String)) {
      const values = value.map((item) => member(item, field))
      for (const [index, one] of values.entries()) {
        if (typeof one !== 'string' || values.indexOf(one) === index) continue
        mistakes.push({
          path: jsonPath([...place, `${index}`, field]),
          what: `is the ${field} of another one in this list too`,
          remedy: 'give each its own',
        })
      }
    }
    return value
  })
  return mistakes
}

function unknownAgencies(root: Here, open: ConfigSource['openAgencies']): readonly Mistake[] {
  if (open === undefined) return []
  const mistakes: Mistake[] = []
  let knows: (code: string) => boolean
  try {
    knows = open(record(member(root.value, 'directory')))
  } catch (thrown) {
    const what = `cannot be used: ${thrown instanceof Error ? thrown.message : 'unknown reason'}`
    return [{ path: '$.directory', what, remedy: 'correct the code tables' }]
  }
  eachPlace(root, ({ schema, value, place }) => {
    if (schema['x-agency'] && typeof value === 'string' && !knows(value)) {
      mistakes.push({ path: jsonPath(place), what: 'is not an agency code', remedy: 'add it to directory.agencies' })
    }
    return value
  })
  return mistakes
}

function repeatedKids(config: unknown): readonly Mistake[] {
  const seen = new Set<unknown>()
  return partnerKeys(config).flatMap(({ place, kid }) => {
    if (kid === undefined) return []
    const isRepeated = seen.has(kid)
    seen.add(kid)
    if (!isRepeated) return []
    return [{ path: jsonPath([...place, 'kid']), what: 'is another key’s id too', remedy: 'one id names one key' }]
  })
}

function unfitForProduction(config: unknown): readonly Mistake[] {
  const mistakes: Mistake[] = []
  const refuse = (place: Place, what: string, remedy: string) => {
    mistakes.push({ path: jsonPath(place), what: `${what}, which production refuses`, remedy })
  }
  const signing = member(config, 'keys', 'signing')
  const renew = 'make one with `npx lienthong keys generate`'
  if (signing === undefined && member(config, 'keys', 'folder') === undefined) {
    refuse(['keys', 'signing'], 'is missing', renew)
  }
  if (isDemo(member(signing, 'kid'))) refuse(['keys', 'signing'], 'is a demo key', renew)
  if (isClearText(member(config, 'gateway', 'url'))) {
    refuse(['gateway', 'url'], 'is clear text', 'put the gateway behind TLS and write its https address')
  }
  for (const table of ['agencies', 'procedures']) {
    if (member(config, 'directory', table) !== undefined) continue
    refuse(
      ['directory', table],
      'is missing: the demonstration’s made-up table would be used',
      'name the province’s own file',
    )
  }
  for (const [name, system] of enabledSystems(config)) {
    const url = member(system, 'url')
    if (member(system, 'simulator') === true)
      refuse(['systems', name, 'simulator'], 'is a simulator', 'use the partner')
    if (isLoopback(url)) refuse(['systems', name, 'url'], 'is on this very machine', 'write the partner’s address')
    if (isClearText(url)) refuse(['systems', name, 'url'], 'is clear text', 'write an https address')
  }
  for (const { place, kid } of partnerKeys(config)) {
    if (isDemo(kid)) refuse([...place, 'kid'], 'is a demo key', 'register the partner’s own key')
  }
  return mistakes
}

function enabledSystems(config: unknown): readonly (readonly [string, unknown])[] {
  return Object.entries(record(member(config, 'systems'))).filter(([, system]) => member(system, 'enabled') !== false)
}

function partnerKeys(config: unknown): readonly { readonly place: Place; readonly kid: unknown }[] {
  return enabledSystems(config).flatMap(([name, system]) => {
    const keys = member(system, 'keys')
    if (!Array.isArray(keys)) return []
    return keys.map((key, index) => ({ place: ['systems', name, 'keys', `${index}`], kid: member(key, 'kid') }))
  })
}

function isDemo(kid: unknown): boolean {
  return typeof kid === 'string' && kid.startsWith('demo-')
}

function isClearText(url: unknown): boolean {
  return typeof url === 'string' && URL.parse(url)?.protocol === 'http:'
}

/** URL.parse has already turned every spelling of an IPv4 address into dotted decimal. */
function isLoopback(url: unknown): boolean {
  const host = typeof url === 'string' ? (URL.parse(url)?.hostname ?? '').replace(/\.$/, '') : ''
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    /^(127\.\d+\.\d+\.\d+|0\.0\.0\.0)$/.test(host) ||
    /^\[::(1|ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4})?\]$/.test(host)
  )
}

function withStorePath(config: Config): Config {
  const store = { ...config.store, path: config.store.path ?? path.join(config.dataDir, 'lienthong.sqlite') }
  return { ...config, store }
}

/** `/systems/a~1b/keys/0` → its steps. */
function placeOf(pointer: string): Place {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** `$.systems['national-portal'].keys[0]`, the short form of RFC 9535. */
function jsonPath(place: Place): string {
  const steps = place.map((step) => {
    if (/^\d+$/.test(step)) return `[${step}]`
    return /^[A-Za-z_]\w*$/.test(step) ? `.${step}` : `['${step.replace(/['\\]/g, '\\$&')}']`
  })
  return `$${steps.join('')}`
}

function isAtOrBelow(path: string, above: string): boolean {
  return path === above || path.startsWith(`${above}.`) || path.startsWith(`${above}[`)
}

function member(value: unknown, ...steps: readonly string[]): unknown {
  return steps.reduce<unknown>(
    (inner, step) => (Object.hasOwn(record(inner), step) ? record(inner)[step] : undefined),
    value,
  )
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function errnoOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown reason'
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
