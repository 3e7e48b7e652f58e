import { execFile, execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { adapters } from '../../adapters/index.ts'
import { loadConfig } from '../../config.ts'
import { generateSigningJwk, publicHalf } from '../../gateway/envelopes/keyring.ts'
import { startGateway } from '../../server.ts'

const root = resolve(import.meta.dirname, '../..')
const password = 'mat-khau-thu'

/** The commands under ```sh <name> of docs/systems.md. */
function commands(name: string): string {
  const text = readFileSync(join(root, 'docs/systems.md'), 'utf8')
  const [, script] = text.split(`\`\`\`sh ${name}\n`)
  if (script === undefined) throw new Error(`docs/systems.md has no commands ${name}`)
  return script.slice(0, script.indexOf('```'))
}

const hasCurl = (() => {
  try {
    execFileSync('curl', ['--version'])
    return true
  } catch {
    return false
  }
})()

t.test('the commands of docs/systems.md do what it says', { skip: hasCurl ? false : 'needs curl' }, async (t) => {
  const folder = t.testdir()
  const jwk = generateSigningJwk({ kidPrefix: 'demo-' })
  writeFileSync(join(folder, 'key.json'), JSON.stringify(jwk), { mode: 0o600 })
  const config = {
    environment: 'test',
    gateway: { id: 'lien-thong-dev', url: 'http://127.0.0.1' },
    listen: { host: '127.0.0.1', port: 0 },
    dataDir: './data',
    log: { level: 'fatal' },
    systems: {
      'one-window': {
        enabled: true,
        keys: [publicHalf(jwk)],
        speaksFor: ['H47'],
        dropIn: {
          enabled: true,
          credentials: [{ username: 'one-window', password: { env: 'ONE_WINDOW_PASSWORD' }, speaksFor: ['H47'] }],
        },
      },
    },
  }
  const path = join(folder, 'gateway.json')
  writeFileSync(path, JSON.stringify(config))
  const gateway = await startGateway(loadConfig({ path, env: { ONE_WINDOW_PASSWORD: password }, adapters }))
  t.teardown(() => gateway.stop())

  const run = async (name: string) => {
    const env = { ...process.env, GATEWAY: gateway.url, ONE_WINDOW_PASSWORD: password, KEY: join(folder, 'key.json') }
    const { stdout } = await promisify(execFile)('bash', ['-euc', commands(name)], { cwd: root, env, timeout: 60_000 })
    return stdout
  }
  const answers = (await run('one-window drop-in')).split(/(?<=\})(?=\{"error_code")/).map((one) => JSON.parse(one))
  t.match(answers, [
    { error_code: 0, result: [{ MaHoSo: '000.00.01.H47-261121-0001', BienNhan: /^ey/ }] },
    { error_code: 0, message: /thành công/ },
    {
      error_code: 0,
      result: [{ MaHoSo: '000.00.01.H47-261121-0001', TrangThaiHoSo: '4', TrangThaiDongBo: /^[A-Z_]+$/ }],
    },
  ])
  const printed = await run('one-window canonical')
  t.match(printed, /^ey[\w-]+\.[\w-]+\.[\w-]+\n/, 'the receipt')
  t.match(printed, /"dossierCode": "000\.00\.01\.H47-261121-0002"/)
})
