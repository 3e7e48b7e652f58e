import { createPublicKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { verifyChain } from '../../gateway/bus/journal.ts'
import type { JournalEntry } from '../../gateway/bus/store.ts'
import { type JwsType, jwsTypes, type PinnedKey, verifyJws } from '../../gateway/envelopes/jws.ts'
import { keyFault, pinnedAlgorithm } from '../../gateway/envelopes/key-vetting.ts'
import type { PublicJwk } from '../../gateway/envelopes/keyring.ts'
import { SqliteReader } from '../../gateway/store/sqlite-reader.ts'
import { type Command, CommandError, type ExitCode, type Terminal, UsageError } from '../command.ts'
import { ask } from './gateway-call.ts'

/** Evidence, checked without trusting the gateway that made it: all it takes is the gateway's public keys. */
export const verify: Command = {
  usage: `lienthong verify RECEIPT --jwks URL-OR-FILE
lienthong verify --store FILE [--jwks URL-OR-FILE]

RECEIPT is a file with the compact JWS a sender was given (- reads standard input): its signature is checked and what it
says is printed. --store reads a SQLite store, without changing it, and checks its journal: every hash, no gap, and every
checkpoint against the entry it names; with --jwks the checkpoints' signatures too. Exit code 1 when something is broken.

  --jwks          the gateway's /.well-known/jwks.json, or a file of it kept elsewhere
  --store FILE    the database file (store.path in the configuration)

Examples
  lienthong verify receipt.jws --jwks https://lienthong.example.vn/.well-known/jwks.json
  lienthong verify --store data/lienthong.sqlite --jwks jwks.json`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { jwks: { type: 'string' }, store: { type: 'string' } },
      allowPositionals: true,
    })
    const [file] = positionals
    if ((file === undefined) === (values.store === undefined)) throw new UsageError('verify wants a receipt or --store')
    const keys = values.jwks === undefined ? undefined : await readJwks(values.jwks)
    if (values.store !== undefined) return await verifyStore(values.store, { keys, terminal })
    if (file === undefined || keys === undefined) throw new UsageError('--jwks is missing')
    return await verifyReceipt(file, { keys, terminal })
  },
}

type PublicKeys = ReadonlyMap<string, PinnedKey>

async function verifyReceipt(
  file: string,
  { keys, terminal }: { readonly keys: PublicKeys; readonly terminal: Terminal },
): Promise<ExitCode> {
  const payload = await payloadOf(readText(file).trim(), { keys, typ: jwsTypes.receipt })
  if (payload === undefined) {
    terminal.say('this is no receipt signed by one of these keys')
    return 1
  }
  terminal.print(JSON.stringify(JSON.parse(Buffer.from(payload).toString()), null, 2))
  return 0
}

interface StoreCheck {
  readonly keys: PublicKeys | undefined
  readonly terminal: Terminal
}

async function verifyStore(file: string, { keys, terminal }: StoreCheck): Promise<ExitCode> {
  // SQLite would make a file that is not there.
  if (!existsSync(file)) throw new CommandError(`${file} is not there`)
  const reader = openReader(file)
  try {
    const checkpoints = reader.checkpoints()
    const heads = checkpoints.flatMap((checkpoint) => headsOf(checkpoint.heads))
    const found = new Map(heads.map((head) => [placeOf(head), '']))
    const seen = { entries: 0, chains: new Set<string>() }
    const breaks = verifyChain(noting(entriesOf(reader), { found, seen }))

    const wrong = breaks.map(({ chainId, position, why }) => `chain ${chainId} is broken at ${position}: ${why}`)
    for (const head of heads) {
      if (found.get(placeOf(head)) !== head.hash)
        wrong.push(`chain ${head.chainId}: ${head.position} is not what was signed`)
    }
    for (const checkpoint of keys === undefined ? [] : checkpoints) {
      const isSigned = await isSignedBy(checkpoint, keys ?? new Map())
      if (!isSigned)
        wrong.push(`the checkpoint of ${new Date(checkpoint.atMs).toISOString()} is not signed by these keys`)
    }
    for (const line of wrong) terminal.print(line)
    const signed = keys === undefined ? 'signatures not checked' : 'signatures checked'
    const counted = `${seen.chains.size} chains, ${seen.entries} entries, ${checkpoints.length} checkpoints (${signed})`
    if (wrong.length === 0) terminal.print(`ok: ${counted}`)
    else terminal.say(`broken: ${counted}`)
    return wrong.length === 0 ? 0 : 1
  } finally {
    reader.close()
  }
}

function openReader(file: string): SqliteReader {
  try {
    return new SqliteReader(file)
  } catch {
    throw new CommandError(`${file} cannot be read as a store`)
  }
}

const pageSize = 1_000

function* entriesOf(reader: SqliteReader): Generator<JournalEntry> {
  let last: JournalEntry | undefined
  do {
    const page = reader.journal(last?.chainId ?? '', last?.position ?? 0, pageSize)
    yield* page
    last = page.length < pageSize ? undefined : page.at(-1)
  } while (last !== undefined)
}

interface Notes {
  /** Hashes by place, filled in for the places already in it. */
  readonly found: Map<string, string>
  readonly seen: { entries: number; readonly chains: Set<string> }
}

function* noting(entries: Iterable<JournalEntry>, { found, seen }: Notes): Generator<JournalEntry> {
  for (const entry of entries) {
    seen.entries += 1
    seen.chains.add(entry.chainId)
    if (found.has(placeOf(entry))) found.set(placeOf(entry), entry.hash)
    yield entry
  }
}

interface Head {
  readonly chainId: string
  readonly position: number
  readonly hash: string
}

function headsOf(text: string): readonly Head[] {
  return JSON.parse(text) as readonly Head[] // written by the store; a forged one names no entry and is told as broken
}

function placeOf({ chainId, position }: { readonly chainId: string; readonly position: number }): string {
  return `${chainId} ${position}`
}

/** A checkpoint is signed around its heads (compact) or beside them (detached). */
async function isSignedBy(
  checkpoint: { readonly heads: string; readonly signature: string },
  keys: PublicKeys,
): Promise<boolean> {
  const isDetached = checkpoint.signature.includes('..')
  const payload = await payloadOf(checkpoint.signature, {
    keys,
    typ: jwsTypes.checkpoint,
    ...(isDetached && { beside: Buffer.from(checkpoint.heads) }),
  })
  return payload !== undefined && Buffer.from(payload).toString() === checkpoint.heads
}

async function payloadOf(
  token: string,
  check: { readonly keys: PublicKeys; readonly typ: JwsType; readonly beside?: Uint8Array },
): Promise<Uint8Array | undefined> {
  try {
    const { payload } = await verifyJws(token, {
      keyOf: (kid) => check.keys.get(kid),
      typ: check.typ,
      ...(check.beside && { payload: check.beside }),
    })
    return payload
  } catch {
    return undefined
  }
}

async function readJwks(place: string): Promise<PublicKeys> {
  const isUrl = /^https?:\/\//.test(place)
  const text = isUrl ? (await ask(new URL(place), {})).text : readText(place)
  const keys = new Map<string, PinnedKey>()
  // A gateway publishes the keys to encrypt to it in the same set.
  for (const jwk of jwksOf(text).filter(({ use }) => use !== 'enc')) {
    const fault = keyFault(jwk)
    if (fault !== undefined || jwk.kid === undefined) throw new CommandError(`${place}: ${fault ?? 'a key has no kid'}`)
    keys.set(jwk.kid, {
      algorithm: pinnedAlgorithm(jwk),
      publicKey: createPublicKey({ key: { ...jwk }, format: 'jwk' }),
    })
  }
  if (keys.size === 0) throw new CommandError(`${place} holds no keys`)
  return keys
}

/** A JWK set, or one JWK as `keys show` prints it. */
function jwksOf(text: string): readonly PublicJwk[] {
  try {
    const document = JSON.parse(text) as { readonly keys?: readonly PublicJwk[] } & PublicJwk // keyFault vets each
    return Array.isArray(document.keys) ? document.keys : [document]
  } catch {
    return []
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch {
    throw new CommandError(`${file} cannot be read`)
  }
}
