import { createHash } from 'node:crypto'
import type { FastifyInstance, RouteOptions } from 'fastify'

/** A JSON Schema, or any other object of an OpenAPI document. */
export type OpenApiObject = Readonly<Record<string, unknown>>

/** An OpenAPI 3.1 operation; a schema named `{ $ref: '#/components/schemas/<name>' }` is looked up and carried along. */
export interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly OpenApiObject[]
  readonly requestBody?: OpenApiObject
  readonly responses: Readonly<Record<string, OpenApiObject>>
  readonly security?: readonly OpenApiObject[]
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What `/openapi.json` says of this address; `false` leaves it out. */
    doc?: Operation | false
  }
}

export interface OpenApiOptions {
  readonly title: string
  readonly version: string
  readonly description: string
  /** Where partners reach the gateway. */
  readonly url: string
  /** The schema of a component by its name; `/` in a contract's name is written `.` here. */
  readonly schema: (name: string) => OpenApiObject | undefined
  readonly securitySchemes?: OpenApiObject
}

/**
 * Describes every address mounted after this call at `/openapi.json` and, for people, at `/docs`.
 * An address without `config.doc` makes the start fail: what is not described is not public.
 */
export function mountOpenApi(server: FastifyInstance, options: OpenApiOptions): void {
  const paths = new Map<string, Map<string, Operation>>()
  const operationIds = new Set<string>()
  server.addHook('onRoute', (route) => {
    for (const method of methodsOf(route)) {
      const doc = route.config?.doc
      const address = `${method.toUpperCase()} ${route.url}`
      if (doc === false) continue
      if (doc === undefined) throw new Error(`${address} has no config.doc; describe it, or hide it with false`)
      if (operationIds.has(doc.operationId)) throw new Error(`${address}: operationId ${doc.operationId} is taken`)
      operationIds.add(doc.operationId)
      const path = templateOf(route.url)
      paths.set(path, (paths.get(path) ?? new Map()).set(method, withPathParameters(path, doc)))
    }
  })

  let document: OpenApiObject | undefined
  let page = ''
  server.addHook('onReady', async () => {
    document = openApiDocument(paths, options)
    page = htmlPage(document)
  })
  server.get('/openapi.json', { config: { doc: documentDoc } }, async (_request, reply) => reply.send(document))
  server.get('/docs', { config: { doc: pageDoc } }, async (_request, reply) =>
    reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', contentSecurityPolicy)
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .send(page),
  )
}

const documentDoc: Operation = {
  operationId: 'openApiDocument',
  summary: 'This description, for programs',
  tags: ['description'],
  responses: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } } },
}

const pageDoc: Operation = {
  operationId: 'openApiPage',
  summary: 'This description, for people',
  tags: ['description'],
  responses: { 200: { description: 'A page.', content: { 'text/html': { schema: { type: 'string' } } } } },
}

/** Fastify adds a HEAD to every GET; it says nothing new. */
function methodsOf(route: RouteOptions): readonly string[] {
  const methods = Array.isArray(route.method) ? route.method : [route.method]
  return methods.map((method) => method.toLowerCase()).filter((method) => method !== 'head')
}

/** `/messages/:id` → `/messages/{id}`. */
function templateOf(url: string): string {
  return url.replace(/:(\w+)(\([^)]*\))?/g, '{$1}').replace(/\*$/, '{path}')
}

/** OpenAPI demands that every parameter in a path is declared; a plain text one need not be written out. */
function withPathParameters(path: string, doc: Operation): Operation {
  const declared = new Set(doc.parameters?.filter((item) => item.in === 'path').map((item) => item.name))
  const missing = [...path.matchAll(/\{(\w+)\}/g)]
    .map(([, name]) => name)
    .filter((name) => !declared.has(name))
    .map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
  const parameters = [...(doc.parameters ?? []), ...missing]
  return parameters.length === 0 ? doc : { ...doc, parameters }
}

function openApiDocument(
  paths: ReadonlyMap<string, ReadonlyMap<string, Operation>>,
  options: OpenApiOptions,
): OpenApiObject {
  const sorted = [...paths].sort(([a], [b]) => (a < b ? -1 : 1))
  const described = Object.fromEntries(sorted.map(([path, operations]) => [path, Object.fromEntries(operations)]))
  return {
    openapi: '3.1.0',
    info: { title: options.title, version: options.version, description: options.description },
    servers: [{ url: options.url }],
    paths: described,
    components: {
      schemas: componentsOf(described, options.schema),
      ...(options.securitySchemes && { securitySchemes: options.securitySchemes }),
    },
  }
}

const componentPrefix = '#/components/schemas/'

function componentsOf(described: unknown, schema: OpenApiOptions['schema']): OpenApiObject {
  const components: Record<string, unknown> = {}
  const open = [...refsIn(described)]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (Object.hasOwn(components, name)) continue
    const found = schema(name)
    if (found === undefined) throw new Error(`${componentPrefix}${name} is described nowhere`)
    components[name] = embedded(found, name)
    open.push(...refsIn(components[name]))
  }
  return components
}

function* refsIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return
  for (const [name, inner] of Object.entries(value)) {
    if (name === '$ref' && typeof inner === 'string' && inner.startsWith(componentPrefix)) {
      yield inner.slice(componentPrefix.length).split('/')[0] ?? ''
    } else yield* refsIn(inner)
  }
}

/** Within the document a schema is no longer its own root: its identity goes, its inner references are re-rooted. */
function embedded(schema: OpenApiObject, name: string): unknown {
  const rerooted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rerooted)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) =>
        key === '$ref' && typeof inner === 'string' && /^#(\/(?!components\/)|$)/.test(inner)
          ? [key, `${componentPrefix}${name}${inner.slice(1)}`]
          : [key, rerooted(inner)],
      ),
    )
  }
  const { $id: _id, $schema: _schema, ...rest } = schema
  return rerooted(rest)
}

const style = `body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1b1b}
h2{margin-top:2rem;border-bottom:1px solid #ccc}details{border:1px solid #ddd;border-radius:4px;margin:.5rem 0;padding:.5rem .75rem}
summary{cursor:pointer}code,pre{font:14px/1.45 ui-monospace,monospace}pre{background:#f6f6f6;padding:.75rem;overflow:auto}
.method{display:inline-block;min-width:4rem;font-weight:700}table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}`

/** Nothing but our own style sheet, known by its digest; no script, no frame, no request to anywhere. */
const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

interface Described {
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: OpenApiObject }
}

function htmlPage(document: OpenApiObject): string {
  const { info, paths, components } = document as unknown as Described // made by openApiDocument above
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const tags = [...new Set(operations.map(({ operation }) => operation.tags?.[0] ?? 'other'))]
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => (operation.tags?.[0] ?? 'other') === tag)
    return `<h2>${text(tag)}</h2>\n${own.map(operationHtml).join('\n')}`
  })
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<details id="${text(name)}"><summary><code>${text(name)}</code></summary>${json(schema)}</details>`,
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(info.title)}</title><style>${style}</style></head><body>
<h1>${text(info.title)} <small>${text(info.version)}</small></h1>
<p>${text(info.description)}</p><p><a href="openapi.json">openapi.json</a></p>
${sections.join('\n')}
<h2>schemas</h2>
${schemas.join('\n')}
</body></html>
`
}

function operationHtml(entry: {
  readonly path: string
  readonly method: string
  readonly operation: Operation
}): string {
  const { path, method, operation } = entry
  const parameters = (operation.parameters ?? []).map(
    (item) =>
      `<tr><td><code>${text(item.name)}</code></td><td>${text(item.in)}</td><td>${text(item.description ?? '')}</td></tr>`,
  )
  const responses = Object.entries(operation.responses).map(
    ([status, response]) =>
      `<tr><td><code>${text(status)}</code></td><td>${text(response.description ?? '')}</td></tr>`,
  )
  return `<details id="${text(operation.operationId)}"><summary><code class="method">${text(method.toUpperCase())}</code>
<code>${text(path)}</code> ${text(operation.summary)}</summary>
${operation.description === undefined ? '' : `<p>${text(operation.description)}</p>`}
${parameters.length === 0 ? '' : `<h3>Parameters</h3><table>${parameters.join('')}</table>`}
${operation.requestBody === undefined ? '' : `<h3>Body</h3>${json(operation.requestBody)}`}
<h3>Answers</h3><table>${responses.join('')}</table></details>`
}

function json(value: unknown): string {
  return `<pre>${text(JSON.stringify(value, null, 2))}</pre>`
}

function text(value: unknown): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return String(value).replace(/[&<>"]/g, (character) => entities[character] ?? character)
}
