import { type AddressInfo, connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { errorTable, GatewayError } from '../../gateway/bus/errors.ts'
import type { RefusedRequest } from '../../gateway/bus/gateway.ts'
import { jwsTypes, verifyJws } from '../../gateway/envelopes/jws.ts'
import { createKeyring, generateSigningJwk } from '../../gateway/envelopes/keyring.ts'
import { createDoorServer, type DoorServerOptions } from '../../gateway/transports/http-door.ts'

const keyring = createKeyring({ signing: generateSigningJwk(), partners: [] })

interface Opened {
  readonly url: string
  readonly port: number
  readonly refusals: RefusedRequest[]
  readonly failures: unknown[]
  readonly drain: () => void
}

/** A server with two doors: `/canonical` answers problems, `/drop-in` answers 200 with a code of its own. */
async function opened(t: Test, options: Partial<DoorServerOptions> = {}): Promise<Opened> {
  const refusals: RefusedRequest[] = []
  const failures: unknown[] = []
  const { server, doors, drain } = createDoorServer({
    gateway: { refused: (request) => void refusals.push(request) },
    tap: { failed: ({ error }) => void failures.push(error) },
    keyring,
    ...options,
  })
  await server.register(async (scope) => {
    doors.open(scope, { name: 'one-window:canonical', mediaTypes: ['application/json', 'application/jose'] })
    scope.post('/canonical', async (request, reply) => {
      const body = doors.bodyOf(request)
      const order = body.toString()
      if (order.includes('known')) doors.markSender(request, 'one-window')
      if (order.includes('claims')) doors.claimSender(request, 'somebody')
      if (order.includes('refuse')) throw new GatewayError('contract-violated', { field: '/a', rule: 'required' })
      if (order.includes('busy')) throw new GatewayError('too-many-requests', { retryAfterMs: 1500 })
      if (order.includes('bug')) throw new Error('secret of our own at /srv/x.ts')
      if (order.includes('empty')) return reply.code(204).send()
      return reply.code(202).type('application/octet-stream').send(body)
    })
    scope.get('/canonical/:id', async (request) => request.params)
  })
  await server.register(async (scope) => {
    doors.open(scope, {
      name: 'one-window:drop-in',
      mediaTypes: ['application/json'],
      maxBodyBytes: 100,
      answerError: (error) => ({ status: 200, mediaType: 'application/json', body: `{"error_code":"${error.code}"}` }),
    })
    scope.post('/drop-in', async (request) => {
      doors.reportRefusal(request, new GatewayError('value-missing', { field: 'MaHoSo' }))
      return 'kept'
    })
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const { port } = server.server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, refusals, failures, drain }
}

function post(url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  return fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
}

/** Bytes in, bytes out: for requests no client would make. */
function spoken(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()))
  })
}

t.test('a body reaches the door byte for byte', async (t) => {
  const { url, refusals } = await opened(t)
  const bytes = Uint8Array.from([0x7b, 0x22, 0xff, 0x00, 0x0d, 0x0a])
  for (const type of ['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON;charset="UTF-8"']) {
    const response = await post(`${url}/canonical`, bytes, { 'content-type': type })
    t.equal(response.status, 202, type)
    t.same(new Uint8Array(await response.arrayBuffer()), bytes)
  }
  t.equal(refusals.length, 0)
})

t.test('a refusal is a problem document, fixed and unsigned for a stranger, and audited once', async (t) => {
  const { url, refusals } = await opened(t)
  const response = await post(`${url}/canonical`, 'claims refuse')
  t.equal(response.status, 422)
  t.equal(response.headers.get('content-type'), 'application/problem+json')
  t.equal(response.headers.get('x-jws-signature'), null)
  const correlationId = response.headers.get('x-correlation-id')
  t.match(correlationId, /^[0-9a-f-]{36}$/)
  t.same(await response.json(), {
    type: 'urn:lien-thong:error:contract-violated',
    title: errorTable['contract-violated'].sentence,
    status: 422,
    vietnamese: errorTable['contract-violated'].vietnamese,
    field: '/a',
    rule: 'required',
    correlationId,
  })
  t.match(refusals, [
    {
      door: 'one-window:canonical',
      remote: '127.0.0.1',
      claimedSender: 'somebody',
      code: 'contract-violated',
      correlationId: `${correlationId}`,
      body: Buffer.from('claims refuse'),
    },
  ])
})

t.test('every answer to a known sender is signed over its very bytes', async (t) => {
  const { url } = await opened(t)
  const key = keyring.signingKey()
  for (const order of ['known', 'known refuse', 'known busy', 'known bug', 'known empty']) {
    const response = await post(`${url}/canonical`, order)
    const payload = new Uint8Array(await response.arrayBuffer())
    const signature = response.headers.get('x-jws-signature') ?? ''
    const keyOf = (kid: string) => (kid === key.kid ? key : undefined)
    await t.resolves(verifyJws(signature, { keyOf, typ: jwsTypes.answer, payload }), order)
    await t.rejects(verifyJws(signature, { keyOf, typ: jwsTypes.answer, payload: Buffer.from('other') }))
  }
  t.equal((await post(`${url}/canonical`, 'hello')).headers.get('x-jws-signature'), null)
})

t.test('an error of our own says nothing of itself and is told to the tap', async (t) => {
  const { url, refusals, failures } = await opened(t)
  const response = await post(`${url}/canonical`, 'bug')
  t.equal(response.status, 500)
  const text = await response.text()
  t.notMatch(text, /secret|srv|Error/)
  t.match(JSON.parse(text), { type: 'urn:lien-thong:error:internal-error' })
  t.match(failures, [{ message: /secret/ }])
  t.equal(refusals.length, 0)
})

t.test('a door answers errors in its own form, before its handler too', async (t) => {
  const { url, refusals } = await opened(t)
  const tooLarge = await post(`${url}/drop-in`, 'x'.repeat(101))
  t.equal(tooLarge.status, 200)
  t.same(await tooLarge.json(), { error_code: 'request-too-large' })
  const wrongType = await post(`${url}/drop-in`, '<a/>', { 'content-type': 'text/xml' })
  t.same(await wrongType.json(), { error_code: 'media-type-unknown' })
  t.same(
    refusals.map(({ door, code }) => [door, code]),
    [
      ['one-window:drop-in', 'request-too-large'],
      ['one-window:drop-in', 'media-type-unknown'],
    ],
  )
})

t.test('a door audits a refused part of a request it takes', async (t) => {
  const { url, refusals } = await opened(t)
  t.equal(await (await post(`${url}/drop-in`, '{}')).text(), 'kept')
  t.match(refusals, [{ door: 'one-window:drop-in', code: 'value-missing' }])
})

t.test('a body over the limit is refused naming the limit; one of exactly the limit is taken', async (t) => {
  const { url, port, refusals } = await opened(t, { limits: { maxBodyBytes: 1000 } })
  t.equal((await post(`${url}/canonical`, 'x'.repeat(1000))).status, 202)
  const response = await post(`${url}/canonical`, 'x'.repeat(1001))
  t.equal(response.status, 413)
  t.match(await response.json(), { detail: /1000 bytes/ })
  const head =
    'POST /canonical HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n'
  const chunked = await spoken(port, `${head}7d0\r\n${'x'.repeat(2000)}\r\n0\r\n\r\n`)
  t.match(chunked, /^HTTP\/1\.1 413 /, 'and nobody has to believe a length')
  t.same(
    refusals.map(({ code }) => code),
    ['request-too-large', 'request-too-large'],
  )
})

t.test('a client that writes its whole request first can read why it was refused', async (t) => {
  const { port } = await opened(t)
  const body = 'x'.repeat(600_000)
  const head = `POST /drop-in HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', reject).pause()
    socket.write(head + body.slice(0, 1_000))
    // Time to answer and close for a server that does not wait; nothing is read before the last byte is written.
    setTimeout(() => {
      socket.write(body.slice(1_000), () => {
        const chunks: Buffer[] = []
        socket.on('data', (chunk) => chunks.push(chunk))
        socket.on('close', () => resolve(Buffer.concat(chunks).toString())).resume()
      })
    }, 50)
  })
  t.match(answer, /request-too-large/)
  t.match(answer, /connection: close/i)
})

t.test('unknown content types and encodings are refused', async (t) => {
  const { url, refusals } = await opened(t)
  const zipped = new Uint8Array(gzipSync('{}'))
  const wrong: readonly Record<string, string>[] = [
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/jsonx' },
    { 'content-type': 'application/json; charset=utf-16' },
    { 'content-type': 'application/json; boundary=x' },
    { 'content-type': 'application/json, application/json' },
    { 'content-encoding': 'gzip' },
  ]
  for (const headers of wrong) {
    const response = await post(`${url}/canonical`, zipped, headers)
    t.equal(response.status, 415, JSON.stringify(headers))
    t.match(await response.json(), { type: 'urn:lien-thong:error:media-type-unknown' })
  }
  t.equal(refusals.length, wrong.length)
  t.equal((await post(`${url}/canonical`, '{}', { 'content-encoding': 'identity' })).status, 202)
})

t.test('a content type on a request without a body means nothing', async (t) => {
  const { url } = await opened(t)
  t.equal((await fetch(`${url}/canonical/7`, { headers: { 'content-type': 'text/plain' } })).status, 200)
})

t.test('a request without a body is unreadable where one is needed', async (t) => {
  const { url } = await opened(t)
  t.match(await (await post(`${url}/canonical`, '')).json(), { type: 'urn:lien-thong:error:request-unreadable' })
  const untyped = await fetch(`${url}/canonical`, { method: 'POST' })
  t.equal(untyped.status, 400)
})

t.test('an unknown path is 404, a known one with another method 405', async (t) => {
  const { url, refusals } = await opened(t)
  const nowhere = await fetch(`${url}/nowhere?token=x`)
  t.equal(nowhere.status, 404)
  t.match(await nowhere.json(), { type: 'urn:lien-thong:error:not-found' })
  const wrongMethod = await fetch(`${url}/canonical/7`, { method: 'DELETE' })
  t.equal(wrongMethod.status, 405)
  t.equal(wrongMethod.headers.get('allow'), 'GET')
  t.equal((await fetch(`${url}/canonical/7`)).status, 200)
  const inItsForm = await fetch(`${url}/drop-in`)
  t.same(await inItsForm.json(), { error_code: 'method-not-allowed' })
  t.same(
    refusals.map(({ door }) => door),
    ['http', 'one-window:canonical', 'one-window:drop-in'],
  )
})

t.test('503 and 429 say when to come back', async (t) => {
  const { url, drain, refusals } = await opened(t)
  t.equal((await post(`${url}/canonical`, 'busy')).headers.get('retry-after'), '2')
  drain()
  const response = await post(`${url}/canonical`, '{}')
  t.equal(response.status, 503)
  t.equal(response.headers.get('retry-after'), '5')
  t.match(await response.json(), { type: 'urn:lien-thong:error:draining' })
  t.equal(refusals.length, 1, 'a drained request is nobody’s fault')
})

t.test('a 401 names the scheme', async (t) => {
  const { server, doors } = createDoorServer({ gateway: { refused() {} }, tap: { failed() {} }, keyring })
  await server.register(async (scope) => {
    doors.open(scope, { name: 'a', mediaTypes: [] })
    scope.get('/a', async () => {
      throw new GatewayError('credential-missing')
    })
  })
  t.teardown(() => server.close())
  const response = await server.inject('/a')
  t.equal(response.statusCode, 401)
  t.match(response.headers['www-authenticate'], /^Bearer/)
})

t.test('the correlation id is ours, whatever the caller sends', async (t) => {
  const { url } = await opened(t)
  const response = await post(`${url}/canonical`, '{}', { 'x-correlation-id': 'mine', 'x-request-id': 'mine' })
  t.match(response.headers.get('x-correlation-id'), /^[0-9a-f]{8}-/)
})

t.test('a forwarded address is believed from a listed proxy only', async (t) => {
  const headers = { 'x-forwarded-for': '203.0.113.9' }
  const trusting = await opened(t, { trustProxy: ['127.0.0.1'] })
  await post(`${trusting.url}/canonical`, 'refuse', headers)
  t.match(trusting.refusals, [{ remote: '203.0.113.9' }])
  const plain = await opened(t)
  await post(`${plain.url}/canonical`, 'refuse', headers)
  t.match(plain.refusals, [{ remote: '127.0.0.1' }])
})

t.test('only the configured host names are answered for', async (t) => {
  const { port } = await opened(t, { hosts: ['gateway.example'] })
  const ask = (host: string) => spoken(port, `GET /canonical/7 HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
  t.match(await ask('Gateway.example:8443'), /^HTTP\/1\.1 200 /)
  t.match(await ask('evil.example'), /^HTTP\/1\.1 421 /)
})

t.test('requests two readers could understand differently are refused and audited once', async (t) => {
  const { port, refusals } = await opened(t)
  const requests: readonly (readonly [string, string])[] = [
    ['two hosts', 'GET /canonical/7 HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n'],
    ['no host', 'GET /canonical/7 HTTP/1.1\r\n\r\n'],
    ['a host that is none', 'GET /canonical/7 HTTP/1.1\r\nhost: a/b@c\r\n\r\n'],
    ['HTTP/0.9', 'GET /canonical/7\r\n\r\n'],
    ['two authorizations', 'GET /canonical/7 HTTP/1.1\r\nhost: a\r\nauthorization: x\r\nauthorization: y\r\n\r\n'],
    [
      'a GET with a body',
      'GET /canonical/7 HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
    ],
    [
      'length and chunks',
      'POST /canonical HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two lengths', 'POST /canonical HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'],
    ['a folded header', 'GET /canonical/7 HTTP/1.1\r\nhost: a\r\nx-a: b\r\n c\r\n\r\n'],
    ['a space before the colon', 'GET /canonical/7 HTTP/1.1\r\nhost : a\r\n\r\n'],
    ['a broken escape', 'GET /canonical/%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'],
    ['an overlong parameter', `GET /canonical/${'x'.repeat(300)} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`],
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ]
  for (const [name, text] of requests) {
    refusals.length = 0
    const answer = await spoken(port, text)
    t.match(answer, /^HTTP\/1\.1 4\d\d /, name)
    t.match(answer, /content-type: application\/problem\+json/i, name)
    t.equal(refusals.length, 1, name)
  }
  t.match(await spoken(port, 'GET /canonical/7 HTTP/1.0\r\nhost: a\r\n\r\n'), /^HTTP\/1\.1 200 /)
})

t.test('header fields over the limit are refused with 431', async (t) => {
  const { port, refusals } = await opened(t, { limits: { maxHeaderBytes: 2048 } })
  const answer = await spoken(port, `GET /canonical/7 HTTP/1.1\r\nhost: a\r\nx-a: ${'b'.repeat(4096)}\r\n\r\n`)
  t.match(answer, /^HTTP\/1\.1 431 /)
  t.match(answer, /urn:lien-thong:error:headers-too-large/)
  t.match(refusals, [{ code: 'headers-too-large', door: 'http' }])
})

t.test('a request that drips is cut off and audited once', async (t) => {
  const { port, refusals } = await opened(t, { limits: { requestTimeoutMs: 200, idleTimeoutMs: 5_000 } })
  const head = 'POST /canonical HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n'
  const answer = await spoken(port, `${head}{`)
  t.match(answer, /^HTTP\/1\.1 408 /)
  t.match(refusals, [{ code: 'request-timeout' }])
  t.equal(refusals.length, 1)
})
