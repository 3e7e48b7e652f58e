import { readdirSync, readFileSync } from 'node:fs'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { formats } from './formats.ts'

type Schema = Readonly<Record<string, unknown>>

/** One way in which a document breaks its contract; never holds a value from the document. */
export interface ContractViolation {
  /** JSON Pointer into the document; empty for the document itself. */
  readonly field: string
  /** The schema keyword, e.g. `required`. */
  readonly rule: string
  readonly message: string
}

/** Every contract, compiled. */
export interface Contracts {
  /** Message types, and `<partner>/<name>` for what partners say. */
  readonly names: readonly string[]
  has(name: string): boolean
  /** Empty when the document satisfies the contract; otherwise the first violation. Throws for a name that is no contract. */
  violations(name: string, document: unknown): readonly ContractViolation[]
  /** The contract as one self-contained JSON Schema 2020-12. Throws for a name that is no contract. */
  schema(name: string): Schema
}

/** Reads and compiles every contract beside this file. */
export function loadContracts(): Contracts {
  const { parts, contracts } = readContracts()
  // No `allErrors`: it lets a hostile document buy work (threats §2). `$data` stays off, which is ajv's default.
  // `validateSchema` would compile the meta-schema at every start (60 ms); a test does it instead.
  const ajv = new Ajv2020({
    strict: true,
    allowUnionTypes: true,
    meta: false,
    code: { optimize: false },
    inlineRefs: false,
    validateSchema: false,
    formats,
  })
  for (const schema of parts) ajv.addSchema(schema)
  for (const schema of contracts.values()) ajv.addSchema(schema)
  const validators = new Map<string, ValidateFunction>()
  for (const [name, schema] of contracts) validators.set(name, ajv.compile(schema))
  const known = <Value>(map: ReadonlyMap<string, Value>, name: string): Value => {
    const value = map.get(name)
    if (value === undefined) throw new Error(`There is no contract ${name}`)
    return value
  }
  return {
    names: [...contracts.keys()],
    has: (name) => contracts.has(name),
    violations(name, document) {
      const validate = known(validators, name)
      return validate(document) ? [] : (validate.errors ?? []).slice(0, 1).map(violationOf)
    },
    schema: (name) => selfContained(known(contracts, name), parts),
  }
}

/** The schemas as they lie on disk: shared parts, and contracts by name. */
export function readContracts(): {
  readonly parts: readonly Schema[]
  readonly contracts: ReadonlyMap<string, Schema>
} {
  const parts: Schema[] = []
  const contracts = new Map<string, Schema>()
  for (const { folder, prefix } of [{ folder: 'canonical', prefix: '' }, ...partners()]) {
    const at = new URL(`./${folder}/`, import.meta.url)
    for (const file of readdirSync(at).sort()) {
      if (!file.endsWith('.schema.json')) continue
      // The files are ours and a test compiles each of them.
      const schema = JSON.parse(readFileSync(new URL(file, at), 'utf8')) as Schema
      const name = prefix + file.slice(0, -'.schema.json'.length)
      if (file.startsWith('parts.')) parts.push(schema)
      else contracts.set(name, schema)
    }
  }
  return { parts, contracts }
}

/** The partners' folders, and what the names of their contracts begin with. */
export function partners(): readonly { readonly folder: string; readonly prefix: string }[] {
  return readdirSync(new URL('./partners/', import.meta.url), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .map((name) => ({ folder: `partners/${name}`, prefix: `${name}/` }))
}

/** One schema with the shared parts it refers to in its own `$defs`. */
export function selfContained(schema: Schema, parts: readonly Schema[]): Schema {
  const defs = new Map<string, unknown>()
  const refs = new Map<string, string>()
  const local = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(local)
    if (node === null || typeof node !== 'object') return node
    return Object.fromEntries(
      Object.entries(node).map(([key, value]) =>
        key === '$ref' && typeof value === 'string' ? [key, take(value)] : [key, local(value)],
      ),
    )
  }
  const take = (ref: string): string => {
    const [id = '', pointer = ''] = ref.split('#')
    const name = pointer.split('/').at(-1) ?? ''
    if ((refs.get(name) ?? ref) !== ref) throw new Error(`Two parts are named ${name}`)
    if (!defs.has(name)) {
      refs.set(name, ref)
      const part = parts.find((candidate) => candidate.$id === id)
      const found = (part?.$defs as Readonly<Record<string, unknown>> | undefined)?.[name]
      if (found === undefined) throw new Error(`Nothing is defined at ${ref}`)
      defs.set(name, undefined)
      defs.set(name, local(found))
    }
    return `#/$defs/${name}`
  }
  const own = local(schema) as Schema
  return defs.size === 0 ? own : { ...own, $defs: Object.fromEntries([...defs].sort(([a], [b]) => (a < b ? -1 : 1))) }
}

function violationOf(error: ErrorObject): ContractViolation {
  const at = (name: unknown) => `${error.instancePath}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
  const rule = error.keyword
  switch (rule) {
    case 'required':
      return { field: at(error.params.missingProperty), rule, message: 'is missing' }
    case 'additionalProperties':
      // The unknown name comes from the document, so it is cut short and kept out of the message.
      return {
        field: at(String(error.params.additionalProperty).slice(0, 100)),
        rule,
        message: 'is not part of this contract',
      }
    case 'enum':
      return {
        field: error.instancePath,
        rule,
        message: `must be one of ${(error.params.allowedValues as readonly unknown[]).map((value) => JSON.stringify(value)).join(', ')}`,
      }
    case 'const':
      return { field: error.instancePath, rule, message: `must be ${JSON.stringify(error.params.allowedValue)}` }
    case 'format':
      return { field: error.instancePath, rule, message: `must be a real ${String(error.params.format)}` }
    default:
      return { field: error.instancePath, rule, message: error.message ?? 'is not allowed' }
  }
}
