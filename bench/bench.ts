import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { type Bench, report } from './measurement.ts'

/** `npm run bench -- <name> [--quick]`; without a name, all of them one after the other. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  envelopes: async () => (await import('./envelopes.ts')).envelopes,
  'waiting-retries': async () => (await import('./waiting-retries.ts')).waitingRetries,
}

const args = process.argv.slice(2)
const asked = args.filter((arg) => !arg.startsWith('--'))
const unknown = asked.filter((name) => !(name in benches))
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}. There are: ${Object.keys(benches).join(', ')}.`)
  process.exit(2)
}
mkdirSync(path.join(import.meta.dirname, 'results'), { recursive: true })
for (const [name, load] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  const bench = await load()
  const measurement = await bench({ isQuick: args.includes('--quick') })
  report(name, measurement)
  if (!measurement.isGood) process.exitCode = 1
}
