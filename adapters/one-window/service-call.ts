import type { FastifyRequest } from 'fastify'
import type { AdapterContext } from '../definition.ts'
import type { DropInAnswer } from './drop-in-answer.ts'
import type { DropInCredential, OneWindowSettings } from './settings.ts'

export type OneWindowContext = AdapterContext<OneWindowSettings>

export type JsonObject = Readonly<Record<string, unknown>>

/** A request of the common envelope (wire-formats 1.1), its session proved and its contract satisfied. */
export interface ServiceCall {
  readonly service: string
  /** The agency the caller speaks for; that it may has been checked. */
  readonly madonvi: string
  readonly document: JsonObject
  readonly credential: DropInCredential
  readonly request: FastifyRequest
}

/** Answers one service. */
export type Service = (call: ServiceCall) => Promise<DropInAnswer>

/** Services by their names on the wire. */
export type Services = readonly (readonly [name: string, service: Service])[]

/** Whether a JSON value is an object, and so may be asked for its members. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
