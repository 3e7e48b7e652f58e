import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { type Bench, type Measurement, report } from './measurement.ts'

/**
 * `npm run bench -- <name> … [--quick] [--profile=<folder>]`; without a name, all of them one after the other, and with
 * `--quick` those that end within the minute.
 */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  // First, because others are compared with it.
  limits: async () => (await import('./limits.ts')).limits,
  start: async () => (await import('./start.ts')).start,
  'json-path': async () => (await import('./json-path.ts')).jsonPath,
  backlog: async () => (await import('./backlog.ts')).backlog,
  envelopes: async () => (await import('./envelopes.ts')).envelopes,
  isolation: async () => (await import('./isolation.ts')).isolation,
  'waiting-retries': async () => (await import('./waiting-retries.ts')).waitingRetries,
}

/** They wait for what takes its time. */
const longEvenIfQuick: ReadonlySet<string> = new Set(['isolation', 'waiting-retries'])

const args = process.argv.slice(2)
const asked = args.filter((arg) => !arg.startsWith('--'))
const unknown = asked.filter((name) => !(name in benches))
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}. There are: ${Object.keys(benches).join(', ')}.`)
  process.exit(2)
}
const isQuick = args.includes('--quick')
const profileFolder = args.find((arg) => arg.startsWith('--profile='))?.slice('--profile='.length)
const earlier = new Map<string, Measurement>()
mkdirSync(path.join(import.meta.dirname, 'results'), { recursive: true })
for (const [name, load] of Object.entries(benches)) {
  if (asked.length > 0 ? !asked.includes(name) : isQuick && longEvenIfQuick.has(name)) continue
  const bench = await load()
  const measurement = await bench({ isQuick, earlier, ...(profileFolder === undefined ? {} : { profileFolder }) })
  earlier.set(name, measurement)
  report(name, measurement)
  if (!measurement.isGood) process.exitCode = 1
}
