import { createHash } from 'node:crypto'
import { GatewayError } from '../bus/errors.ts'
import type { ObjectStore } from './object-store.ts'
import { isHex } from './signed-link.ts'

/** Who brought a file, or which message it belongs to: what may be read by whom, and what must stay. */
export type FileUse =
  | { readonly kind: 'sender'; readonly system: string }
  | { readonly kind: 'message'; readonly messageId: string }

/** Where a file lies: two letters and two letters, so that no folder grows beyond what a file system likes. */
export function placeOf(hex: string): string {
  return `kept/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex}`
}

/** Where it is noted which file a message's link turned out to be. */
export function claimKey(messageId: string, url: string): string {
  const hash = createHash('sha256').update(`${messageId}\n${url}`).digest('hex')
  return `claims/${hash.slice(0, 2)}/${hash}.json`
}

/** The lower-case hex of a `sha-256:` digest. Throws `contract-violated`. */
export function hexOf(digest: string, field?: string): string {
  const hex = /^sha-256:([0-9A-Fa-f]{64})$/.exec(digest)?.[1]?.toLowerCase()
  if (hex !== undefined && isHex(hex)) return hex
  throw new GatewayError('contract-violated', { ...(field === undefined ? {} : { field }), rule: 'digest' })
}

/** Whom and what a file belongs to. */
export async function usesOf(store: ObjectStore, digest: string): Promise<readonly FileUse[]> {
  const folder = `${placeOf(hexOf(digest))}.uses/`
  const uses: FileUse[] = []
  for await (const key of store.keys(folder)) {
    const [kind, id] = key.slice(folder.length).split('~')
    if (kind === 'sender' && id !== undefined) uses.push({ kind, system: id })
    if (kind === 'message' && id !== undefined) uses.push({ kind, messageId: id })
  }
  return uses
}

/** Says that a file belongs to one more; the same again does no harm. */
export async function writeUse(
  store: ObjectStore,
  place: string,
  { use, atMs, name }: { readonly use: FileUse; readonly atMs: number; readonly name: string | undefined },
): Promise<void> {
  const id = use.kind === 'sender' ? use.system : use.messageId
  if (!/^[\w.-]{1,100}$/.test(id)) throw new GatewayError('internal-error', { cause: new Error('not a use') })
  await writeNote(store, `${place}.uses/${use.kind}~${id}`, { atMs, name: name ?? null })
}

/** Writes a small JSON object, whole. */
export async function writeNote(
  store: ObjectStore,
  key: string,
  note: Readonly<Record<string, unknown>>,
): Promise<void> {
  await store.putNote(key, new TextEncoder().encode(JSON.stringify(note)))
}

/** `undefined` when it is not there. Throws `file-mismatch` when it is none of ours. */
export async function readNote(
  store: ObjectStore,
  key: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const bytes = await store.note(key)
  if (bytes === undefined) return undefined
  try {
    const note: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (typeof note === 'object' && note !== null) return note as Readonly<Record<string, unknown>> // an object, as checked
  } catch {
    // Below: neither form is ours.
  }
  throw damaged()
}

/** Our own copy is not what it was: nothing is delivered from it, and a person looks at the disk. */
export function damaged(): GatewayError {
  return new GatewayError('file-mismatch', { rule: 'digest', detail: 'The kept copy is damaged.' })
}
