/** One statement of a sender that was accepted. */
export interface Sent {
  readonly code: string
  /** From 0, in the order in which the sender made its statements about this dossier. */
  readonly place: number
  readonly kind: 'record' | 'progress'
  /** Text that stands in this statement alone, and is found again at the portal. */
  readonly marker: string
  readonly messageId: string
  readonly receipt: string
}

/** Something the portal took over. */
export interface Effect {
  readonly code: string
  readonly kind: 'record' | 'progress'
  readonly marker: string
  /** For records: a new dossier, not another version of one. */
  readonly isCreate: boolean
}

/** A notice the one-window was handed, by its own id. */
export interface Notice {
  readonly id: string
  readonly messageId: string
  readonly state: string
}

export interface StoredMessage {
  readonly id: string
  readonly source: string
  readonly receipt: string
}

export interface StoredDelivery {
  readonly messageId: string
  readonly messageType: string
  readonly system: string
  readonly state: string
  readonly code?: string
}

/** Everything that is known once a run has come to rest. */
export interface Facts {
  readonly sent: readonly Sent[]
  /** In order of arrival. */
  readonly effects: readonly Effect[]
  readonly notices: readonly Notice[]
  readonly messages: readonly StoredMessage[]
  readonly deliveries: readonly StoredDelivery[]
  /** The store has messages no longer whole: acknowledged ones count as lost, and nothing else is asked of it. */
  readonly brokenChains: number
  /** What senders, partners and the gateway's own end had to say that nobody expected. */
  readonly surprises: readonly string[]
  /** Whether a portal that counts repeats makes held progress entries a right end. */
  readonly mayHold: boolean
}

/** What came of a run; every list says in words what was counted. */
export interface Verdict {
  readonly accepted: number
  readonly delivered: number
  readonly held: number
  readonly lost: readonly string[]
  readonly secondEffects: readonly string[]
  readonly inversions: readonly string[]
  readonly unexpected: readonly string[]
  readonly stuck: readonly string[]
}

/** Holds what was promised against what is there (design, "What must always be true"). Pure. */
export function judge(facts: Facts): Verdict {
  const deliveries = Map.groupBy(facts.deliveries, ({ messageId }) => messageId)
  const effects = Map.groupBy(facts.effects, ({ marker }) => marker)
  const notices = Map.groupBy(facts.notices, ({ messageId, state }) => `${messageId} ${state}`)
  const stored = new Map(facts.messages.map((message) => [message.id, message]))
  const atPortal = (sent: Sent) => (deliveries.get(sent.messageId) ?? []).find(({ system }) => system === portal)
  const isBehindHeld = heldLanes(facts, atPortal)

  const lost: string[] = []
  const unexpected = [...facts.surprises]
  const stuck: string[] = []
  const secondEffects: string[] = []
  if (facts.brokenChains > 0) unexpected.push(`${facts.brokenChains} chains of the journal are broken`)

  for (const sent of facts.sent) {
    const message = stored.get(sent.messageId)
    const delivery = atPortal(sent)
    if (!message || !delivery) {
      lost.push(`${sent.marker}: a receipt was given, and the store has no ${message ? 'delivery' : 'message'}`)
      continue
    }
    if (message.receipt !== sent.receipt) unexpected.push(`${sent.marker}: another receipt is stored than was given`)
    if (delivery.state === 'delivered') {
      if (!effects.has(sent.marker)) lost.push(`${sent.marker}: delivered, and not at the portal`)
      const told = notices.get(`${sent.messageId} delivered`) ?? []
      if (told.length === 0) lost.push(`${sent.marker}: nobody was told of its delivery`)
      if (told.length > 1) secondEffects.push(`${sent.marker}: its delivery was told ${told.length} times`)
    } else if (isOpen(delivery)) {
      if (!isBehindHeld(sent, delivery)) stuck.push(`${sent.marker}: ${delivery.state} ${delivery.code ?? ''}`)
    } else unexpected.push(`${sent.marker}: ended ${delivery.state} ${delivery.code ?? ''}`)
  }

  const known = new Set(facts.sent.map(({ messageId }) => messageId))
  for (const { id, source } of facts.messages) {
    if (source !== 'gateway' && !known.has(id)) unexpected.push(`${id}: stored, and no sender has its receipt`)
  }
  for (const delivery of facts.deliveries) {
    if (!states.has(delivery.state)) unexpected.push(`${delivery.messageId}: in the state ${delivery.state}`)
    if (known.has(delivery.messageId) || delivery.state === 'delivered') continue
    stuck.push(`${delivery.messageType} to ${delivery.system}: ${delivery.state} ${delivery.code ?? ''}`)
  }
  const { inversions, repeated, strange } = followEffects(facts)
  return {
    accepted: facts.sent.length,
    delivered: facts.sent.filter((sent) => atPortal(sent)?.state === 'delivered').length,
    held: facts.sent.filter((sent) => atPortal(sent)?.state === 'held').length,
    lost,
    secondEffects: [...secondEffects, ...repeated],
    inversions,
    unexpected: [...unexpected, ...strange],
    stuck,
  }
}

/** The line a run ends with. */
export function verdictLine(kills: number, verdict: Verdict): string {
  const { accepted, delivered, lost, secondEffects, inversions, unexpected, stuck } = verdict
  return [
    `kills ${kills}, accepted ${accepted}, delivered ${delivered}, lost ${lost.length}`,
    `second effects ${secondEffects.length}, inversions ${inversions.length}`,
    `unexpected ${unexpected.length}, stuck ${stuck.length}`,
  ].join(', ')
}

/** Whether everything was as promised. */
export function isInnocent({ lost, secondEffects, inversions, unexpected, stuck }: Verdict): boolean {
  return [lost, secondEffects, inversions, unexpected, stuck].every((list) => list.length === 0)
}

const portal = 'national-portal'
const states = new Set(['waiting', 'leased', 'blocked', 'held', 'delivered', 'dead', 'expired', 'discarded'])
const isOpen = ({ state }: StoredDelivery) => ['waiting', 'leased', 'blocked', 'held'].includes(state)

/** Where a repeat would count twice, an unknown outcome is held for a person, and what follows waits behind it. */
function heldLanes({ sent, mayHold }: Facts, atPortal: (sent: Sent) => StoredDelivery | undefined) {
  const isHeldInDoubt = (one: Sent) => {
    const delivery = atPortal(one)
    return one.kind === 'progress' && delivery?.state === 'held' && delivery.code === 'outcome-unknown'
  }
  const firstHeld = new Map<string, number>()
  for (const one of mayHold ? sent.filter(isHeldInDoubt) : []) {
    firstHeld.set(one.code, Math.min(one.place, firstHeld.get(one.code) ?? Number.POSITIVE_INFINITY))
  }
  return ({ code, place }: Sent, { state }: StoredDelivery) => {
    const held = firstHeld.get(code) ?? Number.POSITIVE_INFINITY
    return state === 'held' ? place === held : state === 'blocked' && place > held
  }
}

/** What the portal was made to do, dossier by dossier, against the order in which it was said. */
function followEffects({ sent, effects }: Facts) {
  const said = new Map(sent.map((one) => [one.marker, one]))
  const inversions: string[] = []
  const repeated: string[] = []
  const strange: string[] = []
  for (const [code, history] of Map.groupBy(effects, (effect) => effect.code)) {
    const seen = new Set<string>()
    let furthest = -1
    let last: string | undefined
    for (const { marker, kind, isCreate } of history) {
      const one = said.get(marker)
      if (!one || one.code !== code || one.kind !== kind) {
        strange.push(`${code}: the portal holds "${marker}", which nobody has a receipt for`)
        continue
      }
      // An update that comes twice in a row leaves what it left the first time; a create and an entry do not.
      const isOverwrite = kind === 'record' && !isCreate && marker === last
      if (seen.has(marker)) {
        if (!isOverwrite) repeated.push(`${marker}: took effect again`)
      } else if (one.place < furthest) inversions.push(`${marker}: arrived after a later one of its dossier`)
      seen.add(marker)
      furthest = Math.max(furthest, one.place)
      last = marker
    }
  }
  return { inversions, repeated, strange }
}
