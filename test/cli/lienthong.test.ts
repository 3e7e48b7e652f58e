import { execFile } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { commands, runCommandLine } from '../../bin/lienthong.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import { verifyAccessToken } from '../../gateway/envelopes/access-token.ts'
import { jwsTypes, signDetached, verifyMessage } from '../../gateway/envelopes/jws.ts'
import { createKeyring, generateSigningJwk, publicHalf, type SigningJwk } from '../../gateway/envelopes/keyring.ts'
import { createReceiptSigner } from '../../gateway/envelopes/receipts.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'

async function call(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const printed: string[] = []
  const said: string[] = []
  const code = await runCommandLine(args, {
    print: (text) => void printed.push(text),
    say: (text) => void said.push(text),
    env,
  })
  return { code, printed: printed.join('\n'), said: said.join('\n') }
}

/** A gateway that holds the last request and answers what it is told. */
async function gateway(test: Test, answer: { readonly status: number; readonly text: string }) {
  const requests: { readonly request: IncomingMessage; readonly body: string }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += String(part)
    requests.push({ request, body })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests } // a TCP server has one
}

function keyFile(folder: string, jwk: SigningJwk): string {
  const file = path.join(folder, 'key.json')
  writeFileSync(file, JSON.stringify(jwk))
  return file
}

t.test('without a command it explains itself and exits 2; asked to, 0', async (t) => {
  t.equal((await call([])).code, 2)
  const help = await call(['--help'])
  t.equal(help.code, 0)
  for (const name of Object.keys(commands)) t.match(help.printed, name)
})

t.test('an unknown command or option exits 2 with the help text', async (t) => {
  t.match(await call(['fly']), { code: 2, said: /there is no command fly/ })
  t.match(await call(['toString']), { code: 2 })
  t.match(await call(['keys', 'generate', '--colour', 'red']), { code: 2, said: /--colour[\s\S]*Examples/ })
})

for (const name of Object.keys(commands)) {
  t.test(`${name} --help shows examples`, async (t) => {
    t.match(await call([name, '--help']), { code: 0, printed: new RegExp(`Examples\\n {2}.*lienthong ${name}`) })
  })
}

t.test('it runs as a program', async (t) => {
  const program = path.resolve(import.meta.dirname, '../../bin/lienthong.ts')
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, [program, '--help'], (_error, stdout) => resolve(stdout))
  })
  t.match(output, 'lienthong <command>')
})

t.test('keys generate writes a file for its owner alone and prints the public half alone', async (t) => {
  const out = path.join(t.testdir(), 'signing.json')
  const { code, printed } = await call(['keys', 'generate', '--out', out])
  const jwk: SigningJwk = JSON.parse(readFileSync(out, 'utf8'))
  t.equal(code, 0)
  t.equal(statSync(out).mode & 0o777, 0o600)
  t.same(JSON.parse(printed), publicHalf(jwk))
  t.notMatch(printed, jwk.d)
  t.same(JSON.parse((await call(['keys', 'show', out])).printed), publicHalf(jwk))
})

t.test('keys generate never overwrites a key', async (t) => {
  const out = path.join(t.testdir({ 'signing.json': 'kept' }), 'signing.json')
  t.match(await call(['keys', 'generate', '--out', out]), { code: 1, said: /EEXIST/ })
  t.equal(readFileSync(out, 'utf8'), 'kept')
})

t.test('keys generate --demo marks the key', async (t) => {
  const { printed } = await call(['keys', 'generate', '--demo', '--out', path.join(t.testdir(), 'k.json')])
  t.match(JSON.parse(printed).kid, /^demo-/)
})

t.test('keys show of something else says so without repeating it', async (t) => {
  const file = path.join(t.testdir({ file: '{"d":"khong-duoc-lo"}' }), 'file')
  const { code, said } = await call(['keys', 'show', file])
  t.equal(code, 1)
  t.notMatch(said, 'khong-duoc-lo')
})

t.test('send signs the message for the gateway and prints its answer', async (t) => {
  const jwk = generateSigningJwk()
  const folder = t.testdir({ 'message.json': '{"type":"dossier.received.v1","body":{"dossierCode":"A"}}' })
  const { url, requests } = await gateway(t, { status: 202, text: '{"receipt":"x.y.z"}' })
  const to = ['--to', url, '--audience', 'gw', '--key', keyFile(folder, jwk)]
  t.match(await call(['send', path.join(folder, 'message.json'), ...to, '--id', 'A-1']), {
    code: 0,
    printed: '{"receipt":"x.y.z"}',
  })
  const [sent] = requests
  t.equal(sent?.request.url, '/messages')
  t.equal(sent?.request.headers['content-type'], 'application/jose')
  const keyring = createKeyring({
    signing: generateSigningJwk(),
    partners: [{ system: 'one-window', jwk: publicHalf(jwk) }],
  })
  const read = await verifyMessage(sent?.body ?? '', { keyring, audience: 'gw', nowMs: Date.now() })
  t.match(read.document, { jti: 'A-1', type: 'dossier.received.v1', body: { dossierCode: 'A' } })
})

t.test('send exits 1 with the gateway’s words when it refuses, and when it cannot be reached', async (t) => {
  const folder = t.testdir({ 'message.json': '{"type":"a","body":{}}' })
  const { url } = await gateway(t, { status: 422, text: '{"type":"urn:lien-thong:error:contract-violated"}' })
  const file = path.join(folder, 'message.json')
  const rest = ['--audience', 'gw', '--key', keyFile(folder, generateSigningJwk())]
  t.match(await call(['send', file, '--to', url, ...rest]), { code: 1, said: /422 .*contract-violated/ })
  t.match(await call(['send', file, '--to', 'http://127.0.0.1:1', ...rest]), { code: 1, said: /cannot be reached/ })
  t.match(await call(['send', file, '--to', url]), { code: 2 })
})

t.test('status reads a message by its id and a dossier by its code, with a token for this gateway', async (t) => {
  const jwk = generateSigningJwk()
  const { url, requests } = await gateway(t, { status: 200, text: '{"subject":"A"}' })
  const rest = ['--to', url, '--audience', 'gw', '--key', keyFile(t.testdir(), jwk)]
  t.match(await call(['status', '0190a5c0-0000-7000-8000-000000000001', ...rest]), { code: 0, printed: /"subject"/ })
  t.equal((await call(['status', '000.00.01.H47/1', ...rest])).code, 0)
  t.same(
    requests.map(({ request }) => request.url),
    ['/messages/0190a5c0-0000-7000-8000-000000000001', '/dossiers/000.00.01.H47%2F1'],
  )
  const keyring = createKeyring({ signing: generateSigningJwk(), partners: [{ system: 'land', jwk: publicHalf(jwk) }] })
  const token = (requests[0]?.request.headers.authorization ?? '').replace('Bearer ', '')
  t.match(await verifyAccessToken(token, { keyring, audience: 'gw', nowMs: Date.now() }), { system: 'land' })
})

t.test('verify', async (t) => {
  const jwk = generateSigningJwk()
  const keyring = createKeyring({ signing: jwk, partners: [] })
  const receipt = await createReceiptSigner(keyring, { issuer: 'gw' }).sign({
    messageId: '0190a5c0-0000-7000-8000-000000000001',
    type: 'dossier.received.v1',
    source: 'one-window',
    subject: 'A',
    bodyDigest: 'sha-256:00',
    acceptedAtMs: 1_790_000_000_000,
  })

  t.test('prints what a receipt says when one of the keys has signed it', async (t) => {
    const folder = t.testdir({ 'receipt.jws': `${receipt}\n`, 'jwks.json': JSON.stringify(keyring.jwks()) })
    const args = ['verify', path.join(folder, 'receipt.jws'), '--jwks']
    t.match(await call([...args, path.join(folder, 'jwks.json')]), { code: 0, printed: /"subject": "A"/ })
    const { url } = await gateway(t, { status: 200, text: JSON.stringify(keyring.jwks()) })
    t.match(await call([...args, `${url}/.well-known/jwks.json`]), { code: 0 })
  })

  t.test('refuses a receipt that was changed or that another key signed', async (t) => {
    const other = createKeyring({ signing: generateSigningJwk(), partners: [] })
    const [header, payload = '', signature] = receipt.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const changed = Buffer.from(JSON.stringify({ ...claims, subject: 'B' })).toString('base64url')
    const folder = t.testdir({
      'receipt.jws': receipt,
      'changed.jws': [header, changed, signature].join('.'),
      'jwks.json': JSON.stringify(keyring.jwks()),
      'other.json': JSON.stringify(other.jwks()),
    })
    const at = (name: string) => path.join(folder, name)
    t.match(await call(['verify', at('changed.jws'), '--jwks', at('jwks.json')]), { code: 1, printed: '' })
    t.match(await call(['verify', at('receipt.jws'), '--jwks', at('other.json')]), { code: 1, printed: '' })
  })

  t.test('checks a store’s journal and its signed checkpoints', async (t) => {
    const folder = t.testdir({ 'jwks.json': JSON.stringify(keyring.jwks()) })
    const store = path.join(folder, 'store.sqlite')
    const jwks = ['--jwks', path.join(folder, 'jwks.json')]
    const written = await openSqliteStore({ path: store, clock: systemClock })
    const refusal = {
      atMs: 1,
      door: 'd',
      remote: '127.0.0.1',
      code: 'credential-refused' as const,
      correlationId: 'c',
      count: 1,
    }
    await written.refuse(refusal)
    await written.refuse({ ...refusal, atMs: 2 })
    const sign = (heads: string) => signDetached(keyring.signingKey(), { typ: jwsTypes.checkpoint, payload: heads })
    await written.checkpoint(sign, 3)
    await written.close()
    t.match(await call(['verify', '--store', store, ...jwks]), {
      code: 0,
      printed: /^ok: 1 chains.*signatures checked/,
    })

    await changeJournal(store, "DROP TRIGGER journal_never_changes; UPDATE journal SET entry = '{}' WHERE position = 1")
    t.match(await call(['verify', '--store', store, ...jwks]), { code: 1, printed: /is broken at 1: hash/ })
    await changeJournal(store, 'DELETE FROM journal WHERE position >= 1')
    t.match(await call(['verify', '--store', store, ...jwks]), { code: 1, printed: /is not what was signed/ })
  })

  t.test('does not make a store that is not there', async (t) => {
    t.match(await call(['verify', '--store', path.join(t.testdir(), 'no.sqlite')]), { code: 1, said: /is not there/ })
  })
})

t.test('check', async (t) => {
  const config = { gateway: { id: 'gw', url: 'https://gw.example.vn' } }

  t.test('says ok and exits 0 when nothing is wrong', async (t) => {
    const file = path.join(t.testdir({ 'gateway.json': JSON.stringify(config) }), 'gateway.json')
    t.match(await call(['check'], { LIENTHONG_CONFIG: file }), { code: 0, printed: /^ok: development/ })
    t.same(JSON.parse((await call(['check', '--config', file, '--json'])).printed), { ok: true, mistakes: [] })
  })

  t.test('prints every mistake and exits 1', async (t) => {
    const wrong = { ...config, environment: 'production', listen: { port: -1 } }
    const file = path.join(t.testdir({ 'gateway.json': JSON.stringify(wrong) }), 'gateway.json')
    const { code, printed } = await call(['check', '--config', file])
    t.equal(code, 1)
    t.match(printed, '$.listen.port: ')
    t.match(printed, '$.keys.signing: ')
    t.match(JSON.parse((await call(['check', '--config', file, '--json'])).printed), { ok: false, mistakes: [{}, {}] })
  })
})

t.test('simulate refuses what is no stand-in', async (t) => {
  t.match(await call(['simulate', '../bin']), { code: 2, said: /wants one of: .*national-portal/ })
})

async function changeJournal(store: string, sql: string): Promise<void> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(store)
  database.exec(sql)
  database.close()
}
