import { parseArgs } from 'node:util'
import { type Config, ConfigError, keyringOptions, loadConfig, type Mistake } from '../../config.ts'
import { loadContracts } from '../../contracts/loader.ts'
import { openKeyring } from '../../gateway/envelopes/key-folder.ts'
import { generateSigningJwk } from '../../gateway/envelopes/keyring.ts'
import { loadTables } from '../../mappings/tables.ts'
import type { Command } from '../command.ts'
import { type Installation, readInstallation } from '../installation.ts'

/** Everything that would stop a start or a delivery and can be known beforehand. */
export const check: Command = {
  usage: `lienthong check [--config FILE] [--json]

Reads the configuration, the code tables, the keys, the contracts and the routes as a start would, and prints every
mistake at once. Starts nothing and calls nobody. Exit code 1 when there is a mistake.

  --config FILE   else LIENTHONG_CONFIG, else gateway.json
  --json          {"ok": boolean, "mistakes": [{"path", "what", "remedy"}]}

Examples
  lienthong check
  LIENTHONG_CONFIG=/etc/lienthong/gateway.json lienthong check --json`,

  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: { config: { type: 'string' }, json: { type: 'boolean', default: false } },
    })
    const installation = await readInstallation()
    const { config, mistakes } = readConfig({ path: values.config, env: terminal.env, installation })
    const all = [...mistakes, ...keyMistakes(config), ...routeMistakes(installation)]

    if (values.json) terminal.print(JSON.stringify({ ok: all.length === 0, mistakes: all }, null, 2))
    else if (all.length > 0) for (const { path, what, remedy } of all) terminal.print(`${path}: ${what} (${remedy})`)
    else terminal.print(`ok: ${summaryOf(config, installation)}`)
    return all.length === 0 ? 0 : 1
  },
}

interface ConfigPlace {
  readonly path: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly installation: Installation
}

function readConfig({ path, env, installation }: ConfigPlace): { config?: Config; mistakes: readonly Mistake[] } {
  try {
    const config = loadConfig({
      ...(path !== undefined && { path }),
      env,
      adapters: installation.adapters,
      routes: installation.routes.map((route) => route.name),
      openAgencies: (directory) => {
        const tables = loadTables(directory)
        return (code) => tables.resolveAgency(code, Date.now()) !== undefined
      },
    })
    return { config, mistakes: [] }
  } catch (thrown) {
    if (thrown instanceof ConfigError) return { mistakes: thrown.mistakes }
    throw thrown
  }
}

/** What the configuration's schema can't see: whether the keys fit together. */
function keyMistakes(config: Config | undefined): readonly Mistake[] {
  if (config === undefined) return []
  const isMade = config.keys.signing === undefined && config.keys.folder === undefined
  try {
    openKeyring({ ...keyringOptions(config), ...(isMade && { signing: generateSigningJwk() }) })
    return []
  } catch (thrown) {
    const what = thrown instanceof Error ? thrown.message : 'the keys cannot be used'
    return [{ path: '$', what, remedy: 'correct keys or systems.<name>.keys' }]
  }
}

function routeMistakes({ adapters, routes }: Installation): readonly Mistake[] {
  const contracts = loadContracts()
  const systems = adapters.map(({ system }) => system)
  return routes.flatMap((route) => {
    const path = `routes/${route.name}`
    const types = route.on.filter((type) => !contracts.has(type))
    const senders = [route.from].flat().filter((system) => !systems.includes(system))
    return [
      ...types.map((type) => ({ path, what: `${type} has no contract`, remedy: 'add it to contracts/canonical' })),
      ...senders.map((from) => ({ path, what: `${from} is not a system`, remedy: 'add it to adapters/index.ts' })),
    ]
  })
}

function summaryOf(config: Config | undefined, { routes }: Installation): string {
  const systems = Object.entries(config?.systems ?? {})
    .filter(([, system]) => system.enabled)
    .map(([name]) => name)
  return `${config?.environment}, systems: ${systems.join(', ') || 'none'}, routes: ${routes.length}`
}
