/**
 * The codes of the units a canonical body of this type speaks for, for the door to hold against the sender's credential.
 * Empty for the gateway's own notices. A processing unit is not among them: since NĐ 118/2025 one unit receives for another.
 */
export function unitsNamedBy(type: string, body: unknown): readonly string[] {
  if (!isObject(body)) return []
  const unit = typesThatSpeak.has(type) ? body.receivingUnit : typesThatSign.has(type) ? body.from : undefined
  if (!isObject(unit)) return []
  const { code } = unit
  return typeof code === 'string' ? [code] : []
}

/** The units a dossier belongs to, as a body about it says: who received it and, where it names one by code, who processes it. */
export function dossierUnits(body: unknown): readonly string[] {
  if (!isObject(body)) return []
  return [body.receivingUnit, body.processingUnit].flatMap((unit) =>
    isObject(unit) && typeof unit.code === 'string' ? [unit.code] : [],
  )
}

/** Types whose contract requires a receiving unit. */
const typesThatSpeak: ReadonlySet<string> = new Set([
  'dossier.received.v1',
  'dossier.progressed.v1',
  'result.issued.v1',
  'dossier.submitted.v1',
  'dossier.outcome-reported.v1',
])

/** Types whose contract requires the agency that issued them. */
const typesThatSign: ReadonlySet<string> = new Set(['document.sent.v1', 'document.status-reported.v1'])

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
