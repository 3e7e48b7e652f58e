import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import t from 'tap'
import { keyFault } from '../../gateway/envelopes/key-vetting.ts'
import { createKeyring, generateSigningJwk, type PublicJwk, publicHalf } from '../../gateway/envelopes/keyring.ts'

function publicJwk(publicKey: KeyObject, more: Partial<PublicJwk> = {}): PublicJwk {
  return { kty: '', ...publicKey.export({ format: 'jwk' }), ...more }
}

const rsa = publicJwk(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey, { alg: 'RS256' })
const withNumbers = (modulus: bigint, exponent: bigint): PublicJwk => {
  const member = (value: bigint) => {
    const hex = value.toString(16)
    return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url')
  }
  return { kty: 'RSA', alg: 'RS256', n: member(modulus), e: member(exponent) }
}

t.test('a generated key is named by its thumbprint and may be marked as a demo key', async (t) => {
  const jwk = generateSigningJwk()
  t.equal(jwk.kid, await calculateJwkThumbprint(publicHalf(jwk)))
  t.match(generateSigningJwk({ kidPrefix: 'demo-' }).kid, /^demo-[\w-]{43}$/)
})

t.test('our key set is published without its secret', async (t) => {
  const signing = generateSigningJwk()
  const keyring = createKeyring({ signing, partners: [] })
  t.same(keyring.jwks(), { keys: [publicHalf(signing)] })
  t.notMatch(JSON.stringify(keyring.jwks()), signing.d)
  t.equal(keyring.ownKey(signing.kid)?.kid, signing.kid)
  t.equal(keyring.partnerKey(signing.kid), undefined, 'our own key is no partner’s')
})

t.test('a signing key whose halves do not belong together is refused', async (t) => {
  const signing = { ...generateSigningJwk(), d: generateSigningJwk().d }
  t.throws(() => createKeyring({ signing, partners: [] }))
})

t.test('partners’ keys of every allowed kind are found by kid, each pinned to one algorithm', async (t) => {
  const ec = (namedCurve: string) => publicJwk(generateKeyPairSync('ec', { namedCurve }).publicKey)
  const partners: readonly { readonly system: string; readonly jwk: PublicJwk }[] = [
    { system: 'a', jwk: { ...ec('P-256'), kid: 'es256' } },
    { system: 'a', jwk: { ...ec('P-384'), kid: 'es384' } },
    { system: 'b', jwk: { ...publicJwk(generateKeyPairSync('ed25519').publicKey), kid: 'eddsa' } },
    { system: 'b', jwk: { ...rsa, kid: 'rs256' } },
    { system: 'c', jwk: ec('P-256') },
  ]
  const keyring = createKeyring({ signing: generateSigningJwk(), partners })
  t.match(keyring.partnerKey('es256'), { system: 'a', algorithm: 'ES256' })
  t.match(keyring.partnerKey('es384'), { system: 'a', algorithm: 'ES384' })
  t.match(keyring.partnerKey('eddsa'), { system: 'b', algorithm: 'EdDSA' })
  t.match(keyring.partnerKey('rs256'), { system: 'b', algorithm: 'RS256' })
  const unnamed = await calculateJwkThumbprint(partners[4]?.jwk ?? { kty: '' })
  t.match(keyring.partnerKey(unnamed), { system: 'c', thumbprint: unnamed })
  t.equal(keyring.partnerKey('nobody'), undefined)
})

t.test('one kid is one key', async (t) => {
  const jwk = publicHalf(generateSigningJwk())
  const other = { ...publicHalf(generateSigningJwk()), kid: jwk.kid ?? '' }
  const two = [
    { system: 'a', jwk },
    { system: 'b', jwk: other },
  ]
  t.throws(() => createKeyring({ signing: generateSigningJwk(), partners: two }), /its kid is taken/)
  const signing = generateSigningJwk()
  const ours = { system: 'a', jwk: { ...jwk, kid: signing.kid } }
  t.throws(() => createKeyring({ signing, partners: [ours] }), /its kid is taken/)
})

t.test('keys that prove nothing are refused at registration', async (t) => {
  const own = generateSigningJwk()
  const odd = (1n << 2047n) + 1n
  const cases: readonly (readonly [RegExp, PublicJwk])[] = [
    [/private parts/, { ...own }],
    [/must be RSA/, { kty: 'oct' }],
    [/private parts/, { kty: 'oct', k: 'c2VjcmV0' }],
    [/must be RSA/, publicJwk(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey)],
    [/must be RSA/, publicJwk(generateKeyPairSync('x25519').publicKey)],
    [/2048 to 8192/, publicJwk(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey, { alg: 'RS256' })],
    [/2048 to 8192/, withNumbers(1n << 9000n, 65_537n)],
    [/exponent/, withNumbers(odd, 1n)],
    [/exponent/, withNumbers(odd, 3n)],
    [/exponent/, withNumbers(odd, 65_538n)],
    [/exponent/, withNumbers(odd, 2n ** 40n + 1n)],
    [/even/, withNumbers(odd + 1n, 65_537n)],
    [/name its alg/, { kty: 'RSA', n: rsa.n, e: rsa.e }],
    [/its alg/, { ...rsa, alg: 'none' }],
    [/its alg/, { ...rsa, alg: 'HS256' }],
    [/its alg/, { ...publicHalf(own), alg: 'RS256' }],
    [/its use/, { ...publicHalf(own), use: 'enc' }],
    [/its kid/, { ...publicHalf(own), kid: 'a b' }],
    [/its kid/, { ...publicHalf(own), kid: '' }],
    [/well-formed/, { ...publicHalf(own), x: own.y }],
    [/well-formed/, { ...rsa, n: 'not base64url!' }],
  ]
  for (const [rule, jwk] of cases) t.match(keyFault(jwk) ?? 'accepted', rule, JSON.stringify(jwk).slice(0, 80))
  t.equal(keyFault(rsa), undefined)
  t.equal(keyFault(publicHalf(own)), undefined)
})

t.test('a modulus of the generator that could be factored is recognised', async (t) => {
  // Its primes are k·M + (65537^a mod M) with M a product of small primes (Nemec et al., CCS 2017); a number of that
  // form shows the fingerprint whether or not it is prime.
  const primes = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n, 43n, 47n, 53n, 59n, 61n, 67n, 71n, 73n]
  const more = [79n, 83n, 89n, 97n, 101n, 103n, 107n, 109n, 113n, 127n, 131n, 137n, 139n, 149n, 151n, 157n, 163n, 167n]
  const primorial = [...primes, ...more].reduce((product, prime) => product * prime, 1n)
  const power = (exponent: number) => {
    let value = 1n
    for (let step = 0; step < exponent; step += 1) value = (value * 65_537n) % primorial
    return value
  }
  const factor = (k: bigint, exponent: number) => k * primorial + power(exponent)
  const modulus = factor((1n << 805n) + 12_345n, 777) * factor((1n << 805n) + 67_891n, 1234)
  t.match(keyFault(withNumbers(modulus, 65_537n)), /CVE-2017-15361/)
  t.equal(keyFault(withNumbers(modulus + 2n, 65_537n)), undefined, 'its neighbour is not')
})

t.test('secrets are the same after a restart, and differ by purpose and by key', async (t) => {
  const signing = generateSigningJwk()
  const secret = (jwk: typeof signing, purpose: string) =>
    createKeyring({ signing: jwk, partners: [] }).secrets(purpose)[0]?.toString('hex')
  t.equal(secret(signing, 'a'), secret(signing, 'a'))
  t.not(secret(signing, 'a'), secret(signing, 'b'))
  t.not(secret(signing, 'a'), secret(generateSigningJwk(), 'a'))
})

t.test('the error of a refused key names system, key and rule, and no key material', async (t) => {
  const own = generateSigningJwk()
  const partners = [{ system: 'one-window', jwk: { ...own } }]
  const thrown = t.throws(() => createKeyring({ signing: generateSigningJwk(), partners }))
  t.match(String(thrown), `key ${own.kid} of one-window: it must not hold private parts`)
  t.notMatch(String(thrown), own.d)
  t.ok(createPublicKey({ key: { ...publicHalf(own) }, format: 'jwk' }))
})
