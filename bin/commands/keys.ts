import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { publicJwkOf, readKeyRecord } from '../../gateway/envelopes/key-record.ts'
import {
  createKeyring,
  generateSigningJwk,
  type KeyView,
  publicHalf,
  type SigningJwk,
} from '../../gateway/envelopes/keyring.ts'
import { type Command, CommandError, type ExitCode, type Terminal, UsageError } from '../command.ts'
import { addTo, generateInto, keyOptions, listKeys, placeOptions, revoke, rotate, type Written } from './keys-folder.ts'

/** Keys, of which only public halves are ever printed. */
export const keys: Command = {
  usage: `lienthong keys generate --out FILE [--demo]
lienthong keys generate [--purpose sign|decrypt|mac] [--system NAME] [--algorithm ALG] [--name NAME] [--from TIME] [--until TIME]
lienthong keys add FILE --purpose PURPOSE [--system NAME] [--algorithm ALG] [--kid ID] [--from TIME] [--until TIME]
lienthong keys list
lienthong keys rotate KID [--from TIME] [--overlap DURATION]
lienthong keys revoke KID --reason TEXT
lienthong keys show FILE

generate  makes a key of ours; with --out a bare ES256 key in a new file, for keys.signing, else one with dates and a
          self-signed certificate in the key folder (default: to sign, ES256, from now for two years)
add       registers a key from a JWK, PEM, certificate or PKCS#12 file: a partner's (verify, encrypt), a shared secret
          (mac), or one of ours (sign, decrypt)
list      says of every key whose it is, what it is for and where it stands
rotate    makes the successor of one of our keys; it is published at once and signs from --from (in 24 h), and the old
          one ends when --overlap (7d) has passed after that
revoke    ends a key at once; a running gateway notices within half a minute, or on SIGHUP
show      prints the public half of a key file: what a partner registers

A KID that begins with - is written after --, last of all.

  --folder DIR           the key folder, else keys.folder of the configuration
  --config FILE          else LIENTHONG_CONFIG, else gateway.json
  --trust FILE           roots (PEM) that a certificate must lead to, else keys.trust
  --crl FILE             a revocation list, may be repeated, else keys.revocationLists
  --passphrase-env NAME  the variable that holds the passphrase of a PEM or PKCS#12 file
  --demo                 the kid begins with demo-, and production refuses it

Examples
  lienthong keys generate --out signing-key.json
  lienthong keys generate --folder keys --name "Sở Khoa học và Công nghệ"
  lienthong keys add one-window.pem --folder keys --system one-window --purpose verify --algorithm PS256
  lienthong keys rotate Zx3mB8 --folder keys --overlap 14d`,

  async run(args, terminal) {
    const [verb, ...rest] = args
    const act = verb !== undefined && Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
    if (act === undefined) throw new UsageError('keys wants generate, add, list, rotate, revoke or show')
    return await act([...rest], terminal)
  },
}

const verbs: Readonly<Record<string, (args: string[], terminal: Terminal) => Promise<ExitCode>>> = {
  async generate(args, terminal) {
    const { values } = parseArgs({ args, options: { ...keyOptions, out: { type: 'string' } } })
    const { out, demo } = values
    if (out === undefined) return tell(await generateInto(values, terminal), terminal)
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

  async add(args, terminal) {
    const { values, positionals } = parseArgs({ args, options: keyOptions, allowPositionals: true })
    const [file] = positionals
    if (file === undefined) throw new UsageError('keys add wants a file')
    return tell(await addTo(file, values, terminal), terminal)
  },

  async list(args, terminal) {
    const { values } = parseArgs({ args, options: placeOptions })
    const views = await listKeys(values, terminal)
    terminal.print(JSON.stringify({ keys: views.map(onScreen) }, null, 2))
    return 0
  },

  async rotate(args, terminal) {
    const { from, name } = keyOptions
    const options = { ...placeOptions, from, name, overlap: { type: 'string', default: '7d' } } as const
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const [kid] = positionals
    if (kid === undefined) throw new UsageError('keys rotate wants the kid of a key')
    for (const written of await rotate(kid, values, terminal)) tell(written, terminal)
    return 0
  },

  async revoke(args, terminal) {
    const options = { ...placeOptions, reason: { type: 'string' } } as const
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const [kid] = positionals
    const { reason = '' } = values
    if (kid === undefined || reason.trim() === '')
      throw new UsageError('keys revoke wants the kid of a key and --reason')
    tell(await revoke(kid, { ...values, reason }, terminal), terminal)
    const views = await listKeys(values, terminal)
    if (!views.some(({ purpose, standing }) => purpose === 'sign' && standing === 'current'))
      terminal.say('no key to sign with is current: make one with `lienthong keys generate`')
    return 0
  },

  async show(args, terminal) {
    const [file] = parseArgs({ args, allowPositionals: true }).positionals
    if (file === undefined) throw new UsageError('keys show wants a file')
    terminal.print(JSON.stringify(publicHalfOf(file), null, 2))
    return 0
  },
}

/** Where it was written goes beside the result, which is only the public half: what a partner registers. */
function tell({ file, record }: Written, terminal: Terminal): ExitCode {
  terminal.say(`written: ${file}`)
  if (record.purpose === 'mac') terminal.print(JSON.stringify({ kid: record.kid, alg: record.algorithm }, null, 2))
  else terminal.print(JSON.stringify(publicJwkOf(record), null, 2))
  return 0
}

function onScreen({ fromMs, untilMs, system, ...key }: KeyView) {
  return {
    system: system ?? 'gateway',
    ...key,
    ...(fromMs === undefined ? {} : { from: new Date(fromMs).toISOString() }),
    ...(untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() }),
    ...(untilMs === undefined ? {} : { daysLeft: Math.max(0, Math.floor((untilMs - Date.now()) / 86_400_000)) }),
  }
}

/** Of a key file from the folder, or of a bare signing key. */
function publicHalfOf(file: string): object {
  try {
    const record = readKeyRecord(readFileSync(file))
    return publicJwkOf(record)
  } catch {
    return publicHalf(readSigningJwk(file))
  }
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
