import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { carryFiles } from '../../adapters/files/carried-files.ts'
import type { ChannelAdapter } from '../../gateway/bus/adapter.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { sampleDraft, sampleRoute, settled, startBus } from '../bus/sample-bus.ts'
import { inside, openFiles, pdfOf, serve } from './stage.ts'

/** A bus whose one system is handed files. */
async function stageOf(t: Test, answer: Parameters<typeof serve>[0], deadline = '5s') {
  const server = await serve(answer)
  // Before the folder: tap removes a folder made before the first teardown ahead of them all, under who still writes.
  t.teardown(() => server.close())
  const stage = openFiles(`${t.testdir({ x: {} })}/x`, {
    hosts: [inside(server.host)],
    signatureCheck: { anchorsId: 'x', report: async () => ({ state: 'altered', signatures: [] }) },
  })
  t.teardown(() => stage.close())
  const taken: Message[] = []
  const plain: ChannelAdapter = {
    async deliver(message) {
      taken.push(message)
      return { receipt: { sentDigest: 'sha-256:1' } }
    },
    probe: async () => undefined,
    close: async () => undefined,
  }
  const adapter = carryFiles(plain, {
    files: stage.files,
    linkLifetimeMs: 60_000,
    signatureRoutes: [sampleRoute().name],
    tap: { failed: ({ error }) => t.fail(String(error)) },
  })
  const route = sampleRoute()
  const routes = [{ ...route, retry: { ...route.retry, deadline } }]
  const bus = await startBus(t, adapter, { routes, path: `${t.testdirName}/store.sqlite` })
  const draft = (subject: string, path: string) =>
    sampleDraft(subject, { body: { results: [{ url: `http://${server.host}${path}` }] } })
  return { ...bus, server, taken, draft }
}

t.test(
  'a file that is not as it should be holds its own delivery, and the journal names those that went',
  async (t) => {
    const pdf = pdfOf(900)
    const page = '<!DOCTYPE html><html></html>'
    const { bus, store, draft } = await stageOf(t, (request, response) =>
      response.end(request.url === '/page' ? page : pdf),
    )
    await bus.accept([draft('BAD', '/page'), draft('GOOD', '/a.pdf')])
    t.match(await settled(store, 'BAD'), [
      { state: 'held', reason: { code: 'file-type-refused', field: '/results/0' } },
    ])
    t.match(await settled(store, 'GOOD'), [{ state: 'delivered' }])
    const journal = await store.journal(undefined, 100)
    const entry = journal.find(({ kind, entry: text }) => kind === 'attempted' && /"outcome":"delivered"/.test(text))
    const digest = `sha-256:${createHash('sha256').update(pdf).digest('hex')}`
    t.match(JSON.parse(entry?.entry ?? '{}'), { files: [digest], signatures: [{ digest, state: 'altered' }] })
  },
)

t.test('sources that are away hold up only the dossiers that need them', async (t) => {
  let isAway = true
  const { bus, store, draft } = await stageOf(t, (request, response) =>
    response.writeHead(request.url === '/away' && isAway ? 404 : 200).end(pdfOf(900)),
  )
  await bus.accept(Array.from({ length: 12 }, (_, index) => draft(`D${index}`, '/away')))
  for (let count = 0; count < 500; count += 1) {
    const [view] = (await store.dossier('D11'))?.messages[0]?.deliveries ?? []
    if ((view?.attempts.length ?? 0) >= 2) break
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  t.same(
    (await store.channels()).map(({ state }) => state).filter((state) => state !== 'flowing'),
    [],
  )
  await bus.accept([draft('OTHER', '/here')])
  t.match(await settled(store, 'OTHER'), [{ state: 'delivered' }])
  isAway = false
  t.match(await settled(store, 'D11'), [{ state: 'delivered' }])
})

t.test('a file larger than an attempt’s patience is there for the next one', async (t) => {
  const pdf = pdfOf(40_000)
  const { bus, store, draft, server, taken } = await stageOf(
    t,
    (_request, response) => {
      response.write(pdf.subarray(0, 20_000))
      setTimeout(() => response.end(pdf.subarray(20_000)), 700)
    },
    '200ms',
  )
  await bus.accept([draft('SLOW', '/slow')])
  const [delivery] = await settled(store, 'SLOW')
  t.equal(delivery?.state, 'delivered')
  t.match(delivery?.attempts[0], { outcome: 'transient', code: 'file-unavailable' })
  t.equal(server.requests.length, 1)
  t.equal(taken.length, 1)
})
