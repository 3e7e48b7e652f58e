import { parseArgs } from 'node:util'
import { defences } from './defences.ts'
import { isInnocent, verdictLine } from './oracle.ts'
import { run } from './run.ts'
import { runTrouble, type TroubleOptions, troubles } from './troubles.ts'

const usage = `npm run crash -- [options]

Load from several senders against the real gateway, partners and wires with faults, SIGKILL at random instants and at
named points, restarts; then an oracle that knows every receipt and everything each partner took holds one against the
other. Ends with one line, and exit code 0 or 1.

  --kills N          default 20
  --seconds S        how long senders go on, at least; default 60
  --store sqlite     the only one there is
  --pauses N         SIGSTOP beyond a lease while another gateway takes over (half a minute each); default 0
  --progress resend|hold   what a repeated entry does at the portal; default resend (it merges them)
  --senders N        default 6
  --faults RATE      share of the partners' calls that go wrong; default 0.15
  --seed N           default 1
  --trouble NAME     something other than kills: ${Object.keys(troubles).join(', ')};
                     or power-loss: every kill takes what was not synced with it
  --without DEFENCE  switches a defence off, to see the oracle turn red:
                     ${Object.keys(defences).join(', ')}`

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean' },
      kills: { type: 'string', default: '20' },
      seconds: { type: 'string', default: '60' },
      store: { type: 'string', default: 'sqlite' },
      pauses: { type: 'string', default: '0' },
      progress: { type: 'string', default: 'resend' },
      senders: { type: 'string', default: '6' },
      faults: { type: 'string', default: '0.15' },
      seed: { type: 'string', default: '1' },
      trouble: { type: 'string' },
      without: { type: 'string' },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const { without, progress } = values
  if (values.store !== 'sqlite') throw new Error('--store sqlite is the only one there is')
  if (progress !== 'resend' && progress !== 'hold') throw new Error('--progress resend or hold')
  if (without !== undefined && !Object.hasOwn(defences, without)) throw new Error(`--without ${without}: unknown`)
  const common: TroubleOptions = {
    seconds: Number(values.seconds),
    senders: Number(values.senders),
    pauseMs: 20,
    faultRate: Number(values.faults),
    seed: Number(values.seed),
    progress,
    ...(without === undefined ? {} : { without }),
    patienceMs: 15_000,
    say: (line: string) => console.log(line),
  }
  const { trouble } = values
  const isOther = trouble !== undefined && trouble !== 'power-loss'
  const kills = isOther ? 0 : Number(values.kills)
  const report = isOther
    ? await runTrouble(trouble, common)
    : await run({ ...common, kills, pauses: Number(values.pauses), cutsPower: trouble === 'power-loss' })
  const { verdict } = report
  for (const name of ['lost', 'secondEffects', 'inversions', 'unexpected', 'stuck'] as const) {
    for (const line of verdict[name].slice(0, 20)) console.log(`  ${name}: ${line}`)
  }
  const where = Object.entries(report.kills).map(([place, count]) => `${count} ${place}`)
  if (where.length > 0) console.log(`killed ${where.join(', ')}`)
  console.log(`${report.asked} requests, ${report.repeated} of them repeats of accepted ones`)
  if (trouble === 'power-loss') console.log(`writes not synced when the power was cut: ${report.unsynced}`)
  if (progress === 'hold') console.log(`held for a person: ${verdict.held}`)
  if (!isInnocent(verdict)) console.log(report.trouble.slice(0, 30).join('\n'))
  console.log(verdictLine(kills, verdict))
  return isInnocent(verdict) ? 0 : 1
}
