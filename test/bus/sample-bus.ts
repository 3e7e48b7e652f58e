import { join } from 'node:path'
import type { Test } from 'tap'
import type { ChannelAdapter } from '../../gateway/bus/adapter.ts'
import { type BusOptions, createBus } from '../../gateway/bus/bus.ts'
import type { BreakerPolicy } from '../../gateway/bus/channel.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import type { DeliveryState } from '../../gateway/bus/delivery-state.ts'
import type { WireTap } from '../../gateway/bus/gateway.ts'
import type { Draft } from '../../gateway/bus/message.ts'
import type { Route } from '../../gateway/bus/route.ts'
import type { Store } from '../../gateway/bus/store.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { testFolder } from '../test-folder.ts'

/** Real store, real bus; only the far side is made up. */
export async function startBus(
  t: Test,
  adapter: Partial<ChannelAdapter>,
  more: Partial<BusOptions> & {
    readonly concurrency?: number
    readonly path?: string
    readonly breaker?: BreakerPolicy
    /** A second channel with the same adapter, so that it can read its own bytes again. */
    readonly sourceOf?: string
  } = {},
) {
  const store =
    more.store ??
    (await openSqliteStore({ path: more.path ?? join(testFolder(t), 'store.sqlite'), clock: systemClock }))
  const failures: unknown[] = []
  const bus = createBus({
    store,
    contracts: { has: (name) => name !== 'no-such-type', violations: () => [] },
    receipts: { sign: async (claims) => `receipt.${claims.messageId}` },
    routes: [sampleRoute()],
    directory: { isEnabled: () => true },
    clock: systemClock,
    tap: { ...silentTap, failed: ({ error }) => failures.push(error) },
    random: () => 0.5,
    ...more,
  })
  const whole: ChannelAdapter = { probe: async () => {}, close: async () => {}, ...adapter }
  const channel = { adapter: whole, concurrency: more.concurrency ?? 4, breaker: more.breaker ?? quickBreaker }
  const systems = ['national-portal', ...(more.sourceOf === undefined ? [] : [more.sourceOf])]
  await bus.start(systems.map((system) => ({ system, ...channel })))
  t.teardown(async () => {
    await bus.drain(100)
    await store.close()
  })
  return { bus, store, failures }
}

/** Breaks as in service, comes back at once. */
export const quickBreaker: BreakerPolicy = { lanes: 5, firstPauseMs: 1, longestPauseMs: 5 }

export const silentTap: WireTap = { accepted() {}, refused() {}, attempted() {}, channel() {}, failed() {} }

export function sampleRoute(more: Partial<Route> = {}): Route {
  return {
    name: 'dossier-sync',
    on: ['dossier.received.v1', 'dossier.progressed.v1'],
    from: 'one-window',
    to: () => ['national-portal'],
    retry: { schedule: ['10ms'], jitter: 0, giveUpAfter: '1h', deadline: '5s' },
    onDead: 'hold-lane',
    ...more,
  }
}

let count = 0 // keys of a test file must differ; nothing reads it back
export function sampleDraft(subject: string, more: Partial<Draft> = {}): Draft {
  count += 1
  return {
    type: 'dossier.received.v1',
    source: 'one-window',
    subject,
    body: { dossierCode: subject, count },
    idempotency: { kind: 'key', key: `key-${count}` },
    ...more,
  }
}

/** Waits, within tap's own time-out, until every delivery of the dossier is in one of these states. */
export async function settled(
  store: Store,
  subject: string,
  states: readonly DeliveryState[] = ['delivered', 'dead', 'held'],
) {
  for (;;) {
    const deliveries = (await store.dossier(subject))?.messages.flatMap((view) => view.deliveries) ?? []
    if (deliveries.length > 0 && deliveries.every(({ state }) => states.includes(state))) return deliveries
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Waits, within tap's own time-out, until the dossier has that many messages. */
export async function messagesOf(store: Store, subject: string, count: number) {
  for (;;) {
    const messages = (await store.dossier(subject))?.messages ?? []
    if (messages.length >= count) return messages
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
