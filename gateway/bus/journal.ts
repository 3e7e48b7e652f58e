import { createHash } from 'node:crypto'
import type { JournalEntry } from './store.ts'

/** The hash before the first entry of a chain. */
export const genesisHash = '0'.repeat(64)

/** SHA-256 over the entry and the hash before it, hex; fields are joined by a byte that none of them can hold. */
export function journalHash(entry: Omit<JournalEntry, 'hash'>): string {
  const parts = [entry.previousHash, entry.chainId, String(entry.position), String(entry.atMs), entry.kind, entry.entry]
  return createHash('sha256').update(parts.join('\0')).digest('hex')
}

/** Where a chain is broken. */
export interface ChainBreak {
  readonly chainId: string
  readonly position: number
  readonly why: 'hash' | 'gap' | 'previous-hash'
}

/** Checks entries of one or several chains, each in order from its first; answers the first break of each chain. */
export function verifyChain(entries: Iterable<JournalEntry>): readonly ChainBreak[] {
  const heads = new Map<string, { readonly position: number; readonly hash: string }>()
  const breaks = new Map<string, ChainBreak>()
  for (const entry of entries) {
    if (breaks.has(entry.chainId)) continue
    const head = heads.get(entry.chainId) ?? { position: 0, hash: genesisHash }
    const why = flaw(entry, head)
    if (why) breaks.set(entry.chainId, { chainId: entry.chainId, position: entry.position, why })
    heads.set(entry.chainId, { position: entry.position, hash: entry.hash })
  }
  return [...breaks.values()]
}

function flaw(
  entry: JournalEntry,
  head: { readonly position: number; readonly hash: string },
): ChainBreak['why'] | undefined {
  if (entry.position !== head.position + 1) return 'gap'
  if (entry.previousHash !== head.hash) return 'previous-hash'
  return journalHash(entry) === entry.hash ? undefined : 'hash'
}
