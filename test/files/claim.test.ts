import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { ClaimOptions, FileClaim } from '../../gateway/files/claim-check.ts'
import { inside, openCanary, openFiles, outside, pdfOf, serve, type TestServer } from './stage.ts'

const messageId = '018f0000-0000-7000-8000-000000000001'
const claiming = (): ClaimOptions => ({
  messageId,
  source: 'one-window',
  signal: new AbortController().signal,
  field: '/files/0/url',
})
const digestOf = (bytes: Uint8Array) => `sha-256:${createHash('sha256').update(bytes).digest('hex')}`
const codeOf = async (work: Promise<unknown>): Promise<GatewayError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof GatewayError) return error
  throw new Error('no GatewayError', { cause: error })
}

async function stageOf(t: Test, answer: Parameters<typeof serve>[0], options: Parameters<typeof openFiles>[1] = {}) {
  const server: TestServer = await serve(answer)
  const stage = openFiles(t.testdir(), { hosts: [inside(server.host)], ...options })
  t.teardown(async () => {
    await stage.close()
    await server.close()
  })
  const claim = (file: FileClaim = {}, more: Partial<ClaimOptions> = {}) =>
    stage.files.claim({ url: `http://${server.host}/don.pdf`, ...file }, { ...claiming(), ...more })
  return { ...stage, server, claim }
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

t.test('a linked file is fetched once and is the same ever after', async (t) => {
  const pdf = pdfOf(200_000, 0x41)
  const { claim, server, files, leftovers } = await stageOf(t, (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/pdf' }).end(pdf),
  )
  const [first, second] = await Promise.all([claim({ name: 'đơn.pdf' }), claim({ name: 'đơn.pdf' })])
  t.same(first, { digest: digestOf(pdf), sizeBytes: pdf.length, mediaType: 'application/pdf', name: 'đơn.pdf' })
  t.same(second, first)
  t.same(await claim(), first)
  t.equal(server.requests.length, 1)
  t.same(await bytesOf(await files.read(first.digest)), pdf)
  t.same(await files.uses(first.digest), [{ kind: 'message', messageId }])
  t.same(leftovers(), [])
})

t.test('a download goes on where it was cut', async (t) => {
  const pdf = pdfOf(300_000, 0x42)
  const ranges: (string | undefined)[] = []
  const { claim } = await stageOf(t, (request, response, count) => {
    ranges.push(request.headers.range)
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const status = from > 0 ? 206 : 200
    const rest = pdf.subarray(from)
    response.writeHead(status, {
      etag: '"v1"',
      'content-length': rest.length,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${pdf.length - 1}/${pdf.length}` } : {}),
    })
    if (count < 3) response.write(rest.subarray(0, 100_000), () => response.destroy())
    else response.end(rest)
  })
  const kept = await claim()
  t.equal(kept.digest, digestOf(pdf))
  t.equal(ranges.length, 3)
  t.equal(ranges[0], undefined)
  t.match(ranges[2], /^bytes=\d+-$/)
})

t.test('a source that has changed the file meanwhile begins anew', async (t) => {
  const [old, young] = [pdfOf(200_000, 0x43), pdfOf(200_000, 0x44)]
  const { claim, files } = await stageOf(t, (_request, response, count) => {
    if (count === 1) {
      response.writeHead(200, { etag: '"v1"', 'content-length': old.length })
      response.write(old.subarray(0, 50_000), () => response.destroy())
    } else response.writeHead(200, { etag: '"v2"' }).end(young)
  })
  const kept = await claim()
  t.equal(kept.digest, digestOf(young))
  t.same(await bytesOf(await files.read(kept.digest)), young)
})

t.test('what is not as announced is refused for good and leaves nothing', async (t) => {
  const pdf = pdfOf(5_000)
  const { claim, files, leftovers } = await stageOf(t, (request, response) => {
    if (request.url === '/page.pdf')
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!DOCTYPE html><html><body>Đăng nhập</body></html>')
    else response.writeHead(200, { 'content-type': request.url === '/png' ? 'image/png' : 'application/pdf' }).end(pdf)
  })
  const at = (file: FileClaim) => codeOf(claim(file))
  t.match(await at({ digest: digestOf(Buffer.from('x')) }), {
    code: 'file-mismatch',
    failure: 'permanent',
    options: { rule: 'digest', field: '/files/0/url' },
  })
  t.match(await at({ sizeBytes: 4_999 }), { code: 'file-mismatch', options: { rule: 'sizeBytes' } })
  t.match(await at({ mediaType: 'image/png' }), { code: 'file-mismatch', options: { rule: 'mediaType' } })
  t.match(await at({ name: 'ảnh.png' }), { code: 'file-mismatch', options: { rule: 'mediaType' } })
  for (const name of [
    '../../etc/passwd',
    'a\\b.pdf',
    'a\u0000.pdf',
    'a\r\nb.pdf',
    'hoso\u202Efdp.exe',
    ' ',
    'x'.repeat(2000),
  ])
    t.match(await at({ name }), { code: 'file-name-refused', failure: 'permanent' })
  t.same(await files.find(digestOf(pdf)), undefined)
  t.same(leftovers(), [])
})

t.test('one link named twice is held to each announcement', async (t) => {
  const pdf = pdfOf(5_000)
  const { claim, server } = await stageOf(t, (_request, response) => response.end(pdf))
  await claim({ digest: digestOf(pdf), name: 'a.pdf' })
  t.match(await codeOf(claim({ digest: digestOf(Buffer.from('x')) })), {
    code: 'file-mismatch',
    options: { rule: 'digest', field: '/files/0/url' },
  })
  t.match(await codeOf(claim({ sizeBytes: 1 })), { code: 'file-mismatch', options: { rule: 'sizeBytes' } })
  t.match(await codeOf(claim({ name: 'a.png' })), { code: 'file-mismatch', options: { rule: 'mediaType' } })
  t.match(await codeOf(claim({ name: '../a.pdf' })), { code: 'file-name-refused' })
  t.match(await claim({ name: 'b.pdf', sizeBytes: 5_000 }), { name: 'b.pdf' })
  t.equal(server.requests.length, 1)
})

t.test('a host that keeps everybody waiting keeps nobody from another', async (t) => {
  const silent = await serve(() => undefined)
  const good = await serve((_request, response) => response.end(pdfOf(100)))
  const hosts = [inside(silent.host), inside(good.host)]
  const { files, close } = openFiles(t.testdir(), { hosts, concurrency: 1 })
  t.teardown(() => Promise.all([silent.close(), good.close()]))
  const waiting = ['a', 'b'].map((name) => codeOf(files.claim({ url: `http://${silent.host}/${name}` }, claiming())))
  t.match(await files.claim({ url: `http://${good.host}/c` }, claiming()), { sizeBytes: 100 })
  await close()
  for (const error of await Promise.all(waiting)) t.match(error, { code: 'file-unavailable', failure: 'transient' })
})

t.test('a web page in a file’s place, and a type off the list, are refused', async (t) => {
  const page = '<!DOCTYPE html><html><body>Phiên đăng nhập đã hết hạn</body></html>'
  const { claim } = await stageOf(t, (request, response) =>
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end(request.url === '/don.pdf' ? page : Buffer.from(`MZ\u0090\u0000${'x'.repeat(300)}`, 'latin1')),
  )
  t.match(await codeOf(claim({ name: 'don.pdf' })), { code: 'file-mismatch' })
  t.match(await codeOf(claim({})), { code: 'file-type-refused', options: { detail: 'It is text/html.' } })
})

t.test('a file too large is broken off, told by its head or not', async (t) => {
  let sentBytes = 0
  const { claim, leftovers, server } = await stageOf(
    t,
    (request, response) => {
      if (request.url === '/don.pdf')
        return response.writeHead(200, { 'content-length': 10_000_000 }).end(Buffer.alloc(1))
      const piece = Buffer.concat([pdfOf(64 * 1024)])
      const more = () => {
        if (response.destroyed || sentBytes > 500_000_000) return
        sentBytes += piece.length
        response.write(piece, more)
      }
      return more()
    },
    { maxBytes: 100_000 },
  )
  const tooLarge = {
    code: 'file-too-large',
    status: 413,
    failure: 'permanent',
    options: { detail: 'The limit is 100000 bytes.' },
  }
  t.match(await codeOf(claim()), tooLarge)
  t.match(await codeOf(claim({ url: `http://${server.host}/endless` })), tooLarge)
  t.ok(sentBytes < 20_000_000)
  t.same(leftovers(), [])
})

t.test('an endless drip ends with the deadline, as something that may pass', async (t) => {
  const { claim, leftovers } = await stageOf(
    t,
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/pdf' }).write(pdfOf(100))
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    },
    { deadlineMs: 400 },
  )
  t.match(await codeOf(claim()), { code: 'file-unavailable', failure: 'transient', failureCause: 'timeout' })
  t.same(leftovers(), [])
})

t.test('what a source compresses unasked is never inflated', async (t) => {
  const bomb = gzipSync(Buffer.alloc(20_000_000))
  const { claim, leftovers } = await stageOf(t, (_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/pdf' }).end(bomb),
  )
  t.match(await codeOf(claim()), { code: 'file-unavailable', options: { detail: 'Its source compresses it unasked.' } })
  t.same(leftovers(), [])
})

t.test('a source that does not have the file, or does not answer, is waited for', async (t) => {
  const { claim, server } = await stageOf(t, (_request, response, count) =>
    response.writeHead([404, 403, 500, 500, 500, 500, 500, 410][count - 1] ?? 200).end(pdfOf(100)),
  )
  t.match(await codeOf(claim()), {
    code: 'file-unavailable',
    failure: 'transient',
    options: { detail: 'Its source answered 404.' },
  })
  t.match(await codeOf(claim()), { code: 'file-unavailable', failure: 'transient' })
  t.equal(server.requests.length, 2)
  t.match(await codeOf(claim()), {
    code: 'file-unavailable',
    failure: 'transient',
    options: { answer: { code: '500' } },
  })
  t.equal(server.requests.length, 7)
  t.match(await codeOf(claim()), { code: 'file-unavailable', failure: 'permanent', failureCause: 'contract' })
  t.match(await claim(), { sizeBytes: 100 })
  await server.close()
  t.match(await codeOf(claim({}, { messageId: '018f0000-0000-7000-8000-000000000002' })), {
    code: 'file-unavailable',
    failure: 'transient',
  })
})

t.test('no link leads inside, however it is written', async (t) => {
  const canary = await openCanary()
  t.teardown(() => canary.close())
  const { port } = canary
  const names = [
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    '0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::]',
    'localhost',
    'LOCALHOST.',
    '10.0.0.1',
    '169.254.169.254',
    '[fd00::1]',
    '[fe80::1]',
    '[64:ff9b::7f00:1]',
  ].map((name) => `${name}:${port}`)
  // Even when a careless list names them: being listed is not being inside.
  for (const hosts of [[], names.map(outside)]) {
    const stage = openFiles(t.testdir(), { hosts })
    for (const name of names)
      t.match(
        await codeOf(stage.files.claim({ url: `http://${name}/x` }, claiming())),
        { code: 'file-link-forbidden', failure: 'permanent' },
        name,
      )
    for (const url of [
      'file:///etc/passwd',
      'ftp://a.example/x',
      'gopher://127.0.0.1',
      'http://',
      `http://u:p@127.0.0.1:${port}/`,
      'data:,x',
    ])
      t.match(await codeOf(stage.files.claim({ url }, claiming())), { code: 'file-link-forbidden' }, url)
    t.same(stage.leftovers(), [])
    await stage.close()
  }
  t.equal(canary.connections(), 0)
})

t.test('a redirect is held to the same rules at each step', async (t) => {
  const canary = await openCanary()
  t.teardown(() => canary.close())
  const pdf = pdfOf(1000)
  const { claim, server } = await stageOf(t, (request, response) => {
    const to = new Map([
      ['/inside', `http://127.0.0.1:${canary.port}/secret`],
      ['/name', `http://localhost:${canary.port}/secret`],
      ['/file', 'file:///etc/passwd'],
      ['/loop', '/loop'],
      ['/good', '/elsewhere'],
    ]).get(request.url ?? '')
    if (to === undefined) response.writeHead(200).end(pdf)
    else response.writeHead(302, { location: to }).end()
  })
  for (const path of ['inside', 'name', 'file', 'loop'])
    t.match(
      await codeOf(claim({ url: `http://${server.host}/${path}` })),
      { code: 'file-link-forbidden', failure: 'permanent' },
      path,
    )
  t.match(await claim({ url: `http://${server.host}/good` }), { sizeBytes: 1000 })
  t.equal(canary.connections(), 0)
})

t.test('our own link is read from our own copy, and nobody else’s digest opens a file', async (t) => {
  const { files, leftovers } = await stageOf(t, (_request, response) => response.end())
  const pdf = pdfOf(1234)
  const arrived = await files.arrive(
    (async function* () {
      yield pdf
    })(),
    { name: 'ket-qua.pdf' },
    { signal: new AbortController().signal },
  )
  const kept = await arrived.keep({ kind: 'sender', system: 'land-vbdlis' })
  const link = files.linkTo(kept, Date.now() + 60_000)
  t.match(link, /^https:\/\/gateway\.example\/files\/[0-9a-f]{64}\/ket-qua\.pdf\?exp=\d+&sig=[\w-]{43}$/)
  t.match(await files.claim({ url: link }, claiming()), { digest: kept.digest })
  t.match(await codeOf(files.claim({ url: link.replace('sig=', 'sig=A') }, claiming())), {
    code: 'file-link-forbidden',
  })
  const other = { ...claiming(), messageId: '018f0000-0000-7000-8000-000000000009' }
  t.match(await codeOf(files.claim({ digest: kept.digest }, other)), { code: 'file-unavailable', failure: 'transient' })
  const owner = { ...other, source: 'land-vbdlis' }
  t.match(await files.claim({ digest: kept.digest }, owner), { sizeBytes: 1234 })
  t.match(await codeOf(files.claim({ digest: kept.digest, mediaType: 'image/png' }, owner)), { code: 'file-mismatch' })
  t.same(leftovers(), [])
})
