import type { X509Certificate } from 'node:crypto'
import { type CertificateFields, readCertificateFields } from './certificate-fields.ts'
import { writeOid } from './der.ts'
import type { RevocationList } from './revocation-list.ts'

/** Whom we believe about whose key is whose. */
export interface TrustStore {
  /** Why a chain, leaf first, is not to be believed now; `undefined` when it is. One sentence without names. */
  faultOf(
    chain: readonly X509Certificate[],
    at: { readonly nowMs: number; readonly use: 'sign' | 'encipher' },
  ): string | undefined
  /** Authorities whose list should have been followed by a newer one: what was revoked since is not known. */
  staleLists(nowMs: number): number
}

/**
 * A trust store of root certificates and revocation lists. A list that is past its time still revokes what it names,
 * because an authority that publishes late must not stop the gateway; `staleLists` tells so. A list that no authority
 * of the chain has signed revokes nothing.
 */
export function createTrustStore(roots: readonly X509Certificate[], lists: readonly RevocationList[] = []): TrustStore {
  const known = new Map(roots.map((root) => [root.fingerprint256, root]))
  const isRevoked = (fields: CertificateFields, issuer: X509Certificate): boolean =>
    lists.some(
      (list) => list.issuer === fields.issuer && list.isRevoked(fields.serial) && list.isSignedBy(issuer.publicKey),
    )

  const faultOf: TrustStore['faultOf'] = (chain, { nowMs, use }) => {
    const [leaf, ...between] = chain
    if (leaf === undefined) return 'it has no certificate'
    const usage = readCertificateFields(leaf).keyUsage
    if (usage !== undefined && !(use === 'sign' ? usage.signs : usage.enciphers))
      return 'its certificate is for another purpose'
    let current = leaf
    for (let depth = 0; depth <= maxDepth; depth += 1) {
      const fields = readCertificateFields(current)
      const fault = faultOfOne(current, { fields, nowMs, depth })
      if (fault !== undefined) return fault
      if (known.has(current.fingerprint256)) return undefined
      // A root is looked for first, so that a chain can end early and never has to name it.
      const issuer = [...roots, ...between].find((one) => isIssuer(one, current))
      if (issuer === undefined) return 'its certificate does not lead to a trusted authority'
      if (isRevoked(fields, issuer)) return 'its certificate, or one above it, is revoked'
      if (weakAlgorithms.some((oid) => fields.signatureAlgorithm.startsWith(oid)))
        return 'a certificate of its chain is signed with a broken algorithm'
      current = issuer
    }
    return 'its chain is too long'
  }
  return {
    faultOf,
    staleLists: (nowMs) =>
      lists.filter(({ nextUpdateMs }) => nextUpdateMs !== undefined && nextUpdateMs < nowMs).length,
  }
}

const maxDepth = 6

function faultOfOne(
  certificate: X509Certificate,
  at: { readonly fields: CertificateFields; readonly nowMs: number; readonly depth: number },
): string | undefined {
  if (at.nowMs < certificate.validFromDate.getTime()) return 'a certificate of its chain is not valid yet'
  if (at.nowMs > certificate.validToDate.getTime()) return 'a certificate of its chain has expired'
  if (at.fields.unknownCritical.length > 0) return 'a certificate of its chain has a limit that is not understood'
  const { publicKey } = certificate
  if (publicKey.asymmetricKeyType === 'rsa' && (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < 2048)
    return 'a key of its chain has fewer than 2048 bits'
  if (at.depth === 0) return undefined
  if (!certificate.ca || at.fields.keyUsage?.certifies === false) return 'it was issued by what is no authority'
  // The leaf does not count: depth 1 has no authority below it.
  if (at.fields.pathLength !== undefined && at.depth - 1 > at.fields.pathLength)
    return 'its chain is longer than an authority allows'
  return undefined
}

/** checkIssued compares the names and identifiers; only verify proves it. */
function isIssuer(issuer: X509Certificate, subject: X509Certificate): boolean {
  return (
    issuer.fingerprint256 !== subject.fingerprint256 && subject.checkIssued(issuer) && subject.verify(issuer.publicKey)
  )
}

/** MD5 and SHA-1 with RSA, SHA-1 with ECDSA. */
const weakAlgorithms = ['1.2.840.113549.1.1.4', '1.2.840.113549.1.1.5', '1.2.840.10045.4.1'].map((dotted) =>
  writeOid(dotted).toString('hex'),
)
