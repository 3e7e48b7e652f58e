import { timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../bus/errors.ts'
import { hashOf, signatureAlgorithms } from './xml-algorithms.ts'
import { canonicalAttribute, canonicalText, canonicalXml, isolated } from './xml-canonical.ts'
import { childrenOf, clark, type GatedXml, localName, pathOf, readXml, scanXml, type XmlLimits } from './xml-gate.ts'
import {
  type BoundContent,
  dsig,
  signXml,
  type VerifiedXml,
  verifyXml,
  type XmlSigningKey,
  type XmlVerificationKey,
} from './xml-signature.ts'

/** Elements by their names in the standard; one that is repeated is a list, an attribute's name begins with `@`. */
export interface EdxmlFields {
  readonly [name: string]: EdxmlValue | readonly EdxmlValue[] | undefined
}

export type EdxmlValue = string | EdxmlFields

export interface EdxmlAttachment {
  /** Without `cid:`. */
  readonly contentId: string
  readonly name: string
  readonly mediaType: string
  readonly description?: string
  readonly bytes: Uint8Array
}

/** What goes into an edXML document (QCVN 102:2016/BTTTT). */
export interface EdxmlContent {
  /** Children of `edXMLHeader`, in the standard's order: `MessageHeader` and `TraceHeaderList`, or `Status`. */
  readonly header: EdxmlFields
  readonly attachments: readonly EdxmlAttachment[]
}

export interface EdxmlSealing {
  readonly key: XmlSigningKey
  readonly signingTime: Date
}

export interface EdxmlOpening {
  /** The sender's; nothing is verified without one. */
  readonly keys: readonly XmlVerificationKey[]
  /** Refuse what is not signed; a signature that is there must hold either way. */
  readonly mustBeSigned: boolean
  /** Refuse attachments their sender's signature does not cover, as the standard alone leaves them. */
  readonly mustBindAttachments: boolean
  readonly maxBytes?: number
}

/** An edXML document as its sender signed it. */
export interface OpenedEdxml {
  readonly kind: 'document' | 'status'
  /** As in `EdxmlContent`, whichever variant it came in. */
  readonly header: EdxmlFields
  readonly attachments: readonly (EdxmlAttachment & { readonly isBound: boolean })[]
  /** Absent when it bears none. */
  readonly signature?: Pick<VerifiedXml, 'keyId' | 'algorithm' | 'signedAtMs'>
}

/**
 * Builds a document in the standard's own form and signs it: the whole of it, attachments included, and in a manifest of
 * their own the attachments' bytes, so that each can be checked even when it is kept apart from the envelope. Throws
 * `value-unmappable` for a character XML cannot hold.
 */
export function sealEdxml(content: EdxmlContent, { key, signingTime }: EdxmlSealing): Buffer {
  const digest = signatureAlgorithms[key.algorithm].hash
  const binds: readonly BoundContent[] = content.attachments.map(({ contentId, bytes }) => ({
    uri: `cid:${contentId}`,
    digest,
    value: hashOf(digest, bytes),
  }))
  return signXml(buildEdxml(content), { key, signingTime, binds, place: headerPath })
}

/** The same document without a signature. */
export function buildEdxml({ header, attachments }: EdxmlContent): string {
  const manifest = attachments.map(
    ({ contentId, name, mediaType, description }) =>
      `<edXML:Reference xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="${attribute(`cid:${contentId}`)}"` +
      ` xlink:role="XLinkRole" xlink:type="simple">${elements({
        Description: description ?? name,
        AttachmentName: name,
        ContentType: mediaType,
        ContentId: `cid:${contentId}`,
      })}</edXML:Reference>`,
  )
  const encoded = attachments.map(({ contentId, name, mediaType, description, bytes }) =>
    elements({
      Attachment: {
        ContentType: mediaType,
        ContentId: contentId,
        Description: description ?? name,
        ContentTransferEncoded: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
        AttachmentName: name,
      },
    }),
  )
  const body = 'Status' in header ? '' : `<edXML:edXMLManifest version="1.0">${manifest.join('')}</edXML:edXMLManifest>`
  const outside = encoded.length === 0 ? '' : `<edXML:AttachmentEncoded>${encoded.join('')}</edXML:AttachmentEncoded>`
  return (
    `<edXML:edXML xmlns:edXML="${standard}"><edXML:edXMLEnvelope><edXML:edXMLHeader>${elements(header)}` +
    `</edXML:edXMLHeader><edXML:edXMLBody>${body}</edXML:edXMLBody></edXML:edXMLEnvelope>${outside}</edXML:edXML>`
  )
}

/**
 * Reads a document in any variant the field uses (wire-formats §4.5), from the bytes its signature was verified over.
 * Throws the gate's errors, `credential-refused` for a signature that does not hold, `contract-violated` for a document
 * that is no edXML, and for attachments that are not those its manifest names.
 */
export function openEdxml(bytes: Uint8Array, opening: EdxmlOpening): OpenedEdxml {
  const arrived = readXml(bytes, { ...edxmlLimits, maxBytes: opening.maxBytes ?? edxmlLimits.maxBytes })
  const verified = verifySignature(arrived, opening)
  const signed = scanXml((verified?.content ?? canonicalXml(isolated(arrived, 0))).toString(), edxmlLimits)
  const form = formOf(signed)
  const header = fieldsOf(signed, form.header)
  const listed = form.body === undefined ? [] : manifestOf(signed, form.body)
  // Where only the envelope is signed the attachments stand in what is not.
  const outside =
    verified?.covers === 'element' ? scanXml(canonicalXml(isolated(arrived, 0)).toString(), edxmlLimits) : signed
  const attachments = attachmentsOf(outside, listed).map((attachment) => ({
    ...attachment,
    isBound: isBound(attachment, verified),
  }))
  if (opening.mustBindAttachments && verified !== undefined && attachments.some((one) => !one.isBound))
    throw new GatewayError('credential-refused', { cause: new Error('attachment-not-signed') })
  return {
    kind: 'Status' in header ? 'status' : 'document',
    header,
    attachments,
    ...(verified && { signature: signatureOf(verified) }),
  }
}

/** Attachments of a size that a message can carry. */
export const edxmlLimits: XmlLimits = {
  maxBytes: 48 * 1024 * 1024,
  maxElements: 20_000,
  maxDepth: 64,
  maxAttributes: 64,
}

export const standard = 'http://www.mic.gov.vn/TBT/QCVN_102_2016'
const soap = 'http://schemas.xmlsoap.org/soap/envelope/'
/** The standard's, and those of what came before it. */
const namespaces = [standard, 'http://www.go.vn/eDoc', 'http://www.e-doc.vn/Schema/']
const headerPath = ['edXML', 'edXMLEnvelope', 'edXMLHeader'].map((name) => clark(standard, name))

// Building

function elements(fields: EdxmlFields): string {
  return Object.entries(fields)
    .flatMap(([name, value]) =>
      name.startsWith('@') || value === undefined ? [] : [value].flat().map((one) => element(name, one)),
    )
    .join('')
}

function element(name: string, value: EdxmlValue): string {
  if (typeof value === 'string') return `<edXML:${name}>${canonicalText(writable(value, name))}</edXML:${name}>`
  const attributes = Object.entries(value).flatMap(([key, one]) =>
    key.startsWith('@') && typeof one === 'string' ? [` ${key.slice(1)}="${attribute(one)}"`] : [],
  )
  return `<edXML:${name}${attributes.join('')}>${elements(value)}</edXML:${name}>`
}

function attribute(value: string): string {
  return canonicalAttribute(writable(value, '@'))
}

function writable(value: string, field: string): string {
  // XML 1.0 §2.2 has no way to write these.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(value) || !value.isWellFormed())
    throw new GatewayError('value-unmappable', { field, rule: 'XML 1.0 §2.2' })
  return value
}

// Reading

interface Form {
  readonly envelope: number
  readonly header: number
  readonly body?: number
}

/** Where the parts are, in whichever variant; roots and namespaces of wire-formats §4.5. */
function formOf(gated: GatedXml): Form {
  const root = gated.elements[0]
  if (root === undefined) throw notEdxml('')
  const isSoap = root.name === clark(soap, 'Envelope')
  const isWrapped = isKnown(root.name, ['edXML', 'EdXML'])
  const envelope = isWrapped ? childNamed(gated, 0, ['edXMLEnvelope', 'EdXMLEnvelope']) : 0
  if (envelope === undefined || !(isSoap || isWrapped || isKnown(root.name, ['edXMLEnvelope', 'EdXMLEnvelope'])))
    throw notEdxml('edXMLEnvelope')
  const header = childNamed(gated, envelope, ['edXMLHeader', 'EdXMLHeader', 'Header'])
  const body = childNamed(gated, envelope, ['edXMLBody', 'EdXMLBody', 'Body'])
  if (header === undefined) throw notEdxml('edXMLHeader')
  return { envelope, header, ...(body !== undefined && { body }) }
}

function isKnown(name: string, locals: readonly string[]): boolean {
  return locals.some((local) => namespaces.some((uri) => name === clark(uri, local)))
}

function childNamed(gated: GatedXml, parent: number, locals: readonly string[]): number | undefined {
  const found = childrenOf(gated, parent).filter((index) => {
    const name = gated.elements[index]?.name ?? ''
    return isKnown(name, locals) || locals.some((local) => name === clark(soap, local))
  })
  if (found.length > 1) throw notEdxml(locals[0] ?? '')
  return found[0]
}

function verifySignature(arrived: GatedXml, opening: EdxmlOpening): VerifiedXml | undefined {
  const signature = arrived.elements.findIndex(({ name }) => name === clark(dsig, 'Signature'))
  if (signature < 0) {
    if (opening.mustBeSigned) throw new GatewayError('credential-refused', { cause: new Error('signature-missing') })
    return undefined
  }
  const form = formOf(arrived)
  const header = pathOf(arrived, form.header)
  const container = arrived.elements[arrived.elements[signature]?.parent ?? -1]?.name ?? ''
  const element = pathOf(arrived, form.envelope)
  return verifyXml(arrived, {
    // Some builders put it into an element of their own.
    place: isKnown(container, ['DigitalSignature']) ? [...header, container] : header,
    ...(element.length > 1 && { element }),
    keys: opening.keys,
  })
}

/** Reads an element of a canonical text: no comments, no CDATA, every start tag closed by an end tag. */
function fieldsOf(gated: GatedXml, index: number): EdxmlFields {
  const fields: Record<string, EdxmlValue | EdxmlValue[]> = Object.create(null)
  const span = gated.elements[index]
  for (const name in span?.attributes) {
    if (!name.startsWith('xmlns')) fields[`@${name.slice(name.indexOf(':') + 1)}`] = span?.attributes[name] ?? ''
  }
  for (const child of childrenOf(gated, index)) {
    const name = standardName(localName(gated.elements[child]?.name ?? ''))
    const hasChildren = childrenOf(gated, child).length > 0
    const value = hasChildren ? fieldsOf(gated, child) : textOf(gated, child)
    const before = fields[name]
    if (before === undefined) fields[name] = value
    else if (Array.isArray(before)) before.push(value)
    else fields[name] = [before, value]
  }
  return fields
}

/** The standard writes `Bussiness`; half of the field corrects it. */
function standardName(name: string): string {
  return name.replace(/^Business(?=Doc|$)/, 'Bussiness')
}

function textOf({ text, elements: spans }: GatedXml, index: number): string {
  const span = spans[index]
  if (span === undefined) return ''
  return text
    .slice(span.contentStart, span.contentEnd)
    .replace(/&(?:amp|lt|gt|#xD);/g, (one) => entities[one] ?? one)
    .trim()
}

const entities: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&#xD;': '\r' }

interface Listed {
  readonly contentId: string
  readonly name: string
  readonly mediaType: string
  readonly description?: string
}

function manifestOf(gated: GatedXml, body: number): readonly Listed[] {
  const manifest = childNamed(gated, body, ['edXMLManifest', 'EdXMLManifest', 'Manifest'])
  if (manifest === undefined) return []
  const listed = childrenOf(gated, manifest)
    .filter((index) => localName(gated.elements[index]?.name ?? '') === 'Reference')
    .map((index) => {
      const fields = fieldsOf(gated, index)
      const contentId = bareId(one(fields, 'ContentId') ?? one(fields, '@href') ?? '')
      const name = one(fields, 'AttachmentName')
      if (contentId === '' || name === undefined) throw notEdxml('edXMLManifest/Reference')
      const description = one(fields, 'Description')
      return { contentId, name, mediaType: mediaTypeOf(fields), ...(description !== undefined && { description }) }
    })
  if (new Set(listed.map(({ contentId }) => contentId)).size !== listed.length)
    throw notEdxml('edXMLManifest/Reference/ContentId')
  return listed
}

/** Name and type as the signed manifest gives them; bytes as they came. Each is named once and comes once. */
function attachmentsOf(gated: GatedXml, listed: readonly Listed[]): readonly EdxmlAttachment[] {
  const place = childrenOf(gated, 0).find((index) => isKnown(gated.elements[index]?.name ?? '', ['AttachmentEncoded']))
  const came = new Map<string, number>()
  for (const index of place === undefined ? [] : childrenOf(gated, place)) {
    const parts = childrenOf(gated, index)
    const part = (local: string) => parts.find((at) => localName(gated.elements[at]?.name ?? '') === local)
    const id = part('ContentId')
    const content = part('ContentTransferEncoded')
    if (id === undefined || content === undefined) throw notEdxml('AttachmentEncoded/Attachment')
    const contentId = bareId(textOf(gated, id))
    if (came.has(contentId)) throw notEdxml('AttachmentEncoded/Attachment/ContentId')
    came.set(contentId, content)
  }
  if (came.size !== listed.length) throw notEdxml('AttachmentEncoded')
  return listed.map((entry) => {
    const content = came.get(entry.contentId)
    if (content === undefined) throw notEdxml('AttachmentEncoded/Attachment/ContentId')
    return { ...entry, bytes: decoded(textOf(gated, content)) }
  })
}

function decoded(text: string): Buffer {
  const compact = text.replace(/\s+/g, '')
  const bytes = Buffer.from(compact, 'base64')
  if (bytes.toString('base64') !== compact) throw notEdxml('AttachmentEncoded/Attachment/ContentTransferEncoded')
  return bytes
}

function isBound({ contentId, bytes }: EdxmlAttachment, verified: VerifiedXml | undefined): boolean {
  if (verified === undefined) return false
  const bound = verified.binds.find(({ uri }) => bareId(uri) === contentId)
  if (bound === undefined) return verified.covers === 'document'
  const value = hashOf(bound.digest, bytes)
  if (value.length !== bound.value.length || !timingSafeEqual(value, bound.value))
    throw new GatewayError('credential-refused', { cause: new Error('attachment-digest-mismatch') })
  return true
}

function signatureOf({ keyId, algorithm, signedAtMs }: VerifiedXml): NonNullable<OpenedEdxml['signature']> {
  return { keyId, algorithm, ...(signedAtMs !== undefined && { signedAtMs }) }
}

function bareId(id: string): string {
  return id.trim().replace(/^cid:/i, '')
}

function mediaTypeOf(fields: EdxmlFields): string {
  const said = one(fields, 'ContentType') ?? ''
  // Some write the file's extension there.
  return /^[\w.+-]+\/[\w.+-]+/.exec(said)?.[0] ?? 'application/octet-stream'
}

function one(fields: EdxmlFields, name: string): string | undefined {
  const value = fields[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function notEdxml(field: string): GatewayError {
  return new GatewayError('contract-violated', { field, rule: 'QCVN 102:2016' })
}
