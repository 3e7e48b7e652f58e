import t from 'tap'
import { portalFiled } from '../../simulators/demo/dossiers.ts'
import { startAdminGateway, tokens, unknownProcedure, until } from './admin-gateway.ts'

const reason = 'Đã sửa bảng mã'
const [d1, d2] = ['000.00.01.H47-261121-0001', '000.00.01.H47-261121-0002']

t.test('who is unknown learns nothing, and tokens are no login of a system', async (t) => {
  const gateway = await startAdminGateway(t)
  for (const [headers, code] of [
    [{}, 'credential-missing'],
    [{ authorization: 'Basic YTph' }, 'credential-missing'],
    [{ authorization: 'Bearer wrong' }, 'credential-refused'],
    [{ authorization: `Bearer ${tokens.admin}x` }, 'credential-refused'],
  ] as const) {
    const answer = await fetch(`${gateway.url}/admin/deliveries`, { headers })
    t.equal(answer.status, 401)
    t.equal(answer.headers.get('content-type'), 'application/problem+json')
    t.match(await answer.json(), { type: `urn:lien-thong:error:${code}` })
  }
  t.match(await gateway.post(undefined, '/bulks', '{'), { status: 401 }, 'before the body is read')
  t.notMatch(gateway.lines.join(''), tokens.admin)
})

t.test(
  'a delivery is held back, let go, discarded, replayed and expired, each by a person with a reason',
  async (t) => {
    const gateway = await startAdminGateway(t)
    const code = d1
    await gateway.send(code, unknownProcedure)
    const held = await gateway.delivery(code, 'held')
    t.match(held, { subject: code, reason: { code: 'procedure-unknown', vietnamese: /Thủ tục/ } })
    const at = `/deliveries/${held.id}`
    t.match(await gateway.post('operator', `${at}/discard`, { reason, revision: held.revision }), {
      status: 200,
      document: { id: held.id, state: 'discarded', revision: held.revision + 1 },
    })
    t.match(await gateway.post('operator', `${at}/replay`, { reason }), { status: 200 })
    await gateway.delivery(code, 'held')
    t.match(await gateway.post('operator', `${at}/release`, { reason }), { status: 200 })
    await gateway.delivery(code, 'held')
    t.match(await gateway.post('admin', `${at}/expire`, { reason: ' Quá hạn ' }), { document: { state: 'expired' } })
    const { document } = await gateway.get('viewer', at)
    t.match(document.audit, [
      { kind: 'expire', actor: 'admin.nguyen', reason: 'Quá hạn' },
      { kind: 'release', actor: 'operator.nguyen', reason },
      { kind: 'replay' },
      { kind: 'discard' },
    ])
    t.match(document, {
      state: 'expired',
      message: { type: 'dossier.received.v1', source: 'one-window', subject: code },
    })
  },
)

t.test('a waiting delivery can be held', async (t) => {
  const gateway = await startAdminGateway(t)
  t.match(await gateway.post('operator', '/channels/national-portal/pause', { reason }), {
    status: 200,
    document: { state: 'paused', actor: 'operator.nguyen' },
  })
  await gateway.send(d1)
  const waiting = await gateway.delivery(d1, 'waiting')
  t.match(await gateway.post('operator', `/deliveries/${waiting.id}/hold`, { reason }), { document: { state: 'held' } })
  t.match((await gateway.get('viewer', '/channels')).document.channels, [
    { system: 'one-window', state: 'flowing' },
    { system: 'national-portal', state: 'paused', deliveries: { held: 1 } },
  ])
  t.match(await gateway.post('second', '/channels/national-portal/resume', { reason }), {
    document: { state: 'flowing' },
  })
  t.equal((await gateway.get('viewer', `/deliveries/${waiting.id}`)).document.state, 'held')
  await gateway.post('operator', `/deliveries/${waiting.id}/release`, { reason })
  await gateway.delivery(d1, 'delivered')
})

t.test('what can’t be done says why and changes nothing', async (t) => {
  const gateway = await startAdminGateway(t)
  await gateway.send(d1)
  const { id } = await gateway.delivery(d1, 'delivered')
  const messageId = (await gateway.get('viewer', `/deliveries/${id}`)).document.messageId
  const unknown = '01900000-0000-7000-8000-000000000000'
  const bulk = { kind: 'replay', filter: { system: 'national-portal' }, reason }
  const refused: [string, unknown, number, string, object?][] = [
    [`/deliveries/${id}/hold`, { reason }, 409, 'state-impossible'],
    [`/deliveries/${id}/release`, { reason }, 409, 'state-impossible'],
    [`/deliveries/${id}/replay`, {}, 422, 'reason-missing', { field: '/reason' }],
    [`/deliveries/${id}/replay`, { reason: ' \n' }, 422, 'reason-missing', { field: '/reason' }],
    [`/deliveries/${id}/replay`, { reason: 7 }, 422, 'contract-violated', { field: '/reason', rule: 'type' }],
    [`/deliveries/${id}/replay`, { reason: 'x'.repeat(1_001) }, 422, 'contract-violated', { rule: 'maxLength' }],
    [`/deliveries/${id}/replay`, { reason, revision: 0 }, 409, 'changed-meanwhile'],
    [`/deliveries/${id}/replay`, { reason, revision: 'x' }, 422, 'contract-violated', { field: '/revision' }],
    [`/deliveries/${id}/replay`, { reason, thua: 1 }, 422, 'contract-violated', { field: '/thua' }],
    [`/deliveries/${id}/hold`, { reason, override: true }, 422, 'contract-violated', { field: '/override' }],
    [`/deliveries/${id}/replay`, { reason, override: 'maybe' }, 422, 'contract-violated', { field: '/override' }],
    [`/deliveries/${id}/replay`, '{"reason":"a","reason":"b"}', 400, 'duplicate-key'],
    [`/deliveries/${id}/replay`, '[]', 422, 'contract-violated'],
    [`/deliveries/${unknown}/replay`, { reason }, 404, 'not-found'],
    [`/messages/${unknown}/reread`, { reason }, 404, 'not-found'],
    [`/messages/${messageId}/reread`, { reason }, 409, 'reading-unchanged'],
    [`/messages/${messageId}/reread`, { reason: '' }, 422, 'reason-missing'],
    ['/bulks', { ...bulk, filter: { system: 'no-such' } }, 422, 'selection-empty'],
    ['/bulks', { ...bulk, filter: {} }, 422, 'contract-violated', { field: '/filter', rule: 'minProperties' }],
    ['/bulks', { ...bulk, filter: { stat: 'dead' } }, 422, 'contract-violated', { field: '/filter/stat' }],
    ['/bulks', { ...bulk, filter: { state: 'ded' } }, 422, 'contract-violated', { field: '/filter/state' }],
    ['/bulks', { ...bulk, filter: { code: 'nope' } }, 422, 'contract-violated', { field: '/filter/code' }],
    [
      '/bulks',
      { ...bulk, filter: { after: '2026-11-21 08:00' } },
      422,
      'contract-violated',
      { field: '/filter/after' },
    ],
    ['/bulks', { ...bulk, filter: { before: '2026-13-40T00:00:00Z' } }, 422, 'contract-violated'],
    ['/bulks', { ...bulk, ids: [id] }, 422, 'contract-violated', { rule: 'either ids or filter' }],
    ['/bulks', { kind: 'replay', reason }, 422, 'contract-violated', { rule: 'either ids or filter' }],
    ['/bulks', { kind: 'replay', ids: [], reason }, 422, 'selection-empty'],
    ['/bulks', { kind: 'replay', ids: [unknown], reason }, 422, 'selection-empty'],
    ['/bulks', { kind: 'hold', ids: [id], reason }, 422, 'selection-empty'],
    ['/bulks', { kind: 'replay', ids: [1], reason }, 422, 'contract-violated', { field: '/ids' }],
    ['/bulks', { kind: 'replay', ids: Array(1_001).fill(id), reason }, 422, 'contract-violated', { rule: 'maxItems' }],
    ['/bulks', { ...bulk, kind: 'explode' }, 422, 'contract-violated', { field: '/kind' }],
    ['/bulks', { ...bulk, perSecond: 0 }, 422, 'contract-violated', { field: '/perSecond' }],
    ['/bulks', { ...bulk, perSecond: 1e9 }, 422, 'contract-violated', { field: '/perSecond' }],
    ['/bulks', { ...bulk, reason: '' }, 422, 'reason-missing'],
    ['/bulks?preview=maybe', bulk, 422, 'contract-violated', { field: '/preview' }],
    [`/bulks/${unknown}/pause`, { reason }, 404, 'not-found'],
    ['/channels/no-such/pause', { reason }, 404, 'not-found'],
    ['/channels/national-portal/resume', { reason }, 409, 'state-impossible'],
  ]
  for (const [at, body, status, code, more = {}] of refused) {
    const answer = await gateway.post('admin', at, body)
    t.match(answer.document, { status, type: `urn:lien-thong:error:${code}`, ...more }, `${at} ${JSON.stringify(body)}`)
    t.equal(answer.status, status)
  }
  for (const at of [
    '?state=ded',
    '?limit=0',
    '?limit=1001',
    '?limit=x',
    '?stat=dead',
    '?system=a&system=b',
    '?type=',
  ]) {
    t.match(await gateway.get('admin', `/deliveries${at}`), { status: 422 }, at)
  }
  t.match(await gateway.get('viewer', `/deliveries/${unknown}`), { status: 404 })
  t.match(await gateway.get('viewer', `/messages/${unknown}`), { status: 404 })
  t.same((await gateway.get('viewer', '/audit')).document.records, [], 'nothing was done')
  t.match((await gateway.get('viewer', '/bulks')).document, { bulks: [] })
  t.match(await gateway.delivery(d1, 'delivered'), { attempts: { length: 1 } })
})

t.test('without the bytes that were spoken nothing is read again', async (t) => {
  const gateway = await startAdminGateway(t)
  await gateway.send(d1, unknownProcedure)
  await gateway.delivery(d1, 'held')
  // The gateway's own notice was never spoken by anybody.
  const notice = await until(async () => {
    const { document } = await gateway.get('viewer', '/deliveries?system=one-window')
    return document.deliveries[0]
  })
  t.match(await gateway.post('admin', `/messages/${notice.messageId}/reread`, { reason }), {
    status: 410,
    document: { type: 'urn:lien-thong:error:bytes-gone' },
  })
})

t.test('each role may do what it says, and no more', async (t) => {
  const gateway = await startAdminGateway(t)
  await gateway.send(d1, unknownProcedure)
  const { id } = await gateway.delivery(d1, 'held')
  const filter = { state: 'held' }
  const tooLow: ['viewer' | 'operator', string, unknown][] = [
    ['viewer', `/deliveries/${id}/release`, { reason }],
    ['viewer', '/bulks', { kind: 'release', ids: [id], reason }],
    ['viewer', '/channels/national-portal/pause', { reason }],
    ['viewer', '/messages/x/reread', { reason }],
    ['operator', `/deliveries/${id}/expire`, { reason }],
    ['operator', `/deliveries/${id}/replay`, { reason, override: true }],
    ['operator', '/bulks', { kind: 'release', filter, reason }],
    ['operator', '/bulks', { kind: 'expire', ids: [id], reason }],
    ['operator', '/bulks', { kind: 'replay', ids: [id], reason, override: true }],
  ]
  for (const [who, at, body] of tooLow) {
    t.match(await gateway.post(who, at, body), { status: 403, document: { type: /role-too-low/, rule: /^role: / } }, at)
  }
  t.match(await gateway.post('viewer', '/bulks?preview=true', { kind: 'release', filter, reason: '' }), {
    status: 200,
    document: { total: 1, overtaken: 0 },
  })
  t.same((await gateway.get('viewer', '/audit')).document.records, [])
  t.match(await gateway.post('operator', '/bulks', { kind: 'release', ids: [id, id], reason }), {
    status: 202,
    document: { total: 1 },
  })
})

t.test('of two people who act on one delivery or channel, the second is told', async (t) => {
  const gateway = await startAdminGateway(t)
  await gateway.send(d1, unknownProcedure)
  const { id, revision } = await gateway.delivery(d1, 'held')
  const both = (at: string, body: unknown) =>
    Promise.all([gateway.post('operator', at, body), gateway.post('second', at, body)])
  for (const [at, body] of [
    [`/deliveries/${id}/discard`, { reason, revision }],
    ['/channels/national-portal/pause', { reason }],
  ] as const) {
    const answers = await both(at, body)
    t.same(answers.map(({ status }) => status).toSorted(), [200, 409], at)
    const second = answers.find(({ status }) => status === 409)
    t.match(second?.document.type, /changed-meanwhile|state-impossible/)
  }
  t.equal((await gateway.get('viewer', `/audit?target=${id}`)).document.records.length, 1)
  t.equal((await gateway.get('viewer', '/audit?target=channel:national-portal')).document.records.length, 1)
})

t.test('a bulk is counted, goes at its rate, can be paused, resumed and cancelled', async (t) => {
  const gateway = await startAdminGateway(t)
  const codes = Array.from({ length: 4 }, (_, index) => `000.00.01.H47-261121-100${index}`)
  for (const code of codes) await gateway.send(code, unknownProcedure)
  for (const code of codes) await gateway.delivery(code, 'held')
  const filter = { system: 'national-portal', state: 'held', code: 'procedure-unknown', type: 'dossier.received.v1' }
  const asked = { kind: 'discard', filter, reason, perSecond: 0.01 }
  t.match((await gateway.post('admin', '/bulks?preview=true', asked)).document, { total: 4, overtaken: 0 })
  const started = await gateway.post('admin', '/bulks', asked)
  t.match(started, { status: 202, document: { total: 4 } })
  const at = `/bulks/${started.document.id}`
  const firstDone = () =>
    until(async () => {
      const { document } = await gateway.get('viewer', at)
      return document.left === 3 ? document : undefined
    })
  t.match(await firstDone(), {
    state: 'running',
    outcomes: { done: 1 },
    perSecond: 0.01,
    filter,
    actor: 'admin.nguyen',
  })
  t.match(await gateway.post('operator', `${at}/pause`, { reason }), { status: 200, document: { state: 'paused' } })
  t.match(await gateway.post('operator', `${at}/resume`, { reason }), { status: 403 })
  t.match(await gateway.post('admin', `${at}/resume`, { reason }), { document: { state: 'running' } })
  t.match(await gateway.post('operator', `${at}/cancel`, { reason: '' }), { status: 422 })
  t.match(await gateway.post('operator', `${at}/cancel`, { reason }), { document: { state: 'cancelled', left: 3 } })
  t.match(await gateway.post('admin', `${at}/resume`, { reason }), { status: 409 }, 'what is cancelled stays so')
  const fast = await gateway.post('admin', '/bulks', { ...asked, perSecond: 1_000 })
  t.match(fast.document, { total: 3 })
  await until(async () => {
    const { document } = await gateway.get('viewer', `/bulks/${fast.document.id}`)
    return document.state === 'finished' ? true : undefined
  })
  const { document } = await gateway.get('viewer', '/audit?limit=1000')
  t.equal(document.records.filter(({ kind }: { kind: string }) => kind === 'discard').length, 4)
  t.match(document.records.at(-1), { kind: 'discard', reason, bulkId: started.document.id })
})

t.test('replays that later ones have overtaken are counted apart, and need an admin who overrides', async (t) => {
  const gateway = await startAdminGateway(t)
  await gateway.send(d1, unknownProcedure)
  const first = await gateway.delivery(d1, 'held')
  await gateway.post('operator', `/deliveries/${first.id}/discard`, { reason })
  await gateway.send(d1)
  await gateway.delivery(d1, 'delivered')
  const selection = { kind: 'replay', ids: [first.id], reason }
  t.match((await gateway.post('operator', '/bulks?preview=true', selection)).document, { total: 1, overtaken: 1 })
  t.match(await gateway.post('operator', `/deliveries/${first.id}/replay`, { reason }), {
    status: 409,
    document: { type: 'urn:lien-thong:error:overtaken' },
  })
  t.match(await gateway.post('admin', `/deliveries/${first.id}/replay`, { reason, override: true }), { status: 200 })
})

t.test('nothing of a person is shown: no body, no document', async (t) => {
  const gateway = await startAdminGateway(t)
  const messageId = await gateway.send(d1, unknownProcedure)
  const { id } = await gateway.delivery(d1, 'held')
  const pages = [`/messages/${messageId}`, `/deliveries/${id}`, '/deliveries', '/audit', '/bulks', '/channels']
  for (const at of pages) {
    const { status, text } = await gateway.get('admin', at)
    t.equal(status, 200, at)
    t.notMatch(text, /NGUYEN VAN|Nguyễn Văn|0490|"body"/, at)
  }
  t.match((await gateway.get('viewer', `/messages/${messageId}`)).document, {
    id: messageId,
    type: 'dossier.received.v1',
    bodyDigest: /^sha-256:/,
  })
})

t.test('the sender sees whether it has been told of each delivery', async (t) => {
  const gateway = await startAdminGateway(t)
  const told = (messageId: string, wanted: string) =>
    until(async () => {
      const { deliveries } = await gateway.readAsSender(messageId)
      return deliveries[0].told === wanted ? deliveries[0] : undefined
    })
  const good = await gateway.send(d1)
  await gateway.delivery(d1, 'delivered')
  t.match(await told(good, 'none'), { state: 'delivered' }, 'it does not ask to be told of what is delivered')

  await gateway.post('operator', '/channels/one-window/pause', { reason })
  const bad = await gateway.send(d2, unknownProcedure)
  t.match(await told(bad, 'pending'), { state: 'held' })
  const { document } = await gateway.get('viewer', `/deliveries?system=one-window&subject=${d2}`)
  await gateway.post('operator', `/deliveries/${document.deliveries[0].id}/discard`, { reason })
  t.match(await told(bad, 'not-told'), { state: 'held' })
  t.match((await gateway.get('viewer', `/messages/${bad}`)).document.deliveries, [{ told: 'not-told' }])

  await gateway.post('operator', '/channels/one-window/resume', { reason })
  const held = await gateway.delivery(d2, 'held')
  await gateway.post('operator', `/deliveries/${held.id}/discard`, { reason })
  t.match(await told(bad, 'told'), { state: 'discarded' })
  t.ok(gateway.inbox.state.count > 0)
})

t.test('the audit log and its reasons can be added to and nothing else', async (t) => {
  const gateway = await startAdminGateway(t)
  await gateway.send(d1, unknownProcedure)
  const { id } = await gateway.delivery(d1, 'held')
  await gateway.post('operator', `/deliveries/${id}/discard`, { reason })
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(`${gateway.folder}/data/lienthong.sqlite`, { timeout: 5_000 })
  t.throws(() => database.exec("UPDATE interventions SET note = 'x'"), /never change/)
  database.close()
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    const headers = { authorization: `Bearer ${tokens.admin}` }
    t.equal((await fetch(`${gateway.url}/admin/audit`, { method, headers })).status, 405)
  }
})

t.test('every address is described', async (t) => {
  const gateway = await startAdminGateway(t)
  const { paths } = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as { paths: Record<string, object> } // ours
  const described = Object.keys(paths).filter((path) => path.startsWith('/admin/'))
  t.equal(described.length, 23)
})

t.test('a sender beyond its quota is asked to come back', async (t) => {
  const quota = { perSecond: 0.001, burst: 1 }
  const gateway = await startAdminGateway(t, { 'one-window': { quota } })
  await gateway.send(d1)
  await t.rejects(gateway.send(d2), /too-many-requests/)
})

t.test('an exchange is seen as it stands, and a person ends what it waits for', async (t) => {
  const inbound = { allowFrom: ['127.0.0.1'], receivingUnit: '000.00.01.H47', promotion: { enabled: true } }
  const gateway = await startAdminGateway(t, { 'national-portal': { inbound } })
  const [promotion] = portalFiled()
  const answer = await fetch(`${gateway.url}/XrdAdapter/RestService/forward/addtthcKhuyenMai`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(promotion?.document),
  })
  t.match(JSON.parse(await answer.text()), { error_code: 0 })
  const { document } = await gateway.get('viewer', '/processes?status=running')
  const [waiting] = document.processes
  t.match(waiting, { process: 'portal-filed-reception', version: 1, status: 'running', state: undefined })
  const at = `/processes/portal-filed-reception/${waiting.instance}/release`
  t.match(await gateway.post('viewer', at, { reason }), { status: 403 })
  t.match(await gateway.post('operator', at, { reason: ' ' }), { status: 422, document: { type: /reason-missing/ } })
  t.match(await gateway.post('operator', `${at.replace(waiting.instance, 'no-such')}`, { reason }), { status: 404 })
  t.match(await gateway.post('operator', at, { reason }), { status: 200, document: { status: 'ended' } })
  t.match(await gateway.post('operator', at, { reason }), { status: 409 })
  t.match(await gateway.get('viewer', '/processes?status=asleep'), { status: 422 })
  const { document: audit } = await gateway.get(
    'viewer',
    `/audit?target=process:portal-filed-reception:${waiting.instance}`,
  )
  t.match(audit.records, [{ kind: 'release', actor: 'operator.nguyen', reason }])
})

t.test('a dossier is kept for the law by an admin alone, with a reason', async (t) => {
  const gateway = await startAdminGateway(t)
  await gateway.send(d1)
  const at = `/dossiers/${d1}/legal-hold`
  t.match(await gateway.post('operator', `${at}/begin`, { reason }), { status: 403 })
  t.match(await gateway.post('admin', `${at}/begin`, { reason: '' }), { status: 422 })
  t.match(await gateway.post('admin', '/dossiers/no-such/legal-hold/begin', { reason }), { status: 404 })
  t.match(await gateway.post('admin', `${at}/begin`, { reason }), { status: 200, document: { isHeld: true } })
  t.match(await gateway.post('admin', `${at}/end`, { reason }), { status: 200, document: { isHeld: false } })
  const { document: audit } = await gateway.get('viewer', `/audit?target=dossier:${d1}`)
  t.match(audit.records, [{ kind: 'legal-hold-ended', reason }, { kind: 'legal-hold' }])
})

t.test('a shadow is compared with what was sent, over a window', async (t) => {
  const gateway = await startAdminGateway(t)
  const nothing = { compared: 0, equal: 0, differing: 0, stoppedInShadow: 0, listed: [] }
  t.match(await gateway.get('viewer', '/shadows/national-portal'), { status: 200, document: nothing })
  t.match(await gateway.get('viewer', '/shadows/national-portal?after=yesterday'), { status: 422 })
  t.match(await gateway.get(undefined, '/shadows/national-portal'), { status: 401 })
})

t.test('a system is retried as configuration says of it, and of a route to it', async (t) => {
  const soon = { exponential: { first: '10ms', factor: 2, cap: '1s' } }
  const routes = { 'dossier-sync': { retry: { schedule: ['1h'] }, systems: { 'national-portal': { retry: soon } } } }
  const gateway = await startAdminGateway(t, { routes, 'national-portal': { retry: { schedule: ['2h'] } } })
  gateway.portal.addFaults({ fault: '429', service: 'DongBoHoSoMC', times: 2, retryAfter: '0' })
  await gateway.send(d1)
  t.match(await gateway.delivery(d1, 'delivered'), { attempts: { length: 3 } })
})

t.test('a channel breaks after as many failing dossiers as configuration says', async (t) => {
  const breaker = { lanes: 2, firstPause: '1h', longestPause: '1h' }
  const gateway = await startAdminGateway(t, { 'national-portal': { breaker } })
  gateway.portal.addFaults({ fault: '429', service: 'DongBoHoSoMC', times: 9 })
  await gateway.send(d1)
  await gateway.delivery(d1, 'waiting')
  await gateway.send(d2)
  const channel = await until(async () => {
    const { document } = await gateway.get('viewer', '/channels')
    return document.channels.find(({ state }: { state: string }) => state === 'broken')
  })
  t.match(channel, { system: 'national-portal', reason: { code: 'partner-busy' }, trips: 1, probeAt: /T/ })
  t.match(await gateway.post('operator', '/channels/national-portal/resume', { reason }), { document: { trips: 0 } })
})
