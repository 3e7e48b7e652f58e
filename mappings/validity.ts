/** From the first day to the last, both included, as dates of Viet Nam; an open end is absent. */
export interface Validity {
  readonly validFrom?: string
  readonly validTo?: string
}

/** Whether the span includes the moment. */
export function includes(span: Validity, atMs: number): boolean {
  return startMs(span) <= atMs && atMs < endMs(span)
}

/** Whether two spans share a moment. */
export function overlaps(a: Validity, b: Validity): boolean {
  return startMs(a) < endMs(b) && startMs(b) < endMs(a)
}

/** Whether the text is a date of the calendar, `yyyy-MM-dd`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const ms = Date.parse(`${text}T00:00:00.000Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)
}

const dayMs = 86_400_000

function startMs({ validFrom }: Validity): number {
  return validFrom === undefined ? Number.NEGATIVE_INFINITY : Date.parse(`${validFrom}T00:00:00.000+07:00`)
}

function endMs({ validTo }: Validity): number {
  return validTo === undefined ? Number.POSITIVE_INFINITY : Date.parse(`${validTo}T00:00:00.000+07:00`) + dayMs
}
