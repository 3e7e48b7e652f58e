import { createPublicKey, randomBytes } from 'node:crypto'
import t from 'tap'
import { GatewayError } from '../../gateway/bus/errors.ts'
import {
  buildEdxml,
  type EdxmlContent,
  type EdxmlOpening,
  openEdxml,
  sealEdxml,
} from '../../gateway/envelopes/edxml.ts'
import { signXml } from '../../gateway/envelopes/xml-signature.ts'
import { isSignedBy, newAgencyKey, signDocument } from '../../simulators/document-axis/edxml.ts'
import { rsa } from './xml-sample.ts'

const { privateKey, publicKey } = rsa()
const key = { privateKey, algorithm: 'RSA-SHA256' } as const
const opening: EdxmlOpening = { keys: [{ id: 'k', publicKey }], mustBeSigned: true, mustBindAttachments: true }
const open = (over: Partial<EdxmlOpening> = {}) => ({ ...opening, ...over })
const unsigned = open({ mustBeSigned: false })
const ns = 'http://www.mic.gov.vn/TBT/QCVN_102_2016'

const content: EdxmlContent = {
  header: {
    MessageHeader: {
      From: { OrganId: 'H47.1', OrganName: 'Sở Nội vụ' },
      To: [
        { OrganId: 'G09', OrganName: 'Bộ Nội vụ' },
        { OrganId: 'H56', OrganName: 'Tỉnh & <thử>' },
      ],
      Code: { CodeNumber: '12', CodeNotation: 'CV-SNV' },
      Subject: 'V/v thử nghiệm "liên thông"',
    },
    TraceHeaderList: {
      '@id': 't1',
      '@version': '1.0',
      TraceHeader: { OrganId: 'H47.1', Timestamp: '2026/11/21 08:00:00' },
      Bussiness: { BussinessDocType: '0' },
    },
  },
  attachments: [
    { contentId: 'a-1', name: 'công văn.pdf', mediaType: 'application/pdf', bytes: randomBytes(1000) },
    { contentId: 'a-2', name: 'phụ lục.xlsx', mediaType: 'application/vnd.ms-excel', bytes: randomBytes(20) },
  ],
}
const sealed = sealEdxml(content, { key, signingTime: new Date(1_790_000_000_000) }).toString()

function outcomeOf(document: string, options: EdxmlOpening = opening): string {
  try {
    openEdxml(Buffer.from(document), options)
    return 'accepted'
  } catch (error) {
    if (!(error instanceof GatewayError)) return String(error)
    const { cause, field } = error.options
    return `${error.code}: ${cause instanceof Error ? cause.message : field}`
  }
}

t.test('what is sealed is opened as it was', async (t) => {
  const opened = openEdxml(Buffer.from(sealed), opening)
  t.same(JSON.parse(JSON.stringify(opened.header)), JSON.parse(JSON.stringify(content.header)))
  t.same(
    opened.attachments.map(({ contentId, name, mediaType, isBound }) => ({ contentId, name, mediaType, isBound })),
    content.attachments.map(({ contentId, name, mediaType }) => ({ contentId, name, mediaType, isBound: true })),
  )
  for (const [at, { bytes }] of opened.attachments.entries()) t.same(Buffer.from(bytes), content.attachments[at]?.bytes)
  t.match(opened, { kind: 'document', signature: { keyId: 'k', signedAtMs: 1_790_000_000_000 } })
})

t.test('what is emitted has the standard form', async (t) => {
  t.match(sealed, `<edXML:edXML xmlns:edXML="${ns}"><edXML:edXMLEnvelope><edXML:edXMLHeader><edXML:MessageHeader>`)
  t.match(sealed, /<edXML:edXMLManifest version="1.0"><edXML:Reference [^>]*xlink:href="cid:a-1"/)
  t.match(sealed, '<edXML:ContentId>cid:a-1</edXML:ContentId>')
  t.match(sealed, /<\/edXML:edXMLEnvelope><edXML:AttachmentEncoded><edXML:Attachment>/)
  t.match(sealed, '<edXML:ContentId>a-1</edXML:ContentId>')
  t.match(sealed, /<\/edXML:TraceHeaderList><ds:Signature .*<\/ds:Signature><\/edXML:edXMLHeader>/)
  t.throws(() => buildEdxml({ header: { Subject: 'a\u0001b' }, attachments: [] }), { code: 'value-unmappable' })
})

t.test('nothing of a sealed document can be changed', async (t) => {
  const first = Buffer.from(content.attachments[0]?.bytes ?? []).toString('base64')
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['header', sealed.replace('thử nghiệm', 'thật'), /digest-mismatch/],
    ['receiver', sealed.replace('G09', 'G10'), /digest-mismatch/],
    ['attachment', sealed.replace(first, Buffer.from('khác').toString('base64')), /digest-mismatch/],
    ['attachment name', sealed.replaceAll('công văn.pdf', 'a.exe'), /digest-mismatch/],
    [
      'attachment removed',
      sealed.replace(/<edXML:AttachmentEncoded>.*<\/edXML:AttachmentEncoded>/, ''),
      /digest-mismatch/,
    ],
    ['signature removed', sealed.replace(/<ds:Signature .*<\/ds:Signature>/, ''), /signature-missing/],
    [
      'a second envelope',
      sealed.replace('</edXML:edXML>', '<edXML:edXMLEnvelope></edXML:edXMLEnvelope></edXML:edXML>'),
      /contract-violated|digest-mismatch/,
    ],
  ]
  for (const [name, attack, reason] of cases) t.match(outcomeOf(attack), reason, name)
  t.match(outcomeOf(sealed, open({ keys: [{ id: 'o', publicKey: rsa().publicKey }] })), /signature-mismatch/)
  t.match(
    outcomeOf(sealed.replace('thử nghiệm', 'thật'), open({ mustBeSigned: false, mustBindAttachments: false })),
    /digest-mismatch/,
    'a signature that is there must hold',
  )
})

t.test('an envelope signed by itself leaves attachments open, unless its manifest binds them', async (t) => {
  const plain = buildEdxml(content).replace('<edXML:edXMLEnvelope>', '<edXML:edXMLEnvelope Id="env">')
  const place = ['edXML', 'edXMLEnvelope', 'edXMLHeader'].map((name) => `{${ns}}${name}`)
  const alone = signXml(plain, { key, id: 'env', place }).toString()
  t.match(outcomeOf(alone), /attachment-not-signed/)
  const opened = openEdxml(Buffer.from(alone), open({ mustBindAttachments: false }))
  t.same(
    opened.attachments.map(({ isBound }) => isBound),
    [false, false],
  )
  const { createHash } = await import('node:crypto')
  const binds = content.attachments.map(({ contentId, bytes }) => ({
    uri: `cid:${contentId}`,
    digest: 'sha256' as const,
    value: createHash('sha256').update(bytes).digest(),
  }))
  const bound = signXml(plain, { key, id: 'env', place, binds }).toString()
  t.equal(outcomeOf(bound), 'accepted')
  const first = Buffer.from(content.attachments[0]?.bytes ?? []).toString('base64')
  t.match(outcomeOf(bound.replace(first, 'AAAA')), /attachment-digest-mismatch/)
  t.match(outcomeOf(bound.replace(first, 'AAA')), /contract-violated/)
})

t.test('a forged envelope beside the signed one is not read', async (t) => {
  const plain = buildEdxml(content).replace('<edXML:edXMLEnvelope>', '<edXML:edXMLEnvelope Id="env">')
  const place = ['edXML', 'edXMLEnvelope', 'edXMLHeader'].map((name) => `{${ns}}${name}`)
  const alone = signXml(plain, { key, id: 'env', place }).toString()
  const forged = '<edXML:edXMLEnvelope><edXML:edXMLHeader></edXML:edXMLHeader></edXML:edXMLEnvelope>'
  const lax = open({ mustBindAttachments: false })
  t.equal(outcomeOf(alone, lax), 'accepted')
  t.match(outcomeOf(alone.replace('<edXML:edXMLEnvelope', `${forged}<edXML:edXMLEnvelope`), lax), /contract-violated/)
})

t.test('every variant of the field comes to the same', async (t) => {
  const wanted = openEdxml(Buffer.from(buildEdxml(content)), unsigned)
  const plain = buildEdxml(content)
  const variants: Readonly<Record<string, string>> = {
    'default namespace at the root': plain
      .replace(
        `<edXML:edXML xmlns:edXML="${ns}"><edXML:edXMLEnvelope>`,
        `<edXML xmlns="${ns}"><edXML:edXMLEnvelope xmlns:edXML="${ns}">`,
      )
      .replace(
        /<\/edXML:edXMLEnvelope>(.*)<\/edXML:edXML>/,
        (_, outside: string) => `</edXML:edXMLEnvelope>${outside.replaceAll('edXML:', '')}</edXML>`,
      ),
    'no prefix at all': plain
      .replaceAll('edXML:', '')
      .replace('xmlns:edXML', 'xmlns')
      .replace('<edXML edXML', '<edXML')
      .replace(`<edXML xmlns:edXML="${ns}"`, `<edXML xmlns="${ns}"`),
    'another prefix': plain.replaceAll('edXML:', 'e:').replace('xmlns:edXML', 'xmlns:e'),
    EdXML: plain
      .replaceAll('edXML:edXMLEnvelope', 'edXML:EdXMLEnvelope')
      .replace('<edXML:edXML ', '<edXML:EdXML ')
      .replace('</edXML:edXML>', '</edXML:EdXML>'),
    'http://www.go.vn/eDoc': plain.replaceAll(ns, 'http://www.go.vn/eDoc'),
    'http://www.e-doc.vn/Schema/': plain.replaceAll(ns, 'http://www.e-doc.vn/Schema/'),
    'Business spelled right': plain.replaceAll('Bussiness', 'Business'),
    'cid: on both sides': plain.replaceAll('<edXML:ContentId>a-', '<edXML:ContentId>cid:a-'),
    'cid: on neither side': plain.replaceAll('<edXML:ContentId>cid:', '<edXML:ContentId>'),
    'attributes without prefix': plain
      .replaceAll('xlink:href', 'href')
      .replaceAll('xlink:role', 'role')
      .replaceAll('xlink:type', 'type'),
    'line breaks, comments and CDATA': plain.replaceAll('><', '>\r\n  <').replace('V/v', '<!-- x --><![CDATA[V/v]]>'),
    'base64 in lines': plain.replace(
      /(<edXML:ContentTransferEncoded>)([^<]*)/g,
      (_, tag: string, text: string) => tag + text.replace(/.{76}/g, '$&\r\n'),
    ),
    'a byte order mark': `\ufeff<?xml version="1.0" encoding="utf-8"?>${plain}`,
  }
  for (const [name, variant] of Object.entries(variants)) {
    t.not(variant, plain, name)
    const opened = openEdxml(Buffer.from(variant), unsigned)
    t.same(JSON.stringify(opened), JSON.stringify(wanted), name)
  }
  t.match(outcomeOf(plain.replaceAll(ns, 'urn:other'), unsigned), /contract-violated/)
  t.match(outcomeOf(plain.replace('<edXML:ContentId>a-1', '<edXML:ContentId>a-9'), unsigned), /contract-violated/)
  t.match(outcomeOf(plain.replace('<edXML:ContentId>a-1', '<edXML:ContentId>a-2'), unsigned), /contract-violated/)
})

t.test('a signature may stand in DigitalSignature', async (t) => {
  const plain = buildEdxml({ ...content, header: { ...content.header, DigitalSignature: '' } })
  const place = ['edXML', 'edXMLEnvelope', 'edXMLHeader', 'DigitalSignature'].map((name) => `{${ns}}${name}`)
  t.equal(outcomeOf(signXml(plain, { key, place }).toString()), 'accepted')
})

t.test('status messages are read in the present form and in the legacy SOAP form', async (t) => {
  const status = {
    ResponseFor: {
      OrganId: 'H47.1',
      Code: '12/CV-SNV',
      PromulgationDate: '2026/11/20',
      DocumentId: 'H47.1,2026/11/20,12/CV-SNV',
    },
    From: { OrganId: 'G09', OrganName: 'Bộ Nội vụ' },
    StatusCode: '03',
    Description: 'Đã tiếp nhận',
    Timestamp: '2026/11/21 09:00:00',
    StaffInfo: { Department: 'Văn thư', Staff: 'NGUYEN VAN A' },
  }
  const present = openEdxml(
    sealEdxml({ header: { Status: status }, attachments: [] }, { key, signingTime: new Date(0) }),
    opening,
  )
  t.equal(present.kind, 'status')
  t.same(JSON.parse(JSON.stringify(present.header)), { Status: status })
  const inner = buildEdxml({ header: { Status: status }, attachments: [] }).replace(
    /^.*<edXML:edXMLHeader>(.*)<\/edXML:edXMLHeader>.*$/,
    '$1',
  )
  const soap = 'http://schemas.xmlsoap.org/soap/envelope/'
  for (const legacy of [
    `<edXML:Envelope xmlns:edXML="${soap}"><edXML:Header>${inner}</edXML:Header><edXML:Body/></edXML:Envelope>`,
    `<SOAP-ENV:Envelope xmlns:SOAP-ENV="${soap}" xmlns:edXML="http://www.e-doc.vn/Schema/"><SOAP-ENV:Header>${inner}</SOAP-ENV:Header><SOAP-ENV:Body /></SOAP-ENV:Envelope>`,
  ]) {
    const opened = openEdxml(Buffer.from(legacy), unsigned)
    t.same([opened.kind, JSON.parse(JSON.stringify(opened.header))], ['status', { Status: status }])
  }
})

t.test('another library sees the same in what we seal, and we in what it signs', async (t) => {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  t.ok(isSignedBy(Buffer.from(sealed), pem))
  t.notOk(isSignedBy(Buffer.from(sealed.replace('G09', 'G10')), pem))
  const agency = newAgencyKey('k')
  const theirs = signDocument(buildEdxml(content), agency)
  const opened = openEdxml(
    Buffer.from(theirs),
    open({ keys: [{ id: 'k', publicKey: createPublicKey(agency.publicPem) }] }),
  )
  t.same(JSON.stringify(opened.header), JSON.stringify(openEdxml(Buffer.from(sealed), opening).header))
})
