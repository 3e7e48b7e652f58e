import { GatewayError } from '../../gateway/bus/errors.ts'
import type { CodeTable } from '../code-table.ts'
import { deletions, flags } from '../tables/portal-codes.ts'
import { instantFromPortal } from './time.ts'

/** What may stand in a scalar field: absence has three spellings there. */
export type Scalar = string | null | undefined

/** The text as it came, byte for byte; `undefined` for every spelling of absence. */
export function given(value: Scalar): string | undefined {
  return value === null || value === '' ? undefined : value
}

/** An optional date. Throws `value-unmappable` when it does not exist. */
export function givenInstant(value: Scalar, field: string): string | undefined {
  const text = given(value)
  return text === undefined ? undefined : instantFromPortal(text, field)
}

/** Our name for an optional code. Throws `value-unmappable` for one that is not in the table. */
export function givenName<Name extends string>(
  value: Scalar,
  at: { readonly field: string; readonly table: CodeTable<string, Name> },
): Name | undefined {
  const code = given(value)
  return code === undefined ? undefined : nameOf(code, at)
}

/** Our name for a code. Throws `value-unmappable` for one that is not in the table. */
export function nameOf<Name extends string>(
  code: string,
  { field, table }: { readonly field: string; readonly table: CodeTable<string, Name> },
): Name {
  const name = table.nameOf(code)
  if (name === undefined) throw new GatewayError('value-unmappable', { field, rule: `code list, ${table.source}` })
  return name
}

/** `0` or `1`. */
export function givenFlag(value: Scalar, field: string): boolean | undefined {
  return truth(givenName(value, { field, table: flags }))
}

/** `True` or `False`. */
export function givenDeletion(value: Scalar, field: string): boolean | undefined {
  return truth(givenName(value, { field, table: deletions }))
}

/** An amount in whole đồng: digits alone, no sign, fraction, exponent or leading zero. Throws `value-unmappable`. */
export function givenAmount(value: Scalar, field: string): number | undefined {
  const text = given(value)
  if (text === undefined) return undefined
  // Fifteen digits always fit a double exactly.
  if (!/^(0|[1-9]\d{0,14})$/.test(text)) throw new GatewayError('value-unmappable', { field, rule: 'whole đồng' })
  return Number(text)
}

/** Each item of an optional list with its place, e.g. `TaiLieuNop[0]`. */
export function eachOf<Item, Read>(
  items: readonly Item[] | null | undefined,
  { field, read }: { readonly field: string; readonly read: (item: Item, place: string) => Read },
): readonly Read[] {
  return (items ?? []).map((item, index) => read(item, `${field}[${index}]`))
}

function truth(name: 'true' | 'false' | undefined): boolean | undefined {
  return name === undefined ? undefined : name === 'true'
}
