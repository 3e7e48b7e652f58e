import { createPrivateKey, createPublicKey } from 'node:crypto'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { jwsTypes, signCompact, verifyJws, verifyMessage } from '../../gateway/envelopes/jws.ts'
import { openKeyring } from '../../gateway/envelopes/key-folder.ts'
import { generateKeyFile } from '../../gateway/envelopes/key-generation.ts'
import { type KeyFile, type KeyRecord, publicJwkOf, readKeyRecord } from '../../gateway/envelopes/key-record.ts'
import { createKeyring, generateSigningJwk, publicHalf } from '../../gateway/envelopes/keyring.ts'
import { createSessions } from '../../gateway/envelopes/session.ts'

const dayMs = 86_400_000
const startMs = Date.parse('2026-11-02T08:00:00Z')
const signing = generateSigningJwk()

type Wanted = Partial<Parameters<typeof generateKeyFile>[0]>

/** A key of ours that begins and ends days after the start. */
function own(from: number, until: number, wanted: Wanted = {}): KeyFile {
  return generateKeyFile({
    purpose: 'sign',
    algorithm: 'ES256',
    name: 'Cổng thử',
    fromMs: startMs + from * dayMs,
    untilMs: startMs + until * dayMs,
    ...wanted,
  })
}

/** The same key as its partner registers it. */
function partner(key: KeyFile, system: string): KeyFile {
  const { kid, algorithm, jwk } = recordOf(key)
  const { nbf: _, exp: __, ...half } = publicJwkOf({ kid, algorithm, jwk, purpose: 'verify' })
  return { ...key, purpose: 'verify', system, jwk: half }
}

const recordOf = (key: KeyFile): KeyRecord => readKeyRecord(Buffer.from(JSON.stringify(key)))
const kidOf = (key: KeyFile) => String(key.jwk.kid)

function ringAt(keys: readonly KeyFile[], more: Partial<Parameters<typeof createKeyring>[0]> = {}) {
  const time = { nowMs: startMs }
  const clock = { now: () => time.nowMs }
  return { time, ring: createKeyring({ partners: [], records: keys.map(recordOf), clock, ...more }) }
}

t.test('the newest key that has begun signs; the next one takes over at its time', async (t) => {
  const [first, second] = [own(-10, 40), own(20, 60)]
  const { ring, time } = ringAt([second, first])
  t.equal(ring.signingKey().kid, kidOf(first))
  time.nowMs = startMs + 20 * dayMs - 1
  t.equal(ring.signingKey().kid, kidOf(first))
  time.nowMs += 1
  t.equal(ring.signingKey().kid, kidOf(second))
  time.nowMs = startMs + 60 * dayMs
  t.throws(() => ring.signingKey(), /no key to sign with is current/)
})

t.test('a key kept for one system signs for it alone', async (t) => {
  const [general, forAxis] = [own(-10, 40), own(-5, 40, { system: 'document-axis', algorithm: 'RS256' })]
  const { ring, time } = ringAt([general, forAxis])
  t.equal(ring.signingKey().kid, kidOf(general))
  t.equal(ring.signingKey('one-window').kid, kidOf(general))
  t.match(ring.signingKey('document-axis'), { kid: kidOf(forAxis), algorithm: 'RS256', certificates: [{}] })
  time.nowMs = startMs + 39 * dayMs
  t.equal(ring.secrets('x').length, 1, 'and sessions are made with the general one')
})

t.test('our key set names future and old keys with their dates, and never a revoked one', async (t) => {
  const [over, current, future] = [own(-90, -10), own(-10, 40), own(20, 60)]
  const revoked = { ...own(-10, 40), revoked: { at: '2026-11-01T00:00:00Z', reason: 'thử' } }
  const { ring } = ringAt([over, current, future, revoked])
  const published = ring.jwks().keys
  t.same(
    published.map(({ kid }) => kid),
    [over, current, future].map(kidOf),
  )
  t.match(published[0], { nbf: startMs / 1000 - 90 * 86_400, exp: startMs / 1000 - 10 * 86_400, x5c: [/^MII/] })
  t.notMatch(JSON.stringify(published), String(current.jwk.d))
  t.ok(ring.ownKey(kidOf(over)), 'what an old key signed can still be checked')
  t.equal(ring.ownKey(kidOf(revoked)), undefined)
  t.equal(ring.certificates().match(/BEGIN CERTIFICATE/g)?.length, 2, 'as X.509 those in use and to come')
})

t.test('a partner’s key counts from its first to its last moment, and several at once', async (t) => {
  const [old, next] = [own(-10, 5), own(-1, 60)]
  const { ring, time } = ringAt([partner(old, 'land'), partner(next, 'land')], { signing })
  t.same(
    ring.partnerKeys('land').map(({ kid }) => kid),
    [kidOf(next), kidOf(old)],
  )
  t.ok(ring.partnerKey(kidOf(old)))
  time.nowMs = startMs + 5 * dayMs
  t.equal(ring.partnerKey(kidOf(old)), undefined)
  t.ok(ring.partnerKey(kidOf(next)))
  time.nowMs = startMs - 2 * dayMs
  t.equal(ring.partnerKey(kidOf(next)), undefined, 'not yet')
})

t.test('a revoked key is refused from that moment', async (t) => {
  const key = { ...partner(own(-10, 40), 'land'), revoked: { at: '2026-11-02T08:00:01Z', reason: 'mất máy' } }
  const { ring, time } = ringAt([key], { signing })
  t.ok(ring.partnerKey(kidOf(key)))
  time.nowMs = startMs + 1000
  t.equal(ring.partnerKey(kidOf(key)), undefined)
  t.match(ring.list()[1], { standing: 'revoked', why: 'mất máy', system: 'land' })
})

t.test('one key is one system, under whatever id', async (t) => {
  const key = own(-10, 40)
  const again = { ...partner(key, 'tax'), jwk: { ...partner(key, 'tax').jwk, kid: 'another' } }
  t.throws(() => ringAt([partner(key, 'land'), again], { signing }), /another system has the very same key/)
  t.throws(() => ringAt([key, again]), /another system has the very same key/, 'nor ours')
  t.ok(ringAt([partner(key, 'land'), { ...again, system: 'land' }], { signing }), 'its twin: one system, two names')
})

t.test('a system’s list of algorithms is held when its keys are registered', async (t) => {
  const key = partner(own(-10, 40, { algorithm: 'ES384' }), 'land')
  const algorithms = { land: ['ES256', 'PS256'] }
  t.throws(() => ringAt([key], { signing, algorithms }), /ES384 is not one of ES256, PS256/)
  t.ok(ringAt([partner(own(-10, 40), 'land')], { signing, algorithms }))
})

t.test('keys to decrypt and to encrypt to, and shared secrets, are found by system and id', async (t) => {
  const decrypt = own(-10, 40, { purpose: 'decrypt', algorithm: 'ECDH-ES' })
  const { kid, algorithm, jwk } = recordOf(decrypt)
  const theirs = own(-10, 40, { purpose: 'decrypt', algorithm: 'RSA-OAEP-256' })
  const half = publicJwkOf({ ...recordOf(theirs), purpose: 'encrypt' })
  const encrypt: KeyFile = { purpose: 'encrypt', system: 'land', jwk: half }
  const [oldMac, mac] = [-9, -1].map((from) => own(from, 40, { purpose: 'mac', algorithm: 'HS256', system: 'pay' }))
  const { ring } = ringAt([decrypt, encrypt, ...(oldMac && mac ? [oldMac, mac] : [])], { signing })
  t.match(ring.decryptionKey(kid), { algorithm: 'ECDH-ES', privateKey: { type: 'private' } })
  t.equal(ring.signingKey().kid, signing.kid, 'it does not sign')
  t.match(ring.encryptionKey('land'), { algorithm: 'RSA-OAEP-256', publicKey: { type: 'public' } })
  t.equal(ring.encryptionKey('pay'), undefined)
  t.same(
    ring.macKeys('pay').map(({ kid }) => kid),
    [mac && kidOf(mac), oldMac && kidOf(oldMac)],
  )
  t.match(ring.jwks().keys[1], { kid, use: 'enc', alg: algorithm })
  t.notMatch(JSON.stringify(ring.jwks()), String(jwk.d))
})

t.test('a key file that breaks a rule is refused by the rule, without its content', async (t) => {
  const good = own(-10, 40)
  const secret = String(good.jwk.d)
  const rsa = own(-1, 40, { algorithm: 'PS256' })
  const cases: readonly (readonly [RegExp, object | string])[] = [
    [/well-formed JSON/, `{"jwk": ${secret}`],
    [/not a JSON object/, '[]'],
    [/not known/, { ...good, colour: 'red' }],
    [/its purpose/, { ...good, purpose: 'wink' }],
    [/its system/, { ...partner(good, 'land'), system: undefined }],
    [/its system/, { ...good, system: '../land' }],
    [/its from/, { ...good, from: 'tomorrow' }],
    [/its until/, { ...good, until: '2026-11-01' }],
    [/revocation/, { ...good, revoked: {} }],
    [/belong together/, { ...good, jwk: { ...good.jwk, d: own(-1, 1).jwk.d } }],
    [/another key/, { ...good, jwk: { ...good.jwk, x5c: own(-1, 1).jwk.x5c } }],
    [/not a certificate/, { ...good, jwk: { ...good.jwk, x5c: ['AAAA'] } }],
    [/its kid/, { ...good, jwk: { ...good.jwk, kid: 'a b' } }],
    [/its alg/, { ...good, jwk: { ...good.jwk, alg: 'HS256' } }],
    [/private parts/, { ...partner(good, 'land'), jwk: good.jwk }],
    [/name its alg/, { ...rsa, jwk: { ...rsa.jwk, alg: undefined } }],
    [/at least 32/, { purpose: 'mac', system: 'pay', jwk: { kty: 'oct', kid: 'a', alg: 'HS256', k: 'c2VjcmV0' } }],
    [/guessed/, { purpose: 'mac', system: 'pay', jwk: { kty: 'oct', kid: 'a', alg: 'HS256', k: 'A'.repeat(43) } }],
  ]
  for (const [rule, file] of cases) {
    const thrown = t.throws(() => readKeyRecord(Buffer.from(typeof file === 'string' ? file : JSON.stringify(file))))
    t.match(String(thrown), rule)
    t.notMatch(String(thrown), secret)
  }
  t.ok(readKeyRecord(Buffer.from(JSON.stringify(good))))
  t.ok(readKeyRecord(Buffer.from(JSON.stringify(rsa))))
})

t.test('keys rotate while messages are under way, and none is refused', async (t) => {
  const folder = t.testdir()
  const put = (name: string, key: object) =>
    writeFileSync(path.join(folder, name), JSON.stringify(key), { mode: 0o600 })
  const [ours, theirs, theirNext] = [own(-10, 400), own(-10, 400), own(-10, 400)]
  const now = { now: () => startMs }
  put('ours.json', ours)
  put('theirs.json', partner(theirs, 'land'))
  const ring = openKeyring({ partners: [], places: { folder }, clock: now })
  const signer = (key: KeyFile) => createKeyring({ partners: [], records: [recordOf(key)], clock: now }).signingKey()
  const message = (key: KeyFile, jti: string) =>
    signCompact(signer(key), {
      typ: jwsTypes.message,
      payload: JSON.stringify({ jti, iat: startMs / 1000, aud: 'gw' }),
    })
  const check = { keyring: ring, audience: 'gw', nowMs: startMs }
  t.equal(ring.reload(), false, 'nothing changed')

  let taken = 0
  const stop = new AbortController()
  const flow = (async () => {
    for (let n = 0; !stop.signal.aborted; n += 1) {
      const key = n % 2 === 1 && ring.partnerKey(kidOf(theirNext)) ? theirNext : theirs
      t.equal((await verifyMessage(await message(key, `m-${n}`), check)).system, 'land')
      const receipt = await signCompact(ring.signingKey(), { typ: jwsTypes.receipt, payload: '{}' })
      await verifyJws(receipt, { keyOf: (kid) => ring.ownKey(kid), typ: jwsTypes.receipt })
      taken += 1
      await new Promise(setImmediate)
    }
  })()
  /** Until two more messages have passed, however slow the machine. */
  const turn = async () => {
    const enough = taken + 2
    while (taken < enough) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await turn()
  put('theirs-next.json', partner(theirNext, 'land'))
  put('ours-next.json', own(-1, 400))
  t.equal(ring.reload(), true)
  t.not(ring.signingKey().kid, kidOf(ours))
  await turn()
  put('broken.json', { ...own(-1, 400), purpose: 'wink' })
  t.throws(() => ring.reload(), /broken\.json: its purpose/)
  t.ok(ring.partnerKey(kidOf(theirNext)), 'the keys it had are kept')
  rmSync(path.join(folder, 'broken.json'))
  t.equal(ring.reload(), false, 'without it all is as it was')
  await turn()
  stop.abort()
  await flow
  t.ok(taken >= 6)

  put('theirs.json', { ...partner(theirs, 'land'), revoked: { at: '2026-11-01T00:00:00Z', reason: 'thử' } })
  ring.reload()
  await t.rejects(verifyMessage(await message(theirs, 'late'), check), { code: 'credential-refused' })
  t.ok(await verifyMessage(await message(theirNext, 'late'), check))
})

t.test('a private key that everybody can read is refused', async (t) => {
  const folder = t.testdir({ 'ours.json': JSON.stringify(own(-1, 4)), 'readme.txt': 'not a key' })
  const open = () => openKeyring({ partners: [], places: { folder } })
  chmodSync(path.join(folder, 'ours.json'), 0o644)
  t.throws(open, /ours\.json: everybody/)
  chmodSync(path.join(folder, 'ours.json'), 0o640)
  t.ok(open())
})

t.test('production refuses demo keys in the folder', async (t) => {
  const folder = t.testdir()
  const key = own(-1, 400, { kidPrefix: 'demo-' })
  writeFileSync(path.join(folder, 'a.json'), JSON.stringify(key), { mode: 0o600 })
  t.throws(() => openKeyring({ partners: [], places: { folder }, isProduction: true }), /demo key/)
  t.ok(openKeyring({ partners: [], places: { folder } }))
})

t.test('a session made before a rotation holds after it', async (t) => {
  const { ring, time } = ringAt([own(-10, 40), own(1, 60)])
  const credential = { username: 'mot-cua', password: 'mat-khau-thu' }
  const clock = { now: () => time.nowMs, monotonic: () => 0, after: () => () => undefined }
  const sessions = createSessions({
    keyring: ring,
    gatewayId: 'gw',
    system: 'one-window',
    credentials: [credential],
    ttlMs: 3 * dayMs,
    clock,
  })
  const before = sessions.login('mot-cua', 'mat-khau-thu').token
  time.nowMs = startMs + 1.5 * dayMs
  t.same(sessions.verify(before), credential)
  t.same(sessions.verify(sessions.login('mot-cua', 'mat-khau-thu').token), credential)
})

t.test('an undated key gives way to one with dates, and comes back when that is over', async (t) => {
  const dated = own(1, 2)
  const { ring, time } = ringAt([dated], { signing })
  t.equal(ring.signingKey().kid, signing.kid)
  time.nowMs = startMs + dayMs
  t.equal(ring.signingKey().kid, kidOf(dated))
  time.nowMs = startMs + 2 * dayMs
  t.equal(ring.signingKey().kid, signing.kid)
  t.same(ring.jwks().keys[0], publicHalf(signing))
  t.ok(createPublicKey(createPrivateKey({ key: { ...signing }, format: 'jwk' })))
})
