import type { Test } from 'tap'
import type { Reason } from '../../gateway/bus/delivery-state.ts'
import { verifyChain } from '../../gateway/bus/journal.ts'
import type { ClaimedDelivery, ClaimRequest, Store } from '../../gateway/bus/store.ts'
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

  t.test('several names of one dossier resolve to one subject and one lane', async (t) => {
    const store = await open(t)
    await store.accept([sampleAcceptance({ subject: 'PORTAL-1', aliases: ['receipt-number:U:7'] })])
    await store.accept([sampleAcceptance({ subject: 'LOCAL-1', aliases: ['receipt-number:U:7'] })])
    const ledger = await store.dossier('LOCAL-1')
    t.equal(ledger?.subject, 'PORTAL-1')
    t.equal(ledger?.messages.length, 2)
    t.equal((await store.claim(claimOf())).deliveries.length, 1, 'the second waits behind the first')
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
}
