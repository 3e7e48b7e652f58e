import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { documentAxis } from '../../adapters/document-axis/document-axis.ts'
import type { DocumentAxisSettings } from '../../adapters/document-axis/settings.ts'
import { loadContracts } from '../../contracts/loader.ts'
import { createBus } from '../../gateway/bus/bus.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import type { WireTap } from '../../gateway/bus/gateway.ts'
import type { Store } from '../../gateway/bus/store.ts'
import { createKeyring, generateSigningJwk } from '../../gateway/envelopes/keyring.ts'
import { createReceiptSigner } from '../../gateway/envelopes/receipts.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { createDoorServer } from '../../gateway/transports/http-door.ts'
import { loadTables } from '../../mappings/tables.ts'
import { documentIn } from '../../routes/document-in.ts'
import { documentOut } from '../../routes/document-out.ts'
import { type DocumentAxis, startDocumentAxis } from '../../simulators/document-axis/axis.ts'
import { testFolder } from '../test-folder.ts'

const contracts = loadContracts()
const tables = loadTables()
const example = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../contracts/canonical/examples/${name}.json`, import.meta.url), 'utf8'))
const retry = { schedule: ['10ms', '20ms'], jitter: 0, giveUpAfter: '1d', deadline: '5s' }

interface Options {
  readonly variant?: DocumentAxisSettings['variant']
  readonly settings?: Partial<DocumentAxisSettings>
  readonly wrap?: (store: Store) => Store
}

/** The axis's stand-in, and a gateway between it and a one-window that only remembers. */
async function started(t: Test, options: Options = {}) {
  const axis = await startDocumentAxis()
  t.teardown(() => axis.close())
  const keyring = createKeyring({
    signing: generateSigningJwk({ kidPrefix: 'demo-' }),
    partners: [{ system: 'document-axis', jwk: axis.key.publicJwk }],
  })
  const real = await openSqliteStore({ path: join(testFolder(t), 'store.sqlite'), clock: systemClock })
  const store = options.wrap?.(real) ?? real
  const failures: unknown[] = []
  const tap: WireTap = {
    channel() {},
    accepted() {},
    refused() {},
    attempted() {},
    failed: ({ error }: { error: unknown }) => failures.push(error),
  }
  const bus = createBus({
    store,
    contracts,
    receipts: createReceiptSigner(keyring, { issuer: 'lien-thong-test' }),
    routes: [
      { ...documentOut, retry },
      { ...documentIn, retry },
    ],
    directory: { isEnabled: () => true },
    clock: systemClock,
    tap,
    refusalsPerSourceAndMinute: 1_000,
  })
  const { server, doors } = createDoorServer({ gateway: bus, keyring, tap })
  const settings: DocumentAxisSettings = {
    url: axis.url,
    timeouts: { connect: '2s', answer: '2s' },
    concurrency: 2,
    insideNetwork: true,
    variant: options.variant ?? 'sdk',
    systemId: 'H47.demo',
    secret: 'demo-only',
    pollEvery: '20ms',
    lookBack: '7d',
    mustBeSigned: true,
    mustBindAttachments: true,
    signers: [{ agency: 'G09', keys: [axis.key.publicJwk.kid] }],
    maxDocumentBytes: 4 * 1024 * 1024,
    ...options.settings,
  }
  const context = {
    gatewayId: 'lien-thong-test',
    gateway: bus,
    contracts,
    keyring,
    doors,
    tables,
    clock: systemClock,
    tap,
  }
  const adapter = documentAxis.create({ ...context, system: 'document-axis', settings })
  const received: { readonly type: string; readonly body: unknown }[] = []
  const oneWindow = {
    async deliver(message: { readonly type: string; readonly body: unknown }) {
      received.push(message)
      return { receipt: { sentDigest: 'sha-256:00' } }
    },
    probe: async () => {},
    close: async () => {},
  }
  await bus.start([
    { system: 'document-axis', adapter, concurrency: 2 },
    { system: 'one-window', adapter: oneWindow, concurrency: 2 },
  ])
  const listening = new AbortController()
  const ended = adapter.listen?.(listening.signal)
  t.teardown(async () => {
    listening.abort()
    await ended
    await bus.drain(100)
    await adapter.close()
    await server.close()
    await store.close()
  })
  return { axis, bus, store, adapter, received, failures, keyring }
}

async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const submit = (bus: Awaited<ReturnType<typeof started>>['bus'], type: string, body: { documentId: string }) =>
  bus.accept([
    {
      type,
      source: 'one-window',
      subject: body.documentId,
      body,
      idempotency: { kind: 'key', key: `${type}:${body.documentId}` },
    },
  ])

const statusOf = (axis: DocumentAxis, docId: string) =>
  axis.state().documents.find((one) => one.docId === docId)?.status

const incoming = {
  from: { code: 'G09', name: 'Bộ Nội vụ' },
  to: [{ code: 'H47.01', name: 'Sở Nội vụ' }],
  number: '77',
  notation: 'BNV',
  promulgatedOn: '2026/11/19',
  subject: 'V/v thử nghiệm <&> liên thông',
  attachments: [{ name: 'phụ lục.txt', mediaType: 'text/plain', base64: Buffer.from('Phụ lục').toString('base64') }],
}

for (const variant of ['sdk', 'rest'] as const) {
  t.test(`${variant}: a document and a status reach the axis, signed`, async (t) => {
    const { axis, bus, received, failures } = await started(t, { variant })
    const body = example('document.sent.v1.new')
    await submit(bus, 'document.sent.v1', body)
    await submit(bus, 'document.status-reported.v1', example('document.status-reported.v1.finished'))
    await until(() => axis.state().documents.length === 2)
    const documents = axis.state().documents
    t.match(
      documents.find(({ messageType }) => messageType === 'edoc'),
      {
        from: 'H47.01',
        to: ['G09'],
        documentId: 'H47.01,2026/11/20,12/CV-SNV',
        subject: body.subject,
        isOurs: true,
        attachments: [
          {
            name: 'cong-van.pdf',
            sha256: createHash('sha256').update(Buffer.from(body.attachments[0].content, 'base64')).digest('hex'),
          },
        ],
      },
    )
    t.match(
      documents.find(({ messageType }) => messageType === 'status'),
      { from: 'H47.01', to: ['000.00.00.G09'], statusCode: '06' },
    )
    for (const { edxml } of documents) t.match(Buffer.from(edxml, 'base64').toString(), /<ds:SignatureValue>/)
    t.same([received, failures], [[], []])
  })

  t.test(`${variant}: a document and a status are pulled, accepted, and only then acknowledged`, async (t) => {
    let isAccepted = false
    const order: string[] = []
    const { axis, received, failures } = await started(t, {
      variant,
      wrap: (store) => ({
        ...store,
        async accept(acceptances) {
          // The axis must not have been told anything before this write is on disk.
          order.push(...axisStates())
          const accepted = await store.accept(acceptances)
          isAccepted = true
          return accepted
        },
      }),
    })
    const axisStates = () => axis.state().documents.map(({ status }) => status)
    const docId = axis.deposit({ document: incoming })
    await until(() => statusOf(axis, docId) === 'done')
    t.ok(isAccepted)
    t.same(order, ['initial'])
    const report = axis.deposit({
      report: {
        from: incoming.from,
        about: {
          agency: 'H47.01',
          documentId: 'H47.01,2026/11/20,12/CV-SNV',
          code: '12/CV-SNV',
          promulgatedOn: '2026/11/20',
        },
        statusCode: '03',
        description: 'Đã tiếp nhận',
        timestamp: '2026/11/21 09:00:00',
      },
    })
    await until(() => statusOf(axis, report) === 'done' && received.length === 2)
    t.match(received, [
      {
        type: 'document.sent.v1',
        body: {
          documentId: 'G09,2026/11/19,77/BNV',
          action: 'new',
          from: { code: 'G09', name: 'Bộ Nội vụ' },
          to: [{ code: 'H47.01' }],
          number: '77',
          notation: 'BNV',
          promulgatedOn: '2026-11-19',
          subject: 'V/v thử nghiệm <&> liên thông',
          attachments: [{ name: 'phụ lục.txt', isSigned: true, content: incoming.attachments[0]?.base64 }],
        },
      },
      {
        type: 'document.status-reported.v1',
        body: {
          documentId: 'H47.01,2026/11/20,12/CV-SNV',
          issuedBy: 'H47.01',
          status: 'accepted',
          at: '2026-11-21T02:00:00.000Z',
        },
      },
    ])
    t.same(failures, [])
  })

  t.test(`${variant}: an acknowledgement that is lost leads to no second message`, async (t) => {
    const { axis, received } = await started(t, { variant })
    axis.addFaults([{ service: 'updateStatus', fault: 'reset', times: 2 }])
    const docId = axis.deposit({ document: incoming })
    await until(() => statusOf(axis, docId) === 'done')
    const next = axis.deposit({ document: { ...incoming, number: '78' } })
    await until(() => statusOf(axis, next) === 'done' && received.length >= 2)
    t.equal(received.length, 2)
  })
}

t.test(
  'what is not as its sender signed it is refused, audited and answered with fail; the next one is taken',
  async (t) => {
    const { axis, store, received } = await started(t)
    const good = axis.deposit({ document: incoming })
    await until(() => statusOf(axis, good) === 'done')
    const signed = Buffer.from(axis.state().documents[0]?.edxml ?? '', 'base64').toString()
    const bad = [
      axis.deposit({ edxml: signed.replace('thử nghiệm', 'thật') }),
      axis.deposit({ edxml: signed.replace('UGjh', 'UGji') }),
      axis.deposit({ edxml: signed.replace(/<ds:Signature[\s\S]*<\/ds:Signature>/, '') }),
      axis.deposit({ document: incoming, isUnsigned: true }),
      axis.deposit({ document: { ...incoming, from: { code: 'G22', name: 'Văn phòng Chính phủ' } } }),
      axis.deposit({ edxml: '<a>' }),
      axis.deposit({ edxml: '<!DOCTYPE a><a/>' }),
      axis.deposit({ edxml: '<a/>' }),
    ]
    const last = axis.deposit({ document: { ...incoming, number: '79' } })
    await until(() => statusOf(axis, last) === 'done' && bad.every((docId) => statusOf(axis, docId) === 'fail'))
    await until(() => received.length === 2)
    await store.probe()
    const refusals = (await store.journal(undefined, 10_000)).filter(({ entry }) =>
      entry.includes('document-axis:pull'),
    )
    t.ok(refusals.length >= bad.length, `${refusals.length} refusals`)
    t.match(JSON.stringify(refusals), /credential-refused[\s\S]*xml-unreadable[\s\S]*xml-forbidden/)
  },
)

t.test('while nothing can be stored, nothing is acknowledged and nothing is refused', async (t) => {
  const state = { isBroken: true }
  const { axis, received } = await started(t, {
    wrap: (store) => ({
      ...store,
      async accept(acceptances) {
        if (state.isBroken) throw new (await import('../../gateway/bus/errors.ts')).GatewayError('store-unavailable')
        return await store.accept(acceptances)
      },
    }),
  })
  const docId = axis.deposit({ document: incoming })
  await until(() => axis.state().calls.filter(({ service }) => service === 'getEdoc').length > 2)
  t.equal(statusOf(axis, docId), 'initial')
  state.isBroken = false
  await until(() => statusOf(axis, docId) === 'done' && received.length === 1)
})

t.test('documents without a signature are taken where configuration says so', async (t) => {
  const { axis, received } = await started(t, { settings: { mustBeSigned: false } })
  const docId = axis.deposit({ document: incoming, isUnsigned: true })
  await until(() => statusOf(axis, docId) === 'done' && received.length === 1)
  t.match(received, [{ body: { attachments: [{ isSigned: false }] } }])
})

t.test('each refusal of the axis ends as what it is', async (t) => {
  const cases = [
    { change: { to: [{ code: 'G99' }] }, state: 'dead', code: 'partner-refused' },
    { change: { from: { code: 'H48', name: 'Tỉnh khác' } }, state: 'waiting', code: 'partner-denied' },
    { change: { from: { code: 'H47.01' } }, state: 'held', code: 'value-missing' },
  ]
  for (const { change, state, code } of cases) {
    const { bus, store } = await started(t)
    const body = { ...example('document.sent.v1.new'), ...change }
    await submit(bus, 'document.sent.v1', body)
    const delivery = await until(async () => {
      const [found] = (await store.dossier(body.documentId))?.messages.flatMap((view) => view.deliveries) ?? []
      return found?.reason !== undefined && found
    })
    t.match(delivery, { state, reason: { code } })
  }
})

t.test('a document whose fate is unknown waits for a person; a status is said again', async (t) => {
  const { axis, bus, store } = await started(t)
  axis.addFaults([{ service: 'sendEdoc', fault: 'effect-then-drop', times: 1 }])
  const body = example('document.sent.v1.new')
  await submit(bus, 'document.sent.v1', body)
  const delivery = await until(async () => {
    const [found] = (await store.dossier(body.documentId))?.messages.flatMap((view) => view.deliveries) ?? []
    return found?.state === 'held' && found
  })
  t.match(delivery.reason, { code: 'outcome-unknown' })
  t.equal(axis.state().documents.length, 1)
  axis.addFaults([{ service: 'sendEdoc', fault: 'reset', times: 1 }])
  await submit(bus, 'document.status-reported.v1', example('document.status-reported.v1.finished'))
  await until(() => axis.state().documents.some(({ messageType }) => messageType === 'status'))
})

t.test('a wrong secret stops the channel and kills nothing', async (t) => {
  for (const variant of ['sdk', 'rest'] as const) {
    const { bus, store, adapter } = await started(t, { variant, settings: { secret: 'another-secret' } })
    await t.rejects(adapter.probe(AbortSignal.timeout(2_000)), { code: 'partner-denied' })
    const body = example('document.sent.v1.new')
    await submit(bus, 'document.sent.v1', body)
    const delivery = await until(async () => {
      const [found] = (await store.dossier(body.documentId))?.messages.flatMap((view) => view.deliveries) ?? []
      return found?.reason !== undefined && found
    })
    t.match(delivery, { state: 'waiting', reason: { code: 'partner-denied' } })
  }
})
