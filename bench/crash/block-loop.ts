// Loaded into the gateway's process by `--import`: SIGUSR2 keeps its event loop busy, as a computation would.
import { isMainThread } from 'node:worker_threads'

/** How long one signal blocks the loop. */
export const blockMs = 4_000

if (isMainThread) {
  process.on('SIGUSR2', () => {
    const endsAt = performance.now() + blockMs
    while (performance.now() < endsAt);
  })
}
