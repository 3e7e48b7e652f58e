import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { systemClock } from '../../gateway/bus/clock.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import {
  createHttpClient,
  type HttpAnswer,
  type HttpClient,
  type HttpClientOptions,
  type HttpRequest,
} from '../../gateway/transports/http-client.ts'
import { classifyStatus, connectionFailure } from '../../gateway/transports/partner-failure.ts'

const patience = { connectTimeoutMs: 5_000, answerTimeoutMs: 10_000 }

function clientFor(t: Test, baseUrl: string, options: Partial<HttpClientOptions> = {}): HttpClient {
  const client = createHttpClient({
    baseUrl,
    ...patience,
    concurrency: 1,
    insideNetwork: true,
    clearTextAllowed: true,
    clock: systemClock,
    ...options,
  })
  t.teardown(() => client.close())
  return client
}

async function partner(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function rawPartner(t: Test, onRequest: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => onRequest(socket))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function post(more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'POST', path: '/dossiers', body: '{"a":1}', signal: new AbortController().signal, ...more }
}

async function failureOf(promise: Promise<HttpAnswer>): Promise<GatewayError> {
  const outcome = await promise.then(
    (answer) => new Error(`answered ${answer.status}`),
    (error: unknown) => error,
  )
  if (outcome instanceof GatewayError) return outcome
  throw outcome
}

function counter(): { mark(): void; count(): number } {
  let count = 0
  return {
    mark() {
      count += 1
    },
    count: () => count,
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

t.test(
  'a request arrives whole, with its length, below the base path and with the query as partners write it',
  async (t) => {
    let seen: Record<string, unknown> = {}
    const url = await partner(t, async (request, response) => {
      const { url, method, headers } = request
      seen = { url, method, body: await textOf(request), headers }
      response.writeHead(201, { 'X-Answer': 'yes' }).end('Cập nhật thành công')
    })
    const client = clientFor(t, `${url}/XrdAdapter/RestService/forward/`)
    const answer = await client.send(
      post({
        path: '/mapi/g?x=1',
        query: { dstcode: 'VN:GOV:000.00.00.G22:svc', name: 'a b&c' },
        headers: { 'Content-Type': 'application/json' },
      }),
    )
    t.equal(answer.status, 201)
    t.equal(answer.headers['x-answer'], 'yes')
    t.equal(answer.body.toString(), 'Cập nhật thành công')
    t.match(seen, {
      method: 'POST',
      url: '/XrdAdapter/RestService/forward/mapi/g?x=1&dstcode=VN:GOV:000.00.00.G22:svc&name=a%20b%26c',
      body: '{"a":1}',
      headers: { 'content-length': '7', 'content-type': 'application/json', 'accept-encoding': 'identity' },
    })
  },
)

t.test('beforeSend is called once a connection is open, and what it throws keeps every byte back', async (t) => {
  let requests = 0
  const url = await partner(t, (_request, response) => {
    requests += 1
    response.end('ok')
  })
  const client = clientFor(t, url)
  const lost = new GatewayError('lease-lost')
  const failure = await failureOf(
    client.send(
      post({
        beforeSend() {
          throw lost
        },
      }),
    ),
  )
  t.equal(failure, lost)
  t.equal(requests, 0)
  const calls = counter()
  const answer = await client.send(post({ beforeSend: calls.mark }))
  t.equal(answer.body.toString(), 'ok', 'the connection is still good')
  t.equal(calls.count(), 1)
  t.equal(requests, 1)
})

t.test('a refused connection is transient: nothing was sent', async (t) => {
  const server = createTcpServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  const calls = counter()
  const client = clientFor(t, `http://127.0.0.1:${port}`)
  const failure = await failureOf(client.send(post({ beforeSend: calls.mark })))
  t.match(failure, { code: 'partner-refused-connection', failure: 'transient', failureCause: 'tcp' })
  t.equal(calls.count(), 0)
})

t.test('a name that does not resolve stops the channel', async (t) => {
  const failure = await failureOf(clientFor(t, 'http://partner.invalid').send(post()))
  t.match(failure, { code: 'partner-unresolved', failure: 'channel', failureCause: 'dns' })
})

t.test('a connection reset after the request was sent is ambiguous', async (t) => {
  const url = await rawPartner(t, (socket) => socket.resetAndDestroy())
  const failure = await failureOf(clientFor(t, url).send(post()))
  t.match(failure, { code: 'partner-cut-off', failure: 'ambiguous' })
})

t.test('a look-up cut off is transient: doing it again does no harm', async (t) => {
  const url = await rawPartner(t, (socket) => socket.destroy())
  const failure = await failureOf(clientFor(t, url).send(post({ isIdempotent: true })))
  t.match(failure, { code: 'partner-cut-off', failure: 'transient' })
})

t.test('an answer cut off in its body is ambiguous', async (t) => {
  const url = await rawPartner(t, (socket) => {
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')
  })
  const failure = await failureOf(clientFor(t, url).send(post()))
  t.match(failure, { code: 'partner-cut-off', failure: 'ambiguous' })
})

t.test('an answer that is not HTTP is ambiguous and unreadable', async (t) => {
  const url = await rawPartner(t, (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n\r\n'))
  const failure = await failureOf(clientFor(t, url).send(post()))
  t.match(failure, { code: 'partner-answer-unreadable', failure: 'ambiguous' })
})

t.test('no answer in time is ambiguous', async (t) => {
  const url = await rawPartner(t, () => {})
  const failure = await failureOf(clientFor(t, url, { answerTimeoutMs: 50 }).send(post()))
  t.match(failure, { code: 'partner-timeout', failure: 'ambiguous' })
})

t.test('a body that drips for ever ends at the deadline for the whole', async (t) => {
  const url = await partner(t, (_request, response) => {
    response.writeHead(200)
    const drip = setInterval(() => response.write('.'), 5)
    response.on('close', () => clearInterval(drip))
  })
  const failure = await failureOf(clientFor(t, url, { answerTimeoutMs: 100 }).send(post()))
  t.match(failure, { code: 'partner-timeout', failure: 'ambiguous' })
})

t.test('a deadline that passes while the request waits for a free connection is transient', async (t) => {
  const url = await rawPartner(t, () => {})
  const client = clientFor(t, url)
  const first = failureOf(client.send(post({ deadlineMs: 400 })))
  const second = await failureOf(client.send(post({ deadlineMs: 50 })))
  t.match(second, { code: 'partner-timeout', failure: 'transient' })
  t.match(await first, { code: 'partner-timeout', failure: 'ambiguous' })
})

t.test('being told to stop is transient before sending and ambiguous after', async (t) => {
  const stopped = new AbortController()
  stopped.abort()
  const untouched = await partner(t, () => t.fail('nothing may arrive'))
  t.match(await failureOf(clientFor(t, untouched).send(post({ signal: stopped.signal }))), { failure: 'transient' })

  const stopper = new AbortController()
  const url = await rawPartner(t, () => stopper.abort())
  t.match(await failureOf(clientFor(t, url).send(post({ signal: stopper.signal }))), { failure: 'ambiguous' })
})

t.test('an endless answer is broken off at the limit', async (t) => {
  let wasClosed: () => void = () => {}
  const closed = new Promise<void>((resolve) => {
    wasClosed = resolve
  })
  const url = await partner(t, (_request, response) => {
    response.on('close', wasClosed)
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384))) {}
    }
    response.on('drain', more)
    more()
  })
  const failure = await failureOf(clientFor(t, url, { maxAnswerBytes: 100_000 }).send(post()))
  t.match(failure, { code: 'partner-answer-unreadable', failure: 'ambiguous' })
  await closed
})

t.test('an answer of exactly the limit is taken', async (t) => {
  const url = await partner(t, (_request, response) => void response.end(Buffer.alloc(1000)))
  const answer = await clientFor(t, url, { maxAnswerBytes: 1000 }).send(post())
  t.equal(answer.body.length, 1000)
})

t.test('a compressed answer is never inflated', async (t) => {
  const bomb = gzipSync(Buffer.alloc(10_000_000))
  const url = await partner(t, (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
  })
  const failure = await failureOf(clientFor(t, url, { maxAnswerBytes: 100_000 }).send(post()))
  t.match(failure, { code: 'partner-answer-unreadable', failure: 'ambiguous' })
})

t.test('a redirect to the inside is an answer, not an order', async (t) => {
  const secret = await partner(t, () => t.fail('the redirect was followed'))
  const url = await partner(t, (_request, response) => void response.writeHead(307, { location: secret }).end())
  const answer = await clientFor(t, url).send(post())
  t.equal(answer.status, 307)
  t.match(classifyStatus(answer, 0), { code: 'partner-address-wrong', failure: 'channel' })
})

t.test('an address inside is not called unless the system is said to be inside', async (t) => {
  const url = await partner(t, () => t.fail('it was called'))
  const { port } = new URL(url)
  const spellings = ['127.0.0.1', '0177.0.0.1', '2130706433', '0x7f.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]']
  for (const host of spellings) {
    const client = clientFor(t, `http://${host}:${port}`, { insideNetwork: false })
    const failure = await failureOf(client.send(post()))
    t.match(failure, { code: 'partner-forbidden-address', failure: 'channel' }, host)
  }
})

t.test('a name that leads inside is called when the system is said to be inside', async (t) => {
  const url = await partner(t, (_request, response) => void response.end('ok'))
  const answer = await clientFor(t, `http://localhost:${new URL(url).port}`).send(post())
  t.equal(answer.status, 200)
})

t.test('a connection is used again', async (t) => {
  const ports = new Set<number | undefined>()
  const url = await partner(t, (request, response) => {
    ports.add(request.socket.remotePort)
    response.end('ok')
  })
  const client = clientFor(t, url)
  for (let turn = 0; turn < 3; turn += 1) await client.send(post())
  t.equal(ports.size, 1)
})

t.test('base URLs that would leak or mislead are refused', async (t) => {
  for (const baseUrl of ['http://u:p@partner.example/', 'http://partner.example/?a=1', 'ftp://partner.example/'])
    t.throws(() => clientFor(t, baseUrl), baseUrl)
  t.throws(() => clientFor(t, 'http://partner.example/', { clearTextAllowed: false }))
  t.doesNotThrow(() => clientFor(t, 'https://partner.example/base', { clearTextAllowed: false }))
})

t.test('over TLS', async (t) => {
  const folder = t.testdir()
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  for (const name of ['partner', 'stranger']) {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`]
    openssl('req', '-x509', ...key, '-out', `${name}.crt`, '-days', '2', ...subject)
  }
  const pem = (name: string) => readFileSync(at(name))
  const identity = { key: pem('partner.key'), cert: pem('partner.crt') }
  const secure = async (t: Test, more: object = {}): Promise<string> => {
    const server = createTlsServer({ ...identity, ...more }, (_request, response) => void response.end('ok'))
    server.on('tlsClientError', () => {})
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  t.test('a partner whose certificate we trust is spoken to', async (t) => {
    const answer = await clientFor(t, await secure(t), { tls: { ca: pem('partner.crt') } }).send(post())
    t.equal(answer.status, 200)
  })
  t.test('an unknown authority stops the channel, and nothing is sent', async (t) => {
    const calls = counter()
    const client = clientFor(t, await secure(t), { tls: { ca: pem('stranger.crt') } })
    const failure = await failureOf(client.send(post({ beforeSend: calls.mark })))
    t.match(failure, { code: 'partner-tls', failure: 'channel', failureCause: 'tls' })
    t.equal(calls.count(), 0)
  })
  t.test('a certificate for another name stops the channel', async (t) => {
    const { port } = new URL(await secure(t))
    const failure = await failureOf(
      clientFor(t, `https://localhost:${port}`, { tls: { ca: pem('partner.crt') } }).send(post()),
    )
    t.match(failure, { code: 'partner-tls', failure: 'channel' })
  })
  t.test('a partner that wants our certificate and gets none stops the channel', async (t) => {
    const mutual = { requestCert: true, rejectUnauthorized: true, ca: pem('partner.crt') }
    const url = await secure(t, { ...mutual, maxVersion: 'TLSv1.2' })
    const without = await failureOf(clientFor(t, url, { tls: { ca: pem('partner.crt') } }).send(post()))
    t.match(without, { code: 'partner-tls', failure: 'channel' })
    const answer = await clientFor(t, url, { tls: { ca: pem('partner.crt'), ...identity } }).send(post())
    t.equal(answer.status, 200)
  })
  t.test('with TLS 1.3 it may say so too late to be heard, and then nothing is claimed', async (t) => {
    const alert = Object.assign(new Error(), { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' })
    t.match(connectionFailure(alert, { wasSent: true }), { code: 'partner-tls', failure: 'channel' })
    const url = await secure(t, { requestCert: true, rejectUnauthorized: true, ca: pem('partner.crt') })
    const without = await failureOf(clientFor(t, url, { tls: { ca: pem('partner.crt') } }).send(post()))
    t.match(without.failure, /^(?:channel|ambiguous)$/)
  })
  t.test('a server that does not speak TLS stops the channel', async (t) => {
    const url = await partner(t, (_request, response) => void response.end('ok'))
    const failure = await failureOf(clientFor(t, url.replace('http:', 'https:')).send(post()))
    t.match(failure, { code: 'partner-tls', failure: 'channel' })
  })
})

t.test('each status has its class', async (t) => {
  const expected = [
    [200, undefined, undefined],
    [204, undefined, undefined],
    [302, 'partner-address-wrong', 'channel'],
    [400, 'partner-refused', 'permanent'],
    [401, 'partner-denied', 'channel'],
    [403, 'partner-denied', 'channel'],
    [404, 'partner-address-wrong', 'channel'],
    [405, 'partner-address-wrong', 'channel'],
    [408, 'partner-busy', 'transient'],
    [409, 'partner-refused', 'permanent'],
    [410, 'partner-gone', 'permanent'],
    [422, 'partner-refused', 'permanent'],
    [429, 'partner-busy', 'transient'],
    [500, 'partner-failed', 'ambiguous'],
    [502, 'partner-failed', 'ambiguous'],
    [503, 'partner-busy', 'transient'],
    [504, 'partner-failed', 'ambiguous'],
  ] as const
  for (const [status, code, failure] of expected) {
    const fault = classifyStatus({ status, headers: {}, body: Buffer.alloc(0) }, 0)
    t.equal(fault?.code, code, String(status))
    t.equal(fault?.failure, failure, String(status))
  }
})

t.test('Retry-After is understood in both forms, and bounded', async (t) => {
  const nowMs = Date.parse('2026-11-02T08:00:00Z')
  const waits = (value: string) =>
    classifyStatus({ status: 429, headers: { 'retry-after': value }, body: Buffer.alloc(0) }, nowMs)?.options
      .retryAfterMs
  const date = 'Tue, 03 Nov 2026 09:00:00 GMT' // its clock is 25 hours ahead
  const ahead = { 'retry-after': 'Tue, 03 Nov 2026 09:00:30 GMT', date }
  t.equal(classifyStatus({ status: 503, headers: ahead, body: Buffer.alloc(0) }, nowMs)?.options.retryAfterMs, 30_000)
  t.equal(waits('120'), 120_000)
  t.equal(waits('Mon, 02 Nov 2026 08:02:00 GMT'), 120_000)
  t.equal(waits('Mon, 02 Nov 2026 07:00:00 GMT'), 0, 'a time that is past')
  t.equal(waits('99999999999'), 86_400_000)
  for (const nonsense of ['soon', '-5', '1.5', '2026-11-02', '']) t.equal(waits(nonsense), undefined, nonsense)
  const url = await partner(t, (_request, response) => {
    response.writeHead(503, { 'Retry-After': '7' }).end()
  })
  t.equal(classifyStatus(await clientFor(t, url).send(post()), nowMs)?.options.retryAfterMs, 7_000)
})
