// Written by `npm run types` from the schemas beside it; never by hand.

export type CanonicalBody =
  | DeliveryReported
  | DocumentSent
  | DocumentStatusReported
  | DossierOutcomeReported
  | DossierProgressed
  | DossierReceived
  | DossierSubmitted
  | ResultIssued
/**
 * The dossier code (mã hồ sơ): agency, reception date, serial. Opaque: never cut apart.
 */
export type DossierCode = string
/**
 * A moment in UTC with milliseconds (ISO 8601, always `Z`); the date exists in the calendar.
 */
export type Instant = string
/**
 * Whether it is new, or what it does to the documents it follows.
 */
export type DocumentAction = 'new' | 'recall' | 'update' | 'replace'
/**
 * Electronic identifier of an agency, old form `000.00.01.H47` or new form `H47.01`.
 */
export type AgencyCode = string
/**
 * Where the document stands there.
 */
export type DocumentStatus =
  | 'arrived'
  | 'refused'
  | 'accepted'
  | 'assigned'
  | 'processing'
  | 'finished'
  | 'taken-back'
  | 'change-agreed'
  | 'change-refused'
/**
 * Where the dossier stands; the ten statuses of the national portal by name.
 */
export type Status =
  | 'newly-registered'
  | 'accepted'
  | 'refused'
  | 'processing'
  | 'supplement-requested'
  | 'obligation-requested'
  | 'withdrawn'
  | 'stopped'
  | 'processed'
  | 'returned'
/**
 * Where a file can be fetched, exactly as its source wrote it.
 */
export type WebAddress = string
/**
 * SHA-256 of a file.
 */
export type FileDigest = string
/**
 * Code of an administrative procedure, in the form the source uses.
 */
export type ProcedureCode = string
/**
 * Vietnamese đồng, whole.
 */
export type AmountVnd = number

/**
 * The gateway’s own notice to a sender: what became of a delivery of its message.
 */
export interface DeliveryReported {
  /**
   * The message whose delivery is meant.
   */
  readonly messageId: string
  /**
   * Its type.
   */
  readonly messageType: string
  readonly dossierCode: DossierCode
  /**
   * The system it was to go to.
   */
  readonly system: string
  /**
   * Where the delivery stands.
   */
  readonly state: 'delivered' | 'held' | 'dead' | 'expired' | 'discarded'
  readonly reason?: DeliveryReason
  readonly at: Instant
}
/**
 * Why, when it was not delivered.
 */
export interface DeliveryReason {
  /**
   * Row of the gateway’s error table.
   */
  readonly code: string
  /**
   * What an operator searches by.
   */
  readonly cause: string
  /**
   * The field at fault, in the receiver’s own name.
   */
  readonly field?: string
  /**
   * The rule it broke.
   */
  readonly rule?: string
  /**
   * In English.
   */
  readonly sentence: string
  /**
   * In Vietnamese.
   */
  readonly vietnamese: string
}
/**
 * An official document from one agency to others (QCVN 102:2016, QĐ 28/2018/QĐ-TTg).
 */
export interface DocumentSent {
  /**
   * The document’s own identity: issuing agency, date, number and notation, as `H47.01,2026/11/20,12/CV-SNV`. Opaque.
   */
  readonly documentId: string
  readonly action: DocumentAction
  /**
   * Why an earlier document is recalled, updated or replaced.
   */
  readonly reason?: string
  readonly from: SendingAgency
  /**
   * Whom it is for.
   *
   * @minItems 1
   * @maxItems 500
   */
  readonly to: readonly ReceivingAgency[]
  /**
   * Its number (số).
   */
  readonly number: string
  /**
   * Its notation (ký hiệu).
   */
  readonly notation: string
  /**
   * The day it was issued, in Vietnam.
   */
  readonly promulgatedOn: string
  /**
   * The place it was issued at.
   */
  readonly promulgatedAt?: string
  readonly kind?: DocumentKind
  /**
   * What it is about (trích yếu).
   */
  readonly subject: string
  /**
   * Its content in words, where it is given.
   */
  readonly content?: string
  readonly signer?: DocumentSigner
  /**
   * By when an answer is expected.
   */
  readonly dueOn?: string
  /**
   * Where copies go (nơi nhận).
   *
   * @minItems 1
   * @maxItems 200
   *
   * Items: One place.
   */
  readonly copyTo?: readonly string[]
  /**
   * 0 ordinary, 1 urgent, 2 very urgent, 3 express.
   */
  readonly urgency?: number
  /**
   * How many pages it has.
   */
  readonly pages?: number
  /**
   * Documents it answers or follows.
   *
   * @minItems 1
   * @maxItems 100
   */
  readonly responseTo?: readonly DocumentReference[]
  readonly dossierCode?: DossierCode
  /**
   * Its files.
   *
   * @minItems 1
   * @maxItems 200
   */
  readonly attachments?: readonly DocumentAttachment[]
}
/**
 * Who issued it.
 */
export interface SendingAgency {
  readonly code: AgencyCode
  /**
   * Its name.
   */
  readonly name?: string
  /**
   * The agency above it.
   */
  readonly inCharge?: string
  /**
   * Where it is.
   */
  readonly address?: string
  /**
   * Its address for electronic mail.
   */
  readonly email?: string
  /**
   * Its telephone.
   */
  readonly telephone?: string
  /**
   * Its fax.
   */
  readonly fax?: string
  /**
   * Its website.
   */
  readonly website?: string
}
/**
 * One receiver.
 */
export interface ReceivingAgency {
  readonly code: AgencyCode
  /**
   * Its name.
   */
  readonly name?: string
  /**
   * The agency above it.
   */
  readonly inCharge?: string
  /**
   * Where it is.
   */
  readonly address?: string
  /**
   * Its address for electronic mail.
   */
  readonly email?: string
  /**
   * Its telephone.
   */
  readonly telephone?: string
  /**
   * Its fax.
   */
  readonly fax?: string
  /**
   * Its website.
   */
  readonly website?: string
}
/**
 * What kind of document it is, by the axis’s own list.
 */
export interface DocumentKind {
  /**
   * Its code.
   */
  readonly code: string
  /**
   * Its name.
   */
  readonly name?: string
}
/**
 * Who signed it.
 */
export interface DocumentSigner {
  /**
   * The person’s name.
   */
  readonly name: string
  /**
   * Position.
   */
  readonly position?: string
  /**
   * In whose name (quyền hạn).
   */
  readonly competence?: string
}
/**
 * One of them.
 */
export interface DocumentReference {
  /**
   * The document’s own identity: issuing agency, date, number and notation, as `H47.01,2026/11/20,12/CV-SNV`. Opaque.
   */
  readonly documentId: string
  readonly agencyCode?: AgencyCode
  /**
   * Number and notation.
   */
  readonly code?: string
  /**
   * The day it was issued.
   */
  readonly promulgatedOn?: string
}
/**
 * One file.
 */
export interface DocumentAttachment {
  /**
   * Its file name.
   */
  readonly name: string
  /**
   * Its media type.
   */
  readonly mediaType: string
  /**
   * What it is.
   */
  readonly description?: string
  /**
   * SHA-256 of its bytes.
   */
  readonly digest: string
  /**
   * Whether the sender’s signature covers its bytes.
   */
  readonly isSigned?: boolean
  /**
   * Its bytes.
   */
  readonly content?: string
}
/**
 * What became of an official document at one of its receivers (QĐ 28/2018/QĐ-TTg).
 */
export interface DocumentStatusReported {
  /**
   * The document’s own identity: issuing agency, date, number and notation, as `H47.01,2026/11/20,12/CV-SNV`. Opaque.
   */
  readonly documentId: string
  readonly issuedBy: AgencyCode
  /**
   * Number and notation of the document.
   */
  readonly code?: string
  /**
   * The day the document was issued.
   */
  readonly promulgatedOn?: string
  readonly from: ReportingAgency
  readonly status: DocumentStatus
  readonly at: Instant
  /**
   * What the receiver says about it.
   */
  readonly note?: string
  readonly officer?: ReportingOfficer
}
/**
 * The receiver that reports.
 */
export interface ReportingAgency {
  readonly code: AgencyCode
  /**
   * Its name.
   */
  readonly name?: string
  /**
   * The agency above it.
   */
  readonly inCharge?: string
  /**
   * Where it is.
   */
  readonly address?: string
  /**
   * Its address for electronic mail.
   */
  readonly email?: string
  /**
   * Its telephone.
   */
  readonly telephone?: string
  /**
   * Its fax.
   */
  readonly fax?: string
  /**
   * Its website.
   */
  readonly website?: string
}
/**
 * Who deals with it.
 */
export interface ReportingOfficer {
  /**
   * Department.
   */
  readonly department?: string
  /**
   * Name.
   */
  readonly name?: string
}
/**
 * What became of a dossier that was filed at another portal, told back to it.
 */
export interface DossierOutcomeReported {
  readonly dossierCode: DossierCode
  readonly localDossierCode?: DossierCode
  readonly receivingUnit: Unit
  readonly status: Status
  readonly processedAt: Instant
  /**
   * What the owner is told.
   */
  readonly content?: string
  /**
   * The owner’s account at the portal (TechID).
   */
  readonly ownerTechnicalId?: string
  /**
   * Papers that go with it.
   *
   * @minItems 1
   * @maxItems 200
   */
  readonly files?: readonly SubmittedFile[]
}
/**
 * An agency, by its code.
 */
export interface Unit {
  readonly code: AgencyCode
  /**
   * Its name.
   */
  readonly name?: string
}
/**
 * One file of the dossier’s papers.
 */
export interface SubmittedFile {
  /**
   * The source’s id of the file.
   */
  readonly id?: string
  /**
   * File name.
   */
  readonly name?: string
  /**
   * Whether the source has withdrawn it.
   */
  readonly deleted?: boolean
  /**
   * Which paper of the procedure it is.
   */
  readonly componentCode?: string
  readonly url?: WebAddress
  /**
   * The file itself, where its source sends it inline.
   */
  readonly contentBase64?: string
  /**
   * Whether it was digitised.
   */
  readonly digitised?: boolean
  /**
   * Whether it was reused from earlier data.
   */
  readonly reuse?: 'none' | 'reused' | 'reused-otherwise'
  /**
   * Whether it came from the national store of papers (kho DMQG).
   */
  readonly fromNationalStore?: boolean
  /**
   * The result code that replaces this paper.
   */
  readonly replacedByResultCode?: string
  readonly digest?: FileDigest
  /**
   * Its size.
   */
  readonly sizeBytes?: number
  /**
   * What kind of file it is.
   */
  readonly mediaType?: string
  readonly signatures?: SignatureReport
}
/**
 * What the gateway found of the signatures in a PDF; a fact for the receiver, who decides.
 */
export interface SignatureReport {
  /**
   * `valid`: intact, trusted, the whole file covered.
   */
  readonly state: 'valid' | 'untrusted' | 'altered' | 'unsigned' | 'unreadable' | 'not-checked'
  /**
   * Why nobody can tell.
   */
  readonly why?: string
  /**
   * Each signature.
   *
   * @maxItems 32
   */
  readonly signatures?: {
    /**
     * Nothing of the file lies outside what was signed.
     */
    readonly coversWholeFile: boolean
    /**
     * What was signed is unchanged.
     */
    readonly isIntact: boolean
    /**
     * Its hash is SHA-256 or better.
     */
    readonly isStrong: boolean
    /**
     * Its certificate leads to a trusted authority.
     */
    readonly isTrusted: boolean
    /**
     * Its certificate was valid when it was made.
     */
    readonly wasValidAtSigning: boolean
    /**
     * Whose certificate it is.
     */
    readonly signer?: string
    /**
     * Who issued the certificate.
     */
    readonly issuer?: string
    /**
     * The certificate's number, hexadecimal.
     */
    readonly serialNumber?: string
    readonly signedAt?: Instant
  }[]
}
/**
 * One step in the processing of a dossier.
 */
export interface DossierProgressed {
  readonly dossierCode: DossierCode
  readonly receivingUnit: Unit
  readonly status: Status
  readonly processedAt: Instant
  readonly officer?: Officer
  /**
   * What was done.
   */
  readonly content?: string
  readonly startedAt?: Instant
  readonly dueAt?: Instant
}
/**
 * Who did it.
 */
export interface Officer {
  /**
   * Name.
   */
  readonly name?: string
  /**
   * Office held.
   */
  readonly title?: string
  /**
   * Department.
   */
  readonly department?: string
}
/**
 * A dossier as its receiving unit holds it: the full record, each time it changes. Optional facts that the source does not have are absent.
 */
export interface DossierReceived {
  readonly dossierCode: DossierCode
  readonly portalDossierCode?: DossierCode
  /**
   * Number on the receipt handed to the owner (số biên nhận); another name of the dossier.
   */
  readonly receiptNumber?: string
  readonly procedure: Procedure
  readonly receivingUnit: Unit
  readonly processingUnit?: ProcessingUnit
  readonly owner?: Owner
  /**
   * How it was filed.
   */
  readonly channel?: 'direct' | 'online' | 'postal'
  /**
   * Whose system it was filed in.
   */
  readonly filedThrough?: 'national-portal' | 'province'
  /**
   * What the dossier asks for (trích yếu).
   */
  readonly summary?: string
  /**
   * Further information of the source.
   */
  readonly otherInformation?: string
  /**
   * Remark.
   */
  readonly note?: string
  readonly status: Status
  readonly submittedAt?: Instant
  readonly receivedAt: Instant
  readonly dueAt?: Instant
  readonly finishedAt?: Instant
  readonly returnedAt?: Instant
  readonly refusedAt?: Instant
  /**
   * How the result goes to the owner.
   */
  readonly returnMethod?: 'direct' | 'postal'
  /**
   * Remark on handing over.
   */
  readonly returnNote?: string
  /**
   * Papers handed in.
   *
   * @minItems 1
   * @maxItems 500
   */
  readonly submittedFiles?: readonly SubmittedFile[]
  /**
   * Fees and charges.
   *
   * @minItems 1
   * @maxItems 200
   */
  readonly fees?: readonly Fee[]
  /**
   * Papers handed in beside the listed ones.
   *
   * @minItems 1
   * @maxItems 200
   */
  readonly otherPapers?: readonly OtherPaper[]
  /**
   * Requests for further papers, oldest first.
   *
   * @minItems 1
   * @maxItems 100
   */
  readonly supplements?: readonly Supplement[]
  /**
   * Papers of the result.
   *
   * @minItems 1
   * @maxItems 200
   */
  readonly results?: readonly ResultPaper[]
  /**
   * Whether any of its papers was digitised.
   */
  readonly hasDigitisedComponent?: boolean
  /**
   * none: nothing to pay; not-online: a fee that was not paid online.
   */
  readonly onlinePayment?: 'none' | 'national-platform' | 'local-portal' | 'not-online'
  /**
   * Codes of the national databases that were used. An empty list says that none was; absent says nothing.
   *
   * @maxItems 50
   */
  readonly databasesUsed?: readonly string[]
}
/**
 * The administrative procedure (thủ tục hành chính).
 */
export interface Procedure {
  readonly code: ProcedureCode
  readonly nationalCode?: ProcedureCode
  /**
   * Name of the procedure.
   */
  readonly name?: string
  /**
   * Code of the sector (lĩnh vực).
   */
  readonly sectorCode?: string
  /**
   * Name of the sector.
   */
  readonly sectorName?: string
}
/**
 * Who settles the dossier; many sources know only a name.
 */
export interface ProcessingUnit {
  readonly code?: AgencyCode
  /**
   * Its name.
   */
  readonly name?: string
}
/**
 * The owner of the dossier (chủ hồ sơ).
 */
export interface Owner {
  /**
   * What the owner is.
   */
  readonly kind?: 'citizen' | 'enterprise' | 'state-agency' | 'organisation'
  /**
   * Name.
   */
  readonly name?: string
  /**
   * Number of the owner’s paper as the source wrote it: citizen card, tax number, decision number.
   */
  readonly paperNumber?: string
  /**
   * Papers of identity, with their kind.
   *
   * @minItems 1
   * @maxItems 10
   */
  readonly identities?: readonly Identity[]
  /**
   * The owner’s account at the national portal (TechID).
   */
  readonly technicalId?: string
  /**
   * Whether that account was verified with VNeID.
   */
  readonly accountVerified?: boolean
  /**
   * Telephone.
   */
  readonly phone?: string
  /**
   * E-mail.
   */
  readonly email?: string
  /**
   * Fax.
   */
  readonly fax?: string
  readonly address?: Address
}
/**
 * One paper that identifies the owner.
 */
export interface Identity {
  /**
   * citizen-card: 12-digit CCCD; identity-card: 9-digit CMND.
   */
  readonly kind: 'citizen-card' | 'identity-card' | 'passport' | 'tax-code'
  /**
   * Its number.
   */
  readonly number: string
}
/**
 * An address; there is no district level since 2025-07-01.
 */
export interface Address {
  /**
   * Province code.
   */
  readonly provinceCode?: string
  /**
   * District code; historic, only for addresses written before 2025-07-01.
   */
  readonly districtCode?: string
  /**
   * Commune code.
   */
  readonly communeCode?: string
  /**
   * House, street, hamlet.
   */
  readonly detail?: string
}
/**
 * One fee or charge (phí, lệ phí).
 */
export interface Fee {
  /**
   * Name.
   */
  readonly name?: string
  /**
   * Code.
   */
  readonly code?: string
  /**
   * How it is collected; the source’s own code.
   */
  readonly collectionCode?: string
  /**
   * Kind of fee; the source’s own code.
   */
  readonly kindCode?: string
  readonly amountVnd?: AmountVnd
}
/**
 * A paper handed in beside the listed ones.
 */
export interface OtherPaper {
  /**
   * Name.
   */
  readonly name?: string
  /**
   * How many.
   */
  readonly count?: number
  /**
   * The source’s own code of its kind.
   */
  readonly kindCode?: number
}
/**
 * One request for further papers and its answer.
 */
export interface Supplement {
  /**
   * The source’s number of the request.
   */
  readonly id?: number
  /**
   * Officer who asked.
   */
  readonly requestedBy?: string
  /**
   * What was asked for.
   */
  readonly request?: string
  readonly requestedAt?: Instant
  /**
   * Officer who took the papers in.
   */
  readonly receivedBy?: string
  /**
   * What was taken in.
   */
  readonly receptionNote?: string
  readonly receivedAt?: Instant
  /**
   * Whether the request is answered.
   */
  readonly completed?: boolean
  /**
   * Papers handed in.
   *
   * @minItems 1
   * @maxItems 200
   */
  readonly files?: readonly SubmittedFile[]
  /**
   * Fees that came with it.
   *
   * @minItems 1
   * @maxItems 100
   */
  readonly fees?: readonly Fee[]
  readonly dueBefore?: Instant
  readonly dueAfter?: Instant
}
/**
 * One paper of the result (giấy tờ kết quả).
 */
export interface ResultPaper {
  /**
   * Name.
   */
  readonly name?: string
  /**
   * Which paper of the procedure it is.
   */
  readonly componentCode?: string
  /**
   * The source’s id of the paper.
   */
  readonly paperId?: string
  readonly url?: WebAddress
  /**
   * Result code of the procedure’s catalogue entry (MAKETQUA); QĐ 766 counts by it.
   */
  readonly resultCode?: string
  readonly digest?: FileDigest
  /**
   * Its size.
   */
  readonly sizeBytes?: number
  /**
   * What kind of file it is.
   */
  readonly mediaType?: string
  readonly signatures?: SignatureReport
}
/**
 * A dossier filed online for the province, on its way to the unit that is to receive it.
 */
export interface DossierSubmitted {
  readonly dossierCode: DossierCode
  /**
   * Number on the receipt handed to the owner (số biên nhận); another name of the dossier.
   */
  readonly receiptNumber?: string
  readonly procedure: Procedure
  readonly receivingUnit: Unit
  readonly processingUnit?: ProcessingUnit
  readonly owner?: Owner
  /**
   * How it was filed.
   */
  readonly channel?: 'direct' | 'online' | 'postal'
  /**
   * Whose system it was filed in.
   */
  readonly filedThrough?: 'national-portal' | 'province'
  /**
   * What the dossier asks for (trích yếu).
   */
  readonly summary?: string
  /**
   * Further information of the source.
   */
  readonly otherInformation?: string
  /**
   * Remark.
   */
  readonly note?: string
  readonly submittedAt?: Instant
  readonly receivedAt?: Instant
  readonly status?: Status
  readonly dueAt?: Instant
  /**
   * How the result is to go to the owner.
   */
  readonly returnMethod?: 'direct' | 'postal'
  /**
   * Papers handed in.
   *
   * @minItems 1
   * @maxItems 500
   */
  readonly submittedFiles?: readonly SubmittedFile[]
  /**
   * Fees and charges.
   *
   * @minItems 1
   * @maxItems 200
   */
  readonly fees?: readonly Fee[]
  /**
   * Papers handed in beside the listed ones.
   *
   * @minItems 1
   * @maxItems 200
   */
  readonly otherPapers?: readonly OtherPaper[]
  /**
   * Whether any of its papers was digitised.
   */
  readonly hasDigitisedComponent?: boolean
  /**
   * none: nothing to pay; not-online: a fee that was not paid online.
   */
  readonly onlinePayment?: 'none' | 'national-platform' | 'local-portal' | 'not-online'
  /**
   * Codes of the national databases that were used. An empty list says that none was; absent says nothing.
   *
   * @maxItems 50
   */
  readonly databasesUsed?: readonly string[]
  readonly promotion?: PromotionNotice
}
/**
 * A trader’s notice of a sales promotion (thông báo khuyến mại).
 */
export interface PromotionNotice {
  /**
   * Number of the trader’s document.
   */
  readonly documentNumber?: string
  /**
   * When it was filed, exactly as written: its format is not documented.
   */
  readonly submittedAtText?: string
  /**
   * Person to speak to.
   */
  readonly contactName?: string
  /**
   * That person’s telephone.
   */
  readonly contactPhone?: string
  /**
   * Name of the programme.
   */
  readonly programmeName?: string
  /**
   * Form of the promotion.
   */
  readonly form?: string
  /**
   * First day, exactly as written: its format is not documented.
   */
  readonly fromText?: string
  /**
   * Last day, exactly as written.
   */
  readonly untilText?: string
  /**
   * Goods and services promoted.
   */
  readonly goods?: string
  /**
   * Their quantity.
   */
  readonly goodsQuantity?: string
  /**
   * Which customers.
   */
  readonly customers?: string
  /**
   * Prizes.
   */
  readonly prizes?: string
  /**
   * Total value, exactly as written.
   */
  readonly goodsValue?: string
  /**
   * Content in detail.
   */
  readonly details?: string
  /**
   * Traders who take part.
   */
  readonly otherTraders?: string
  readonly applicationFile?: SubmittedFile
}
/**
 * The result of a dossier, when its source states it apart from the full record.
 */
export interface ResultIssued {
  readonly dossierCode: DossierCode
  readonly receivingUnit: Unit
  /**
   * Whether the result waits to be handed over or was handed over, as the source states it.
   */
  readonly status: 'processed' | 'returned'
  readonly issuedAt: Instant
  readonly returnedAt?: Instant
  /**
   * Remark on handing over.
   */
  readonly returnNote?: string
  /**
   * Papers of the result.
   *
   * @minItems 1
   * @maxItems 200
   */
  readonly results: readonly ResultPaper[]
}

/** The body of each contract, by its name. */
export interface CanonicalBodies {
  readonly 'delivery.reported.v1': DeliveryReported
  readonly 'document.sent.v1': DocumentSent
  readonly 'document.status-reported.v1': DocumentStatusReported
  readonly 'dossier.outcome-reported.v1': DossierOutcomeReported
  readonly 'dossier.progressed.v1': DossierProgressed
  readonly 'dossier.received.v1': DossierReceived
  readonly 'dossier.submitted.v1': DossierSubmitted
  readonly 'result.issued.v1': ResultIssued
}
