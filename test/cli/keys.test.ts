import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { runCommandLine } from '../../bin/lienthong.ts'
import { generateSigningJwk, publicHalf } from '../../gateway/envelopes/keyring.ts'

async function call(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const printed: string[] = []
  const said: string[] = []
  const terminal = {
    print: (text: string) => void printed.push(text),
    say: (text: string) => void said.push(text),
    env,
  }
  const code = await runCommandLine(['keys', ...args], terminal)
  return { code, printed: printed.join('\n'), said: said.join('\n') }
}

const listed = async (folder: string) => JSON.parse((await call(['list', '--folder', folder])).printed).keys
const files = (folder: string) => readdirSync(folder).map((name) => path.join(folder, name))

t.test('a key is generated into the folder, for its owner alone, and only its public half is printed', async (t) => {
  const folder = path.join(t.testdir(), 'keys')
  for (const args of [
    [],
    ['--algorithm', 'RS256', '--system', 'document-axis', '--name', 'Sở Thử'],
    ['--purpose', 'decrypt'],
    ['--purpose', 'mac', '--system', 'pay'],
  ]) {
    const { code, printed } = await call(['generate', '--folder', folder, ...args])
    t.equal(code, 0)
    for (const file of files(folder)) {
      const { jwk } = JSON.parse(readFileSync(file, 'utf8'))
      t.equal(statSync(file).mode & 0o777, 0o600)
      t.notMatch(printed, jwk.d ?? jwk.k)
    }
  }
  t.match(await listed(folder), [
    { system: 'document-axis', purpose: 'sign', algorithm: 'RS256', standing: 'current', daysLeft: 729 },
    { system: 'gateway', purpose: 'decrypt', algorithm: 'ECDH-ES' },
    { system: 'gateway', purpose: 'sign', algorithm: 'ES256' },
    { system: 'pay', purpose: 'mac', algorithm: 'HS256' },
  ])
})

t.test('what cannot be generated exits 2 and writes nothing', async (t) => {
  const folder = path.join(t.testdir({ keys: {} }), 'keys')
  for (const args of [
    ['--purpose', 'verify'],
    ['--purpose', 'mac'],
    ['--algorithm', 'HS256'],
    ['--until', '2001-01-01T00:00:00Z'],
    ['--from', 'tomorrow'],
  ])
    t.equal((await call(['generate', '--folder', folder, ...args])).code, 2, args.join(' '))
  t.equal((await call(['generate', '--config', path.join(folder, 'no.json')])).code, 1)
  t.same(files(folder), [])
})

t.test('a partner’s key is added once it is vetted, alone and beside the others', async (t) => {
  const folder = t.testdir({ keys: {} })
  const keys = path.join(folder, 'keys')
  const own = generateSigningJwk()
  const put = (name: string, content: object | string) => {
    const file = path.join(folder, name)
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
    return file
  }
  const add = (file: string, ...args: readonly string[]) => call(['add', file, '--folder', keys, ...args])
  const verify = ['--purpose', 'verify', '--system', 'land']
  const half = put('half.jwk', publicHalf(own))
  t.match(await add(half, ...verify, '--until', '2099-01-01T00:00:00Z'), { code: 0, printed: own.kid })
  t.match(await listed(keys), [{ system: 'land', until: '2099-01-01T00:00:00.000Z', standing: 'current' }])

  t.match(await add(put('own.jwk', own), ...verify), { code: 1, said: /private part, which no partner may hand over/ })
  t.match(await add(half, '--purpose', 'sign'), { code: 1, said: /no private key/ })
  t.match(await add(half, '--purpose', 'verify', '--system', 'tax'), { code: 1, said: /its kid is taken/ })
  t.match(await add(half, '--purpose', 'verify', '--system', 'tax', '--kid', 'b'), { code: 1, said: /very same key/ })
  t.match(await add(half, '--purpose', 'verify', '--system', '../x', '--kid', 'c'), { code: 1, said: /system must be/ })
  t.match(await add(put('text', 'khong-duoc-lo'), ...verify), { code: 1, said: /^(?!.*khong-duoc-lo)/ })
  t.match(await add(path.join(folder, 'nowhere'), ...verify), { code: 1, said: /ENOENT/ })
  t.match(await add(half, '--purpose', 'verify'), { code: 2 })
  t.match(await add(half, '--purpose', 'see'), { code: 2 })
  t.equal(files(keys).length, 1, 'nothing else was written')

  const secret = put('secret.jwk', { kty: 'oct', k: Buffer.from('mật khẩu dùng chung đủ dài').toString('base64url') })
  t.match(await add(secret, '--purpose', 'mac', '--system', 'pay', '--kid', 'pay-1', '--algorithm', 'HS256'), {
    code: 0,
    printed: /^\{\s+"kid": "pay-1",\s+"alg": "HS256"\s+\}$/,
  })
})

t.test('a certificate that does not lead to the roots is not registered', async (t) => {
  const folder = t.testdir({ keys: {} })
  const at = (name: string) => path.join(folder, name)
  const openssl = (...args: readonly string[]) => execFileSync('openssl', [...args], { cwd: folder, stdio: 'ignore' })
  for (const name of ['root', 'other'])
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
    )
  const add = (trust: string) =>
    call([
      'add',
      at('root.pem'),
      '--folder',
      at('keys'),
      '--purpose',
      'verify',
      '--system',
      'land',
      '--algorithm',
      'RS256',
      '--trust',
      at(trust),
    ])
  t.match(await add('other.pem'), { code: 1, said: /does not lead to a trusted authority/ })
  t.same(files(at('keys')), [])
  t.match(await add('root.pem'), { code: 0 })
})

t.test('rotation publishes a successor of the same kind and ends the old key after the overlap', async (t) => {
  const folder = t.testdir()
  const fromMs = Math.ceil(Date.now() / 1000 + 864_000) * 1000
  const { printed } = await call(['generate', '--folder', folder, '--algorithm', 'ES384', '--demo'])
  const { kid } = JSON.parse(printed)
  t.equal(
    (await call(['rotate', '--folder', folder, '--from', new Date(fromMs).toISOString(), '--overlap', '3d', '--', kid]))
      .code,
    0,
  )
  const keys = await listed(folder)
  t.match(
    keys.find((key: { kid: string }) => key.kid === kid),
    { standing: 'current', until: new Date(fromMs + 3 * 86_400_000).toISOString() },
  )
  t.match(
    keys.find((key: { kid: string }) => key.kid !== kid),
    { kid: /^demo-/, algorithm: 'ES384', standing: 'future', from: new Date(fromMs).toISOString() },
  )
  t.match(await call(['rotate', 'nobody', '--folder', folder]), { code: 1, said: /has no key nobody/ })
  t.match(await call(['rotate', '--folder', folder, '--overlap', 'long', '--', kid]), { code: 2 })
  t.match(await call(['rotate', '--folder', folder]), { code: 2 })
})

t.test('revocation wants a reason, holds at once, and says when nothing is left to sign with', async (t) => {
  const folder = t.testdir()
  const { kid } = JSON.parse((await call(['generate', '--folder', folder])).printed)
  t.equal((await call(['revoke', '--folder', folder, '--', kid])).code, 2)
  t.match(await call(['revoke', '--folder', folder, '--reason', 'mất máy', '--', kid]), {
    code: 0,
    said: /no key to sign with is current/,
  })
  t.match(await listed(folder), [{ standing: 'revoked', why: 'mất máy' }])
  t.match(await call(['revoke', '--folder', folder, '--reason', 'x', '--', kid]), { code: 1, said: /already/ })
  t.match(await call(['rotate', '--folder', folder, '--', kid]), { code: 1, said: /revoked/ })
})

t.test('list and show tell a configuration’s keys without their secrets', async (t) => {
  const folder = t.testdir({ keys: {} })
  const partner = publicHalf(generateSigningJwk())
  const file = path.join(folder, 'gateway.json')
  await call(['generate', '--folder', path.join(folder, 'keys')])
  writeFileSync(
    file,
    JSON.stringify({
      gateway: { id: 'gw', url: 'https://gw.example.vn' },
      keys: { folder: 'keys' },
      systems: { 'one-window': { keys: [partner] } },
    }),
  )
  const { printed } = await call(['list'], { LIENTHONG_CONFIG: file })
  t.match(JSON.parse(printed).keys, [
    { system: 'one-window', purpose: 'verify', kid: partner.kid, standing: 'current' },
    { system: 'gateway', purpose: 'sign' },
  ])
  const [key = ''] = files(path.join(folder, 'keys'))
  const shown = await call(['show', key])
  const { jwk } = JSON.parse(readFileSync(key, 'utf8'))
  t.match(JSON.parse(shown.printed), { kid: jwk.kid, use: 'sig', x5c: jwk.x5c })
  t.notMatch(shown.printed + printed, jwk.d)
})
