/** One code list of a partner: its codes and our names for them, both ways. */
export interface CodeTable<Code extends string, Name extends string> {
  /** Where the list was read. */
  readonly source: string
  readonly rows: readonly CodeRow<Code, Name>[]
  /** `undefined` for a code that is not in the list. */
  nameOf(code: string): Name | undefined
  /** `undefined` for a name the partner has no code for. */
  codeOf(name: string): Code | undefined
}

export interface CodeRow<Code extends string, Name extends string> {
  readonly code: Code
  readonly name: Name
  /** What an officer reads. */
  readonly vietnamese: string
}

/** Builds the look-ups of one list. Throws when a code or a name stands in it twice. */
export function codeTable<const Code extends string, const Name extends string>(
  source: string,
  rows: readonly CodeRow<Code, Name>[],
): CodeTable<Code, Name> {
  const names = new Map<string, Name>(rows.map((row) => [row.code, row.name]))
  const codes = new Map<string, Code>(rows.map((row) => [row.name, row.code]))
  if (names.size !== rows.length || codes.size !== rows.length) throw new Error(`A row is doubled in: ${source}`)
  return { source, rows, nameOf: (code) => names.get(code), codeOf: (name) => codes.get(name) }
}
