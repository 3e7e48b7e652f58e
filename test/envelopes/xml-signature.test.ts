import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto'
import t from 'tap'
import type { XmlSignatureAlgorithm } from '../../gateway/envelopes/xml-algorithms.ts'
import { compileXmlSchema } from '../../gateway/envelopes/xml-canonical.ts'
import { readXml } from '../../gateway/envelopes/xml-gate.ts'
import { signXml, verifyXml } from '../../gateway/envelopes/xml-signature.ts'
import {
  canonicalOf,
  dsig,
  ec,
  enveloped,
  exclusive,
  type LooseReference,
  type LooseSignature,
  looseSignature,
  outcomeOf,
  rsa,
  rsaSha256,
  transform,
} from './xml-sample.ts'

const { privateKey, publicKey } = rsa()
const attacker = rsa()
const keys = [{ id: 'partner-1', publicKey }]
const key = { privateKey, algorithm: 'RSA-SHA256' } as const

const body = '<body Id="b1"><amount>1000</amount><owner>NGUYEN VAN A</owner></body>'
const document = `<doc xmlns="urn:x"><head></head>${body}</doc>`
const root = '{urn:x}doc'
const head = [root, '{urn:x}head']
const element = [root, '{urn:x}body']

/** The body by its ID, the signature in the head: the shape wrapping attacks are about. */
const byId = signXml(document, { key, id: 'b1', place: head }).toString()
const expectById = { keys, place: head, element }
const whole = signXml(document, { key }).toString()

t.test('what each algorithm signs it verifies, and no other key does', async (t) => {
  const p256 = ec('P-256')
  const p384 = ec('P-384')
  const pairs: Readonly<Record<XmlSignatureAlgorithm, typeof p256>> = {
    'RSA-SHA256': { privateKey, publicKey },
    'RSA-SHA384': { privateKey, publicKey },
    'RSA-SHA512': { privateKey, publicKey },
    'RSA-PSS-SHA256': { privateKey, publicKey },
    'RSA-PSS-SHA384': { privateKey, publicKey },
    'RSA-PSS-SHA512': { privateKey, publicKey },
    'ECDSA-SHA256': p256,
    'ECDSA-SHA384': p384,
  }
  for (const [name, pair] of Object.entries(pairs)) {
    const algorithm = name as XmlSignatureAlgorithm // a key of the record above
    const signed = signXml(document, { key: { privateKey: pair.privateKey, algorithm } })
    const expected = { keys: [{ id: 'k', publicKey: pair.publicKey }] }
    const verified = verifyXml(readXml(signed), expected)
    t.equal(verified.algorithm, algorithm)
    t.equal(verified.content.toString(), document)
    const others = [attacker, ec('P-256'), ec('P-384')].map(({ publicKey }, index) => ({ id: `o${index}`, publicKey }))
    t.match(outcomeOf(signed, { keys: others }), 'credential-refused')
    t.equal(outcomeOf(signed, { keys: [...others, { id: 'k', publicKey: pair.publicKey }] }), 'accepted')
  }
})

t.test(
  'what is answered is what was hashed: one element in its canonical form, or the document without signature',
  async (t) => {
    const verified = verifyXml(readXml(Buffer.from(byId)), expectById)
    t.equal(verified.content.toString(), body.replace('<body', '<body xmlns="urn:x"'))
    t.match(verified, { covers: 'element', keyId: 'partner-1' })
    t.match(verifyXml(readXml(Buffer.from(whole)), { keys }), { covers: 'document', keyId: 'partner-1' })
    t.equal(outcomeOf(whole, { keys, element }), 'accepted', 'more than what was asked for is signed')
    t.match(outcomeOf(byId, { keys, place: head }), /reference-elsewhere/, 'less than what was asked for is signed')
  },
)

t.test('XAdES names the time and the certificate, and a manifest binds what lies outside', async (t) => {
  const certificate = Buffer.from('stands for a certificate')
  const binds = [{ uri: 'cid:a&b', digest: 'sha384', value: randomBytes(48) }] as const
  const signed = signXml(document, {
    key: { ...key, certificates: [certificate] },
    id: 'b1',
    place: head,
    binds,
    signingTime: new Date(1_790_000_000_123),
  })
  const verified = verifyXml(readXml(signed), { ...expectById, keys: [{ id: 'k', publicKey, certificate }] })
  t.equal(verified.signedAtMs, 1_790_000_000_123)
  t.same(
    verified.binds,
    [{ uri: 'cid:a&amp;b', digest: 'sha384', value: binds[0].value }].map((one) => ({ ...one, uri: 'cid:a&b' })),
  )
  const other = [{ id: 'k', publicKey, certificate: Buffer.from('another') }]
  t.match(outcomeOf(signed, { ...expectById, keys: other }), /signing-certificate/)
})

t.test('an element that closes itself can take the signature', async (t) => {
  const signed = signXml(document.replace('<head></head>', '<head />'), { key, id: 'b1', place: head })
  t.equal(outcomeOf(signed, expectById), 'accepted')
})

t.test('the schema is asked about what was hashed', async (t) => {
  const schema = compileXmlSchema(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x"
    elementFormDefault="qualified"><xs:element name="doc"><xs:complexType><xs:sequence>
    <xs:element name="amount" type="xs:positiveInteger"/></xs:sequence></xs:complexType></xs:element></xs:schema>`)
  const signed = (amount: string) => signXml(`<doc xmlns="urn:x"><amount>${amount}</amount></doc>`, { key })
  t.equal(outcomeOf(signed('7'), { keys, schema }), 'accepted', 'the signature is no part of it')
  t.equal(outcomeOf(signed('Nguyễn Văn Thử'), { keys, schema }), 'contract-violated')
  try {
    verifyXml(readXml(signed('Nguyễn Văn Thử')), { keys, schema })
  } catch (error) {
    t.notMatch(`${String(error)} ${JSON.stringify(error)}`, 'Thử')
    t.match(error, { options: { rule: 'xsd', field: 'amount' } })
  }
  t.throws(() => compileXmlSchema('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:nothing/></xs:schema>'))
})

t.test('signatures in other places than the expected one are refused', async (t) => {
  t.equal(outcomeOf(byId, expectById), 'accepted')
  const signature = /<ds:Signature .*<\/ds:Signature>/.exec(byId)?.[0] ?? ''
  const without = byId.replace(signature, '')
  const forged = '<body Id="b2"><amount>9999</amount><owner>NGUYEN VAN B</owner></body>'
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'moved body, another in its place',
      without.replace(body, forged).replace('<head></head>', `<head>${signature}</head><x>${body}</x>`),
      /reference-elsewhere/,
    ],
    [
      'moved body inside the signature',
      without
        .replace(body, forged)
        .replace(
          '<head></head>',
          `<head>${signature.replace('</ds:Signature>', `<ds:Object>${body}</ds:Object></ds:Signature>`)}</head>`,
        ),
      /reference-elsewhere/,
    ],
    [
      'moved body into the head',
      without.replace(body, forged).replace('<head></head>', `<head>${body}${signature}</head>`),
      /reference-elsewhere/,
    ],
    ['duplicated ID', byId.replace(body, body + forged.replace('b2', 'b1')), /reference-unresolved/],
    ['duplicated ID before', byId.replace(body, forged.replace('b2', 'b1') + body), /reference-unresolved/],
    [
      'duplicated ID by another attribute',
      byId.replace(body, `${forged.replace('Id="b2"', 'ID="b1"')}${body}`),
      /reference-unresolved/,
    ],
    [
      'duplicated ID by xml:id',
      byId.replace(body, `${forged.replace('Id="b2"', 'xml:id="b1"')}${body}`),
      /reference-unresolved/,
    ],
    ['wrapper element', byId.replace(body, `<body>${body}</body>`), /reference-elsewhere/],
    ['wrapped document', `<doc xmlns="urn:x"><head></head>${forged}<x>${byId}</x></doc>`, /signature-misplaced/],
    ['relocated signature', without.replace('</doc>', `${signature}</doc>`), /signature-misplaced/],
    ['relocated into the body', without.replace('</owner>', `</owner>${signature}`), /signature-misplaced/],
    ['second signature', byId.replace('<head>', `<head>${signature.replaceAll('sig-', 'tig-')}`), /signature-twice/],
    ['second signature elsewhere', byId.replace('</doc>', `<x>${signature}</x></doc>`), /signature-twice/],
    ['signature removed', without, /signature-missing/],
    ['signature of another namespace', byId.replaceAll(dsig, `${dsig}x`), /signature-missing/],
    ['a second head', byId.replace('<head>', '<head></head><head>').replace('</head>', '</head>'), /accepted/],
  ]
  for (const [name, attack, reason] of cases) t.match(outcomeOf(attack, expectById), reason, name)
})

t.test('of two bodies in the same place only the signed one is answered', async (t) => {
  for (const attack of [
    byId.replace(body, `<body Id="b2"><amount>9999</amount></body>${body}`),
    byId.replace(body, `${body}<body><amount>9999</amount></body>`),
  ]) {
    t.equal(
      verifyXml(readXml(Buffer.from(attack)), expectById).content.toString(),
      body.replace('<body', '<body xmlns="urn:x"'),
    )
  }
})

t.test('comments, CDATA and character references change nothing that is answered', async (t) => {
  for (const same of [
    whole.replace('1000', '10<!-- 99 -->00'),
    whole.replace('1000', '<![CDATA[1000]]>'),
    whole.replace('1000', '10<![CDATA[]]>00'),
    whole.replace('1000', '&#49;000'),
    whole.replace('<body Id="b1">', "<body\n  Id='b1' >"),
  ]) {
    t.not(same, whole)
    t.equal(verifyXml(readXml(Buffer.from(same)), { keys }).content.toString(), document)
  }
  const joined = signXml('<doc xmlns="urn:x"><user>admin@a.vn<!-- -->.example.com</user></doc>', { key })
  t.match(
    verifyXml(readXml(joined), { keys }).content.toString(),
    '<user>admin@a.vn.example.com</user>',
    'nobody reads half of it',
  )
})

t.test('cutting the signature out joins nothing', async (t) => {
  const around = (left: string, right: string, canonical: string) => {
    const covered = `<doc xmlns="urn:x">${canonical}</doc>`
    const references = [{ uri: '', covered, transforms: [transform(enveloped), transform(exclusive)] }]
    return `<doc xmlns="urn:x">${left}${looseSignature({ privateKey, references })}${right}</doc>`
  }
  t.equal(outcomeOf(around('a]]', '>', 'a]]&gt;'), { keys }), 'accepted')
  t.equal(outcomeOf(around('a\r', '\nb', 'a\n\nb'), { keys }), 'accepted')
  t.match(outcomeOf(around('a\r', '\nb', 'a\nb'), { keys }), /digest-mismatch/)
})

t.test('each rule of the profile is kept, by a signer we know too', async (t) => {
  const canonical = Buffer.from(document)
  const profile: LooseReference = {
    uri: '',
    covered: canonical,
    transforms: [transform(enveloped), transform(exclusive)],
  }
  const { publicKey: shortPublic, privateKey: shortPrivate } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const signed = (over: Partial<LooseSignature>, reference: Partial<LooseReference> = {}) =>
    document.replace(
      '</doc>',
      `${looseSignature({ privateKey, references: [{ ...profile, ...reference }], ...over })}</doc>`,
    )
  t.equal(outcomeOf(signed({}), { keys }), 'accepted', 'the twin of all that follow')

  const inclusive = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315'
  const more = 'http://www.w3.org/2001/04/xmldsig-more#'
  const prefixes = `<ec:InclusiveNamespaces xmlns:ec="${exclusive}" PrefixList="p"></ec:InclusiveNamespaces>`
  const hmac = `${more}hmac-sha256`
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['SHA-1 signature', signed({ method: `${dsig}rsa-sha1`, hash: 'sha1' }), /: algorithm$/],
    ['MD5 signature', signed({ method: `${more}rsa-md5`, hash: 'md5' }), /: algorithm$/],
    ['DSA', signed({ method: `${dsig}dsa-sha1` }), /: algorithm$/],
    ['no algorithm', signed({ method: '' }), /: algorithm$/],
    ['SHA-1 digest', signed({}, { digestMethod: `${dsig}sha1`, hash: 'sha1' }), /digest-algorithm/],
    ['MD5 digest', signed({}, { digestMethod: `${more}md5`, hash: 'md5' }), /digest-algorithm/],
    [
      'HMAC with our public key',
      signed({ method: hmac, value: (info) => createHmac('sha256', pem).update(info).digest() }),
      /: algorithm$/,
    ],
    [
      'truncated HMAC',
      signed({
        method: hmac,
        parameters: '<ds:HMACOutputLength>8</ds:HMACOutputLength>',
        value: () => Buffer.from([1]),
      }),
      /algorithm-parameters|: algorithm$/,
    ],
    [
      'parameters of the method',
      signed({ parameters: '<ds:HMACOutputLength>8</ds:HMACOutputLength>' }),
      /algorithm-parameters|signature-mismatch/,
    ],
    ['inclusive canonicalisation of SignedInfo', signed({ canonicalization: inclusive }), /canonicalization/],
    ['canonicalisation with comments', signed({ canonicalization: `${exclusive}WithComments` }), /canonicalization/],
    ['inclusive transform', signed({}, { transforms: [transform(enveloped), transform(inclusive)] }), /transforms/],
    [
      'comments kept',
      signed({}, { transforms: [transform(enveloped), transform(`${exclusive}WithComments`)] }),
      /transforms/,
    ],
    [
      'prefix list',
      signed({}, { transforms: [transform(enveloped), transform(exclusive, prefixes)] }),
      /algorithm-parameters/,
    ],
    [
      'XPath',
      signed(
        {},
        {
          transforms: [
            transform(enveloped),
            transform('http://www.w3.org/TR/1999/REC-xpath-19991116', '<ds:XPath>not(ancestor::amount)</ds:XPath>'),
          ],
        },
      ),
      /algorithm-parameters/,
    ],
    [
      'XPath filter',
      signed({}, { transforms: [transform('http://www.w3.org/2002/06/xmldsig-filter2'), transform(exclusive)] }),
      /transforms/,
    ],
    [
      'XSLT',
      signed({}, { transforms: [transform('http://www.w3.org/TR/1999/REC-xslt-19991116'), transform(exclusive)] }),
      /transforms/,
    ],
    ['base64', signed({}, { transforms: [transform(`${dsig}base64`)] }), /transforms/],
    ['no enveloped transform', signed({}, { transforms: [transform(exclusive)] }), /transforms/],
    ['no canonicalisation', signed({}, { transforms: [transform(enveloped)] }), /transforms/],
    ['in another order', signed({}, { transforms: [transform(exclusive), transform(enveloped)] }), /transforms/],
    ['three transforms', signed({}, { transforms: [...profile.transforms, transform(exclusive)] }), /transforms/],
    ['no transforms', signed({}, { transforms: [] }), /reference-form/],
    ['no reference', signed({ references: [] }), /reference-count/],
    ['four references', signed({ references: [profile, profile, profile, profile] }), /reference-count/],
    [
      'three hundred references',
      signed({ references: Array.from({ length: 300 }, () => profile) }),
      /too-complex|too-large|reference-count/,
    ],
    ['the same twice', signed({ references: [profile, profile] }), /reference-twice/],
    ['no URI', signed({ references: [{ covered: canonical, transforms: profile.transforms }] }), /reference-form/],
    ['reference to nothing', signed({}, { uri: '#b9' }), /reference-unresolved/],
    ['empty fragment', signed({}, { uri: '#' }), /reference-unresolved/],
    ['XPointer', signed({}, { uri: '#xpointer(/)' }), /reference-unresolved/],
    ['reference to a file', signed({}, { uri: 'file:///etc/hostname' }), /reference-outside/],
    ['reference to a host', signed({}, { uri: 'http://127.0.0.1:9/' }), /reference-outside/],
    ['digest of something else', signed({}, { covered: `${document} ` }), /digest-mismatch/],
    ['signed by somebody else', signed({ privateKey: attacker.privateKey }), /signature-mismatch/],
    ['a short key', signed({ privateKey: shortPrivate }), /signature-mismatch/],
  ]
  for (const [name, attack, reason] of cases) {
    t.match(outcomeOf(attack, { keys }), reason, name)
    t.match(outcomeOf(attack, { keys }), /^(?:credential-refused|request-too-large|xml-too-complex)/, name)
  }
  t.match(
    outcomeOf(signed({ privateKey: shortPrivate }), { keys: [{ id: 'short', publicKey: shortPublic }] }),
    /no-key-for-algorithm/,
    'RSA below 2048 bits verifies nothing even when it is registered',
  )
  t.throws(() => signXml(document, { key: { privateKey: shortPrivate, algorithm: 'RSA-SHA256' } }), RangeError)
  t.throws(() => signXml(document, { key: { privateKey, algorithm: 'ECDSA-SHA256' } }), RangeError)
  t.throws(() => signXml(whole, { key }), RangeError, 'what is signed is not signed again')
  t.throws(() => signXml(`<!DOCTYPE doc>${document}`, { key }), { code: 'xml-forbidden' })
})

t.test('only the body of the expected name will do, whatever else is signed', async (t) => {
  const signHead = (over: Partial<LooseReference>) =>
    document.replace(
      '<head></head>',
      `<head>${looseSignature({ privateKey, references: [{ transforms: [transform(exclusive)], covered: '', ...over }] })}</head>`,
    )
  const withId = document.replace('<owner>', '<owner Id="o1">')
  t.equal(outcomeOf(signHead({ uri: '#b1', covered: canonicalOf(document, 'body') }), expectById), 'accepted')
  t.match(
    outcomeOf(
      signHead({ uri: '#o1', covered: canonicalOf(withId, 'owner') }).replace('<owner>', '<owner Id="o1">'),
      expectById,
    ),
    /reference-elsewhere/,
  )
  t.match(
    outcomeOf(signHead({ uri: '#b1', covered: canonicalOf(document, 'head') }), expectById),
    /digest-mismatch/,
    'digest swap',
  )
})

t.test('a key that comes along is not believed', async (t) => {
  const hint = (certificate: Uint8Array) =>
    `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${Buffer.from(certificate).toString('base64')}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`
  const references = [{ uri: '', covered: document, transforms: [transform(enveloped), transform(exclusive)] }]
  const signed = (who: typeof attacker, after: string) =>
    document.replace('</doc>', `${looseSignature({ privateKey: who.privateKey, references, after })}</doc>`)
  const own = Buffer.from('certificate of the partner')
  const known = {
    keys: [
      { id: 'old', publicKey: rsa().publicKey },
      { id: 'new', publicKey, certificate: own },
    ],
  }
  t.equal(outcomeOf(signed({ privateKey, publicKey }, hint(own)), known), 'accepted')
  t.equal(outcomeOf(signed({ privateKey, publicKey }, hint(randomBytes(9))), known), 'accepted', 'only a hint')
  t.match(outcomeOf(signed(attacker, hint(own)), known), /signature-mismatch/)
  t.match(outcomeOf(signed(attacker, hint(randomBytes(9))), known), /signature-mismatch/)
  const keyValue = `<ds:KeyInfo><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>${attacker.publicKey.export({ format: 'jwk' }).n}</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue></ds:KeyInfo>`
  t.match(outcomeOf(signed(attacker, keyValue), known), /signature-mismatch/)
  t.match(outcomeOf(signed(attacker, keyValue), { keys: [] }), /no-key-for-algorithm/)
  const retrieval = `<ds:KeyInfo><ds:RetrievalMethod URI="http://127.0.0.1:9/key"></ds:RetrievalMethod></ds:KeyInfo>`
  t.match(outcomeOf(signed(attacker, retrieval), known), /signature-mismatch/)
})

t.test('a key may be used only with the algorithms it is registered for', async (t) => {
  const signed = signXml(document, { key: { privateKey, algorithm: 'RSA-SHA512' } })
  t.equal(outcomeOf(signed, { keys: [{ id: 'k', publicKey, algorithms: ['RSA-SHA512'] }] }), 'accepted')
  t.match(outcomeOf(signed, { keys: [{ id: 'k', publicKey, algorithms: ['RSA-PSS-SHA512'] }] }), /no-key-for-algorithm/)
})

t.test('every fault of a signature is answered alike', async (t) => {
  const texts = new Set<string>()
  for (const [attack, known] of [
    [whole.replace('1000', '9000'), keys],
    [whole, []],
    [whole, [{ id: 'o', publicKey: attacker.publicKey }]],
    [document, keys],
    [whole.replace(rsaSha256, `${dsig}rsa-sha1`), keys],
  ] as const) {
    try {
      verifyXml(readXml(Buffer.from(attack)), { keys: known })
      t.fail('accepted')
    } catch (error) {
      texts.add(error instanceof Error ? error.message : '')
    }
  }
  t.equal(texts.size, 1)
})

t.test('a flipped bit is refused, or what is answered is what was signed', async (t) => {
  for (const [signed, expected] of [
    [whole, { keys }],
    [byId, expectById],
  ] as const) {
    const bytes = Buffer.from(signed)
    const wanted = verifyXml(readXml(bytes), expected).content
    let same = 0
    for (let at = 0; at < bytes.length; at += 1) {
      const bit = 1 << (at % 8)
      const flipped = Buffer.from(bytes)
      flipped.writeUInt8(flipped.readUInt8(at) ^ bit, at)
      try {
        const { content } = verifyXml(readXml(flipped), expected)
        if (!content.equals(wanted)) t.fail(`byte ${at}, bit ${bit}: other content is accepted`)
        same += 1
      } catch (error) {
        if (!/^GatewayError/.test(String(error))) t.fail(`byte ${at}, bit ${bit}: ${error}`)
      }
    }
    t.ok(same < bytes.length / 4, `${same} of ${bytes.length} flips lie where nothing is signed`)
  }
})
