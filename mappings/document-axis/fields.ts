import { GatewayError } from '../../gateway/bus/errors.ts'

/** Elements of edXML by their names; one that is repeated is a list, an attribute's name begins with `@`. */
export interface Fields {
  readonly [name: string]: Field | readonly Field[] | undefined
}

export type Field = string | Fields

/** The text of an element; `undefined` when it is absent or empty. Throws `value-unmappable` when it is something else. */
export function textIn(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value
  throw new GatewayError('value-unmappable', { field: name, rule: 'one text' })
}

/** The same, or throws `value-missing`. */
export function neededText(fields: Fields, name: string): string {
  const value = textIn(fields, name)
  if (value === undefined) throw new GatewayError('value-missing', { field: name, rule: 'QCVN 102:2016' })
  return value
}

/** The one element of this name that has children; `undefined` when it is absent or empty. */
export function groupIn(fields: Fields, name: string): Fields | undefined {
  const value = fields[name]
  if (value === undefined || value === '') return undefined
  if (isFields(value)) return value
  throw new GatewayError('value-unmappable', { field: name, rule: 'one element' })
}

/** Every element of this name that has children. */
export function groupsIn(fields: Fields, name: string): readonly Fields[] {
  return [fields[name] ?? []].flat().filter(isFields)
}

/** Every text of this name that is not empty. */
export function textsIn(fields: Fields, name: string): readonly string[] {
  return [fields[name] ?? []].flat().filter((value): value is string => typeof value === 'string' && value !== '')
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
