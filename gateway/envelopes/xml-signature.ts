import { type KeyObject, randomUUID, sign, timingSafeEqual, verify } from 'node:crypto'
import { GatewayError } from '../bus/errors.ts'
import {
  digestOfUri,
  digestUris,
  fits,
  hashOf,
  keyInput,
  signatureAlgorithmOf,
  signatureAlgorithms,
  type XmlDigest,
  type XmlSignatureAlgorithm,
} from './xml-algorithms.ts'
import { canonicalAttribute, canonicalXml, isolated, plainCanonical, type XmlSchema } from './xml-canonical.ts'
import { childrenOf, clark, type GatedXml, pathOf, scanXml, type XmlSpan } from './xml-gate.ts'

export type { XmlSignatureAlgorithm } from './xml-algorithms.ts'

/** What signs in our name. */
export interface XmlSigningKey {
  readonly privateKey: KeyObject
  readonly algorithm: XmlSignatureAlgorithm
  /** DER, the signer's own first; they go into KeyInfo as X509Data. */
  readonly certificates?: readonly Uint8Array[]
}

/** A registered key of the sender; nothing a document says adds to them. */
export interface XmlVerificationKey {
  /** How evidence names it. */
  readonly id: string
  readonly publicKey: KeyObject
  /** DER; when KeyInfo or XAdES names a certificate it must be this one for the key to be the one meant. */
  readonly certificate?: Uint8Array
  /** Algorithms it may be used with; all that fit the key when absent. */
  readonly algorithms?: readonly XmlSignatureAlgorithm[]
}

/** Something outside the document that a signature binds by its digest, e.g. an attachment under its `cid:` address. */
export interface BoundContent {
  readonly uri: string
  readonly digest: XmlDigest
  readonly value: Uint8Array
}

export interface XmlSignOptions {
  readonly key: XmlSigningKey
  /** The `Id` of the one element to sign; the whole document when absent. */
  readonly id?: string
  /** Names from the root to the element that takes the signature as its last child; the root when absent. */
  readonly place?: readonly string[]
  /** Bound through a signed ds:Manifest (XMLDSig §5.1). */
  readonly binds?: readonly BoundContent[]
  /** Adds XAdES-BES signed properties: this time, and the first certificate. */
  readonly signingTime?: Date
}

/** What the caller knows about the document it is about to believe. */
export interface XmlExpectation {
  /** Names from the root to the parent of the one ds:Signature; the root itself when absent. */
  readonly place?: readonly string[]
  /** Names from the root to the element that must be signed by ID; a signature over the whole document will do too. */
  readonly element?: readonly string[]
  readonly keys: readonly XmlVerificationKey[]
  /** Checked on what was hashed, from the same parse. */
  readonly schema?: XmlSchema
}

/** A document that is what its sender signed. */
export interface VerifiedXml {
  /** The canonical bytes that were hashed, and the only thing to read on: without the signature, without comments. */
  readonly content: Buffer
  readonly covers: 'document' | 'element'
  readonly keyId: string
  readonly algorithm: XmlSignatureAlgorithm
  /** What the signed manifest binds; the caller compares. */
  readonly binds: readonly BoundContent[]
  /** Signed by XAdES, epoch milliseconds. */
  readonly signedAtMs?: number
}

/** Why a signature was not accepted; for audit, never for the answer. */
export class XmlSignatureFault extends Error {
  readonly reason: string
  constructor(reason: string) {
    super(reason)
    this.name = 'XmlSignatureFault'
    this.reason = reason
  }
}

export const dsig = 'http://www.w3.org/2000/09/xmldsig#'
const xades = 'http://uri.etsi.org/01903/v1.3.2#'
const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'
const enveloped = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature'
const manifestType = `${dsig}Manifest`
const propertiesType = 'http://uri.etsi.org/01903#SignedProperties'

const names = {
  KeyInfo: clark(dsig, 'KeyInfo'),
  Manifest: clark(dsig, 'Manifest'),
  Object: clark(dsig, 'Object'),
  Signature: clark(dsig, 'Signature'),
  SignatureValue: clark(dsig, 'SignatureValue'),
  SignedInfo: clark(dsig, 'SignedInfo'),
  X509Certificate: clark(dsig, 'X509Certificate'),
}

const maxReferences = 3
const maxBound = 200

/**
 * Signs one of our own documents in the strict profile (design §6) and answers it in canonical form. What is hashed stands
 * in the result letter by letter, so that it can be checked with simple tools. Throws RangeError when the key does not fit
 * its algorithm or the place is not there, and the gate's errors when the document is not one.
 */
export function signXml(document: string | Uint8Array, options: XmlSignOptions): Buffer {
  if (!fits(options.key.privateKey, options.key.algorithm)) throw new RangeError('the key does not fit its algorithm')
  return options.id === undefined && options.place === undefined
    ? signWhole(document, options)
    : signPart(typeof document === 'string' ? document : new TextDecoder().decode(document), options)
}

/**
 * Verifies the one signature of a document that has passed the gate and answers what was signed. Throws
 * `credential-refused` for every fault of the signature (the reason is its cause), `contract-violated` by the schema.
 */
export function verifyXml(gated: GatedXml, expected: XmlExpectation): VerifiedXml {
  const signature = findSignature(gated, expected.place)
  // SignedInfo first and digests after (threats §3): a stranger buys one signature check and no more.
  const signedInfo = readSignedInfo(gated, signature.signedInfo)
  const key = findKey(gated, { signature, signedInfo, keys: expected.keys })

  let covered: Pick<VerifiedXml, 'content' | 'covers'> | undefined
  let binds: readonly BoundContent[] = []
  let properties: SignedProperties | undefined
  const seen = new Set<number>()
  for (const reference of signedInfo.references) {
    const target = resolve(gated, reference.uri)
    if (seen.has(target)) refuse('reference-twice')
    seen.add(target)
    const role = roleOf(gated, { target, signature, expected })
    checkTransforms(gated, { reference, target, signature })
    const isContent = role === 'document' || role === 'element'
    if (isContent && covered !== undefined) refuse('reference-twice')
    const cut = isInside(gated, signature.index, target) ? signature.index : undefined
    const bytes = canonicalXml(isolated(gated, target, cut), isContent ? expected.schema : undefined)
    if (!isEqual(hashOf(reference.digest, bytes), reference.value)) refuse('digest-mismatch')
    if (isContent) covered = { content: bytes, covers: role }
    else if (role === 'manifest') binds = readManifest(bytes.toString())
    else properties = readProperties(bytes.toString())
  }
  if (covered === undefined) refuse('content-not-signed')
  if (properties?.certificate !== undefined) checkNamedCertificate(properties.certificate, key)
  return {
    ...covered,
    keyId: key.id,
    algorithm: signedInfo.algorithm,
    binds,
    ...(properties && { signedAtMs: properties.signedAtMs }),
  }
}

// Signing

function signWhole(document: string | Uint8Array, options: XmlSignOptions): Buffer {
  const bytes =
    typeof document === 'string'
      ? Buffer.from(document)
      : Buffer.from(document.buffer, document.byteOffset, document.byteLength)
  if (bytes.includes('<!DOCTYPE')) throw new GatewayError('xml-forbidden')
  const canonical = canonicalXml(bytes)
  if (canonical.includes(dsig)) refuseSigned(scanXml(canonical.toString(), ownLimits))
  const end = canonical.lastIndexOf('</')
  const signature = signatureOver('', canonical, { ...options, isInside: true })
  return Buffer.concat([canonical.subarray(0, end), Buffer.from(signature), canonical.subarray(end)])
}

function signPart(document: string, options: XmlSignOptions): Buffer {
  const gated = scanXml(document, ownLimits)
  refuseSigned(gated)
  const { id } = options
  const place = options.place === undefined ? 0 : findPath(gated, options.place)
  const into = place === undefined ? undefined : gated.elements[place]
  if (place === undefined || into === undefined) throw new RangeError('there is no such place to sign in')
  const target = id === undefined ? 0 : resolveId(gated, id)
  if (target === undefined) throw new RangeError('there is no such element to sign')
  const signature = signatureOver(id === undefined ? '' : `#${id}`, canonicalXml(isolated(gated, target)), {
    ...options,
    isInside: isInside(gated, place, target),
  })
  const { text } = gated
  return Buffer.from(
    into.isSelfClosing
      ? `${text.slice(0, into.end - 2)}>${signature}</${into.tag}>${text.slice(into.end)}`
      : text.slice(0, into.contentEnd) + signature + text.slice(into.contentEnd),
  )
}

function refuseSigned({ elements }: GatedXml): void {
  if (elements.some(({ name }) => name === names.Signature)) throw new RangeError('it is signed already')
}

/** What we sign is ours; the limits are there against mistakes. */
const ownLimits = { maxBytes: 128 * 1024 * 1024, maxElements: 200_000, maxDepth: 64, maxAttributes: 64 }

function signatureOver(uri: string, covered: Buffer, options: XmlSignOptions & { readonly isInside: boolean }): string {
  const { key, isInside: isEnveloped, binds = [], signingTime } = options
  const { hash, uri: method } = signatureAlgorithms[key.algorithm]
  const id = `sig-${randomUUID()}`
  const objects: string[] = []
  const references = [
    referenceText({ uri, digest: hash, covered, transforms: isEnveloped ? [enveloped, exclusive] : [exclusive] }),
  ]
  if (binds.length > 0) {
    const manifest = manifestText(`${id}-manifest`, binds)
    objects.push(`<ds:Object>${manifest}</ds:Object>`)
    const address = { uri: `#${id}-manifest`, type: manifestType }
    references.push(referenceText({ ...address, digest: hash, covered: manifest, transforms: [exclusive] }))
  }
  if (signingTime !== undefined) {
    const properties = propertiesText(`${id}-properties`, { signingTime, hash, certificate: key.certificates?.[0] })
    objects.push(
      `<ds:Object><xades:QualifyingProperties xmlns:xades="${xades}" Target="#${id}">${properties}` +
        '</xades:QualifyingProperties></ds:Object>',
    )
    const address = { uri: `#${id}-properties`, type: propertiesType }
    references.push(referenceText({ ...address, digest: hash, covered: properties, transforms: [exclusive] }))
  }
  const signedInfo =
    `<ds:SignedInfo xmlns:ds="${dsig}">` +
    `<ds:CanonicalizationMethod Algorithm="${exclusive}"></ds:CanonicalizationMethod>` +
    `<ds:SignatureMethod Algorithm="${method}"></ds:SignatureMethod>` +
    `${references.join('')}</ds:SignedInfo>`
  const value = sign(hash, Buffer.from(signedInfo), keyInput(key.privateKey, key.algorithm)).toString('base64')
  return (
    `<ds:Signature xmlns:ds="${dsig}" Id="${id}">${signedInfo}<ds:SignatureValue>${value}</ds:SignatureValue>` +
    `${keyInfoText(key.certificates ?? [])}${objects.join('')}</ds:Signature>`
  )
}

function referenceText(reference: {
  readonly uri: string
  readonly type?: string
  readonly digest: XmlDigest
  readonly covered: Buffer | string
  readonly transforms: readonly string[]
}): string {
  const { uri, type, digest, covered, transforms } = reference
  const list = transforms.map((one) => `<ds:Transform Algorithm="${one}"></ds:Transform>`)
  // In canonical form attributes stand in the order of their names.
  return (
    `<ds:Reference${type === undefined ? '' : ` Type="${type}"`} URI="${uri}">` +
    `<ds:Transforms>${list.join('')}</ds:Transforms>${digestText(digest, hashOf(digest, covered))}</ds:Reference>`
  )
}

function manifestText(id: string, binds: readonly BoundContent[]): string {
  const list = binds.map(
    ({ uri, digest, value }) =>
      `<ds:Reference URI="${canonicalAttribute(uri)}">${digestText(digest, value)}</ds:Reference>`,
  )
  return `<ds:Manifest xmlns:ds="${dsig}" Id="${id}">${list.join('')}</ds:Manifest>`
}

/** XAdES 1.3.2 (ETSI EN 319 132-1 §5.2): SigningTime and SigningCertificateV2. */
function propertiesText(
  id: string,
  options: { readonly signingTime: Date; readonly hash: XmlDigest; readonly certificate: Uint8Array | undefined },
): string {
  const { signingTime, hash, certificate } = options
  // Exclusive form declares a namespace anew on every element that is the first to use it.
  const named =
    certificate === undefined
      ? ''
      : '<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>' +
        digestText(hash, hashOf(hash, certificate), ` xmlns:ds="${dsig}"`) +
        '</xades:CertDigest></xades:Cert></xades:SigningCertificateV2>'
  return (
    `<xades:SignedProperties xmlns:xades="${xades}" Id="${id}"><xades:SignedSignatureProperties>` +
    `<xades:SigningTime>${signingTime.toISOString()}</xades:SigningTime>${named}` +
    '</xades:SignedSignatureProperties></xades:SignedProperties>'
  )
}

function digestText(digest: XmlDigest, value: Uint8Array, declaration = ''): string {
  return (
    `<ds:DigestMethod${declaration} Algorithm="${digestUris[digest]}"></ds:DigestMethod>` +
    `<ds:DigestValue${declaration}>${Buffer.from(value).toString('base64')}</ds:DigestValue>`
  )
}

function keyInfoText(certificates: readonly Uint8Array[]): string {
  if (certificates.length === 0) return ''
  const list = certificates.map(
    (one) => `<ds:X509Certificate>${Buffer.from(one).toString('base64')}</ds:X509Certificate>`,
  )
  return `<ds:KeyInfo><ds:X509Data>${list.join('')}</ds:X509Data></ds:KeyInfo>`
}

// Verifying

interface FoundSignature {
  /** Indices into the document's elements. */
  readonly index: number
  readonly signedInfo: number
  readonly value: Buffer
  readonly keyInfo?: number
}

interface SignedReference {
  readonly uri: string
  readonly transforms: readonly string[]
  readonly digest: XmlDigest
  readonly value: Buffer
}

interface SignedInfo {
  /** The bytes that are signed. */
  readonly text: string
  readonly algorithm: XmlSignatureAlgorithm
  readonly references: readonly SignedReference[]
}

function findSignature(gated: GatedXml, place: readonly string[] | undefined): FoundSignature {
  const index = gated.elements.findIndex(({ name }) => name === names.Signature)
  if (index < 0) refuse('signature-missing')
  if (gated.elements.findLastIndex(({ name }) => name === names.Signature) !== index) refuse('signature-twice')
  const path = pathOf(gated, index).slice(0, -1)
  const wanted = place ?? path.slice(0, 1)
  if (path.length === 0 || path.join('\n') !== wanted.join('\n')) refuse('signature-misplaced')

  const children = childrenOf(gated, index)
  const [signedInfo, signatureValue, ...rest] = children
  if (signedInfo === undefined || gated.elements[signedInfo]?.name !== names.SignedInfo) refuse('signature-form')
  if (signatureValue === undefined || gated.elements[signatureValue]?.name !== names.SignatureValue)
    refuse('signature-form')
  const [first, ...others] = rest
  const hasKeyInfo = first !== undefined && gated.elements[first]?.name === names.KeyInfo
  const objects = hasKeyInfo || first === undefined ? others : rest
  if (objects.length > 2 || objects.some((one) => gated.elements[one]?.name !== names.Object)) refuse('signature-form')
  return {
    index,
    signedInfo,
    value: base64(contentOf(gated, signatureValue)) ?? refuse('signature-form'),
    ...(hasKeyInfo && { keyInfo: first }),
  }
}

/** Reads what is signed from the very bytes that are signed, or from where they stand word for word. */
function readSignedInfo(gated: GatedXml, index: number): SignedInfo {
  const plain = plainCanonical(gated, index)
  const text = plain ?? canonicalXml(isolated(gated, index)).toString()
  const info = plain === undefined ? scanXml(text, smallLimits) : gated
  const [canonicalization, method, ...references] = childrenOf(info, plain === undefined ? 0 : index)
  if (algorithmOf(info, canonicalization, 'CanonicalizationMethod') !== exclusive) refuse('canonicalization')
  const algorithm = signatureAlgorithmOf(algorithmOf(info, method, 'SignatureMethod'))
  if (algorithm === undefined) refuse('algorithm')
  if (references.length < 1 || references.length > maxReferences) refuse('reference-count')
  return { text, algorithm, references: references.map((reference) => readReference(info, reference)) }
}

function readReference(info: GatedXml, index: number): SignedReference {
  const span = elementOf(info, index, 'Reference')
  onlyAttributes(span, ['URI', 'Type', 'Id'])
  const [transforms, ...digest] = childrenOf(info, index)
  if (transforms === undefined || digest.length !== 2) refuse('reference-form')
  elementOf(info, transforms, 'Transforms')
  const { URI: uri } = span.attributes
  if (uri === undefined) refuse('reference-form')
  return {
    uri,
    transforms: childrenOf(info, transforms).map((one) => algorithmOf(info, one, 'Transform')),
    ...readDigest(info, digest),
  }
}

function readDigest(info: GatedXml, [method, value]: readonly number[]): Pick<SignedReference, 'digest' | 'value'> {
  const digest = digestOfUri(algorithmOf(info, method, 'DigestMethod'))
  if (digest === undefined) refuse('digest-algorithm')
  if (value === undefined) refuse('reference-form')
  elementOf(info, value, 'DigestValue')
  return { digest, value: base64(contentOf(info, value)) ?? refuse('reference-form') }
}

/** The registered key that made the signature. */
function findKey(
  gated: GatedXml,
  options: {
    readonly signature: FoundSignature
    readonly signedInfo: SignedInfo
    readonly keys: readonly XmlVerificationKey[]
  },
): XmlVerificationKey {
  const { signature, signedInfo, keys } = options
  const { algorithm } = signedInfo
  const usable = keys.filter(
    ({ publicKey, algorithms }) =>
      fits(publicKey, algorithm) && (algorithms === undefined || algorithms.includes(algorithm)),
  )
  const bytes = Buffer.from(signedInfo.text)
  const { hash } = signatureAlgorithms[algorithm]
  // A hint saves tries; it never brings in a key of its own.
  const hinted = hintedFirst(gated, signature.keyInfo, usable).slice(0, maxTries)
  const found = hinted.find(({ publicKey }) => verify(hash, bytes, keyInput(publicKey, algorithm), signature.value))
  return found ?? refuse(usable.length === 0 ? 'no-key-for-algorithm' : 'signature-mismatch')
}

/** A sender has its present key and the next one; more tries would be a stranger's to spend. */
const maxTries = 4

function hintedFirst(
  gated: GatedXml,
  keyInfo: number | undefined,
  keys: readonly XmlVerificationKey[],
): readonly XmlVerificationKey[] {
  if (keyInfo === undefined || keys.length < 2) return keys
  const end = gated.elements[keyInfo]?.end ?? 0
  const named = gated.elements
    .flatMap(({ name, start }, index) =>
      name === names.X509Certificate && index > keyInfo && start < end ? [index] : [],
    )
    .slice(0, maxTries)
    .map((index) => base64(contentOf(gated, index)))
  const isNamed = ({ certificate }: XmlVerificationKey) =>
    certificate !== undefined && named.some((one) => one?.equals(certificate))
  return [...keys.filter(isNamed), ...keys.filter((one) => !isNamed(one))]
}

/** Index of what a reference points at: the root for the whole document, or the one element of that ID. */
function resolve(gated: GatedXml, uri: string): number {
  if (uri === '') return 0
  if (!uri.startsWith('#')) refuse('reference-outside')
  return resolveId(gated, uri.slice(1)) ?? refuse('reference-unresolved')
}

function resolveId({ elements }: GatedXml, id: string): number | undefined {
  if (!/^[A-Za-z_][\w.-]{0,127}$/.test(id)) return undefined
  // Whatever anybody may take for an ID counts, so that no two readers can mean different elements.
  const found = elements.flatMap(({ attributes }, index) => {
    for (const name in attributes) if (attributes[name] === id && isIdName(name)) return [index]
    return []
  })
  return found.length === 1 ? found[0] : undefined
}

function isIdName(name: string): boolean {
  return /^(?:[^:]+:)?id$/i.test(name)
}

/** What a referenced element is to us; anything but these four is refused. */
function roleOf(
  gated: GatedXml,
  options: { readonly target: number; readonly signature: FoundSignature; readonly expected: XmlExpectation },
): 'document' | 'element' | 'manifest' | 'properties' {
  const { target, signature, expected } = options
  if (target === 0) return expected.element?.length === 1 ? 'element' : 'document'
  const path = pathOf(gated, target)
  if (expected.element !== undefined && path.join('\n') === expected.element.join('\n')) return 'element'
  const base = pathOf(gated, signature.index)
  const below = path.slice(base.length).join('\n')
  if (isInside(gated, target, signature.index)) {
    if (below === manifestPath) return 'manifest'
    if (below === propertiesPath) return 'properties'
  }
  return refuse('reference-elsewhere')
}

const manifestPath = [names.Object, names.Manifest].join('\n')
const propertiesPath = [names.Object, clark(xades, 'QualifyingProperties'), clark(xades, 'SignedProperties')].join('\n')

/** Exclusive canonical form always, and the enveloped transform exactly where the signature lies inside. */
function checkTransforms(
  gated: GatedXml,
  options: { readonly reference: SignedReference; readonly target: number; readonly signature: FoundSignature },
): void {
  const wanted = isInside(gated, options.signature.index, options.target) ? [enveloped, exclusive] : [exclusive]
  if (options.reference.transforms.join(' ') !== wanted.join(' ')) refuse('transforms')
}

function readManifest(text: string): readonly BoundContent[] {
  const manifest = scanXml(text, { ...smallLimits, maxBytes: 512 * 1024, maxElements: 3 * maxBound + 1 })
  const found = childrenOf(manifest, 0).map((index) => {
    const span = elementOf(manifest, index, 'Reference')
    onlyAttributes(span, ['URI', 'Type', 'Id'])
    const children = childrenOf(manifest, index)
    const { URI: uri } = span.attributes
    if (uri === undefined || children.length !== 2) refuse('manifest-form')
    return { uri, ...readDigest(manifest, children) }
  })
  if (new Set(found.map(({ uri }) => uri)).size !== found.length) refuse('manifest-form')
  return found
}

interface SignedProperties {
  readonly signedAtMs: number
  /** Digest of the signer's certificate. */
  readonly certificate?: Pick<SignedReference, 'digest' | 'value'>
}

function readProperties(text: string): SignedProperties {
  const properties = scanXml(text, { ...smallLimits, maxElements: 200 })
  const index = properties.elements.findIndex(({ name }) => name === clark(xades, 'SigningTime'))
  const signedAtMs = Date.parse(index < 0 ? '' : contentOf(properties, index).trim())
  if (Number.isNaN(signedAtMs)) refuse('signing-time')
  const named = properties.elements.findIndex(({ name }) => name === clark(xades, 'CertDigest'))
  return {
    signedAtMs,
    ...(named >= 0 && { certificate: readDigest(properties, childrenOf(properties, named)) }),
  }
}

/** XAdES forbids to exchange the certificate: it must be the registered one, where one is registered. */
function checkNamedCertificate(named: Pick<SignedReference, 'digest' | 'value'>, key: XmlVerificationKey): void {
  if (key.certificate !== undefined && !isEqual(hashOf(named.digest, key.certificate), named.value))
    refuse('signing-certificate')
}

const smallLimits = { maxBytes: 16 * 1024, maxElements: 64, maxDepth: 16, maxAttributes: 16 }

function elementOf(gated: GatedXml, index: number | undefined, name: string): XmlSpan {
  const span = index === undefined ? undefined : gated.elements[index]
  if (span?.name !== clark(dsig, name)) refuse('signature-form')
  return span
}

/** The Algorithm of an element that says nothing else: no parameters, no text. */
function algorithmOf(gated: GatedXml, index: number | undefined, name: string): string {
  const span = elementOf(gated, index, name)
  onlyAttributes(span, ['Algorithm'])
  const { text } = gated
  // Some signers put a line break there; InclusiveNamespaces, XPath, salt or output lengths are parameters.
  if (text.slice(span.contentStart, span.contentEnd).trim() !== '') refuse('algorithm-parameters')
  return span.attributes.Algorithm ?? ''
}

function onlyAttributes(span: XmlSpan, names: readonly string[]): void {
  for (const name in span.attributes) {
    if (name === 'xmlns' || name.startsWith('xmlns:') || names.includes(name)) continue
    refuse('signature-form')
  }
}

function contentOf({ text, elements }: GatedXml, index: number): string {
  const span = elements[index]
  return span === undefined ? '' : text.slice(span.contentStart, span.contentEnd)
}

/** Strict base64 with line breaks; Java's signers write theirs as `&#13;`. */
function base64(text: string): Buffer | undefined {
  const compact = text.replace(/&#(?:13|xD);|\s/gi, '')
  const bytes = Buffer.from(compact, 'base64')
  return bytes.length > 0 && bytes.toString('base64') === compact ? bytes : undefined
}

function isInside({ elements }: GatedXml, index: number, outer: number): boolean {
  const one = elements[index]
  const other = elements[outer]
  return one !== undefined && other !== undefined && one.start >= other.start && one.end <= other.end
}

function findPath(gated: GatedXml, path: readonly string[]): number | undefined {
  const wanted = path.join('\n')
  const name = path.at(-1)
  const found = gated.elements.flatMap((span, index) =>
    span.name === name && pathOf(gated, index).join('\n') === wanted ? [index] : [],
  )
  return found.length === 1 ? found[0] : undefined
}

function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** One answer for every fault, so that a stranger learns nothing from it. */
function refuse(reason: string): never {
  throw new GatewayError('credential-refused', { cause: new XmlSignatureFault(reason) })
}
