import t from 'tap'
import { request } from 'undici'
import { startChild } from '../../bench/apparatus/child.ts'
import type { SinkAnswer, SinkOrder } from '../../bench/apparatus/portal-sink.ts'
import { kinds, sampleOf, services, unit } from '../../bench/apparatus/sample-dossier.ts'
import { dossierFromPortal, dossierToPortal } from '../../mappings/national-portal/dossier.ts'
import { progressFromPortal, progressToPortal } from '../../mappings/national-portal/progress.ts'
import { loadTables } from '../../mappings/tables.ts'

const tables = loadTables({})
const mappings = {
  record: {
    read: (item: string) => dossierFromPortal(JSON.parse(item), { madonvi: unit }),
    write: (body: unknown) => dossierToPortal(body as ReturnType<typeof dossierFromPortal>, { tables }),
  },
  progress: {
    read: (item: string) => progressFromPortal(JSON.parse(item), { madonvi: unit }),
    write: (body: unknown) => progressToPortal(body as ReturnType<typeof progressFromPortal>),
  },
}

for (const kind of kinds) {
  for (const sizeBytes of [1024, 10_240]) {
    t.test(`a ${kind} of ${sizeBytes} bytes says the same at either door and at the portal`, async (t) => {
      const { dropIn, canonical, sent } = sampleOf(kind, sizeBytes)(17)
      const { read, write } = mappings[kind]
      t.equal(Buffer.byteLength(dropIn), sizeBytes, 'it has the size that is reported')
      t.same(read(dropIn), JSON.parse(canonical))
      t.same(write(JSON.parse(canonical)), JSON.parse(sent))
    })
  }
}

t.test('the sink verifies what came whole, once and in order, and counts what did not', async (t) => {
  const sizeBytes = 1024
  const sink = await startChild<SinkOrder, SinkAnswer>(new URL('../../bench/apparatus/portal-sink.ts', import.meta.url))
  t.teardown(() => sink.end())
  const { port } = await sink.ask({ do: 'listen', port: 0 })
  await sink.ask({ do: 'expect', firstDossier: 5, dossiers: 3, sizeBytes })
  const send = async (kind: 'record' | 'progress', dossier: number, change = (text: string) => text) => {
    const item = JSON.parse(sampleOf(kind, sizeBytes)(dossier).sent)
    const update = kind === 'record' ? { isUpdating: 'False' } : {}
    const envelope = { session: 'bench-session', madonvi: '000.00.00.H47', service: services[kind], ...update }
    const body = change(JSON.stringify({ ...envelope, data: [item] }))
    const answer = await request(`http://127.0.0.1:${port}/`, { method: 'POST', body })
    await answer.body.dump()
  }
  await send('record', 5)
  await send('record', 6)
  await send('progress', 5)
  t.match(await sink.ask({ do: 'count' }), { verified: 3, repeated: 0, wrong: 0, inversions: 0 })

  await send('progress', 5)
  await send('progress', 7)
  await send('progress', 6, (text) => text.replace('TRAN THI B', 'TRAN THI C'))
  await send('record', 8)
  const { arrivedAtMs = [], ...count } = await sink.ask({ do: 'collect' })
  t.match(count, { verified: 3, repeated: 1, inversions: 1, wrong: 2 })
  t.same(
    [...arrivedAtMs].map((atMs) => atMs > 0),
    [true, true, true, false, false, false],
  )
})
