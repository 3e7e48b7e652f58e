import { webcrypto } from 'node:crypto'
import { Integer, ObjectIdentifier, OctetString, PrintableString, UTCTime } from 'asn1js'
import {
  AlgorithmIdentifier,
  Attribute,
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  ContentInfo,
  EncapsulatedContentInfo,
  Extension,
  IssuerAndSerialNumber,
  SignedAndUnsignedAttributes,
  SignedData,
  SignerInfo,
} from 'pkijs'
import t from 'tap'
import { createPdfSignatureCheck, type SignatureReport } from '../../gateway/files/pdf-signature.ts'
import { openFiles, pdfOf, piecesOf } from './stage.ts'

const year = (value: number) => new Date(Date.UTC(value, 0, 1))
const signal = new AbortController().signal

t.test('a signed paper’s signature is found to be what it is', async (t) => {
  const root = await issue({ subject: 'CA Thu nghiem', from: 2020, to: 2040, isAuthority: true })
  const officer = await issue({ subject: 'Nguyen Van Thu', from: 2024, to: 2026, by: root })
  const stranger = await issue({ subject: 'CA La', from: 2020, to: 2040, isAuthority: true })
  const at = new Date(Date.UTC(2025, 5, 1, 2, 30))
  const signed = await sign(unsignedPdf(), { by: officer, chain: [root], at })
  const report = reporter([root])

  t.match(await report(signed), {
    state: 'valid',
    signatures: [
      {
        coversWholeFile: true,
        isIntact: true,
        isStrong: true,
        isTrusted: true,
        wasValidAtSigning: true,
        signer: 'Nguyen Van Thu',
        issuer: 'CA Thu nghiem',
        signedAt: '2025-06-01T02:30:00.000Z',
      },
    ],
  })
  t.match(await reporter([stranger])(signed), {
    state: 'untrusted',
    signatures: [{ isIntact: true, isTrusted: false }],
  })
  t.match(await reporter([])(signed), { state: 'untrusted' })

  const late = await sign(unsignedPdf(), { by: officer, chain: [root], at: new Date(Date.UTC(2027, 0, 1)) })
  t.match(await report(late), {
    state: 'untrusted',
    signatures: [{ isIntact: true, wasValidAtSigning: false, isTrusted: false }],
  })

  const touched = Buffer.from(signed)
  touched[touched.indexOf('Giay phep')] = 0x58
  t.match(await report(touched), { state: 'altered', signatures: [{ isIntact: false }] })

  const added = Buffer.concat([signed, Buffer.from('\n% more\n')])
  t.match(await report(added), { state: 'altered', signatures: [{ isIntact: true, coversWholeFile: false }] })

  const forged = await sign(unsignedPdf(), { by: { ...officer, keys: stranger.keys }, chain: [root], at })
  t.match(await report(forged), { state: 'altered' })
})

t.test('a gap wider than the signature is no coverage', async (t) => {
  const root = await issue({ subject: 'CA Thu nghiem', from: 2020, to: 2040, isAuthority: true })
  const signed = await sign(unsignedPdf(), { by: root, chain: [], at: year(2025), widenBytes: 20 })
  t.match(await reporter([root])(signed), {
    state: 'altered',
    signatures: [{ coversWholeFile: false, isIntact: false }],
  })
})

t.test('what is unsigned, broken or too large is said to be so', async (t) => {
  const report = reporter([])
  t.match(await report(unsignedPdf().whole('')), { state: 'unsigned', signatures: [] })
  t.match(await report(pdfOf(2000)), { state: 'unreadable' })
  t.match(await report(pdfOf(2_000_000)), { state: 'not-checked' })
})

t.test('the report is kept beside the file and the file is not rewritten', async (t) => {
  const root = await issue({ subject: 'CA Thu nghiem', from: 2020, to: 2040, isAuthority: true })
  const signed = await sign(unsignedPdf(), { by: root, chain: [], at: year(2025) })
  const { files } = openFiles(t.testdir(), { signatureCheck: checkWith([root]) })
  const kept = await (await files.arrive(piecesOf(signed), {}, { signal })).keep({
    kind: 'sender',
    system: 'one-window',
  })
  const claiming = { messageId: '018f0000-0000-7000-8000-000000000001', source: 'one-window', signal }
  t.notOk((await files.claim({ digest: kept.digest }, claiming)).signatures)
  const first = await files.claim({ digest: kept.digest }, { ...claiming, checksSignatures: true })
  t.match(first.signatures, { state: 'valid' })
  t.same(await files.claim({ digest: kept.digest }, { ...claiming, checksSignatures: true }), first)
  t.equal(first.digest, kept.digest)
})

t.test('what could not be checked is checked again, and no more than two at a time', async (t) => {
  let [atOnce, most, count] = [0, 0, 0]
  const check = createPdfSignatureCheck({ trustAnchors: [], maxBytes: 1_000_000, timeoutMs: 20_000 })
  const pdf = unsignedPdf().whole('')
  const open = async () => {
    atOnce += 1
    most = Math.max(most, atOnce)
    await new Promise((resolve) => setTimeout(resolve, 50))
    atOnce -= 1
    return piecesOf(pdf)
  }
  await Promise.all([1, 2, 3, 4].map(() => check.report({ sizeBytes: pdf.length, open }, signal)))
  t.equal(most, 2)
  const { files } = openFiles(t.testdir(), {
    signatureCheck: {
      anchorsId: 'x',
      report: async () => {
        count += 1
        return count === 1
          ? { state: 'not-checked', signatures: [], why: 'It took too long.' }
          : { state: 'unsigned', signatures: [] }
      },
    },
  })
  const { digest } = await (await files.arrive(piecesOf(pdf), {}, { signal })).keep({
    kind: 'sender',
    system: 'one-window',
  })
  const messageId = '018f0000-0000-7000-8000-000000000001'
  const states: unknown[] = []
  for (let at = 0; at < 3; at += 1) {
    const claiming = { messageId, source: 'one-window', signal, checksSignatures: true }
    states.push((await files.claim({ digest }, claiming)).signatures?.state)
  }
  t.same(states, ['not-checked', 'unsigned', 'unsigned'])
  t.equal(count, 2)
})

interface Party {
  readonly certificate: Certificate
  readonly keys: webcrypto.CryptoKeyPair
}

function checkWith(anchors: readonly Party[]) {
  const trustAnchors = anchors.map(({ certificate }) => certificate.toString('base64'))
  return createPdfSignatureCheck({ trustAnchors, maxBytes: 1_000_000, timeoutMs: 20_000 })
}

function reporter(anchors: readonly Party[]): (pdf: Uint8Array) => Promise<SignatureReport> {
  const check = checkWith(anchors)
  return (pdf) => check.report({ sizeBytes: pdf.length, open: async () => piecesOf(pdf) }, signal)
}

let serial = 0

async function issue(of: {
  subject: string
  from: number
  to: number
  isAuthority?: boolean
  by?: Party
}): Promise<Party> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const certificate = new Certificate()
  serial += 1
  certificate.version = 2
  certificate.serialNumber = new Integer({ value: serial })
  const name = new AttributeTypeAndValue({ type: '2.5.4.3', value: new PrintableString({ value: of.subject }) })
  certificate.subject.typesAndValues.push(name)
  certificate.issuer.typesAndValues.push(...(of.by?.certificate.subject.typesAndValues ?? [name]))
  certificate.notBefore.value = year(of.from)
  certificate.notAfter.value = year(of.to)
  const constraints = new BasicConstraints({ cA: of.isAuthority === true })
  certificate.extensions = [
    new Extension({
      extnID: '2.5.29.19',
      critical: true,
      extnValue: constraints.toSchema().toBER(),
      parsedValue: constraints,
    }),
  ]
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey)
  await certificate.sign((of.by?.keys ?? keys).privateKey, 'SHA-256')
  return { certificate, keys }
}

/** The smallest PDF with one signature field; `whole` puts a signature of fixed width into its place. */
function unsignedPdf(): { whole(signature: string): Buffer } {
  return {
    whole(signature) {
      const objects = [
        '<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/SigFlags 3>>>>',
        '<</Type/Pages/Kids[3 0 R]/Count 1>>',
        '<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Annots[4 0 R]>>',
        `<</Type/Annot/Subtype/Widget/FT/Sig/T(Giay phep)/Rect[0 0 0 0]/P 3 0 R${signature === '' ? '' : '/V 5 0 R'}>>`,
        ...(signature === '' ? [] : [signature]),
      ]
      let text = '%PDF-1.7\n'
      const places = objects.map((object, index) => {
        const at = text.length
        text += `${index + 1} 0 obj\n${object}\nendobj\n`
        return at
      })
      const table = places.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('')
      const size = objects.length + 1
      return Buffer.from(
        `${text}xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<</Size ${size}/Root 1 0 R>>\nstartxref\n${text.length}\n%%EOF\n`,
      )
    },
  }
}

const contentsLength = 6000

async function sign(
  pdf: { whole(signature: string): Buffer },
  of: { by: Party; chain: readonly Party[]; at: Date; widenBytes?: number },
): Promise<Buffer> {
  const dictionary = (range: string, contents: string) =>
    `<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange[${range.padEnd(40)}]/Contents<${contents}>>>`
  const empty = pdf.whole(dictionary('', '0'.repeat(contentsLength)))
  const first = empty.indexOf('/Contents<') + '/Contents'.length
  const next = first + contentsLength + 2
  const skipped = of.widenBytes ?? 0
  const range = `0 ${first} ${next + skipped} ${empty.length - next - skipped}`
  const prepared = pdf.whole(dictionary(range, '0'.repeat(contentsLength)))
  const content = Buffer.concat([prepared.subarray(0, first), prepared.subarray(next + skipped)])
  const contents = (await cmsOf(content, of)).toString('hex').padEnd(contentsLength, '0')
  return pdf.whole(dictionary(range, contents))
}

async function cmsOf(
  content: Buffer,
  { by, chain, at }: { by: Party; chain: readonly Party[]; at: Date },
): Promise<Buffer> {
  const digest = await webcrypto.subtle.digest('SHA-256', new Uint8Array(content))
  const signedData = new SignedData({
    encapContentInfo: new EncapsulatedContentInfo({ eContentType: '1.2.840.113549.1.7.1' }),
    signerInfos: [
      new SignerInfo({
        sid: new IssuerAndSerialNumber({ issuer: by.certificate.issuer, serialNumber: by.certificate.serialNumber }),
        digestAlgorithm: new AlgorithmIdentifier({ algorithmId: '2.16.840.1.101.3.4.2.1' }),
        signedAttrs: new SignedAndUnsignedAttributes({
          type: 0,
          attributes: [
            new Attribute({
              type: '1.2.840.113549.1.9.3',
              values: [new ObjectIdentifier({ value: '1.2.840.113549.1.7.1' })],
            }),
            new Attribute({ type: '1.2.840.113549.1.9.5', values: [new UTCTime({ valueDate: at })] }),
            new Attribute({ type: '1.2.840.113549.1.9.4', values: [new OctetString({ valueHex: digest })] }),
          ],
        }),
      }),
    ],
    certificates: [by.certificate, ...chain.map(({ certificate }) => certificate)],
  })
  await signedData.sign(by.keys.privateKey, 0, 'SHA-256', new Uint8Array(content).buffer)
  const info = new ContentInfo({ contentType: '1.2.840.113549.1.7.2', content: signedData.toSchema(true) })
  return Buffer.from(info.toSchema().toBER())
}
