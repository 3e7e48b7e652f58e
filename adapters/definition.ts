import type { ChannelAdapter } from '../gateway/bus/adapter.ts'
import type { Clock } from '../gateway/bus/clock.ts'
import type { Gateway, WireTap } from '../gateway/bus/gateway.ts'
import type { ContractBook } from '../gateway/bus/intake-ports.ts'
import type { Keyring } from '../gateway/envelopes/keyring.ts'
import type { HttpDoorKit } from '../gateway/transports/http-door.ts'
import type { Tables } from '../mappings/tables.ts'

/** What every adapter receives from the composition root, and nothing else. */
export interface AdapterContext<Settings> {
  /** The system's name, the key under `systems` in the configuration. */
  readonly system: string
  /** Our own name: issuer of what we sign, audience of what partners sign for us. */
  readonly gatewayId: string
  /** Valid against the definition's `settings` schema, secrets resolved. */
  readonly settings: Settings
  readonly gateway: Gateway
  readonly contracts: ContractBook
  readonly keyring: Keyring
  readonly doors: HttpDoorKit
  /** Agencies, procedures and the other code tables. */
  readonly tables: Tables
  readonly clock: Clock
  readonly tap: WireTap
}

/** One line of `adapters/index.ts`. */
export interface AdapterDefinition<Settings> {
  readonly system: string
  /** JSON Schema of `systems.<name>`: its validation and its documentation; merged with what every system has. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Message types it may send at the canonical door; none when absent. */
  readonly says?: readonly string[]
  create(context: AdapterContext<Settings>): ChannelAdapter
}
