import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { request } from 'undici'

interface Teardown {
  teardown(end: () => unknown): unknown
}

function start(test: Teardown, name: string, args: readonly string[] = []): ChildProcess {
  const main = join(import.meta.dirname, '../../simulators', name, 'main.ts')
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  test.teardown(() => child.kill('SIGKILL'))
  return child
}

async function readyLine(child: ChildProcess): Promise<Record<string, unknown>> {
  if (!child.stdout) throw new Error('stdout is piped')
  for await (const line of createInterface(child.stdout)) return JSON.parse(line)
  throw new Error('it ended without a ready line')
}

for (const system of ['national-portal', 'one-window']) {
  t.test(`${system} says where it listens, answers there and ends when told`, async (t) => {
    const child = start(t, system, ['--fault', 'slow:0.1', '--latency-ms', '0'])
    const ready = await readyLine(child)
    t.match(ready, { system, port: Number, url: `http://127.0.0.1:${ready.port}` })
    if (system === 'one-window') t.match(ready, { inbox: /\/inbox$/, publicJwk: { kty: 'EC', kid: /^demo-/ } })
    const health = await request(`${ready.url}/_sim/health`)
    t.match(await health.body.json(), { status: 'ok', system })
    child.kill('SIGTERM')
    t.same(await once(child, 'exit'), [0, null])
  })

  t.test(`${system} explains a wrong command line`, async (t) => {
    for (const args of [
      ['--prot', '1'],
      ['--port', 'x'],
      ['--fault', 'meteor'],
    ]) {
      const child = start(t, system, args)
      let text = ''
      child.stderr?.setEncoding('utf8').on('data', (part) => {
        text += part
      })
      t.same(await once(child, 'close'), [2, null], args.join(' '))
      t.match(text, /--port N/)
    }
  })
}

t.test('the portal reads its catalogue from a file', async (t) => {
  const catalogue = { procedures: [{ MaTTHC: '1.000001', TENTTHC: 'Thủ tục mẫu' }], agencies: [], sectors: [] }
  const folder = t.testdir({ 'catalogue.json': JSON.stringify(catalogue), 'broken.json': '{"procedures":[]}' })
  const child = start(t, 'national-portal', ['--data', join(folder, 'catalogue.json'), '--codes', 'double-zero'])
  const { url } = await readyLine(child)
  const post = async (path: string, document: unknown) => {
    const answer = await request(`${url}/XrdAdapter/RestService/forward/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', dstcode: 'VN:GOV:000.00.00.G22:vpcpdvcprovider' },
      body: JSON.stringify(document),
    })
    // What the portal answers is an object; the test looks at it with t.match.
    return (await answer.body.json()) as Record<string, unknown>
  }
  const { session } = await post('mapi/login', { username: 'h47-demo', password: 'demo-only' })
  t.match(await post('mapi/g', { session, madonvi: 'H47', service: 'LayDanhSachTTHC' }), {
    error_code: '00',
    result: [{ MATTHC: '1.000001', TENTTHC: 'Thủ tục mẫu' }],
  })
  const broken = start(t, 'national-portal', ['--data', join(folder, 'broken.json')])
  t.same(await once(broken, 'exit'), [2, null])
})
