import { statfs } from 'node:fs/promises'
import type { Clock } from '../bus/clock.ts'
import type { Store } from '../bus/store.ts'

/** One condition of being ready. */
export interface HealthCheck {
  readonly name: 'store' | 'disk' | 'signing-key' | 'draining'
  readonly isPassing: boolean
  /** For an operator; never an error text of a library. */
  readonly detail?: string
}

/** What a load balancer and an operator are told. */
export interface HealthReport {
  readonly status: 'pass' | 'fail'
  readonly checks: readonly HealthCheck[]
}

export interface Health {
  /** The process answers; nothing else is asked. */
  live(): HealthReport
  /** Whether a message would be accepted now. Never rejects. */
  ready(): Promise<HealthReport>
}

export interface HealthOptions {
  readonly store: Pick<Store, 'probe'>
  /** The folder whose disk must have room. */
  readonly dataDir: string
  readonly minFreeDiskBytes: number
  readonly hasSigningKey: () => boolean
  readonly isDraining: () => boolean
  readonly clock: Clock
  /** A check that takes longer has failed. */
  readonly deadlineMs?: number
}

/** The page is open to everybody and its probe writes: one probe a second, however often it is asked. */
const freshMs = 1_000

/** Builds the health checks. */
export function createHealth(options: HealthOptions): Health {
  let last: { readonly atMs: number; readonly report: Promise<HealthReport> } | undefined
  return {
    live: () => ({ status: 'pass', checks: [] }),
    ready() {
      const nowMs = options.clock.monotonic()
      if (last === undefined || nowMs - last.atMs >= freshMs) last = { atMs: nowMs, report: examine(options) }
      return last.report
    },
  }
}

async function examine(options: HealthOptions): Promise<HealthReport> {
  const checks = await Promise.all([
    storeCheck(options),
    diskCheck(options),
    signingKeyCheck(options),
    drainCheck(options),
  ])
  return { status: checks.every((check) => check.isPassing) ? 'pass' : 'fail', checks }
}

async function storeCheck(options: HealthOptions): Promise<HealthCheck> {
  const isWritable = await inTime(
    options.store.probe().then(() => true),
    options,
  )
  return isWritable
    ? { name: 'store', isPassing: true }
    : { name: 'store', isPassing: false, detail: 'the store cannot be written' }
}

async function diskCheck(options: HealthOptions): Promise<HealthCheck> {
  const disk = await inTime(statfs(options.dataDir), options)
  if (disk === undefined) return { name: 'disk', isPassing: false, detail: 'the data folder cannot be examined' }
  const freeBytes = disk.bavail * disk.bsize
  if (freeBytes >= options.minFreeDiskBytes) return { name: 'disk', isPassing: true }
  return {
    name: 'disk',
    isPassing: false,
    detail: `${freeBytes} bytes are free, ${options.minFreeDiskBytes} are required`,
  }
}

async function signingKeyCheck(options: HealthOptions): Promise<HealthCheck> {
  return options.hasSigningKey()
    ? { name: 'signing-key', isPassing: true }
    : { name: 'signing-key', isPassing: false, detail: 'there is no key to sign receipts with' }
}

async function drainCheck(options: HealthOptions): Promise<HealthCheck> {
  return options.isDraining()
    ? { name: 'draining', isPassing: false, detail: 'the gateway is shutting down' }
    : { name: 'draining', isPassing: true }
}

/** `undefined` when it failed or took too long. */
async function inTime<T>(work: Promise<T>, options: HealthOptions): Promise<T | undefined> {
  let cancel: (() => void) | undefined
  const tooLate = new Promise<undefined>((resolve) => {
    cancel = options.clock.after(options.deadlineMs ?? 2_000, () => resolve(undefined))
  })
  try {
    return await Promise.race([work, tooLate])
  } catch {
    return undefined
  } finally {
    cancel?.()
  }
}
