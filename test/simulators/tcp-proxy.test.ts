import { once } from 'node:events'
import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import { Client } from 'undici'
import { readWireArgument, startTcpProxy, type WireOrder, wireTroubles } from '../../simulators/tcp-proxy/tcp-proxy.ts'

const answer = 'x'.repeat(1_000)

/** A server behind a proxy, and one call of it over a connection of its own. */
async function wired(t: Test, orders: readonly WireOrder[] = []) {
  const server = createServer((_, response) => response.end(answer)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: address.port }, orders })
  t.teardown(async () => {
    await proxy.close()
    server.closeAllConnections()
    server.close()
  })
  const call = async (timeoutMs = 10_000) => {
    const client = new Client(`http://127.0.0.1:${proxy.port}`, { bodyTimeout: timeoutMs, headersTimeout: timeoutMs })
    try {
      const { body } = await client.request({ path: '/', method: 'GET' })
      return await body.text()
    } finally {
      await client.destroy()
    }
  }
  return { proxy, call }
}

t.test('without orders it carries what it is given', async (t) => {
  const { call, proxy } = await wired(t)
  t.equal(await call(), answer)
  t.same(proxy.struck(), {})
})

t.test('each trouble is what it says', async (t) => {
  const expected: Record<string, { orders: Partial<WireOrder>; ends: 'whole' | RegExp }> = {
    delay: { orders: { delayMs: 30 }, ends: 'whole' },
    drip: { orders: { delayMs: 1, afterBytes: 1_000 }, ends: 'whole' },
    cut: { orders: { afterBytes: 500 }, ends: /other side closed|terminated/ },
    reset: { orders: { afterBytes: 500 }, ends: /ECONNRESET|other side closed/ },
    garbage: { orders: {}, ends: /Parse Error|other side closed|Invalid|Expected/ },
    'black-hole': { orders: { afterBytes: 500 }, ends: /Timeout/ },
  }
  t.same(Object.keys(expected).sort(), [...wireTroubles].sort(), 'no trouble is untested')
  for (const [trouble, { orders, ends }] of Object.entries(expected)) {
    const { call, proxy } = await wired(t, [{ trouble, ...orders }])
    if (ends === 'whole') t.equal(await call(), answer, trouble)
    else await t.rejects(call(300), { message: ends }, trouble)
    t.equal(proxy.struck()[trouble], 1)
  }
})

t.test('an order strikes as often as it says, and only what it knows', async (t) => {
  const { call, proxy } = await wired(t, [{ trouble: 'reset', times: 1 }])
  await t.rejects(call())
  t.equal(await call(), answer)
  t.throws(() => proxy.order([{ trouble: 'meteor' }]), { message: /known: / })
  t.same(readWireArgument('drip:0.3'), { trouble: 'drip', rate: 0.3 })
  t.throws(() => readWireArgument('meteor'), { message: /known: / })
})
