import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'

type Answer = (error: null, addresses: readonly { readonly address: string; readonly family: number }[]) => void

/** A connector whose names resolve as told, one answer after the other, and a server of 127.0.0.1 behind it. */
async function stageOf(t: Test, answers: readonly (readonly string[])[], insideNetwork: boolean) {
  const asked: string[] = []
  let connections = 0
  const lookup = (name: string, _options: unknown, answer: Answer) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? []
    asked.push(name)
    answer(
      null,
      addresses.map((address) => ({ address, family: 4 })),
    )
  }
  const { guardedConnector } = await t.mockImport<typeof import('../../gateway/transports/guarded-connector.ts')>(
    '../../gateway/transports/guarded-connector.ts',
    { 'node:dns': { lookup } },
  )
  const server: Server = createServer((_request, response) => response.end('x'))
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const dispatcher = new Agent({ connect: guardedConnector({ connectTimeoutMs: 1_000, insideNetwork }) })
  t.teardown(async () => {
    await dispatcher.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo // it listens on TCP
  const get = () => request(`http://kho-tep.example:${port}/`, { dispatcher })
  return { get, asked, connections: () => connections }
}

t.test('a name that changes its address after the check is connected to where it was checked', async (t) => {
  const { get, asked, connections } = await stageOf(t, [['127.0.0.1'], ['169.254.169.254']], true)
  const { statusCode, body } = await get()
  await body.dump()
  t.equal(statusCode, 200)
  t.equal(asked.length, 1, 'it is resolved once, and never again on the way to the socket')
  t.equal(connections(), 1)
})

t.test('a name one of whose addresses is inside is not connected to at all', async (t) => {
  for (const answer of [['127.0.0.1'], ['8.8.8.8', '127.0.0.1'], []]) {
    const { get, connections } = await stageOf(t, [answer], false)
    await t.rejects(get(), { message: 'the address is forbidden' }, String(answer))
    t.equal(connections(), 0)
  }
})
