import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { CompactSign, compactVerify, exportJWK, flattenedVerify, generateKeyPair, importJWK } from 'jose'
import t from 'tap'
import { request } from 'undici'
import { demoDossiers } from '../../simulators/demo/dossiers.ts'
import { startPortal } from '../../simulators/national-portal/portal.ts'
import { clientKeyIn, newClientKey } from '../../simulators/one-window/canonical-client.ts'
import { type OneWindow, type OneWindowOptions, startOneWindow } from '../../simulators/one-window/one-window.ts'

interface Seen {
  readonly path: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

interface Teardown {
  teardown(end: () => unknown): unknown
}

/** The gateway as far as the one-window can see it: a key set, and doors that remember what came. */
async function farSide(test: Teardown) {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'gateway-1', alg: 'ES256' }] }
  const seen: Seen[] = []
  const server = createServer((incoming, outgoing) => {
    incoming.setEncoding('utf8')
    let body = ''
    incoming.on('data', (text) => {
      body += text
    })
    incoming.on('end', () => {
      if (incoming.url === '/.well-known/jwks.json') outgoing.end(JSON.stringify(keys))
      else {
        seen.push({ path: incoming.url, headers: incoming.headers, body })
        outgoing.writeHead(202).end('{"receipt":"demo"}')
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.teardown(() => server.close())
  // A listening TCP server has an AddressInfo.
  const { port } = server.address() as AddressInfo
  const sign = (claims: Readonly<Record<string, unknown>>, header: Readonly<Record<string, string>> = {}) =>
    new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'ES256', kid: 'gateway-1', typ: 'lienthong-message+jwt', ...header })
      .sign(privateKey)
  return { url: `http://127.0.0.1:${port}`, seen, sign }
}

async function oneWindowFor(test: Teardown, options: OneWindowOptions = {}) {
  const gateway = await farSide(test)
  const oneWindow = await startOneWindow({ gateway: { url: gateway.url, id: 'lien-thong' }, ...options })
  test.teardown(() => oneWindow.close())
  return { gateway, oneWindow }
}

async function deliver(oneWindow: OneWindow, body: string, contentType = 'application/jose') {
  const answer = await request(oneWindow.inboxUrl, { method: 'POST', headers: { 'content-type': contentType }, body })
  return { status: answer.statusCode, text: await answer.body.text() }
}

async function order(oneWindow: OneWindow, path: string, document: unknown) {
  const answer = await request(`${oneWindow.url}/_sim/${path}`, { method: 'POST', body: JSON.stringify(document) })
  return { status: answer.statusCode, document: await answer.body.json() }
}

const claims = { jti: 'm-1', iat: 1, aud: 'one-window', type: 'dossier.submitted.v1', body: { dossierCode: 'x' } }

t.test('a message the gateway has signed is kept, in order of arrival', async (t) => {
  const { gateway, oneWindow } = await oneWindowFor(t, { audience: 'one-window' })
  t.match(await deliver(oneWindow, await gateway.sign(claims)), { status: 200, text: /accepted/ })
  t.match(await deliver(oneWindow, await gateway.sign({ ...claims, jti: 'm-2' })), { status: 200 })
  t.match(oneWindow.state().messages, [{ jti: 'm-1', document: claims, repeats: 0 }, { jti: 'm-2' }])
})

t.test('a repeat under the same jti is kept once, even when signed again', async (t) => {
  const { gateway, oneWindow } = await oneWindowFor(t)
  await deliver(oneWindow, await gateway.sign(claims))
  t.match(await deliver(oneWindow, await gateway.sign({ ...claims, iat: 2 })), { status: 200, text: /duplicate/ })
  t.match(oneWindow.state().messages, [{ jti: 'm-1', repeats: 1 }])
  const changed = { ...claims, body: { dossierCode: 'y' } }
  t.match(await deliver(oneWindow, await gateway.sign(changed)), { status: 409 })
  t.match(oneWindow.state().messages, [{ document: claims }])
})

t.test('what the gateway has not signed for us is turned away', async (t) => {
  const { gateway, oneWindow } = await oneWindowFor(t, { audience: 'one-window' })
  const stranger = await farSide(t)
  const good = await gateway.sign(claims)
  const [header, , signature] = good.split('.')
  const forged = Buffer.from(JSON.stringify({ ...claims, jti: 'm-9' })).toString('base64url')
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${forged}.`
  const wrong: Readonly<Record<string, string>> = {
    'a stranger’s key': await stranger.sign(claims),
    'an unknown kid': await gateway.sign(claims, { kid: 'gateway-2' }),
    'another typ': await gateway.sign(claims, { typ: 'lienthong-receipt+jwt' }),
    'an exchanged body': `${header}.${forged}.${signature}`,
    unsigned,
    'no JWS': JSON.stringify(claims),
    'another audience': await gateway.sign({ ...claims, aud: 'national-portal' }),
    'no jti': await gateway.sign({ ...claims, jti: undefined }),
    'a list': await gateway.sign([claims] as unknown as Readonly<Record<string, unknown>>),
  }
  for (const [name, token] of Object.entries(wrong)) {
    t.match(await deliver(oneWindow, token), { status: 401, text: '{"error":"unauthorized"}' }, name)
  }
  t.match(await deliver(oneWindow, good, 'application/json'), { status: 415 })
  t.same(oneWindow.state().messages, [])
  t.equal(oneWindow.state().refused.length, Object.keys(wrong).length + 1)
  t.match(await deliver(oneWindow, good), { status: 200 }, 'the valid twin is taken')
})

t.test('without a gateway, or without its keys, nothing can be believed yet', async (t) => {
  const gateway = await farSide(t)
  const oneWindow = await startOneWindow()
  t.teardown(() => oneWindow.close())
  t.match(await deliver(oneWindow, await gateway.sign(claims)), { status: 503 })
  t.match(await order(oneWindow, 'send-message', { type: 'x' }), { status: 400 })
  await order(oneWindow, 'gateway', { url: gateway.url, id: 'lien-thong', jwksPath: '/nothing' })
  t.match(await deliver(oneWindow, await gateway.sign(claims)), { status: 503 })
  await order(oneWindow, 'gateway', { url: gateway.url, id: 'lien-thong' })
  t.match(await deliver(oneWindow, await gateway.sign(claims)), { status: 200 })
})

t.test('the inbox goes wrong on demand', async (t) => {
  const { gateway, oneWindow } = await oneWindowFor(t)
  const token = await gateway.sign(claims)
  await order(oneWindow, 'faults', [{ fault: 'effect-then-drop' }, { fault: '503', retryAfter: '3' }])
  await t.rejects(deliver(oneWindow, token))
  t.equal(oneWindow.state().messages.length, 1)
  t.match(await deliver(oneWindow, token), { status: 503 })
  t.match(await deliver(oneWindow, token), { status: 200, text: /duplicate/ })
  await order(oneWindow, 'reset', {})
  t.same(oneWindow.state(), { messages: [], refused: [] })
})

t.test('canonical messages are signed with its own key, around the document or beside it', async (t) => {
  const { gateway, oneWindow } = await oneWindowFor(t)
  const key = await importJWK(oneWindow.key.publicJwk, 'ES256')
  const message = { type: 'dossier.received.v1', body: { dossierCode: 'x' }, jti: 'm-7' }
  t.match(await order(oneWindow, 'send-message', message), { status: 200, document: { status: 202, jti: 'm-7' } })
  await order(oneWindow, 'send-message', { ...message, detached: true })
  const [compact, detached] = gateway.seen
  t.match(compact, { path: '/messages', headers: { 'content-type': 'application/jose' } })
  const { payload, protectedHeader } = await compactVerify(compact?.body ?? '', key)
  t.match(JSON.parse(Buffer.from(payload).toString()), { ...message, aud: 'lien-thong', iat: Number })
  t.match(protectedHeader, { alg: 'ES256', kid: oneWindow.key.kid, typ: 'lienthong-message+jwt' })
  t.match(oneWindow.key.kid, /^demo-/)

  t.match(detached, { headers: { 'content-type': 'application/json' } })
  const [header = '', inner, signature = ''] = String(detached?.headers['x-jws-signature']).split('.')
  t.equal(inner, '')
  const beside = Buffer.from(detached?.body ?? '').toString('base64url')
  await t.resolves(flattenedVerify({ protected: header, payload: beside, signature }, key))

  await request(`${oneWindow.url}/_sim/read?path=/dossiers/x`)
  const token = String(gateway.seen[2]?.headers.authorization).replace('Bearer ', '')
  const access = await compactVerify(token, key)
  t.equal(access.protectedHeader.typ, 'lienthong-access+jwt')
  t.equal(gateway.seen[2]?.path, '/dossiers/x')
})

t.test('it speaks to the drop-in door as unchanged products do', async (t) => {
  const portal = await startPortal()
  t.teardown(() => portal.close())
  const oneWindow = await startOneWindow({ gateway: { url: portal.url, id: 'any' } })
  t.teardown(() => oneWindow.close())
  const [dossier] = demoDossiers()
  const [created, step, updated] = dossier?.steps ?? []
  t.match(await order(oneWindow, 'login', {}), { document: { status: 200, document: { session: String } } })
  const batch = { service: 'DongBoHoSoMC', isUpdating: 'False', data: [created?.item] }
  t.match(await order(oneWindow, 'send-batch', batch), { document: { document: { error_code: 0 } } })
  const told = await order(oneWindow, 'send-dossier', { style: 'td', dossier: updated?.item, progress: [step?.item] })
  t.match(told.document, [{ document: { error_code: -3 } }, { document: { error_code: 0 } }, { status: 200 }])
  t.match(await order(oneWindow, 'call', { service: 'TraCuuHoSo', mahoso: dossier?.code }), {
    document: { document: { result: [{ MaHoSo: dossier?.code }] } },
  })
  portal.expireSessions()
  t.match(await order(oneWindow, 'send-batch', batch), { document: { document: { error_code: -1 } } })
  t.match(await order(oneWindow, 'send-dossier', { style: 'other', dossier: {} }), { status: 400 })
})

t.test('a product that renews its session does so once and goes on', async (t) => {
  const portal = await startPortal({ sessionUses: 1 })
  t.teardown(() => portal.close())
  const oneWindow = await startOneWindow({ gateway: { url: portal.url, id: 'any', renewsSession: true } })
  t.teardown(() => oneWindow.close())
  const call = () => oneWindow.dropIn().call({ service: 'LayDanhMucCoQuan' })
  t.match(await call(), { document: { error_code: 0 } })
  t.match(await call(), { document: { error_code: 0 } })
  t.equal(portal.state().logins, 2)
})

t.test('a key in a file is made once, for its owner alone, and used again', async (t) => {
  const file = join(t.testdir(), 'one-window.jwk')
  const made = await clientKeyIn(file)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.same(await clientKeyIn(file), made)
  t.notOk('d' in made.publicJwk)
  t.match(JSON.parse(readFileSync(file, 'utf8')), { kid: made.kid })
  t.not((await newClientKey()).kid, made.kid)
  const broken = join(t.testdir({ 'broken.jwk': '{"kty":"EC"}' }), 'broken.jwk')
  await t.rejects(clientKeyIn(broken), { message: /P-256/ })
})
