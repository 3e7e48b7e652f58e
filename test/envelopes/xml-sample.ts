import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { canonicalXml, isolated } from '../../gateway/envelopes/xml-canonical.ts'
import { readXml } from '../../gateway/envelopes/xml-gate.ts'
import { verifyXml, type XmlExpectation, XmlSignatureFault } from '../../gateway/envelopes/xml-signature.ts'

export const dsig = 'http://www.w3.org/2000/09/xmldsig#'
export const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'
export const enveloped = `${dsig}enveloped-signature`
export const rsaSha256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'
export const sha256 = 'http://www.w3.org/2001/04/xmlenc#sha256'

export const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
export const ec = (namedCurve: 'P-256' | 'P-384') => generateKeyPairSync('ec', { namedCurve })

/** `accepted`, or the code and the inner reason of the refusal. */
export function outcomeOf(document: string | Uint8Array, expected: XmlExpectation): string {
  try {
    verifyXml(readXml(Buffer.from(document as string)), expected)
    return 'accepted'
  } catch (error) {
    if (!(error instanceof GatewayError)) return String(error)
    const { cause } = error.options
    return cause instanceof XmlSignatureFault ? `${error.code}: ${cause.reason}` : error.code
  }
}

/** A signature as any tool might make it, with every part open to be wrong. */
export interface LooseSignature {
  readonly privateKey: KeyObject
  readonly references: readonly LooseReference[]
  readonly canonicalization?: string
  readonly method?: string
  /** Inside SignatureMethod. */
  readonly parameters?: string
  readonly hash?: string
  /** Makes the value; RSA PKCS#1 when absent. */
  readonly value?: (signedInfo: string) => Buffer
  readonly after?: string
}

export interface LooseReference {
  readonly uri?: string
  readonly digestMethod?: string
  readonly hash?: string
  /** What the digest is over. */
  readonly covered: string | Uint8Array
  /** Whole ds:Transform elements. */
  readonly transforms: readonly string[]
}

export function transform(algorithm: string, inner = ''): string {
  return `<ds:Transform Algorithm="${algorithm}">${inner}</ds:Transform>`
}

export function looseSignature(options: LooseSignature): string {
  const references = options.references.map(
    (one) =>
      `<ds:Reference${one.uri === undefined ? '' : ` URI="${one.uri}"`}>` +
      (one.transforms.length === 0 ? '' : `<ds:Transforms>${one.transforms.join('')}</ds:Transforms>`) +
      `<ds:DigestMethod Algorithm="${one.digestMethod ?? sha256}"></ds:DigestMethod><ds:DigestValue>` +
      createHash(one.hash ?? 'sha256')
        .update(one.covered)
        .digest('base64') +
      '</ds:DigestValue></ds:Reference>',
  )
  const signedInfo =
    `<ds:SignedInfo xmlns:ds="${dsig}">` +
    `<ds:CanonicalizationMethod Algorithm="${options.canonicalization ?? exclusive}"></ds:CanonicalizationMethod>` +
    `<ds:SignatureMethod Algorithm="${options.method ?? rsaSha256}">${options.parameters ?? ''}</ds:SignatureMethod>` +
    `${references.join('')}</ds:SignedInfo>`
  const value = options.value
    ? options.value(signedInfo)
    : sign(options.hash ?? 'sha256', Buffer.from(signedInfo), options.privateKey)
  return (
    `<ds:Signature xmlns:ds="${dsig}">${signedInfo}<ds:SignatureValue>${value.toString('base64')}</ds:SignatureValue>` +
    `${options.after ?? ''}</ds:Signature>`
  )
}

/** Canonical form of the first element of this name, in its place in the document. */
export function canonicalOf(document: string, tag: string): Buffer {
  const gated = readXml(Buffer.from(document))
  return canonicalXml(
    isolated(
      gated,
      gated.elements.findIndex((one) => one.tag === tag),
    ),
  )
}
