import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { readCertificates } from '../../gateway/envelopes/key-folder.ts'
import { importKey } from '../../gateway/envelopes/key-import.ts'
import { readKeyRecord } from '../../gateway/envelopes/key-record.ts'
import { createKeyring, generateSigningJwk, thumbprintOf } from '../../gateway/envelopes/keyring.ts'
import { readRevocationList } from '../../gateway/envelopes/revocation-list.ts'
import { selfSigned } from '../../gateway/envelopes/self-signed.ts'
import { createTrustStore } from '../../gateway/envelopes/trust-store.ts'

/** An authority with one below it, made by openssl, and what they have issued. */
const folder = t.testdir({
  'ca.cnf': [
    '[ca]',
    'default_ca = own',
    '[own]',
    'database = index.txt',
    'serial = serial.txt',
    'crlnumber = crlnumber.txt',
    'new_certs_dir = .',
    'default_md = sha256',
    'policy = any',
    'default_crl_days = 7',
    'unique_subject = no',
    '[any]',
    'commonName = supplied',
    '[root]',
    'basicConstraints = critical,CA:TRUE,pathlen:1',
    'keyUsage = critical,keyCertSign,cRLSign',
    'subjectKeyIdentifier = hash',
    '[between]',
    'basicConstraints = critical,CA:TRUE,pathlen:0',
    'keyUsage = critical,keyCertSign,cRLSign',
    '[leaf]',
    'basicConstraints = CA:FALSE',
    'keyUsage = critical,digitalSignature,nonRepudiation',
    '[cipher]',
    'basicConstraints = CA:FALSE',
    'keyUsage = critical,keyEncipherment',
    '[limited]',
    'basicConstraints = CA:FALSE',
    'nameConstraints = critical,permitted;DNS:example.vn',
    '',
  ].join('\n'),
  'index.txt': '',
  'serial.txt': '1000\n',
  'crlnumber.txt': '1000\n',
})
const at = (name: string) => path.join(folder, name)
const openssl = (...args: readonly string[]) =>
  execFileSync('openssl', [...args], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
const pem = (name: string) => readCertificates(readFileSync(at(`${name}.pem`), 'latin1'))

interface Issue {
  readonly by: string
  readonly kind: string
  readonly key?: readonly string[]
  readonly digest?: string
}

function issue(name: string, { by, kind, key = ['rsa:2048'], digest = 'sha256' }: Issue): void {
  openssl(
    'req',
    '-new',
    '-newkey',
    ...key,
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    '-subj',
    `/CN=${name}`,
  )
  const issuer = ['-cert', `${by}.pem`, '-keyfile', `${by}.key`, '-md', digest, '-days', '30']
  openssl(
    'ca',
    '-config',
    'ca.cnf',
    '-batch',
    ...issuer,
    '-extensions',
    kind,
    '-in',
    `${name}.csr`,
    '-out',
    `${name}.pem`,
    '-notext',
  )
}

const ec = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
openssl(
  'req',
  '-x509',
  '-newkey',
  'rsa:2048',
  '-nodes',
  '-keyout',
  'root.key',
  '-out',
  'root.pem',
  '-subj',
  '/CN=root',
  '-days',
  '60',
  '-config',
  'ca.cnf',
  '-extensions',
  'root',
)
issue('between', { by: 'root', kind: 'between' })
issue('one-window', { by: 'between', kind: 'leaf' })
issue('revoked', { by: 'between', kind: 'leaf', key: ec })
issue('cipher', { by: 'between', kind: 'cipher' })
issue('short', { by: 'between', kind: 'leaf', key: ['rsa:1024'] })
issue('broken-digest', { by: 'between', kind: 'leaf', digest: 'sha1' })
issue('limited', { by: 'between', kind: 'limited' })
issue('below', { by: 'between', kind: 'between' })
issue('too-deep', { by: 'below', kind: 'leaf' })
issue('by-a-leaf', { by: 'one-window', kind: 'leaf' })
openssl(
  'req',
  '-x509',
  '-newkey',
  'rsa:2048',
  '-nodes',
  '-keyout',
  'stranger.key',
  '-out',
  'stranger.pem',
  '-subj',
  '/CN=root',
  '-days',
  '60',
  '-config',
  'ca.cnf',
  '-extensions',
  'root',
)
issue('by-a-stranger', { by: 'stranger', kind: 'leaf' })
openssl('ca', '-config', 'ca.cnf', '-cert', 'between.pem', '-keyfile', 'between.key', '-revoke', 'revoked.pem')
openssl('ca', '-config', 'ca.cnf', '-cert', 'between.pem', '-keyfile', 'between.key', '-gencrl', '-out', 'between.crl')
openssl('crl', '-in', 'between.crl', '-outform', 'der', '-out', 'between.crl.der')

const nowMs = Date.now()
const trust = createTrustStore(pem('root'), [readRevocationList(readFileSync(at('between.crl')))])
const chainOf = (name: string, ...above: readonly string[]) => [name, ...above].flatMap(pem)
const faultOf = (chain: ReturnType<typeof pem>, atMs = nowMs) => trust.faultOf(chain, { nowMs: atMs, use: 'sign' })

t.test('a chain that leads to a root is believed, whether it names the root or not', async (t) => {
  t.equal(faultOf(chainOf('one-window', 'between')), undefined)
  t.equal(faultOf(chainOf('one-window', 'between', 'root')), undefined)
  const alone = createTrustStore(pem('one-window'))
  t.equal(alone.faultOf(pem('one-window'), { nowMs, use: 'sign' }), undefined, 'a leaf that is trusted itself')
  t.equal(trust.faultOf(chainOf('cipher', 'between'), { nowMs, use: 'encipher' }), undefined)
})

t.test('a chain that proves nothing is not believed, and the reason says so', async (t) => {
  const good = chainOf('one-window', 'between')
  const cases: readonly (readonly [RegExp, ReturnType<typeof pem>, number?])[] = [
    [/no certificate/, []],
    [/does not lead/, pem('one-window')],
    [/another purpose/, pem('root')],
    [/does not lead/, chainOf('by-a-stranger', 'stranger')],
    [/does not lead/, chainOf('by-a-stranger', 'root')],
    [/revoked/, chainOf('revoked', 'between')],
    [/another purpose/, chainOf('cipher', 'between')],
    [/fewer than 2048/, chainOf('short', 'between')],
    [/broken algorithm/, chainOf('broken-digest', 'between')],
    [/not understood/, chainOf('limited', 'between')],
    [/longer than an authority allows/, chainOf('too-deep', 'below', 'between')],
    [/does not lead|no authority/, chainOf('by-a-leaf', 'one-window', 'between')],
    [/expired/, good, nowMs + 31 * 86_400_000],
    [/not valid yet/, good, nowMs - 86_400_000],
  ]
  for (const [why, chain, atMs] of cases) t.match(faultOf(chain, atMs) ?? 'believed', why)
  t.equal(faultOf(good), undefined, 'and the honest twin is')
})

t.test('a revocation list counts only when its authority has signed it', async (t) => {
  const list = readRevocationList(readFileSync(at('between.crl.der')))
  const [between, root] = [pem('between')[0], pem('root')[0]]
  if (between === undefined || root === undefined) throw new Error('no certificate was made')
  t.ok(list.isSignedBy(between.publicKey))
  t.notOk(list.isSignedBy(root.publicKey))
  const der = readFileSync(at('between.crl.der'))
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
  const forged = createTrustStore(pem('root'), [readRevocationList(der)])
  t.equal(forged.faultOf(chainOf('revoked', 'between'), { nowMs, use: 'sign' }), undefined)
  t.throws(() => readRevocationList(Buffer.from('not a list')), /is not a certificate revocation list/)
  t.throws(() => readRevocationList(readFileSync(at('root.pem'))), /is not a certificate revocation list/)
  t.equal(trust.staleLists(nowMs), 0)
  t.equal(trust.staleLists(nowMs + 8 * 86_400_000), 1)
})

t.test('a partner’s key stands and falls with its certificate', async (t) => {
  const x5c = chainOf('one-window', 'between').map(({ raw }) => raw.toString('base64'))
  const record = (name: string) => {
    const { jwk, certificates } = importKey(readFileSync(at(`${name}.pem`)))
    const chain = [...certificates, ...pem('between')].map(({ raw }) => raw.toString('base64'))
    const key = { ...jwk, kid: name, alg: jwk.kty === 'EC' ? 'ES256' : 'PS256', x5c: chain }
    return readKeyRecord(Buffer.from(JSON.stringify({ purpose: 'verify', system: name, jwk: key })))
  }
  const time = { nowMs }
  const ring = createKeyring({
    signing: generateSigningJwk(),
    partners: [],
    records: [record('one-window'), record('revoked')],
    trust,
    clock: { now: () => time.nowMs },
  })
  t.match(
    ring.partnerKey('one-window')?.certificates?.map(({ raw }) => raw.toString('base64')),
    x5c,
  )
  t.equal(ring.partnerKey('revoked'), undefined)
  t.match(ring.list()[2], { standing: 'untrusted', why: /revoked/ })
  time.nowMs = nowMs + 31 * 86_400_000
  t.equal(ring.partnerKey('one-window'), undefined, 'it ends with its certificate')
  t.match(ring.list()[1], { standing: 'over' })
})

t.test('a key is read from whatever file it is handed over in', async (t) => {
  openssl(
    'pkcs12',
    '-export',
    '-inkey',
    'one-window.key',
    '-in',
    'one-window.pem',
    '-certfile',
    'between.pem',
    '-out',
    'new.p12',
    '-passout',
    'pass:mat khau thu',
  )
  openssl(
    'pkcs12',
    '-export',
    '-legacy',
    '-inkey',
    'one-window.key',
    '-in',
    'one-window.pem',
    '-out',
    'old.p12',
    '-passout',
    'pass:abc',
  )
  openssl('pkcs12', '-export', '-inkey', 'revoked.key', '-in', 'revoked.pem', '-out', 'ec.p12', '-passout', 'pass:abc')
  openssl('pkey', '-in', 'one-window.key', '-aes256', '-passout', 'pass:abc', '-out', 'locked.key')
  openssl('pkey', '-in', 'one-window.key', '-pubout', '-out', 'public.pub')
  openssl('rsa', '-in', 'one-window.key', '-traditional', '-out', 'old.key')
  openssl('x509', '-in', 'one-window.pem', '-outform', 'der', '-out', 'one-window.der')
  const both = Buffer.concat(['between.pem', 'one-window.key', 'one-window.pem'].map((name) => readFileSync(at(name))))
  const read = (name: string, passphrase?: string) => importKey(readFileSync(at(name)), passphrase)
  const wanted = thumbprintOf(pem('one-window')[0]?.publicKey.export({ format: 'jwk' }) ?? {})
  const jwkFile = Buffer.from(JSON.stringify(generateSigningJwk()))
  for (const [name, key, isPrivate, certificates] of [
    ['PKCS#12 of today', read('new.p12', 'mat khau thu'), true, 2],
    ['PKCS#12 with old ciphers', read('old.p12', 'abc'), true, 1],
    ['PEM', read('one-window.key'), true, 0],
    ['PEM of old', read('old.key'), true, 0],
    ['PEM with a passphrase', read('locked.key', 'abc'), true, 0],
    ['PEM with its chain, in any order', importKey(both), true, 2],
    ['a public key', read('public.pub'), false, 0],
    ['a certificate', read('one-window.pem'), false, 1],
    ['a certificate in DER', read('one-window.der'), false, 1],
  ] as const) {
    t.equal(thumbprintOf(key.jwk), wanted, name)
    t.equal(key.isPrivate, isPrivate, name)
    t.equal(key.certificates.length, certificates, name)
  }
  t.match(read('ec.p12', 'abc'), { jwk: { kty: 'EC', d: /./ }, certificates: [{}] })
  t.match(importKey(jwkFile), { isPrivate: true, certificates: [] })
})

t.test('a file that holds no key is refused without being quoted', async (t) => {
  const wrong: readonly (readonly [RegExp, Buffer, string?])[] = [
    [/passphrase is wrong/, readFileSync(at('new.p12')), 'abc'],
    [/is the passphrase right/, readFileSync(at('locked.key')), 'abx'],
    [/no JWK, PEM/, Buffer.from('khong-duoc-lo')],
    [/not a JSON Web Key/, Buffer.from('{"d":"khong-duoc-lo"')],
    [
      /none of its certificates/,
      Buffer.concat(['one-window.key', 'between.pem'].map((name) => readFileSync(at(name)))),
    ],
    [/neither a key nor a certificate/, readFileSync(at('between.crl'))],
  ]
  for (const [why, file, passphrase] of wrong) {
    const thrown = t.throws(() => importKey(file, passphrase))
    t.match(String(thrown), why)
    t.notMatch(String(thrown), 'khong-duoc-lo')
  }
})

t.test('openssl takes the certificates we make', async (t) => {
  const { createPrivateKey } = await import('node:crypto')
  for (const name of ['one-window', 'revoked']) {
    const privateKey = createPrivateKey(readFileSync(at(`${name}.key`)))
    const life = { fromMs: nowMs - 1000, untilMs: Date.parse('2060-01-01T00:00:00Z') }
    const certificate = selfSigned(privateKey, { name: 'Sở Thử nghiệm', use: 'sign', ...life })
    writeFileSync(at('own.pem'), certificate.toString())
    t.match(String(openssl('verify', '-x509_strict', '-CAfile', 'own.pem', 'own.pem')), 'OK')
    const text = String(openssl('x509', '-in', 'own.pem', '-noout', '-text', '-nameopt', 'utf8'))
    t.match(text, /CN ?= ?Sở Thử nghiệm/)
    t.match(text, /Digital Signature, Non Repudiation/)
    t.equal(certificate.validToDate.getTime(), life.untilMs)
    t.notOk(certificate.ca)
  }
})
