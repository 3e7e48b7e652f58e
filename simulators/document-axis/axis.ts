import { createHash, createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import { createFaultScript, type FaultOrder } from '../faults.ts'
import {
  type Answer,
  BadOrder,
  type Exchange,
  jsonAnswer,
  type Reply,
  type StandIn,
  startStandIn,
  textAnswer,
} from '../stand-in.ts'
import {
  type AddressedDocument,
  type AgencyKey,
  newAgencyKey,
  type OutgoingDocument,
  type OutgoingStatus,
  readAddressed,
  signDocument,
  writeDocument,
  writeStatus,
} from './edxml.ts'

export interface AxisOptions {
  readonly port?: number
  readonly host?: string
  readonly systemId?: string
  readonly secret?: string
  /** Agencies that stand behind our `systemId`. */
  readonly own?: readonly string[]
  /** Agencies the axis knows besides. */
  readonly others?: readonly string[]
  readonly faults?: readonly FaultOrder[]
  readonly seed?: number
}

/** A document the axis holds. */
export interface HeldDocument extends AddressedDocument {
  readonly docId: string
  readonly messageType: 'edoc' | 'status'
  /** `initial`, then what its receiver says: `done` or `fail`. */
  readonly status: string
  /** As it came, in base64. */
  readonly edxml: string
  readonly isOurs: boolean
}

export interface AxisState {
  readonly documents: readonly HeldDocument[]
  readonly calls: readonly {
    readonly arrival: number
    readonly service: string
    readonly code: string
    readonly fault?: string
  }[]
}

export interface DocumentAxis extends StandIn {
  state(): AxisState
  /** Lets another agency send something to us; answers its docId. */
  deposit(order: DepositOrder): string
  addFaults(order: unknown): void
  clearFaults(): void
  readonly key: AgencyKey
  readonly ready: Readonly<Record<string, unknown>>
}

/** What another agency sends, signed with the stand-in's key unless said otherwise; or bytes as they are. */
export type DepositOrder =
  | { readonly document: OutgoingDocument; readonly isUnsigned?: boolean }
  | { readonly report: OutgoingStatus; readonly isUnsigned?: boolean }
  | { readonly edxml: string; readonly messageType?: 'edoc' | 'status' }

/** Starts a document axis that speaks both variants, as wire-formats 4.3 and 4.4 say. */
export async function startDocumentAxis(options: AxisOptions = {}): Promise<DocumentAxis> {
  const systemId = options.systemId ?? 'H47.demo'
  const secret = options.secret ?? 'demo-only'
  const own = options.own ?? ['H47', 'H47.01']
  const others = options.others ?? ['G09', '000.00.00.G09', 'G22', 'H56']
  const script = createFaultScript(options.seed)
  if (options.faults) script.add(options.faults)
  const key = newAgencyKey('demo-agency-g09')
  const documents: HeldDocument[] = []
  const calls: AxisState['calls'][number][] = []

  function deposit(order: DepositOrder): string {
    if ('edxml' in order)
      return hold(Buffer.from(order.edxml), { messageType: order.messageType ?? 'edoc', isOurs: false })
    const plain = 'document' in order ? writeDocument(order.document) : writeStatus(order.report)
    const edxml = order.isUnsigned === true ? plain : signDocument(plain, key)
    return hold(Buffer.from(edxml), { messageType: 'document' in order ? 'edoc' : 'status', isOurs: false })
  }

  function hold(edxml: Uint8Array, how: Pick<HeldDocument, 'messageType' | 'isOurs'>): string {
    const docId = randomUUID()
    const read = how.isOurs ? readAddressed(edxml) : addressedOrNot(edxml)
    documents.push({ docId, ...how, ...read, status: 'initial', edxml: Buffer.from(edxml).toString('base64') })
    return docId
  }

  /** What the axis says to a document of ours: its own error code, or where it lies now. */
  function receive(edxml: Uint8Array, messageType: string): { readonly code: string; readonly docId?: string } {
    let read: AddressedDocument
    try {
      read = readAddressed(edxml)
    } catch {
      return { code: '22' }
    }
    if (messageType !== 'edoc' && messageType !== 'status') return { code: '22' }
    if (read.from === undefined || !own.includes(read.from)) return { code: '19' }
    if (read.to.length === 0 || read.to.some((one) => !others.includes(one) && !own.includes(one)))
      return { code: '18' }
    return { code: '0', docId: hold(edxml, { messageType, isOurs: true }) }
  }

  function waiting(messageType: string | undefined): readonly HeldDocument[] {
    return documents.filter((one) => !one.isOurs && one.messageType === messageType)
  }

  function settle(docId: string | undefined, status: string | undefined): string {
    const at = documents.findIndex((one) => one.docId === docId)
    const found = documents[at]
    if (found === undefined || status === undefined) return '21'
    documents[at] = { ...found, status }
    return '0'
  }

  const sdk: Readonly<Record<string, (exchange: Exchange) => Answer>> = {
    'POST /sendEdoc'({ headers, body }) {
      const hash = createHash('sha256').update(body).digest()
      // The SDK drops the leading zero of every byte; the axis has to take both.
      const forms = [hash.toString('hex'), [...hash].map((byte) => byte.toString(16)).join('')]
      if (!forms.includes(header(headers, 'XroadVnpt-hash-file') ?? '')) return sdkAnswer('21')
      const { code, docId } = receive(body, header(headers, 'XroadVnpt-messagetype') ?? '')
      return sdkAnswer(code, docId === undefined ? {} : { DocId: docId })
    },
    'GET /getReceivedEdocList'({ headers }) {
      const listed = waiting(header(headers, 'XroadVnpt-messagetype')).map((one) => ({
        docId: one.docId,
        serviceType: 'eDoc',
        messageType: one.messageType,
        from: one.from,
        to: one.to[0],
        status: one.status,
      }))
      return sdkAnswer('0', { data: listed })
    },
    'GET /getEdoc'({ headers }) {
      const found = documents.find(({ docId }) => docId === header(headers, 'XroadVnpt-docId'))
      return found === undefined ? sdkAnswer('21') : sdkAnswer('0', { data: found.edxml })
    },
    'POST /updateStatus': ({ headers }) =>
      sdkAnswer(settle(header(headers, 'XroadVnpt-docId'), header(headers, 'XroadVnpt-status'))),
  }

  const rest: Readonly<Record<string, (exchange: Exchange) => Answer>> = {
    'POST /v1/sendEdoc'({ headers, body }) {
      if (headers['content-length'] === undefined) return textAnswer(400, 'Unexpected end of Stream')
      const parts = multipart(body, headers['content-type'] ?? '')
      const file = parts?.get('edocFile')
      if (file === undefined) return restAnswer('10')
      const { code, docId } = receive(file, parts?.get('messageType')?.toString() ?? '')
      return restAnswer(code, docId === undefined ? {} : { docId })
    },
    'GET /v1/syncReceivedEdocList'({ query }) {
      const days = [query.get('fromDate'), query.get('toDate')]
      if (!days.every((day) => /^\d{4}\/\d{2}\/\d{2}$/.test(day ?? ''))) return restAnswer('10')
      const data = waiting(query.get('messageType') ?? undefined).map(({ docId, from, to, status }) => ({
        docId,
        from,
        to: to[0],
        status,
        statusDesc: '',
      }))
      return restAnswer('0', { count: data.length, data })
    },
    'GET /v1/getEdoc'({ query }) {
      const found = documents.find(({ docId }) => docId === query.get('docId'))
      if (found === undefined) return restAnswer('21')
      return restAnswer('0', { data: { docId: found.docId, edxml: Buffer.from(found.edxml, 'base64').toString() } })
    },
    'POST /v1/updateStatus'({ body }) {
      const order: unknown = JSON.parse(body.toString())
      if (typeof order !== 'object' || order === null) return restAnswer('10')
      const { docId, status } = { docId: undefined, status: undefined, ...order }
      return restAnswer(settle(String(docId), typeof status === 'string' ? status : undefined))
    },
  }

  function perform(exchange: Exchange): Answer {
    const name = `${exchange.method} ${exchange.path}`
    const isRest = name in rest
    const act = rest[name] ?? sdk[name]
    if (act === undefined) return textAnswer(404, 'Not Found')
    const isKnown = isRest ? knowsRest(exchange) : knowsSdk(exchange)
    if (!isKnown) return isRest ? restAnswer('15') : sdkAnswer('15')
    return act(exchange)
  }

  function knowsRest({ headers }: Exchange): boolean {
    return headers['x-systemid'] === systemId && headers['x-secretkey'] === secret
  }

  /** The signed JSON must be signed by the secret, name us, and say what the headers say. */
  function knowsSdk({ headers }: Exchange): boolean {
    const signed = header(headers, 'XroadVnpt-sign-header') ?? ''
    const names = (header(headers, 'XroadVnpt-sign-header-key') ?? '').split(';')
    const wanted = createHmac('sha256', secret).update(signed).digest()
    const offered = Buffer.from(header(headers, 'XroadVnpt-hash-header') ?? '', 'hex')
    if (offered.length !== wanted.length || !timingSafeEqual(offered, wanted)) return false
    const said: unknown = JSON.parse(signed)
    if (typeof said !== 'object' || said === null) return false
    const entries = new Map<string, unknown>(Object.entries(said))
    if (entries.get('XroadVnpt-systemid') !== systemId || entries.size !== names.length) return false
    return names.every((name) => entries.get(`XroadVnpt-${name}`) === header(headers, `XroadVnpt-${name}`))
  }

  async function reply(exchange: Exchange, signal: AbortSignal): Promise<Reply> {
    const service = exchange.path.split('/').at(-1) ?? ''
    const isRest = exchange.path.startsWith('/v1/')
    const refusal = () => (isRest ? restAnswer('21') : sdkAnswer('21'))
    let code = ''
    const { reply: given, struck } = await script.play(
      {
        service,
        forms: { expiredSession: refusal, refusal },
        async perform() {
          const answer = perform(exchange)
          code = codeOf(answer)
          return answer
        },
      },
      signal,
    )
    calls.push({ arrival: exchange.arrival, service, code, ...(struck !== undefined && { fault: struck }) })
    return given
  }

  const state = (): AxisState => ({ documents, calls })
  const standIn = await startStandIn(
    {
      reply,
      control: {
        'GET /_sim/health': () => ({ ok: true }),
        'GET /_sim/state': state,
        'POST /_sim/deposit': (order) => ({ docId: deposit(readDeposit(order)) }),
        'GET /_sim/faults': () => script.pending(),
        'POST /_sim/faults': (order) => script.add(order),
        'DELETE /_sim/faults': () => script.clear(),
      },
    },
    options,
  )
  return {
    ...standIn,
    state,
    deposit,
    addFaults: (order) => script.add(order),
    clearFaults: () => script.clear(),
    key,
    ready: { publicJwk: key.publicJwk, kid: key.publicJwk.kid, systemId },
  }
}

function sdkAnswer(code: string, more: Readonly<Record<string, unknown>> = {}): Answer {
  return jsonAnswer(200, { status: code === '0' ? 'OK' : 'FAIL', ErrorCode: code, ErrorDesc: '', ...more })
}

function restAnswer(code: string, more: Readonly<Record<string, unknown>> = {}): Answer {
  if (code === '0') return jsonAnswer(200, { success: true, message: 'OK', ...more })
  return jsonAnswer(code === '15' ? 401 : 200, {
    success: false,
    message: 'Lỗi',
    data: { errorCode: code, errorDesc: '' },
  })
}

function codeOf({ body }: Answer): string {
  const [, code = '0'] = /"[Ee]rrorCode":"(\d+)"/.exec(Buffer.from(body).toString()) ?? []
  return code
}

function header(headers: Exchange['headers'], name: string): string | undefined {
  const value = headers[name.toLowerCase()]
  return typeof value === 'string' ? value : undefined
}

function addressedOrNot(edxml: Uint8Array): AddressedDocument {
  try {
    return readAddressed(edxml)
  } catch {
    return { to: [], attachments: [] }
  }
}

/** Parts by name; `undefined` when it is not multipart. */
function multipart(body: Buffer, type: string): ReadonlyMap<string, Buffer> | undefined {
  const [, boundary] = /^multipart\/form-data; boundary=([\w-]+)$/.exec(type) ?? []
  if (boundary === undefined) return undefined
  const parts = new Map<string, Buffer>()
  const mark = Buffer.from(`--${boundary}`)
  for (let at = body.indexOf(mark); at >= 0; ) {
    const next = body.indexOf(mark, at + mark.length)
    if (next < 0) break
    const part = body.subarray(at + mark.length + 2, next - 2)
    const end = part.indexOf('\r\n\r\n')
    const [, name] = /name="([^"]+)"/.exec(part.subarray(0, end).toString()) ?? []
    if (name !== undefined) parts.set(name, part.subarray(end + 4))
    at = next
  }
  return parts
}

function readDeposit(order: unknown): DepositOrder {
  if (typeof order === 'object' && order !== null && ('document' in order || 'report' in order || 'edxml' in order))
    return order as DepositOrder // a control API for tests: what is inside is theirs to get right
  throw new BadOrder('a deposit has document, report or edxml')
}
