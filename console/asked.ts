import { deliveryStates } from '../gateway/bus/delivery-state.ts'
import { errorTable, GatewayError } from '../gateway/bus/errors.ts'
import { type DeliveryFilter, type InterventionKind, interventionStates } from '../gateway/bus/intervention.ts'
import type { ProcessInstance } from '../gateway/bus/process.ts'

/** A JSON object or a query, before anything is known of its members. */
export type Asked = Readonly<Record<string, unknown>>

/** A value as an object with no members but these; throws `contract-violated` naming the stranger. */
export function closed(value: unknown, names: readonly string[], at = ''): Asked {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at || '/', 'type')
  const stranger = Object.keys(value).find((name) => !names.includes(name))
  if (stranger !== undefined) throw wrong(`${at}/${stranger.slice(0, 100)}`, 'additionalProperties')
  return { ...value }
}

/** The members by which deliveries are searched. */
export const filterNames = ['system', 'state', 'type', 'subject', 'code', 'cause', 'after', 'before'] as const

/** A filter of known members; a value that could never match is an error and no empty answer. */
export function filterOf(asked: Asked, at = ''): DeliveryFilter {
  const system = textOf(asked, 'system', at)
  const state = oneOf(asked, 'state', { among: deliveryStates, at })
  const messageType = textOf(asked, 'type', at)
  const subject = textOf(asked, 'subject', at)
  const code = oneOf(asked, 'code', { among: errorCodes, at })
  const cause = oneOf(asked, 'cause', { among: errorCauses, at })
  const createdAfterMs = timeOf(asked, 'after', at)
  const createdBeforeMs = timeOf(asked, 'before', at)
  return {
    ...(system === undefined ? {} : { system }),
    ...(state === undefined ? {} : { state }),
    ...(messageType === undefined ? {} : { messageType }),
    ...(subject === undefined ? {} : { subject }),
    ...(code === undefined ? {} : { code }),
    ...(cause === undefined ? {} : { cause }),
    ...(createdAfterMs === undefined ? {} : { createdAfterMs }),
    ...(createdBeforeMs === undefined ? {} : { createdBeforeMs }),
  }
}

const errorCodes = Object.keys(errorTable)
const errorCauses = [...new Set(Object.values(errorTable).map(({ cause }) => cause))]

const mostIds = 1_000

/** What a bulk is about: the ids of some deliveries, or a filter that says at least something. */
export function selectionOf(asked: Asked): { readonly isSelected: boolean; readonly filter: DeliveryFilter } {
  const { ids, filter } = asked
  if ((ids === undefined) === (filter === undefined)) throw wrong('/filter', 'either ids or filter')
  if (ids === undefined) {
    const read = filterOf(closed(filter, filterNames, '/filter'), '/filter')
    // Everything there is must not be one forgotten word away.
    if (Object.keys(read).length === 0) throw wrong('/filter', 'minProperties')
    return { isSelected: false, filter: read }
  }
  if (!Array.isArray(ids)) throw wrong('/ids', 'type')
  if (ids.length === 0) throw new GatewayError('selection-empty', { field: '/ids', rule: 'minItems' })
  if (ids.length > mostIds) throw wrong('/ids', 'maxItems')
  const texts = ids.filter((id) => typeof id === 'string')
  if (texts.length < ids.length) throw wrong('/ids', 'type')
  return { isSelected: true, filter: { ids: [...new Set(texts)] } }
}

/** Why somebody does something, in their own words. */
export function reasonOf({ reason }: Asked): string {
  if (reason === undefined) throw new GatewayError('reason-missing', { field: '/reason', rule: 'required' })
  if (typeof reason !== 'string') throw wrong('/reason', 'type')
  if (reason.trim() === '') throw new GatewayError('reason-missing', { field: '/reason', rule: 'minLength' })
  if (reason.length > 1_000) throw wrong('/reason', 'maxLength')
  return reason.trim()
}

/** What is to be done with every delivery of a bulk. */
export function kindOf(asked: Asked): InterventionKind {
  const kind = Object.keys(interventionStates).find((known) => known === asked.kind)
  if (kind === undefined) throw wrong('/kind', asked.kind === undefined ? 'required' : 'enum')
  return kind as InterventionKind // one of its keys, found above
}

/** How many a second; twenty unless told. */
export function perSecondOf({ perSecond = 20 }: Asked): number {
  if (typeof perSecond !== 'number' || !(perSecond > 0)) throw wrong('/perSecond', 'exclusiveMinimum')
  if (perSecond > 1_000) throw wrong('/perSecond', 'maximum')
  return perSecond
}

/** True, false, or not said. */
export function flagOf(asked: Asked, name: string): boolean {
  const value = asked[name] ?? false
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  throw wrong(`/${name}`, 'type')
}

/** The revision a person has seen. */
export function revisionOf({ revision }: Asked): number | undefined {
  if (revision === undefined) return undefined
  if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 0) throw wrong('/revision', 'type')
  return revision
}

/** How many at most; a hundred unless told. */
export function limitOf({ limit = '100' }: Asked): number {
  if (typeof limit !== 'string' || !/^\d{1,4}$/.test(limit)) throw wrong('/limit', 'type')
  if (Number(limit) < 1) throw wrong('/limit', 'minimum')
  if (Number(limit) > 1_000) throw wrong('/limit', 'maximum')
  return Number(limit)
}

/** How an exchange stands. */
export function statusOf(asked: Asked): ProcessInstance['status'] | undefined {
  return oneOf(asked, 'status', { among: ['running', 'exception', 'ended'], at: '' })
}

/** A window of acceptance; everything unless told. */
export function windowOf(asked: Asked): { readonly afterMs: number; readonly beforeMs: number } {
  return {
    afterMs: timeOf(asked, 'after', '') ?? 0,
    beforeMs: timeOf(asked, 'before', '') ?? Number.MAX_SAFE_INTEGER,
  }
}

/** A member that is text, if it is there. */
export function textOf(asked: Asked, name: string, at = ''): string | undefined {
  const value = asked[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw wrong(`${at}/${name}`, 'type')
  if (value === '') throw wrong(`${at}/${name}`, 'minLength')
  if (value.length > 200) throw wrong(`${at}/${name}`, 'maxLength')
  return value
}

function oneOf<Value extends string>(
  asked: Asked,
  name: string,
  { among, at }: { readonly among: readonly Value[]; readonly at: string },
): Value | undefined {
  const value = textOf(asked, name, at)
  const found = among.find((known) => known === value)
  if (value !== undefined && found === undefined) throw wrong(`${at}/${name}`, 'enum')
  return found
}

/** RFC 3339 with its zone: a time without one would mean another hour to everybody who reads it. */
function timeOf(asked: Asked, name: string, at: string): number | undefined {
  const text = textOf(asked, name, at)
  if (text === undefined) return undefined
  const shape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/
  const atMs = shape.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(atMs)) throw wrong(`${at}/${name}`, 'format: date-time')
  return atMs
}

function wrong(field: string, rule: string): GatewayError {
  return new GatewayError('contract-violated', { field, rule })
}
