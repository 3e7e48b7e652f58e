import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, opendir, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { GatewayError } from '../bus/errors.ts'
import type { ObjectStore } from './object-store.ts'

/**
 * Files in a folder. What is being written stands in `incoming` of the same file system, is made durable (fsync) and
 * moved to its place in one step, so that no reader and no crash ever sees half of one.
 */
export function createFolderObjects(options: { readonly folder: string; readonly incoming: string }): ObjectStore {
  const root = path.resolve(options.folder)
  const place = (key: string): string => {
    if (!/^[\w.~-]+(?:\/[\w.~-]+)*$/.test(key) || key.split('/').some((part) => /^\.+$/.test(part)))
      throw new GatewayError('internal-error', { cause: new Error('not a key') })
    return path.join(root, key)
  }
  const settle = async (from: string, key: string): Promise<void> => {
    const to = place(key)
    await makeFolder(path.dirname(to), root)
    await rename(from, to)
    await syncFolder(path.dirname(to))
  }
  return {
    putFile: (key, file) =>
      guarded(async () => {
        try {
          await syncFile(file.path)
          await settle(file.path, key)
        } finally {
          await rm(file.path, { force: true })
        }
      }),
    putNote: (key, bytes) =>
      guarded(async () => {
        const temporary = path.join(options.incoming, `${randomUUID()}.part`)
        try {
          await mkdir(options.incoming, { recursive: true, mode: 0o700 })
          const handle = await open(temporary, 'wx', 0o600)
          try {
            await handle.writeFile(bytes)
            await handle.sync()
          } finally {
            await handle.close()
          }
          await settle(temporary, key)
        } finally {
          await rm(temporary, { force: true })
        }
      }),
    note: (key) => guarded(() => unlessAbsent(readFile(place(key)))),
    sizeOf: (key) => guarded(async () => (await unlessAbsent(stat(place(key))))?.size),
    open: (key, range) =>
      guarded(async () => {
        const handle = await unlessAbsent(open(place(key), 'r'))
        if (handle === undefined) return undefined
        const span = range === undefined ? {} : { start: range.first, end: range.last }
        return createReadStream('', { fd: handle, autoClose: true, highWaterMark: 64 * 1024, ...span })
      }),
    keys: (folder) => keysBelow(root, folder),
    remove: (key) => guarded(() => rm(place(key), { force: true })),
    async close() {},
  }
}

/** Below a folder, depth first; entries that leave meanwhile are as if they had not been there. */
async function* keysBelow(root: string, folder: string): AsyncGenerator<string> {
  const entries = await unlessAbsent(opendir(path.join(root, folder)))
  if (entries === undefined) return
  for await (const entry of entries) {
    if (entry.isDirectory()) yield* keysBelow(root, `${folder}${entry.name}/`)
    else yield `${folder}${entry.name}`
  }
}

/** A new folder is durable once the one above it is. */
async function makeFolder(folder: string, root: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let at = folder; at.length >= root.length; at = path.dirname(at)) await syncFolder(path.dirname(at))
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  await handle.sync().finally(() => handle.close())
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined
    throw error
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof GatewayError) throw error
    throw new GatewayError('store-unavailable', { cause: error })
  }
}
