/** One row of an answer, as the portal wrote it (wire-formats 1.5). */
export type Row = Readonly<Record<string, unknown>>

/** What we read of a procedure; its whole record stays on the shelf. */
export interface Procedure {
  readonly code: string
  readonly name?: string
  readonly sectorCode?: string
  readonly sectorName?: string
  /** Who publishes it (`MACOQUANCONGBO`). */
  readonly agency?: string
  readonly updatedAtMs: number
}

/** Reads what a record says of a procedure; the list's row, which says little, is one too. */
export function procedureOf(code: string, record: unknown, updatedAtMs: number): Procedure {
  const name = textIn(record, 'TENTTHC')
  const agency = textIn(record, 'MACOQUANCONGBO')
  // The first sector is the one that dossiers name (OpenCPS).
  const [sector] = rowsIn(isRow(record) ? record.LINHVUCTHUCHIEN : undefined)
  const sectorCode = textIn(sector, 'MALINHVUC')
  const sectorName = textIn(sector, 'TENLINHVUC')
  return {
    code,
    ...(name === undefined ? {} : { name }),
    ...(agency === undefined ? {} : { agency }),
    ...(sectorCode === undefined ? {} : { sectorCode }),
    ...(sectorName === undefined ? {} : { sectorName }),
    updatedAtMs,
  }
}

/** The objects of a list; nothing when it is none. */
export function rowsIn(value: unknown): readonly Row[] {
  return Array.isArray(value) ? value.filter(isRow) : []
}

/** A code: printable, without spaces, not long. */
export function codeIn(row: unknown, key: string): string | undefined {
  const code = textIn(row, key)
  return code !== undefined && /^\S{1,100}$/.test(code) ? code : undefined
}

/** A filled text no longer than the longest name; `undefined` for anything else. */
export function textIn(row: unknown, key: string): string | undefined {
  const value = isRow(row) ? row[key] : undefined
  return typeof value === 'string' && value.trim() !== '' && value.length <= 4_000 ? value : undefined
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
