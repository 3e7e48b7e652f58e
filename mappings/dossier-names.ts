import type { Tables } from './tables.ts'

/** Every name a canonical body gives its dossier beside `dossierCode`. */
export interface DossierNames {
  /** What it can be found by: its receipt number at the receiving unit. Numbers are reused, so they join nothing. */
  readonly aliases: readonly string[]
  /** Codes the sender states to be this very dossier: the filing portal's, the receiving unit's own. */
  readonly sameAs: readonly string[]
}

/** Reads the names out of a body that satisfies its contract. Both forms of a unit's code give the same receipt-number name. */
export function dossierNames(body: unknown, { tables, atMs }: { tables: Tables; atMs: number }): DossierNames {
  if (!isObject(body)) return { aliases: [], sameAs: [] }
  const { receiptNumber, receivingUnit, portalDossierCode, localDossierCode } = body
  const code = isObject(receivingUnit) ? receivingUnit.code : undefined
  const hasNumber = typeof receiptNumber === 'string' && typeof code === 'string'
  const unit = hasNumber ? (tables.resolveAgency(code, atMs)?.id ?? code) : ''
  return {
    aliases: hasNumber ? [`receipt-number:${unit}:${receiptNumber}`] : [],
    sameAs: [portalDossierCode, localDossierCode].filter((other) => typeof other === 'string'),
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
