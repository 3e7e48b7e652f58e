import path from 'node:path'
import t from 'tap'
import { systemClock } from '../../gateway/bus/clock.ts'
import { verifyChain } from '../../gateway/bus/journal.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { startStage } from './sample-stage.ts'

t.test('a flood of wrong logins leaves ten records and one that counts the rest', async (t) => {
  const dataDir = t.testdir()
  const stage = await startStage(t, { dataDir })
  const floods = Array.from({ length: 60 }, (_, index) => logIn(stage.gatewayUrl, `wrong-${index}`))
  for (const answer of await Promise.all(floods)) {
    t.match(await answer.json(), { error_code: -1 })
    t.notOk(answer.headers.has('x-jws-signature'), 'a stranger is sold no signature')
  }
  t.equal(await stage.stopGateway('SIGTERM'), 0)

  const store = await openSqliteStore({ path: path.join(dataDir, 'lienthong.sqlite'), clock: systemClock })
  t.teardown(() => store.close())
  const journal = await store.journal(undefined, 10_000)
  const refused = journal.filter(({ kind }) => kind === 'refused').map(({ entry }) => JSON.parse(entry))
  t.equal(refused.length, 11)
  t.match(refused.slice(0, 10), Array(10).fill({ door: 'one-window:drop-in', remote: '127.0.0.1', count: 1 }))
  t.match(refused[10], { count: 50 })
  t.same(
    journal.filter(({ kind }) => kind === 'accepted'),
    [],
    'and nothing else',
  )
  t.same(verifyChain(journal), [])
})

function logIn(url: string, password: string): Promise<Response> {
  return fetch(`${url}/XrdAdapter/RestService/forward/mapi/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'h47-demo', password }),
  })
}
