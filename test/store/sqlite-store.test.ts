import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { systemClock } from '../../gateway/bus/clock.ts'
import { BatchingWorker } from '../../gateway/store/batching-worker.ts'
import { SqliteReader } from '../../gateway/store/sqlite-reader.ts'
import { migrate } from '../../gateway/store/sqlite-schema.ts'
import { reads, writes } from '../../gateway/store/sqlite-statements.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { testFolder } from '../test-folder.ts'
import { sampleAcceptance } from './sample.ts'
import { storeConformance } from './store-conformance.ts'

async function open(t: Test, path = join(testFolder(t), 'store.sqlite')) {
  const store = await openSqliteStore({ path, clock: systemClock })
  t.teardown(() => store.close())
  return store
}

t.test('the SQLite store keeps what every store must', async (t) => storeConformance(t, open))

t.test('every statement on the path of a message uses an index', async (t) => {
  const database = new DatabaseSync(':memory:')
  migrate(database)
  // Asked once a start, once a scrape or by a person, over the few rows of a small table or a partial index.
  const atStart = ['owners', 'leasesOf', 'channels']
  const asked = ['depths', 'checkpoints', 'chains', 'interventions', 'bulks', 'bulkOutcomes', 'processes']
  const allowedScans = new Set([...atStart, ...asked])
  for (const [name, sql] of Object.entries({ ...writes, ...reads })) {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all()
    const scans = plan
      .map(({ detail }) => String(detail))
      .filter((detail) => /^SCAN (?!\(subquery)|TEMP B-TREE/.test(detail))
    if (!allowedScans.has(name)) t.same(scans, [], name)
  }
  database.close()
})

t.test('what was accepted is there after the store is opened again', async (t) => {
  const path = join(testFolder(t), 'store.sqlite')
  const first = await openSqliteStore({ path, clock: systemClock })
  const acceptance = sampleAcceptance({ idempotency: { kind: 'key', key: 'k1' } })
  await first.accept([acceptance])
  await first.close()
  const second = await open(t, path)
  t.same((await second.message(acceptance.message.id))?.message, acceptance.message)
  const [repeat] = await second.accept([
    sampleAcceptance({ subject: acceptance.message.subject, idempotency: { kind: 'key', key: 'k1' } }),
  ])
  t.same(repeat, { kind: 'duplicate', messageId: acceptance.message.id, receipt: acceptance.receipt })
})

t.test('each start of the writer begins a chain of its own', async (t) => {
  const path = join(testFolder(t), 'store.sqlite')
  for (const _ of [1, 2]) {
    const store = await openSqliteStore({ path, clock: systemClock })
    await store.accept([sampleAcceptance()])
    await store.close()
  }
  const entries = await (await open(t, path)).journal(undefined, 10)
  t.same(
    entries.map(({ position }) => position),
    [1, 1],
  )
  t.equal(new Set(entries.map(({ chainId }) => chainId)).size, 2)
})

t.test('attempts and journal entries can’t be changed even by SQL', async (t) => {
  const path = join(testFolder(t), 'store.sqlite')
  const store = await openSqliteStore({ path, clock: systemClock })
  await store.accept([sampleAcceptance()])
  await store.close()
  const database = new DatabaseSync(path)
  t.throws(() => database.exec("UPDATE journal SET entry = '{}'"), /never changes/)
  database.close()
})

t.test('the store’s files are readable by their owner alone', async (t) => {
  const path = join(testFolder(t), 'deep', 'store.sqlite')
  const store = await open(t, path)
  await store.accept([sampleAcceptance()])
  for (const suffix of ['', '-wal', '-shm']) t.equal(statSync(path + suffix).mode & 0o777, 0o600, suffix)
})

t.test('a store of a newer gateway is refused with the next step', async (t) => {
  const path = join(testFolder(t), 'store.sqlite')
  const database = new DatabaseSync(path)
  database.exec('PRAGMA user_version = 999')
  database.close()
  await t.rejects(openSqliteStore({ path, clock: systemClock }), /run the newer gateway/)
})

t.test('a checkpoint names every chain, and an idle store makes no second one', async (t) => {
  const path = join(testFolder(t), 'store.sqlite')
  const first = await openSqliteStore({ path, clock: systemClock })
  await first.accept([sampleAcceptance(), sampleAcceptance()])
  await first.close()
  const second = await open(t, path)
  await second.accept([sampleAcceptance()])
  const signed: string[] = []
  const sign = async (heads: string) => {
    signed.push(heads)
    return 'signature'
  }
  await second.checkpoint(sign, 1)
  await second.checkpoint(sign, 2)
  t.equal(signed.length, 1)
  const entries = await second.journal(undefined, 10)
  const heads = [entries[1], entries[2]].map((entry) => ({
    chainId: entry?.chainId,
    hash: entry?.hash,
    position: entry?.position,
  }))
  t.same(JSON.parse(signed[0] ?? ''), heads)
  const reader = new SqliteReader(path)
  t.same(reader.checkpoints(), [{ atMs: 1, heads: signed[0], signature: 'signature' }])
  reader.close()
})

t.test('a store thread that ends by itself is told, and everything asked of it is refused', async (t) => {
  const path = join(testFolder(t), 'store.sqlite')
  const workerData = { path, nowMs: 1, synchronous: 'FULL', mode: 'write' }
  const thread = new Worker(new URL('../../gateway/store/sqlite-worker.ts', import.meta.url), { workerData })
  let cause: Error | undefined
  const onDeath = (error: Error) => {
    cause = error
  }
  const worker = await BatchingWorker.over(thread, { onDeath })
  await t.rejects(worker.run('no-such-operation'), { code: 'internal-error' })
  t.equal(cause, undefined, 'a mistake of ours ends no thread')
  await thread.terminate()
  t.ok(cause)
  await t.rejects(worker.run('probe', 1), { code: 'store-unavailable' })
  await worker.close()
})
