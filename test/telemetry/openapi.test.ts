import { createHash } from 'node:crypto'
import fastify from 'fastify'
import t, { type Test } from 'tap'
import { mountOpenApi, type OpenApiObject, type Operation } from '../../gateway/telemetry/openapi.ts'

const schemas: Readonly<Record<string, OpenApiObject>> = {
  'dossier.received.v1': {
    $id: 'urn:a',
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { owner: { $ref: '#/$defs/owner' }, unit: { $ref: '#/components/schemas/unit' } },
    $defs: { owner: { type: 'string' } },
  },
  unit: { type: 'string' },
  unused: { type: 'string' },
}

const readDoc: Operation = {
  operationId: 'readMessage',
  summary: 'One <message>',
  tags: ['messages'],
  responses: {
    200: {
      description: 'It.',
      content: { 'application/json': { schema: { $ref: '#/components/schemas/dossier.received.v1' } } },
    },
  },
}

function setup(test: Test) {
  const server = fastify()
  test.teardown(() => server.close())
  mountOpenApi(server, {
    title: 'Liên Thông',
    version: '1.0.0',
    description: 'A gateway.',
    url: 'https://gateway.example.vn',
    schema: (name) => schemas[name],
  })
  return server
}

t.test('an address is described from its own doc, its path parameters declared', async (t) => {
  const server = setup(t)
  await server.register(async (scope) => {
    scope.get('/messages/:id', { config: { doc: readDoc } }, async () => '')
  })
  const document = (await server.inject('/openapi.json')).json()
  t.equal(document.openapi, '3.1.0')
  t.match(document.paths['/messages/{id}'], {
    get: { operationId: 'readMessage', parameters: [{ name: 'id', in: 'path', required: true }] },
  })
  t.same(Object.keys(document.paths), ['/docs', '/messages/{id}', '/openapi.json'], 'no HEAD, and itself too')
})

t.test('the schemas that are named come along, re-rooted, with what they name', async (t) => {
  const server = setup(t)
  server.get('/messages/:id', { config: { doc: readDoc } }, async () => '')
  const { schemas: carried } = (await server.inject('/openapi.json')).json().components
  t.same(Object.keys(carried).sort(), ['dossier.received.v1', 'unit'])
  const received = carried['dossier.received.v1']
  t.equal(received.properties.owner.$ref, '#/components/schemas/dossier.received.v1/$defs/owner')
  t.equal(received.$id, undefined)
})

t.test('an address that is not described makes the start fail', async (t) => {
  const server = setup(t)
  t.throws(() => server.get('/secret', async () => ''), /GET \/secret has no config.doc/)
})

t.test('an address can be hidden', async (t) => {
  const server = setup(t)
  server.get('/internal', { config: { doc: false } }, async () => 'here')
  t.equal((await server.inject('/internal')).body, 'here')
  t.equal((await server.inject('/openapi.json')).json().paths['/internal'], undefined)
})

t.test('an operation id names one operation', async (t) => {
  const server = setup(t)
  server.get('/a', { config: { doc: readDoc } }, async () => '')
  t.throws(() => server.get('/b', { config: { doc: readDoc } }, async () => ''), /operationId readMessage is taken/)
})

t.test('a schema that is nowhere makes the start fail', async (t) => {
  const server = setup(t)
  const doc = { ...readDoc, requestBody: { schema: { $ref: '#/components/schemas/nowhere' } } }
  server.get('/a', { config: { doc } }, async () => '')
  await t.rejects(async () => await server.ready(), /nowhere is described nowhere/)
})

t.test('the page is whole in itself: no script, nothing loaded, its one style known by digest', async (t) => {
  const server = setup(t)
  server.get('/messages/:id', { config: { doc: readDoc } }, async () => '')
  const answer = await server.inject('/docs')
  t.equal(answer.statusCode, 200)
  const policy = String(answer.headers['content-security-policy'])
  const style = /<style>([\s\S]*)<\/style>/.exec(answer.body)?.[1] ?? ''
  t.match(policy, `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`)
  t.match(policy, "default-src 'none'")
  t.notMatch(answer.body, /<script|<link|<img|src=|@import|url\(/)
  t.match(answer.body, 'One &lt;message&gt;')
  t.match(answer.body, '/messages/{id}')
})
