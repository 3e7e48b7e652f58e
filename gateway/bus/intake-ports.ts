/** What a receipt says; fixed before the write, so that the signed bytes can be part of it. */
export interface ReceiptClaims {
  readonly messageId: string
  readonly type: string
  readonly source: string
  /** The dossier code as the sender gave it. */
  readonly subject: string
  readonly bodyDigest: string
  readonly originalDigest?: string
  readonly acceptedAtMs: number
}

/** Signs receipts with the gateway's key; answers a compact JWS. */
export interface ReceiptSigner {
  sign(claims: ReceiptClaims): Promise<string>
}

/** One way in which a document breaks its contract. */
export interface Violation {
  /** JSON Pointer into the document; empty for the document itself. */
  readonly field: string
  /** The schema keyword, e.g. `required`. */
  readonly rule: string
  /** Without values from the document. */
  readonly message: string
}

/** The contracts, as `contracts/loader.ts` offers them. */
export interface ContractBook {
  has(name: string): boolean
  /** Empty when the document satisfies the contract. */
  violations(name: string, document: unknown): readonly Violation[]
}
