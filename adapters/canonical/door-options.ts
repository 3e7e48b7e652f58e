import type { Clock } from '../../gateway/bus/clock.ts'
import type { Gateway } from '../../gateway/bus/gateway.ts'
import type { Keyring } from '../../gateway/envelopes/keyring.ts'
import type { HttpDoorKit } from '../../gateway/transports/http-door.ts'
import type { Tables } from '../../mappings/tables.ts'

/** What one system may say here. */
export interface Speaker {
  /** Message types it may send. */
  readonly says: readonly string[]
  /** Agencies it may name, each with all below it. */
  readonly speaksFor: readonly string[]
}

export interface CanonicalDoorOptions {
  /** Our own name: what a signed message's `aud` must be. */
  readonly gatewayId: string
  readonly gateway: Gateway
  readonly keyring: Keyring
  readonly doors: HttpDoorKit
  readonly tables: Tables
  readonly clock: Clock
  /** By system; one that is not here may read, and send nothing. */
  readonly speakers: ReadonlyMap<string, Speaker>
}
