import { GatewayError } from '../../gateway/bus/errors.ts'

/** A day from the axis's `yyyy/MM/dd`, or the `dd/MM/yyyy` and `yyyy-MM-dd` some write, as `yyyy-MM-dd`. Throws `value-unmappable`. */
export function dayFromAxis(text: string, field: string): string {
  const [, year, month, day] = /^(\d{4})[/-](\d{2})[/-](\d{2})(?:[ T].*)?$/.exec(text) ?? []
  const [, otherDay, otherMonth, otherYear] = /^(\d{2})\/(\d{2})\/(\d{4})(?:[ T].*)?$/.exec(text) ?? []
  const iso = `${year ?? otherYear}-${month ?? otherMonth}-${day ?? otherDay}`
  if (!isDay(iso)) throw new GatewayError('value-unmappable', { field, rule: 'yyyy/MM/dd' })
  return iso
}

/** A day as the axis writes it. */
export function dayToAxis(day: string): string {
  return day.replaceAll('-', '/')
}

/** An instant from `yyyy/MM/dd HH:mm:ss` or `dd/MM/yyyy HH:mm:ss`, local time of Viet Nam. Throws `value-unmappable`. */
export function instantFromAxis(text: string, field: string): string {
  const [, time] = /^\S{10}[ T](\d{2}:\d{2}:\d{2})(?:\.\d+)?$/.exec(text) ?? []
  const ms = Date.parse(`${dayFromAxis(text, field)}T${time}.000Z`)
  if (Number.isNaN(ms)) throw new GatewayError('value-unmappable', { field, rule: 'yyyy/MM/dd HH:mm:ss' })
  return new Date(ms - vietnamOffsetMs).toISOString()
}

/** `yyyy/MM/dd HH:mm:ss` in +07:00. */
export function instantToAxis(ms: number): string {
  return new Date(ms + vietnamOffsetMs).toISOString().slice(0, 19).replace('T', ' ').replaceAll('-', '/')
}

const vietnamOffsetMs = 7 * 3_600_000

function isDay(iso: string): boolean {
  const ms = Date.parse(`${iso}T00:00:00.000Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === iso
}
