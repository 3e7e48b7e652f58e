import { parseArgs } from 'node:util'
import { readFaultArgument } from '../faults.ts'
import { runStandIn } from '../run-stand-in.ts'
import { type AxisOptions, startDocumentAxis } from './axis.ts'

/** The command line of the document axis's stand-in. */
export const usage = `node simulators/document-axis/main.ts [options]

  --port N                  0 (default) takes any free port; the ready line names it
  --host ADDRESS            default 127.0.0.1
  --system-id, --secret     the account, for both variants; default H47.demo, demo-only
  --own CODE                an agency behind the account; repeatable; default H47 and H47.01
  --other CODE              an agency the axis knows; repeatable; default G09, 000.00.00.G09, G22, H56
  --fault [SERVICE=]NAME[:RATE]   repeatable; --seed N makes rates repeatable

Prints one line of JSON {"system","port","url","publicJwk","kid","systemId"} when ready; the key is the one other agencies sign
with. Control API: GET /_sim/health, /_sim/state, /_sim/faults, POST /_sim/faults, /_sim/deposit, DELETE /_sim/faults.`

if (import.meta.main)
  await runStandIn({ system: 'document-axis', usage, start: () => startDocumentAxis(readOptions()) })

function readOptions(): AxisOptions {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      'system-id': { type: 'string' },
      secret: { type: 'string' },
      own: { type: 'string', multiple: true },
      other: { type: 'string', multiple: true },
      fault: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string' },
    },
  })
  return {
    port: number('port', values.port),
    host: values.host,
    faults: values.fault.map(readFaultArgument),
    ...(values['system-id'] !== undefined && { systemId: values['system-id'] }),
    ...(values.secret !== undefined && { secret: values.secret }),
    ...(values.own !== undefined && { own: values.own }),
    ...(values.other !== undefined && { others: values.other }),
    ...(values.seed !== undefined && { seed: number('seed', values.seed) }),
  }
}

function number(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new Error(`--${name} ${value}: expected a whole number`)
  return Number(value)
}
