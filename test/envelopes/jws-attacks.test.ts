import { createHash, createHmac, sign } from 'node:crypto'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { jwsTypes, signCompact } from '../../gateway/envelopes/jws.ts'
import type { SigningKey } from '../../gateway/envelopes/keyring.ts'
import { dossierBody, keys, sendRaw, startOneWindowGateway, statement } from '../adapters/one-window-gateway.ts'

/** Somewhere a forged header points to; nobody may come. */
async function trap(test: Test) {
  const calls: string[] = []
  const server = createServer((socket) => {
    calls.push('called')
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { calls, url: `http://127.0.0.1:${port}/keys` }
}

const segment = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const typ = jwsTypes.message
const jose = { 'content-type': 'application/jose' }

/** A token with any header at all, honestly signed over it. */
function forge(header: unknown, payload: string, key: SigningKey = keys.oneWindow): string {
  const input = `${segment(header)}.${segment(payload)}`
  const seal = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
  return `${input}.${seal.toString('base64url')}`
}

t.test('every attack on a signed message is refused in the six ways that count, and its twin is taken', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const { calls, url } = await trap(t)
  let number = 0
  const next = () => {
    number += 1
    return statement(dossierBody(`000.00.01.H47-260105-${String(number).padStart(4, '0')}`))
  }
  const own = { alg: 'ES256', kid: keys.oneWindow.kid, typ }
  const strangerJwk = keys.stranger.publicKey.export({ format: 'jwk' })
  const pem = keys.oneWindow.publicKey.export({ type: 'spki', format: 'pem' })

  type Forgery = (raw: string) => string
  const changed =
    (header: object, key?: SigningKey): Forgery =>
    (raw) =>
      forge({ ...own, ...header }, raw, key)
  const edited =
    (edit: (parts: { header: string; payload: string; seal: string }) => string): Forgery =>
    (raw) => {
      const [header = '', payload = '', seal = ''] = forge(own, raw).split('.')
      return edit({ header, payload, seal })
    }
  const attacks: Readonly<Record<string, Forgery>> = {
    'alg none, unsigned': (raw) => `${segment({ ...own, alg: 'none' })}.${segment(raw)}.`,
    'alg None, unsigned': (raw) => `${segment({ ...own, alg: 'None' })}.${segment(raw)}.`,
    'alg none with the signature left in': edited(
      ({ payload, seal }) => `${segment({ ...own, alg: 'none' })}.${payload}.${seal}`,
    ),
    'the public key as a shared secret': (raw) => {
      const input = `${segment({ ...own, alg: 'HS256' })}.${segment(raw)}`
      return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`
    },
    'another algorithm of the family': changed({ alg: 'ES384' }),
    'a stripped signature': edited(({ header, payload }) => `${header}.${payload}.`),
    'no signature part': edited(({ header, payload }) => `${header}.${payload}`),
    'a signature of zeros': edited(({ header, payload }) => `${header}.${payload}.${segment('\0'.repeat(64))}`),
    'a stranger’s signature under our partner’s kid': changed({}, keys.stranger),
    'a stranger’s kid': changed({ kid: keys.stranger.kid }, keys.stranger),
    'another partner’s kid': changed({ kid: keys.land.kid }),
    'our own kid': changed({ kid: gateway.keyring.signingKey().kid }),
    'alg twice': (raw) => forge(`{"alg":"none","alg":"ES256","kid":"${own.kid}","typ":"${typ}"}`, raw),
    'kid twice': (raw) => forge(`{"kid":"${keys.land.kid}","alg":"ES256","kid":"${own.kid}","typ":"${typ}"}`, raw),
    'alg twice, once in escapes': (raw) =>
      forge(`{"alg":"none","\\u0061lg":"ES256","kid":"${own.kid}","typ":"${typ}"}`, raw),
    'an embedded key': changed({ jwk: strangerJwk }, keys.stranger),
    'the address of a key set': changed({ jku: url }, keys.stranger),
    'the address of a certificate': changed({ x5u: url }, keys.stranger),
    'an embedded certificate': changed({ x5c: ['MIIB'] }, keys.stranger),
    'a certificate’s thumbprint': changed({ 'x5t#S256': segment('a') }),
    'a kid that is an address': changed({ kid: url }, keys.stranger),
    'a kid that is a path': changed({ kid: '../../../../dev/null' }, keys.stranger),
    'a kid that is SQL': changed({ kid: "' UNION SELECT 'a' --" }, keys.stranger),
    'a kid that is a command': changed({ kid: '$(touch /tmp/a)' }, keys.stranger),
    'a kid that is a property of every object': changed({ kid: 'constructor' }, keys.stranger),
    'a kid with a line end': changed({ kid: `${own.kid}\n` }),
    'a kid of a kilobyte': changed({ kid: 'k'.repeat(1024) }),
    'a kid that is no text': changed({ kid: [own.kid] }),
    'no kid': changed({ kid: undefined }),
    'crit of what is unknown': changed({ crit: ['exp'], exp: 1 }),
    'crit of what is known': changed({ crit: ['alg'] }),
    'crit with nothing in it': changed({ crit: [] }),
    'a payload that is not encoded': changed({ b64: false, crit: ['b64'] }),
    'a packed payload': changed({ zip: 'DEF' }),
    'a token for reading': changed({ typ: jwsTypes.access }),
    'a receipt': changed({ typ: jwsTypes.receipt }),
    'a plain JWT': changed({ typ: 'JWT' }),
    'a token within a token': changed({ cty: 'JWT' }),
    'padded base64url': edited(({ header, payload, seal }) => `${header}.${payload}.${seal}==`),
    'base64url with a space': edited(({ header, payload, seal }) => `${header}. ${payload}.${seal}`),
    'plain base64': edited(({ header, payload, seal }) => `${header}.${payload}.${seal.slice(0, -1)}+`),
    'base64url with bits that say nothing': edited(({ header, payload, seal }) => {
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      return `${header}.${payload}.${seal.slice(0, -1)}${alphabet[alphabet.indexOf(seal.at(-1) ?? '') | 1]}`
    }),
    'four parts': edited(({ header, payload, seal }) => `${header}.${payload}.${seal}.${seal}`),
    'a JWE nobody asked for': edited(({ header, payload, seal }) => `${header}.${payload}.${seal}.${seal}.${seal}`),
    'a general JSON serialization': edited(({ header, payload, seal }) =>
      JSON.stringify({ payload, signatures: [{ protected: header, signature: seal }] }),
    ),
    'bytes that are no text': () => '\u00ff\u00fe\u0000',
  }

  const code = (text: string) => JSON.parse(text)
  for (const [name, attack] of Object.entries(attacks)) {
    const raw = JSON.stringify(next())
    const body = Buffer.from(attack(raw), 'latin1')
    const before = { accepted: await gateway.journal('accepted'), refused: await gateway.journal('refused') }
    const answer = await sendRaw(gateway, { headers: jose, body })

    const { correlationId, ...problem } = code(answer.text)
    t.equal(answer.status, 401, `${name}: refused`)
    t.same(
      problem,
      {
        type: 'urn:lien-thong:error:credential-refused',
        title: 'The credential or signature is not accepted.',
        status: 401,
        vietnamese: 'Thông tin xác thực hoặc chữ ký không được chấp nhận.',
      },
      `${name}: with the same words as every other`,
    )
    t.match(answer.headers.get('content-type'), /^application\/problem\+json/)
    t.notOk(answer.headers.get('x-jws-signature'), 'a stranger buys no signature')
    const refused = (await gateway.journal('refused')).slice(before.refused.length)
    t.match(refused, [{ code: 'credential-refused', door: 'canonical', correlationId, count: 1 }], 'one audit record')
    t.equal(refused[0]?.bodyDigest, `sha-256:${createHash('sha256').update(body).digest('hex')}`)
    t.equal((await gateway.journal('accepted')).length, before.accepted.length, 'nothing is stored')
    const twin = await sendRaw(gateway, { headers: jose, body: forge(own, raw) })
    t.equal(twin.status, 202, `${name}: its twin is taken`)
  }
  t.same(calls, [], 'nobody was called')
  t.same(gateway.failures, [])
})

t.test('what a known partner claims wrongly is told to it by name, and changes nothing', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const good = statement(dossierBody('000.00.01.H47-260105-0001'))
  const wrong: readonly (readonly [string, string, object])[] = [
    ['for another gateway', '/aud', { aud: 'another' }],
    ['for nobody', '/aud', { aud: undefined }],
    ['expired', '/exp', { exp: good.iat - 1 }],
    ['301 seconds old', '/iat', { iat: good.iat - 301 }],
    ['from the far future', '/iat', { iat: good.iat + 3600 }],
    ['in milliseconds', '/iat', { iat: good.iat * 1000 }],
    ['undated', '/iat', { iat: undefined }],
    ['in another system’s name', '/iss', { iss: 'land-vbdlis' }],
    ['without an id', '/jti', { jti: undefined }],
  ]
  for (const [name, field, claims] of wrong) {
    const payload = JSON.stringify({ ...good, ...claims })
    const body = await signCompact(keys.oneWindow, { typ, payload })
    const answer = await sendRaw(gateway, { headers: jose, body })
    t.equal(answer.status, 401, name)
    t.match(JSON.parse(answer.text), { type: 'urn:lien-thong:error:credential-refused', field }, name)
  }
  t.equal((await gateway.journal('refused')).length, wrong.length)
  t.same(await gateway.journal('accepted'), [])
  const twin = await signCompact(keys.oneWindow, { typ, payload: JSON.stringify(good) })
  t.equal((await sendRaw(gateway, { headers: jose, body: twin })).status, 202)
})

t.test('valid senders are served while an attack is under way', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const headers = jose
  const raw = JSON.stringify(statement(dossierBody('000.00.01.H47-260105-0001')))
  const flood = Array.from({ length: 200 }, (_, n) =>
    sendRaw(gateway, { headers, body: forge({ alg: 'ES256', kid: `k${n}`, typ }, raw, keys.stranger) }),
  )
  const honest = Array.from({ length: 20 }, async (_, n) => {
    const claims = statement(dossierBody(`000.00.01.H47-260105-${String(1000 + n)}`))
    return sendRaw(gateway, {
      headers,
      body: await signCompact(keys.oneWindow, { typ, payload: JSON.stringify(claims) }),
    })
  })
  t.same(new Set((await Promise.all(honest)).map(({ status }) => status)), new Set([202]))
  t.same(new Set((await Promise.all(flood)).map(({ status }) => status)), new Set([401]))
  t.equal((await gateway.journal('accepted')).length, 20)
})
