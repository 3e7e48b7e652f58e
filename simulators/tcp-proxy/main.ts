import { parseArgs } from 'node:util'
import { runStandIn } from '../run-stand-in.ts'
import { readWireArgument, startTcpProxy, wireTroubles } from './tcp-proxy.ts'

/** The command line of the wire between the gateway and a partner. */
export const usage = `node simulators/tcp-proxy/main.ts --to HOST:PORT [options]

  --to HOST:PORT            where connections lead
  --port N                  0 (default) takes any free port; the ready line names it
  --host ADDRESS            default 127.0.0.1
  --trouble NAME[:RATE]     repeatable; RATE is the share of connections, all without
                            ${wireTroubles.join(', ')}
  --after-bytes N           bytes of an answer that still arrive; default 0
  --delay-ms N              for delay and drip

Prints one line of JSON {"system","port","url"} when ready.`

if (import.meta.main) await runStandIn({ system: 'tcp-proxy', usage, start })

async function start() {
  const { values } = parseArgs({
    options: {
      to: { type: 'string' },
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      trouble: { type: 'string', multiple: true, default: [] },
      'after-bytes': { type: 'string', default: '0' },
      'delay-ms': { type: 'string' },
    },
  })
  const [, host, port] = /^(.+):(\d+)$/.exec(values.to ?? '') ?? []
  if (host === undefined) throw new Error('--to HOST:PORT is missing')
  const more = {
    afterBytes: Number(values['after-bytes']),
    ...(values['delay-ms'] === undefined ? {} : { delayMs: Number(values['delay-ms']) }),
  }
  const proxy = await startTcpProxy({
    target: { host, port: Number(port) },
    port: Number(values.port),
    host: values.host,
    orders: values.trouble.map((text) => ({ ...readWireArgument(text), ...more })),
  })
  return { ...proxy, url: `http://${values.host}:${proxy.port}` }
}
