import type { Reason } from './delivery-state.ts'
import type { Draft, Message } from './message.ts'

/** What moves a process on. */
export type ProcessInput =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'timer'; readonly name: string; readonly nowMs: number }
  /** A person ends the wait; their reason is on record. */
  | { readonly kind: 'release'; readonly actor: string; readonly nowMs: number }

export interface ProcessStep<State> {
  /** Absent: the process has ended. */
  readonly state?: State
  /** Set when a person has to look; cleared by a step without it. */
  readonly exception?: Reason
  /** A time sets the timer, `null` cancels it; others stay. Ending cancels all. */
  readonly timers?: Readonly<Record<string, number | null>>
  /** What the process says; the bus gives each the key `<process>:<instance>:<version>:<index>`. */
  readonly messages?: readonly Omit<Draft, 'idempotency'>[]
}

/**
 * An exchange of several messages with durable state (Process Manager, EIP). `step` is pure; its state and output commit in the
 * write that accepts the trigger, so that a crash leaves neither half. One instance per dossier.
 */
export interface ProcessDefinition<State = unknown> {
  readonly name: string
  /** Types that begin an instance when there is none. */
  readonly startsOn: readonly string[]
  /** Types that move an instance on, if there is one. */
  readonly continuesOn: readonly string[]
  step(state: State | undefined, input: ProcessInput): ProcessStep<State>
}

/** An instance as it is stored. */
export interface ProcessInstance {
  readonly process: string
  /** The dossier's subject. */
  readonly instance: string
  /** Counts its steps; 0 when it does not exist yet. */
  readonly version: number
  readonly state?: unknown
  readonly status: 'running' | 'exception' | 'ended'
  readonly reason?: Reason
  readonly updatedAtMs: number
}

/** What one step writes. Applied only to the version it was computed from. */
export interface ProcessChange {
  readonly process: string
  readonly version: number
  readonly status: ProcessInstance['status']
  readonly state?: unknown
  readonly reason?: Reason
  readonly timers: Readonly<Record<string, number | null>>
}

/** Takes one step. Pure, as the definition is. */
export function takeStep(
  definition: ProcessDefinition,
  before: Pick<ProcessInstance, 'instance' | 'version' | 'state' | 'status'>,
  input: ProcessInput,
): { readonly change: ProcessChange; readonly drafts: readonly Draft[] } {
  const step = definition.step(before.status === 'ended' ? undefined : before.state, input)
  const isEnded = step.state === undefined
  const version = before.version + 1
  return {
    change: {
      process: definition.name,
      version,
      status: isEnded ? 'ended' : step.exception ? 'exception' : 'running',
      ...(isEnded ? {} : { state: step.state }),
      ...(step.exception ? { reason: step.exception } : {}),
      timers: step.timers ?? {},
    },
    drafts: (step.messages ?? []).map((message, index) => ({
      ...message,
      idempotency: { kind: 'key', key: `${definition.name}:${before.instance}:${version}:${index}` },
    })),
  }
}
