import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { readJson } from '../../gateway/envelopes/json-gate.ts'
import { jwsTypes, signCompact } from '../../gateway/envelopes/jws.ts'
import { type Command, CommandError, UsageError } from '../command.ts'
import { ask, gatewayCall, gatewayOptions, gatewayUsage } from './gateway-call.ts'

/** Speaks as a system does at the canonical door. */
export const send: Command = {
  usage: `lienthong send FILE --to URL --audience ID --key FILE [--id ID]

Signs the message in FILE, hands it to the gateway and prints the receipt. FILE is JSON:
{"type": "dossier.received.v1", "body": {…}}; - reads standard input.

${gatewayUsage}
  --id ID         the idempotency key; sending again with the same one adds nothing. Made up and told when absent.

Examples
  lienthong send dossier.json --to http://127.0.0.1:8700 --audience lien-thong-dev --key one-window-key.json
  lienthong send - --to https://lienthong.example.vn --audience lien-thong --key key.json --id H47-2026-000123 < d.json`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...gatewayOptions, id: { type: 'string' } },
      allowPositionals: true,
    })
    const [file] = positionals
    if (file === undefined) throw new UsageError('send wants a file')
    const { url, audience, key } = gatewayCall(values)
    const { type, body } = readMessage(file)
    const jti = values.id ?? randomUUID()
    const payload = JSON.stringify({ jti, iat: Math.floor(Date.now() / 1000), aud: audience, type, body })
    if (values.id === undefined) terminal.say(`id ${jti}`)
    const answer = await ask(new URL('/messages', url), {
      method: 'POST',
      headers: { 'content-type': 'application/jose' },
      body: await signCompact(key, { typ: jwsTypes.message, payload }),
    })
    if (answer.status >= 200 && answer.status < 300) {
      terminal.print(answer.text)
      return 0
    }
    terminal.say(`${answer.status} ${answer.text}`)
    return 1
  },
}

function readMessage(file: string): { readonly type: unknown; readonly body: unknown } {
  let document: unknown
  try {
    document = readJson(readFileSync(file === '-' ? 0 : file))
  } catch (cause) {
    throw new CommandError(
      `${file} cannot be used: ${cause instanceof GatewayError ? cause.message : 'it cannot be read'}`,
    )
  }
  if (typeof document !== 'object' || document === null || !('type' in document) || !('body' in document)) {
    throw new CommandError(`${file} must be {"type": …, "body": …}`)
  }
  return { type: document.type, body: document.body }
}
