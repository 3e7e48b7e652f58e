import { createHmac, generateKeyPairSync } from 'node:crypto'
import { CompactEncrypt, CompactSign, compactVerify, createLocalJWKSet, FlattenedSign } from 'jose'
import t from 'tap'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { signAccessToken, verifyAccessToken } from '../../gateway/envelopes/access-token.ts'
import { jwsTypes, type MessageCheck, signCompact, signDetached, verifyMessage } from '../../gateway/envelopes/jws.ts'
import { createKeyring, generateSigningJwk, publicHalf } from '../../gateway/envelopes/keyring.ts'
import { createReceiptSigner } from '../../gateway/envelopes/receipts.ts'

const nowMs = Date.parse('2026-11-02T08:00:00.500Z')
const iat = Math.floor(nowMs / 1000)
const partnerJwk = generateSigningJwk()
const otherJwk = generateSigningJwk()
const strangerJwk = generateSigningJwk()
const edwards = generateKeyPairSync('ed25519')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const keyring = createKeyring({
  signing: generateSigningJwk(),
  partners: [
    { system: 'one-window', jwk: publicHalf(partnerJwk) },
    { system: 'land', jwk: publicHalf(otherJwk) },
    { system: 'land', jwk: { kty: 'OKP', ...edwards.publicKey.export({ format: 'jwk' }), kid: 'ed' } },
    { system: 'land', jwk: { kty: 'RSA', ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'PS256' } },
  ],
})
const partner = createKeyring({ signing: partnerJwk, partners: [] }).signingKey()
const other = createKeyring({ signing: otherJwk, partners: [] }).signingKey()
const stranger = createKeyring({ signing: strangerJwk, partners: [] }).signingKey()
const check: MessageCheck = { keyring, audience: 'lien-thong.h47', nowMs }
const document = { jti: 'm-1', iat, aud: 'lien-thong.h47', type: 'dossier.received.v1', body: { tên: 'Thử' } }
const typ = jwsTypes.message

const signed = (claims: object = {}, key = partner) =>
  signCompact(key, { typ, payload: JSON.stringify({ ...document, ...claims }) })
const withHeader = (header: object, payload: string = JSON.stringify(document)) =>
  new CompactSign(Buffer.from(payload))
    .setProtectedHeader({ alg: 'ES256', kid: partner.kid, typ, ...header })
    .sign(partner.privateKey)
const segment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

async function refusalOf(
  token: string,
  more: Partial<MessageCheck> = {},
): Promise<Pick<GatewayError, 'code' | 'options'>> {
  try {
    await verifyMessage(token, { ...check, ...more })
  } catch (error) {
    if (error instanceof GatewayError) return { code: error.code, options: error.options }
    throw error
  }
  throw new Error('it was accepted')
}

t.test('a signed message is taken, with its sender, its claims and the very bytes', async (t) => {
  const payload = JSON.stringify(document, undefined, 2)
  const message = await verifyMessage(await signCompact(partner, { typ, payload }), check)
  t.match(message, { system: 'one-window', kid: partner.kid, thumbprint: partner.thumbprint, document })
  t.same(message.claims, { jti: 'm-1', iat })
  t.equal(Buffer.from(message.payload).toString(), payload)
})

t.test('a detached signature is taken over exactly the bytes it was made for', async (t) => {
  const payload = Buffer.from(JSON.stringify(document))
  const token = await signDetached(partner, { typ, payload })
  t.match(token, /^[\w-]+\.\.[\w-]+$/)
  t.match(await verifyMessage(token, { ...check, payload }), { system: 'one-window', document })
  for (const other of [
    Buffer.from(`${payload} `),
    Buffer.from(payload.toString().replace('m-1', 'm-2')),
    Buffer.alloc(0),
  ])
    t.same(await refusalOf(token, { payload: other }), { code: 'credential-refused', options: {} })
  t.match(await refusalOf(token), { code: 'credential-refused' }, 'without its bytes')
  t.match(await refusalOf(await signed(), { payload }), { code: 'credential-refused' }, 'with bytes on both sides')
})

t.test('every allowed kind of key verifies', async (t) => {
  for (const [kid, alg, privateKey] of [
    ['ed', 'EdDSA', edwards.privateKey],
    ['rsa', 'PS256', rsa.privateKey],
  ] as const) {
    const token = await new CompactSign(Buffer.from(JSON.stringify(document)))
      .setProtectedHeader({ alg, kid, typ })
      .sign(privateKey)
    t.match(await verifyMessage(token, check), { system: 'land', kid })
  }
})

t.test('what a stranger can send is refused, always with the same words', async (t) => {
  const good = await signed()
  const [header = '', payload = '', signature = ''] = good.split('.')
  const flip = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
  const publicPem = partner.publicKey.export({ type: 'spki', format: 'pem' })
  const hs = `${segment({ alg: 'HS256', kid: partner.kid, typ })}.${payload}`
  const rs256 = await new CompactSign(Buffer.from(JSON.stringify(document)))
    .setProtectedHeader({ alg: 'RS256', kid: 'rsa', typ })
    .sign(rsa.privateKey)
  const jwe = await new CompactEncrypt(Buffer.from(JSON.stringify(document)))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: 'rsa', typ })
    .encrypt(rsa.publicKey)
  const general = await new FlattenedSign(Buffer.from('{}'))
    .setProtectedHeader({ alg: 'ES256', kid: partner.kid, typ })
    .sign(partner.privateKey)
  // The last of 86 characters carries 2 bits of the 64th byte and 4 that must be zero.
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const sameBytes = signature.slice(0, -1) + last[last.indexOf(signature.at(-1) ?? '') + 1]
  const attacks: readonly (readonly [string, string])[] = [
    ['an unknown key', await signed({}, stranger)],
    [
      'another partner’s kid on our partner’s signature',
      `${segment({ alg: 'ES256', kid: other.kid, typ })}.${payload}.${signature}`,
    ],
    ['a changed signature', `${header}.${payload}.${flip(signature, 5)}`],
    ['a changed payload', `${header}.${flip(payload, 30)}.${signature}`],
    ['an empty signature', `${header}.${payload}.`],
    ['alg none', `${segment({ alg: 'none', kid: partner.kid, typ })}.${payload}.`],
    ['alg none with a signature', `${segment({ alg: 'none', kid: partner.kid, typ })}.${payload}.${signature}`],
    ['the public key as a shared secret', `${hs}.${createHmac('sha256', publicPem).update(hs).digest('base64url')}`],
    ['another algorithm than the pinned one', rs256],
    ['a JWE', jwe],
    ['JSON serialization', JSON.stringify(general)],
    ['no kid', `${segment({ alg: 'ES256', typ })}.${payload}.${signature}`],
    ['a kid that is a path', await withHeader({ kid: '../../keys/1' })],
    ['a kid that is an object’s own', await withHeader({ kid: '__proto__' })],
    [
      'a token of another kind',
      await signCompact(partner, { typ: jwsTypes.access, payload: JSON.stringify(document) }),
    ],
    ['no typ', await withHeader({ typ: undefined })],
    ['a typ in capitals', await withHeader({ typ: typ.toUpperCase() })],
    ['a typ with its full name', await withHeader({ typ: `application/${typ}` })],
    ['a key brought along', await withHeader({ jwk: publicHalf(strangerJwk) })],
    ['the address of a key', await withHeader({ jku: 'http://127.0.0.1/keys' })],
    ['the address of a certificate', await withHeader({ x5u: 'http://127.0.0.1/cert' })],
    ['a certificate brought along', await withHeader({ x5c: ['MIIB'] })],
    ['a certificate’s thumbprint', await withHeader({ 'x5t#S256': 'AAAA' })],
    ['b64', await withHeader({ b64: true, crit: ['b64'] })],
    ['zip', await withHeader({ zip: 'DEF' })],
    [
      'a header with a key twice',
      `${Buffer.from(`{"alg":"none","alg":"ES256","kid":"${partner.kid}","typ":"${typ}"}`).toString('base64url')}.${payload}.${signature}`,
    ],
    [
      'a huge header',
      `${segment({ alg: 'ES256', kid: partner.kid, typ, cty: 'x'.repeat(4000) })}.${payload}.${signature}`,
    ],
    ['padding', `${header}.${payload}.${signature}==`],
    ['white space', `${header}.${payload}.${signature}\n`],
    ['the other alphabet', good.replaceAll('-', '+').replaceAll('_', '/').concat('+')],
    ['bits that say nothing', `${header}.${payload}.${sameBytes}`],
    ['a fourth part', `${good}.${signature}`],
    ['two parts', `${header}.${payload}`],
    ['nothing', ''],
  ]
  for (const [name, token] of attacks) t.same(await refusalOf(token), { code: 'credential-refused', options: {} }, name)
  t.ok(await verifyMessage(good, check), 'and the honest twin is taken')
  t.ok(await verifyMessage(await withHeader({ cty: 'application/json' }), check))
})

t.test('crit is refused even when what it names is known', async (t) => {
  const header = segment({ alg: 'ES256', kid: partner.kid, typ, crit: ['typ'] })
  const token = `${header}.${segment(document)}.${Buffer.alloc(64, 1).toString('base64url')}`
  t.match(await refusalOf(token), { code: 'credential-refused' })
})

t.test('a token over the limit is refused before anything is decoded', async (t) => {
  const token = await signed()
  t.match(await refusalOf(token, { maxBytes: token.length - 1 }), { code: 'credential-refused' })
  t.ok(await verifyMessage(token, { ...check, maxBytes: token.length }))
})

t.test('claims are held to their windows, to the second', async (t) => {
  const at = (ms: number) => ({ nowMs: ms })
  const token = await signed()
  t.ok(await verifyMessage(token, { ...check, ...at(iat * 1000 + 300_000) }))
  t.match(await refusalOf(token, at(iat * 1000 + 300_001)), { code: 'credential-refused', options: { field: '/iat' } })
  t.ok(await verifyMessage(token, { ...check, ...at(iat * 1000 - 60_000) }))
  t.match(await refusalOf(token, at(iat * 1000 - 60_001)), { code: 'credential-refused', options: { field: '/iat' } })
  const wide = { window: { pastMs: 600_000, futureMs: 0 } }
  t.ok(await verifyMessage(token, { ...check, ...wide, nowMs: iat * 1000 + 600_000 }))

  const brief = await signed({ exp: iat + 10 })
  t.ok(await verifyMessage(brief, { ...check, ...at(iat * 1000 + 9_999) }))
  t.match(await refusalOf(brief, at(iat * 1000 + 10_000)), { options: { field: '/exp' } })
})

t.test('claims that are missing or of the wrong kind are refused by name', async (t) => {
  const wrong: readonly (readonly [string, object])[] = [
    ['/iat', { iat: undefined }],
    ['/iat', { iat: String(iat) }],
    ['/iat', { iat: iat + 0.5 }],
    ['/iat', { iat: nowMs }],
    ['/exp', { exp: 'never' }],
    ['/exp', { exp: -1 }],
    ['/aud', { aud: undefined }],
    ['/aud', { aud: 'another.gateway' }],
    ['/aud', { aud: 'LIEN-THONG.H47' }],
    ['/aud', { aud: [] }],
    ['/aud', { aud: { 'lien-thong.h47': 1 } }],
    ['/iss', { iss: 'land' }],
    ['/jti', { jti: undefined }],
    ['/jti', { jti: '' }],
    ['/jti', { jti: 7 }],
    ['/jti', { jti: 'a b' }],
    ['/jti', { jti: 'x'.repeat(129) }],
    ['/jti', { jti: "x';--" }],
  ]
  for (const [field, claims] of wrong)
    t.match(
      await refusalOf(await signed(claims)),
      { code: 'credential-refused', options: { field } },
      JSON.stringify(claims),
    )
  for (const claims of [
    { aud: ['x', 'lien-thong.h47'] },
    { iss: 'one-window' },
    { jti: 'urn:uuid:0-1' },
    { jti: 'x'.repeat(128) },
  ])
    t.ok(await verifyMessage(await signed(claims), check))
})

t.test('a message signed again keeps its key', async (t) => {
  const first = await signed()
  const again = await signed({ iat: iat + 200 })
  t.not(first, again)
  const jtis = [await verifyMessage(first, check), await verifyMessage(again, { ...check, nowMs: nowMs + 200_000 })]
  t.same(
    jtis.map(({ claims }) => claims.jti),
    ['m-1', 'm-1'],
  )
})

t.test('what a known key signed still passes the JSON gate', async (t) => {
  const raw = (payload: string) => signCompact(partner, { typ, payload })
  t.match(await refusalOf(await raw('{"jti":"a","jti":"b"}')), { code: 'duplicate-key' })
  t.match(await refusalOf(await raw('{"__proto__":{}}')), { code: 'forbidden-key' })
  t.match(await refusalOf(await raw('[1]')), { code: 'request-unreadable' })
  t.match(await refusalOf(await raw('jti')), { code: 'request-unreadable' })
  t.match(await refusalOf(await raw(`{"a":${'['.repeat(40)}${']'.repeat(40)}}`)), { code: 'request-too-deep' })
})

t.test('receipts say what was accepted and can be checked with our published keys alone', async (t) => {
  const signer = createReceiptSigner(keyring, { issuer: 'lien-thong.h47' })
  const claims = {
    messageId: '01920000-0000-7000-8000-000000000000',
    type: 'dossier.received.v1',
    source: 'one-window',
    subject: '000.00.01.H47-261102-0001',
    bodyDigest: 'sha-256:00',
    acceptedAtMs: nowMs,
  }
  const [first, second] = [await signer.sign(claims), await signer.sign(claims)]
  const keySet = createLocalJWKSet({ keys: keyring.jwks().keys.map((key) => ({ ...key })) })
  const { payload, protectedHeader } = await compactVerify(first, keySet)
  t.equal(protectedHeader.typ, 'lienthong-receipt+jwt')
  t.same(JSON.parse(Buffer.from(payload).toString()), {
    iss: 'lien-thong.h47',
    aud: 'one-window',
    jti: claims.messageId,
    iat,
    acceptedAt: '2026-11-02T08:00:00.500Z',
    type: claims.type,
    subject: claims.subject,
    bodyDigest: claims.bodyDigest,
  })
  t.equal(first.split('.')[1], second.split('.')[1], 'the signed bytes follow from the claims')
})

t.test('an access token proves who reads, for five minutes at the most', async (t) => {
  const reading = { keyring, audience: 'lien-thong.h47', nowMs }
  const claims = { audience: 'lien-thong.h47', nowMs }
  t.match(await verifyAccessToken(await signAccessToken(partner, claims), reading), { system: 'one-window' })
  t.ok(await verifyAccessToken(await signAccessToken(partner, { ...claims, lifetimeMs: 300_000 }), reading))
  const bearer = (payload: object, key = partner) =>
    signCompact(key, {
      typ: jwsTypes.access,
      payload: JSON.stringify({ iat, exp: iat + 60, aud: claims.audience, ...payload }),
    })
  t.ok(await verifyAccessToken(await bearer({}), reading))
  const refused: readonly (readonly [string, string])[] = [
    ['a message', await signed({ exp: iat + 60 })],
    ['a life of 301 s', await bearer({ exp: iat + 301 })],
    ['no end', await bearer({ exp: undefined })],
    ['over', await bearer({ iat: iat - 100, exp: iat - 1 })],
    ['for another', await bearer({ aud: 'another' })],
    ['a stranger', await bearer({}, stranger)],
    ['not a token', 'abc'],
  ]
  for (const [name, token] of refused)
    await t.rejects(verifyAccessToken(token, reading), { code: 'credential-refused' }, name)
})
