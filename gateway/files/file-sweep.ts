import { placeOf, readNote, usesOf } from './file-notes.ts'
import type { ObjectStore } from './object-store.ts'
import type { Turns } from './turns.ts'

/** Removes the files that no message needs; answers how many went. */
export async function sweepKept(
  store: ObjectStore,
  { beforeMs, isNeeded, turns }: Sweep & { readonly turns: Turns },
): Promise<number> {
  let removed = 0
  for await (const key of store.keys('kept/')) {
    const hex = /^kept\/..\/..\/([0-9a-f]{64})\.json$/.exec(key)?.[1]
    if (hex === undefined) continue
    const isGone = await turns.take(hex, async () => {
      const note = await readNote(store, key)
      if (typeof note?.keptAtMs !== 'number' || note.keptAtMs >= beforeMs) return false
      for (const use of await usesOf(store, `sha-256:${hex}`)) {
        if (use.kind === 'message' && (await isNeeded(use.messageId))) return false
      }
      const place = placeOf(hex)
      await store.remove(place)
      for await (const left of store.keys(`${place}.uses/`)) await store.remove(left)
      const folder = place.slice(0, place.lastIndexOf('/') + 1)
      for await (const left of store.keys(folder)) if (left.startsWith(`${place}.`)) await store.remove(left)
      return true
    })
    if (isGone) removed += 1
  }
  return removed
}

/** Removes what was noted of links whose messages are gone. */
export async function sweepClaims(store: ObjectStore, { beforeMs, isNeeded }: Sweep): Promise<void> {
  for await (const key of store.keys('claims/')) {
    const note = await readNote(store, key)
    if (typeof note?.atMs !== 'number' || note.atMs >= beforeMs || typeof note.messageId !== 'string') continue
    if (!(await isNeeded(note.messageId))) await store.remove(key)
  }
}

/** What stays although it is old. */
export interface Sweep {
  readonly beforeMs: number
  readonly isNeeded: (messageId: string) => Promise<boolean>
}
