import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { Writable } from 'node:stream'
import type { Test } from 'tap'
import { adapters } from '../../adapters/index.ts'
import { type Config, loadConfig } from '../../config.ts'
import { signAccessToken } from '../../gateway/envelopes/access-token.ts'
import { jwsTypes, signCompact } from '../../gateway/envelopes/jws.ts'
import { createKeyring, generateSigningJwk, publicHalf } from '../../gateway/envelopes/keyring.ts'
import { startGateway } from '../../server.ts'
import { type Portal, startPortal } from '../../simulators/national-portal/portal.ts'
import { testFolder } from '../test-folder.ts'

// What does not differ between tests, made once.
const jwk = generateSigningJwk()
const key = createKeyring({ signing: jwk, partners: [] }).signingKey()
export const tokens = {
  viewer: 'v'.repeat(32),
  operator: 'o'.repeat(32),
  admin: 'a'.repeat(32),
  second: 's'.repeat(32),
}
export type Who = keyof typeof tokens
const audience = 'lien-thong-test'

/** The real server with all kinds of operators, between the portal's stand-in and an inbox of the one-window; `over` adds to its systems and routes. */
export async function startAdminGateway(t: Test, over: Over = {}) {
  const portal = await startPortal()
  const inbox = await startInbox()
  const folder = testFolder(t)
  const config = readConfig(folder, { portal, inboxUrl: inbox.url, over })
  const lines: string[] = []
  const output = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const gateway = await startGateway(config, output)
  t.teardown(async () => {
    await gateway.stop()
    await portal.close()
    inbox.close()
  })

  const ask = async (who: Who | undefined, method: 'GET' | 'POST', at: string, body?: unknown) => {
    const headers: Record<string, string> = who === undefined ? {} : { authorization: `Bearer ${tokens[who]}` }
    if (body !== undefined) headers['content-type'] = 'application/json'
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await fetch(`${gateway.url}/admin${at}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: text }),
    })
    const raw = await answer.text()
    return { status: answer.status, headers: answer.headers, text: raw, document: JSON.parse(raw) }
  }

  return {
    url: gateway.url,
    folder,
    portal,
    inbox,
    lines,
    get: (who: Who | undefined, at: string) => ask(who, 'GET', at),
    post: (who: Who | undefined, at: string, body: unknown) => ask(who, 'POST', at, body),
    /** Sends a dossier as the one-window; answers the message's id. */
    async send(code: string, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
      const body = { ...wholeDossier, dossierCode: code, ...more }
      const iat = Math.floor(Date.now() / 1000)
      const payload = JSON.stringify({
        jti: crypto.randomUUID(),
        iat,
        aud: audience,
        type: 'dossier.received.v1',
        body,
      })
      const answer = await fetch(`${gateway.url}/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/jose' },
        body: await signCompact(key, { typ: jwsTypes.message, payload }),
      })
      if (answer.status !== 202) throw new Error(await answer.text())
      return (answer.headers.get('location') ?? '').replace('/messages/', '')
    },
    /** What the sender itself reads of its message. */
    async readAsSender(messageId: string) {
      const token = await signAccessToken(key, { audience, nowMs: Date.now() })
      const answer = await fetch(`${gateway.url}/messages/${messageId}`, {
        headers: { authorization: `Bearer ${token}` },
      })
      return JSON.parse(await answer.text())
    },
    /** The one delivery of the dossier to the portal, once it is in this state. */
    async delivery(code: string, state: string) {
      return await until(async () => {
        const { document } = await ask('viewer', 'GET', `/deliveries?subject=${code}&system=national-portal`)
        const [found] = document.deliveries
        return found?.state === state ? found : undefined
      })
    },
  }
}

type Over = Readonly<Partial<Record<'one-window' | 'national-portal' | 'routes', Readonly<Record<string, unknown>>>>>

export type AdminGateway = Awaited<ReturnType<typeof startAdminGateway>>

/** A land dossier with everything the portal wants; what it lacks holds it. */
const wholeDossier = JSON.parse(
  readFileSync(new URL('../../contracts/canonical/examples/dossier.received.v1.land.json', import.meta.url), 'utf8'),
)

/** Held at the portal: nobody knows the procedure. */
export const unknownProcedure = { procedure: { ...wholeDossier.procedure, code: '9.999999' } }

function readConfig(
  folder: string,
  { portal, inboxUrl, over }: { portal: Portal; inboxUrl: string; over: Over },
): Config {
  const file = path.join(folder, 'gateway.json')
  const operator = (name: Who, role: string) => ({ name: `${name}.nguyen`, role, token: { env: name } })
  const system = { simulator: true, insideNetwork: true }
  const document = {
    environment: 'test',
    gateway: { id: audience, url: 'http://127.0.0.1:8700' },
    listen: { host: '127.0.0.1', port: 0 },
    operators: [
      operator('viewer', 'viewer'),
      operator('operator', 'operator'),
      operator('second', 'operator'),
      operator('admin', 'admin'),
    ],
    routes: { ...over.routes },
    systems: {
      'one-window': { ...system, url: inboxUrl, keys: [publicHalf(jwk)], speaksFor: ['H47'], ...over['one-window'] },
      'national-portal': {
        ...system,
        url: `${portal.url}/XrdAdapter/RestService/forward`,
        username: 'h47-demo',
        password: { env: 'PASSWORD' },
        madonvi: '000.00.00.H47',
        dstcode: 'VN:GOV:000.00.00.G22:vpcpdvcprovider',
        dstcodeIn: 'header',
        loginPath: 'mapi/login',
        dataPath: 'mapi/g',
        catalogPath: 'mapi/g',
        ...over['national-portal'],
      },
    },
  }
  writeFileSync(file, JSON.stringify(document))
  return loadConfig({ path: file, env: { ...tokens, PASSWORD: 'demo-only' }, adapters })
}

/** Where the one-window takes messages; answers what it is told to. */
async function startInbox() {
  const state = { status: 200, count: 0 }
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.method === 'POST') state.count += 1
      response.writeHead(state.status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a TCP server has one
  return {
    url: `http://127.0.0.1:${port}/inbox`,
    state,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Waits until it is so; tap's own time-out ends it. */
export async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
