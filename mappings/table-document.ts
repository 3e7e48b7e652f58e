import { isDay, overlaps, type Validity } from './validity.ts'

/** A code and the days on which it is in use. */
export interface DatedCode extends Validity {
  readonly code: string
}

/** Takes a table’s JSON apart and notes everything that is wrong with it, by its place in the file. */
export interface TableDocument {
  readonly mistakes: readonly string[]
  note(place: string, what: string): void
  /** The rows under `name`; only `sources` may stand beside them. */
  rows(name: string): readonly TableRow[]
}

/** One row of a table. A value of the wrong kind is noted and comes back empty. */
export interface TableRow {
  readonly place: string
  text(name: string): string
  optionalText(name: string): string | undefined
  integer(name: string, range: { readonly from: number; readonly to: number }): number
  isTrue(name: string): boolean
  items(name: string): readonly TableRow[]
  /** `code` with `validFrom` and `validTo`. */
  datedCode(): DatedCode
  /** Notes every member that was not asked for. */
  closed(): void
}

/** Reads a table from its JSON text. */
export function readTableDocument(json: string): TableDocument {
  const mistakes: string[] = []
  const note = (place: string, what: string) => {
    mistakes.push(`${place || '/'} ${what}`)
  }
  const root = parsed(json, note)
  return {
    mistakes,
    note,
    rows(name) {
      const top = row(root, { place: '', note })
      const found = top.items(name)
      top.items('sources')
      top.closed()
      return found
    },
  }
}

/** Throws one Error that lists every mistake; does nothing when there is none. */
export function refuseMistakes(name: string, document: TableDocument): void {
  if (document.mistakes.length > 0) throw new Error(`The table of ${name} is wrong: ${document.mistakes.join('; ')}`)
}

/** Notes a code that means two things on the same day. */
export function noteDoubledCodes(
  document: TableDocument,
  owners: readonly { readonly id: string; readonly place: string; readonly codes: readonly DatedCode[] }[],
): void {
  const seen = new Map<string, { readonly id: string; readonly dated: DatedCode }[]>()
  for (const { id, place, codes } of owners) {
    for (const dated of codes) {
      const others = seen.get(dated.code) ?? []
      if (others.some((other) => overlaps(other.dated, dated))) document.note(place, `${dated.code} is doubled`)
      seen.set(dated.code, [...others, { id, dated }])
    }
  }
}

type Note = (place: string, what: string) => void

function parsed(json: string, note: Note): unknown {
  try {
    return JSON.parse(json)
  } catch {
    note('', 'is not JSON')
    return {}
  }
}

function row(value: unknown, { place, note }: { readonly place: string; readonly note: Note }): TableRow {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject) note(place, 'must be an object')
  const members = new Map<string, unknown>(isObject ? Object.entries(value) : [])
  const asked = new Set<string>()
  const at = (name: string) => `${place}/${name}`
  const take = (name: string) => {
    asked.add(name)
    return members.get(name)
  }
  const optionalText = (name: string) => {
    const found = take(name)
    if (found === undefined) return undefined
    if (typeof found === 'string' && found !== '') return found
    note(at(name), 'must be a text that is not empty')
    return undefined
  }
  const day = (name: string) => {
    const found = optionalText(name)
    if (found === undefined || isDay(found)) return found
    note(at(name), 'must be a date of the calendar, yyyy-MM-dd')
    return undefined
  }
  const text = (name: string) => {
    if (!members.has(name)) note(at(name), 'is missing')
    return optionalText(name) ?? ''
  }
  return {
    place,
    text,
    optionalText,
    integer(name, { from, to }) {
      const found = take(name)
      if (typeof found === 'number' && Number.isInteger(found) && found >= from && found <= to) return found
      note(at(name), `must be a whole number from ${from} to ${to}`)
      return from
    },
    isTrue(name) {
      const found = take(name)
      if (typeof found !== 'boolean') note(at(name), 'must be true or false')
      return found === true
    },
    items(name) {
      const found = take(name)
      if (name === 'sources') return []
      if (Array.isArray(found) && found.length > 0) {
        return found.map((item, index) => row(item, { place: `${at(name)}/${index}`, note }))
      }
      note(at(name), 'must be a list that is not empty')
      return []
    },
    datedCode() {
      const code = text('code')
      const validFrom = day('validFrom')
      const validTo = day('validTo')
      if (validFrom !== undefined && validTo !== undefined && validTo < validFrom) note(place, 'ends before it begins')
      return { code, ...(validFrom === undefined ? {} : { validFrom }), ...(validTo === undefined ? {} : { validTo }) }
    },
    closed() {
      for (const name of members.keys()) if (!asked.has(name)) note(at(name), 'is not known here')
    },
  }
}
