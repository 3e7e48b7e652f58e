import { parseArgs } from 'node:util'
import { type Command, UsageError } from '../command.ts'
import { adminCall, adminOptions, adminUsage } from './admin-call.ts'
import { reasonIn } from './selection.ts'

/** Stops a channel or a bulk, lets it go on, or ends a bulk. */
export function flowCommand(act: 'pause' | 'resume' | 'cancel'): Command {
  return {
    usage: usageOf(act),
    async run(args, terminal) {
      const options = { ...adminOptions, reason: { type: 'string' }, bulk: { type: 'string' } } as const
      const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
      const [system, ...more] = positionals
      const isOne = (system === undefined) !== (values.bulk === undefined) && more.length === 0
      if (!isOne || (act === 'cancel' && system !== undefined)) throw new UsageError(`${act} wants ${wanted[act]}`)
      const reason = reasonIn(values.reason)
      const place = system === undefined ? `bulks/${part(values.bulk)}` : `channels/${part(system)}`
      const { state } = await adminCall(values, terminal.env)('POST', `/${place}/${act}`, { reason })
      terminal.print(`${system ?? values.bulk} is ${state}`)
      return 0
    },
  }
}

const part = (name = '') => encodeURIComponent(name)

const wanted = { pause: 'a system or --bulk', resume: 'a system or --bulk', cancel: '--bulk' }

const says = {
  pause:
    'Stops a channel: nothing more is sent to that system until somebody resumes it, and nothing is lost or grows older.\nOr pauses a bulk.',
  resume: 'Lets a channel flow again, whatever stopped it. Or lets a paused bulk go on.',
  cancel: 'Ends a bulk; what is done stays done.',
}

function usageOf(act: 'pause' | 'resume' | 'cancel'): string {
  const bulk = `lienthong ${act} --bulk ID --reason TEXT`
  const bulkExample = `  lienthong ${act} --bulk 5f0c6d1e-0000-4000-8000-000000000001 --reason "kiểm tra lại"`
  const forms = act === 'cancel' ? [bulk] : [`lienthong ${act} SYSTEM --reason TEXT`, bulk]
  const examples =
    act === 'cancel' ? [bulkExample] : [`  lienthong ${act} national-portal --reason "bảo trì đêm"`, bulkExample]
  return [
    ...forms,
    '',
    says[act],
    '',
    '  --bulk ID          the bulk, as its start named it',
    '  --reason TEXT      why; kept in the audit log',
    adminUsage,
    '',
    'Examples',
    ...examples,
  ].join('\n')
}
