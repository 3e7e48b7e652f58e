import { constants, createSign, generateKeyPairSync, sign } from 'node:crypto'
import { FlattenedSign, flattenedVerify } from 'jose'
import t from 'tap'
import {
  compactOf,
  jwsTypes,
  type MessageCheck,
  signCompact,
  signDetached,
  signFlattened,
  verifyMessage,
} from '../../gateway/envelopes/jws.ts'
import { generateKeyFile } from '../../gateway/envelopes/key-generation.ts'
import { readKeyRecord } from '../../gateway/envelopes/key-record.ts'
import { createKeyring, generateSigningJwk, publicHalf, type SigningKey } from '../../gateway/envelopes/keyring.ts'

const nowMs = Date.parse('2026-11-02T08:00:00Z')
const partnerJwk = generateSigningJwk()
const keyring = createKeyring({
  signing: generateSigningJwk(),
  partners: [{ system: 'one-window', jwk: publicHalf(partnerJwk) }],
})
const partner = createKeyring({ signing: partnerJwk, partners: [] }).signingKey()
const check: MessageCheck = { keyring, audience: 'gw', nowMs }
const typ = jwsTypes.message
const text = JSON.stringify({ jti: 'm-1', iat: nowMs / 1000, aud: 'gw', body: { tên: 'Nguyễn Văn Thử' } })
const payload = Buffer.from(text)
const refused = { code: 'credential-refused', options: {} }

t.test('jose verifies each form we sign, with each algorithm, and we verify what jose signs', async (t) => {
  for (const algorithm of ['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256']) {
    const life = { fromMs: Date.now() - 1000, untilMs: Date.now() + 86_400_000 }
    const file = generateKeyFile({ purpose: 'sign', algorithm, name: 'thử', ...life })
    const record = readKeyRecord(Buffer.from(JSON.stringify(file)))
    const own = createKeyring({ partners: [], records: [record] }).signingKey()
    const verifies = (part: Parameters<typeof flattenedVerify>[0]) => flattenedVerify(part, own.publicKey)
    t.match((await verifies(await signFlattened(own, { typ, payload }))).protectedHeader, {
      alg: algorithm,
      kid: own.kid,
    })
    const detached = async (isUnencoded: boolean) => {
      const [header = '', none, signature = ''] = (await signDetached(own, { typ, payload, isUnencoded })).split('.')
      t.equal(none, '')
      return verifies({ protected: header, payload: isUnencoded ? payload : payload.toString('base64url'), signature })
    }
    t.same((await detached(false)).protectedHeader, { alg: algorithm, kid: own.kid, typ })
    t.match((await detached(true)).protectedHeader, { alg: algorithm, b64: false, crit: ['b64'] })

    const ring = createKeyring({
      signing: generateSigningJwk(),
      partners: [
        { system: 'land', jwk: { kty: '', ...own.publicKey.export({ format: 'jwk' }), kid: 'k', alg: algorithm } },
      ],
    })
    const theirs = (more: object) =>
      new FlattenedSign(payload).setProtectedHeader({ alg: algorithm, kid: 'k', typ, ...more }).sign(own.privateKey)
    const plain = await theirs({})
    t.match(await verifyMessage(compactOf({ ...plain }), { ...check, keyring: ring }), { system: 'land' })
    const unencoded = await theirs({ b64: false, crit: ['b64'] })
    const token = `${unencoded.protected}..${unencoded.signature}`
    t.match(
      await verifyMessage(token, { ...check, keyring: ring, payload }),
      { system: 'land' },
      `${algorithm} unencoded`,
    )
  }
})

t.test('the flattened form holds exactly its three members', async (t) => {
  const good = await signFlattened(partner, { typ, payload })
  const { signature: _, ...unsigned } = good
  const { protected: __, ...unprotected } = good
  for (const wrong of [
    { ...good, header: { alg: 'none' } },
    { ...unprotected, header: { alg: 'ES256', kid: partner.kid, typ } },
    { payload: good.payload, signatures: [{ protected: good.protected, signature: good.signature }] },
    { ...good, payload: { tên: 'thử' } },
    unsigned,
    [good.protected, good.payload, good.signature],
    null,
    'text',
  ])
    t.throws(() => compactOf(wrong), refused)
  t.match(await verifyMessage(compactOf(good), check), { system: 'one-window' })
})

t.test('an unencoded payload is signed byte for byte', async (t) => {
  const token = await signDetached(partner, { typ, payload, isUnencoded: true })
  const taken = await verifyMessage(token, { ...check, payload })
  t.same(Buffer.from(taken.payload), payload)
  const [header = '', , signature = ''] = token.split('.')
  const encoded = await signDetached(partner, { typ, payload })
  for (const [name, wrong, beside] of [
    ['one byte more', token, Buffer.concat([payload, Buffer.from(' ')])],
    ['its base64url in its place', token, Buffer.from(payload.toString('base64url'))],
    ['moved inside', `${header}.${payload.toString('base64url')}.${signature}`, undefined],
    ['the other form’s signature', `${header}..${encoded.split('.')[2]}`, payload],
    ['the other form’s header', `${encoded.split('.')[0]}..${signature}`, payload],
  ] as const)
    await t.rejects(verifyMessage(wrong, { ...check, ...(beside && { payload: beside }) }), refused, name)
})

t.test('b64 is understood only as critical and false, and nothing else is critical', async (t) => {
  const withHeader = (header: object) => {
    const segment = Buffer.from(JSON.stringify({ alg: 'ES256', kid: partner.kid, typ, ...header })).toString(
      'base64url',
    )
    return segment
  }
  const seal = (segment: string, input: Buffer) =>
    createSign('sha256')
      .update(Buffer.concat([Buffer.from(`${segment}.`), input]))
      .sign({ key: partner.privateKey, dsaEncoding: 'ieee-p1363' })
      .toString('base64url')
  // Each is signed over both readings, so that only the header itself can be why it is refused.
  for (const header of [
    { b64: false },
    { b64: true, crit: ['b64'] },
    { b64: true },
    { b64: 'false', crit: ['b64'] },
    { b64: 0, crit: ['b64'] },
    { b64: false, crit: [] },
    { b64: false, crit: 'b64' },
    { b64: false, crit: ['b64', 'b64'] },
    { b64: false, crit: ['b64', 'exp'] },
    { crit: ['b64'] },
    { crit: ['typ'] },
    { crit: ['exp'], exp: 1 },
    { crit: [] },
  ]) {
    const segment = withHeader(header)
    for (const input of [payload, Buffer.from(payload.toString('base64url'))])
      await t.rejects(verifyMessage(`${segment}..${seal(segment, input)}`, { ...check, payload }), refused)
  }
  const good = withHeader({ b64: false, crit: ['b64'] })
  t.ok(await verifyMessage(`${good}..${seal(good, payload)}`, { ...check, payload }), 'the honest twin')
})

t.test('a flipped bit anywhere is refused', async (t) => {
  const forms: readonly (readonly [string, string, Buffer | undefined])[] = [
    ['compact', await signCompact(partner, { typ, payload }), undefined],
    ['detached', await signDetached(partner, { typ, payload }), payload],
    ['unencoded', await signDetached(partner, { typ, payload, isUnencoded: true }), payload],
  ]
  for (const [name, token, beside] of forms) {
    const whole = Buffer.concat([Buffer.from(token), beside ?? Buffer.alloc(0)])
    let accepted = 0
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const changed = Buffer.from(whole)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const parts = beside === undefined ? {} : { payload: changed.subarray(token.length) }
      const outcome = await verifyMessage(changed.toString('latin1', 0, token.length), { ...check, ...parts }).then(
        () => 'accepted',
        ({ code }) => String(code),
      )
      if (outcome !== 'credential-refused') accepted += 1
    }
    t.equal(accepted, 0, `${name}: ${whole.length * 8} bits`)
    t.ok(await verifyMessage(token, { ...check, ...(beside && { payload: beside }) }), 'the honest twin')
  }
})

t.test('a signature of the wrong length is refused, DER among them', async (t) => {
  const token = await signCompact(partner, { typ, payload })
  const input = token.slice(0, token.lastIndexOf('.'))
  const der = sign('sha256', Buffer.from(input), partner.privateKey)
  const raw = Buffer.from(token.slice(input.length + 1), 'base64url')
  for (const wrong of [
    der,
    raw.subarray(0, 63),
    Buffer.concat([raw, Buffer.alloc(1)]),
    Buffer.alloc(64),
    Buffer.alloc(0),
  ])
    await t.rejects(verifyMessage(`${input}.${wrong.toString('base64url')}`, check), refused)
  t.ok(await verifyMessage(`${input}.${raw.toString('base64url')}`, check))
})

t.test('one key’s PSS signature is not taken with another salt or as PKCS#1', async (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { kty: 'RSA', ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'PS256' }
  const ring = createKeyring({ signing: generateSigningJwk(), partners: [{ system: 'land', jwk }] })
  const own: SigningKey = { kid: 'rsa', algorithm: 'PS256', thumbprint: '', ...rsa }
  const token = await signCompact(own, { typ, payload })
  const input = Buffer.from(token.slice(0, token.lastIndexOf('.')))
  const seals = [
    { padding: constants.RSA_PKCS1_PADDING },
    { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 0 },
    { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 20 },
  ].map((how) => sign('sha256', input, { key: rsa.privateKey, ...how }))
  for (const seal of seals)
    await t.rejects(verifyMessage(`${input}.${seal.toString('base64url')}`, { ...check, keyring: ring }), refused)
  t.ok(await verifyMessage(token, { ...check, keyring: ring }))
})
