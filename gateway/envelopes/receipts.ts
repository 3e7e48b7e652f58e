import { canonicalJson } from '../bus/canonical-json.ts'
import type { ReceiptSigner } from '../bus/intake-ports.ts'
import { jwsTypes, signCompact } from './jws.ts'
import type { Keyring } from './keyring.ts'

/**
 * Signs receipts as compact JWS of type `lienthong-receipt+jwt`. The signed bytes follow from the claims alone
 * (RFC 8785); ECDSA's own randomness makes two signatures of them differ, which is why a receipt is signed once and
 * stored.
 */
export function createReceiptSigner(keyring: Keyring, options: { readonly issuer: string }): ReceiptSigner {
  return {
    async sign(claims) {
      const payload = canonicalJson({
        iss: options.issuer,
        aud: claims.source,
        jti: claims.messageId,
        iat: Math.floor(claims.acceptedAtMs / 1000),
        acceptedAt: new Date(claims.acceptedAtMs).toISOString(),
        type: claims.type,
        subject: claims.subject,
        bodyDigest: claims.bodyDigest,
        originalDigest: claims.originalDigest,
      })
      return await signCompact(keyring.signingKey(), { typ: jwsTypes.receipt, payload })
    },
  }
}
