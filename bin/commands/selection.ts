import { UsageError } from '../command.ts'

/** Options by which deliveries are searched. */
export const filterOptions = {
  system: { type: 'string' },
  state: { type: 'string' },
  type: { type: 'string' },
  subject: { type: 'string' },
  code: { type: 'string' },
  cause: { type: 'string' },
  after: { type: 'string' },
  before: { type: 'string' },
} as const

/** How those options are explained. */
export const filterUsage = `  --system NAME      the system they go to
  --state STATE      waiting, leased, blocked, held, delivered, dead, expired, discarded
  --type TYPE        message type
  --subject CODE     dossier code
  --code CODE        code of the reason (docs/errors.md)
  --cause CAUSE      cause of the reason
  --after, --before  when the delivery was made: 2026-11-21T08:00:00+07:00`

/** The filter that was written; `undefined` when none was. */
export function filterIn(values: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> | undefined {
  const given = Object.keys(filterOptions).flatMap((name) => {
    const value = values[name]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  return given.length === 0 ? undefined : Object.fromEntries(given)
}

/** A number a second, as written. Throws UsageError. */
export function rateIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const rate = Number(text)
  if (!(rate > 0)) throw new UsageError('--rate must be a number above 0')
  return rate
}

/** Why, as written. Throws UsageError when it says nothing. */
export function reasonIn(text: string | undefined): string {
  if (text === undefined || text.trim() === '') throw new UsageError('--reason is needed, and must say something')
  return text
}
