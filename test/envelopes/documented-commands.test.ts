import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { adapters } from '../../adapters/index.ts'
import { keyringOptions, loadConfig } from '../../config.ts'
import { openEdxml, sealEdxml } from '../../gateway/envelopes/edxml.ts'
import { openKeyring } from '../../gateway/envelopes/key-folder.ts'
import { generateKeyFile } from '../../gateway/envelopes/key-generation.ts'
import { xmlAlgorithmOf } from '../../gateway/envelopes/xml-algorithms.ts'
import { startGateway } from '../../server.ts'

const root = path.resolve(import.meta.dirname, '../..')
const page = readFileSync(path.join(root, 'docs/envelopes.md'), 'utf8')

/** Independent tools that continuous integration installs; elsewhere their absence skips what needs them. */
const tools = ['/usr/bin/openssl', '/usr/bin/curl', '/usr/bin/xmlsec1', '/usr/lib/python3/dist-packages/jwcrypto']
const isEquipped = tools.every(existsSync)

/** Each block of commands with the heading it stands under. */
function blocks(): readonly { readonly name: string; readonly commands: string }[] {
  return page
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const [heading = '', ...rest] = section.split('\n')
      const found = [...rest.join('\n').matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
      return found.map(([, commands = ''], index) => ({ name: `${heading} (${index + 1})`, commands }))
    })
}

async function startWithKeys(test: Test, folder: string) {
  const keys = path.join(folder, 'keys')
  mkdirSync(keys)
  const life = { name: 'Cổng thử', fromMs: Date.now() - 1000, untilMs: Date.now() + 86_400_000 }
  for (const [purpose, algorithm] of [
    ['sign', 'ES256'],
    ['decrypt', 'ECDH-ES'],
  ] as const) {
    const key = generateKeyFile({ purpose, algorithm, ...life })
    writeFileSync(path.join(keys, `${purpose}.json`), JSON.stringify(key), { mode: 0o600 })
  }
  const gatewayId = 'lien-thong-docs'
  const file = path.join(folder, 'gateway.json')
  writeFileSync(
    file,
    JSON.stringify({
      gateway: { id: gatewayId, url: 'http://127.0.0.1:8700' },
      listen: { port: 0 },
      dataDir: 'data',
      keys: { folder: 'keys' },
      systems: { 'one-window': { speaksFor: ['H47'] } },
    }),
  )
  const output = { write: () => true }
  const gateway = await startGateway(loadConfig({ path: file, env: {}, adapters }), output)
  test.teardown(() => gateway.stop())
  return { gateway, gatewayId, keys }
}

/** An official document as the document axis would be given it by the gateway of this configuration. */
function sealedByGateway(file: string): Uint8Array {
  const config = loadConfig({ path: file, env: {}, adapters })
  const { privateKey, algorithm: jose, certificates = [] } = openKeyring({ ...keyringOptions(config) }).signingKey()
  const algorithm = xmlAlgorithmOf(jose)
  if (algorithm === undefined) throw new Error(jose)
  return sealEdxml(
    {
      header: { MessageHeader: { From: { OrganId: 'H47.01' }, Subject: 'V/v thử nghiệm' } },
      attachments: [
        { contentId: 'a-1', name: 'a.pdf', mediaType: 'application/pdf', bytes: Buffer.from('%PDF-1.4 thử') },
      ],
    },
    { key: { privateKey, algorithm, certificates: certificates.map(({ raw }) => raw) }, signingTime: new Date() },
  )
}

/** Runs one block as a person would paste it; answers its exit code and what it said. */
async function run(commands: string, how: { readonly cwd: string; readonly env: Readonly<Record<string, string>> }) {
  const lienthong = `npx() { shift; "${process.execPath}" --no-warnings "${root}/bin/lienthong.ts" "$@"; }\n`
  const child = spawn('/usr/bin/bash', ['-euo', 'pipefail', '-c', lienthong + commands], {
    cwd: how.cwd,
    env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', ...how.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (said += String(part)))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, said }
}

t.test(
  'every command of the page does what the page says',
  { skip: !isEquipped && 'no openssl, curl, xmlsec1 or jwcrypto' },
  async (t) => {
    const folder = t.testdir()
    const { gateway, gatewayId, keys } = await startWithKeys(t, folder)
    const cwd = path.join(folder, 'partner')
    mkdirSync(cwd)
    writeFileSync(path.join(cwd, 'received.edxml'), sealedByGateway(path.join(folder, 'gateway.json')))
    const env = { GATEWAY: gateway.url, GATEWAY_ID: gatewayId, KEYS: keys }
    for (const { name, commands } of blocks()) {
      const { code, said } = await run(commands, { cwd, env })
      t.equal(code, 0, `${name}\n${code === 0 ? '' : `${commands}\n${said}`}`)
      gateway.reloadKeys()
    }
    const certificate = new X509Certificate(readFileSync(path.join(cwd, 'partner-rsa.pem')))
    const opened = openEdxml(readFileSync(path.join(cwd, 'sent.edxml')), {
      keys: [{ id: 'partner', publicKey: certificate.publicKey, certificate: certificate.raw }],
      mustBeSigned: true,
      mustBindAttachments: true,
    })
    t.match(opened, { signature: { keyId: 'partner' }, header: { MessageHeader: { Subject: 'V/v thử nghiệm' } } })
  },
)

t.test('the tools are there where continuous integration runs', async (t) => {
  t.ok(isEquipped || process.env.REQUIRE_SERVICES !== '1')
})
