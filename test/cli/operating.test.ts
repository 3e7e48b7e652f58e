import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import path from 'node:path'
import t, { type Test } from 'tap'
import { runCommandLine } from '../../bin/lienthong.ts'
import { type AdminGateway, startAdminGateway, tokens, unknownProcedure, type Who } from '../console/admin-gateway.ts'

const reason = ['--reason', 'đã sửa bảng mã']

/** One command line of that person, who answers every question the same way. */
async function call(gateway: Pick<AdminGateway, 'url'>, who: Who, args: readonly string[], answer?: boolean) {
  const printed: string[] = []
  const said: string[] = []
  const questions: string[] = []
  const confirm = async (question: string) => {
    questions.push(question)
    return answer === true
  }
  const code = await runCommandLine(args, {
    print: (text) => printed.push(text),
    say: (text) => said.push(text),
    env: { LIENTHONG_URL: gateway.url, LIENTHONG_TOKEN: tokens[who] },
    ...(answer === undefined ? {} : { confirm }),
  })
  return { code, printed: printed.join('\n'), said: said.join('\n'), questions }
}

/** Dossiers that stand held at the portal; answers their deliveries. */
async function heldDossiers(gateway: AdminGateway, count: number): Promise<readonly string[]> {
  const codes = Array.from({ length: count }, (_, index) => `000.00.01.H47-261121-${2000 + index}`)
  for (const code of codes) await gateway.send(code, unknownProcedure)
  return await Promise.all(codes.map(async (code) => (await gateway.delivery(code, 'held')).id as string))
}

const all = ['--system', 'national-portal', '--state', 'held']

t.test('single deliveries are acted on by their ids', async (t) => {
  const gateway = await startAdminGateway(t)
  const [id = '', other = '', third = ''] = await heldDossiers(gateway, 3)
  t.match(await call(gateway, 'operator', ['release', id, ...reason]), { code: 0, printed: new RegExp(`^${id} is `) })
  t.match(await call(gateway, 'operator', ['discard', other, ...reason]), { code: 0, printed: `${other} is discarded` })
  t.match(await call(gateway, 'operator', ['replay', other, ...reason]), { code: 0 })
  t.match(await call(gateway, 'admin', ['expire', third, ...reason]), { code: 0, printed: `${third} is expired` })
  t.match(await call(gateway, 'operator', ['hold', third, ...reason]), {
    code: 1,
    said: /409 state-impossible: .*expired/,
  })
  const { messageId } = (await gateway.get('viewer', `/deliveries/${third}`)).document
  t.match(await call(gateway, 'operator', ['reread', messageId, ...reason]), { code: 1, said: /reading-unchanged/ })
  const { document } = await gateway.get('viewer', `/audit?target=${third}`)
  t.match(document.records, [{ kind: 'expire', actor: 'admin.nguyen', reason: 'đã sửa bảng mã' }])
})

t.test('selected deliveries are done as one bulk, without a question', async (t) => {
  const gateway = await startAdminGateway(t)
  const ids = await heldDossiers(gateway, 2)
  t.match(await call(gateway, 'operator', ['discard', ...ids, ...reason]), {
    code: 0,
    printed: '2 of 2 done',
    said: /discard: 2 deliveries\n(.*\n)*2\/2 {2}done 2/,
  })
})

t.test('with a filter it counts, asks, and does it only after a yes', async (t) => {
  const gateway = await startAdminGateway(t)
  await heldDossiers(gateway, 2)
  const args = ['discard', ...all, ...reason]
  t.match(await call(gateway, 'admin', args, false), {
    code: 1,
    said: /nothing was done/,
    questions: ['discard 2 deliveries?'],
  })
  t.match(await call(gateway, 'admin', args), { code: 1, said: /add --yes/ }, 'nobody is there to ask')
  t.match(await call(gateway, 'operator', args, true), { code: 1, said: /403 role-too-low: .*role: admin/ })
  t.match((await gateway.get('viewer', '/bulks')).document, { bulks: [] })
  t.match(await call(gateway, 'admin', [...args, '--rate', '50'], true), { code: 0, printed: '2 of 2 done' })
  t.match(await call(gateway, 'admin', [...args, '--yes']), { code: 1, said: /nothing matches/ })
})

t.test('what can’t be understood is said with the help text, before anything is asked of the gateway', async (t) => {
  const gateway = await startAdminGateway(t)
  for (const args of [
    ['replay'],
    ['replay', 'x'],
    ['replay', 'x', '--reason', ' '],
    ['replay', 'x', '--state', 'dead', ...reason],
    ['replay', 'x', ...reason, '--rate', 'fast'],
    ['hold', 'x', ...reason, '--override'],
    ['pause', ...reason],
    ['pause', 'a', 'b', ...reason],
    ['pause', 'a'],
    ['pause', 'a', '--bulk', 'b', ...reason],
    ['cancel', 'a', ...reason],
  ]) {
    t.match(await call(gateway, 'admin', args), { code: 2, said: /Examples/ }, args.join(' '))
  }
  const silent = { print() {}, say() {}, env: {} }
  t.equal(await runCommandLine(['deliveries'], silent), 2)
  t.equal(await runCommandLine(['deliveries', '--url', gateway.url], silent), 2)
  t.equal(await runCommandLine(['deliveries', '--url', gateway.url, '--token-file', '/no/such'], silent), 1)
})

t.test('channels stop and go', async (t) => {
  const gateway = await startAdminGateway(t)
  const pause = ['pause', 'national-portal', ...reason]
  t.match(await call(gateway, 'operator', pause), { code: 0, printed: 'national-portal is paused' })
  t.match(await call(gateway, 'second', pause), { code: 1, said: /409 state-impossible: .*It is paused/ })
  t.match(await call(gateway, 'operator', ['resume', 'national-portal', ...reason]), { code: 0, printed: /is flowing/ })
  t.match(await call(gateway, 'operator', ['pause', 'nowhere', ...reason]), { code: 1, said: /404 not-found/ })
})

t.test('deliveries are listed without a word of what they say, with a token from a file', async (t) => {
  const gateway = await startAdminGateway(t)
  const [id = ''] = await heldDossiers(gateway, 1)
  const file = path.join(t.testdir({ token: '' }), 'token')
  writeFileSync(file, `${tokens.viewer}\n`)
  const printed: string[] = []
  const terminal = { print: (text: string) => void printed.push(text), say: () => {}, env: {} }
  const args = ['deliveries', ...all, '--url', gateway.url, '--token-file', file]
  t.equal(await runCommandLine(args, terminal), 0)
  t.match(printed, [new RegExp(`^${id} {2}held {2}national-portal {2}000\\.\\S+ {2}procedure-unknown$`)])
  t.equal(await runCommandLine([...args, '--json'], terminal), 0)
  t.match(JSON.parse(printed[1] ?? ''), { deliveries: [{ id }] })
})

t.test('Ctrl-C pauses the bulk and says how to go on; then it is resumed or cancelled', async (t) => {
  const gateway = await startAdminGateway(t)
  await heldDossiers(gateway, 3)
  const { said, code } = await interrupted(t, gateway, ['discard', ...all, ...reason, '--rate', '0.01', '--yes'])
  t.equal(code, 1)
  const id = /resume --bulk (\S+)/.exec(said)?.[1] ?? ''
  t.match(said, /paused; lienthong resume --bulk .* lienthong cancel --bulk /)
  t.match((await gateway.get('viewer', `/bulks/${id}`)).document, { state: 'paused', left: 2 })
  t.match(await call(gateway, 'admin', ['resume', '--bulk', id, ...reason]), { code: 0, printed: `${id} is running` })
  t.match(await call(gateway, 'admin', ['pause', '--bulk', id, ...reason]), { code: 0, printed: `${id} is paused` })
  t.match(await call(gateway, 'operator', ['cancel', '--bulk', id, ...reason]), { printed: `${id} is cancelled` })
  t.match(await call(gateway, 'operator', ['cancel', '--bulk', id, ...reason]), { code: 1, said: /409/ })
})

/** Runs it as a program, interrupts it once it shows progress, and answers what it said. */
async function interrupted(t: Test, gateway: AdminGateway, args: readonly string[]) {
  const program = path.resolve(import.meta.dirname, '../../bin/lienthong.ts')
  const env = { ...process.env, LIENTHONG_URL: gateway.url, LIENTHONG_TOKEN: tokens.admin }
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  let isInterrupted = false
  child.stderr.on('data', (chunk) => {
    said += String(chunk)
    if (isInterrupted || !/^1\/3/m.test(said)) return
    isInterrupted = true // one more, when its work has just ended, would kill it
    child.kill('SIGINT')
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  return { said, code }
}

t.test('a shadow is compared with what was sent', async (t) => {
  const gateway = await startAdminGateway(t)
  t.match(await call(gateway, 'viewer', ['diff', 'national-portal']), {
    code: 0,
    printed: '0 compared, 0 equal, 0 differ, 0 stopped in the shadow',
  })
  t.match(await call(gateway, 'viewer', ['diff', 'national-portal', '--day', '2026-02-30', '--json']), { code: 2 })
  t.match(await call(gateway, 'viewer', ['diff']), { code: 2, said: /wants a system/ })
})

t.test('what differs is named by its place, and fails the comparison', async (t) => {
  const asked: string[] = []
  const listed = [{ messageId: 'm-1', messageType: 'dossier.received.v1', paths: ['/NgayHenTra'] }]
  const counts = { compared: 3, equal: 1, differing: 1, stoppedInShadow: 1 }
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ ...counts, listed }))
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const args = ['diff', 'land-next', '--live', 'land', '--day', '2026-11-20']
  t.match(await call({ url }, 'viewer', args), {
    code: 1,
    printed: '3 compared, 1 equal, 1 differ, 1 stopped in the shadow\nm-1  dossier.received.v1  /NgayHenTra',
  })
  const [path, query] = asked[0]?.split('?') ?? []
  t.match(path, /\/shadows\/land-next$/)
  t.same(Object.fromEntries(new URLSearchParams(query)), {
    live: 'land',
    after: '2026-11-19T17:00:00.000Z',
    before: '2026-11-20T17:00:00.000Z',
  })
})
