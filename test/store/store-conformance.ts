import type { Test } from 'tap'
import type { Reason } from '../../gateway/bus/delivery-state.ts'
import type { Intervention } from '../../gateway/bus/intervention.ts'
import { verifyChain } from '../../gateway/bus/journal.ts'
import type { ProcessChange } from '../../gateway/bus/process.ts'
import type { ClaimedDelivery, ClaimRequest, NextState, Store } from '../../gateway/bus/store.ts'
import { sampleAcceptance, sampleSettlement } from './sample.ts'

const claimOf = (more: Partial<ClaimRequest> = {}): ClaimRequest => ({
  system: 'national-portal',
  limit: 100,
  owner: 'this-host/boot/1/1',
  nowMs: 1_000,
  leaseMs: 30_000,
  stoppedMs: 0,
  ...more,
})

const reason: Reason = { code: 'value-missing', cause: 'contract', field: 'ChuHoSo', rule: 'required' }

const changeOf = ({ version = 1, ...more }: Partial<ProcessChange> = {}): ProcessChange => ({
  process: 'waiting',
  version,
  status: 'running',
  ...(more.status === 'ended' ? {} : { state: { step: version } }),
  timers: {},
  ...more,
})

async function claimOne(store: Store, request = claimOf()): Promise<ClaimedDelivery> {
  const [claimed] = (await store.claim(request)).deliveries
  if (!claimed) throw new Error('nothing was claimed')
  return claimed
}

/** What any store must promise, whatever it is built on; `open` gives a fresh, empty one. */
export function storeConformance(t: Test, open: (t: Test) => Promise<Store>): void {
  t.test('an accepted message can be read back with its receipt and deliveries', async (t) => {
    const store = await open(t)
    const acceptance = sampleAcceptance({ systems: ['national-portal', 'land'] })
    t.same(await store.accept([acceptance]), [
      { kind: 'stored', messageId: acceptance.message.id, receipt: acceptance.receipt },
    ])
    const view = await store.message(acceptance.message.id)
    t.same(view?.message, acceptance.message)
    t.equal(view?.receipt, acceptance.receipt)
    t.same(view?.deliveries.map(({ system, state }) => [system, state]).sort(), [
      ['land', 'waiting'],
      ['national-portal', 'waiting'],
    ])
  })

  t.test('the same key again gets the stored receipt, byte for byte, and stores nothing', async (t) => {
    const store = await open(t)
    const first = sampleAcceptance({ subject: 'D1', idempotency: { kind: 'key', key: 'k1' } })
    await store.accept([first])
    const repeat = sampleAcceptance({ subject: 'D1', idempotency: { kind: 'key', key: 'k1' } })
    t.same(await store.accept([repeat]), [{ kind: 'duplicate', messageId: first.message.id, receipt: first.receipt }])
    t.equal((await store.dossier('D1'))?.messages.length, 1)
  })

  t.test('the same key with other content is a conflict that changes nothing but the journal', async (t) => {
    const store = await open(t)
    const first = sampleAcceptance({ subject: 'D1', idempotency: { kind: 'key', key: 'k1' } })
    await store.accept([first])
    const other = sampleAcceptance({
      subject: 'D1',
      body: { dossierCode: 'D1', note: 'x' },
      idempotency: { kind: 'key', key: 'k1' },
    })
    t.same(await store.accept([other]), [{ kind: 'conflict', messageId: first.message.id }])
    t.equal((await store.dossier('D1'))?.messages.length, 1)
    t.same(
      (await store.journal(undefined, 10)).map(({ kind }) => kind),
      ['accepted', 'key-conflict'],
    )
  })

  t.test('the same key of another sender is another message', async (t) => {
    const store = await open(t)
    const idempotency = { kind: 'key', key: 'k1' } as const
    await store.accept([sampleAcceptance({ idempotency })])
    const [result] = await store.accept([sampleAcceptance({ idempotency, source: 'land' })])
    t.equal(result?.kind, 'stored')
  })

  t.test('what one system has signed is refused from every other for as long as it could be said again', async (t) => {
    const store = await open(t)
    const statement = { digest: 'sha-256:aa', untilMs: 421_000 }
    const said = (source: string, key: string, nowMs = 1_000) =>
      sampleAcceptance({ subject: 'D1', source, idempotency: { kind: 'key', key }, statement, nowMs })
    const first = said('one-window', 'k1')
    const stored = { messageId: first.message.id, receipt: first.receipt }
    t.same(await store.accept([first]), [{ kind: 'stored', ...stored }])
    const refused = { kind: 'conflict', messageId: first.message.id, isReplay: true }
    t.same(await store.accept([said('land', 'k1')]), [refused], 'under the same id')
    t.same(await store.accept([said('land', 'k2', 420_999)]), [refused], 'or another, to the last moment')
    t.same(
      await store.accept([said('one-window', 'k1')]),
      [{ kind: 'duplicate', ...stored }],
      'its speaker gets its receipt',
    )
    t.equal((await store.dossier('D1'))?.messages.length, 1)
    t.same(
      (await store.journal(undefined, 10)).map(({ kind }) => kind),
      ['accepted', 'replay-refused', 'replay-refused'],
    )
    t.match(
      await store.accept([said('land', 'k1', 421_000)]),
      [{ kind: 'stored' }],
      'after that time itself refuses it',
    )
  })

  t.test('two systems that sign the same at the same time are one message', async (t) => {
    const store = await open(t)
    const statement = { digest: 'sha-256:bb', untilMs: 421_000 }
    const results = await Promise.all(
      ['one-window', 'land', 'tax'].map((source) =>
        store.accept([sampleAcceptance({ subject: 'D1', source, idempotency: { kind: 'key', key: 'k' }, statement })]),
      ),
    )
    t.same(
      results.flat().map(({ kind }) => kind),
      ['stored', 'conflict', 'conflict'],
    )
  })

  t.test('without ids, only what equals the latest accepted one is a repeat', async (t) => {
    const store = await open(t)
    const entry = (digest: string) =>
      sampleAcceptance({ subject: 'D1', idempotency: { kind: 'latest', scope: 'progress:D1', digest } })
    const kinds = async (...digests: string[]) => (await store.accept(digests.map(entry))).map(({ kind }) => kind)
    t.same(await kinds('processing'), ['stored'])
    t.same(await kinds('processing'), ['duplicate'])
    t.same(await kinds('supplement'), ['stored'])
    t.same(await kinds('processing'), ['stored'], 'the status came back: a new statement')
  })

  t.test('without ids, a repeated run adds nothing and a longer one adds its end', async (t) => {
    const store = await open(t)
    const entry = (digest: string) =>
      sampleAcceptance({ subject: 'D1', idempotency: { kind: 'latest', scope: 'progress:D1', digest } })
    const kinds = async (...digests: string[]) => (await store.accept(digests.map(entry))).map(({ kind }) => kind)
    t.same(await kinds('a', 'b', 'a'), ['stored', 'stored', 'stored'])
    t.same(await kinds('a', 'b', 'a'), ['duplicate', 'duplicate', 'duplicate'])
    t.same(await kinds('a', 'b', 'a', 'c'), ['duplicate', 'duplicate', 'duplicate', 'stored'])
  })

  t.test('several codes of one dossier resolve to one subject and one lane', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance({ subject: 'PORTAL-1' })])
    await store.accept([sampleAcceptance({ subject: 'LOCAL-1', sameAs: ['PORTAL-1'] })])
    const ledger = await store.dossier('LOCAL-1')
    t.equal(ledger?.subject, 'PORTAL-1')
    t.equal(ledger?.messages.length, 2)
    t.equal((await store.claim(claimOf())).deliveries.length, 1, 'the second waits behind the first')
  })

  t.test('a receipt number finds its newest dossier and never joins two', async (t) => {
    const store = await open(t)
    const aliases = ['receipt-number:U:7']
    await store.accept([sampleAcceptance({ subject: 'D1', aliases })])
    t.equal((await store.dossier('receipt-number:U:7'))?.subject, 'D1')
    await store.accept([sampleAcceptance({ subject: 'D2', aliases })])
    t.equal((await store.dossier('receipt-number:U:7'))?.subject, 'D2')
    t.equal((await store.claim(claimOf())).deliveries.length, 2, 'each has its own lane')
  })

  t.test('only the head of a lane is claimed, and its successor after it settled', async (t) => {
    const store = await open(t)
    const [first, second] = [sampleAcceptance({ subject: 'D1' }), sampleAcceptance({ subject: 'D1' })]
    await store.accept([first, second, sampleAcceptance({ subject: 'D2' })])
    const claimed = await store.claim(claimOf())
    t.same(claimed.deliveries.map(({ message }) => message.subject).sort(), ['D1', 'D2'])
    const head = claimed.deliveries.find(({ message }) => message.subject === 'D1')
    t.equal(head?.message.id, first.message.id)
    t.same((await store.claim(claimOf())).deliveries, [], 'nothing is claimed twice')
    const settled = head && (await store.settle(sampleSettlement(head, { state: 'delivered' })))
    t.match(settled, { kind: 'settled', hasSuccessor: true })
    const next = await store.claim(claimOf({ nowMs: 2_000 }))
    t.equal(next.deliveries[0]?.message.id, second.message.id)
  })

  t.test('a held delivery blocks its own lane and no other', async (t) => {
    const store = await open(t)
    await store.accept(['D1', 'D1', 'D2', 'D2'].map((subject) => sampleAcceptance({ subject })))
    for (const claimed of (await store.claim(claimOf())).deliveries) {
      const isBad = claimed.message.subject === 'D1'
      await store.settle(sampleSettlement(claimed, isBad ? { state: 'held', reason } : { state: 'delivered' }))
    }
    const next = await store.claim(claimOf({ nowMs: 3_000 }))
    t.same(
      next.deliveries.map(({ message }) => message.subject),
      ['D2'],
    )
    const states = (await store.dossier('D1'))?.messages.flatMap(({ deliveries }) => deliveries)
    t.same(
      states?.map(({ state }) => state),
      ['held', 'blocked'],
    )
    t.same(states?.[0]?.reason, reason)
  })

  t.test('what a clock put off that was since set back is brought forward by as much', async (t) => {
    const store = await open(t)
    const hourMs = 3_600_000
    for (const subject of ['D1', 'D2', 'D3']) await store.accept([sampleAcceptance({ subject, nowMs: hourMs + 1_000 })])
    for (const claimed of (await store.claim(claimOf({ nowMs: hourMs + 1_000 }))).deliveries.slice(0, 2)) {
      const afterMs = claimed.message.subject === 'D1' ? 500 : 60_000
      const next = { state: 'waiting', dueAtMs: hourMs + 1_000 + afterMs, reason } as const
      await store.settle(sampleSettlement(claimed, next, { nowMs: hourMs + 1_000 }))
    }
    t.same((await store.claim(claimOf({ nowMs: 2_000 }))).deliveries, [], 'an hour away')
    const { deliveries, nextDueAtMs } = await store.claim(claimOf({ nowMs: 2_000, setBackMs: hourMs }))
    t.same(
      deliveries.map(({ message }) => message.subject),
      ['D1'],
    )
    t.equal(nextDueAtMs, 61_000)
  })

  t.test('a dead delivery holds its lane or lets it pass, as its route decides', async (t) => {
    const store = await open(t)
    await store.accept(['D1', 'D1', 'D2', 'D2'].map((subject) => sampleAcceptance({ subject })))
    for (const claimed of (await store.claim(claimOf())).deliveries) {
      const holdsLane = claimed.message.subject === 'D1'
      await store.settle(sampleSettlement(claimed, { state: 'dead', reason, holdsLane }))
    }
    const next = await store.claim(claimOf({ nowMs: 3_000 }))
    t.same(
      next.deliveries.map(({ message }) => message.subject),
      ['D2'],
    )
  })

  t.test('a waiting delivery is claimed when it is due, not before', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance()])
    const claimed = await claimOne(store)
    const code = { code: 'partner-busy', cause: 'http' } as const
    await store.settle(sampleSettlement(claimed, { state: 'waiting', dueAtMs: 60_000, reason: code }))
    const early = await store.claim(claimOf({ nowMs: 59_999 }))
    t.same(early, { deliveries: [], nextDueAtMs: 60_000 })
    const again = await claimOne(store, claimOf({ nowMs: 60_000 }))
    t.equal(again?.attemptNumber, 2)
    t.equal(again?.firstAttemptAtMs, 1_000)
    t.equal(again?.doubtSinceMs, undefined, 'it surely was not sent')
  })

  t.test(
    'a lease that ran out is claimed by another, with the doubt it leaves, and its late settlement is fenced',
    async (t) => {
      const store = await open(t)
      await store.accept([sampleAcceptance()])
      const lost = await claimOne(store)
      const other = claimOf({ owner: 'other-host/boot/2/2', nowMs: 31_001 })
      const taken = await claimOne(store, other)
      t.equal(taken.deliveryId, lost.deliveryId)
      t.equal(taken.doubtSinceMs, 1_000)
      t.same(await store.settle(sampleSettlement(lost, { state: 'delivered' })), { kind: 'fenced' })
      t.match(await store.settle(sampleSettlement(taken, { state: 'delivered' })), { kind: 'settled' })
      const view = await store.message(lost.message.id)
      t.same(
        view?.deliveries[0]?.attempts.map(({ outcome }) => outcome),
        ['ambiguous', 'delivered'],
      )
    },
  )

  t.test('a process keeps its own leases however the wall clock jumps', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance()])
    await store.claim(claimOf())
    t.same((await store.claim(claimOf({ nowMs: 3_600_000 }))).deliveries, [])
  })

  t.test('the leases of a process that is gone are freed at once', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance()])
    await store.claim(claimOf())
    t.equal(await store.recover(() => false, 1_500), 0)
    t.equal(await store.recover((owner) => owner === 'this-host/boot/1/1', 1_500), 1)
    const again = await claimOne(store, claimOf({ owner: 'successor', nowMs: 1_500 }))
    t.equal(again?.doubtSinceMs, 1_000)
  })

  t.test('concurrent claimers never get the same delivery', async (t) => {
    const store = await open(t)
    await store.accept(Array.from({ length: 60 }, () => sampleAcceptance()))
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, index) => store.claim(claimOf({ owner: `owner-${index}`, limit: 7 }))),
    )
    const ids = claims.flatMap(({ deliveries }) => deliveries.map(({ deliveryId }) => deliveryId))
    t.equal(ids.length, 60)
    t.equal(new Set(ids).size, 60)
  })

  t.test('replies are accepted in the write that settles, and not when the lease was lost', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance({ subject: 'D1' })])
    const claimed = await claimOne(store)
    const reply = sampleAcceptance({ subject: 'D1', source: 'national-portal', systems: ['one-window'] })
    const fenced = await store.settle({
      ...sampleSettlement(claimed, { state: 'delivered' }),
      lease: 99,
      replies: [reply],
    })
    t.same(fenced, { kind: 'fenced' })
    t.equal(await store.message(reply.message.id), undefined)
    const settled = await store.settle(sampleSettlement(claimed, { state: 'delivered' }, { replies: [reply] }))
    t.match(settled, { replies: [{ kind: 'stored', messageId: reply.message.id }] })
    t.equal((await store.message(reply.message.id))?.deliveries[0]?.state, 'waiting')
  })

  t.test('what a system told us about a dossier stays with the lane', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance({ subject: 'D1' }), sampleAcceptance({ subject: 'D1' })])
    const first = await claimOne(store)
    t.same(first.memory, {})
    await store.settle(sampleSettlement(first, { state: 'delivered' }, { memory: { exists: true } }))
    const second = await claimOne(store, claimOf({ nowMs: 3_000 }))
    t.same(second?.memory, { exists: true })
  })

  t.test('a hold that waits for a fact ends when the fact becomes known', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance()])
    const claimed = await claimOne(store)
    await store.settle(sampleSettlement(claimed, { state: 'held', reason: { ...reason, waitsFor: 'procedure:1.1' } }))
    t.same(await store.releaseWaiting(['procedure:9.9'], 5_000), { count: 0, systems: [] })
    t.same(await store.releaseWaiting(['procedure:1.1'], 5_000), { count: 1, systems: ['national-portal'] })
    t.equal((await store.claim(claimOf({ nowMs: 5_000 }))).deliveries.length, 1)
  })

  t.test('earlier messages that a system has taken are told apart from those it has not', async (t) => {
    const store = await open(t)
    await store.accept(
      ['dossier.received.v1', 'dossier.progressed.v1', 'result.issued.v1'].map((type) =>
        sampleAcceptance({ subject: 'D1', type }),
      ),
    )
    const first = await claimOne(store)
    t.same(await store.earlier('national-portal', 'D1', ['dossier.received.v1'], 99), [])
    await store.settle(sampleSettlement(first, { state: 'delivered' }))
    const earlier = await store.earlier('national-portal', 'D1', ['dossier.received.v1', 'result.issued.v1'], 3)
    t.same(
      earlier.map(({ id }) => id),
      [first.message.id],
    )
  })

  t.test('a delivery born dead blocks nothing and says why', async (t) => {
    const store = await open(t)
    const orphan = sampleAcceptance()
    const deadReason = { code: 'no-receiver', cause: 'routing' } as const
    await store.accept([{ ...orphan, deliveries: [{ id: 'x1', system: 'none', route: 'none', deadReason }] }])
    t.match((await store.message(orphan.message.id))?.deliveries[0], { state: 'dead', reason: deadReason })
  })

  t.test('everything that happened stands in one unbroken chain', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance(), sampleAcceptance()])
    for (const claimed of (await store.claim(claimOf())).deliveries) {
      await store.settle(sampleSettlement(claimed, { state: 'delivered' }))
    }
    await store.refuse({
      atMs: 5,
      door: 'one-window:drop-in',
      remote: '127.0.0.1',
      code: 'credential-refused',
      correlationId: 'c',
      count: 1,
    })
    const entries = await store.journal(undefined, 100)
    t.same(
      entries.map(({ kind }) => kind),
      ['accepted', 'accepted', 'attempted', 'attempted', 'refused'],
    )
    t.same(verifyChain(entries), [])
    const tampered = entries.map((entry) => (entry.position === 2 ? { ...entry, entry: '{}' } : entry))
    t.match(verifyChain(tampered), [{ position: 2, why: 'hash' }])
    t.match(verifyChain(entries.filter(({ position }) => position !== 3)), [{ position: 4, why: 'gap' }])
  })

  t.test('a person holds, releases, discards, expires and replays, and nothing else is possible', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance({ subject: 'D1' }), sampleAcceptance({ subject: 'D1' })])
    const [first, second] = (await store.dossier('D1'))?.messages.flatMap(({ deliveries }) => deliveries) ?? []
    if (!first || !second) throw new Error('no deliveries')
    const act = async (kind: Intervention['kind'], deliveryId: string) => {
      const result = await store.intervene({ kind, deliveryId, actor: 'op', note: 'because', nowMs: 5_000 })
      return result.kind === 'refused' ? result.why : result.kind === 'done' ? result.state : result.kind
    }
    const state = async (id: string) => (await store.delivery(id))?.state
    t.equal(await act('release', first.id), 'impossible', 'it is not held')
    t.equal(await act('hold', first.id), 'held')
    t.equal(await act('hold', first.id), 'impossible', 'it is held already')
    t.equal(await state(second.id), 'blocked')
    t.equal(await act('release', first.id), 'waiting')
    t.equal(await act('replay', first.id), 'impossible')
    t.equal(await act('discard', first.id), 'discarded')
    t.equal(await state(second.id), 'waiting', 'its successor goes on')
    t.equal(await act('replay', first.id), 'waiting', 'at its old place')
    t.equal(await state(second.id), 'blocked', 'behind it again')
    t.equal(await act('expire', second.id), 'expired')
    t.equal(await act('hold', second.id), 'impossible')
    t.equal(await act('hold', 'no-such-delivery'), 'unknown')
    const records = await store.interventions(first.id, 10)
    t.same(records.map(({ kind, actor, note }) => [kind, actor, note]).reverse(), [
      ['hold', 'op', 'because'],
      ['release', 'op', 'because'],
      ['discard', 'op', 'because'],
      ['replay', 'op', 'because'],
    ])
    t.same(verifyChain(await store.journal(undefined, 100)), [])
  })

  t.test('a delivery that is being tried belongs to its process, not to a person', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance()])
    const claimed = await claimOne(store)
    const act = { deliveryId: claimed.deliveryId, actor: 'op', note: 'because', nowMs: 5_000 }
    t.match(await store.intervene({ ...act, kind: 'discard' }), { kind: 'refused', why: 'impossible', state: 'leased' })
    t.match(await store.settle(sampleSettlement(claimed, { state: 'delivered' })), { kind: 'settled' })
  })

  t.test('of two people acting on what they saw, the second is told', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance({ subject: 'D1' })])
    const seen = (await store.dossier('D1'))?.messages[0]?.deliveries[0]
    if (!seen) throw new Error('no delivery')
    const act = { deliveryId: seen.id, note: 'because', nowMs: 5_000, revision: seen.revision }
    t.match(await store.intervene({ ...act, kind: 'hold', actor: 'one' }), { kind: 'done', state: 'held' })
    t.match(await store.intervene({ ...act, kind: 'discard', actor: 'two' }), { kind: 'refused', why: 'changed' })
    t.equal((await store.delivery(seen.id))?.state, 'held')
  })

  t.test('a replay that later deliveries have overtaken needs an override', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance({ subject: 'D1' }), sampleAcceptance({ subject: 'D1' })])
    const first = await claimOne(store)
    await store.settle(sampleSettlement(first, { state: 'dead', reason, holdsLane: false }))
    t.same(await store.countSelection('replay', { state: 'dead' }), { total: 1, overtaken: 0 })
    const second = await claimOne(store, claimOf({ nowMs: 3_000 }))
    await store.settle(sampleSettlement(second, { state: 'delivered' }))
    t.same(await store.countSelection('replay', { state: 'dead' }), { total: 1, overtaken: 1 })
    const act = { kind: 'replay', deliveryId: first.deliveryId, actor: 'op', note: 'because', nowMs: 5_000 } as const
    t.match(await store.intervene(act), { kind: 'refused', why: 'overtaken', state: 'dead' })
    t.match(await store.intervene({ ...act, isOverride: true }), { kind: 'done', state: 'waiting' })
  })

  t.test('a delivery replayed while its successor is being tried waits for it', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance({ subject: 'D1' }), sampleAcceptance({ subject: 'D1' })])
    const first = await claimOne(store)
    await store.settle(sampleSettlement(first, { state: 'dead', reason, holdsLane: false }))
    const second = await claimOne(store, claimOf({ nowMs: 3_000 }))
    const act = { kind: 'replay', deliveryId: first.deliveryId, actor: 'op', note: 'because', nowMs: 5_000 } as const
    t.match(await store.intervene({ ...act, isOverride: true }), { kind: 'done', state: 'blocked' })
    t.same((await store.claim(claimOf({ nowMs: 6_000 }))).deliveries, [])
    await store.settle(sampleSettlement(second, { state: 'delivered' }, { nowMs: 7_000 }))
    t.equal((await claimOne(store, claimOf({ nowMs: 8_000 }))).deliveryId, first.deliveryId)
  })

  t.test('a delivery replayed while its successor is being tried goes before the successor’s next try', async (t) => {
    for (const isOwnerGone of [false, true]) {
      const store = await open(t)
      await store.accept([sampleAcceptance({ subject: 'D1' }), sampleAcceptance({ subject: 'D1' })])
      const first = await claimOne(store)
      await store.settle(sampleSettlement(first, { state: 'dead', reason, holdsLane: false }))
      const second = await claimOne(store, claimOf({ nowMs: 3_000 }))
      const act = { kind: 'replay', deliveryId: first.deliveryId, actor: 'op', note: 'because', nowMs: 5_000 } as const
      await store.intervene({ ...act, isOverride: true })
      if (isOwnerGone) t.equal(await store.recover(() => true, 6_000), 1)
      else {
        const waiting = { state: 'waiting', dueAtMs: 6_000, reason } as const
        t.match(await store.settle(sampleSettlement(second, waiting)), { kind: 'settled', hasSuccessor: true })
      }
      t.equal((await store.delivery(second.deliveryId))?.state, 'blocked')
      const claimed = (await store.claim(claimOf({ nowMs: 7_000 }))).deliveries
      t.same(
        claimed.map(({ deliveryId }) => deliveryId),
        [first.deliveryId],
      )
    }
  })

  t.test('what waits behind a delivery that was put back before it does not age meanwhile', async (t) => {
    for (const isTriedMeanwhile of [false, true]) {
      const store = await open(t)
      await store.accept([sampleAcceptance({ subject: 'D1' }), sampleAcceptance({ subject: 'D1' })])
      const first = await claimOne(store)
      await store.settle(sampleSettlement(first, { state: 'dead', reason, holdsLane: false }))
      const second = await claimOne(store, claimOf({ nowMs: 3_000 }))
      const act = { kind: 'replay', deliveryId: first.deliveryId, actor: 'op', note: 'because', nowMs: 5_000 } as const
      const replay = () => store.intervene({ ...act, isOverride: true })
      if (isTriedMeanwhile) await replay()
      await store.settle(sampleSettlement(second, { state: 'waiting', dueAtMs: 6_000, reason }, { nowMs: 4_000 }))
      if (!isTriedMeanwhile) await replay()
      const again = await claimOne(store, claimOf({ nowMs: 7_000 }))
      t.equal(again.deliveryId, first.deliveryId)
      await store.settle(sampleSettlement(again, { state: 'delivered' }, { nowMs: 900_000 }))
      t.match(await claimOne(store, claimOf({ nowMs: 900_001, stoppedMs: 5 })), {
        deliveryId: second.deliveryId,
        attemptNumber: 2,
        firstAttemptAtMs: 900_001,
        stoppedAtFirstMs: 5,
      })
    }
  })

  t.test('what is read again as another dossier’s joins that dossier’s lane and frees the old one', async (t) => {
    const store = await open(t)
    const [old, later] = [sampleAcceptance({ subject: 'D1' }), sampleAcceptance({ subject: 'D1' })]
    await store.accept([old, later, sampleAcceptance({ subject: 'D2' })])
    for (const claimed of (await store.claim(claimOf())).deliveries) {
      await store.settle(sampleSettlement(claimed, { state: 'held', reason }))
    }
    const by = { actor: 'op', note: 'mapping repaired' }
    const again = { ...sampleAcceptance({ subject: 'D2', nowMs: 4_000 }), supersedes: old.message.id, by }
    const alone = { ...sampleAcceptance({ subject: 'D3', nowMs: 4_000 }), supersedes: again.message.id, by }
    t.match(await store.accept([again]), [{ kind: 'stored' }])
    t.match((await store.message(again.message.id))?.deliveries, [{ state: 'blocked', position: 2 }])
    t.equal((await claimOne(store, claimOf({ nowMs: 5_000 }))).message.id, later.message.id)
    t.match(await store.accept([alone]), [{ kind: 'stored' }])
    t.equal((await claimOne(store, claimOf({ nowMs: 5_000 }))).message.id, alone.message.id)
  })

  t.test('messages of one call stand in their lane as they were given, however they are recognised', async (t) => {
    const store = await open(t)
    const entry = (scope: string) =>
      sampleAcceptance({ subject: 'D1', idempotency: { kind: 'latest', scope, digest: 'x' } })
    const given = [entry('progress:D1'), sampleAcceptance({ subject: 'D1' }), entry('result:D1')]
    const last = sampleAcceptance({
      subject: 'D1',
      idempotency: { kind: 'latest', scope: 'progress:D1', digest: 'y' },
    })
    await store.accept([...given, last])
    const ledger = await store.dossier('D1')
    t.same(
      ledger?.messages.map(({ message, deliveries }) => [message.id, deliveries[0]?.position]),
      [...given, last].map(({ message }, index) => [message.id, index + 1]),
    )
  })

  t.test('what is read again takes the old place, and the old delivery ends superseded', async (t) => {
    const store = await open(t)
    const [old, later] = [sampleAcceptance({ subject: 'D1' }), sampleAcceptance({ subject: 'D1' })]
    await store.accept([old, later])
    const held = await claimOne(store)
    await store.settle(sampleSettlement(held, { state: 'held', reason }))
    const by = { actor: 'op', note: 'mapping repaired' }
    const again = { ...sampleAcceptance({ subject: 'D1', nowMs: 4_000 }), supersedes: old.message.id, by }
    await store.accept([again])
    t.match(await store.delivery(held.deliveryId), { state: 'discarded', reason: { code: 'superseded' } })
    const first = await claimOne(store, claimOf({ nowMs: 5_000 }))
    t.equal(first.message.id, again.message.id)
    t.equal(first.position, held.position)
    await store.settle(sampleSettlement(first, { state: 'delivered' }))
    t.equal((await claimOne(store, claimOf({ nowMs: 6_000 }))).message.id, later.message.id)
    t.match(await store.interventions(old.message.id, 1), [{ kind: 'reread', note: 'mapping repaired' }])
  })

  t.test('a bulk fixes its items when it is asked for, and each ends with an outcome', async (t) => {
    const store = await open(t)
    await store.accept([1, 2, 3].map(() => sampleAcceptance()))
    const bulk = {
      id: 'b1',
      kind: 'hold',
      filter: { system: 'national-portal' },
      actor: 'op',
      note: 'because',
      perSecond: 10,
      isOverride: false,
      createdAtMs: 2_000,
    } as const
    t.equal(await store.createBulk({ ...bulk, id: 'b0', filter: { system: 'land' } }), 0)
    t.equal(await store.createBulk(bulk), 3)
    await store.accept([sampleAcceptance()])
    const items = await store.bulkItems('b1', 10)
    t.equal(items.length, 3)
    const [first = '', second = ''] = items
    const act = { actor: 'op', note: 'because', nowMs: 3_000 }
    await store.intervene({ ...act, kind: 'discard', deliveryId: first })
    await store.intervene({ ...act, kind: 'hold', deliveryId: first, bulkId: 'b1' })
    await store.intervene({ ...act, kind: 'hold', deliveryId: second, bulkId: 'b1' })
    t.match(await store.bulks(), [{ id: 'b1', state: 'running', total: 3, outcomes: { done: 1, impossible: 1 } }])
    t.equal((await store.bulkItems('b1', 10)).length, 1)
    const change = { id: 'b1', actor: 'op', note: 'enough', nowMs: 4_000 }
    t.equal(await store.setBulkState({ ...change, state: 'paused' }), true)
    t.equal(await store.setBulkState({ ...change, state: 'paused' }), false, 'somebody was faster')
    t.equal(await store.setBulkState({ ...change, state: 'cancelled' }), true)
    t.equal(await store.setBulkState({ ...change, state: 'running' }), false, 'what is cancelled stays so')
  })

  t.test(
    'a process moves on in the write that accepts its trigger, with what it says, or neither is stored',
    async (t) => {
      const store = await open(t)
      const said = () => [sampleAcceptance({ subject: 'D1', source: 'gateway', systems: ['one-window'] })]
      const step = (version: number) => [{ change: changeOf({ version, timers: { term: 9_000 } }), messages: said() }]
      await store.accept([{ ...sampleAcceptance({ subject: 'D1' }), steps: step(1) }])
      t.match(await store.processOf('waiting', ['no-such', 'D1']), { instance: 'D1', version: 1, state: { step: 1 } })
      t.equal((await store.dossier('D1'))?.messages.length, 2)
      // The second stands on a state that has moved on: nothing of the whole call is stored, the first one's part neither.
      const late = [
        { ...sampleAcceptance({ subject: 'D1' }), steps: step(2) },
        { ...sampleAcceptance({ subject: 'D1' }), steps: step(2) },
      ]
      await t.rejects(store.accept(late), { code: 'process-changed' })
      t.match(await store.processOf('waiting', ['D1']), { version: 1 })
      t.equal((await store.dossier('D1'))?.messages.length, 2)
      const advance = { instance: 'D1', change: changeOf({ version: 1 }), messages: said(), nowMs: 2_000 }
      await t.rejects(store.advance(advance), { code: 'process-changed' })
      t.equal((await store.dossier('D1'))?.messages.length, 2)
    },
  )

  t.test('a settlement whose reply moves a process that has moved on settles nothing', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance({ subject: 'D1' })])
    const claimed = await claimOne(store)
    const replies = [
      { ...sampleAcceptance({ subject: 'D1' }), steps: [{ change: changeOf({ version: 2 }), messages: [] }] },
    ]
    const settlement = sampleSettlement(claimed, { state: 'delivered' }, { replies })
    await t.rejects(store.settle(settlement), { code: 'process-changed' })
    t.match(await store.delivery(claimed.deliveryId), { state: 'leased', attempts: [] })
    t.match(await store.settle({ ...settlement, replies: [] }), { kind: 'settled' })
  })

  t.test('a timer is due at its time, fires in the write of its step, and ends with its process', async (t) => {
    const store = await open(t)
    const due = async (nowMs: number) =>
      (await store.dueTimers(nowMs, 10)).map(({ instance, name }) => `${instance} ${name}`)
    const advance = (instance: string, change: Partial<ProcessChange>, timer?: string) =>
      store.advance({ instance, change: changeOf(change), messages: [], nowMs: 2_000, ...(timer ? { timer } : {}) })
    await advance('D1', { timers: { term: 9_000, reminder: 5_000 } })
    await advance('D2', { timers: { term: 4_000 } })
    t.same(await due(3_999), [])
    t.same(await due(9_000), ['D2 term', 'D1 reminder', 'D1 term'], 'soonest first')
    t.same((await store.dueTimers(9_000, 1)).length, 1)
    await t.rejects(advance('D1', { version: 1 }, 'reminder'), { code: 'process-changed' })
    t.same(await due(5_000), ['D2 term', 'D1 reminder'], 'a step that was too late has fired nothing')
    const exception = { code: 'reception-overdue', cause: 'business' } as const
    await advance('D1', { version: 2, status: 'exception', reason: exception, timers: { term: 20_000 } }, 'reminder')
    t.same(await due(19_999), ['D2 term'], 'one fired, one set anew')
    t.match(await store.processes('exception', 10), [{ instance: 'D1', reason: exception }])
    await advance('D1', { version: 3, timers: { term: null } })
    await advance('D2', { version: 2, status: 'ended' })
    t.same(await due(99_999), [], 'one cancelled, one ended with its process')
    t.match(await store.processes(undefined, 1), { length: 1 })
  })

  t.test('how a channel stands is kept', async (t) => {
    const store = await open(t)
    t.same(await store.channels(), [])
    const condition = { system: 'land', state: 'paused', sinceMs: 5, trips: 0, stoppedMs: 7, actor: 'op' } as const
    await store.setChannel(condition, 5, 'their maintenance')
    t.same(await store.channels(), [condition])
    t.match(await store.interventions('channel:land', 1), [{ kind: 'paused', note: 'their maintenance' }])
  })

  t.test('a sender’s backlog is counted as far as is asked', async (t) => {
    const store = await open(t)
    await store.accept(Array.from({ length: 5 }, () => sampleAcceptance()))
    t.equal(await store.backlog('one-window', 100), 5)
    t.equal(await store.backlog('one-window', 3), 4)
    t.equal(await store.backlog('land', 100), 0)
  })

  t.test('the bytes a sender spoke are kept as they were', async (t) => {
    const store = await open(t)
    const original = { bytes: new Uint8Array([0, 255, 13, 10]), mediaType: 'application/json', verifiedBy: 'key-1' }
    const acceptance = { ...sampleAcceptance(), original }
    await store.accept([acceptance])
    t.same(await store.original(acceptance.message.id), original)
    t.equal(await store.original('no-such-message'), undefined)
  })

  t.test('depths count what is open by system and state', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance({ subject: 'D1' }), sampleAcceptance({ subject: 'D1', nowMs: 7_000 })])
    t.same(await store.depths(), [
      { system: 'national-portal', state: 'blocked', count: 1, oldestCreatedAtMs: 7_000 },
      { system: 'national-portal', state: 'waiting', count: 1, oldestCreatedAtMs: 1_000 },
    ])
  })

  t.test('shelves keep reference data by key', async (t) => {
    const store = await open(t)
    await store.putShelf('procedures', [{ key: '1.1', value: { name: 'Thủ tục' }, updatedAtMs: 1 }])
    await store.putShelf('procedures', [{ key: '1.1', value: { name: 'Thủ tục mới' }, updatedAtMs: 2 }])
    t.same(await store.shelf('procedures'), [{ key: '1.1', value: { name: 'Thủ tục mới' }, updatedAtMs: 2 }])
    t.same(await store.shelf('agencies'), [])
  })

  t.test('bodies leave dossiers that have been at rest for long enough; receipts and digests stay', async (t) => {
    const store = await open(t)
    const original = { bytes: new Uint8Array([1, 2, 3]), mediaType: 'application/json', verifiedBy: 'key-1' }
    const say = async (subject: string, nowMs: number) => {
      const acceptance = { ...sampleAcceptance({ subject, nowMs }), original }
      await store.accept([acceptance])
      return acceptance
    }
    const end = async (next: NextState, nowMs: number) => {
      for (const claimed of (await store.claim(claimOf({ nowMs }))).deliveries) {
        await store.settle(sampleSettlement(claimed, next, { nowMs, document: '{"sent":true}' }))
      }
    }
    const old = await say('OLD', 1_000)
    const lawful = await say('LAWFUL', 1_000)
    const spokenOf = await say('SPOKEN-OF', 1_000)
    await end({ state: 'delivered' }, 2_000)
    const late = await say('SETTLED-LATE', 1_000)
    await end({ state: 'delivered' }, 6_000)
    const held = await say('HELD', 1_000)
    await end({ state: 'held', reason }, 2_000)
    const dead = await say('DEAD', 1_000)
    await end({ state: 'dead', reason, holdsLane: false }, 2_000)
    await say('SPOKEN-OF', 7_000)
    const by = { actor: 'admin.le', note: 'Thanh tra', nowMs: 2_500 }
    t.equal(await store.setLegalHold({ codeOrAlias: 'LAWFUL', isHeld: true, ...by }), true)
    t.equal(await store.setLegalHold({ codeOrAlias: 'NOBODY', isHeld: true, ...by }), false)

    const hasBody = async ({ message: { id } }: { readonly message: { readonly id: string } }) => {
      const [body, kept] = [(await store.message(id))?.message.body, await store.original(id)]
      return body !== null && kept !== undefined
    }
    const retain = (limit = 100) => store.retain({ beforeMs: 5_000, nowMs: 9_000, afterSequence: 0, limit })
    t.same(await retain(), { removed: 1 })
    t.same(await Promise.all([old, lawful, spokenOf, late, held, dead].map(hasBody)), [false, ...Array(5).fill(true)])
    const view = await store.message(old.message.id)
    t.match(view, { receipt: old.receipt, message: { bodyDigest: old.message.bodyDigest } })
    t.equal(await store.original(old.message.id), undefined)
    const [delivery] = view?.deliveries ?? []
    const intervention = { kind: 'replay', deliveryId: delivery?.id ?? '', ...by } as const
    t.match(await store.intervene(intervention), { kind: 'refused', why: 'impossible' }, 'there is nothing to send')
    t.same(await store.earlier('national-portal', 'OLD', [old.message.type], 99), [])

    await store.setLegalHold({ codeOrAlias: 'LAWFUL', isHeld: false, ...by })
    t.same(await retain(2), { removed: 1, nextSequence: 3 }, 'a step looks at as many as it says')
    t.equal(await store.reclaim(), false)
    const kinds = (await store.journal(undefined, 100)).map(({ kind }) => kind)
    t.equal(kinds.filter((kind) => kind === 'bodies-left').length, 2)
    t.match(await store.interventions('dossier:LAWFUL', 10), [{ kind: 'legal-hold-ended' }, { kind: 'legal-hold' }])
  })
}
