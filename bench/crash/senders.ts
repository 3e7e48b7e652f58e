import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CanonicalClient, CanonicalMessage } from '../../simulators/one-window/canonical-client.ts'
import type { DropInClient } from '../../simulators/one-window/drop-in-client.ts'
import type { Sent } from './oracle.ts'

/** What senders remember of a run. */
export interface Memory {
  readonly sent: Sent[]
  /** Answers nobody should have been given. */
  readonly surprises: string[]
  /** Requests made, answered 503 or 429, and cut off or refused. */
  readonly counts: { asked: number; turnedAway: number; unanswered: number; repeated: number }
}

export interface SenderOptions {
  readonly memory: Memory
  /** Tells this sender's dossiers from those of others. */
  readonly serial: number
  readonly random: () => number
  /** Between two statements, on average. */
  readonly pauseMs: number
  /** Once aborted no new dossier is begun, and what is under way is still brought to its receipt. */
  readonly stopping: AbortSignal
  /** Once aborted nobody waits for a receipt any more: the run has come to nothing. */
  readonly givingUp: AbortSignal
  /** A gateway whose clock is off takes a fresh signature for an old one, and says 401. */
  readonly isClockWrong: boolean
}

/** A statement as a sender makes it: until there is a receipt, and as often as it likes afterwards. */
interface Statement {
  readonly kind: Sent['kind']
  readonly code: string
  readonly place: number
  readonly marker: string
}

type Answer =
  | { readonly kind: 'accepted'; readonly receipt: string }
  | { readonly kind: 'later' }
  | { readonly kind: 'surprise'; readonly what: string }

/** The agency whose products send. */
export const unit = '000.10.01.H47'

export function newMemory(): Memory {
  return { sent: [], surprises: [], counts: { asked: 0, turnedAway: 0, unanswered: 0, repeated: 0 } }
}

/** A product at the drop-in door: no ids, so that only the latest statement about a dossier can be repeated. */
export async function sendLikeProduct(client: DropInClient, options: SenderOptions): Promise<void> {
  const say = async ({ kind, code, place, marker }: Statement): Promise<Answer> => {
    const batch =
      kind === 'record'
        ? ({
            service: 'DongBoHoSoMC',
            isUpdating: place === 0 ? 'False' : 'True',
            data: [record(code, marker)],
          } as const)
        : { service: 'CapNhatTienDoHoSoMC', data: [entry(code, place, marker)] }
    const { status, document } = await client.sendBatch(batch)
    const [first] = Array.isArray(document?.result) ? document.result : []
    if (status === 200 && document?.error_code === 0) return { kind: 'accepted', receipt: String(first?.BienNhan) }
    if (isLater(status) || /phiên/i.test(String(document?.message))) return { kind: 'later' }
    return { kind: 'surprise', what: `drop-in ${status} ${String(document?.error_code)}` }
  }
  await tellDossiers(options, async (statement) => {
    const receipt = await insist(() => say(statement), options)
    if (receipt !== undefined && options.random() < 0.25) await repeat(receipt, () => say(statement), options)
    return receipt
  })
}

/** A product at the canonical door: signed messages with a key of their own, repeated at any time later. */
export async function sendLikeClient(client: CanonicalClient, options: SenderOptions): Promise<void> {
  const { random, memory, isClockWrong } = options
  const earlier: { readonly message: CanonicalMessage; readonly receipt: string }[] = []
  const say = async (message: CanonicalMessage): Promise<Answer> => {
    const { status, text } = await client.send(message)
    if (status === 202) return { kind: 'accepted', receipt: text }
    if (isLater(status) || (isClockWrong && status === 401)) return { kind: 'later' }
    return { kind: 'surprise', what: `canonical ${status}` }
  }
  await tellDossiers(options, async (statement) => {
    const message = { jti: randomUUID(), detached: random() < 0.5, ...canonical(statement) }
    const receipt = await insist(() => say(message), options)
    if (receipt === undefined) return undefined
    earlier.push({ message, receipt })
    const known = earlier[Math.floor(random() * earlier.length)]
    if (known && random() < 0.25) await repeat(known.receipt, () => say(known.message), options)
    if (random() < 0.02) {
      const other = { ...message, ...canonical({ ...statement, marker: `${statement.marker} otherwise` }) }
      const answer = await ask(() => say(other), memory) // 409, or nobody there
      if (answer.kind === 'accepted')
        memory.surprises.push(`${statement.marker}: other content under its key was taken`)
    }
    return receipt
  })
}

/** Dossier after dossier: a record, then entries and further versions, each said once the one before has its receipt. */
async function tellDossiers(
  options: SenderOptions,
  tell: (statement: Statement) => Promise<string | undefined>,
): Promise<void> {
  const { memory, serial, random, pauseMs, stopping, givingUp } = options
  for (let number = 1; !stopping.aborted && !givingUp.aborted; number += 1) {
    const code = `${unit}-26${String(serial).padStart(4, '0')}-${String(number).padStart(5, '0')}`
    const steps = 2 + Math.floor(random() * 4)
    for (let place = 0; place < steps; place += 1) {
      const kind = place === 0 || random() < 0.3 ? 'record' : 'progress'
      const statement = { kind, code, place, marker: `${code} no. ${place}` } as const
      const receipt = await tell(statement)
      if (receipt === undefined) break
      memory.sent.push({ ...statement, receipt, messageId: messageIdOf(receipt) })
      await sleep(pauseMs * 2 * random())
    }
  }
}

/** Asks until there is a receipt; gives up only on an answer that should not be. */
async function insist(say: () => Promise<Answer>, { memory, givingUp }: SenderOptions): Promise<string | undefined> {
  for (let waitMs = 20; ; waitMs = Math.min(waitMs * 1.5, 250)) {
    const answer = await ask(say, memory)
    if (answer.kind === 'accepted') return answer.receipt
    if (answer.kind === 'surprise') {
      memory.surprises.push(answer.what)
      return undefined
    }
    if (givingUp.aborted) return undefined
    await sleep(waitMs)
  }
}

/** The same statement again: the same receipt, byte for byte, or no answer for now. */
async function repeat(receipt: string, say: () => Promise<Answer>, { memory }: SenderOptions): Promise<void> {
  memory.counts.repeated += 1
  const answer = await ask(say, memory)
  if (answer.kind === 'surprise') memory.surprises.push(`a repeat: ${answer.what}`)
  if (answer.kind === 'accepted' && answer.receipt !== receipt) memory.surprises.push('a repeat got another receipt')
}

async function ask(say: () => Promise<Answer>, { counts }: Memory): Promise<Answer> {
  counts.asked += 1
  try {
    const answer = await say()
    if (answer.kind === 'later') counts.turnedAway += 1
    return answer
  } catch {
    counts.unanswered += 1 // cut off, refused or late: nobody knows whether it was accepted
    return { kind: 'later' }
  }
}

function isLater(status: number): boolean {
  return status === 503 || status === 429
}

/** The `jti` a receipt was signed over. */
function messageIdOf(receipt: string): string {
  const claims: unknown = JSON.parse(Buffer.from(receipt.split('.')[1] ?? '', 'base64url').toString())
  return typeof claims === 'object' && claims !== null && 'jti' in claims ? String(claims.jti) : ''
}

function record(code: string, marker: string) {
  return {
    MaHoSo: code,
    MaTTHC: '1.001193',
    TenTTHC: 'Đăng ký khai sinh',
    MaLinhVuc: 'G15-HT01',
    TenLinhVuc: 'Hộ tịch',
    KenhThucHien: '1',
    ChuHoSo: 'NGUYEN VAN A',
    SoGiayToChuHoSo: '049090000001',
    LoaiDoiTuong: '1',
    TrichYeuHoSo: marker,
    NgayTiepNhan: '20261015083000',
    NgayHenTra: '20261016170000',
    TrangThaiHoSo: '2',
    HinhThuc: '0',
    DonViXuLy: 'Ủy ban nhân dân xã Mẫu Một',
    TaiLieuNop: [],
    NoiNopHoSo: '2',
    HoSoCoThanhPhanSoHoa: '0',
    TaiKhoanDuocXacThucVoiVNeID: '0',
    DuocThanhToanTrucTuyen: '0',
    DinhDanhCHS: [{ LoaiDinhDanh: '1', SoDinhDanh: '049090000001' }],
    NgayNopHoSo: '20261015080000',
    DSKetNoiCSDL: [{ MaCSDL: '1' }],
  }
}

function entry(code: string, place: number, marker: string) {
  return {
    MaHoSo: code,
    NguoiXuLy: 'TRAN THI B',
    ThoiDiemXuLy: `20261015${10 + place}0000`,
    NoiDungXuLy: marker,
    TrangThai: '4',
  }
}

function canonical({ kind, code, place, marker }: Statement) {
  const about = { dossierCode: code, receivingUnit: { code: 'H47.101' } }
  if (kind === 'progress') {
    const processedAt = `2026-10-15T0${place}:00:00.000Z`
    const officer = { name: 'TRAN THI B' }
    return {
      type: 'dossier.progressed.v1',
      body: { ...about, status: 'processing', processedAt, officer, content: marker },
    }
  }
  return {
    type: 'dossier.received.v1',
    body: {
      ...about,
      procedure: { code: '1.001193', name: 'Đăng ký khai sinh', sectorCode: 'G15-HT01', sectorName: 'Hộ tịch' },
      processingUnit: { name: 'Ủy ban nhân dân xã Mẫu Một' },
      owner: {
        kind: 'citizen',
        name: 'NGUYEN VAN A',
        paperNumber: '049090000001',
        identities: [{ kind: 'citizen-card', number: '049090000001' }],
        accountVerified: false,
      },
      channel: 'direct',
      filedThrough: 'province',
      summary: marker,
      status: 'accepted',
      submittedAt: '2026-10-15T01:00:00.000Z',
      receivedAt: '2026-10-15T01:30:00.000Z',
      dueAt: '2026-10-16T10:00:00.000Z',
      returnMethod: 'direct',
      hasDigitisedComponent: false,
      onlinePayment: 'none',
      databasesUsed: ['1'],
    },
  }
}
