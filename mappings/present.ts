/** An object’s members without those that are undefined: absence is one thing (style.md rule 9). */
export type Present<Members> = {
  readonly [Name in keyof Members as undefined extends Members[Name] ? never : Name]: Members[Name]
} & {
  readonly [Name in keyof Members as undefined extends Members[Name] ? Name : never]?: Exclude<Members[Name], undefined>
}

/** Leaves out what is undefined. */
export function present<Members extends object>(members: Members): Present<Members> {
  // The filter makes it so: what may be undefined is left out where it is.
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Present<Members>
}

/** The same, and `undefined` when nothing is left. */
export function presentAny<Members extends object>(members: Members): Present<Members> | undefined {
  const left = present(members)
  return Object.keys(left).length === 0 ? undefined : left
}

/** The list, or `undefined` when it is empty. */
export function presentList<Item>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length === 0 ? undefined : items
}
