import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'

/** What the hardware does from now on; what is not named works as it should. */
export interface HardwareOrders {
  readonly clockOffsetMs?: number
  /** An errno (5 EIO, 28 ENOSPC) for writes of the store. */
  readonly writeErrno?: number
  /** One write in so many ends in the middle; without it every write fails whole. */
  readonly tornOneIn?: number
}

/** A disk and a clock of our own making under a gateway (`hardware.c`). */
export interface Hardware {
  /** For the gateway's process. */
  readonly environment: Readonly<Record<string, string>>
  order(orders: HardwareOrders): void
  /**
   * Leaves in the data folder what a power cut would: everything that was synced, and of the rest whatever sectors the
   * disk happened to have written. The gateway must have been killed. Answers how many writes had not been synced.
   */
  cutPower(random: () => number): number
}

/** Compiles it; `undefined` where there is no C compiler or no Linux. */
export function buildHardware(place: { readonly folder: string; readonly dataDir: string }): Hardware | undefined {
  const library = path.join(place.folder, 'hardware.so')
  const disk = path.join(place.folder, 'disk')
  const ordersFile = path.join(place.folder, 'orders')
  try {
    const source = path.join(import.meta.dirname, 'hardware.c')
    execFileSync('gcc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl'], { stdio: 'pipe' })
  } catch {
    return undefined
  }
  mkdirSync(disk)
  writeFileSync(ordersFile, ordersBytes({}))
  return {
    environment: {
      LD_PRELOAD: library,
      HARDWARE_DIR: place.dataDir,
      HARDWARE_DISK: disk,
      HARDWARE_ORDERS: ordersFile,
    },
    order(orders) {
      // In place: the gateway has mapped this very file.
      const file = openSync(ordersFile, 'r+')
      writeSync(file, ordersBytes(orders), 0, undefined, 0)
      closeSync(file)
    },
    cutPower(random) {
      const names = readdirSync(disk).filter((name) => !name.endsWith('.pending'))
      const lost = names.map((name) => cutFile({ disk, dataDir: place.dataDir, name, random }))
      for (const name of readdirSync(place.dataDir).filter((name) => name.endsWith('-shm'))) {
        rmSync(path.join(place.dataDir, name))
      }
      return lost.reduce((sum, count) => sum + count, 0)
    },
  }
}

/** As `struct orders` of hardware.c reads it. */
function ordersBytes({ clockOffsetMs = 0, writeErrno = 0, tornOneIn = 0 }: HardwareOrders): Buffer {
  const bytes = Buffer.alloc(24)
  for (const [index, value] of [clockOffsetMs, writeErrno, tornOneIn].entries()) {
    bytes.writeBigInt64LE(BigInt(value), index * 8)
  }
  return bytes
}

const sectorBytes = 512

/** The image and some of what was not synced become the file; that is durable from now on. */
function cutFile(of: {
  readonly disk: string
  readonly dataDir: string
  readonly name: string
  readonly random: () => number
}): number {
  const { disk, dataDir, name, random } = of
  const [image, pending] = [path.join(disk, name), path.join(disk, `${name}.pending`)]
  const writes = existsSync(pending) ? readFileSync(pending) : Buffer.alloc(0)
  const synced = readFileSync(image)
  const content = Buffer.alloc(Math.max(synced.length, furthestByte(writes)))
  let length = synced.copy(content)
  // Nothing of it, all of it, or any of its sectors: disks reorder.
  const kept = [0, 1, 0.5][Math.floor(random() * 3)] ?? 0
  let count = 0
  for (const { offset, bytes } of pendingWrites(writes)) {
    count += 1
    if (bytes === undefined) {
      if (random() >= kept) continue
      content.fill(0, offset)
      length = Math.min(length, offset)
      continue
    }
    for (let from = 0; from < bytes.length; from = nextSector(offset, from)) {
      if (random() >= kept) continue
      const sector = bytes.subarray(from, nextSector(offset, from))
      sector.copy(content, offset + from)
      length = Math.max(length, offset + from + sector.length)
    }
  }
  const left = content.subarray(0, length)
  writeFileSync(path.join(dataDir, name), left, { mode: 0o600 })
  writeFileSync(image, left)
  writeFileSync(pending, '')
  return count
}

/** In the order in which they were made; without bytes it is the length that was cut. */
function* pendingWrites(list: Buffer): Generator<{ readonly offset: number; readonly bytes?: Buffer }> {
  for (let at = 0; at + 16 <= list.length; ) {
    const offset = Number(list.readBigInt64LE(at))
    const length = Number(list.readBigInt64LE(at + 8))
    at += 16
    if (length < 0) yield { offset }
    else yield { offset, bytes: list.subarray(at, at + length) }
    at += Math.max(0, length)
  }
}

function furthestByte(list: Buffer): number {
  let furthest = 0
  for (const { offset, bytes } of pendingWrites(list)) furthest = Math.max(furthest, offset + (bytes?.length ?? 0))
  return furthest
}

/** Where, counted from the write's start, the next sector of the disk begins. */
function nextSector(offset: number, from: number): number {
  return (Math.floor((offset + from) / sectorBytes) + 1) * sectorBytes - offset
}
