import { parseArgs } from 'node:util'
import type { InterventionKind } from '../../gateway/bus/intervention.ts'
import { type Command, CommandError, type ExitCode, type Terminal, UsageError } from '../command.ts'
import { type AdminCall, type Answer, adminCall, adminOptions, adminUsage } from './admin-call.ts'
import { filterIn, filterOptions, filterUsage, rateIn, reasonIn } from './selection.ts'

/** One act of a person on one delivery, on selected ones, or on all that match a filter. */
export function interventionCommand(kind: InterventionKind): Command {
  const options = {
    ...adminOptions,
    ...filterOptions,
    reason: { type: 'string' },
    rate: { type: 'string' },
    yes: { type: 'boolean', default: false },
    ...(kind === 'replay' ? { override: { type: 'boolean' } as const } : {}),
  } as const
  return {
    usage: usageOf(kind),
    async run(args, terminal) {
      const { values, positionals: ids } = parseArgs({ args: [...args], options, allowPositionals: true })
      const filter = filterIn(values)
      if ((ids.length === 0) === (filter === undefined))
        throw new UsageError(`${kind} wants ids or a filter, and not both`)
      const reason = reasonIn(values.reason)
      const perSecond = rateIn(values.rate)
      const override = 'override' in values && values.override === true ? { override: true } : {}
      const call = adminCall(values, terminal.env)
      if (filter === undefined && (kind === 'reread' || ids.length === 1)) {
        for (const id of ids) terminal.print(await actOnce(call, { kind, id, body: { reason, ...override } }))
        return 0
      }
      const selection = filter === undefined ? { ids } : { filter }
      const asked = { kind, ...selection, reason, ...override, ...(perSecond === undefined ? {} : { perSecond }) }
      return await runBulk(call, asked, { terminal, needsYes: filter !== undefined && !values.yes })
    },
  }
}

async function actOnce(
  call: AdminCall,
  { kind, id, body }: { readonly kind: InterventionKind; readonly id: string; readonly body: unknown },
): Promise<string> {
  const name = encodeURIComponent(id)
  if (kind === 'reread')
    return `${id} read again as ${(await call('POST', `/messages/${name}/reread`, body)).messageId}`
  return `${id} is ${(await call('POST', `/deliveries/${name}/${kind}`, body)).state}`
}

/** Counts first, asks, starts, and stays until the last one is done. */
async function runBulk(
  call: AdminCall,
  asked: { readonly kind: InterventionKind },
  { terminal, needsYes }: { readonly terminal: Terminal; readonly needsYes: boolean },
): Promise<ExitCode> {
  const { total, overtaken } = await call('POST', '/bulks?preview=true', asked)
  const apart = overtaken === 0 ? '' : `, ${overtaken} of them overtaken by later ones`
  terminal.say(`${asked.kind}: ${total} deliveries${apart}`)
  if (total === 0) throw new CommandError('nothing matches')
  if (needsYes && terminal.confirm === undefined) throw new CommandError('nobody is there to confirm: add --yes')
  if (needsYes && !(await terminal.confirm?.(`${asked.kind} ${total} deliveries?`))) {
    terminal.say('nothing was done')
    return 1
  }
  const { id } = await call('POST', '/bulks', asked)
  return await follow(call, String(id), terminal)
}

const lookEveryMs = 500

/** Ctrl-C pauses what is under way, since nobody watches it any more. */
async function follow(call: AdminCall, id: string, terminal: Terminal): Promise<ExitCode> {
  const interrupted = new AbortController()
  const interrupt = () => interrupted.abort()
  // More than once: npx passes on what the terminal has sent already.
  process.on('SIGINT', interrupt)
  terminal.say(`bulk ${id}; Ctrl-C pauses it`)
  try {
    for (let last = ''; ; ) {
      const bulk = await call('GET', `/bulks/${id}`)
      const line = progressOf(bulk)
      if (line !== last) terminal.say(line)
      last = line
      if (bulk.state !== 'running') return endOf(bulk, terminal)
      if (interrupted.signal.aborted) return await pauseInterrupted(call, id, terminal)
      await pause(lookEveryMs, interrupted.signal)
    }
  } finally {
    process.off('SIGINT', interrupt)
  }
}

function progressOf({ total, left, outcomes }: Answer): string {
  const counts = Object.entries(outcomes ?? {}).map(([outcome, count]) => `${outcome} ${count}`)
  return [`${Number(total) - Number(left)}/${total}`, ...counts].join('  ')
}

function endOf({ id, state, total, outcomes }: Answer, terminal: Terminal): ExitCode {
  if (state !== 'finished') {
    terminal.say(`somebody has ${state} it; ${hint(String(id))}`)
    return 1
  }
  const done = Object.entries(outcomes ?? {}).find(([outcome]) => outcome === 'done')?.[1] ?? 0
  terminal.print(`${done} of ${total} done`)
  return done === total ? 0 : 1
}

async function pauseInterrupted(call: AdminCall, id: string, terminal: Terminal): Promise<ExitCode> {
  await call('POST', `/bulks/${id}/pause`, { reason: 'interrupted at the terminal' })
  terminal.say(`paused; ${hint(id)}`)
  return 1
}

const hint = (id: string) =>
  `lienthong resume --bulk ${id} --reason … lets it go on, lienthong cancel --bulk ${id} --reason … ends it`

/** Ends early, and quietly, when the signal comes. */
function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

const says: Readonly<Record<InterventionKind, string>> = {
  hold: 'Holds deliveries back that have not been tried yet or wait for their next try, until somebody releases them.',
  release: 'Lets held deliveries go on, mapped afresh: for when what they were held for has been repaired.',
  discard: 'Gives deliveries up as not needed; what waits behind them goes on.',
  expire: 'Gives deliveries up as too late; what waits behind them goes on. For admins.',
  replay: 'Delivers once more what is dead, given up or delivered, mapped afresh.',
  reread:
    'Reads the original bytes of messages again with today’s contracts and mapping; what they say now takes the old place.',
}

function usageOf(kind: InterventionKind): string {
  const what = kind === 'reread' ? 'MESSAGE-ID' : 'DELIVERY-ID'
  const override =
    kind === 'replay' ? '\n  --override         although later ones of the dossier have gone before; for admins' : ''
  return `lienthong ${kind} ${what}… --reason TEXT
lienthong ${kind} FILTER --reason TEXT [--rate N] [--yes]

${says[kind]}
With a filter it counts exactly what matches, asks, and stays until all is done; a filter is for admins.

${filterUsage}
  --reason TEXT      why; kept in the audit log
  --rate N           how many a second; 20 unless told
  --yes              do not ask${override}
${adminUsage}

Examples
  lienthong ${kind} 0190a5c0-0000-7000-8000-000000000001 --reason "đã sửa bảng mã"
  lienthong ${kind} --system national-portal --state ${exampleState[kind]} --reason "đã sửa bảng mã" --rate 5`
}

const exampleState: Readonly<Record<InterventionKind, string>> = {
  hold: 'waiting',
  release: 'held',
  discard: 'held',
  expire: 'held',
  replay: 'dead',
  reread: 'held',
}
