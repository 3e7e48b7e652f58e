import { type DatedCode, noteDoubledCodes, readTableDocument, refuseMistakes } from './table-document.ts'
import { includes } from './validity.ts'

/** One form of a procedure’s code. */
export interface ProcedureCodeForm extends DatedCode {
  /** Whether the national portal takes this form in `MaTTHC`. */
  readonly knownToPortal: boolean
}

/** One administrative procedure under all codes it goes by. */
export interface ProcedureEntry {
  readonly nationalCode: string
  readonly name: string
  readonly sectorCode: string
  readonly sectorName: string
  readonly codes: readonly ProcedureCodeForm[]
}

/** What a code meant at a moment. */
export interface ResolvedProcedure {
  readonly procedure: ProcedureEntry
  /** What to write in `MaTTHC`: the code itself where the portal knows that form, the national code otherwise. */
  readonly portalCode: string
}

/** The mapping table of procedure codes; a code is looked up in it and never cut apart (wire-formats 2.4). */
export interface Procedures {
  readonly procedures: readonly ProcedureEntry[]
  resolveProcedure(code: string, atMs: number): ResolvedProcedure | undefined
}

/** Builds the resolver from a table’s JSON text. Throws an Error that lists every mistake in it. */
export function readProcedures(json: string): Procedures {
  const procedures = proceduresIn(json)
  const byCode = new Map<string, { readonly procedure: ProcedureEntry; readonly form: ProcedureCodeForm }[]>()
  for (const procedure of procedures) {
    for (const form of procedure.codes) {
      byCode.set(form.code, [...(byCode.get(form.code) ?? []), { procedure, form }])
    }
  }
  return {
    procedures,
    resolveProcedure(code, atMs) {
      const found = byCode.get(code)?.find(({ form }) => includes(form, atMs))
      if (found === undefined) return undefined
      const { procedure, form } = found
      return { procedure, portalCode: form.knownToPortal ? form.code : procedure.nationalCode }
    },
  }
}

function proceduresIn(json: string): readonly ProcedureEntry[] {
  const document = readTableDocument(json)
  const rows = document.rows('procedures').map((row) => {
    const procedure: ProcedureEntry = {
      nationalCode: row.text('nationalCode'),
      name: row.text('name'),
      sectorCode: row.text('sectorCode'),
      sectorName: row.text('sectorName'),
      codes: row.items('codes').map((item) => {
        const form = { ...item.datedCode(), knownToPortal: item.isTrue('knownToPortal') }
        item.closed()
        return form
      }),
    }
    row.closed()
    return { place: row.place, id: procedure.nationalCode, ...procedure }
  })
  noteDoubledCodes(document, rows)
  const nationalCodes = new Set<string>()
  for (const row of rows) {
    if (nationalCodes.has(row.nationalCode)) document.note(`${row.place}/nationalCode`, 'is doubled')
    nationalCodes.add(row.nationalCode)
  }
  refuseMistakes('procedures', document)
  return rows.map(({ place: _, id: __, ...procedure }) => procedure)
}
