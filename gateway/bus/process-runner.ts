import type { Clock } from './clock.ts'
import { GatewayError } from './errors.ts'
import type { WireTap } from './gateway.ts'
import type { Act } from './intervention.ts'
import type { Draft } from './message.ts'
import {
  type ProcessChange,
  type ProcessDefinition,
  type ProcessInput,
  type ProcessInstance,
  takeStep,
} from './process.ts'
import type { Acceptance, DueTimer, Store } from './store.ts'

export interface ProcessRunnerPorts {
  readonly store: Store
  readonly clock: Clock
  readonly tap: WireTap
  readonly definitions: readonly ProcessDefinition[]
  /** Drafts → what one write needs, processes left out: what a process says does not move processes on. */
  readonly prepare: (drafts: readonly Draft[]) => Promise<readonly Acceptance[]>
  readonly wake: (systems: Iterable<string>) => void
}

const pollMs = 1_000
const mostTimersAtOnce = 100

/** Moves processes on: by messages in the write that accepts them, by timers that survive restarts, by people. Owns its timer. */
export class ProcessRunner {
  readonly #ports: ProcessRunnerPorts
  readonly #definitions: ReadonlyMap<string, ProcessDefinition>
  #cancelPoll: (() => void) | undefined
  #isStopped = false
  #poll: Promise<void> | undefined

  constructor(ports: ProcessRunnerPorts) {
    this.#ports = ports
    this.#definitions = new Map(ports.definitions.map((definition) => [definition.name, definition]))
  }

  /**
   * Adds to each acceptance the steps it triggers. States are read before the write and checked in it: should another
   * write have come between, the store answers `process-changed` and the caller prepares again.
   */
  async attachSteps(acceptances: readonly Acceptance[]): Promise<readonly Acceptance[]> {
    const attached: Acceptance[] = []
    const seen = new Map<string, ProcessInstance>() // steps of earlier acceptances of this very call
    for (const acceptance of acceptances) {
      const steps = await this.#stepsOf(acceptance, seen)
      attached.push(steps.length === 0 ? acceptance : { ...acceptance, steps })
    }
    return attached
  }

  async #stepsOf(
    { message, sameAs }: Acceptance,
    seen: Map<string, ProcessInstance>,
  ): Promise<NonNullable<Acceptance['steps']>> {
    const steps: { change: ProcessChange; messages: readonly Acceptance[] }[] = []
    for (const definition of this.#ports.definitions) {
      const canStart = definition.startsOn.includes(message.type)
      if (!canStart && !definition.continuesOn.includes(message.type)) continue
      const stored = await this.#ports.store.processOf(definition.name, [message.subject, ...sameAs])
      const key = `${definition.name}\0${stored.instance}`
      const before = seen.get(key) ?? stored
      if (!canStart && (before.version === 0 || before.status === 'ended')) continue
      const input: ProcessInput = { kind: 'message', message: { ...message, subject: before.instance } }
      const step = takeStep(definition, before, input)
      seen.set(key, { ...before, ...step.change })
      steps.push({ change: step.change, messages: await this.#ports.prepare(step.drafts) })
    }
    return steps
  }

  /** A person ends what an instance waits for. */
  async release(process: string, instance: string, act: Act): Promise<ProcessInstance['status']> {
    const { store, clock } = this.#ports
    const stored = await store.processOf(process, [instance])
    if (!this.#definitions.has(process) || stored.version === 0) throw new GatewayError('not-found')
    if (stored.status === 'ended') throw new GatewayError('state-impossible')
    const input: ProcessInput = { kind: 'release', actor: act.actor, nowMs: clock.now() }
    return this.#advance(stored, input, act)
  }

  async #advance(before: ProcessInstance, input: ProcessInput, by?: Act): Promise<ProcessInstance['status']> {
    const { store, clock, prepare, wake } = this.#ports
    const definition = this.#definitions.get(before.process)
    if (!definition) throw new GatewayError('not-found')
    const { change, drafts } = takeStep(definition, before, input)
    const messages = await prepare(drafts)
    const firedTimer = input.kind === 'timer' ? { timer: input.name } : {}
    await store.advance({
      instance: before.instance,
      change,
      messages,
      nowMs: clock.now(),
      ...firedTimer,
      ...(by ? { by } : {}),
    })
    wake(messages.flatMap(({ deliveries }) => deliveries.map(({ system }) => system)))
    return change.status
  }

  start(): void {
    if (this.#ports.definitions.length > 0) this.#schedule()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelPoll?.()
    await this.#poll
  }

  #schedule(): void {
    if (this.#isStopped) return
    this.#cancelPoll = this.#ports.clock.after(pollMs, () => {
      this.#poll = this.#fireTimers()
    })
  }

  async #fireTimers(): Promise<void> {
    const { store, clock, tap } = this.#ports
    try {
      for (const due of await store.dueTimers(clock.now(), mostTimersAtOnce)) await this.#fire(due)
    } catch (error) {
      tap.failed({ where: 'process timers', error })
    }
    this.#schedule()
  }

  /** One that can't be fired stops no other; it is tried again at the next poll. */
  async #fire({ process, instance, name }: DueTimer): Promise<void> {
    const { store, clock, tap } = this.#ports
    try {
      const before = await store.processOf(process, [instance])
      await this.#advance(before, { kind: 'timer', name, nowMs: clock.now() })
    } catch (error) {
      const hasMovedOn = error instanceof GatewayError && error.code === 'process-changed'
      if (!hasMovedOn) tap.failed({ where: 'process timers', error })
    }
  }
}
