import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { compile } from 'json-schema-to-typescript'
import { partners, readContracts, selfContained } from './loader.ts'

type Schema = Readonly<Record<string, unknown>>

/** The generated files: where each lies beside this one, and its text. A test fails when a file is not what this says. */
export async function generateTypes(): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const { parts, contracts } = readContracts()
  const of = (isWanted: (name: string) => boolean) => [...contracts].filter(([name]) => isWanted(name))
  return Promise.all([
    file('canonical/types.ts', {
      root: 'CanonicalBody',
      map: 'CanonicalBodies',
      contracts: of((name) => !name.includes('/')),
      parts,
    }),
    ...partners().map(({ folder, prefix }) =>
      file(`${folder}/types.ts`, {
        root: 'PartnerDocument',
        map: 'PartnerDocuments',
        contracts: of((name) => name.startsWith(prefix)),
        parts,
      }),
    ),
  ])
}

interface Wanted {
  readonly root: string
  readonly map: string
  readonly contracts: readonly (readonly [string, Schema])[]
  readonly parts: readonly Schema[]
}

async function file(path: string, { root, map, contracts, parts }: Wanted) {
  const defs: Record<string, unknown> = {}
  const named = contracts.map(([name, schema]) => {
    const { $schema: _, $id: __, $defs, ...own } = selfContained(schema, parts)
    Object.assign(defs, bareReferences($defs ?? {}))
    const title = String(own.title)
    defs[title] = bareReferences(own)
    return { name, title }
  })
  const whole = { title: root, anyOf: named.map(({ title }) => ({ $ref: `#/$defs/${title}` })), $defs: defs }
  const compiled = await compile(whole, root, {
    bannerComment: '// Written by `npm run types` from the schemas beside it; never by hand.',
    format: false,
    ignoreMinAndMaxItems: true,
  })
  const lines = named.map(({ name, title }) => `  readonly '${name}': ${title}`)
  const index = `/** The body of each contract, by its name. */\nexport interface ${map} {\n${lines.join('\n')}\n}\n`
  return { path, text: formatted(path, `${readonlyData(compiled)}\n${index}`) }
}

/** A description beside a `$ref` would make the compiler of schemas write the type once more under another name. */
function bareReferences(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(bareReferences)
  if (node === null || typeof node !== 'object') return node
  if ('$ref' in node) return { $ref: node.$ref }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, bareReferences(value)]))
}

/** Data is readonly here (style.md rule 14), which the compiler of schemas does not offer. */
function readonlyData(source: string): string {
  return source
    .split('\n')
    .map((line) =>
      line.replace(/^(\s*)([A-Za-z$_][\w$]*\??: )/, '$1readonly $2').replace(/([:|] |\()(\w+)\[\]/g, '$1readonly $2[]'),
    )
    .join('\n')
}

function formatted(path: string, source: string): string {
  const biome = new URL('../node_modules/.bin/biome', import.meta.url).pathname
  return execFileSync(biome, ['format', `--stdin-file-path=contracts/${path}`], { input: source, encoding: 'utf8' })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { path, text } of await generateTypes()) writeFileSync(new URL(path, import.meta.url), text)
}
