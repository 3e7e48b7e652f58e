import { GatewayError } from '../../gateway/bus/errors.ts'

/** An instant from the portal’s `yyyyMMddHHmmss`, local time of Viet Nam. Throws `value-unmappable` for a date that does not exist. */
export function instantFromPortal(text: string, field: string): string {
  const [, year, month, day, hour, minute, second] = portalDatetime.exec(text) ?? []
  return instantOf(`${year}-${month}-${day}T${hour}:${minute}:${second}.000`, { field, rule: 'yyyyMMddHHmmss' })
}

/** The same where .NET’s form is possible too: `2026-01-15T17:00:00`, decimals cut to milliseconds (wire-formats 1.2). */
export function instantFromLocal(text: string, field: string): string {
  const [, seconds, decimals = ''] = localDatetime.exec(text) ?? []
  if (seconds === undefined) return instantFromPortal(text, field)
  return instantOf(`${seconds}.${decimals.padEnd(3, '0').slice(0, 3)}`, { field, rule: 'yyyy-MM-ddTHH:mm:ss' })
}

/** The portal’s `yyyyMMddHHmmss` in +07:00; milliseconds are cut, which the form has no place for. */
export function instantToPortal(instant: string): string {
  return new Date(Date.parse(instant) + vietnamOffsetMs).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')
}

const portalDatetime = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$/
const localDatetime = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,7}))?$/

// One zone, without summer time, for every date a dossier can bear (wire-formats 1.2: Asia/Ho_Chi_Minh).
const vietnamOffsetMs = 7 * 3_600_000

/** `local` without a zone, e.g. `2026-01-15T17:00:00.000`. */
function instantOf(local: string, at: { readonly field: string; readonly rule: string }): string {
  const asUtcMs = Date.parse(`${local}Z`)
  // Date.parse rolls 2026-02-30 over to March; only what comes back unchanged exists.
  if (Number.isNaN(asUtcMs) || new Date(asUtcMs).toISOString() !== `${local}Z`) {
    throw new GatewayError('value-unmappable', at)
  }
  return new Date(asUtcMs - vietnamOffsetMs).toISOString()
}
