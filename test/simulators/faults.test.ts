import t from 'tap'
import { request } from 'undici'
import { demoDossiers } from '../../simulators/demo/dossiers.ts'
import { faultNames, readFaultArgument } from '../../simulators/faults.ts'
import { type PortalOptions, startPortal } from '../../simulators/national-portal/portal.ts'
import { createDropInClient } from '../../simulators/one-window/drop-in-client.ts'

const anEntry = { NguoiXuLy: 'TRAN THI B', ThoiDiemXuLy: '20261015083000', TrangThai: '4', NoiDungXuLy: 'Xử lý' }

async function portalFor(test: { teardown(end: () => unknown): unknown }, options: PortalOptions = {}) {
  const portal = await startPortal(options)
  test.teardown(() => portal.close())
  const client = createDropInClient({
    baseUrl: portal.url,
    username: 'h47-demo',
    password: 'demo-only',
    madonvi: '000.00.00.H47',
  })
  await client.login()
  const create = (index: number) =>
    client.sendBatch({ service: 'DongBoHoSoMC', isUpdating: 'False', data: [demoDossiers()[index]?.steps[0]?.item] })
  return { portal, client, create, held: () => portal.state().dossiers.length }
}

t.test('each fault is what it says, and says whether the portal has acted', async (t) => {
  const { portal, client, create, held } = await portalFor(t)
  const expected: Record<string, { acts: boolean; answer: unknown }> = {
    reset: { acts: false, answer: 'cut' },
    'effect-then-drop': { acts: true, answer: 'cut' },
    'cut-body': { acts: true, answer: 'cut' },
    '500': { acts: false, answer: { status: 500 } },
    '502': { acts: false, answer: { status: 502, text: /<html>/ } },
    '503': { acts: false, answer: { status: 503 } },
    '429': { acts: false, answer: { status: 429 } },
    '401': { acts: false, answer: { status: 401 } },
    '403': { acts: false, answer: { status: 403 } },
    '404': { acts: false, answer: { status: 404 } },
    redirect: { acts: false, answer: { status: 302 } },
    empty: { acts: false, answer: { status: 200, text: '' } },
    garbage: { acts: false, answer: { status: 200, document: undefined } },
    'truncated-json': { acts: true, answer: { status: 200, text: /^\{/, document: undefined } },
    'html-200': { acts: false, answer: { status: 200, text: /^<!DOCTYPE html>/ } },
    'expired-session': { acts: false, answer: { document: { error_code: -1, message: /[Pp]hiên/ } } },
    'business-refusal': { acts: false, answer: { document: { error_code: -1, message: /không hợp lệ/ } } },
    slow: { acts: true, answer: { document: { error_code: 0 } } },
    'slow-answer': { acts: true, answer: { document: { error_code: 0 } } },
    'wrong-order': { acts: true, answer: { document: { error_code: 0 } } },
    'dns-failure': { acts: true, answer: { document: { error_code: 0 } } },
    'duplicate-effect': { acts: true, answer: { document: { error_code: 0 } } },
    drip: { acts: true, answer: { document: { error_code: 0 } } },
    'wrong-type': { acts: true, answer: { document: { error_code: 0 } } },
    'plain-text': { acts: true, answer: { status: 200, text: 'Cập nhật thành công' } },
    'partial-batch': { acts: false, answer: { document: { error_code: -1 } } },
    'already-exists': { acts: false, answer: { document: { error_code: -3 } } },
    '503-bare': { acts: false, answer: { status: 503 } },
    'clock-skew': { acts: false, answer: { status: 503 } },
    'tls-failure': { acts: false, answer: 'cut' },
  }
  for (const [fault, { acts, answer }] of Object.entries(expected)) {
    portal.reset()
    await client.login()
    portal.addFaults({ fault, service: 'DongBoHoSoMC', delayMs: 5 })
    if (answer === 'cut')
      await t.rejects(create(0), { name: /^(?:Error|SocketError|HTTPParserError)$/ }, `${fault} cuts the connection`)
    else t.match(await create(0), answer, `${fault} answers so`)
    t.equal(held(), acts ? 1 : 0, `${fault} ${acts ? 'acts' : 'does not act'}`)
    t.match(portal.state().calls, [{ fault, outcome: acts ? 'accepted' : 'refused' }])
  }
  const elsewhere = ['hang', 'effect-then-hang', 'half-open', 'refuse', 'huge-body', 'decompression-bomb']
  t.same([...Object.keys(expected), ...elsewhere].sort(), [...faultNames].sort(), 'no fault is untested')
})

t.test('a hanging portal never answers, with or without having acted', async (t) => {
  const { portal, held } = await portalFor(t)
  const post = (document: unknown, timeoutMs: number) =>
    request(`${portal.url}/XrdAdapter/RestService/forward/mapi/g`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', dstcode: 'VN:GOV:000.00.00.G22:vpcpdvcprovider' },
      body: JSON.stringify(document),
      signal: AbortSignal.timeout(timeoutMs),
    })
  const { session } = await (async () => {
    const answer = await request(`${portal.url}/XrdAdapter/RestService/forward/mapi/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', dstcode: 'VN:GOV:000.00.00.G22:vpcpdvcprovider' },
      body: JSON.stringify({ username: 'h47-demo', password: 'demo-only' }),
    })
    // The portal's own answer, of which only the session matters here.
    return (await answer.body.json()) as { session: string }
  })()
  const dossier = demoDossiers()[0]?.steps[0]?.item
  const document = { session, madonvi: 'H47', service: 'DongBoHoSoMC', isUpdating: 'False', data: [dossier] }
  portal.addFaults([{ fault: 'hang' }, { fault: 'effect-then-hang' }])
  await t.rejects(post(document, 100))
  t.equal(held(), 0)
  await t.rejects(post(document, 300))
  t.equal(held(), 1)
})

t.test('a partner that acts wrongly acts twice, on half of a batch, or after what came later', async (t) => {
  const { portal, client, create } = await portalFor(t)
  await create(0)
  await create(1)
  const held = () => portal.state().dossiers.map(({ progress }) => progress.map(({ NoiDungXuLy }) => NoiDungXuLy))
  const [code = ''] = portal.state().dossiers.map((dossier) => dossier.code)
  const entry = (text: string) => ({ ...anEntry, MaHoSo: code, NoiDungXuLy: text })
  const send = (...texts: string[]) => client.sendBatch({ service: 'CapNhatTienDoHoSoMC', data: texts.map(entry) })

  portal.addFaults({ fault: 'duplicate-effect' })
  await send('a')
  t.same(held()[0], ['a', 'a'])
  portal.addFaults({ fault: 'partial-batch' })
  t.match(await send('b', 'c', 'd', 'e'), { document: { error_code: -1 } })
  t.same(held()[0], ['a', 'a', 'b', 'c'])
  portal.addFaults({ fault: 'wrong-order', delayMs: 5_000 })
  const first = send('f')
  while (portal.state().calls.length === 0 || JSON.stringify(held()).includes('f')) await new Promise(setImmediate)
  await send('g')
  await first
  t.same(held()[0]?.slice(-2), ['g', 'f'])
})

t.test('a portal that merges repeats counts an entry once', async (t) => {
  const { portal, client, create } = await portalFor(t, { mergesRepeats: true })
  await create(0)
  const [code] = portal.state().dossiers.map((dossier) => dossier.code)
  const entry = { ...anEntry, MaHoSo: code }
  for (const data of [[entry], [entry], [{ ...entry, TrangThai: '5' }], [entry]]) {
    t.match(await client.sendBatch({ service: 'CapNhatTienDoHoSoMC', data }), { document: { error_code: 0 } })
  }
  t.same(
    portal.state().dossiers[0]?.progress.map(({ TrangThai }) => TrangThai),
    ['4', '5'],
  )
})

t.test('who refuses connections takes them again after a while', async (t) => {
  const { portal, create } = await portalFor(t)
  portal.addFaults({ fault: 'refuse', service: 'DongBoHoSoMC', delayMs: 300 })
  await t.rejects(create(0))
  await t.rejects(create(0), { code: 'ECONNREFUSED' })
  for (;;) {
    const answer = await create(0).catch(() => undefined)
    if (answer) return t.match(answer, { status: 200 })
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
})

t.test('an answer may be a flood, or become one when it is unpacked', async (t) => {
  const { portal, create, held } = await portalFor(t)
  portal.addFaults({ fault: 'huge-body', service: 'DongBoHoSoMC' })
  const { status, text } = await create(0)
  t.equal(status, 200)
  t.ok(text.length > 67_000_000)
  portal.addFaults({ fault: 'decompression-bomb', service: 'DongBoHoSoMC' })
  t.ok((await create(1)).text.length < 100_000, 'small until it is unpacked')
  t.equal(held(), 2)
})

t.test('a half-open answer begins and never ends', async (t) => {
  const { portal, held } = await portalFor(t)
  portal.addFaults({ fault: 'half-open' })
  const answer = await request(`${portal.url}/XrdAdapter/RestService/forward/mapi/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', dstcode: 'VN:GOV:000.00.00.G22:vpcpdvcprovider' },
    body: '{}',
    bodyTimeout: 100,
  })
  t.equal(answer.statusCode, 200)
  await t.rejects(answer.body.text(), { name: 'BodyTimeoutError' })
  t.equal(held(), 0)
})

t.test('a partner without a name is found by nobody', async (t) => {
  const portal = await startPortal({ faults: [readFaultArgument('dns-failure')] })
  t.teardown(() => portal.close())
  await t.rejects(request(portal.url), { code: /ENOTFOUND|EAI_AGAIN/ })
})

t.test('busy answers say when to come back', async (t) => {
  const { portal } = await portalFor(t, {
    faults: [
      { fault: '503', service: 'login', retryAfter: '7' },
      { fault: '429', service: 'login', retryAfter: 'Wed, 21 Oct 2026 07:28:00 GMT' },
    ],
  })
  // The client's own login has used up the first.
  const answer = await request(`${portal.url}/XrdAdapter/RestService/forward/mapi/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', dstcode: 'VN:GOV:000.00.00.G22:vpcpdvcprovider' },
    body: '{}',
  })
  t.equal(answer.statusCode, 429)
  t.equal(answer.headers['retry-after'], 'Wed, 21 Oct 2026 07:28:00 GMT')
})

t.test('a script strikes the calls it names, as often as it says', async (t) => {
  const { portal, create, client, held } = await portalFor(t)
  portal.addFaults({ fault: '500', service: 'DongBoHoSoMC', after: 1, times: 2 })
  const statuses = []
  for (let index = 0; index < 5; index += 1) {
    statuses.push((await create(index)).status)
    t.equal((await client.call({ service: 'LayDanhMucCoQuan' })).status, 200, 'other services are left alone')
  }
  t.same(statuses, [200, 500, 500, 200, 200])
  t.equal(held(), 3)
  portal.addFaults({ fault: '500', effect: true })
  t.equal((await create(5)).status, 500)
  t.equal(held(), 4, 'it acted although it said otherwise')
})

t.test('a rate strikes its share, the same on every run', async (t) => {
  const runs = []
  for (let run = 0; run < 2; run += 1) {
    const { client } = await portalFor(t, { seed: 7, faults: [{ fault: '500', service: 'LayThuTuc', rate: 0.5 }] })
    const statuses = []
    for (let n = 0; n < 20; n += 1) statuses.push((await client.call({ service: 'LayThuTuc', maTTHC: '1' })).status)
    runs.push(statuses)
  }
  t.same(runs[0], runs[1])
  t.ok(runs[0]?.includes(200))
  t.ok(runs[0]?.includes(500))
})

t.test('orders that make no sense are refused with a reason', async (t) => {
  const { portal } = await portalFor(t)
  const order = async (body: string) => {
    const answer = await request(`${portal.url}/_sim/faults`, { method: 'POST', body })
    return { status: answer.statusCode, text: await answer.body.text() }
  }
  t.match(await order('{"fault":"meteor"}'), { status: 400, text: /known: / })
  t.match(await order('{"fault":"constructor"}'), { status: 400 })
  t.match(await order('{"fault":"500","tiems":1}'), { status: 400, text: /tiems/ })
  t.match(await order('{"fault":"500","times":"1"}'), { status: 400, text: /number/ })
  t.match(await order('{'), { status: 400 })
  t.match(await order('{"fault":"500"}'), { status: 200 })
  t.equal((await request(`${portal.url}/_sim/faults`, { method: 'DELETE' })).statusCode, 200)
  t.same(await (await request(`${portal.url}/_sim/faults`)).body.json(), [])
  t.equal((await request(`${portal.url}/_sim/nothing`)).statusCode, 404)
})

t.test('a fault on the command line names its service and its rate', async (t) => {
  t.same(readFaultArgument('hang'), { fault: 'hang', rate: 1 })
  t.same(readFaultArgument('slow:0.5'), { fault: 'slow', rate: 0.5 })
  t.same(readFaultArgument('DongBoHoSoMC=effect-then-drop:0.1'), {
    fault: 'effect-then-drop',
    service: 'DongBoHoSoMC',
    rate: 0.1,
  })
  t.throws(() => readFaultArgument('meteor'), { message: /known: / })
  t.throws(() => readFaultArgument('a b'), { message: /expected/ })
})
