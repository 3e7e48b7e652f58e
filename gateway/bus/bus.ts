import type { ChannelAdapter } from './adapter.ts'
import type { Clock } from './clock.ts'
import type { DeliveryState } from './delivery-state.ts'
import { type ChannelSettings, Dispatcher } from './dispatcher.ts'
import { GatewayError } from './errors.ts'
import type { Gateway, WireTap } from './gateway.ts'
import { checkContract, prepareAcceptances } from './intake.ts'
import type { ContractBook, ReceiptSigner } from './intake-ports.ts'
import type { Draft } from './message.ts'
import { type Operations, Operator } from './operations.ts'
import { isOwnerGone, processOwner } from './owner.ts'
import { type Quota, QuotaGuard } from './quota.ts'
import { RefusalAudit } from './refusals.ts'
import type { Directory, Route } from './route.ts'
import type { DossierLedger, MessageView, Store } from './store.ts'

export interface BusOptions {
  readonly store: Store
  readonly contracts: ContractBook
  readonly receipts: ReceiptSigner
  readonly routes: readonly Route[]
  readonly directory: Directory
  readonly clock: Clock
  readonly tap: WireTap
  readonly isTold?: (system: string, state: DeliveryState) => boolean
  readonly quotaOf?: (source: string) => Quota | undefined
  readonly refusalsPerSourceAndMinute?: number
  readonly random?: () => number
  readonly owner?: string
}

export interface Bus extends Gateway {
  readonly operations: Operations
  /** Takes back what a dead predecessor had leased, then starts working the channels. */
  start(channels: readonly ChannelSettings[]): Promise<void>
  /** Accepts nothing more, lets attempts finish for `graceMs`, writes what is still unwritten. */
  drain(graceMs: number): Promise<void>
}

/** The life of a message (design §4): one way in, one dispatcher per channel, one durable write at each end. */
export function createBus(options: BusOptions): Bus {
  const { store, contracts, receipts, routes, directory, clock, tap, random = Math.random } = options
  const {
    isTold = () => false,
    quotaOf = () => undefined,
    refusalsPerSourceAndMinute = 10,
    owner = processOwner(),
  } = options
  const intake = { contracts, receipts, routes, directory, clock }
  const prepare = (drafts: readonly Draft[]) => prepareAcceptances(drafts, intake)
  const routesByName = new Map(routes.map((route) => [route.name, route]))
  const audit = new RefusalAudit({ store, clock, tap, limitPerMinute: refusalsPerSourceAndMinute })
  const quotas = new QuotaGuard({ quotaOf, store, clock })
  const dispatchers = new Map<string, Dispatcher>()
  const adapters = new Map<string, ChannelAdapter>()
  let isDraining = false

  const wake = (systems: Iterable<string>) => {
    for (const system of new Set(systems)) dispatchers.get(system)?.wake()
  }

  const operations = new Operator({ store, clock, tap, dispatchers, adapters, prepare, wake })

  return {
    operations,
    async accept(drafts) {
      if (isDraining) throw new GatewayError('draining', { retryAfterMs: 5_000 })
      for (const [source, asked] of Map.groupBy(drafts, ({ source }) => source))
        await quotas.admit(source, asked.length)
      const startedAt = clock.monotonic()
      const acceptances = await prepare(drafts)
      const results = await store.accept(acceptances)
      const systems: string[] = []
      const durationMs = clock.monotonic() - startedAt
      for (const [index, { message, deliveries }] of acceptances.entries()) {
        const kind = results[index]?.kind ?? 'conflict'
        tap.accepted({ source: message.source, type: message.type, kind, durationMs })
        if (kind === 'stored') systems.push(...deliveries.map(({ system }) => system))
      }
      wake(systems)
      return results
    },
    check: (type, body) => checkContract(type, body, contracts),
    refused: (request) => audit.record(request),
    async message(id, reader) {
      const view = await store.message(id)
      return view && isReader(view, reader) ? visibleTo(view, reader) : undefined
    },
    async dossier(codeOrAlias, reader) {
      const ledger = await store.dossier(codeOrAlias)
      const messages = ledger?.messages.filter((view) => isReader(view, reader)) ?? []
      if (!ledger || messages.length === 0) return undefined
      return { ...ledger, messages: messages.map((view) => visibleTo(view, reader)) } satisfies DossierLedger
    },
    async release(waitsFor) {
      const { count, systems } = await store.releaseWaiting(waitsFor, clock.now())
      wake(systems)
      return count
    },
    shelf: (name) => store.shelf(name),
    putShelf: (name, items) => store.putShelf(name, items),

    async start(channels) {
      await store.recover((candidate) => candidate !== owner && isOwnerGone(candidate), clock.now())
      const ports = { store, clock, tap, owner, routes: routesByName, prepare, isTold, wake, random }
      for (const channel of channels) {
        dispatchers.set(channel.system, new Dispatcher(channel, ports))
        adapters.set(channel.system, channel.adapter)
      }
      const stored = new Map((await store.channels()).map((condition) => [condition.system, condition]))
      for (const [system, dispatcher] of dispatchers) dispatcher.start(stored.get(system))
      operations.start()
    },
    async drain(graceMs) {
      isDraining = true
      await operations.stop()
      await Promise.all([...dispatchers.values()].map((dispatcher) => dispatcher.stop(graceMs)))
      await audit.flush()
    },
  } satisfies Bus
}

/** A system sees only what it sent or was sent (design, finer rules). */
function isReader({ message, deliveries }: MessageView, reader: string): boolean {
  return message.source === reader || deliveries.some(({ system }) => system === reader)
}

/** The sender sees every leg; a receiver sees its own. */
function visibleTo(view: MessageView, reader: string): MessageView {
  if (view.message.source === reader) return view
  return { ...view, deliveries: view.deliveries.filter(({ system }) => system === reader) }
}
