import { createHash } from 'node:crypto'
import type { DocumentReference, DocumentSent, ReceivingAgency } from '../../contracts/canonical/types.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { present, presentAny, presentList } from '../present.ts'
import { documentActions } from './codes.ts'
import { type Fields, groupIn, groupsIn, neededText, textIn, textsIn } from './fields.ts'
import { dayFromAxis, dayToAxis, instantToAxis } from './time.ts'

/** A file of a document as edXML carries it. */
export interface AxisAttachment {
  readonly contentId: string
  readonly name: string
  readonly mediaType: string
  readonly description?: string
  readonly bytes: Uint8Array
}

/** What the standard's header and attachments hold. */
export interface AxisDocument {
  readonly header: Fields
  readonly attachments: readonly AxisAttachment[]
}

/**
 * A document in the standard's form; `atMs` is when it passed here, for its trace. Throws `value-missing` for what the
 * standard demands and for a file whose bytes do not travel with it.
 */
export function documentToAxis(body: DocumentSent, atMs: number): AxisDocument {
  const { from, to, kind, signer, dueOn, copyTo, urgency, pages, responseTo } = body
  if (from.name === undefined)
    throw new GatewayError('value-missing', { field: 'From/OrganName', rule: 'QCVN 102:2016' })
  const MessageHeader = present({
    From: agencyToAxis(from),
    To: to.map(agencyToAxis),
    Code: { CodeNumber: body.number, CodeNotation: body.notation },
    PromulgationInfo: present({ Place: body.promulgatedAt, PromulgationDate: dayToAxis(body.promulgatedOn) }),
    DocumentType: kind && present({ Type: kind.code, TypeName: kind.name }),
    Subject: body.subject,
    Content: body.content,
    SignerInfo: signer && present({ Competence: signer.competence, Position: signer.position, FullName: signer.name }),
    DueDate: dueOn && dayToAxis(dueOn),
    ToPlaces: copyTo && { Place: copyTo },
    OtherInfo: presentAny({ Priority: urgency?.toString(), PageAmount: pages?.toString() }),
    ResponseFor: responseTo?.map(referenceToAxis),
    DocumentId: body.documentId,
  })
  const TraceHeaderList = {
    '@version': '1.0',
    '@mustUnderstand': '1',
    '@actor': 'http://schemas.xmlsoap.org/soap/actor/next',
    TraceHeader: { OrganId: from.code, Timestamp: instantToAxis(atMs) },
    Bussiness: present({
      BussinessDocType: documentActions.codeOf(body.action),
      BussinessDocReason: body.reason,
      DocumentId: body.documentId,
    }),
  }
  return {
    header: { MessageHeader, TraceHeaderList },
    attachments: (body.attachments ?? []).map(({ name, mediaType, description, digest, content }, index) => {
      if (content === undefined) throw new GatewayError('value-missing', { field: `attachments/${index}/content` })
      const bytes = Buffer.from(content, 'base64')
      if (digestOf(bytes) !== digest)
        throw new GatewayError('value-unmappable', { field: `attachments/${index}/digest`, rule: 'sha-256' })
      return {
        contentId: contentIdOf(digest, index),
        name,
        mediaType,
        ...(description !== undefined && { description }),
        bytes,
      }
    }),
  }
}

/** A document from the standard's header. Throws `value-missing` and `value-unmappable`, naming the element. */
export function documentFromAxis({
  header,
  attachments,
}: Omit<AxisDocument, 'attachments'> & {
  readonly attachments: readonly (AxisAttachment & { readonly isBound: boolean })[]
}): DocumentSent {
  const message = groupIn(header, 'MessageHeader') ?? {}
  const business = groupIn(groupIn(header, 'TraceHeaderList') ?? {}, 'Bussiness') ?? {}
  const from = agencyFromAxis(groupIn(message, 'From') ?? {})
  const code = groupIn(message, 'Code') ?? {}
  const number = neededText(code, 'CodeNumber')
  const notation = neededText(code, 'CodeNotation')
  const issued = neededText(groupIn(message, 'PromulgationInfo') ?? {}, 'PromulgationDate')
  const promulgatedOn = dayFromAxis(issued, 'PromulgationDate')
  const kind = groupIn(message, 'DocumentType') ?? {}
  const signer = groupIn(message, 'SignerInfo') ?? {}
  const other = groupIn(message, 'OtherInfo') ?? {}
  const due = textIn(message, 'DueDate')
  const kindCode = textIn(kind, 'Type')
  const signerName = textIn(signer, 'FullName')
  const to = groupsIn(message, 'To').map(agencyFromAxis)
  if (to.length === 0) throw new GatewayError('value-missing', { field: 'To', rule: 'QCVN 102:2016' })
  return present({
    // Where it is left out it is what the standard makes it of.
    documentId: textIn(message, 'DocumentId') ?? `${from.code},${dayToAxis(promulgatedOn)},${number}/${notation}`,
    action: actionOf(textIn(business, 'BussinessDocType')),
    reason: textIn(business, 'BussinessDocReason'),
    from,
    to,
    number,
    notation,
    promulgatedOn,
    promulgatedAt: textIn(groupIn(message, 'PromulgationInfo') ?? {}, 'Place'),
    kind: kindCode === undefined ? undefined : present({ code: kindCode, name: textIn(kind, 'TypeName') }),
    subject: neededText(message, 'Subject'),
    content: textIn(message, 'Content'),
    signer:
      signerName === undefined
        ? undefined
        : present({ name: signerName, position: textIn(signer, 'Position'), competence: textIn(signer, 'Competence') }),
    dueOn: due === undefined ? undefined : dayFromAxis(due, 'DueDate'),
    copyTo: presentList(textsIn(groupIn(message, 'ToPlaces') ?? {}, 'Place')),
    urgency: numberIn(other, 'Priority'),
    pages: numberIn(other, 'PageAmount'),
    responseTo: presentList(groupsIn(message, 'ResponseFor').map(referenceFromAxis)),
    attachments: presentList(
      attachments.map(({ name, mediaType, description, bytes, isBound }) =>
        present({
          name,
          mediaType,
          description,
          digest: digestOf(bytes),
          isSigned: isBound,
          content: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
        }),
      ),
    ),
  })
}

/** An agency as `From` and `To` hold it. */
export function agencyToAxis(agency: ReceivingAgency): Fields {
  return present({
    OrganId: agency.code,
    OrganizationInCharge: agency.inCharge,
    OrganName: agency.name,
    OrganAdd: agency.address,
    Email: agency.email,
    Telephone: agency.telephone,
    Fax: agency.fax,
    Website: agency.website,
  })
}

/** The same read. Throws `value-missing` without a code. */
export function agencyFromAxis(fields: Fields): ReceivingAgency {
  return present({
    code: neededText(fields, 'OrganId'),
    inCharge: textIn(fields, 'OrganizationInCharge'),
    name: textIn(fields, 'OrganName'),
    address: textIn(fields, 'OrganAdd'),
    email: textIn(fields, 'Email'),
    telephone: textIn(fields, 'Telephone'),
    fax: textIn(fields, 'Fax'),
    website: textIn(fields, 'Website'),
  })
}

function referenceToAxis(reference: DocumentReference): Fields {
  return present({
    OrganId: reference.agencyCode,
    Code: reference.code,
    PromulgationDate: reference.promulgatedOn && dayToAxis(reference.promulgatedOn),
    DocumentId: reference.documentId,
  })
}

function referenceFromAxis(fields: Fields): DocumentReference {
  const issued = textIn(fields, 'PromulgationDate')
  return present({
    documentId: neededText(fields, 'DocumentId'),
    agencyCode: textIn(fields, 'OrganId'),
    code: textIn(fields, 'Code'),
    promulgatedOn: issued === undefined ? undefined : dayFromAxis(issued, 'ResponseFor/PromulgationDate'),
  })
}

function actionOf(code: string | undefined): DocumentSent['action'] {
  // Documents from before QCVN 102:2016 have no such element; all of them are new.
  const action = documentActions.nameOf(code ?? '0')
  if (action === undefined) throw new GatewayError('value-unmappable', { field: 'BussinessDocType' })
  return action
}

function numberIn(fields: Fields, name: string): number | undefined {
  const text = textIn(fields, name)
  if (text === undefined) return undefined
  if (!/^\d{1,5}$/.test(text)) throw new GatewayError('value-unmappable', { field: name, rule: 'number' })
  return Number(text)
}

function digestOf(bytes: Uint8Array): string {
  return `sha-256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** A UUID (RFC 9562 version 8) that is the same whenever the same document is sent. */
function contentIdOf(digest: string, index: number): string {
  const hex = createHash('sha256').update(`${index}:${digest}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
