import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Finding, Flow } from './flow.ts'
import { flows } from './flows.ts'
import { untilAtRest } from './rest.ts'
import { openStage, type Stage } from './stage.ts'
import { summaryTable } from './summary-table.ts'

const usage = `npm run demo [-- --once]

Starts a gateway and its neighbours' stand-ins on free ports of this machine, sends dossiers through every flow, and
prints what happened. It then stays until Ctrl-C.

  --once   ends by itself: exit code 0 when the stand-ins hold what was sent, 1 naming what differs`

/** The demonstration from start to end; answers the exit code. Every process it started has ended by then. */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { once: { type: 'boolean' }, help: { type: 'boolean' } } })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort())

  let stage: Stage | undefined
  try {
    stage = await openStage({ portalArguments: ['--codes', 'mixed', '--plain-text-progress', '--session-uses', '60'] })
    const isRight = await Promise.race([perform(stage), untilAborted(interrupted.signal)])
    if (!isRight) console.error(`\nthe gateway's log:\n${tail(stage.log.read())}`)
    if (!values.once) await stay(stage, interrupted.signal)
    return isRight ? 0 : 1
  } catch (error) {
    if (interrupted.signal.aborted) return 130
    console.error(error instanceof Error ? error.message : error)
    return 1
  } finally {
    await stage?.close()
  }
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort')
  throw new Error('interrupted')
}

async function perform(stage: Stage): Promise<boolean> {
  const checks = []
  for (const flow of flows) checks.push({ flow, check: await flow.play(stage) })
  const ledgers = await untilAtRest(
    stage,
    roles.map(({ code }) => code),
  )
  const findings: { readonly flow: Flow; readonly finding: Finding }[] = []
  for (const { flow, check } of checks) findings.push({ flow, finding: await check(stage) })

  console.log(summaryTable({ roles, ledgers, portal: await stage.portalState() }))
  console.log()
  for (const remark of findings.flatMap(({ finding }) => finding.remarks ?? [])) console.log(remark)
  console.log()
  for (const { flow, finding } of findings) console.log(verdict(flow, finding))
  return findings.every(({ finding }) => finding.differences.length === 0)
}

const roles = flows.flatMap(({ cast = [] }) => cast)

function verdict({ name }: Flow, { messages, differences }: Finding): string {
  if (differences.length === 0) return `flow ${name}: ok (${messages} messages)`
  return [`flow ${name}: ${differences.length} differences`, ...differences.map((text) => `  ${text}`)].join('\n')
}

/** Everything is there to be looked at and tried, until somebody interrupts. */
async function stay({ gatewayUrl, portalUrl, oneWindowUrl, log, keyFile }: Stage, signal: AbortSignal): Promise<void> {
  console.log(`
What it speaks                  ${gatewayUrl}/docs
Metrics                         ${gatewayUrl}/metrics
Health                          ${gatewayUrl}/health/ready
Its log                         ${log.file}
What the portal holds           ${portalUrl}/_sim/state
What the one-window was handed  ${oneWindowUrl}/_sim/state
A dossier's ledger              ${oneWindowUrl}/_sim/read?path=/dossiers/${roles[0]?.code ?? ''}

To send something yourself (README.md says what), in another terminal:
export GATEWAY=${gatewayUrl} KEY=${keyFile}

Ctrl-C ends it and removes its data.`)
  if (signal.aborted) return
  // A timer keeps the process up; nothing else has to.
  await sleep(2 ** 31 - 1, undefined, { signal }).catch(() => undefined)
}

function tail(log: string): string {
  return log.split('\n').slice(-20).join('\n')
}

// Last, because it needs everything above.
if (import.meta.main) process.exitCode = await main()
