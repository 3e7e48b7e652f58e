import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { init } from '@embedpdf/pdfium'
import { fromBER } from 'asn1js'
import { Certificate, CertificateChainValidationEngine, ContentInfo, SignedData } from 'pkijs'
import type { SignatureFinding, SignatureReport } from './pdf-signature.ts'

interface Work {
  readonly bytes: Uint8Array
  readonly trustAnchors: readonly string[]
}

async function report({ bytes, trustAnchors }: Work): Promise<SignatureReport> {
  const found = await signaturesIn(bytes)
  if (found === undefined) return { state: 'unreadable', signatures: [], why: 'It is encrypted or no PDF.' }
  if (found.length === 0) return { state: 'unsigned', signatures: [] }
  if (found.length > mostSignatures)
    return { state: 'not-checked', signatures: [], why: `It has more than ${mostSignatures} signatures.` }
  const anchors = trustAnchors.map(certificateOf)
  const signatures: SignatureFinding[] = []
  for (const one of found) signatures.push(await check(one, bytes, anchors))
  return { state: stateOf(signatures), signatures }
}

const mostSignatures = 32

function stateOf(signatures: readonly SignatureFinding[]): SignatureReport['state'] {
  if (!signatures.every(({ isIntact }) => isIntact)) return 'altered'
  // Each signature of a countersigned paper covers what was there when it was made; one has to cover everything.
  if (!signatures.some(({ coversWholeFile }) => coversWholeFile)) return 'altered'
  return signatures.every((one) => one.isStrong && one.isTrusted && one.wasValidAtSigning) ? 'valid' : 'untrusted'
}

interface RawSignature {
  readonly contents: Uint8Array
  readonly byteRange: readonly number[]
  /** `/M` of the signature dictionary, as PDF writes dates. */
  readonly time: string
}

/** The signature fields of a PDF; `undefined` when PDFium can't open it. */
async function signaturesIn(bytes: Uint8Array): Promise<readonly RawSignature[] | undefined> {
  const wasm = createRequire(import.meta.url).resolve('@embedpdf/pdfium/pdfium.wasm')
  const binary = await readFile(wasm)
  const pdfium = await init({ wasmBinary: binary.buffer.slice(binary.byteOffset, binary.byteOffset + binary.length) })
  pdfium.FPDF_InitLibrary()
  const { wasmExports } = pdfium.pdfium
  // The package's types leave it out; it is a new view whenever the memory has grown.
  const heap = (): Uint8Array => {
    const view: unknown = Reflect.get(pdfium.pdfium, 'HEAPU8')
    if (view instanceof Uint8Array) return view
    throw new TypeError('PDFium has no memory')
  }
  const place = wasmExports.malloc(bytes.length)
  heap().set(bytes, place)
  const document = pdfium.FPDF_LoadMemDocument(place, bytes.length, '')
  if (document === 0) return undefined
  /** PDFium's way to hand out bytes: once for the length (in units), once for the content. */
  const taken = (read: (buffer: number, length: number) => number, unitBytes: number): Uint8Array => {
    const length = read(0, 0)
    if (length === 0) return new Uint8Array()
    const buffer = wasmExports.malloc(length * unitBytes)
    read(buffer, length)
    return heap().slice(buffer, buffer + length * unitBytes)
  }
  const fields = Array.from({ length: Math.max(0, pdfium.FPDF_GetSignatureCount(document)) }, (_, index) => {
    const signature = pdfium.FPDF_GetSignatureObject(document, index)
    const range = taken((buffer, length) => pdfium.FPDFSignatureObj_GetByteRange(signature, buffer, length), 4)
    const time = taken((buffer, length) => pdfium.FPDFSignatureObj_GetTime(signature, buffer, length), 1)
    return {
      contents: taken((buffer, length) => pdfium.FPDFSignatureObj_GetContents(signature, buffer, length), 1),
      byteRange: [...new Int32Array(range.buffer, range.byteOffset, range.length / 4)],
      time: new TextDecoder('latin1').decode(time).replace(/\0+$/, ''),
    }
  })
  // A field that waits for its signature is none.
  return fields.filter(({ contents, byteRange }) => contents.length > 0 || byteRange.length > 0)
}

const nothing: SignatureFinding = {
  coversWholeFile: false,
  isIntact: false,
  isStrong: false,
  isTrusted: false,
  wasValidAtSigning: false,
}

async function check(raw: RawSignature, file: Uint8Array, anchors: readonly Certificate[]): Promise<SignatureFinding> {
  const covered = coverage(raw, file)
  if (covered === undefined) return nothing
  const { coversWholeFile, signed } = covered
  try {
    const { result } = fromBER(copyOf(raw.contents))
    const content = new SignedData({ schema: new ContentInfo({ schema: result }).content })
    const [signer] = content.signerInfos
    // One signer per signature (ISO 32000-2 §12.8.3.3.1).
    if (signer === undefined || content.signerInfos.length !== 1) return { ...nothing, coversWholeFile }
    const outcome = await content.verify({ signer: 0, data: signed, extendedMode: true }).catch(() => undefined)
    const certificate = outcome?.signerCertificate ?? undefined
    const isIntact = outcome?.signatureVerified === true && signer.signedAttrs !== undefined
    if (certificate === undefined) return { ...nothing, coversWholeFile }
    const signedAt = signingTime(signer.signedAttrs?.attributes ?? []) ?? pdfTime(raw.time)
    const { notBefore, notAfter } = certificate
    const wasValidAtSigning = signedAt !== undefined && signedAt >= notBefore.value && signedAt <= notAfter.value
    return {
      coversWholeFile,
      isIntact,
      isStrong: strongHashes.has(signer.digestAlgorithm.algorithmId),
      isTrusted: await isTrusted(certificate, { content, anchors, at: signedAt }),
      wasValidAtSigning,
      ...named('signer', nameOf(certificate.subject)),
      ...named('issuer', nameOf(certificate.issuer)),
      serialNumber: Buffer.from(certificate.serialNumber.valueBlock.valueHexView).toString('hex'),
      ...(signedAt === undefined ? {} : { signedAt: signedAt.toISOString() }),
    }
  } catch {
    return { ...nothing, coversWholeFile }
  }
}

/**
 * What was signed: all before and all after the signature's own hex string, and nothing else left out (ISO 32000-2
 * §12.8.1). A wider gap is where a forger would put another content.
 */
function coverage({ byteRange, contents }: RawSignature, file: Uint8Array) {
  const [start, firstLength, next, lastLength] = byteRange
  if (byteRange.length !== 4 || start === undefined || firstLength === undefined) return undefined
  if (next === undefined || lastLength === undefined || start !== 0) return undefined
  if (firstLength <= 0 || lastLength <= 0 || next <= firstLength || next + lastLength > file.length) return undefined
  const gap = Buffer.from(file.subarray(firstLength, next)).toString('latin1')
  if (!/^<[0-9A-Fa-f]+>$/.test(gap) || !Buffer.from(gap.slice(1, -1), 'hex').equals(contents)) return undefined
  const signed = new Uint8Array(firstLength + lastLength)
  signed.set(file.subarray(0, firstLength))
  signed.set(file.subarray(next, next + lastLength), firstLength)
  return { coversWholeFile: next + lastLength === file.length, signed: signed.buffer }
}

async function isTrusted(
  certificate: Certificate,
  { content, anchors, at }: { content: SignedData; anchors: readonly Certificate[]; at: Date | undefined },
): Promise<boolean> {
  if (at === undefined || anchors.length === 0) return false
  const others = (content.certificates ?? []).filter((one) => one instanceof Certificate && one !== certificate)
  const engine = new CertificateChainValidationEngine({
    // The end of the list is what is to be validated.
    certs: [...(others as Certificate[]), certificate], // each one is, as filtered
    trustedCerts: [...anchors],
    checkDate: at,
  })
  const { result } = await engine.verify().catch(() => ({ result: false }))
  return result
}

/** SHA-256, -384, -512. */
const strongHashes = new Set(['2.16.840.1.101.3.4.2.1', '2.16.840.1.101.3.4.2.2', '2.16.840.1.101.3.4.2.3'])

/** CMS's signing time (RFC 5652 §11.3). */
function signingTime(
  attributes: readonly { readonly type: string; readonly values: readonly unknown[] }[],
): Date | undefined {
  const value = attributes.find(({ type }) => type === '1.2.840.113549.1.9.5')?.values[0]
  if (typeof value !== 'object' || value === null || !('toDate' in value) || typeof value.toDate !== 'function')
    return undefined
  const at: unknown = value.toDate()
  return at instanceof Date && !Number.isNaN(at.getTime()) ? at : undefined
}

/** `D:20260115093000+07'00'` (ISO 32000-2 §7.9.4). */
function pdfTime(text: string): Date | undefined {
  const match = /^D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:Z|([+-])(\d\d)'?(\d\d)?)?/.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour, minute, second, sign, offsetHour = '00', offsetMinute = '00'] = match
  const zone = sign === undefined ? 'Z' : `${sign}${offsetHour}:${offsetMinute}`
  const at = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`)
  return Number.isNaN(at.getTime()) ? undefined : at
}

interface Names {
  readonly typesAndValues: readonly { readonly type: string; readonly value: { readonly valueBlock: unknown } }[]
}

/** The common name, else the organisation. */
function nameOf({ typesAndValues }: Names): string | undefined {
  for (const wanted of ['2.5.4.3', '2.5.4.10']) {
    const block = typesAndValues.find(({ type }) => type === wanted)?.value.valueBlock
    if (typeof block === 'object' && block !== null && 'value' in block && typeof block.value === 'string')
      return block.value.replace(/\p{Cc}/gu, '').slice(0, 200)
  }
  return undefined
}

function named(key: 'signer' | 'issuer', name: string | undefined) {
  return name === undefined ? {} : { [key]: name }
}

function certificateOf(pem: string): Certificate {
  return Certificate.fromBER(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'))
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

// Last, since the constants above must be there. The whole thread is one check; its starter terminates it.
parentPort?.postMessage(await report(workerData as Work)) // what createPdfSignatureCheck gives
