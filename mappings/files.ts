/** A canonical file (`submittedFile`, `resultPaper`) as far as its content goes. */
export interface NamedFile {
  readonly name?: string
  readonly url?: string
  readonly contentBase64?: string
  readonly digest?: string
  readonly sizeBytes?: number
  readonly mediaType?: string
}

/** Where a body names a file: a JSON Pointer, and what stands there. */
export interface FilePlace {
  readonly pointer: string
  readonly file: NamedFile
}

/**
 * Every file a canonical body names, in its order. In the canonical contracts `url`, `contentBase64` and `digest` stand in
 * files alone (test/mappings/files.test.ts holds them to it), so a body needs no type to be read.
 */
export function filesIn(body: unknown): readonly FilePlace[] {
  const found: FilePlace[] = []
  walk(body, '', (file, pointer) => {
    found.push({ pointer, file })
    return file
  })
  return found
}

/** The body with other files at the places named; the rest is the same. */
export function withFiles<Body>(body: Body, files: ReadonlyMap<string, unknown>): Body {
  // A file takes a file's place, so the shape stays what it was.
  return walk(body, '', (file, pointer) => files.get(pointer) ?? file) as Body
}

function walk(value: unknown, pointer: string, change: (file: NamedFile, pointer: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item, index) => walk(item, `${pointer}/${index}`, change))
  if (typeof value !== 'object' || value === null) return value
  if (isFile(value)) return change(value, pointer)
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, walk(inner, `${pointer}/${name}`, change)]),
  )
}

function isFile(value: object): value is NamedFile {
  return ['url', 'contentBase64', 'digest'].some((name) => typeof Reflect.get(value, name) === 'string')
}
