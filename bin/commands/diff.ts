import { parseArgs } from 'node:util'
import { type Command, UsageError } from '../command.ts'
import { type Answer, adminCall, adminOptions, adminUsage } from './admin-call.ts'

/** Compares a shadow with what was sent, so that a new mapping or route is believed only after it agreed with the old. */
export const diff: Command = {
  usage: `lienthong diff SYSTEM [--live SYSTEM] [--day yyyy-mm-dd] [--json]

A route marked \`shadow\` maps and checks every message as if it were sent to SYSTEM, and sends nothing. This compares what
it would have sent with what the live system was sent, message by message: which places differ, never the values. Exit
code 1 when something differs or was stopped.

  --live SYSTEM      the live system to compare with; SYSTEM itself unless told
  --day yyyy-mm-dd   messages accepted on that day in Vietnam; yesterday unless told
  --json             everything the gateway says
${adminUsage}

Examples
  lienthong diff national-portal
  lienthong diff national-portal-next --live national-portal --day 2026-11-20`,

  async run(args, terminal) {
    const options = {
      ...adminOptions,
      live: { type: 'string' },
      day: { type: 'string' },
      json: { type: 'boolean' },
    } as const
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    const [system] = positionals
    if (system === undefined) throw new UsageError('diff wants a system')
    const query = new URLSearchParams({ ...dayOf(values.day), ...(values.live && { live: values.live }) })
    const call = adminCall(values, terminal.env)
    const answer = await call('GET', `/shadows/${encodeURIComponent(system)}?${query}`)
    terminal.print(values.json ? JSON.stringify(answer, null, 2) : summaryOf(answer))
    return answer.differing === 0 && answer.stoppedInShadow === 0 ? 0 : 1
  },
}

const dayMs = 86_400_000
const vietnamOffsetMs = 7 * 3_600_000

/** A whole day of Vietnam as the API takes it. */
function dayOf(day: string | undefined): { readonly after: string; readonly before: string } {
  const yesterday = new Date(Date.now() + vietnamOffsetMs - dayMs).toISOString().slice(0, 10)
  const startMs = Date.parse(`${day ?? yesterday}T00:00:00+07:00`)
  // Read back, because 30 February would quietly become 2 March.
  const isDay = !Number.isNaN(startMs) && new Date(startMs + vietnamOffsetMs).toISOString().startsWith(day ?? yesterday)
  if (!isDay) throw new UsageError('--day is no date')
  return { after: new Date(startMs).toISOString(), before: new Date(startMs + dayMs).toISOString() }
}

function summaryOf({ compared, equal, differing, stoppedInShadow, listed }: Answer): string {
  const rows = Array.isArray(listed) ? listed : []
  const lines = rows.map((row: Answer) => {
    const paths = Array.isArray(row.paths) ? row.paths.join(' ') : ''
    return `${row.messageId}  ${row.messageType}  ${paths}`
  })
  return [
    `${compared} compared, ${equal} equal, ${differing} differ, ${stoppedInShadow} stopped in the shadow`,
    ...lines,
  ].join('\n')
}
