import t from 'tap'
import { rereadSigned } from '../../adapters/canonical/signed-request.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import type { Message, Original } from '../../gateway/bus/message.ts'
import type { Store } from '../../gateway/bus/store.ts'
import { loadTables } from '../../mappings/tables.ts'
import { startPortalGateway } from './national-portal-gateway.ts'
import {
  dossierBody,
  dossierItem,
  loggedIn,
  progressItem,
  send,
  startOneWindowGateway,
  statement,
} from './one-window-gateway.ts'

const code = '000.00.01.H47-260105-0001'

t.test('each drop-in item reads again as it was read at the door', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const product = await loggedIn(gateway)
  await product.dossiers([dossierItem(code, { SoBienNhan: '17' }), dossierItem(`${code}-b`)])
  await product.progress([progressItem(code, '4')])
  const outcome = { MaHoSo: code, TrangThai: '4', NgayXuLy: '20260106080000' }
  await product.call({ service: 'DongBoTrangThaiHoSo', type: '2', data: outcome })
  const kept = await keptOf(gateway.store, code)
  t.equal(kept.length, 3)
  for (const { message, original } of kept) {
    const draft = await gateway.adapter.reread?.(original, message)
    t.match(draft, { type: message.type, source: 'one-window', subject: code, body: message.body })
  }
})

t.test('drop-in bytes that the contracts of today refuse are refused as the door would', async (t) => {
  const gateway = await startOneWindowGateway(t)
  await (await loggedIn(gateway)).dossiers([dossierItem(code)])
  const [kept] = await keptOf(gateway.store, code)
  if (!kept) throw new Error('nothing was kept')
  const { original, message } = kept
  const reread = (change: (document: Record<string, unknown>) => unknown) => {
    const document = change(JSON.parse(Buffer.from(original.bytes).toString()))
    const bytes = Buffer.from(JSON.stringify(document))
    return Promise.resolve(gateway.adapter.reread?.({ ...original, bytes }, message))
  }
  const broken = { MaHoSo: code }
  await t.rejects(
    reread((document) => ({ ...document, data: [broken] })),
    {
      code: 'contract-violated',
      options: { rule: 'required' },
    },
  )
  await t.rejects(
    reread((document) => ({ ...document, service: 'toString' })),
    {
      code: 'service-unknown',
    },
  )
  await t.rejects(
    reread(({ isUpdating: _, ...document }) => document),
    {
      code: 'contract-violated',
    },
  )
  await t.rejects(
    reread(() => 'text'),
    { code: 'contract-violated' },
  )
})

t.test('a signed message reads again long after its signature’s time', async (t) => {
  const gateway = await startOneWindowGateway(t)
  t.equal((await send(gateway, statement(dossierBody(code), { correlationId: 'c-1' }))).status, 202)
  const [kept] = await keptOf(gateway.store, code)
  if (!kept) throw new Error('nothing was kept')
  const { original, message } = kept
  const options = {
    gateway: gateway.bus,
    tables: loadTables(),
    clock: { ...systemClock, now: () => Date.now() + 86_400_000 },
    speakers: new Map([['one-window', { says: ['dossier.received.v1'], speaksFor: ['H47'] }]]),
  }
  t.match(rereadSigned(original, message, options), {
    type: message.type,
    source: 'one-window',
    subject: code,
    body: message.body,
    correlationId: 'c-1',
  })
  const nobody = { ...options, speakers: new Map() }
  t.throws(() => rereadSigned(original, message, nobody), { code: 'type-not-allowed' })
})

t.test('of a portal request with several dossiers, only the message’s own is read again', async (t) => {
  const inbound = {
    allowFrom: ['127.0.0.1'],
    receivingUnit: '000.00.04.H47',
    maxBodyBytes: 1_000_000,
    promotion: { enabled: true },
    submitted: { enabled: true },
  }
  const gateway = await startPortalGateway(t, { settings: { inbound } })
  const data = ['G22-1', 'G22-2'].map((MaHoSo) => ({ ...submittedItem, MaHoSo }))
  const url = `${gateway.url}/XrdAdapter/RestService/forward/nhanhsdvcqg`
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ data }) })
  t.match(await answer.json(), { error_code: 0 })
  const [kept] = await keptOf(gateway.store, 'G22-2')
  if (!kept) throw new Error('nothing was kept')
  const { original, message } = kept
  t.match(await gateway.adapter.reread?.(original, message), { subject: 'G22-2', body: message.body })

  const others = { ...original, bytes: Buffer.from(JSON.stringify({ data: data.slice(0, 1) })) }
  await t.rejects(Promise.resolve(gateway.adapter.reread?.(others, message)), { code: 'contract-violated' })
})

const submittedItem = {
  MaTTHC: '1.004269',
  ChuHoSo: 'NGUYEN VAN A',
  LoaiDoiTuong: '1',
  NgayNopHoSo: '20261010090000',
}

interface Kept {
  readonly message: Message
  readonly original: Original
}

async function keptOf(store: Store, subject: string): Promise<readonly Kept[]> {
  const views = (await store.dossier(subject))?.messages ?? []
  const kept = await Promise.all(
    views.map(async ({ message }) => ({ message, original: await store.original(message.id) })),
  )
  return kept.flatMap(({ message, original }) => (original ? [{ message, original }] : []))
}
