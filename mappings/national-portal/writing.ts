import { GatewayError } from '../../gateway/bus/errors.ts'
import type { CodeTable } from '../code-table.ts'
import { deletions, flags } from '../tables/portal-codes.ts'
import { instantToPortal } from './time.ts'

/** Whether the portal requires a field of this document, and by which rule; `undefined` when it does not. */
export type Demand = string | undefined

/** Where a value goes and what the portal asks of it. */
export interface Place {
  readonly field: string
  readonly demand?: Demand
  /** The portal’s limit, in UTF-16 units as its .NET code counts (wire-formats 1.2, 1.3). */
  readonly max?: number
}

/** The rule of column M in wire-formats 1.2 and 1.3. */
export const required = 'required'

/** A text as it goes out, empty when absent. Throws `value-missing` when it is demanded, `value-unmappable` when it is too long: nothing is cut. */
export function text(value: string | undefined, { field, demand, max }: Place): string {
  if (value === undefined || value === '') {
    if (demand !== undefined) throw new GatewayError('value-missing', { field, rule: demand })
    return ''
  }
  if (max !== undefined && value.length > max) {
    throw new GatewayError('value-unmappable', { field, rule: `at most ${max} characters` })
  }
  return value
}

/** A date as it goes out. */
export function instant(value: string | undefined, place: Place): string {
  return text(value === undefined ? undefined : instantToPortal(value), place)
}

/** The code of a name that must be there. */
export function requiredCode<Code extends string>(
  name: string | undefined,
  { field, demand = required, table }: Place & { readonly table: CodeTable<Code, string> },
): Code {
  if (name === undefined) throw new GatewayError('value-missing', { field, rule: demand })
  const found = table.codeOf(name)
  if (found === undefined) throw new GatewayError('value-unmappable', { field, rule: `code list, ${table.source}` })
  return found
}

/** The code of a name, empty when absent and not demanded. */
export function code<Code extends string>(
  name: string | undefined,
  place: Place & { readonly table: CodeTable<Code, string> },
): Code | '' {
  return name === undefined && place.demand === undefined ? '' : requiredCode(name, place)
}

/** `0` or `1`. */
export function flag(value: boolean | undefined, place: Place): '0' | '1' | '' {
  return code(value === undefined ? undefined : String(value), { ...place, table: flags })
}

/** `True` or `False`; the field is required wherever it stands. */
export function deletion(value: boolean | undefined, field: string): 'True' | 'False' {
  return requiredCode(value === undefined ? undefined : String(value), { field, table: deletions })
}

/** A value that has no empty form on the wire: a number, a boolean. Throws `value-missing`. */
export function demanded<Value>(value: Value | undefined, { field, demand = required }: Place): Value {
  if (value === undefined) throw new GatewayError('value-missing', { field, rule: demand })
  return value
}

/** Each item of an optional list with its place, e.g. `TaiLieuNop[0]`. */
export function each<Item, Written>(
  items: readonly Item[] | undefined,
  { field, write }: { readonly field: string; readonly write: (item: Item, place: string) => Written },
): readonly Written[] {
  return (items ?? []).map((item, index) => write(item, `${field}[${index}]`))
}
