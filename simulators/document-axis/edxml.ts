import { createHash, createPublicKey, generateKeyPairSync, type JsonWebKey, randomUUID } from 'node:crypto'
import { XMLParser } from 'fast-xml-parser'
import { SignedXml } from 'xml-crypto'

const namespace = 'http://www.mic.gov.vn/TBT/QCVN_102_2016'

/** What another agency sends; it is written as one of the field's builders writes it. */
export interface OutgoingDocument {
  readonly from: { readonly code: string; readonly name: string }
  readonly to: readonly { readonly code: string; readonly name: string }[]
  readonly number: string
  readonly notation: string
  /** `yyyy/MM/dd`. */
  readonly promulgatedOn: string
  readonly subject: string
  readonly attachments?: readonly { readonly name: string; readonly mediaType: string; readonly base64: string }[]
}

/** What another agency says about a document it received. */
export interface OutgoingStatus {
  readonly from: { readonly code: string; readonly name: string }
  readonly about: {
    readonly agency: string
    readonly documentId: string
    readonly code: string
    readonly promulgatedOn: string
  }
  readonly statusCode: string
  readonly description?: string
  /** `yyyy/MM/dd HH:mm:ss`. */
  readonly timestamp: string
}

/** What the axis reads of a document to pass it on. */
export interface AddressedDocument {
  readonly from?: string
  readonly to: readonly string[]
  readonly documentId?: string
  readonly subject?: string
  readonly statusCode?: string
  readonly attachments: readonly { readonly name: string; readonly sha256: string; readonly sizeBytes: number }[]
}

/** The key another agency signs with. */
export interface AgencyKey {
  readonly privatePem: string
  readonly publicPem: string
  /** For a gateway's configuration. */
  readonly publicJwk: JsonWebKey & {
    readonly kty: 'RSA'
    readonly kid: string
    readonly alg: 'RS256'
    readonly use: 'sig'
  }
}

export function newAgencyKey(kid: string): AgencyKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kty: 'RSA', kid, alg: 'RS256', use: 'sig' },
  }
}

/** Default namespace at the root, prefix below, as the SDK's sample has it. */
export function writeDocument(document: OutgoingDocument): string {
  const { from, to, number, notation, promulgatedOn, subject, attachments = [] } = document
  const files = attachments.map((one) => ({ ...one, id: randomUUID() }))
  const references = files.map(
    ({ id, name, mediaType }) =>
      `<edXML:Reference xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="cid:${id}" xlink:role="XLinkRole" xlink:type="simple">` +
      `<edXML:Description>${text(name)}</edXML:Description><edXML:AttachmentName>${text(name)}</edXML:AttachmentName>` +
      `<edXML:ContentType>${text(mediaType)}</edXML:ContentType><edXML:ContentId>cid:${id}</edXML:ContentId></edXML:Reference>`,
  )
  const encoded = files.map(
    ({ id, name, mediaType, base64 }) =>
      `<Attachment><ContentType>${text(mediaType)}</ContentType><ContentId>${id}</ContentId><Description>${text(name)}</Description>` +
      `<ContentTransferEncoded>${base64}</ContentTransferEncoded><AttachmentName>${text(name)}</AttachmentName></Attachment>`,
  )
  return (
    `<?xml version="1.0" encoding="utf-8"?>\r\n<edXML xmlns="${namespace}">` +
    `<edXML:edXMLEnvelope xmlns:edXML="${namespace}"><edXML:edXMLHeader><edXML:MessageHeader>` +
    `<edXML:From>${organ(from)}</edXML:From>${to.map((one) => `<edXML:To>${organ(one)}</edXML:To>`).join('')}` +
    `<edXML:Code><edXML:CodeNumber>${text(number)}</edXML:CodeNumber><edXML:CodeNotation>${text(notation)}</edXML:CodeNotation></edXML:Code>` +
    `<edXML:PromulgationInfo><edXML:Place>Hà Nội</edXML:Place><edXML:PromulgationDate>${promulgatedOn}</edXML:PromulgationDate></edXML:PromulgationInfo>` +
    '<edXML:DocumentType><edXML:Type>18</edXML:Type><edXML:TypeName>Công văn</edXML:TypeName></edXML:DocumentType>' +
    `<edXML:Subject>${text(subject)}</edXML:Subject>` +
    `<edXML:DocumentId>${text(`${from.code},${promulgatedOn},${number}/${notation}`)}</edXML:DocumentId></edXML:MessageHeader>` +
    '<edXML:TraceHeaderList id="t1" version="1.0" mustUnderstand="1" actor="http://schemas.xmlsoap.org/soap/actor/next">' +
    `<edXML:TraceHeader><edXML:OrganId>${text(from.code)}</edXML:OrganId></edXML:TraceHeader>` +
    '<edXML:Bussiness><edXML:BussinessDocType>0</edXML:BussinessDocType></edXML:Bussiness></edXML:TraceHeaderList>' +
    `</edXML:edXMLHeader><edXML:edXMLBody><edXML:edXMLManifest version="1.0">${references.join('')}</edXML:edXMLManifest></edXML:edXMLBody>` +
    `</edXML:edXMLEnvelope>${encoded.length === 0 ? '' : `<AttachmentEncoded>${encoded.join('')}</AttachmentEncoded>`}</edXML>`
  )
}

/** With the prefix everywhere. */
export function writeStatus({ from, about, statusCode, description, timestamp }: OutgoingStatus): string {
  return (
    `<edXML:edXML xmlns:edXML="${namespace}"><edXML:edXMLEnvelope><edXML:edXMLHeader><edXML:Status><edXML:ResponseFor>` +
    `<edXML:OrganId>${text(about.agency)}</edXML:OrganId><edXML:Code>${text(about.code)}</edXML:Code>` +
    `<edXML:PromulgationDate>${about.promulgatedOn}</edXML:PromulgationDate><edXML:DocumentId>${text(about.documentId)}</edXML:DocumentId>` +
    `</edXML:ResponseFor><edXML:From>${organ(from)}</edXML:From><edXML:StatusCode>${statusCode}</edXML:StatusCode>` +
    `<edXML:Description>${text(description ?? '')}</edXML:Description><edXML:Timestamp>${timestamp}</edXML:Timestamp>` +
    '</edXML:Status></edXML:edXMLHeader><edXML:edXMLBody/></edXML:edXMLEnvelope></edXML:edXML>'
  )
}

/** Signs the whole document, the signature last in its header. */
export function signDocument(edxml: string, { privatePem }: AgencyKey): string {
  const signer = new SignedXml({
    privateKey: privatePem,
    signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: 'http://www.w3.org/2001/10/xml-exc-c14n#',
  })
  signer.addReference({
    xpath: '/*',
    isEmptyUri: true,
    digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
    transforms: ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', 'http://www.w3.org/2001/10/xml-exc-c14n#'],
  })
  signer.computeSignature(edxml, {
    prefix: 'ds',
    location: { reference: "//*[local-name(.)='edXMLHeader']", action: 'append' },
  })
  return signer.getSignedXml()
}

/** Reads what the axis needs. Throws when it is no edXML. */
export function readAddressed(edxml: Uint8Array): AddressedDocument {
  const parser = new XMLParser({
    ignoreAttributes: true,
    removeNSPrefix: true,
    parseTagValue: false,
    htmlEntities: true,
    isArray: (name) => name === 'To' || name === 'Attachment',
  })
  const root: unknown = parser.parse(Buffer.from(edxml))
  const header = at(root, ['edXML', 'edXMLEnvelope', 'edXMLHeader'])
  const message = at(header, ['MessageHeader'])
  const status = at(header, ['Status'])
  if (message === undefined && status === undefined) throw new Error('no edXML')
  const to = at(message, ['To'])
  const attachments = at(root, ['edXML', 'AttachmentEncoded', 'Attachment'])
  const about = status === undefined ? message : at(status, ['ResponseFor'])
  return {
    ...named('from', at(status ?? message, ['From', 'OrganId'])),
    ...named('documentId', at(about, ['DocumentId'])),
    ...named('subject', at(message, ['Subject'])),
    ...named('statusCode', at(status, ['StatusCode'])),
    to:
      status === undefined
        ? list(to).flatMap((one) => String(at(one, ['OrganId']) ?? ''))
        : [String(at(about, ['OrganId']) ?? '')],
    attachments: list(attachments).map((one) => {
      const bytes = Buffer.from(String(at(one, ['ContentTransferEncoded']) ?? ''), 'base64')
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      return { name: String(at(one, ['AttachmentName']) ?? ''), sha256, sizeBytes: bytes.length }
    }),
  }
}

/** Whether the one signature of a document holds under a public key (PEM or JWK), as xml-crypto sees it. */
export function isSignedBy(edxml: Uint8Array, key: string | JsonWebKey): boolean {
  const text = Buffer.from(edxml).toString()
  const signature = /<ds:Signature[\s>][\s\S]*<\/ds:Signature>/.exec(text)?.[0]
  if (signature === undefined) return false
  const publicKey = typeof key === 'string' ? createPublicKey(key) : createPublicKey({ key, format: 'jwk' })
  const verifier = new SignedXml({ publicCert: publicKey.export({ type: 'spki', format: 'pem' }).toString() })
  verifier.loadSignature(signature)
  try {
    return verifier.checkSignature(text)
  } catch {
    return false
  }
}

function organ({ code, name }: { readonly code: string; readonly name: string }): string {
  return `<edXML:OrganId>${text(code)}</edXML:OrganId><edXML:OrganName>${text(name)}</edXML:OrganName>`
}

function text(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function at(value: unknown, names: readonly string[]): unknown {
  let found = value
  for (const name of names) {
    if (typeof found !== 'object' || found === null) return undefined
    found = Reflect.get(found, name)
  }
  return found
}

function list(value: unknown): readonly unknown[] {
  return value === undefined || value === '' ? [] : [value].flat()
}

function named<Name extends string>(name: Name, value: unknown): { readonly [key in Name]?: string } {
  // The one member asked for, or none.
  return (typeof value === 'string' ? { [name]: value } : {}) as { readonly [key in Name]?: string }
}
