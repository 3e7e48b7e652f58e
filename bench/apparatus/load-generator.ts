import { createPrivateKey, type JsonWebKey, sign } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { serveParent, sharedNowMs } from './child.ts'
import { messageIndex } from './portal-sink.ts'
import { type Kind, kinds, sampleOf, services, types, unit } from './sample-dossier.ts'

export type Door = 'canonical' | 'drop-in'

/** A load: every dossier's record, and later its progress. */
export interface LoadOrder {
  readonly url: string
  readonly door: Door
  readonly sizeBytes: number
  readonly firstDossier: number
  readonly dossiers: number
  /** Messages a second, whether or not the gateway keeps up; absent: as fast as it answers. */
  readonly perSecond?: number
  readonly connections: number
  /** Items in one request of the drop-in door. */
  readonly batch: number
  readonly signing: { readonly jwk: JsonWebKey; readonly kid: string; readonly audience: string }
  readonly account: { readonly username: string; readonly password: string }
}

/** When each message was to leave and when it was accepted, by `messageIndex` from the first dossier, the shared clock. */
export interface LoadTimes {
  readonly intendedAtMs: Float64Array
  /** NaN for what was refused. */
  readonly acceptedAtMs: Float64Array
  /** Answers that were no acceptance, each kind once. */
  readonly refusals: readonly string[]
  /** Bytes of a request of each kind. */
  readonly requestBytes: Readonly<Record<Kind, number>>
}

/** Dossiers whose records go out before the first one's progress does. */
const windowDossiers = 500

interface Shipment {
  readonly kind: Kind
  readonly first: number
  readonly count: number
}

/**
 * Sends the load. With a rate it is an open loop: each message has its moment, and its latency counts from there, so that
 * a stall of the gateway is felt by every message that fell due in it (no coordinated omission).
 */
async function sendLoad(order: LoadOrder): Promise<LoadTimes> {
  const pool = new Pool(order.url, { connections: order.connections, pipelining: 1, bodyTimeout: 60_000 })
  const messages = order.dossiers * kinds.length
  const times = {
    intendedAtMs: new Float64Array(messages).fill(Number.NaN),
    acceptedAtMs: new Float64Array(messages).fill(Number.NaN),
  }
  const refusals = new Set<string>()
  const desk = order.door === 'canonical' ? canonicalDesk(order) : await dropInDesk(order, pool)
  const shipments = shipmentsOf(order)
  // Signed beforehand: on one machine the generator's work is taken from the gateway.
  const requests = order.door === 'canonical' ? shipments.map(desk.requestOf) : undefined
  const answered = new Map<number, Promise<void>>()

  async function ship(index: number, intendedAtMs: number): Promise<void> {
    const shipment = shipments[index]
    if (!shipment) return
    note(times.intendedAtMs, shipment, intendedAtMs)
    // A product reports progress on what it knows to be taken; otherwise two connections could turn the two around.
    if (shipment.kind === 'progress') await answered.get(shipment.first)
    const request = requests?.[index] ?? desk.requestOf(shipment)
    const answer = await pool.request({ method: 'POST', ...request })
    const text = await answer.body.text()
    if (desk.isAcceptance({ status: answer.statusCode, text, count: shipment.count }))
      note(times.acceptedAtMs, shipment, sharedNowMs())
    else if (refusals.size < 5) refusals.add(`${answer.statusCode} ${text.slice(0, 300)}`)
  }

  function note(list: Float64Array, { kind, first, count }: Shipment, atMs: number): void {
    for (let dossier = first; dossier < first + count; dossier++)
      list[messageIndex(dossier - order.firstDossier, kind)] = atMs
  }

  function start(index: number, intendedAtMs: number): Promise<void> {
    const done = ship(index, intendedAtMs).catch((error: unknown) => {
      refusals.add(error instanceof Error ? error.message : String(error))
    })
    const shipment = shipments[index]
    if (shipment?.kind === 'record') answered.set(shipment.first, done)
    else if (shipment) answered.delete(shipment.first)
    return done
  }

  if (order.perSecond === undefined) {
    let next = 0
    const work = async () => {
      while (next < shipments.length) await start(next++, sharedNowMs())
    }
    await Promise.all(Array.from({ length: order.connections }, work))
  } else {
    const gapMs = (1000 / order.perSecond) * order.batch
    const beginMs = sharedNowMs() + 50
    const underWay: Promise<void>[] = []
    while (underWay.length < shipments.length) {
      const dueMs = beginMs + underWay.length * gapMs
      if (dueMs <= sharedNowMs()) underWay.push(start(underWay.length, dueMs))
      else await sleep(1)
    }
    await Promise.all(underWay)
  }
  await pool.close()
  return { ...times, refusals: [...refusals], requestBytes: bytesOf(desk) }
}

interface Request {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** How one door is spoken to. */
interface Desk {
  requestOf(shipment: Shipment): Request
  isAcceptance(answer: { readonly status: number; readonly text: string; readonly count: number }): boolean
}

function canonicalDesk({ sizeBytes, signing: { jwk, kid, audience } }: LoadOrder): Desk {
  const forms = { record: sampleOf('record', sizeBytes), progress: sampleOf('progress', sizeBytes) }
  const key = createPrivateKey({ key: jwk, format: 'jwk' })
  const header = segment(JSON.stringify({ alg: 'ES256', kid, typ: 'lienthong-message+jwt' }))
  const run = process.hrtime.bigint().toString(36)
  const iat = Math.floor(Date.now() / 1000)
  return {
    requestOf({ kind, first }) {
      const claims = { jti: `bench-${run}-${kind}-${first}`, iat, aud: audience, type: types[kind] }
      const payload = `${JSON.stringify(claims).slice(0, -1)},"body":${forms[kind](first).canonical}}`
      const input = `${header}.${segment(payload)}`
      const seal = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
      return { path: '/messages', headers: { 'content-type': 'application/jose' }, body: `${input}.${seal}` }
    },
    // A compact JWS: the receipt.
    isAcceptance: ({ status, text }) => status === 202 && text.split('.').length === 3,
  }
}

async function dropInDesk({ sizeBytes, account }: LoadOrder, pool: Pool): Promise<Desk> {
  const forms = { record: sampleOf('record', sizeBytes), progress: sampleOf('progress', sizeBytes) }
  const headers = { 'content-type': 'application/json' }
  const folder = '/XrdAdapter/RestService/forward/mapi'
  const login = await pool.request({ method: 'POST', path: `${folder}/login`, headers, body: JSON.stringify(account) })
  const { session } = JSON.parse(await login.body.text())
  return {
    requestOf({ kind, first, count }) {
      const items = Array.from({ length: count }, (_, index) => forms[kind](first + index).dropIn)
      const isUpdating = kind === 'record' ? { isUpdating: 'False' } : {}
      const envelope = JSON.stringify({ session, madonvi: unit, service: services[kind], ...isUpdating })
      return { path: `${folder}/g`, headers, body: `${envelope.slice(0, -1)},"data":[${items.join(',')}]}` }
    },
    // Success, with a receipt for each item.
    isAcceptance: ({ status, text, count }) =>
      status === 200 && text.startsWith('{"error_code":0,') && text.split('"BienNhan":').length - 1 === count,
  }
}

function shipmentsOf({ door, firstDossier, dossiers, batch }: LoadOrder): readonly Shipment[] {
  const size = door === 'canonical' ? 1 : batch
  const end = firstDossier + dossiers
  const shipments: Shipment[] = []
  for (let begin = firstDossier; begin < end; begin += windowDossiers) {
    for (const kind of kinds) {
      for (let first = begin; first < Math.min(begin + windowDossiers, end); first += size)
        shipments.push({ kind, first, count: Math.min(size, begin + windowDossiers - first, end - first) })
    }
  }
  return shipments
}

function bytesOf(desk: Desk): Readonly<Record<Kind, number>> {
  const size = (kind: Kind) => Buffer.byteLength(desk.requestOf({ kind, first: 0, count: 1 }).body)
  return { record: size('record'), progress: size('progress') }
}

function segment(text: string): string {
  return Buffer.from(text).toString('base64url')
}

if (import.meta.main) serveParent(sendLoad)
