import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ConfigError, loadConfig } from '../../config.ts'
import { createKeyring, generateSigningJwk, publicHalf, type SigningJwk } from '../../gateway/envelopes/keyring.ts'
import { type Command, CommandError, type ExitCode, type Terminal, UsageError } from '../command.ts'
import { readInstallation } from '../installation.ts'

/** Keys, of which only public halves are ever printed. */
export const keys: Command = {
  usage: `lienthong keys generate --out FILE [--demo]
lienthong keys show FILE
lienthong keys list [--config FILE]

generate  makes an ES256 signing key, writes it to a new file that only its owner may read, and prints the public half
show      prints the public half of a key file: what a partner registers
list      prints the public keys a configuration holds: the gateway's own and every system's

  --out FILE      must not exist yet: a key is never overwritten
  --demo          its kid begins with demo-, and production refuses it
  --config FILE   else LIENTHONG_CONFIG, else gateway.json

Examples
  lienthong keys generate --out signing-key.json
  lienthong keys show signing-key.json`,

  async run(args, terminal) {
    const [verb, ...rest] = args
    const act = verb !== undefined && Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
    if (act === undefined) throw new UsageError('keys wants generate, show or list')
    return await act([...rest], terminal)
  },
}

const verbs: Readonly<Record<string, (args: string[], terminal: Terminal) => Promise<ExitCode>>> = {
  async generate(args, terminal) {
    const options = { out: { type: 'string' }, demo: { type: 'boolean', default: false } } as const
    const { out, demo } = parseArgs({ args, options }).values
    if (out === undefined) throw new UsageError('--out is missing')
    const jwk = generateSigningJwk(demo ? { kidPrefix: 'demo-' } : {})
    try {
      // `wx` makes the file or fails: nobody can lay a file or a link there first.
      writeFileSync(out, `${JSON.stringify(jwk)}\n`, { flag: 'wx', mode: 0o600 })
    } catch (cause) {
      throw new CommandError(`${out} cannot be made: ${errnoOf(cause)}`)
    }
    terminal.print(JSON.stringify(publicHalf(jwk), null, 2))
    return 0
  },

  async show(args, terminal) {
    const [file] = parseArgs({ args, allowPositionals: true }).positionals
    if (file === undefined) throw new UsageError('keys show wants a file')
    terminal.print(JSON.stringify(publicHalf(readSigningJwk(file)), null, 2))
    return 0
  },

  async list(args, terminal) {
    const { config: path } = parseArgs({ args, options: { config: { type: 'string' } } }).values
    const { adapters } = await readInstallation()
    try {
      const config = loadConfig({ ...(path !== undefined && { path }), env: terminal.env, adapters })
      const own = config.keys.signing === undefined ? [] : [publicHalf(config.keys.signing)]
      const systems = Object.fromEntries(Object.entries(config.systems).map(([name, system]) => [name, system.keys]))
      terminal.print(JSON.stringify({ gateway: own, systems }, null, 2))
      return 0
    } catch (thrown) {
      throw thrown instanceof ConfigError ? new CommandError(thrown.message) : thrown
    }
  },
}

/** A signing key from a file. Throws CommandError, which never holds anything of the file. */
export function readSigningJwk(file: string): SigningJwk {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CommandError(`${file} cannot be read: ${errnoOf(cause)}`)
  }
  try {
    const jwk = JSON.parse(text) as SigningJwk // the keyring refuses whatever is not one
    createKeyring({ signing: jwk, partners: [] })
    return jwk
  } catch {
    throw new CommandError(`${file} does not hold an ES256 signing key; \`lienthong keys generate\` makes one`)
  }
}

function errnoOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown reason'
}
