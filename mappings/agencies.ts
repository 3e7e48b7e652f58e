import { type DatedCode, noteDoubledCodes, readTableDocument, refuseMistakes } from './table-document.ts'
import { includes } from './validity.ts'

/** One agency: the same body under every code it has or had. */
export interface Agency {
  /** Our key of it in the table; one of its codes, and not a code of its own. */
  readonly id: string
  readonly name: string
  /** 1 for the province itself. A district, historic since 2025-07-01, is a 2 that no longer has a code in use. */
  readonly level: number
  readonly parent?: string
  /** The agency that took over, with its dossiers. */
  readonly successor?: string
  readonly codes: readonly DatedCode[]
}

/** The agencies of the province, by any of their codes. */
export interface Agencies {
  readonly agencies: readonly Agency[]
  /** The agency that had this code at that moment. */
  resolveAgency(code: string, atMs: number): Agency | undefined
  /**
   * Whether who holds the `allowed` codes may speak for an agency that has or had `code`: itself, an agency below it,
   * or one it took over. A code that no agency ever had is refused, whatever is allowed.
   */
  speaksFor(allowed: readonly string[], code: string): boolean
}

/** Builds the resolver from a table’s JSON text. Throws an Error that lists every mistake in it. */
export function readAgencies(json: string): Agencies {
  const agencies = agenciesIn(json)
  const byId = new Map(agencies.map((agency) => [agency.id, agency]))
  const byCode = new Map<string, { readonly agency: Agency; readonly dated: DatedCode }[]>()
  for (const agency of agencies) {
    for (const dated of agency.codes) {
      byCode.set(dated.code, [...(byCode.get(dated.code) ?? []), { agency, dated }])
    }
  }
  const everHad = (code: string) => (byCode.get(code) ?? []).map(({ agency }) => agency)
  /** Whoever may speak for the agency: itself, those above it, those that took it over. */
  const speakers = (agency: Agency): readonly string[] => [
    agency.id,
    ...[agency.parent, agency.successor].flatMap((id) => {
      const above = id === undefined ? undefined : byId.get(id)
      return above === undefined ? [] : speakers(above)
    }),
  ]
  return {
    agencies,
    resolveAgency: (code, atMs) => byCode.get(code)?.find(({ dated }) => includes(dated, atMs))?.agency,
    speaksFor(allowed, code) {
      const allowedIds = new Set(allowed.flatMap(everHad).map(({ id }) => id))
      // A code that two agencies had at different times counts only where the caller may speak for both.
      const meant = everHad(code)
      return meant.length > 0 && meant.every((agency) => speakers(agency).some((id) => allowedIds.has(id)))
    },
  }
}

function agenciesIn(json: string): readonly Agency[] {
  const document = readTableDocument(json)
  const rows = document.rows('agencies').map((row) => {
    const parent = row.optionalText('parent')
    const successor = row.optionalText('successor')
    const agency: Agency = {
      id: row.text('id'),
      name: row.text('name'),
      level: row.integer('level', { from: 1, to: 4 }),
      ...(parent === undefined ? {} : { parent }),
      ...(successor === undefined ? {} : { successor }),
      codes: row.items('codes').map((item) => {
        const dated = item.datedCode()
        item.closed()
        return dated
      }),
    }
    row.closed()
    return { place: row.place, ...agency }
  })
  const byId = new Map(rows.map((row) => [row.id, row]))
  noteDoubledCodes(document, rows)
  for (const row of rows) {
    if (rows.find(({ id }) => id === row.id) !== row) document.note(`${row.place}/id`, `${row.id} is doubled`)
    if (!row.codes.some(({ code }) => code === row.id)) document.note(`${row.place}/id`, 'is not among its codes')
    for (const link of ['parent', 'successor'] as const) {
      const id = row[link]
      if (id !== undefined && !byId.has(id)) document.note(`${row.place}/${link}`, `${id} is not in the table`)
    }
    if (comesBack(row.id, byId)) document.note(row.place, 'is above itself')
  }
  refuseMistakes('agencies', document)
  return rows.map(({ place: _, ...agency }) => agency)
}

/** Whether following parents and successors leads back to the start. */
function comesBack(start: string, byId: ReadonlyMap<string, Agency>): boolean {
  const seen = new Set<string>()
  const next = [start]
  for (let id = next.pop(); id !== undefined; id = next.pop()) {
    const agency = byId.get(id)
    for (const above of [agency?.parent, agency?.successor]) {
      if (above === start) return true
      if (above !== undefined && !seen.has(above)) {
        seen.add(above)
        next.push(above)
      }
    }
  }
  return false
}
