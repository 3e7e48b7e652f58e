import { parseArgs } from 'node:util'
import { signAccessToken } from '../../gateway/envelopes/access-token.ts'
import { type Command, UsageError } from '../command.ts'
import { ask, gatewayCall, gatewayOptions, gatewayUsage } from './gateway-call.ts'

/** Reads what the gateway shows to the system whose key is used. */
export const status: Command = {
  usage: `lienthong status ID-OR-CODE --to URL --audience ID --key FILE

Prints a message with its deliveries and attempts (by message id), or everything known of a dossier (by its code or an
alias), as far as the system with that key may see it.

${gatewayUsage}

Examples
  lienthong status 0190a5c0-0000-7000-8000-000000000001 --to http://127.0.0.1:8700 --audience lien-thong-dev --key key.json
  lienthong status 000.00.01.H47-261121-0001 --to http://127.0.0.1:8700 --audience lien-thong-dev --key key.json`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({ args: [...args], options: gatewayOptions, allowPositionals: true })
    const [name] = positionals
    if (name === undefined) throw new UsageError('status wants a message id or a dossier code')
    const { url, audience, key } = gatewayCall(values)
    const path = `/${isMessageId(name) ? 'messages' : 'dossiers'}/${encodeURIComponent(name)}`
    const token = await signAccessToken(key, { audience, nowMs: Date.now() })
    const answer = await ask(new URL(path, url), { headers: { authorization: `Bearer ${token}` } })
    if (answer.status === 200) {
      terminal.print(indented(answer.text))
      return 0
    }
    terminal.say(`${answer.status} ${answer.text}`)
    return 1
  },
}

/** UUID version 7, which no dossier code looks like. */
function isMessageId(name: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(name)
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
