import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ConfigError, keyringOptions, loadConfig } from '../../config.ts'
import { durationMs } from '../../gateway/bus/route.ts'
import {
  type KeyPlaces,
  openKeyring,
  readKeyFiles,
  readKeyFolder,
  readTrust,
} from '../../gateway/envelopes/key-folder.ts'
import { type GeneratedPurpose, generatedAlgorithms, generateKeyFile } from '../../gateway/envelopes/key-generation.ts'
import { importKey } from '../../gateway/envelopes/key-import.ts'
import {
  isOwn,
  type KeyFile,
  type KeyPurpose,
  type KeyRecord,
  keyPurposes,
  readKeyRecord,
} from '../../gateway/envelopes/key-record.ts'
import { createKeyring, generateSigningJwk, type KeyView, thumbprintOf } from '../../gateway/envelopes/keyring.ts'
import { CommandError, type Terminal, UsageError } from '../command.ts'
import { readInstallation } from '../installation.ts'

/** Where the keys are: options that every verb on a key folder takes. */
export const placeOptions = {
  folder: { type: 'string' },
  config: { type: 'string' },
  trust: { type: 'string' },
  crl: { type: 'string', multiple: true },
} as const

/** Options of verbs that write a key. */
export const keyOptions = {
  ...placeOptions,
  purpose: { type: 'string' },
  system: { type: 'string' },
  algorithm: { type: 'string' },
  kid: { type: 'string' },
  name: { type: 'string', default: 'lien-thong' },
  from: { type: 'string' },
  until: { type: 'string' },
  'passphrase-env': { type: 'string' },
  demo: { type: 'boolean', default: false },
} as const

export interface PlaceValues {
  readonly folder?: string | undefined
  readonly config?: string | undefined
  readonly trust?: string | undefined
  readonly crl?: readonly string[] | undefined
}

export interface KeyValues extends PlaceValues {
  readonly purpose?: string | undefined
  readonly system?: string | undefined
  readonly algorithm?: string | undefined
  readonly kid?: string | undefined
  readonly name: string
  readonly from?: string | undefined
  readonly until?: string | undefined
  readonly 'passphrase-env'?: string | undefined
  readonly demo: boolean
}

/** Makes a key of ours, or a secret to share, and answers what was written. */
export async function generateInto(values: KeyValues, terminal: Terminal): Promise<Written> {
  const places = await placesOf(values, terminal)
  const purpose = values.purpose ?? 'sign'
  if (!isGenerated(purpose)) throw new UsageError('keys generate makes keys to sign, to decrypt, or mac')
  if (purpose === 'mac' && values.system === undefined) throw new UsageError('a mac key wants --system')
  const known: readonly string[] = generatedAlgorithms[purpose]
  const algorithm = values.algorithm ?? known[0] ?? ''
  if (!known.includes(algorithm)) throw new UsageError(`--algorithm must be one of ${known.join(', ')}`)
  const fromMs = timeOf(values.from) ?? Date.now()
  const untilMs = timeOf(values.until) ?? fromMs + defaultLifeMs
  if (untilMs <= fromMs) throw new UsageError('--until must be after --from')
  const key = generateKeyFile({
    purpose,
    algorithm,
    ...(values.system === undefined ? {} : { system: values.system }),
    name: values.name,
    ...(values.demo ? { kidPrefix: 'demo-' } : {}),
    fromMs,
    untilMs,
  })
  return write(places, key)
}

/** Registers a key that somebody handed over: JWK, PEM, certificate or PKCS#12. */
export async function addTo(file: string, values: KeyValues, terminal: Terminal): Promise<Written> {
  const places = await placesOf(values, terminal)
  const purpose = keyPurposes.find((one) => one === values.purpose)
  if (purpose === undefined) throw new UsageError(`--purpose must be one of ${keyPurposes.join(', ')}`)
  if (!isOwn(purpose) && values.system === undefined) throw new UsageError('a key of a partner wants --system')
  const passphrase = values['passphrase-env'] === undefined ? undefined : terminal.env[values['passphrase-env']]
  const imported = told(file, () => importKey(bytesOf(file), passphrase))
  if (imported.isPrivate !== (isOwn(purpose) || purpose === 'mac'))
    throw new CommandError(
      imported.isPrivate
        ? `${file}: it holds a private part, which no partner may hand over; ask for a new key`
        : `${file}: it holds no private key`,
    )
  const alg = values.algorithm ?? (typeof imported.jwk.alg === 'string' ? imported.jwk.alg : undefined)
  const named = typeof imported.jwk.kid === 'string' ? imported.jwk.kid : undefined
  const kid = values.kid ?? named ?? (purpose === 'mac' ? undefined : thumbprintOf(imported.jwk))
  const x5c = imported.certificates.map(({ raw }) => raw.toString('base64'))
  const key: KeyFile = {
    purpose,
    ...(values.system === undefined ? {} : { system: values.system }),
    ...isoOf('from', timeOf(values.from)),
    ...isoOf('until', timeOf(values.until)),
    jwk: {
      ...imported.jwk,
      ...(kid === undefined ? {} : { kid }),
      ...(alg === undefined ? {} : { alg }),
      ...(x5c.length === 0 ? {} : { x5c }),
    },
  }
  return write(places, key)
}

/** Makes the successor of one of our own keys, and ends the old one once the new one has taken over. */
export async function rotate(
  kid: string,
  values: PlaceValues & { readonly from?: string | undefined; readonly name: string; readonly overlap: string },
  terminal: Terminal,
): Promise<readonly Written[]> {
  const places = await placesOf(values, terminal)
  const { file, record } = find(places, kid)
  const { purpose, algorithm, system } = record
  if (!isOwn(purpose) || !isGenerated(purpose))
    throw new CommandError(`${kid} is a partner’s key: add its next one with \`lienthong keys add\``)
  if (record.revoked !== undefined) throw new CommandError(`${kid} is revoked: make a new one with \`keys generate\``)
  // Partners that keep our key set for a day have seen the new key before it first signs.
  const fromMs = timeOf(values.from) ?? Date.now() + 86_400_000
  const endMs = fromMs + overlapOf(values.overlap)
  const successor = generateKeyFile({
    purpose,
    algorithm,
    ...(system === undefined ? {} : { system }),
    name: values.name,
    ...(kid.startsWith('demo-') ? { kidPrefix: 'demo-' } : {}),
    fromMs,
    untilMs: fromMs + defaultLifeMs,
  })
  // The new one first: if the machine stops between the two writes, both are there and nothing has ended.
  const made = write(places, successor)
  const untilMs = Math.min(endMs, record.untilMs ?? endMs)
  return [made, change(file, { until: new Date(untilMs).toISOString() })]
}

/** Ends a key at once and for ever. */
export async function revoke(
  kid: string,
  values: PlaceValues & { readonly reason: string },
  terminal: Terminal,
): Promise<Written> {
  const { file, record } = find(await placesOf(values, terminal), kid)
  if (record.revoked !== undefined) throw new CommandError(`${kid} is revoked already`)
  return change(file, { revoked: { at: new Date().toISOString(), reason: values.reason } })
}

/** Every key of a configuration or of a folder, without the keys. */
export async function listKeys(values: PlaceValues, terminal: Terminal): Promise<readonly KeyView[]> {
  if (values.folder !== undefined) {
    const places = await placesOf(values, terminal)
    return told(values.folder, () => keyringOf(readKeyFolder(places.folder), places).list()).filter(
      ({ kid }) => kid !== placeholder.kid,
    )
  }
  const options = keyringOptions(await readConfig(values, terminal))
  const isMissing = options.signing === undefined && options.places.folder === undefined
  const keyring = told('keys', () => openKeyring({ ...options, ...(isMissing && { signing: placeholder }) }))
  return keyring.list().filter(({ kid }) => kid !== placeholder.kid)
}

/** A file of the folder and what stands in it. */
export interface Written {
  readonly file: string
  readonly record: KeyRecord
}

const defaultLifeMs = 2 * 365 * 86_400_000

/** A folder may hold partners' keys alone; a keyring wants one to sign with. */
const placeholder = generateSigningJwk({ kidPrefix: 'placeholder-' })

function keyringOf(records: readonly KeyRecord[], places: KeyPlaces) {
  const trust = readTrust(places)
  return createKeyring({ signing: placeholder, partners: [], records, ...(trust && { trust }) })
}

async function placesOf(values: PlaceValues, terminal: Terminal): Promise<KeyPlaces & { readonly folder: string }> {
  const { folder, trust, crl } = values
  if (folder !== undefined)
    return { folder, ...(trust === undefined ? {} : { trust }), ...(crl === undefined ? {} : { revocationLists: crl }) }
  const { keys } = await readConfig(values, terminal)
  if (keys.folder === undefined) throw new UsageError('--folder is missing, and the configuration has no keys.folder')
  return { ...keys, folder: keys.folder }
}

async function readConfig({ config }: PlaceValues, terminal: Terminal) {
  const { adapters } = await readInstallation()
  try {
    return loadConfig({ ...(config !== undefined && { path: config }), env: terminal.env, adapters })
  } catch (thrown) {
    throw thrown instanceof ConfigError ? new CommandError(thrown.message) : thrown
  }
}

/** Nothing is written that the gateway would refuse, alone or beside what is there. */
function write(places: KeyPlaces & { readonly folder: string }, key: KeyFile): Written {
  const bytes = Buffer.from(`${JSON.stringify(key, null, 2)}\n`)
  const record = told('the key', () => readKeyRecord(bytes))
  if (!existsSync(places.folder)) mkdirSync(places.folder, { recursive: true, mode: 0o700 })
  const keyring = told('the key', () => keyringOf([...readKeyFolder(places.folder), record], places))
  const view = keyring.list().find(({ kid }) => kid === record.kid)
  if (view?.standing === 'untrusted') throw new CommandError(`the key cannot be registered: ${view.why}`)
  if (view?.standing === 'over') throw new CommandError('the key cannot be registered: its time is over')
  const id = createHash('sha256').update(record.kid).digest('hex').slice(0, 16)
  const file = path.join(places.folder, `${record.system ?? 'gateway'}.${record.purpose}.${id}.json`)
  replace(file, bytes)
  return { file, record }
}

function change(file: string, members: object): Written {
  const key: object = JSON.parse(readFileSync(file, 'utf8')) // readKeyFiles has just read it
  const bytes = Buffer.from(`${JSON.stringify({ ...key, ...members }, null, 2)}\n`)
  replace(file, bytes)
  return { file, record: readKeyRecord(bytes) }
}

/** A running gateway sees the old file or the new one, never half of one. */
function replace(file: string, bytes: Buffer): void {
  const draft = path.join(path.dirname(file), `.${path.basename(file)}.draft`)
  try {
    writeFileSync(draft, bytes, { mode: 0o600, flush: true })
    renameSync(draft, file)
  } catch (cause) {
    throw new CommandError(`${file} cannot be written: ${cause instanceof Error && 'code' in cause ? cause.code : ''}`)
  }
}

function find({ folder }: { readonly folder: string }, kid: string): Written {
  const found = told(folder, () => readKeyFiles(folder)).find(({ record }) => record.kid === kid)
  if (found === undefined) throw new CommandError(`${folder} has no key ${kid}`)
  return found
}

function isGenerated(purpose: KeyPurpose | string): purpose is GeneratedPurpose {
  return Object.hasOwn(generatedAlgorithms, purpose)
}

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const timeMs = Date.parse(text)
  if (Number.isNaN(timeMs)) throw new UsageError(`${text} is not a time; write it like 2026-11-01T00:00:00Z`)
  return timeMs
}

function isoOf<Name extends string>(name: Name, timeMs: number | undefined): { readonly [name in Name]?: string } {
  const entry: { [name in Name]?: string } = {}
  if (timeMs !== undefined) entry[name] = new Date(timeMs).toISOString()
  return entry
}

function overlapOf(text: string): number {
  try {
    return durationMs(text)
  } catch {
    throw new UsageError('--overlap must be a duration like 7d')
  }
}

function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new CommandError(`${file} cannot be read: ${cause instanceof Error && 'code' in cause ? cause.code : ''}`)
  }
}

/** Our own errors about keys say what is wrong and never hold the key. */
function told<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown reason'
    throw new CommandError(why.startsWith(what) ? why : `${what}: ${why}`)
  }
}
