import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import type { XmlSignatureAlgorithm } from '../../gateway/envelopes/xml-algorithms.ts'
import { signatureAlgorithms } from '../../gateway/envelopes/xml-algorithms.ts'
import { canonicalXml, isolated, plainCanonical } from '../../gateway/envelopes/xml-canonical.ts'
import { readXml } from '../../gateway/envelopes/xml-gate.ts'
import { signXml, verifyXml } from '../../gateway/envelopes/xml-signature.ts'
import { dsig, ec, enveloped, exclusive, rsa, sha256 } from './xml-sample.ts'

const run = promisify(execFile)
const hasXmlsec = spawnSync('xmlsec1', ['--version']).status === 0
const isRequired = process.env.REQUIRE_SERVICES === '1'
const skip = hasXmlsec || isRequired ? false : 'xmlsec1 is not installed (apt-get install xmlsec1)'
const documentCount = 504
const folder = t.testdir()
const idNames = [
  ...['--id-attr:Id', 'urn:x:part'],
  ...['--id-attr:Id', 'http://uri.etsi.org/01903/v1.3.2#:SignedProperties'],
]

const pairs = { rsa: rsa(), p256: ec('P-256'), p384: ec('P-384') }
const algorithms: readonly (readonly [XmlSignatureAlgorithm, keyof typeof pairs])[] = [
  ['RSA-SHA256', 'rsa'],
  ['RSA-SHA384', 'rsa'],
  ['RSA-SHA512', 'rsa'],
  ['ECDSA-SHA256', 'p256'],
  ['ECDSA-SHA384', 'p384'],
]
for (const [name, { publicKey, privateKey }] of Object.entries(pairs)) {
  writeFileSync(path.join(folder, `${name}.pub.pem`), publicKey.export({ type: 'spki', format: 'pem' }))
  writeFileSync(path.join(folder, `${name}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }))
}

t.test('xmlsec1 verifies every document we sign', { skip, timeout: 300_000 }, async (t) => {
  const files = documents().map(({ text, id, place }, index) => {
    const [algorithm, pair] = pick(algorithms, index)
    const signed = signXml(text, {
      key: { privateKey: pairs[pair].privateKey, algorithm },
      ...(id !== undefined && { id, place }),
      ...(index % 3 === 0 && { signingTime: new Date(1_790_000_000_000 + index) }),
    })
    const file = path.join(folder, `ours-${index}.xml`)
    writeFileSync(file, signed)
    return { file, pair }
  })
  for (const pair of Object.keys(pairs)) {
    const own = files.filter((one) => one.pair === pair).map(({ file }) => file)
    const said = await xmlsec(['--verify', '--pubkey-pem', path.join(folder, `${pair}.pub.pem`), ...idNames, ...own])
    t.equal(said.match(/^OK$/gm)?.length, own.length, `${own.length} documents by ${pair}`)
  }
})

t.test('we verify every document xmlsec1 signs, and see the same content', { skip, timeout: 300_000 }, async (t) => {
  const samples = documents()
  const indices = samples.keys().toArray()
  let agreed = 0
  for (const [algorithm, pair] of algorithms) {
    const { publicKey, privateKey } = pairs[pair]
    const own = indices.filter((index) => pick(algorithms, index)[0] === algorithm)
    const templates = own.map((index) => {
      const file = path.join(folder, `template-${index}.xml`)
      writeFileSync(file, withTemplate(pick(samples, index), algorithm))
      return file
    })
    const key = ['--privkey-pem', path.join(folder, `${pair}.pem`)]
    const said = await run('xmlsec1', ['--sign', ...key, ...idNames, ...templates], { maxBuffer: 64 * 1024 * 1024 })
    const signed = said.stdout.split(/(?=<\?xml )/)
    t.equal(signed.length, own.length, `${own.length} documents by ${algorithm}`)
    for (const [at, index] of own.entries()) {
      const { text, id, place } = pick(samples, index)
      const part = id !== undefined && { id, place }
      const expected = { keys: [{ id: 'k', publicKey }], ...(part && { place, element: place }) }
      const theirs = verifyXml(readXml(Buffer.from(pick(signed, at))), expected).content
      const ours = verifyXml(readXml(signXml(text, { key: { privateKey, algorithm }, ...part })), expected).content
      if (theirs.equals(ours)) agreed += 1
      else t.equal(theirs.toString(), ours.toString(), `document ${index}`)
    }
  }
  t.equal(agreed, documentCount)
})

t.test('a canonical form told without parsing again is the one libxml2 makes', async (t) => {
  let told = 0
  for (const { text } of documents()) {
    const gated = readXml(Buffer.from(text))
    for (const index of gated.elements.keys()) {
      const plain = plainCanonical(gated, index)
      if (plain === undefined) continue
      told += 1
      const wanted = canonicalXml(isolated(gated, index)).toString()
      if (plain !== wanted) t.equal(plain, wanted)
    }
  }
  t.ok(told > 1000, `${told} elements are plain`)
})

t.test('xmlsec1 refuses what was changed after we signed it', { skip }, async (t) => {
  const signed = signXml('<a xmlns="urn:x"><b>1</b></a>', {
    key: { privateKey: pairs.rsa.privateKey, algorithm: 'RSA-SHA256' },
  })
  const file = path.join(folder, 'changed.xml')
  writeFileSync(file, signed.toString().replace('<b>1', '<b>2'))
  const said = await xmlsec(['--verify', '--pubkey-pem', path.join(folder, 'rsa.pub.pem'), file])
  t.notMatch(said, /^OK$/m)
})

t.test('openssl verifies our RSA-PSS, over the bytes that stand in the document', async (t) => {
  const { privateKey } = pairs.rsa
  for (const algorithm of ['RSA-PSS-SHA256', 'RSA-PSS-SHA384', 'RSA-PSS-SHA512'] as const) {
    const signed = signXml('<a xmlns="urn:x">Nguyễn Văn Thử</a>', { key: { privateKey, algorithm } }).toString()
    const info = /<ds:SignedInfo .*<\/ds:SignedInfo>/.exec(signed)?.[0] ?? ''
    const value = /<ds:SignatureValue>([^<]*)</.exec(signed)?.[1] ?? ''
    writeFileSync(path.join(folder, 'info.bin'), info)
    writeFileSync(path.join(folder, 'value.bin'), Buffer.from(value, 'base64'))
    const { hash } = signatureAlgorithms[algorithm]
    const said = execFileSync(
      'openssl',
      [
        ...['dgst', `-${hash}`, '-verify', 'rsa.pub.pem', '-signature', 'value.bin'],
        ...['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest', 'info.bin'],
      ],
      { cwd: folder },
    )
    t.match(said.toString(), /Verified OK/)
    const theirs = execFileSync(
      'openssl',
      [
        ...['dgst', `-${hash}`, '-sign', 'rsa.pem'],
        ...['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest', 'info.bin'],
      ],
      { cwd: folder },
    )
    const bySsl = signed.replace(value, theirs.toString('base64'))
    t.equal(
      verifyXml(readXml(Buffer.from(bySsl)), { keys: [{ id: 'k', publicKey: pairs.rsa.publicKey }] }).algorithm,
      algorithm,
    )
  }
})

async function xmlsec(args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run('xmlsec1', [...args], { maxBuffer: 64 * 1024 * 1024 }).catch(
    (error: { stdout?: string; stderr?: string }) => ({ stdout: error.stdout ?? '', stderr: error.stderr ?? '' }),
  )
  return `${stdout}\n${stderr}`
}

interface Sample {
  readonly text: string
  /** Of the part to sign by ID; the signature then goes into it. */
  readonly id?: string
  readonly place: readonly string[]
}

/** Documents with everything a canonical form has to settle; the same ones in every run. */
function documents(): readonly Sample[] {
  return Array.from({ length: documentCount }, (_, seed) => sample(numbers(seed + 1), seed))
}

function sample(next: (below: number) => number, seed: number): Sample {
  const declaration = pick(
    ['', '<?xml version="1.0"?>\n', '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'],
    next(3),
  )
  const before = pick(['', '<!-- trước -->\n', '\n'], next(3))
  const isPart = seed % 2 === 1
  const inner = content(next, { depth: 0, size: seed % 50 === 0 ? 20_000 : 0 })
  const scope = ' xmlns="urn:x" xmlns:p="urn:p" xmlns:q="urn:q?a=1" xmlns:unused="urn:unused"'
  const text = isPart
    ? `${declaration}${before}<doc${scope} xml:lang="vi"><side>x</side><part p:kind="1" Id="part-${seed}">${inner}</part></doc>\n`
    : `${declaration}${before}<doc${scope} b="2" a="1">${inner}</doc>${pick(['', '\n', '<!-- sau -->'], next(3))}`
  return isPart ? { text, id: `part-${seed}`, place: ['{urn:x}doc', '{urn:x}part'] } : { text, place: ['{urn:x}doc'] }
}

function content(next: (below: number) => number, options: { readonly depth: number; readonly size: number }): string {
  const parts = Array.from({ length: 2 + next(5) }, () => {
    const kind = next(options.depth > 3 ? 6 : 10)
    switch (kind) {
      case 0:
        return 'Nguyễn Văn Thử, số 12 đường Điện Biên Phủ'.normalize(next(2) === 0 ? 'NFC' : 'NFD')
      case 1:
        return `<![CDATA[<a href="x">&amp; ]] > ${'tiếng Việt'.normalize('NFD')}]]>`
      case 2:
        return '<!-- chú thích <b> & -->'
      case 3:
        return ' \t\r\n  &#xD; &#10; &lt;&gt;&quot;&apos;&amp; \r x > " \''
      case 4:
        return '<e/><e></e ><e  />'
      case 5:
        return `😀 ${'&#x1F600;'} ${'x'.repeat(options.size)}`
      default:
        return element(next, options)
    }
  })
  return parts.join('')
}

function element(next: (below: number) => number, { depth }: { readonly depth: number }): string {
  const name = pick(['row', 'p:row', 'q:row', 'hàng', 'r.o-w'], next(5))
  const declared = pick(
    ['', ' xmlns=""', ' xmlns:p="urn:p2"', ' xmlns:r="urn:r" r:z="1"', ' xmlns:q="urn:q?a=1"'],
    next(5),
  )
  const attributes = pick(
    [
      '',
      ' z="1" a="2" p:b="3" q:a="4"',
      ' a=" x\ty\nz\r\nw " b="&#9;&#10;&#13;"',
      ' a=\'&quot;&lt;&amp;&gt;"\' xml:space="preserve"',
      ` a="${'Đà Nẵng'.normalize(next(2) === 0 ? 'NFC' : 'NFD')}"`,
    ],
    next(5),
  )
  return `<${name}${declared}${attributes}>${content(next, { depth: depth + 1, size: 0 })}</${name}>`
}

/** The same document with an empty signature as xmlsec1 wants it, at the end of what is signed. */
function withTemplate({ text, id }: Sample, algorithm: XmlSignatureAlgorithm): string {
  const signature =
    `<Signature xmlns="${dsig}"><SignedInfo><CanonicalizationMethod Algorithm="${exclusive}"/>` +
    `<SignatureMethod Algorithm="${signatureAlgorithms[algorithm].uri}"/>` +
    `<Reference URI="${id === undefined ? '' : `#${id}`}"><Transforms><Transform Algorithm="${enveloped}"/>` +
    `<Transform Algorithm="${exclusive}"/></Transforms><DigestMethod Algorithm="${sha256}"/><DigestValue/></Reference>` +
    '</SignedInfo>\n<SignatureValue/>\n</Signature>'
  const end = text.lastIndexOf(id === undefined ? '</doc>' : '</part>')
  return text.slice(0, end) + signature + text.slice(end)
}

function pick<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length]
  if (found === undefined) throw new RangeError('an empty list')
  return found
}

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed * 0x9e3779b9
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
