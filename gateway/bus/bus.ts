import type { ChannelAdapter } from './adapter.ts'
import type { Clock } from './clock.ts'
import type { DeliveryState } from './delivery-state.ts'
import { type ChannelSettings, Dispatcher } from './dispatcher.ts'
import { GatewayError } from './errors.ts'
import type { Gateway, WireTap } from './gateway.ts'
import { contractCheck, prepareAcceptances } from './intake.ts'
import type { ContractBook, ReceiptSigner } from './intake-ports.ts'
import type { Draft } from './message.ts'
import { type Operations, Operator } from './operations.ts'
import { isOwnerGone, processOwner } from './owner.ts'
import type { ProcessDefinition } from './process.ts'
import { ProcessRunner } from './process-runner.ts'
import { type Quota, QuotaGuard } from './quota.ts'
import { RefusalAudit } from './refusals.ts'
import type { Directory, Route } from './route.ts'
import { isShadow, shadowAdapter, shadowOf } from './shadow.ts'
import { attachStanding, checkStanding } from './standing.ts'
import type { Acceptance, Accepted, DossierLedger, MessageView, Store } from './store.ts'

export interface BusOptions {
  readonly store: Store
  readonly contracts: ContractBook
  readonly receipts: ReceiptSigner
  readonly routes: readonly Route[]
  readonly directory: Directory
  readonly clock: Clock
  readonly tap: WireTap
  readonly processes?: readonly ProcessDefinition[]
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
    processes: definitions = [],
    isTold = () => false,
    quotaOf = () => undefined,
    refusalsPerSourceAndMinute = 10,
    owner = processOwner(),
  } = options
  const check = contractCheck(contracts)
  const intake = { check, receipts, routes, directory, clock }
  const prepareOnly = (drafts: readonly Draft[]) => prepareAcceptances(drafts, intake)
  const prepare = async (drafts: readonly Draft[]) => {
    const acceptances = await attachStanding(drafts, { acceptances: await prepareOnly(drafts), store })
    return processes.attachSteps(acceptances)
  }
  const routesByName = new Map(routes.map((route) => [route.name, route]))
  const audit = new RefusalAudit({ store, clock, tap, limitPerMinute: refusalsPerSourceAndMinute })
  const quotas = new QuotaGuard({ quotaOf, store, clock })
  const dispatchers = new Map<string, Dispatcher>()
  const adapters = new Map<string, ChannelAdapter>()
  let isDraining = false

  const wake = (systems: Iterable<string>) => {
    for (const system of new Set(systems)) dispatchers.get(system)?.wake()
  }

  const processes = new ProcessRunner({ store, clock, tap, definitions, prepare: prepareOnly, wake })

  /** Prepares anew for as long as a process moves on between reading its state and the write. */
  const acceptAll = async (drafts: readonly Draft[]) => {
    for (;;) {
      const acceptances = await prepare(drafts)
      try {
        return { acceptances, results: await store.accept(acceptances) }
      } catch (error) {
        if (!(error instanceof GatewayError && error.code === 'process-changed')) throw error
      }
      // A repeat among them takes no step, and the next one's step then stands on a state that never was: one at a time.
      if (drafts.length > 1) return acceptEach(drafts)
    }
  }
  const acceptEach = async (drafts: readonly Draft[]) => {
    const acceptances: Acceptance[] = []
    const results: Accepted[] = []
    for (const draft of drafts) {
      const one = await acceptAll([draft])
      acceptances.push(...one.acceptances)
      results.push(...one.results)
    }
    return { acceptances, results }
  }
  const operations = new Operator({ store, clock, tap, dispatchers, adapters, prepare, wake, processes, isTold })

  return {
    operations,
    async accept(drafts) {
      if (isDraining) throw new GatewayError('draining', { retryAfterMs: 5_000 })
      for (const [source, asked] of Map.groupBy(drafts, ({ source }) => source))
        await quotas.admit(source, asked.length)
      const startedAt = clock.monotonic()
      const { acceptances, results } = await acceptAll(drafts)
      const systems: string[] = []
      const durationMs = clock.monotonic() - startedAt
      for (const [index, { message, deliveries, steps = [] }] of acceptances.entries()) {
        const kind = results[index]?.kind ?? 'conflict'
        tap.accepted({ source: message.source, type: message.type, kind, durationMs })
        if (kind !== 'stored') continue
        const said = steps.flatMap(({ messages }) => messages.flatMap((one) => one.deliveries))
        systems.push(...[...deliveries, ...said].map(({ system }) => system))
      }
      wake(systems)
      return results
    },
    checkStanding: (draft) => checkStanding(draft, store),
    check,
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
        if (routes.some(({ shadow }) => shadow)) {
          const { system, concurrency } = channel
          const shadow = {
            system: shadowOf(system),
            concurrency,
            adapter: shadowAdapter(system, channel.adapter, store),
          }
          dispatchers.set(shadow.system, new Dispatcher(shadow, ports))
        }
        adapters.set(channel.system, channel.adapter)
      }
      const stored = new Map((await store.channels()).map((condition) => [condition.system, condition]))
      for (const [system, dispatcher] of dispatchers) dispatcher.start(stored.get(system))
      operations.start()
      processes.start()
    },
    async drain(graceMs) {
      isDraining = true
      await Promise.all([operations.stop(), processes.stop()])
      await Promise.all([...dispatchers.values()].map((dispatcher) => dispatcher.stop(graceMs)))
      await audit.flush()
    },
  } satisfies Bus
}

/** A system sees only what it sent or was sent (design, finer rules). */
function isReader({ message, deliveries }: MessageView, reader: string): boolean {
  return message.source === reader || deliveries.some(({ system }) => system === reader)
}

/** The sender sees every leg but shadows, which went nowhere; a receiver sees its own. */
function visibleTo(view: MessageView, reader: string): MessageView {
  const isSender = view.message.source === reader
  const deliveries = view.deliveries.filter(({ system }) => (isSender ? !isShadow(system) : system === reader))
  return { ...view, deliveries }
}
