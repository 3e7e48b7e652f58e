import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { SignedXml } from 'xml-crypto'
import { readXml } from '../gateway/envelopes/xml-gate.ts'
import { signXml, verifyXml } from '../gateway/envelopes/xml-signature.ts'
import type { EnvelopeRate } from './envelopes-jose.ts'
import { rounded } from './measurement.ts'

/**
 * XML signatures, enveloped, RSA-2048 with SHA-256: beside the bare signature over a SignedInfo, and beside xml-crypto.
 * Verifying is all of it, from the bytes that arrived through the gate to the canonical bytes a mapping is given.
 */
export async function xmlRates({ isQuick }: { readonly isQuick: boolean }): Promise<readonly EnvelopeRate[]> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = { privateKey, algorithm: 'RSA-SHA256' } as const
  const expected = { keys: [{ id: 'bench', publicKey }] }
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const rates: EnvelopeRate[] = []
  for (const sizeBytes of [1024, 10_240, 102_400]) {
    const document = documentOf(sizeBytes)
    const bytes = Buffer.from(document)
    const signed = signXml(bytes, { key })
    const text = signed.toString()
    const signature = /<ds:Signature .*<\/ds:Signature>/.exec(text)?.[0] ?? ''
    const signedInfo = Buffer.from(/<ds:SignedInfo .*<\/ds:SignedInfo>/.exec(signature)?.[0] ?? '')
    const seal = sign('sha256', signedInfo, privateKey)
    const isSmall = sizeBytes === 1024
    const signing = compare(isQuick, {
      ours: () => signXml(bytes, { key }),
      bare: () => sign('sha256', signedInfo, privateKey),
      library: () => signedByLibrary(document, privatePem),
    })
    rates.push({
      operation: 'XML sign',
      sizeBytes,
      ...signing,
      ...(isSmall && { leastShare: 0.75 }),
    })
    const verifying = compare(isQuick, {
      ours: () => verifyXml(readXml(signed), expected),
      bare: () => verify('sha256', signedInfo, publicKey, seal),
      library: () => verifiedByLibrary(text, { signature, publicPem }),
    })
    rates.push({ operation: 'XML verify', sizeBytes, ...verifying, ...(isSmall && { leastTimes: 8 }) })
  }
  return rates
}

/** Rows as a partner's list has them, with Vietnamese text, attributes and two namespaces. */
function documentOf(sizeBytes: number): string {
  const row = (index: number) =>
    `<hs:HoSo Id="h${index}"><hs:MaHoSo>H47.01-261121-${String(index).padStart(4, '0')}</hs:MaHoSo>` +
    '<hs:ChuHoSo>Nguyễn Văn Thử</hs:ChuHoSo><hs:TrichYeu>Đăng ký biến động đất đai, thửa số 12 &amp; 13</hs:TrichYeu></hs:HoSo>'
  let rows = ''
  for (let index = 0; Buffer.byteLength(rows) < sizeBytes - 150; index += 1) rows += row(index)
  return `<DanhSach xmlns="urn:bench:danh-sach" xmlns:hs="urn:bench:ho-so">${rows}</DanhSach>`
}

const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'

function signedByLibrary(document: string, privateKey: string): string {
  const signer = new SignedXml({
    privateKey,
    signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: exclusive,
  })
  signer.addReference({
    xpath: '/*',
    isEmptyUri: true,
    digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
    transforms: ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', exclusive],
  })
  signer.computeSignature(document)
  return signer.getSignedXml()
}

function verifiedByLibrary(
  text: string,
  { signature, publicPem }: { readonly signature: string; readonly publicPem: string },
): void {
  const verifier = new SignedXml({ publicCert: publicPem })
  verifier.loadSignature(signature)
  if (!verifier.checkSignature(text)) throw new Error('xml-crypto does not accept what we signed')
}

interface Operations {
  readonly ours: () => unknown
  readonly bare: () => unknown
  readonly library: () => unknown
}

/** Turn by turn, so that whatever else the machine does falls on all alike; the median of each counts. */
function compare(
  isQuick: boolean,
  { ours, bare, library }: Operations,
): { readonly ours: number; readonly bare: number; readonly library: number } {
  const operations = [ours, bare, library]
  const forMs = isQuick ? 120 : 400
  const found = operations.map((): number[] => [])
  // WebAssembly is compiled for speed only after it has run for a while.
  for (const operation of operations) perCoreSecond(operation, forMs * 2)
  for (let round = 0; round < (isQuick ? 3 : 7); round += 1) {
    for (const [index, operation] of operations.entries()) found[index]?.push(perCoreSecond(operation, forMs))
  }
  const [our = 0, bareRate = 0, theirs = 0] = found.map(
    (values) => values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN,
  )
  return { ours: rounded(our), bare: rounded(bareRate), library: rounded(theirs) }
}

/** Per second of processor time, whether or not others are busy. */
function perCoreSecond(operation: () => unknown, forMs: number): number {
  const endMs = performance.now() + forMs
  const before = process.cpuUsage()
  let done = 0
  do {
    operation()
    done += 1
  } while (performance.now() < endMs)
  const { user, system } = process.cpuUsage(before)
  return (done / (user + system)) * 1_000_000
}
