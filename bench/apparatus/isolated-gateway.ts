import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ChannelAdapter } from '../../gateway/bus/adapter.ts'
import { createBus } from '../../gateway/bus/bus.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import type { ChannelSettings } from '../../gateway/bus/dispatcher.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Message } from '../../gateway/bus/message.ts'
import type { Route } from '../../gateway/bus/route.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { createHttpClient } from '../../gateway/transports/http-client.ts'
import { silentTap } from '../silent-tap.ts'
import { serveParent, sharedNowMs } from './child.ts'

/** One leg: messages at this rate to each system, for so long. */
export interface LegOrder {
  /** One system each; the first is the one that is watched. */
  readonly ports: readonly number[]
  readonly perSecond: number
  readonly durationMs: number
}

export interface LegAnswer {
  /** The intended time of the first message, on the shared clock. */
  readonly startedMs: number
  readonly accepted: number
  readonly cpuMs: number
  /** How the channels ended. */
  readonly channels: readonly string[]
}

const concurrency = 16
const deadlineMs = 30_000

/** The real bus, store and transport in one process; only the doors are left out. */
async function runLeg({ ports, perSecond, durationMs }: LegOrder): Promise<LegAnswer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'isolation-'))
  const store = await openSqliteStore({ path: path.join(folder, 'store.sqlite'), clock: systemClock })
  const names = ports.map((_, index) => `system-${index}`)
  const bus = createBus({
    store,
    contracts: { has: () => true, violations: () => [] },
    receipts: { sign: async ({ messageId }) => `receipt-of-${messageId}` },
    routes: names.map(routeTo),
    directory: { isEnabled: () => true },
    clock: systemClock,
    tap: silentTap,
  })
  const channels = names.map((system, index): ChannelSettings => {
    return { system, adapter: adapterOf(ports[index] ?? 0), concurrency }
  })
  await bus.start(channels)
  const before = process.cpuUsage()
  const startedMs = sharedNowMs() + 100
  const total = Math.floor((perSecond * durationMs) / 1_000)
  const accepting: Promise<unknown>[] = []
  for (let sent = 0; sent < total; ) {
    // Open loop: what is late is sent late and counted from the time it was meant for.
    const due = Math.min(total, Math.floor(((sharedNowMs() - startedMs) * perSecond) / 1_000) + 1)
    for (; sent < due; sent++) {
      const intendedMs = startedMs + (sent * 1_000) / perSecond
      for (const system of names) accepting.push(bus.accept([draft(system, intendedMs)]))
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const results = await Promise.all(accepting)
  await new Promise((resolve) => setTimeout(resolve, 500)) // the last ones are still on their way
  const cpu = process.cpuUsage(before)
  const ended = bus.operations.channels().map(({ system, state }) => `${system} ${state}`)
  await bus.drain(0)
  await store.close()
  for (const { adapter } of channels) await adapter.close()
  rmSync(folder, { recursive: true })
  return { startedMs, accepted: results.length / names.length, cpuMs: (cpu.user + cpu.system) / 1_000, channels: ended }
}

const routeTo = (system: string): Route => ({
  name: `to-${system}`,
  on: [`for-${system}.v1`],
  from: 'one-window',
  to: () => [system],
  retry: { schedule: ['1s', '5s'], jitter: 0.2, giveUpAfter: '1h', deadline: '30s' },
  onDead: 'pass',
})

const draft = (system: string, intendedMs: number) => ({
  type: `for-${system}.v1`,
  source: 'one-window',
  subject: `H47.01-${randomUUID()}`,
  body: { intendedMs },
  idempotency: { kind: 'key', key: randomUUID() } as const,
})

function adapterOf(port: number): ChannelAdapter {
  const client = createHttpClient({
    baseUrl: `http://127.0.0.1:${port}`,
    connectTimeoutMs: 5_000,
    answerTimeoutMs: deadlineMs,
    concurrency,
    insideNetwork: true,
    clearTextAllowed: true,
    clock: systemClock,
  })
  return {
    async deliver(message: Message, attempt, signal) {
      const { beforeSend } = attempt
      const body = JSON.stringify(message.body)
      const answer = await client.send({ method: 'POST', path: '/', body, signal, deadlineMs, beforeSend })
      if (answer.status !== 200) throw new GatewayError('partner-failed')
      return { receipt: { sentDigest: message.bodyDigest } }
    },
    lookup: async () => ({ kind: 'resend' }),
    probe: async () => {}, // it answers, and fails again: the worst case for everybody else
    close: () => client.close(),
  }
}

serveParent<LegOrder, LegAnswer>(runLeg)
