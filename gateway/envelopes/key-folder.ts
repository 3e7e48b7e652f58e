import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { type KeyRecord, readKeyRecord } from './key-record.ts'
import { createKeyring, type Keyring, type KeyringOptions } from './keyring.ts'
import { readRevocationList } from './revocation-list.ts'
import { createTrustStore, type TrustStore } from './trust-store.ts'

/** Where keys with dates are, and whom their certificates must lead to. */
export interface KeyPlaces {
  /** Holds one JSON file per key; `lienthong keys` writes them. */
  readonly folder?: string
  /** Root certificates, PEM. */
  readonly trust?: string
  /** Revocation lists, DER or PEM. */
  readonly revocationLists?: readonly string[]
}

/** A keyring that can be read anew while messages are under way. */
export interface LiveKeyring extends Keyring {
  /**
   * Reads the files again when one has changed, and answers whether it did. All or nothing: throws an Error that names
   * the file and the rule it breaks, and goes on with the keys it had.
   */
  reload(): boolean
  /** Revocation lists that are past their time. */
  staleLists(): number
}

export type LiveKeyringOptions = Omit<KeyringOptions, 'records' | 'trust'> & {
  readonly places: KeyPlaces
  /** Refuses keys whose id begins with `demo-`. */
  readonly isProduction?: boolean
}

/** Reads all keys and holds them until they change. Throws an Error that names the file and the rule it breaks. */
export function openKeyring(options: LiveKeyringOptions): LiveKeyring {
  const { places, isProduction = false, clock, ...rest } = options
  const read = () => {
    const records = readKeyFolder(places.folder)
    const demo = isProduction ? records.find(({ kid }) => kid.startsWith('demo-')) : undefined
    if (demo !== undefined) throw new Error(`key ${demo.kid} is a demo key, which production refuses`)
    const trust = readTrust(places)
    const keyring = createKeyring({ ...rest, records, ...(trust && { trust }), ...(clock && { clock }) })
    return { keyring, trust, state: stateOf(places) }
  }
  let current = read()
  return {
    signingKey: (system) => current.keyring.signingKey(system),
    partnerKey: (kid) => current.keyring.partnerKey(kid),
    partnerKeys: (system) => current.keyring.partnerKeys(system),
    ownKey: (kid) => current.keyring.ownKey(kid),
    encryptionKey: (system) => current.keyring.encryptionKey(system),
    decryptionKey: (kid) => current.keyring.decryptionKey(kid),
    macKeys: (system) => current.keyring.macKeys(system),
    jwks: () => current.keyring.jwks(),
    certificates: () => current.keyring.certificates(),
    secrets: (purpose) => current.keyring.secrets(purpose),
    list: () => current.keyring.list(),
    reload() {
      // A file that changes while it is read is seen as changed the next time, because the state was taken before.
      const state = stateOf(places)
      if (state === current.state) return false
      current = { ...read(), state }
      return true
    },
    staleLists: () => current.trust?.staleLists((clock?.now ?? Date.now)()) ?? 0,
  }
}

/** Every key of a folder. Throws an Error that names the file and the rule it breaks. */
export function readKeyFolder(folder: string | undefined): readonly KeyRecord[] {
  return folder === undefined ? [] : readKeyFiles(folder).map(({ record }) => record)
}

/** The same, with the file each is in. */
export function readKeyFiles(folder: string): readonly { readonly file: string; readonly record: KeyRecord }[] {
  return keyFiles(folder).map((file) =>
    reading(file, () => {
      const record = readKeyRecord(readFileSync(file))
      const isSecret = record.purpose !== 'verify' && record.purpose !== 'encrypt'
      if (isSecret && (statSync(file).mode & 0o004) !== 0) throw new Error('everybody on this machine can read it')
      return { file, record }
    }),
  )
}

/** What a configuration trusts; `undefined` when it names no roots. Throws an Error that names the file. */
export function readTrust({ trust, revocationLists = [] }: KeyPlaces): TrustStore | undefined {
  if (trust === undefined) return undefined
  const roots = reading(trust, () => readCertificates(readFileSync(trust, 'latin1')))
  if (roots.length === 0) throw new Error(`${trust}: it holds no certificate`)
  const lists = revocationLists.map((file) => reading(file, () => readRevocationList(readFileSync(file))))
  return createTrustStore(roots, lists)
}

/** Every certificate of a PEM text, in its order. */
export function readCertificates(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

function keyFiles(folder: string): readonly string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json') && !name.startsWith('.'))
  return names.sort().map((name) => path.join(folder, name))
}

function reading<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : 'it cannot be read'}`, { cause })
  }
}

/** Changes whenever a file comes, goes, or is written or replaced. */
function stateOf({ folder, trust, revocationLists = [] }: KeyPlaces): string {
  const files = [
    ...(folder === undefined ? [] : keyFiles(folder)),
    ...(trust === undefined ? [] : [trust]),
    ...revocationLists,
  ]
  return files
    .map((file) => {
      const { ino, size, mtimeMs } = statSync(file)
      return `${file} ${ino} ${size} ${mtimeMs}`
    })
    .join('\n')
}
