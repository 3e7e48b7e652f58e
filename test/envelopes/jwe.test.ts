import { generateKeyPairSync } from 'node:crypto'
import { CompactEncrypt } from 'jose'
import t from 'tap'
import { decryptToken, encryptToken, isEncrypted, jweType } from '../../gateway/envelopes/jwe.ts'
import type { DecryptionKey, EncryptionKey } from '../../gateway/envelopes/keyring.ts'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const keys: readonly (EncryptionKey & DecryptionKey)[] = [
  { kid: 'ec', algorithm: 'ECDH-ES', ...ec },
  { kid: 'rsa', algorithm: 'RSA-OAEP-256', ...rsa },
]
const keyOf = (kid: string) => keys.find((key) => key.kid === kid)
const token = 'eyJhbGciOiJFUzI1NiJ9.eyJ0w6puIjoiVGjhu60ifQ.c2ln'
const header = { alg: 'ECDH-ES', enc: 'A256GCM', kid: 'ec', typ: jweType, cty: 'JWT' }
const encrypted = (more: object, key = ec.publicKey) =>
  new CompactEncrypt(Buffer.from(token)).setProtectedHeader({ ...header, ...more }).encrypt(key)

t.test('an encrypted token comes out as it went in, and is unreadable between', async (t) => {
  for (const key of keys) {
    const sealed = await encryptToken(key, token)
    t.ok(isEncrypted(sealed))
    t.notOk(isEncrypted(token))
    t.notMatch(sealed, token.split('.')[1])
    t.equal(await decryptToken(sealed, { keyOf }), token)
    t.not(await encryptToken(key, token), sealed, 'no two are alike')
  }
})

t.test('whatever is wrong with it, it is refused with the same words', async (t) => {
  const good = await encryptToken({ kid: 'ec', algorithm: 'ECDH-ES', publicKey: ec.publicKey }, token)
  const [head = '', , iv = '', text = '', tag = ''] = good.split('.')
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pbes2 = await new CompactEncrypt(Buffer.from(token))
    .setProtectedHeader({ ...header, alg: 'PBES2-HS256+A128KW', p2c: 1000 })
    .encrypt(Buffer.from('mat-khau-thu'))
  const attacks: readonly (readonly [string, string])[] = [
    ['for another key', await encrypted({}, stranger.publicKey)],
    ['an unknown key', await encrypted({ kid: 'no' })],
    ['another algorithm than the key’s', await encrypted({ alg: 'ECDH-ES+A256KW' })],
    ['another encryption', await encrypted({ enc: 'A128CBC-HS256' })],
    ['a password', pbes2],
    [
      'packed',
      `${Buffer.from(JSON.stringify({ ...header, zip: 'DEF', epk: {} })).toString('base64url')}..${iv}.${text}.${tag}`,
    ],
    ['another type', await encrypted({ typ: 'JWT' })],
    ['no type', await encrypted({ typ: undefined })],
    ['something else within', await encrypted({ cty: 'json' })],
    ['a key brought along', await encrypted({ jwk: stranger.publicKey.export({ format: 'jwk' }) })],
    [
      'crit',
      `${Buffer.from(JSON.stringify({ ...header, crit: ['exp'], epk: {} })).toString('base64url')}..${iv}.${text}.${tag}`,
    ],
    ['a changed tag', `${head}..${iv}.${text}.${tag.startsWith('A') ? 'B' : 'A'}${tag.slice(1)}`],
    ['a cut tag', `${head}..${iv}.${text}.${tag.slice(0, 8)}`],
    ['padding', `${good}=`],
    ['four parts', `${head}..${iv}.${text}`],
    ['six parts', `${good}.${tag}`],
    ['a signed token', token],
    ['nothing', ''],
  ]
  for (const [name, attack] of attacks)
    await t.rejects(decryptToken(attack, { keyOf }), { code: 'credential-refused', options: {} }, name)
  await t.rejects(decryptToken(good, { keyOf, maxBytes: good.length - 1 }), { code: 'credential-refused' })
  t.equal(await decryptToken(good, { keyOf, maxBytes: good.length }), token, 'the honest twin')
  t.equal(await decryptToken(await encrypted({}), { keyOf }), token)
})

t.test('a flipped bit anywhere is refused', async (t) => {
  const good = Buffer.from(await encrypted({}))
  for (let at = 0; at < good.length; at += 1) {
    const changed = Buffer.from(good)
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 7))
    await t.rejects(decryptToken(changed.toString('latin1'), { keyOf }), { code: 'credential-refused' })
  }
})
