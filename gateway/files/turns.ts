/** One piece of work at a time for each name. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    async take(name, work) {
      const before = last.get(name)
      const mine = (before ?? Promise.resolve()).then(work, work)
      const settled = mine.catch(() => undefined)
      last.set(name, settled)
      try {
        return await mine
      } finally {
        if (last.get(name) === settled) last.delete(name)
      }
    },
  }
}

export interface Turns {
  take<T>(name: string, work: () => Promise<T>): Promise<T>
}
