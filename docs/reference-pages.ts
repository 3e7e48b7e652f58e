import type { JsonSchema } from '../contracts/configuration.ts'
import { errorTable, retiredCodes } from '../gateway/bus/errors.ts'
import { metricTable } from '../gateway/telemetry/metrics.ts'

/** A page that is written from the code and held to it by `test/drift/reference.test.ts`. */
export interface ReferencePage {
  /** File name under `docs/`. */
  readonly name: string
  readonly text: string
}

/** Every page that `docs/generate.ts` writes. */
export function referencePages(schema: JsonSchema): readonly ReferencePage[] {
  return [
    { name: 'errors.md', text: errorsPage() },
    { name: 'metrics.md', text: metricsPage() },
    { name: 'configuration.md', text: configurationPage(schema) },
  ]
}

const notice = '<!-- Written by `npx node docs/generate.ts`; change the table in the code, not this page. -->'

function errorsPage(): string {
  const rows = Object.entries(errorTable).map(([code, row]) => [
    `\`${code}\``,
    `${row.status}`,
    row.failure,
    row.cause,
    row.sentence,
    row.vietnamese,
  ])
  const retired = Object.entries(retiredCodes).map(([code, version]) => [`\`${code}\``, version])
  return page('Errors', [
    'Every error the gateway gives has one of these codes; a code never changes its meaning. Over HTTP it is an',
    '`application/problem+json` (RFC 9457) whose `type` is `urn:lien-thong:error:<code>`, unless the partner’s own',
    'format has an error form. *Failure* says what a delivery does with it: **transient** is tried again, **ambiguous**',
    'may have been acted on and is looked up, sent again or held as the system’s rules say, **permanent** is held or',
    'dead with its reason, **channel** pauses the whole channel and alerts.',
    '',
    ...table(['Code', 'Status', 'Failure', 'Cause', 'Means', 'Nghĩa là'], rows),
    '',
    '## Retired codes',
    '',
    ...(retired.length === 0 ? ['None.'] : table(['Code', 'Since'], retired)),
  ])
}

function metricsPage(): string {
  const rows = Object.values(metricTable).map((row) => [
    `\`${row.name}\``,
    row.kind,
    row.labels.map((label) => `\`${label}\``).join(' '),
    row.help,
  ])
  return page('Metrics', [
    '`GET /metrics` answers these and the defaults of `prom-client` (`process_*`, `nodejs_*`, the event loop’s lag among',
    'them). Times are seconds. Labels hold names from configuration and code, never anything about a person or a dossier.',
    'Alerts over them are in [`ops/prometheus-rules.yaml`](../ops/prometheus-rules.yaml).',
    '',
    ...table(['Metric', 'Kind', 'Labels', 'Means'], rows),
  ])
}

function configurationPage(schema: JsonSchema): string {
  const systems = schema.properties?.systems
  const withoutSystems = { ...schema, properties: { ...schema.properties, systems: { ...systems, properties: {} } } }
  const sections = Object.entries(systems?.properties ?? {}).flatMap(([name, system]) => [
    '',
    `## systems.${name}`,
    '',
    ...table(['Field', 'Type', 'Default', 'Means'], fieldsOf(system, '')),
  ])
  return page('Configuration', [
    'One JSON file: the path in `LIENTHONG_CONFIG`, else `gateway.json` in the working directory.',
    '`npx lienthong check` reports every mistake in it at once, without starting anything.',
    '',
    '- A *secret* is written as `{ "env": "NAME" }` or `{ "file": "path" }`; a secret in the file itself is refused.',
    '- A *duration* is a number and `ms`, `s`, `m`, `h` or `d`: `"30s"`, `"14d"`.',
    '- Relative paths start at the configuration file’s folder.',
    '- A system with `enabled: false` may be half filled in.',
    '- `environment: "production"` refuses demo keys (`kid` beginning `demo-`), simulators (marked so, or on this',
    '  machine), clear-text (`http:`) addresses and a missing signing key.',
    '',
    '## The gateway',
    '',
    ...table(['Field', 'Type', 'Default', 'Means'], fieldsOf(withoutSystems, '')),
    ...sections,
  ])
}

/** One row per field, a parent before its children; list items as `name[]`, free names as `name.<name>`. */
function fieldsOf(schema: JsonSchema, prefix: string): readonly (readonly string[])[] {
  const required = Array.isArray(schema.required) ? schema.required : []
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
    rowsOf(field, { name: `${prefix}${name}`, isRequired: required.includes(name) }),
  )
  const free = schema.additionalProperties
  return typeof free === 'object' ? [...named, ...rowsOf(free, { name: `${prefix}<name>`, isRequired: false })] : named
}

function rowsOf(field: JsonSchema, at: { readonly name: string; readonly isRequired: boolean }): string[][] {
  const row = [
    `\`${at.name}\`${at.isRequired ? ' **required**' : ''}`,
    typeOf(field),
    isShown(field.default) ? `\`${JSON.stringify(field.default)}\`` : '',
    String(field.description ?? ''),
  ]
  // The inside of a secret or a key is not written in this file.
  if (field['x-secret'] || field['x-key']) return [row]
  const items = field.items?.properties === undefined ? [] : fieldsOf(field.items, `${at.name}[].`)
  return [row, ...[...fieldsOf(field, `${at.name}.`), ...items].map((inner) => [...inner])]
}

/** An empty object as default only means that the defaults within apply. */
function isShown(value: unknown): boolean {
  return value !== undefined && JSON.stringify(value) !== '{}'
}

function typeOf(field: JsonSchema): string {
  if (field['x-secret']) return 'secret'
  if (field['x-key']) return 'public JWK'
  if (field['x-duration']) return 'duration'
  if (field['x-url']) return 'URL'
  if (field['x-path']) return 'path'
  if (field['x-agency']) return 'agency code'
  if (Array.isArray(field.enum)) return field.enum.map((value) => `\`${JSON.stringify(value)}\``).join(' or ')
  if (field.type === 'array') return `list of ${field.items === undefined ? 'anything' : typeOf(field.items)}`
  const bounds = [
    field.minimum === undefined ? '' : `from ${String(field.minimum)}`,
    field.maximum === undefined ? '' : `to ${String(field.maximum)}`,
  ]
  return [String(field.type ?? 'anything'), ...bounds].filter((part) => part !== '').join(' ')
}

function page(title: string, lines: readonly string[]): string {
  return `${[`# ${title}`, '', notice, '', ...lines].join('\n')}\n`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)]
}
