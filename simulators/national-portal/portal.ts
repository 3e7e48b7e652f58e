import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { request } from 'undici'
import { createFaultScript, type FaultOrder, isNameless } from '../faults.ts'
import {
  type Answer,
  BadOrder,
  type Exchange,
  jsonAnswer,
  pause,
  type Reply,
  type StandIn,
  startStandIn,
  textAnswer,
} from '../stand-in.ts'
import { type Catalogue, demoCatalogue } from './catalogue.ts'
import { objectionToDossier, objectionToOutcome, objectionToProgress } from './dossier-rules.ts'

/** How `error_code` is written; `mixed` changes with every answer, as code generations do in the field. */
export type CodeStyle = 'int' | 'string' | 'double-zero' | 'mixed'

export interface PortalOptions {
  readonly port?: number
  readonly host?: string
  readonly username?: string
  readonly password?: string
  readonly dstcode?: string
  /** Agency codes a session may speak as (`madonvi`). */
  readonly units?: readonly string[]
  readonly loginPath?: string
  readonly dataPath?: string
  readonly catalogPath?: string
  readonly codes?: CodeStyle
  /** Answers `CapNhatTienDoHoSoMC` in plain text, refusals too. */
  readonly plainTextProgress?: boolean
  /** A session ends after so many calls. */
  readonly sessionUses?: number
  readonly sessionTtlMs?: number
  /** A new login ends the account's other sessions. */
  readonly singleSession?: boolean
  /** Refuses dossiers in the form from before QĐ 766. */
  readonly requiresV2?: boolean
  /** Takes a progress entry it already holds as said before: answered with success, counted once. */
  readonly mergesRepeats?: boolean
  /** A new dossier shows in `TraCuuHoSo` only after this. */
  readonly lookupLagMs?: number
  readonly latencyMs?: number
  readonly catalogue?: Catalogue
  readonly faults?: readonly FaultOrder[]
  readonly seed?: number
}

/** Something the portal took over, with the bytes that brought it. */
export interface Operation {
  readonly arrival: number
  readonly atMs: number
  readonly service: string
  readonly isUpdating?: boolean
  readonly dossierCode: string
  readonly item: Readonly<Record<string, unknown>>
  /** The whole request as it came. */
  readonly raw: string
}

export interface HeldDossier {
  readonly code: string
  /** The last accepted `DongBoHoSoMC` item, whole. */
  readonly record: Readonly<Record<string, unknown>>
  /** Every accepted operation on it, in order of arrival. */
  readonly history: readonly Operation[]
  readonly progress: readonly Readonly<Record<string, unknown>>[]
}

/** One call of a service, whatever became of it. */
export interface Call {
  readonly arrival: number
  readonly service: string
  readonly outcome: 'accepted' | 'refused'
  /** The answer as honestly meant; a fault may have kept it from the caller. */
  readonly text: string
  readonly fault?: string
}

/** Everything the portal holds. */
export interface PortalState {
  readonly dossiers: readonly HeldDossier[]
  readonly operations: readonly Operation[]
  /** Dossiers filed here for the province, and what it reported back on them. */
  readonly filed: readonly { readonly code: string; readonly outcomes: readonly Operation[] }[]
  readonly calls: readonly Call[]
  readonly logins: number
}

export interface Portal extends StandIn {
  state(): PortalState
  addFaults(order: unknown): void
  clearFaults(): void
  expireSessions(): void
  reset(): void
  /** Calls the province as the portal does when a dossier is filed there. */
  push(order: PushOrder): Promise<PushAnswer>
}

/** A call of the portal to the province. */
export interface PushOrder {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly document: unknown
  readonly timeoutMs?: number
}

export interface PushAnswer {
  readonly status: number
  readonly body: string
}

/** Starts a national portal that behaves as wire-formats section 1 says, and no kinder. */
export async function startPortal(options: PortalOptions = {}): Promise<Portal> {
  const script = createFaultScript(options.seed)
  if (options.faults) script.add(options.faults)
  const memory = createMemory()
  const sessions = createSessions(options)
  const codes = createCodes(options.codes ?? 'int')
  const services = createServices({ options, memory, codes })
  const paths = {
    login: options.loginPath ?? 'mapi/login',
    data: options.dataPath ?? 'mapi/g',
    catalog: options.catalogPath ?? 'mapi/g',
  }
  const dstcode = options.dstcode ?? 'VN:GOV:000.00.00.G22:vpcpdvcprovider'
  const units = options.units ?? ['000.00.00.H47', 'H47']
  const forms = {
    expiredSession: () => codes.refusal('error', 'Phiên làm việc không hợp lệ hoặc đã hết hạn'),
    refusal: (message: string) => codes.refusal('error', message),
    exists: () => codes.refusal('exists', 'Hồ sơ đã tồn tại'),
  }

  async function reply(exchange: Exchange, signal: AbortSignal): Promise<Reply> {
    await pause(options.latencyMs ?? 0, signal)
    const forwarded = forwardedPath(exchange.path)
    const isLogin = forwarded === paths.login
    if (!isLogin && forwarded !== paths.data && forwarded !== paths.catalog) return textAnswer(404, 'Not Found')
    if (exchange.method !== 'POST') return textAnswer(405, 'Method Not Allowed')
    const named = exchange.headers.dstcode ?? exchange.query.get('dstcode') ?? undefined
    if (named !== dstcode) return unknownDestination(named)
    if (!/^application\/json\b/i.test(exchange.headers['content-type'] ?? '')) {
      return textAnswer(415, 'Unsupported Media Type')
    }
    const document = readDocument(exchange.body)
    const service = isLogin ? 'login' : typeof document?.service === 'string' ? document.service : ''
    const endpoints = { data: forwarded === paths.data, catalog: forwarded === paths.catalog }
    let honest: Answer | undefined
    const { reply, struck } = await script.play(
      {
        service,
        forms,
        perform: async () => {
          const answer = isLogin ? login(document) : perform({ document, service, exchange, endpoints })
          honest ??= answer // a fault may have it act twice
          return answer
        },
        performHalf: async () => perform({ document: firstHalf(document), service, exchange, endpoints }),
      },
      signal,
    )
    if (!isLogin) {
      const text = honest === undefined ? '' : String(honest.body).slice(0, 500)
      memory.calls.push({
        arrival: exchange.arrival,
        service,
        outcome: honest !== undefined && codes.isSuccess(honest) ? 'accepted' : 'refused',
        text,
        ...(struck !== undefined && { fault: struck }),
      })
    }
    return reply
  }

  function login(document: Document | undefined): Answer {
    memory.logins += 1
    const isRight =
      document?.username === (options.username ?? 'h47-demo') && document.password === (options.password ?? 'demo-only')
    if (!isRight) return codes.refusal('error', 'Tên đăng nhập hoặc mật khẩu không đúng')
    return codes.success({ session: sessions.open(), message: 'Đăng nhập thành công' })
  }

  function perform(call: ServiceCall): Answer {
    const { document } = call
    if (!document) return codes.refusal('error', 'Dữ liệu không đúng định dạng JSON')
    if (!sessions.use(document.session)) return forms.expiredSession()
    if (typeof document.madonvi !== 'string' || !units.includes(document.madonvi)) {
      return codes.refusal('error', 'Mã đơn vị không hợp lệ')
    }
    const service = Object.hasOwn(services, call.service) ? services[call.service] : undefined
    if (!service || !call.endpoints[service.endpoint]) return codes.refusal('error', 'Service không tồn tại')
    return service.perform({ ...call, document })
  }

  async function push(order: PushOrder): Promise<PushAnswer> {
    for (const code of filedCodes(order.document)) memory.filed.add(code)
    const answer = await request(order.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...order.headers },
      body: JSON.stringify(order.document),
      signal: AbortSignal.timeout(order.timeoutMs ?? 30_000),
    })
    return { status: answer.statusCode, body: await answer.body.text() }
  }

  const control = {
    'GET /_sim/health': () => ({ status: 'ok', system: 'national-portal', ...memory.counts() }),
    'GET /_sim/state': () => memory.snapshot(),
    'GET /_sim/faults': () => script.pending(),
    'POST /_sim/faults': (order: unknown) => script.add(order),
    'DELETE /_sim/faults': () => script.clear(),
    'POST /_sim/expire-sessions': () => sessions.expireAll(),
    'POST /_sim/reset': () => reset(),
    'POST /_sim/push': (order: unknown) => push(readPushOrder(order)),
  }

  function reset(): void {
    memory.clear()
    sessions.expireAll()
    script.clear()
  }

  const standIn = await startStandIn({ reply, control }, { ...options, isNameless: isNameless(options.faults) })
  return {
    ...standIn,
    state: memory.snapshot,
    addFaults: script.add,
    clearFaults: script.clear,
    expireSessions: sessions.expireAll,
    reset,
    push,
  }
}

type Document = Readonly<Record<string, unknown>>
type EndpointName = 'data' | 'catalog'

interface ServiceCall {
  readonly document: Document | undefined
  readonly service: string
  readonly exchange: Exchange
  readonly endpoints: Readonly<Record<EndpointName, boolean>>
}

interface Service {
  readonly endpoint: EndpointName
  perform(call: ServiceCall & { readonly document: Document }): Answer
}

interface ServiceParts {
  readonly options: PortalOptions
  readonly memory: Memory
  readonly codes: Codes
}

function createServices({ options, memory, codes }: ServiceParts): Readonly<Record<string, Service>> {
  const catalogue = options.catalogue ?? demoCatalogue()
  const procedures = new Map(catalogue.procedures.map((record) => [record.MaTTHC, record]))
  const book = {
    requiresV2: options.requiresV2 ?? false,
    isProcedure: (code: string) => procedures.has(catalogue.localCodes[code] ?? code),
  }
  const list = (result: readonly unknown[]) => codes.success({ message: 'Thành công', result })

  /** One code for the whole batch: what came before the bad item has taken effect, what follows has not. */
  function inTurn(data: unknown, take: (item: unknown) => Answer | undefined): Answer | undefined {
    if (!Array.isArray(data) || data.length === 0)
      return codes.refusal('error', 'Trường data phải là một mảng có dữ liệu')
    for (const item of data) {
      const refusal = take(item)
      if (refusal) return refusal
    }
    return undefined
  }

  function syncDossiers({ document, exchange }: ServiceCall & { readonly document: Document }): Answer {
    const { isUpdating } = document
    if (isUpdating !== 'True' && isUpdating !== 'False') {
      return codes.refusal('error', 'Trường isUpdating phải là "True" hoặc "False"')
    }
    const refusal = inTurn(document.data, (item) => {
      const objection = objectionToDossier(item, book)
      if (objection !== undefined) return codes.refusal('error', objection)
      // The rules have just shown that it is an object with a MaHoSo in text.
      const record = item as Document
      const code = String(record.MaHoSo)
      const isKnown = memory.dossiers.has(code)
      if (isUpdating === 'False' && isKnown) return codes.refusal('exists', `Hồ sơ ${code} đã tồn tại`)
      if (isUpdating === 'True' && !isKnown) return codes.refusal('error', `Hồ sơ ${code} chưa được đồng bộ`)
      memory.take({
        exchange,
        service: 'DongBoHoSoMC',
        isUpdating: isUpdating === 'True',
        dossierCode: code,
        item: record,
      })
      return undefined
    })
    return refusal ?? codes.success({ message: 'Thành công' })
  }

  function syncProgress({ document, exchange }: ServiceCall & { readonly document: Document }): Answer {
    const refusal = inTurn(document.data, (item) => {
      const objection = objectionToProgress(item)
      if (objection !== undefined) return codes.refusal('error', objection)
      // Checked just now.
      const entry = item as Document
      const code = String(entry.MaHoSo)
      const dossier = memory.dossiers.get(code)
      if (!dossier) return codes.refusal('error', `Hồ sơ ${code} chưa được đồng bộ`)
      const isHeld = dossier.progress.some((held) => isDeepStrictEqual(held, entry))
      if (options.mergesRepeats && isHeld) return undefined
      memory.take({ exchange, service: 'CapNhatTienDoHoSoMC', dossierCode: code, item: entry })
      return undefined
    })
    if (!options.plainTextProgress) return refusal ?? codes.success({ message: 'Cập nhật thành công' })
    // A refusal contains "thành công" too: whoever looks for the words alone takes it for a success.
    if (refusal) return textAnswer(200, `Cập nhật không thành công: ${codes.messageOf(refusal)}`)
    return textAnswer(200, 'Cập nhật thành công')
  }

  function reportOutcome({ document, exchange }: ServiceCall & { readonly document: Document }): Answer {
    if (document.type !== '2') return codes.refusal('error', 'Trường type không hợp lệ')
    const objection = objectionToOutcome(document.data)
    if (objection !== undefined) return codes.refusal('error', objection)
    // Checked just now.
    const outcome = document.data as Document
    const code = String(outcome.MaHoSo)
    if (!memory.filed.has(code)) return codes.refusal('error', `Không tìm thấy hồ sơ ${code}`)
    memory.take({ exchange, service: 'DongBoTrangThaiHoSo', dossierCode: code, item: outcome })
    return codes.success({ message: 'Thành công' })
  }

  function lookUp({ document }: ServiceCall & { readonly document: Document }): Answer {
    if (typeof document.mahoso !== 'string') return codes.refusal('error', 'Trường mahoso là bắt buộc')
    const dossier = memory.dossiers.get(document.mahoso)
    const since = dossier?.history[0]?.atMs
    if (!dossier || since === undefined || Date.now() - since < (options.lookupLagMs ?? 0)) return list([])
    const { MaHoSo, MaTTHC, TrangThaiHoSo, NgayTiepNhan, NgayHenTra } = dossier.record
    return list([{ MaHoSo, MaTTHC, TrangThaiHoSo, NgayTiepNhan, NgayHenTra }])
  }

  function readProcedure({ document }: ServiceCall & { readonly document: Document }): Answer {
    const code = String(document.maTTHC ?? '')
    const record = procedures.get(catalogue.localCodes[code] ?? code)
    return list(record ? [record] : [])
  }

  return {
    DongBoHoSoMC: { endpoint: 'data', perform: syncDossiers },
    CapNhatTienDoHoSoMC: { endpoint: 'data', perform: syncProgress },
    DongBoTrangThaiHoSo: { endpoint: 'data', perform: reportOutcome },
    TraCuuHoSo: { endpoint: 'data', perform: lookUp },
    LayThuTuc: { endpoint: 'data', perform: readProcedure },
    LayDanhSachTTHC: {
      endpoint: 'catalog',
      perform: () => list(catalogue.procedures.map(({ MaTTHC, TENTTHC }) => ({ MATTHC: MaTTHC, TENTTHC }))),
    },
    LayDanhMucCoQuan: { endpoint: 'catalog', perform: () => list(catalogue.agencies) },
    LayDanhMucLinhVuc: { endpoint: 'catalog', perform: () => list(catalogue.sectors) },
    TraCuuTechID: {
      endpoint: 'catalog',
      perform: ({ document }) =>
        typeof document.mstorcmnd === 'string' && document.mstorcmnd !== ''
          ? list([{ TECHNICALID: `demo-tech-${document.mstorcmnd}` }])
          : codes.refusal('error', 'Trường mstorcmnd là bắt buộc'),
    },
  }
}

/** What the portal remembers; it forgets only when told. */
interface Memory {
  readonly dossiers: Map<string, { record: Document; readonly history: Operation[]; readonly progress: Document[] }>
  readonly operations: Operation[]
  readonly filed: Set<string>
  readonly calls: Call[]
  logins: number
  take(operation: {
    readonly exchange: Exchange
    readonly service: string
    readonly isUpdating?: boolean
    readonly dossierCode: string
    readonly item: Document
  }): void
  snapshot(): PortalState
  counts(): Readonly<Record<string, number>>
  clear(): void
}

function createMemory(): Memory {
  const memory: Memory = {
    dossiers: new Map(),
    operations: [],
    filed: new Set(),
    calls: [],
    logins: 0,
    take({ exchange, ...operation }) {
      const held: Operation = {
        ...operation,
        arrival: exchange.arrival,
        atMs: Date.now(),
        raw: exchange.body.toString('utf8'),
      }
      memory.operations.push(held)
      if (held.service === 'DongBoTrangThaiHoSo') return
      const dossier = memory.dossiers.get(held.dossierCode) ?? { record: held.item, history: [], progress: [] }
      if (held.service === 'DongBoHoSoMC') dossier.record = held.item
      else dossier.progress.push(held.item)
      dossier.history.push(held)
      memory.dossiers.set(held.dossierCode, dossier)
    },
    snapshot: () => ({
      dossiers: [...memory.dossiers].map(([code, { record, history, progress }]) => ({
        code,
        record,
        history: [...history],
        progress: [...progress],
      })),
      operations: [...memory.operations],
      filed: [...memory.filed].map((code) => ({
        code,
        outcomes: memory.operations.filter(
          ({ service, dossierCode }) => service === 'DongBoTrangThaiHoSo' && dossierCode === code,
        ),
      })),
      calls: [...memory.calls],
      logins: memory.logins,
    }),
    counts: () => ({
      dossiers: memory.dossiers.size,
      operations: memory.operations.length,
      calls: memory.calls.length,
      logins: memory.logins,
    }),
    clear() {
      memory.dossiers.clear()
      memory.operations.length = 0
      memory.filed.clear()
      memory.calls.length = 0
      memory.logins = 0
    },
  }
  return memory
}

function createSessions(options: PortalOptions) {
  const sessions = new Map<string, { uses: number; readonly sinceMs: number }>()
  return {
    open(): string {
      if (options.singleSession) sessions.clear()
      const token = randomUUID()
      sessions.set(token, { uses: 0, sinceMs: performance.now() })
      return token
    },
    /** Counts one call; false when the session is unknown, too old or used up. */
    use(token: unknown): boolean {
      if (typeof token !== 'string') return false
      const session = sessions.get(token)
      if (!session) return false
      session.uses += 1
      const isOver =
        session.uses > (options.sessionUses ?? Number.POSITIVE_INFINITY) ||
        performance.now() - session.sinceMs > (options.sessionTtlMs ?? Number.POSITIVE_INFINITY)
      if (isOver) sessions.delete(token)
      return !isOver
    },
    expireAll: () => sessions.clear(),
  }
}

type Codes = ReturnType<typeof createCodes>

/** The ways `error_code` is written in the field (wire-formats 1.1). */
const codeStyles = {
  int: { success: 0, error: -1, exists: -3 },
  string: { success: '0', error: '-1', exists: '-3' },
  'double-zero': { success: '00', error: '-1', exists: '3' },
} as const

function createCodes(style: CodeStyle) {
  const styles = [codeStyles.int, codeStyles.string, codeStyles['double-zero']] as const
  const successes = new WeakSet<Answer>()
  let answers = 0

  function next() {
    if (style !== 'mixed') return codeStyles[style]
    answers += 1
    return styles[answers % styles.length] ?? codeStyles.int
  }
  return {
    success(fields: Document): Answer {
      const answer = jsonAnswer(200, { error_code: next().success, ...fields })
      successes.add(answer)
      return answer
    },
    refusal: (kind: 'error' | 'exists', message: string): Answer =>
      jsonAnswer(200, { error_code: next()[kind], message, result: [] }),
    isSuccess: (answer: Answer) => successes.has(answer) || answer.body === 'Cập nhật thành công',
    messageOf(answer: Answer): string {
      const document = readDocument(Buffer.from(answer.body))
      return String(document?.message ?? '')
    },
  }
}

/** `/XrdAdapter/RestService/forward/mapi/login` → `mapi/login`; both names of the adapter are alive. */
function forwardedPath(path: string): string | undefined {
  return /^\/(?:XrdAdapter|VXPAdapter)\/RestService\/forward\/(.+)$/.exec(path)?.[1]
}

/** X-Road's own words for a destination it does not know; assumed, no source shows them behind these adapters. */
function unknownDestination(named: unknown): Answer {
  return named === undefined
    ? jsonAnswer(400, { type: 'Client.BadRequest', message: 'Missing dstcode', detail: '' })
    : jsonAnswer(500, { type: 'Server.ClientProxy.UnknownMember', message: 'Unknown member', detail: '' })
}

function readDocument(body: Buffer): Document | undefined {
  try {
    const document: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    return isDocument(document) ? document : undefined
  } catch {
    return undefined
  }
}

/** The request with the first half of its items. */
function firstHalf(document: Document | undefined): Document | undefined {
  if (!Array.isArray(document?.data)) return document
  return { ...document, data: document.data.slice(0, Math.floor(document.data.length / 2)) }
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The codes of dossiers in a document pushed to the province: a notice's own, or those of a list in `data`. */
function filedCodes(document: unknown): readonly string[] {
  if (!isDocument(document)) return []
  const items = [document, ...(Array.isArray(document.data) ? document.data : [document.data])]
  return items.flatMap((item) => (isDocument(item) && typeof item.MaHoSo === 'string' ? [item.MaHoSo] : []))
}

function readPushOrder(order: unknown): PushOrder {
  if (!isDocument(order) || typeof order.url !== 'string' || !isDocument(order.document)) {
    throw new BadOrder('a push needs "url" and "document"')
  }
  const headers = isDocument(order.headers) ? order.headers : {}
  return {
    url: order.url,
    document: order.document,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    ...(typeof order.timeoutMs === 'number' && { timeoutMs: order.timeoutMs }),
  }
}
