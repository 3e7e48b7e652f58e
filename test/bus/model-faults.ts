import type { Fault, Subject } from './model-play.ts'

/** Mistakes that a store or the settlement could make; the property must fail on each. */
export const faults: readonly Fault[] = [
  {
    name: 'claims ignore blocked',
    plant: ({ store, decide }, sql) => ({
      decide,
      store: {
        ...store,
        claim(request) {
          const unblock = `UPDATE deliveries SET state = 'waiting', due_at_ms = ? WHERE state = 'blocked' AND system = ?`
          sql.prepare(unblock).run(request.nowMs, request.system)
          return store.claim(request)
        },
      },
    }),
  },
  {
    name: 'settlements are not fenced',
    plant: ({ store, decide }, sql) => ({
      decide,
      store: {
        ...store,
        settle(settlement) {
          const row = sql.prepare('SELECT lease FROM deliveries WHERE id = ?').get(settlement.deliveryId)
          return store.settle({ ...settlement, lease: Number(row?.lease) })
        },
      },
    }),
  },
  {
    name: 'a crash leaves no doubt behind',
    plant: ({ store, decide }, sql) => ({
      decide,
      store: {
        ...store,
        recover(owners, nowMs) {
          sql.exec(`UPDATE deliveries SET doubt_since_ms = NULL WHERE state = 'leased'`)
          return store.recover(owners, nowMs)
        },
      },
    }),
  },
  {
    name: 'a repeat gets a new receipt',
    plant: ({ store, decide }) => ({
      decide,
      store: {
        ...store,
        accept: (acceptances) =>
          store.accept(acceptances).map((answer, index) => {
            const receipt = acceptances[index]?.receipt ?? ''
            return answer.kind === 'duplicate' ? { ...answer, receipt } : answer
          }),
      },
    }),
  },
  {
    name: 'a dead delivery lets its lane pass',
    plant: (subject) =>
      deciding(subject, (answer) =>
        answer.next.state === 'dead' ? { ...answer, next: { ...answer.next, holdsLane: false } } : answer,
      ),
  },
  {
    name: 'what may have arrived is given up as dead',
    plant: (subject) =>
      deciding(subject, (answer) => {
        const isDoubtful = answer.next.state === 'held' && answer.next.doubtSinceMs !== undefined
        return isDoubtful ? { ...answer, next: { state: 'dead', reason: answer.next.reason, holdsLane: true } } : answer
      }),
  },
  {
    name: 'an ambiguous attempt is simply sent again',
    plant: (subject) =>
      deciding(subject, (answer) => {
        if (answer.next.state !== 'waiting') return answer
        const { doubtSinceMs, ...next } = answer.next
        return { ...answer, next }
      }),
  },
  {
    name: 'what is held forgets that it may have arrived',
    plant: (subject) =>
      deciding(subject, (answer) => {
        if (answer.next.state !== 'held') return answer
        const { doubtSinceMs, ...next } = answer.next
        return { ...answer, next }
      }),
  },
  {
    name: 'every replay goes ahead although others have overtaken it',
    plant: ({ store, decide }) => ({
      decide,
      store: { ...store, intervene: (asked) => store.intervene({ ...asked, isOverride: true }) },
    }),
  },
  {
    name: 'two people act on one delivery and neither is told',
    plant: ({ store, decide }) => ({
      decide,
      store: { ...store, intervene: ({ revision, ...asked }) => store.intervene(asked) },
    }),
  },
  {
    name: 'an attempt is forgotten',
    plant: ({ store, decide }, sql) => ({
      decide,
      store: {
        ...store,
        settle(settlement) {
          const settled = store.settle(settlement)
          sql.exec('DELETE FROM attempts WHERE number = 3')
          return settled
        },
      },
    }),
  },
  {
    name: 'the journal loses an entry',
    plant: ({ store, decide }, sql) => ({
      decide,
      store: {
        ...store,
        releaseWaiting(facts, nowMs) {
          sql.exec('DELETE FROM journal WHERE position = 2')
          return store.releaseWaiting(facts, nowMs)
        },
      },
    }),
  },
]

function deciding(
  { store, decide }: Subject,
  change: (answer: ReturnType<Subject['decide']>) => ReturnType<Subject['decide']>,
): Subject {
  return { store, decide: (question) => change(decide(question)) }
}
