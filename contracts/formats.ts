import type { Format } from 'ajv'

/** The string formats the contracts use. A date that does not exist in the calendar is a violation, never rolled over. */
export const formats: Readonly<Record<string, Format>> = {
  'date-time': { type: 'string', validate: isInstant },
  'portal-datetime': { type: 'string', validate: isPortalDatetime },
  'portal-datetime-or-blank': { type: 'string', validate: (text: string) => text === '' || isPortalDatetime(text) },
  'local-datetime-or-blank': {
    type: 'string',
    validate: (text: string) => text === '' || isPortalDatetime(text) || isLocalDatetime(text),
  },
  base64: { type: 'string', validate: isBase64 },
}

// Before 1900 lie only the zero dates of other systems (0001-01-01), which say "no date" and not when.
const firstYear = 1900

function isInstant(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/.test(text) && isReal(text)
}

function isPortalDatetime(text: string): boolean {
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$/.exec(text)
  if (parts === null) return false
  const [, year, month, day, hour, minute, second] = parts
  return isReal(`${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`)
}

/** What .NET writes for a local time, without a zone: `2026-01-15T17:00:00`, with up to seven decimals. */
function isLocalDatetime(text: string): boolean {
  const parts = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d{1,7})?$/.exec(text)
  return parts !== null && isReal(`${parts[1]}.000Z`)
}

function isReal(instant: string): boolean {
  const ms = Date.parse(instant)
  return !Number.isNaN(ms) && new Date(ms).toISOString() === instant && Number(instant.slice(0, 4)) >= firstYear
}

/** RFC 4648 §4, padded, in one line. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}
