import path from 'node:path'
import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { loadConfig } from '../../config.ts'
import { startGateway } from '../../server.ts'

const operationsPaths = ['/health/live', '/health/ready', '/metrics']

async function started(t: Test, listen: object) {
  const folder = t.testdir({
    'gateway.json': JSON.stringify({
      gateway: { id: 'lien-thong-listeners', url: 'http://127.0.0.1' },
      listen: { port: 0, ...listen },
      dataDir: 'data',
      operators: [{ name: 'an', role: 'viewer', token: { env: 'TOKEN' } }],
    }),
  })
  const config = loadConfig({ path: path.join(folder, 'gateway.json'), env: { TOKEN: 'x'.repeat(32) }, adapters: [] })
  const gateway = await startGateway(config, new Writable({ write: (_chunk, _encoding, done) => done() }))
  t.teardown(() => gateway.stop())
  return gateway
}

const statusOf = async (url: string) => (await fetch(url)).status

t.test('operations with an address of their own are not where partners are', async (t) => {
  const { url, operationsUrl } = await started(t, { operations: { port: 0 } })
  t.not(url, operationsUrl)
  for (const path of operationsPaths) {
    t.equal(await statusOf(`${url}${path}`), 404, path)
    t.equal(await statusOf(`${operationsUrl}${path}`), 200, path)
  }
  t.equal(await statusOf(`${url}/admin/deliveries`), 404)
  t.equal(await statusOf(`${operationsUrl}/admin/deliveries`), 401)
  t.equal(await statusOf(`${url}/.well-known/jwks.json`), 200)
  t.equal(await statusOf(`${operationsUrl}/.well-known/jwks.json`), 404)
  const described = async (at: string) => Object.keys(Object(await (await fetch(`${at}/openapi.json`)).json()).paths)
  t.notOk((await described(url)).some((path) => path.startsWith('/admin') || operationsPaths.includes(path)))
  t.ok((await described(operationsUrl)).includes('/metrics'))
})

t.test('without one they share it', async (t) => {
  const { url, operationsUrl } = await started(t, {})
  t.equal(url, operationsUrl)
  for (const path of operationsPaths) t.equal(await statusOf(`${url}${path}`), 200, path)
})

t.test('partners must know one of the configured names, operators need not', async (t) => {
  const { url, operationsUrl } = await started(t, { hosts: ['lien-thong.example.vn'], operations: { port: 0 } })
  t.equal(await statusOf(`${url}/.well-known/jwks.json`), 421)
  t.equal(await statusOf(`${operationsUrl}/metrics`), 200)
})

t.test('a configured name is answered for', async (t) => {
  const { url } = await started(t, { hosts: ['127.0.0.1'] })
  t.equal(await statusOf(`${url}/.well-known/jwks.json`), 200)
})
