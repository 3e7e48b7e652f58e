import { parseArgs } from 'node:util'
import type { Command } from '../command.ts'
import { adminCall, adminOptions, adminUsage } from './admin-call.ts'
import { filterIn, filterOptions, filterUsage } from './selection.ts'

/** Shows an operator which deliveries there are, newest first. */
export const deliveries: Command = {
  usage: `lienthong deliveries [filter] [--limit N] [--json]

Prints one line per delivery: id, state, system, dossier code and the code of the reason. No body is shown.

${filterUsage}
  --limit N          at most so many, 1 to 1000; 100 unless told
  --json             everything the gateway says of them
${adminUsage}

Examples
  lienthong deliveries --system national-portal --state dead
  lienthong deliveries --subject 000.00.01.H47-261121-0001 --json`,

  async run(args, terminal) {
    const options = { ...adminOptions, ...filterOptions, limit: { type: 'string' }, json: { type: 'boolean' } } as const
    const { values } = parseArgs({ args: [...args], options })
    const call = adminCall(values, terminal.env)
    const query = new URLSearchParams({ ...filterIn(values), ...(values.limit && { limit: values.limit }) })
    const answer = await call('GET', `/deliveries?${query}`)
    if (values.json) terminal.print(JSON.stringify(answer, null, 2))
    else for (const delivery of listOf(answer.deliveries)) terminal.print(lineOf(delivery))
    return 0
  },
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value : []
}

function lineOf({ id, state, system, subject, reason }: Readonly<Record<string, unknown>>): string {
  const code = typeof reason === 'object' && reason !== null && 'code' in reason ? [reason.code] : []
  return [id, state, system, subject, ...code].join('  ')
}
