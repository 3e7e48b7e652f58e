import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { oneWindow } from '../../adapters/one-window/one-window.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { signAccessToken } from '../../gateway/envelopes/access-token.ts'
import { jwsTypes, signCompact, verifyJws } from '../../gateway/envelopes/jws.ts'
import type { SigningKey } from '../../gateway/envelopes/keyring.ts'
import {
  dossierBody,
  gatewayId,
  keys,
  type OneWindowGateway,
  send,
  sendRaw,
  startOneWindowGateway,
  statement,
} from './one-window-gateway.ts'

const code = '000.00.01.H47-260105-0001'
const accepted = async (gateway: OneWindowGateway) => (await gateway.journal('accepted')).length

async function read(gateway: { readonly url: string }, path: string, key: SigningKey | undefined = keys.oneWindow) {
  const token = key && (await signAccessToken(key, { audience: gatewayId, nowMs: Date.now() }))
  const answer = await fetch(`${gateway.url}${path}`, token ? { headers: { authorization: `Bearer ${token}` } } : {})
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text }
}

async function settled(gateway: OneWindowGateway, states: readonly string[]) {
  for (;;) {
    const deliveries = (await gateway.store.dossier(code))?.messages.flatMap((view) => view.deliveries) ?? []
    if (deliveries.length > 0 && deliveries.every(({ state }) => states.includes(state))) return deliveries
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

t.test('a signed message is answered 202 with its receipt, compact and detached', async (t) => {
  const gateway = await startOneWindowGateway(t)
  for (const isDetached of [false, true]) {
    const answer = await send(gateway, statement(dossierBody(code)), { isDetached })
    t.equal(answer.status, 202)
    t.equal(answer.headers.get('content-type'), 'application/jose')
    const { payload } = await verifyJws(answer.text, {
      keyOf: (kid) => gateway.keyring.ownKey(kid),
      typ: jwsTypes.receipt,
    })
    const claims = JSON.parse(new TextDecoder().decode(payload))
    t.match(claims, { iss: gatewayId, aud: 'one-window', type: 'dossier.received.v1', subject: code })
    t.equal(answer.headers.get('location'), `/messages/${claims.jti}`)
    t.notOk(answer.headers.get('x-jws-signature'), 'a receipt is a signature already')
  }
  t.equal(await accepted(gateway), 2)
  t.same(gateway.failures, [])
})

t.test('every canonical example its sender may say is taken', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const folder = new URL('../../contracts/canonical/examples/', import.meta.url)
  for (const file of readdirSync(folder)) {
    const [, type = ''] = /^(.+\.v\d+)\./.exec(file) ?? []
    const answer = await send(gateway, statement(JSON.parse(readFileSync(new URL(file, folder), 'utf8')), { type }))
    t.equal(answer.status, oneWindow.says?.includes(type) ? 202 : 403, `${file}: ${answer.text.slice(0, 300)}`)
  }
})

t.test('a repeat is answered with the identical bytes, signed anew, detached, and after a restart too', async (t) => {
  const folder = t.testdir()
  const first = await startOneWindowGateway(t, { folder })
  const claims = statement(dossierBody(code))
  const { text } = await send(first, claims)
  t.equal((await send(first, claims)).text, text)
  t.equal((await send(first, { ...claims, iat: claims.iat - 1 }, { isDetached: true })).text, text)
  await first.stop()
  const second = await startOneWindowGateway(t, { folder })
  const again = await send(second, claims)
  t.equal(again.status, 202)
  t.equal(again.text, text)
  t.equal(await accepted(second), 1)
})

t.test('ten repeats at once are one message', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const claims = statement(dossierBody(code))
  const answers = await Promise.all(Array.from({ length: 10 }, () => send(gateway, claims)))
  t.equal(new Set(answers.map(({ text }) => text)).size, 1)
  t.equal(await accepted(gateway), 1)
})

t.test('the same key with other content is a conflict that changes nothing', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const claims = statement(dossierBody(code))
  await send(gateway, claims)
  const answer = await send(gateway, { ...claims, body: dossierBody(code, { status: 'processed' }) })
  t.equal(answer.status, 409)
  t.match(JSON.parse(answer.text), { type: 'urn:lien-thong:error:key-conflict', field: '/jti' })
  t.match(await gateway.journal('refused'), [{ code: 'key-conflict', sender: 'one-window' }])
  t.equal(await accepted(gateway), 1)
  t.equal((await send(gateway, claims)).status, 202)
})

t.test('the same key from another system is another message', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const { receivedAt: _, procedure: __, ...rest } = dossierBody(code)
  const claims = statement({ ...rest, processedAt: '2026-01-05T03:00:00.000Z' }, { type: 'dossier.progressed.v1' })
  t.equal((await send(gateway, claims)).status, 202)
  t.equal((await send(gateway, { ...claims, iat: claims.iat - 1 }, { key: keys.land })).status, 202)
  t.equal(await accepted(gateway), 2)
})

t.test(
  'what one system has signed is refused under another’s name and counted; its own speaker gets its receipt',
  async (t) => {
    const gateway = await startOneWindowGateway(t)
    const { receivedAt: _, procedure: __, ...rest } = dossierBody(code)
    const claims = statement({ ...rest, processedAt: '2026-01-05T03:00:00.000Z' }, { type: 'dossier.progressed.v1' })
    const { text } = await send(gateway, claims)
    for (const isDetached of [false, true]) {
      const answer = await send(gateway, claims, { key: keys.land, isDetached })
      t.equal(answer.status, 409)
      t.match(JSON.parse(answer.text), { type: 'urn:lien-thong:error:replay-refused' })
    }
    t.match(await gateway.journal('refused'), [{ code: 'replay-refused' }, { code: 'replay-refused' }])
    t.equal((await gateway.journal('replay-refused')).length, 2)
    t.equal((await send(gateway, claims)).text, text)
    t.equal(await accepted(gateway), 1)
  },
)

t.test('what is refused is refused with a problem, leaves one audit record and nothing else', async (t) => {
  const gateway = await startOneWindowGateway(t, { maxBodyBytes: 20_000 })
  const body = dossierBody(code)
  const { status: _, ...withoutStatus } = body
  const good = statement(body)
  const raw = JSON.stringify(good)
  const signed = (payload: unknown, how = {}) => send(gateway, payload, how)
  const jose = { 'content-type': 'application/jose' }
  const token = await signCompact(keys.oneWindow, { typ: jwsTypes.message, payload: raw })
  const [header, payload, seal = ''] = token.split('.')
  const typed = await signCompact(keys.oneWindow, { typ: jwsTypes.access, payload: raw })
  const none = `${Buffer.from('{"alg":"none","typ":"lienthong-message+jwt"}').toString('base64url')}.${payload}.`
  const otherSeal = `${seal.startsWith('A') ? 'B' : 'A'}${seal.slice(1)}`
  type Attempt = () => Promise<{ readonly status: number; readonly text: string; readonly headers: Headers }>
  const bad: readonly (readonly [name: string, attempt: Attempt, status: number, code: string, field?: string])[] = [
    ['not a JWS', () => sendRaw(gateway, { headers: jose, body: 'x' }), 401, 'credential-refused'],
    ['empty', () => sendRaw(gateway, { headers: jose, body: '' }), 400, 'request-unreadable'],
    ['alg none', () => sendRaw(gateway, { headers: jose, body: none }), 401, 'credential-refused'],
    [
      'bad signature',
      () => sendRaw(gateway, { headers: jose, body: `${header}.${payload}.${otherSeal}` }),
      401,
      'credential-refused',
    ],
    ['a token for reading', () => sendRaw(gateway, { headers: jose, body: typed }), 401, 'credential-refused'],
    ['unknown key', () => signed(good, { key: keys.stranger }), 401, 'credential-refused'],
    [
      'unsigned JSON',
      () => sendRaw(gateway, { headers: { 'content-type': 'application/json' }, body: raw }),
      401,
      'credential-missing',
    ],
    [
      'altered beside',
      () => signed(good, { isDetached: true, beside: raw.replace('processing', 'processed') }),
      401,
      'credential-refused',
    ],
    ['unknown key beside', () => signed(good, { isDetached: true, key: keys.stranger }), 401, 'credential-refused'],
    ['for another gateway', () => signed({ ...good, aud: 'other' }), 401, 'credential-refused', '/aud'],
    ['too old', () => signed({ ...good, iat: good.iat - 400 }), 401, 'credential-refused', '/iat'],
    ['from the future', () => signed({ ...good, iat: good.iat + 120 }), 401, 'credential-refused', '/iat'],
    ['in another name', () => signed({ ...good, iss: 'land-vbdlis' }), 401, 'credential-refused', '/iss'],
    ['without jti', () => signed({ ...good, jti: undefined }), 401, 'credential-refused', '/jti'],
    ['not JSON', () => signed('{"jti":'), 400, 'request-unreadable'],
    ['an array', () => signed('[]'), 400, 'request-unreadable'],
    [
      'invalid UTF-8',
      () => signed(Buffer.from(raw.replace('processing', '\u00ff'), 'latin1')),
      400,
      'request-unreadable',
    ],
    [
      'too deep',
      () => signed(raw.replace('"processing"', `${'['.repeat(40)}${']'.repeat(40)}`)),
      400,
      'request-too-deep',
    ],
    ['a key twice', () => signed(raw.replace('{', '{"jti":"x",')), 400, 'duplicate-key'],
    ['__proto__', () => signed(raw.replace('{', '{"__proto__":{},')), 400, 'forbidden-key'],
    ['unknown claim', () => signed({ ...good, admin: true }), 422, 'contract-violated', '/admin'],
    ['unknown field', () => signed({ ...good, body: { ...body, extra: 1 } }), 422, 'contract-violated', '/body/extra'],
    ['missing field', () => signed({ ...good, body: withoutStatus }), 422, 'contract-violated', '/body/status'],
    ['wrong type', () => signed({ ...good, body: { ...body, status: 4 } }), 422, 'contract-violated', '/body/status'],
    ['no body', () => signed({ ...good, body: undefined }), 422, 'contract-violated', '/body'],
    ['body null', () => signed({ ...good, body: null }), 422, 'contract-violated', '/body'],
    [
      'no such date',
      () => signed({ ...good, body: { ...body, receivedAt: '2026-02-30T00:00:00.000Z' } }),
      422,
      'contract-violated',
      '/body/receivedAt',
    ],
    ['another subject', () => signed({ ...good, subject: 'other' }), 422, 'contract-violated', '/subject'],
    ['unknown message type', () => signed({ ...good, type: 'dossier.deleted.v1' }), 403, 'type-not-allowed', '/type'],
    [
      'a type it may not say',
      () => signed({ ...good, type: 'dossier.submitted.v1' }),
      403,
      'type-not-allowed',
      '/type',
    ],
    ['a type another may say', () => signed(good, { key: keys.land }), 403, 'type-not-allowed', '/type'],
    [
      'a unit of another province',
      () => signed({ ...good, body: { ...body, receivingUnit: { code: '000.00.00.H22' } } }),
      403,
      'unit-not-allowed',
      '/body/receivingUnit/code',
    ],
    ['too large', () => signed({ ...good, body: { ...body, note: 'A'.repeat(30_000) } }), 413, 'request-too-large'],
    [
      'another media type',
      () => sendRaw(gateway, { headers: { 'content-type': 'text/plain' }, body: token }),
      415,
      'media-type-unknown',
    ],
  ]
  let count = 0
  const strangers = new Set<string>()
  for (const [name, attempt, status, errorCode, field] of bad) {
    const answer = await attempt()
    count += 1
    t.equal(answer.status, status, name)
    const { correlationId, ...problem } = JSON.parse(answer.text)
    t.equal(problem.type, `urn:lien-thong:error:${errorCode}`, name)
    if (field !== undefined) t.equal(problem.field, field, name)
    else if (errorCode === 'credential-refused') strangers.add(JSON.stringify(problem))
    t.match(answer.headers.get('content-type'), /^application\/problem\+json/, name)
    t.notMatch(answer.text, /node_modules|Error:|\.ts\b|jose|SQL/, name)
    const refusals = await gateway.journal('refused')
    t.equal(refusals.length, count, `${name}: one audit record`)
    t.match(refusals.at(-1), { code: errorCode, correlationId }, name)
  }
  t.equal(strangers.size, 1, 'an unknown key and a bad signature are answered alike')
  t.equal(await accepted(gateway), 0)
  t.equal((await signed(good)).status, 202, 'the valid twin is taken')
  t.equal(await accepted(gateway), 1)
})

t.test('the units of a system are known by all their codes', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const progress = (unit: string) =>
    statement(
      {
        dossierCode: code,
        receivingUnit: { code: unit },
        status: 'processing',
        processedAt: '2026-01-05T03:00:00.000Z',
      },
      { type: 'dossier.progressed.v1' },
    )
  for (const unit of ['H47.01', '000.00.01.H47', 'H47.01.VPDK', '000.01.01.H47'])
    t.equal((await send(gateway, progress(unit), { key: keys.land })).status, 202, unit)
  for (const unit of ['H47', '000.00.00.H47', 'H47.02', '000.00.02.H47', 'H99.01'])
    t.equal((await send(gateway, progress(unit), { key: keys.land })).status, 403, unit)
})

t.test('a store that cannot be written answers 503 and recovers', async (t) => {
  const fault = { isFull: true }
  const gateway = await startOneWindowGateway(t, {
    wrap: (store) => ({
      ...store,
      accept: (acceptances) =>
        fault.isFull ? Promise.reject(new GatewayError('store-unavailable')) : store.accept(acceptances),
    }),
  })
  const claims = statement(dossierBody(code))
  const answer = await send(gateway, claims)
  t.equal(answer.status, 503)
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  t.ok(answer.headers.get('x-jws-signature'))
  fault.isFull = false
  t.equal((await send(gateway, claims)).status, 202)
  t.equal(await accepted(gateway), 1)
})

t.test('reading', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const sent = await send(gateway, statement(dossierBody(code, { receiptNumber: 'BN-1' }), { correlationId: 'corr-1' }))
  const path = sent.headers.get('location') ?? ''
  await settled(gateway, ['delivered'])

  await t.test('the sender reads its message, the deliveries and attempts, and the receipt', async (t) => {
    const message = JSON.parse((await read(gateway, path)).text)
    t.match(message, {
      type: 'dossier.received.v1',
      source: 'one-window',
      subject: code,
      acceptedAt: /^\d{4}-.*Z$/,
      correlationId: 'corr-1',
      body: { dossierCode: code },
      deliveries: [{ system: 'national-portal', state: 'delivered', attempts: [{ number: 1, outcome: 'delivered' }] }],
    })
    const receipt = await read(gateway, `${path}/receipt`)
    t.equal(receipt.text, sent.text)
    t.equal(receipt.headers.get('content-type'), 'application/jose')
  })

  await t.test('the ledger of a dossier says where it stands at every system', async (t) => {
    const ledger = JSON.parse((await read(gateway, `/dossiers/${code}`)).text)
    t.match(ledger, {
      dossierCode: code,
      systems: [{ system: 'national-portal', state: 'delivered', delivered: 1, open: 0, failed: 0 }],
      messages: [{ subject: code }],
    })
  })

  await t.test('another system sees nothing of it, exactly as if it did not exist', async (t) => {
    const none = '/messages/01900000-0000-7000-8000-000000000000'
    for (const each of [path, `${path}/receipt`, `/dossiers/${code}`, none, '/dossiers/none']) {
      const answer = await read(gateway, each, keys.land)
      t.equal(answer.status, 404, each)
      t.equal(JSON.parse(answer.text).type, 'urn:lien-thong:error:not-found')
    }
    t.equal((await read(gateway, none)).status, 404)
  })

  await t.test('nobody reads without a token, or with one that is not for reading here', async (t) => {
    const before = (await gateway.journal('refused')).length
    const missing = await fetch(`${gateway.url}${path}`)
    t.equal(missing.status, 401)
    t.equal((await read(gateway, path, keys.stranger)).status, 401)
    const message = await signCompact(keys.oneWindow, { typ: jwsTypes.message, payload: JSON.stringify(statement({})) })
    for (const authorization of [`Bearer ${message}`, 'Bearer x', 'Basic eDp5', 'Bearer', `Bearer ${message} x`]) {
      t.equal((await fetch(`${gateway.url}${path}`, { headers: { authorization } })).status, 401, authorization)
    }
    t.equal((await gateway.journal('refused')).length, before + 7)
  })
})
