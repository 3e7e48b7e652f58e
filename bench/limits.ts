import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import Fastify from 'fastify'
import { Pool } from 'undici'
import { serveParent, sharedNowMs, startChild } from './apparatus/child.ts'
import { benchFolder } from './apparatus/running-gateway.ts'
import { type BenchOptions, type Measurement, rounded } from './measurement.ts'

/** What this machine does at best in the things a gateway is made of; every other number is to be read beside these. */
export async function limits({ isQuick }: BenchOptions): Promise<Measurement> {
  const seconds = isQuick ? 0.5 : 5
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = Buffer.from('x'.repeat(1024))
  const seal = sign('sha256', body, keys.privateKey)
  const rows = [
    ['durable commits (one 1 KiB row, synced)', commits(seconds, 1)],
    ['durable rows (32 to a commit)', commits(seconds, 32)],
    ['HTTP requests (fastify echo, 1 KiB)', await requests(seconds, 'echo')],
    ['HTTP relays (fastify in, undici out, 1 KiB)', await requests(seconds, 'relay')],
    ['ES256 signatures (one core)', rate(seconds, () => sign('sha256', body, keys.privateKey))],
    ['ES256 verifications (one core)', rate(seconds, () => verify('sha256', body, keys.publicKey, seal))],
  ] as const
  return {
    question: 'what does this machine do at best?',
    columns: ['limit', 'per second'],
    rows: rows.map(([name, perSecond]) => [name, rounded(perSecond)]),
    notes: [
      'A relay is a gateway that stores nothing, checks nothing and signs nothing: three processes on this machine.',
    ],
    isGood: true,
  }
}

/** As the store writes: WAL, a sync before each commit returns. */
function commits(seconds: number, rowsPerCommit: number): number {
  const folder = benchFolder()
  const database = new DatabaseSync(path.join(folder, 'limit.sqlite'))
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE rows (body TEXT NOT NULL) STRICT')
  const insert = database.prepare('INSERT INTO rows (body) VALUES (?)')
  const body = 'x'.repeat(1024)
  const perSecond = rate(seconds, () => {
    database.exec('BEGIN IMMEDIATE')
    for (let row = 0; row < rowsPerCommit; row++) insert.run(body)
    database.exec('COMMIT')
  })
  database.close()
  rmSync(folder, { recursive: true })
  return perSecond * rowsPerCommit
}

function rate(seconds: number, act: () => unknown): number {
  const beganAtMs = sharedNowMs()
  let times = 0
  do {
    act()
    times++
  } while (sharedNowMs() - beganAtMs < seconds * 1000)
  return (times * 1000) / (sharedNowMs() - beganAtMs)
}

type ServerOrder = { readonly forwardTo?: string }

/** The bare servers stand in processes of their own, and this one asks: 64 connections, one request on each at a time. */
async function requests(seconds: number, kind: 'echo' | 'relay'): Promise<number> {
  const self = new URL(import.meta.url)
  const echo = await startChild<ServerOrder, string>(self)
  const relay = await startChild<ServerOrder, string>(self)
  try {
    const echoUrl = await echo.ask({})
    const pool = new Pool(kind === 'echo' ? echoUrl : await relay.ask({ forwardTo: echoUrl }), { connections: 64 })
    const body = JSON.stringify({ text: 'x'.repeat(1010) })
    const ask = async () => {
      const answer = await pool.request({ method: 'POST', path: '/', headers: jsonHeaders, body })
      await answer.body.text()
    }
    await repeated(seconds / 2, ask)
    const perSecond = await repeated(seconds, ask)
    await pool.close()
    return perSecond
  } finally {
    await Promise.all([echo.end(), relay.end()])
  }
}

const jsonHeaders = { 'content-type': 'application/json' }

async function repeated(seconds: number, ask: () => Promise<void>): Promise<number> {
  const beganAtMs = sharedNowMs()
  let times = 0
  const work = async () => {
    while (sharedNowMs() - beganAtMs < seconds * 1000) {
      await ask()
      times++
    }
  }
  await Promise.all(Array.from({ length: 64 }, work))
  return (times * 1000) / (sharedNowMs() - beganAtMs)
}

/** Echoes a body, or hands it on and answers what it was answered. */
async function serve({ forwardTo }: ServerOrder): Promise<string> {
  const server = Fastify({ logger: false })
  const pool = forwardTo === undefined ? undefined : new Pool(forwardTo, { connections: 32, pipelining: 1 })
  server.post('/', async (request) => {
    if (pool === undefined) return request.body
    const answer = await pool.request({
      method: 'POST',
      path: '/',
      headers: jsonHeaders,
      body: JSON.stringify(request.body),
    })
    return await answer.body.json()
  })
  await server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.server.address() as AddressInfo // listening on TCP
  return `http://127.0.0.1:${port}`
}

if (import.meta.main) serveParent(serve)
