import { parseArgs } from 'node:util'
import { faultNames, readFaultArgument } from '../faults.ts'
import { runStandIn } from '../run-stand-in.ts'
import { readCatalogue } from './catalogue.ts'
import { type CodeStyle, type PortalOptions, startPortal } from './portal.ts'

/** The command line of the national portal's stand-in. */
export const usage = `node simulators/national-portal/main.ts [options]

  --port N                  0 (default) takes any free port; the ready line names it
  --host ADDRESS            default 127.0.0.1
  --username, --password    the account; default h47-demo, demo-only
  --dstcode CODE            default VN:GOV:000.00.00.G22:vpcpdvcprovider
  --unit CODE               an agency code sessions may speak as; repeatable; default 000.00.00.H47 and H47
  --login-path, --data-path, --catalog-path   below /XrdAdapter|VXPAdapter/RestService/forward/
  --codes int|string|double-zero|mixed        how error_code is written
  --plain-text-progress     progress is answered in plain text
  --session-uses N, --session-ttl-ms N, --single-session
  --require-v2              dossiers in the form from before QĐ 766 are refused
  --merges-repeats          a progress entry it already holds counts once
  --lookup-lag-ms N         new dossiers show in TraCuuHoSo only after this
  --latency-ms N
  --data FILE               a catalogue of your own, as JSON
  --fault [SERVICE=]NAME[:RATE]               repeatable; --seed N makes rates repeatable
                            ${faultNames.join(', ')}

Prints one line of JSON {"system","port","url"} when ready. Control API: GET /_sim/health, /_sim/state, /_sim/faults,
POST /_sim/faults, /_sim/expire-sessions, /_sim/reset, /_sim/push.`

if (import.meta.main) await runStandIn({ system: 'national-portal', usage, start: () => startPortal(readOptions()) })

function readOptions(): PortalOptions {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      username: { type: 'string' },
      password: { type: 'string' },
      dstcode: { type: 'string' },
      unit: { type: 'string', multiple: true },
      'login-path': { type: 'string' },
      'data-path': { type: 'string' },
      'catalog-path': { type: 'string' },
      codes: { type: 'string' },
      'plain-text-progress': { type: 'boolean', default: false },
      'session-uses': { type: 'string' },
      'session-ttl-ms': { type: 'string' },
      'single-session': { type: 'boolean', default: false },
      'require-v2': { type: 'boolean', default: false },
      'merges-repeats': { type: 'boolean', default: false },
      'lookup-lag-ms': { type: 'string' },
      'latency-ms': { type: 'string' },
      data: { type: 'string' },
      fault: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string' },
    },
  })
  return {
    port: number('port', values.port),
    host: values.host,
    catalogue: readCatalogue(values.data),
    faults: values.fault.map(readFaultArgument),
    plainTextProgress: values['plain-text-progress'],
    singleSession: values['single-session'],
    requiresV2: values['require-v2'],
    mergesRepeats: values['merges-repeats'],
    ...(values.username !== undefined && { username: values.username }),
    ...(values.password !== undefined && { password: values.password }),
    ...(values.dstcode !== undefined && { dstcode: values.dstcode }),
    ...(values.unit !== undefined && { units: values.unit }),
    ...(values['login-path'] !== undefined && { loginPath: values['login-path'] }),
    ...(values['data-path'] !== undefined && { dataPath: values['data-path'] }),
    ...(values['catalog-path'] !== undefined && { catalogPath: values['catalog-path'] }),
    ...(values.codes !== undefined && { codes: codeStyle(values.codes) }),
    ...(values['session-uses'] !== undefined && { sessionUses: number('session-uses', values['session-uses']) }),
    ...(values['session-ttl-ms'] !== undefined && { sessionTtlMs: number('session-ttl-ms', values['session-ttl-ms']) }),
    ...(values['lookup-lag-ms'] !== undefined && { lookupLagMs: number('lookup-lag-ms', values['lookup-lag-ms']) }),
    ...(values['latency-ms'] !== undefined && { latencyMs: number('latency-ms', values['latency-ms']) }),
    ...(values.seed !== undefined && { seed: number('seed', values.seed) }),
  }
}

function codeStyle(value: string): CodeStyle {
  if (value === 'int' || value === 'string' || value === 'double-zero' || value === 'mixed') return value
  throw new Error(`--codes ${value}: expected int, string, double-zero or mixed`)
}

function number(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new Error(`--${name} ${value}: expected a whole number`)
  return Number(value)
}
