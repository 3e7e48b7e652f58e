// Loaded into the gateway's process by `--import`: reads one of its files as if a defence had never been written.
import { registerHooks } from 'node:module'
import { defences, withoutVariable } from './defences.ts'

const name = process.env[withoutVariable] ?? ''
const defence = defences[name]
if (defence) {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.endsWith(`/${defence.file}`)) return loaded
      const source = typeof loaded.source === 'string' ? loaded.source : Buffer.from(asBytes(loaded.source)).toString()
      if (source.split(defence.written).length !== 2) throw new Error(`${defence.file} does not hold "${name}" once`)
      return { ...loaded, source: source.replace(defence.written, () => defence.without) }
    },
  })
}

function asBytes(source: unknown): Uint8Array {
  if (source instanceof Uint8Array) return source
  throw new TypeError('a source is text or bytes')
}
