import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { systemClock } from '../../gateway/bus/clock.ts'
import { keepRetention, retainOnce } from '../../gateway/bus/retention.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { sampleAcceptance, sampleSettlement } from '../store/sample.ts'
import { testFolder } from '../test-folder.ts'

const secret = 'NGUYEN VAN A'

t.test('what has come of age leaves the files, which become smaller', async (t) => {
  const path = join(testFolder(t), 'store.sqlite')
  const store = await openSqliteStore({ path, clock: systemClock })
  t.teardown(() => store.close())
  const body = { dossierCode: 'x', owner: { name: secret }, filler: 'y'.repeat(20_000) }
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  const sent = Array.from({ length: 300 }, () => ({
    ...sampleAcceptance({ body }),
    original: { bytes, mediaType: 'application/json' },
  }))
  await store.accept(sent)
  const claim = { system: 'national-portal', limit: 300, owner: 'o', nowMs: 1_500, leaseMs: 30_000, stoppedMs: 0 }
  for (const claimed of (await store.claim(claim)).deliveries) {
    const document = JSON.stringify({ ChuHoSo: secret })
    await store.settle(sampleSettlement(claimed, { state: 'delivered' }, { nowMs: 2_000, document }))
  }
  const before = holding(path)
  t.ok(before.bytes > 10_000_000 && before.hasSecret)

  const options = { store, clock: systemClock, tap: { failed: t.fail }, bodies: '1d', every: '1h' }
  t.equal(await retainOnce({ ...options, bodies: '36500d', signal: AbortSignal.timeout(60_000) }), 0)
  t.equal(await retainOnce({ ...options, signal: AbortSignal.timeout(60_000) }), 300)
  const after = holding(path)
  t.notOk(after.hasSecret, 'nothing of it is left in a free page or in the log')
  t.ok(after.bytes < before.bytes / 5, `${before.bytes} → ${after.bytes} bytes`)
  t.equal((await store.message(sent[0]?.message.id ?? ''))?.receipt, sent[0]?.receipt)
  const database = new DatabaseSync(path, { readOnly: true })
  t.match(database.prepare('PRAGMA integrity_check').get(), { integrity_check: 'ok' })
  database.close()
})

t.test('a run that fails is told and made again; the signal ends it', async (t) => {
  const ending = new AbortController()
  const alive = setInterval(() => {}, 1_000) // the gateway's sockets do this in service
  t.teardown(() => clearInterval(alive))
  const told: string[] = []
  let runs = 0
  const retain = async () => {
    runs += 1
    if (runs === 1) throw new Error('the disk is full')
    ending.abort()
    return { removed: 0 }
  }
  await keepRetention({
    store: { retain, reclaim: async () => false },
    clock: systemClock,
    tap: { failed: ({ where }) => told.push(where) },
    bodies: '1d',
    every: '5ms',
    signal: ending.signal,
  })
  t.same(told, ['retention'])
  t.equal(runs, 2)
})

/** The store's files together: their length, whether somebody's name stands in them, and that nobody else may read them. */
function holding(path: string): { readonly bytes: number; readonly hasSecret: boolean } {
  const files = ['', '-wal', '-shm'].map((end) => path + end)
  for (const file of files) t.equal(statSync(file).mode & 0o777, 0o600, 'readable by its owner alone')
  const contents = files.map((file) => readFileSync(file))
  return {
    bytes: contents.reduce((sum, { length }) => sum + length, 0),
    hasSecret: contents.some((content) => content.includes(secret)),
  }
}
