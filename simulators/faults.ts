import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { type Answer, BadOrder, jsonAnswer, pause, type Reply, textAnswer } from './stand-in.ts'

/** "The next `times` calls of `service`, after `after` others, go wrong like this." */
export interface FaultOrder {
  readonly fault: string
  /** A service's name; every service when absent. */
  readonly service?: string
  /** How many calls; without end when absent and `rate` is given, otherwise 1. */
  readonly times?: number
  /** Calls of that service left alone first. */
  readonly after?: number
  /** Share of the calls it strikes, 0–1. */
  readonly rate?: number
  /** Overrides whether the partner acts before things go wrong. */
  readonly effect?: boolean
  /** For `slow`, `slow-answer`, `wrong-order`, `refuse`; between two bytes for `drip`. */
  readonly delayMs?: number
  /** `Retry-After`, in seconds or as an HTTP date. */
  readonly retryAfter?: string
  /** The partner's words, for `business-refusal`. */
  readonly message?: string
}

/** How a partner says in its own form that a session is over or that it refuses. */
export interface PartnerForms {
  expiredSession(): Answer
  refusal(message: string): Answer
  /** That it has this already; its refusal when it has no other words for that. */
  exists?(): Answer
}

/** A call on its way: what would be done, and what the partner would say. */
export interface Act {
  readonly service: string
  readonly forms: PartnerForms
  /** Does it and gives the honest answer. */
  perform(): Promise<Answer>
  /** Does only the first half of a batch; nothing where there are no batches. */
  performHalf?(): Promise<Answer>
}

/** The scripted faults of one stand-in. */
export interface FaultScript {
  add(order: unknown): void
  clear(): void
  pending(): readonly FaultOrder[]
  /** Answers a call, honestly or as scripted; `struck` names the fault. */
  play(act: Act, signal: AbortSignal): Promise<{ readonly reply: Reply; readonly struck?: string }>
}

interface Fault {
  /** Whether the partner acts before (or although) things go wrong; `twice` and `half` are ways of acting wrongly. */
  readonly acts: boolean | 'twice' | 'half'
  /** Where `delayMs` is spent; `for-next` ends early, once the next call of the service has been acted upon. */
  readonly waits?: 'before' | 'after' | 'for-next'
  reply(honest: Answer | undefined, order: FaultOrder, forms: PartnerForms): Reply
}

/** Every way a partner can go wrong. A new fault is a new row. */
const faults: Readonly<Record<string, Fault>> = {
  hang: { acts: false, reply: () => ({ kind: 'hang' }) },
  'effect-then-hang': { acts: true, reply: () => ({ kind: 'hang' }) },
  reset: { acts: false, reply: () => ({ kind: 'reset' }) },
  'effect-then-drop': { acts: true, reply: () => ({ kind: 'reset' }) },
  'cut-body': { acts: true, reply: (honest) => ({ kind: 'cut', answer: honest ?? textAnswer(200, 'OK') }) },
  '500': { acts: false, reply: () => textAnswer(500, 'Internal Server Error') },
  '502': { acts: false, reply: () => html(502, 'Bad Gateway') },
  '503': { acts: false, reply: (_, order) => busy(503, order) },
  '429': { acts: false, reply: (_, order) => busy(429, order) },
  '401': { acts: false, reply: () => jsonAnswer(401, { message: 'Unauthorized' }) },
  '403': { acts: false, reply: () => jsonAnswer(403, { message: 'Forbidden' }) },
  '404': { acts: false, reply: () => html(404, 'Not Found') },
  redirect: { acts: false, reply: () => ({ ...textAnswer(302, ''), headers: { location: 'http://127.0.0.1:9/' } }) },
  empty: { acts: false, reply: () => textAnswer(200, '') },
  garbage: { acts: false, reply: () => ({ ...jsonAnswer(200, ''), body: randomBytes(512) }) },
  'truncated-json': {
    acts: true,
    reply: (honest) => truncated(honest ?? jsonAnswer(200, { error_code: 0, result: [] })),
  },
  'html-200': { acts: false, reply: () => html(200, 'Hệ thống đang bảo trì') },
  'expired-session': { acts: false, reply: (_, __, forms) => forms.expiredSession() },
  'business-refusal': {
    acts: false,
    reply: (_, order, forms) => forms.refusal(order.message ?? 'Dữ liệu hồ sơ không hợp lệ'),
  },
  // The caller may have gone by then and the effect still comes: the worst case for whoever asks "is it there?".
  slow: { acts: true, waits: 'before', reply: honestReply },
  'slow-answer': { acts: true, waits: 'after', reply: honestReply },
  refuse: { acts: false, reply: (_, order) => ({ kind: 'refuse', forMs: order.delayMs ?? 1000 }) },
  drip: {
    acts: true,
    reply: (honest, order) => ({ kind: 'drip', answer: honest ?? ok, delayMs: order.delayMs ?? 50 }),
  },
  'half-open': { acts: true, reply: (honest) => ({ kind: 'half-open', answer: honest ?? ok }) },
  '503-bare': { acts: false, reply: () => textAnswer(503, 'Service Unavailable') },
  'huge-body': { acts: true, reply: (honest) => ({ kind: 'flood', answer: honest ?? ok, bytes: 67_108_864 }) },
  'decompression-bomb': { acts: true, reply: (honest) => bomb(honest ?? ok) },
  'wrong-type': {
    acts: true,
    reply: (honest) => ({ ...(honest ?? ok), headers: { 'content-type': 'application/octet-stream' } }),
  },
  'duplicate-effect': { acts: 'twice', reply: honestReply },
  'wrong-order': { acts: true, waits: 'for-next', reply: honestReply },
  'partial-batch': { acts: 'half', reply: (_, __, forms) => forms.refusal('Lỗi hệ thống khi xử lý danh sách') },
  'already-exists': { acts: false, reply: (_, __, forms) => forms.exists?.() ?? forms.refusal('Hồ sơ đã tồn tại') },
  'plain-text': { acts: true, reply: () => textAnswer(200, 'Cập nhật thành công') },
  // A day ahead, in everything it says of time.
  'clock-skew': { acts: false, reply: (_, order) => dayAhead(order) },
  // What a TLS server says to whoever can't agree with it: alert, fatal, handshake_failure (RFC 8446 §6).
  'tls-failure': { acts: false, reply: () => ({ kind: 'raw', bytes: Buffer.from('15030300020228', 'hex') }) },
  // Strikes before there is a call: see `isNameless`.
  'dns-failure': { acts: true, reply: honestReply },
}

/** Whether the script's partner is to be found under no name. */
export function isNameless(orders: readonly FaultOrder[] = []): boolean {
  return orders.some(({ fault }) => fault === 'dns-failure')
}

const ok = textAnswer(200, 'OK')

/** The names faults go by. */
export const faultNames: readonly string[] = Object.keys(faults)

/** An empty script; `seed` makes rates repeatable. */
export function createFaultScript(seed = 1): FaultScript {
  const random = seededRandom(seed)
  /** Calls that wait for the next one of their service to be acted upon. */
  const overtaken = new Map<string, () => void>()
  let entries: { readonly order: FaultOrder; skip: number; left: number }[] = []

  function strike(service: string): FaultOrder | undefined {
    for (const entry of entries) {
      if (entry.order.service !== undefined && entry.order.service !== service) continue
      if (entry.skip > 0) {
        entry.skip -= 1
        continue
      }
      if (entry.order.rate !== undefined && random() >= entry.order.rate) continue
      entry.left -= 1
      if (entry.left <= 0) entries = entries.filter((other) => other !== entry)
      return entry.order
    }
    return undefined
  }

  async function beOvertaken(service: string, wait: { delayMs: number; signal: AbortSignal }): Promise<void> {
    const next = new Promise<void>((resolve) => overtaken.set(service, resolve))
    await Promise.race([next, pause(wait.delayMs, wait.signal)])
    overtaken.delete(service)
  }

  return {
    add(value) {
      for (const order of (Array.isArray(value) ? value : [value]).map(readOrder)) {
        const left = order.times ?? (order.rate === undefined ? 1 : Number.POSITIVE_INFINITY)
        entries.push({ order, skip: order.after ?? 0, left })
      }
    },
    clear() {
      entries = []
    },
    pending: () => entries.map((entry) => entry.order),
    async play(act, signal) {
      const order = strike(act.service)
      const fault = order && faults[order.fault]
      if (!order || !fault) {
        const reply = await act.perform()
        overtaken.get(act.service)?.()
        return { reply }
      }
      const delayMs = order.delayMs ?? 1000
      if (fault.waits === 'before') await pause(delayMs, signal)
      if (fault.waits === 'for-next') await beOvertaken(act.service, { delayMs, signal })
      const honest = await perform(act, order.effect ?? fault.acts)
      if (fault.waits === 'after') await pause(delayMs, signal)
      return { reply: fault.reply(honest, order, act.forms), struck: order.fault }
    },
  }
}

/** Reads `[service=]name[:rate]` of a command line: `DongBoHoSoMC=reset:0.1`, `slow:0.5`, `429`. */
export function readFaultArgument(text: string): FaultOrder {
  const [, service, fault, rate] = /^(?:([A-Za-z-]+)=)?([a-z0-9-]+)(?::([\d.]+))?$/.exec(text) ?? []
  if (fault === undefined) throw new BadOrder(`--fault ${text}: expected [service=]name[:rate]`)
  // On a command line a fault without a rate strikes always: "this partner is down".
  return readOrder({ fault, ...(service && { service }), rate: rate === undefined ? 1 : Number(rate) })
}

async function perform(act: Act, how: Fault['acts']): Promise<Answer | undefined> {
  if (how === false) return undefined
  if (how === 'half') return await act.performHalf?.()
  const honest = await act.perform()
  if (how === 'twice') await act.perform()
  return honest
}

function honestReply(honest: Answer | undefined): Reply {
  return honest ?? textAnswer(200, '')
}

function busy(status: number, order: FaultOrder): Answer {
  const answer = textAnswer(status, status === 429 ? 'Too Many Requests' : 'Service Unavailable')
  return { ...answer, headers: { ...answer.headers, 'retry-after': order.retryAfter ?? '1' } }
}

/** Some 64 KB on the wire, 64 MB in memory. */
function bomb(answer: Answer): Answer {
  const body = gzipSync(Buffer.concat([Buffer.from(answer.body), Buffer.alloc(67_108_864, ' ')]))
  return { ...answer, headers: { ...answer.headers, 'content-encoding': 'gzip' }, body }
}

function dayAhead(order: FaultOrder): Answer {
  const nowMs = Date.now() + 86_400_000
  const answer = busy(503, { ...order, retryAfter: new Date(nowMs + 1_000).toUTCString() })
  return { ...answer, headers: { ...answer.headers, date: new Date(nowMs).toUTCString() } }
}

function truncated(answer: Answer): Answer {
  const body = Buffer.from(answer.body)
  return { ...answer, body: body.subarray(0, Math.floor(body.length / 2)) }
}

function html(status: number, text: string): Answer {
  return {
    kind: 'answer',
    status,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: `<!DOCTYPE html><html><head><title>${text}</title></head><body><h1>${text}</h1></body></html>`,
  }
}

const orderShape: Readonly<Record<keyof FaultOrder, 'string' | 'number' | 'boolean'>> = {
  fault: 'string',
  service: 'string',
  times: 'number',
  after: 'number',
  rate: 'number',
  effect: 'boolean',
  delayMs: 'number',
  retryAfter: 'string',
  message: 'string',
}

function readOrder(value: unknown): FaultOrder {
  if (typeof value !== 'object' || value === null) throw new BadOrder('a fault order is an object with "fault"')
  for (const [key, found] of Object.entries(value)) {
    const expected = (orderShape as Readonly<Record<string, string>>)[key]
    if (expected === undefined) throw new BadOrder(`a fault order has no "${key}"`)
    if (typeof found !== expected) throw new BadOrder(`"${key}" of a fault order must be a ${expected}`)
  }
  // Every key was just checked against the shape.
  const order = value as FaultOrder
  if (!Object.hasOwn(faults, order.fault))
    throw new BadOrder(`no fault "${order.fault}"; known: ${faultNames.join(', ')}`)
  return order
}

/** mulberry32: small, fast and the same on every run. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
