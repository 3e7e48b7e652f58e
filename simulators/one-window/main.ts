import { parseArgs } from 'node:util'
import { faultNames, readFaultArgument } from '../faults.ts'
import { runStandIn } from '../run-stand-in.ts'
import { clientKeyIn } from './canonical-client.ts'
import { type OneWindow, startOneWindow } from './one-window.ts'

/** The command line of the one-window's stand-in. */
export const usage = `node simulators/one-window/main.ts [options]

  --port N                  0 (default) takes any free port; the ready line names it
  --host ADDRESS            default 127.0.0.1
  --inbox-path PATH         where the gateway's messages are taken; default /inbox
  --audience NAME           what their aud must name; not looked at when absent
  --key-file FILE           the private ES256 key as a JWK; made there when missing. Without: a new key each start
  --gateway URL --gateway-id ID     or later: POST /_sim/gateway {"url","id"}
  --username, --password    the account at the gateway's drop-in door; default h47-demo, demo-only
  --madonvi CODE            default 000.00.00.H47
  --renews-session          logs in again when told that the session is over; unchanged products do not
  --latency-ms N
  --fault [inbox=]NAME[:RATE]       repeatable; --seed N makes rates repeatable
                            ${faultNames.join(', ')}

Prints one line of JSON {"system","port","url","inbox","publicJwk"} when ready. Control API: GET /_sim/health,
/_sim/state, /_sim/key, /_sim/faults, /_sim/read?path=…; POST /_sim/faults, /_sim/reset, /_sim/gateway, /_sim/login,
/_sim/send-batch, /_sim/call, /_sim/send-dossier, /_sim/send-message.`

if (import.meta.main) await runStandIn({ system: 'one-window', usage, start })

async function start(): Promise<OneWindow> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      'inbox-path': { type: 'string', default: '/inbox' },
      audience: { type: 'string' },
      'key-file': { type: 'string' },
      gateway: { type: 'string' },
      'gateway-id': { type: 'string', default: 'lien-thong' },
      username: { type: 'string' },
      password: { type: 'string' },
      madonvi: { type: 'string' },
      'renews-session': { type: 'boolean', default: false },
      'latency-ms': { type: 'string', default: '0' },
      fault: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string', default: '1' },
    },
  })
  return startOneWindow({
    port: number('port', values.port),
    host: values.host,
    inboxPath: values['inbox-path'],
    latencyMs: number('latency-ms', values['latency-ms']),
    seed: number('seed', values.seed),
    faults: values.fault.map(readFaultArgument),
    ...(values.audience !== undefined && { audience: values.audience }),
    ...(values['key-file'] !== undefined && { key: await clientKeyIn(values['key-file']) }),
    ...(values.gateway !== undefined && {
      gateway: {
        url: values.gateway,
        id: values['gateway-id'],
        ...(values.username !== undefined && { username: values.username }),
        ...(values.password !== undefined && { password: values.password }),
        ...(values.madonvi !== undefined && { madonvi: values.madonvi }),
        renewsSession: values['renews-session'],
      },
    }),
  })
}

function number(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new Error(`--${name} ${value}: expected a whole number`)
  return Number(value)
}
