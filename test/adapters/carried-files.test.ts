import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { carryFiles, keepInlineFiles, noteFiles } from '../../adapters/files/carried-files.ts'
import type { Attempt, ChannelAdapter } from '../../gateway/bus/adapter.ts'
import type { Draft, Message } from '../../gateway/bus/message.ts'
import { filesIn } from '../../mappings/files.ts'
import { inside, openFiles, pdfOf, piecesOf, serve } from '../files/stage.ts'
import { testFolder } from '../test-folder.ts'

const signal = new AbortController().signal
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const messageOf = (body: unknown, id = '018f0000-0000-7000-8000-000000000001'): Message => ({
  id,
  type: 'dossier.received.v1',
  source: 'one-window',
  subject: 'x',
  acceptedAtMs: Date.now(),
  correlationId: 'c',
  idempotencyKey: 'k',
  body,
  bodyDigest: 'sha-256:0',
})

async function stageOf(t: Test, answer: Parameters<typeof serve>[0]) {
  const server = await serve(answer)
  const stage = openFiles(testFolder(t), { hosts: [inside(server.host)] })
  t.teardown(async () => {
    await stage.close()
    await server.close()
  })
  const delivered: Message[] = []
  const plain: ChannelAdapter = {
    async deliver(message, attempt) {
      delivered.push(message, ...(await attempt.earlier(['dossier.received.v1'])))
      return { receipt: { sentDigest: 'sha-256:1' } }
    },
    probe: async () => undefined,
    close: async () => undefined,
  }
  const failures: unknown[] = []
  const options = {
    files: stage.files,
    linkLifetimeMs: 60_000,
    signatureRoutes: [],
    tap: { failed: ({ error }: { error: unknown }) => void failures.push(error) },
  }
  const attempt = (earlier: readonly Message[] = []): Attempt => ({
    deliveryId: 'd',
    number: 1,
    route: 'dossier-sync',
    memory: {},
    earlier: async () => earlier,
    beforeSend() {},
  })
  return { ...stage, server, delivered, adapter: carryFiles(plain, options), options, attempt, failures }
}

t.test('a receiver is given our links, digests, sizes and types, and the receipt names the digests', async (t) => {
  const pdf = pdfOf(5000)
  const { adapter, delivered, server, attempt } = await stageOf(t, (_request, response) => response.end(pdf))
  const url = `http://${server.host}/noi-bo/1?t=x`
  const before = messageOf({ submittedFiles: [{ url }] }, '018f0000-0000-7000-8000-000000000002')
  const message = messageOf({ submittedFiles: [{ name: 'Giấy chứng nhận 12/UBND', url, digitised: true }] })
  const outcome = await adapter.deliver?.(message, attempt([before]), signal)
  t.same(outcome?.receipt, { sentDigest: 'sha-256:1', files: [`sha-256:${sha256(pdf)}`] })
  for (const one of delivered) {
    const [place] = filesIn(one.body)
    t.match(place?.file, { digest: `sha-256:${sha256(pdf)}`, sizeBytes: 5000, mediaType: 'application/pdf' })
    t.match(place?.file.url, /^https:\/\/gateway\.example\/files\//)
  }
  t.match(filesIn(delivered[0]?.body)[0]?.file, { name: 'Giấy chứng nhận 12/UBND', digitised: true })
  await adapter.deliver?.(message, attempt(), signal)
  t.equal(server.requests.length, 2, 'once for each message')
})

t.test(
  'a delivery whose file is not as announced is held, one whose source is away waits, and nothing is sent',
  async (t) => {
    const { adapter, delivered, server, attempt } = await stageOf(t, (request, response) => {
      response.writeHead(request.url === '/away' ? 404 : 200).end(pdfOf(100))
    })
    const deliver = (file: Record<string, unknown>) =>
      (async () => void (await adapter.deliver?.(messageOf({ results: [file] }), attempt(), signal)))()
    await t.rejects(deliver({ url: `http://${server.host}/a`, digest: `sha-256:${'0'.repeat(64)}` }), {
      code: 'file-mismatch',
      failure: 'permanent',
      options: { field: '/results/0' },
    })
    await t.rejects(deliver({ url: `http://${server.host}/away` }), {
      code: 'file-unavailable',
      failure: 'transient',
      options: { field: '/results/0', detail: 'Its source answered 404.' },
    })
    for (const name of ['../../etc/passwd', '..', '/etc/passwd', 'C:\\x', 'a\u0007'])
      await t.rejects(deliver({ url: `http://${server.host}/b`, name }), { code: 'file-name-refused' }, name)
    await t.rejects(deliver({ url: 'http://10.0.0.1/a' }), { code: 'file-link-forbidden', failure: 'permanent' })
    t.same(delivered, [])
  },
)

t.test('base64 goes aside before a message is accepted, and what is malformed is refused', async (t) => {
  const { options, files, failures } = await stageOf(t, (_request, response) => response.end())
  const accepted: Draft[] = []
  const gateway = keepInlineFiles(
    {
      accept: async (drafts: readonly Draft[]) => {
        accepted.push(...drafts)
        return drafts.map(() => ({ kind: 'stored', messageId: messageOf({}).id, receipt: '' }) as const)
      },
      // Nothing else of it is asked.
    } as never,
    options,
  )
  const draftOf = (contentBase64: string): Draft => ({
    type: 'dossier.submitted.v1',
    source: 'national-portal',
    subject: 'x',
    body: { applicationFile: { name: 'don.pdf', contentBase64 } },
    idempotency: { kind: 'key', key: 'k' },
  })
  const pdf = pdfOf(3000)
  await gateway.accept([draftOf(pdf.toString('base64'))])
  const digest = `sha-256:${sha256(pdf)}`
  t.same(accepted[0]?.body, {
    applicationFile: { name: 'don.pdf', digest, sizeBytes: 3000, mediaType: 'application/pdf' },
  })
  t.same((await files.uses(digest)).map(({ kind }) => kind).sort(), ['message', 'sender'])
  await t.rejects(gateway.accept([draftOf('%%%')]), {
    code: 'file-unreadable',
    options: { field: '/body/applicationFile/contentBase64' },
  })
  await t.rejects(gateway.accept([draftOf(Buffer.alloc(1024 * 1024 + 1).toString('base64'))]), {
    code: 'file-too-large',
    status: 413,
    options: { detail: 'The limit is 1048576 bytes.' },
  })
  t.equal(accepted.length, 1)
  t.same(failures, [])
})

t.test('who names a stranger’s file by its digest is not given it', async (t) => {
  const { options, files, adapter, attempt, delivered } = await stageOf(t, (_request, response) => response.end())
  const { id, idempotencyKey: _, ...told } = messageOf({})
  const gateway = noteFiles(
    // Nothing else of it is asked.
    { accept: async () => [{ kind: 'stored', messageId: id, receipt: '' }] } as never,
    options,
  )
  const arrival = await files.arrive(piecesOf(pdfOf(500)), { name: 'mat.pdf' }, { signal })
  const { digest } = await arrival.keep({ kind: 'sender', system: 'land-vbdlis' })
  const body = { results: [{ name: 'mat.pdf', digest }] }
  await gateway.accept([{ ...told, body, idempotency: { kind: 'key', key: 'k' } }])
  t.same(await files.uses(digest), [{ kind: 'sender', system: 'land-vbdlis' }], 'nobody new may read it')
  await t.rejects((async () => void (await adapter.deliver?.(messageOf(body), attempt(), signal)))(), {
    code: 'file-unavailable',
  })
  t.same(delivered, [])
})
