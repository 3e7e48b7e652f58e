import { asGatewayError, GatewayError } from '../bus/errors.ts'

/** At most so many at a time for each name, in order of asking. */
export function createSlots(count: number): Slots {
  const taken = new Map<string, { inUse: number; readonly waiting: (() => void)[] }>()
  const release = (name: string) => {
    const line = taken.get(name)
    const next = line?.waiting.shift()
    if (line === undefined || next !== undefined) return next?.()
    line.inUse -= 1
    if (line.inUse === 0) taken.delete(name)
  }
  return {
    async take(name, signal) {
      const line = taken.get(name) ?? { inUse: 0, waiting: [] }
      taken.set(name, line)
      if (line.inUse < count) {
        line.inUse += 1
        return () => release(name)
      }
      await new Promise<void>((resolve, reject) => {
        const start = () => {
          signal.removeEventListener('abort', stop)
          resolve()
        }
        const stop = () => {
          const place = line.waiting.indexOf(start)
          if (place !== -1) line.waiting.splice(place, 1)
          const cause = asGatewayError(signal.reason)
          reject(new GatewayError('file-unavailable', { detail: 'Too many files are ahead of it.', cause }))
        }
        if (signal.aborted) return stop()
        line.waiting.push(start)
        signal.addEventListener('abort', stop, { once: true })
      })
      return () => release(name)
    },
  }
}

export interface Slots {
  /** Resolves with what gives the place back; rejects with `file-unavailable` when the signal comes first. */
  take(name: string, signal: AbortSignal): Promise<() => void>
}
