import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { GatewayError } from '../bus/errors.ts'

/** An error in the form a door's callers understand. */
export interface ErrorAnswer {
  readonly status: number
  readonly mediaType: string
  readonly body: string | Buffer
}

/** How one door differs from another. */
export interface DoorOptions {
  /** What audits and metrics call it: `one-window:drop-in`. */
  readonly name: string
  /** Exact media types whose bodies it takes; others are answered 415. Empty: no body at all. */
  readonly mediaTypes: readonly string[]
  /** Smaller than the server's limit when a door needs less. */
  readonly maxBodyBytes?: number
  /** The door's own error form; `application/problem+json` without it. */
  readonly answerError?: (error: GatewayError, request: FastifyRequest) => ErrorAnswer
}

/** What every door needs from the HTTP server, so that no door sets its own limits or invents its own errors. */
export interface HttpDoorKit {
  /**
   * Makes `scope` a door; call it first in the door's plugin. Within it bodies arrive as untouched Buffers, errors
   * thrown by handlers are answered in the door's form and reported once as refusals.
   */
  open(scope: FastifyInstance, options: DoorOptions): void
  /** The request's bytes as they came; throws `request-unreadable` when there are none. */
  bodyOf(request: FastifyRequest): Buffer
  /** Whom the request says it is from, before that is proved: goes to the audit record only. */
  claimSender(request: FastifyRequest, name: string): void
  /** Whom it is proved to be from: from here on every answer to it is signed (`x-jws-signature`). */
  markSender(request: FastifyRequest, system: string): void
  /** Audits a refusal that is not the whole answer, e.g. one item of a batch. */
  reportRefusal(request: FastifyRequest, error: GatewayError): void
}
