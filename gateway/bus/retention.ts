import type { Clock } from './clock.ts'
import type { WireTap } from './gateway.ts'
import { durationMs } from './route.ts'
import type { Store } from './store.ts'

export interface RetentionOptions {
  readonly store: Pick<Store, 'retain' | 'reclaim'>
  readonly clock: Clock
  readonly tap: Pick<WireTap, 'failed'>
  /** How long a dossier is at rest before its bodies leave. */
  readonly bodies: string
  /** How often what has come of age is looked for. */
  readonly every: string
  readonly signal: AbortSignal
}

/** Messages looked at in one write: a few milliseconds, which acceptances in the same batch hardly notice. */
const stepMessages = 64
/** Between two steps, so that a long backlog of old messages never has more than a small share of the disk. */
const betweenStepsMs = 25

/** Lets bodies leave when their time has come, in small steps, until the signal. A run that fails is made again later. */
export async function keepRetention(options: RetentionOptions): Promise<void> {
  const { tap, every, signal } = options
  while (!signal.aborted) {
    await retainOnce(options).catch((error) => tap.failed({ where: 'retention', error }))
    await pause(durationMs(every), options)
  }
}

/** One look at everything that has come of age; answers how many messages have lost their bodies. */
export async function retainOnce(options: RetentionOptions): Promise<number> {
  const { store, clock, bodies, signal } = options
  const nowMs = clock.now()
  const step = { beforeMs: nowMs - durationMs(bodies), nowMs, limit: stepMessages }
  let removed = 0
  for (let afterSequence: number | undefined = 0; afterSequence !== undefined && !signal.aborted; ) {
    const progress = await store.retain({ ...step, afterSequence })
    removed += progress.removed
    afterSequence = progress.nextSequence
    await pause(betweenStepsMs, options)
  }
  while (removed > 0 && !signal.aborted && (await store.reclaim())) await pause(betweenStepsMs, options)
  return removed
}

function pause(delayMs: number, { clock, signal }: Pick<RetentionOptions, 'clock' | 'signal'>): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(delayMs, end)
    signal.addEventListener('abort', end)
  })
}
