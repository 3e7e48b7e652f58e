/** What the gateway tells of a dossier (`GET /dossiers/{code}`), as far as the demonstration reads it. */
export interface Ledger {
  readonly systems: readonly {
    readonly system: string
    readonly state: string
    readonly delivered: number
    readonly open: number
  }[]
  readonly messages: readonly LedgerMessage[]
}

export interface LedgerMessage {
  readonly id: string
  readonly type: string
  readonly source: string
  readonly deliveries: readonly {
    readonly system: string
    readonly state: string
    readonly attempts: readonly { readonly outcome: string }[]
    readonly reason?: {
      readonly code: string
      readonly sentence: string
      readonly vietnamese: string
      readonly field?: string
      readonly rule?: string
    }
  }[]
}

/** Reads the answer. Throws when it is not a ledger. */
export function readLedger(text: string): Ledger {
  const document: unknown = JSON.parse(text)
  if (typeof document !== 'object' || document === null) throw new Error('a ledger is an object')
  if (!Array.isArray(Reflect.get(document, 'messages')) || !Array.isArray(Reflect.get(document, 'systems'))) {
    throw new Error('a ledger has "systems" and "messages"')
  }
  return document as Ledger // /openapi.json describes the rest
}

/** Whether some delivery is still under way; a held one and what waits behind it are a person's. */
export function isUnderWay({ messages }: Ledger): boolean {
  const states = messages.flatMap(({ deliveries }) => deliveries.map(({ state }) => state))
  return states.some((state) => state === 'waiting' || state === 'leased')
}
