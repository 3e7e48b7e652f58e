/** One of the gateway's defences, as it stands in its source and as it would read without. */
export interface Defence {
  /** Path in the repository. */
  readonly file: string
  readonly written: string
  readonly without: string
  /** What the oracle must count when it is off. */
  readonly shows: 'lost' | 'secondEffects' | 'inversions' | 'unexpected' | 'stuck'
  /** Only at a portal that counts repeats, where an unknown outcome is held. */
  readonly progress?: 'hold'
  /** Only when the power is cut with every kill. */
  readonly needs?: 'power-loss'
}

/** Each of them switched off must turn the oracle red; the text is looked for, so that none can silently stop existing. */
export const defences: Readonly<Record<string, Defence>> = {
  /** Truth 1: the receipt leaves after the write. */
  'receipt-after-write': {
    file: 'gateway/store/sqlite-store.ts',
    written: "accept: (acceptances) => write('accept', acceptances.map(packed)),",
    without: `async accept(acceptances) {
      void write('accept', acceptances.map(packed)).catch(() => undefined)
      return acceptances.map(({ message, receipt }) => ({ kind: 'stored', messageId: message.id, receipt }))
    },`,
    shows: 'lost',
  },
  /** Truth 1: the write is synced. Only a power cut can tell. */
  synced: {
    file: 'gateway/store/sqlite-store.ts',
    written: "synchronous = 'FULL',",
    without: "synchronous = 'OFF',",
    shows: 'lost',
    needs: 'power-loss',
  },
  /** Truth 2: a repeat of a format without ids is recognised. */
  'repeats-recognised': {
    file: 'gateway/store/sqlite-writer.ts',
    written: 'if (run.slice(0, length).every((digest, index) => digest === end[index])) return length',
    without: 'if (end.length > run.length) return length',
    shows: 'unexpected',
  },
  /** Truth 3: later deliveries of a lane wait for its head. */
  'lanes-in-order': {
    file: 'gateway/store/sqlite-writer.ts',
    written: "this.#one('laneHead', system, subject) !== undefined)",
    without: "this.#one('laneHead', system, subject) === null)",
    shows: 'inversions',
  },
  /** Truth 6: what a dead process may have sent is not simply sent again. */
  'doubt-remembered': {
    file: 'gateway/store/sqlite-statements.ts',
    written: 'doubt_since_ms = COALESCE(doubt_since_ms, ?) WHERE id = ?',
    without: 'doubt_since_ms = CASE WHEN ? < 0 THEN 0 END WHERE id = ?',
    shows: 'secondEffects',
    progress: 'hold',
  },
  /** Truth 7: a successor takes back what a dead process had leased. */
  'leases-recovered': {
    file: 'gateway/bus/bus.ts',
    written: 'await store.recover((candidate) => candidate !== owner && isOwnerGone(candidate), clock.now())',
    without: '',
    shows: 'stuck',
  },
  /** The journal's chain names the entry before. */
  'journal-chained': {
    file: 'gateway/store/sqlite-writer.ts',
    written: 'previousHash: this.#head.hash,',
    without: 'previousHash: genesisHash,',
    shows: 'unexpected',
  },
}

/** The variable that names the defence the gateway is to do without. */
export const withoutVariable = 'CRASH_WITHOUT'
