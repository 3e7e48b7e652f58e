import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import forge from 'node-forge'
import { readCertificates } from './key-folder.ts'

/** A key as somebody handed it over. */
export interface ImportedKey {
  /** Private when the file held a private key. */
  readonly jwk: Readonly<Record<string, unknown>>
  readonly isPrivate: boolean
  /** Leaf first, in the order of who issued whom. */
  readonly certificates: readonly X509Certificate[]
}

/**
 * Reads a key from JWK, PEM (a key, certificates, or both), PKCS#12 or a DER certificate. It runs when a person adds a
 * key, never on what a partner sends. Throws an Error that says what is wrong and nothing that the file holds.
 */
export function importKey(file: Buffer, passphrase?: string): ImportedKey {
  const text = file.toString('latin1')
  if (text.trimStart().startsWith('{')) return fromJwk(text)
  if (text.includes('-----BEGIN ')) return fromPem(text, passphrase)
  const certificate = parsedOr(() => new X509Certificate(file))
  if (certificate !== undefined) return assemble(undefined, [certificate])
  return fromPkcs12(file, passphrase ?? '')
}

function fromJwk(text: string): ImportedKey {
  const jwk: unknown = parsedOr(() => JSON.parse(text))
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) throw new Error('it is not a JSON Web Key')
  const members: Readonly<Record<string, unknown>> = { ...jwk }
  const isPrivate = members.d !== undefined || members.k !== undefined
  const x5c = Array.isArray(members.x5c) ? members.x5c : []
  const certificates = parsedOr(() => x5c.map((one) => new X509Certificate(Buffer.from(String(one), 'base64'))))
  if (certificates === undefined) throw new Error('its x5c holds what is not a certificate')
  return { jwk: members, isPrivate, certificates }
}

function fromPem(text: string, passphrase: string | undefined): ImportedKey {
  const certificates = parsedOr(() => readCertificates(text))
  if (certificates === undefined) throw new Error('it holds what is not a certificate')
  const [privatePem] = /-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----[^-]+-----END \1-----/.exec(text) ?? []
  if (privatePem !== undefined) {
    const key = parsedOr(() => createPrivateKey({ key: privatePem, ...(passphrase && { passphrase }) }))
    if (key === undefined) throw new Error('its private key cannot be read; is the passphrase right?')
    return assemble(key, certificates)
  }
  const [publicPem] = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/.exec(text) ?? []
  if (publicPem === undefined) return assemble(undefined, certificates)
  const key = parsedOr(() => createPublicKey(publicPem))
  if (key === undefined) throw new Error('its public key cannot be read')
  return assemble(key, certificates)
}

/** node:crypto reads the private key of a bundle, but neither the bundle nor its old ciphers: forge does. */
function fromPkcs12(file: Buffer, passphrase: string): ImportedKey {
  const bags = parsedOr(() => {
    const bundle = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(file.toString('latin1')), passphrase)
    return bundle.safeContents.flatMap(({ safeBags }) => safeBags)
  })
  if (bags === undefined)
    throw new Error('it is no JWK, PEM, certificate or PKCS#12 file, or its (ASCII) passphrase is wrong')
  const { oids } = forge.pki
  const [key, ...more] = bags.filter(({ type }) => type === oids.keyBag || type === oids.pkcs8ShroudedKeyBag)
  if (key === undefined || more.length > 0) throw new Error('it must hold exactly one private key')
  const certificates = bags
    .filter(({ type }) => type === oids.certBag)
    .map(({ cert, asn1 }) => new X509Certificate(derOf(cert ? forge.pki.certificateToAsn1(cert) : asn1)))
  // forge knows RSA alone and leaves every other key as it stood.
  const der = derOf(key.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key.key)) : key.asn1)
  return assemble(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }), certificates)
}

function derOf(asn1: forge.asn1.Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1')
}

function assemble(key: KeyObject | undefined, certificates: readonly X509Certificate[]): ImportedKey {
  const leaf = key === undefined ? leafOf(certificates) : certificates.find((one) => isOf(one, key))
  const subject = key ?? leaf?.publicKey
  if (subject === undefined) throw new Error('it holds neither a key nor a certificate')
  if (key !== undefined && leaf === undefined && certificates.length > 0)
    throw new Error('none of its certificates is of its key')
  const chain = leaf === undefined ? [] : chainFrom(leaf, certificates)
  return { jwk: { ...subject.export({ format: 'jwk' }) }, isPrivate: subject.type === 'private', certificates: chain }
}

/** The certificate that has issued none of the others. */
function leafOf(certificates: readonly X509Certificate[]): X509Certificate | undefined {
  return certificates.find((one) => !certificates.some((other) => other !== one && other.checkIssued(one)))
}

function isOf(certificate: X509Certificate, key: KeyObject): boolean {
  const own = key.type === 'private' ? createPublicKey(key) : key
  return certificate.publicKey.equals(own)
}

function chainFrom(leaf: X509Certificate, certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  const chain = [leaf]
  for (let last = leaf; ; ) {
    const next = certificates.find((one) => !chain.includes(one) && last.checkIssued(one))
    if (next === undefined) return chain
    chain.push(next)
    last = next
  }
}

/** A parser's own message may quote what it read, so it is not kept. */
function parsedOr<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
