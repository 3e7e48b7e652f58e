import type { PortalState } from '../national-portal/portal.ts'
import type { Role } from './flow.ts'
import type { Ledger } from './ledger.ts'

export interface Summary {
  readonly roles: readonly Role[]
  readonly ledgers: ReadonlyMap<string, Ledger>
  readonly portal: PortalState
}

/** A row per dossier: what entered, where it stands at each system, how many attempts it took, what the portal shows. */
export function summaryTable({ roles, ledgers, portal }: Summary): string {
  const held = new Map(portal.dossiers.map(({ code, record }) => [code, String(record.TrangThaiHoSo)]))
  const rows = roles.map(({ code, title }) => {
    const ledger = ledgers.get(code)
    const status = statusNames[held.get(code) ?? '']
    return [
      code,
      clipped(title, 44),
      ledger === undefined ? '-' : enteredOf(ledger),
      ...['national-portal', 'one-window'].map((system) => standingOf(ledger, system)),
      String(attemptsOf(ledger)),
      status ?? '-',
    ]
  })
  const table = [columns, ...rows]
  const widths = columns.map((_, index) => Math.max(...table.map((cells) => width(cells[index] ?? ''))))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd()
  return [line(columns), line(widths.map((count) => '─'.repeat(count))), ...rows.map(line)].join('\n')
}

const columns = ['Dossier', 'Hồ sơ', 'Entered', 'National portal', 'One-window', 'Attempts', 'Status at the portal']

const shortNames: Readonly<Record<string, string>> = {
  'dossier.received.v1': 'record',
  'dossier.progressed.v1': 'step',
  'result.issued.v1': 'result',
  'dossier.submitted.v1': 'filing',
  'dossier.outcome-reported.v1': 'outcome',
  'delivery.reported.v1': 'notice',
}

const statusNames: Readonly<Record<string, string>> = {
  '1': 'Mới đăng ký',
  '2': 'Được tiếp nhận',
  '3': 'Không được tiếp nhận',
  '4': 'Đang xử lý',
  '5': 'Yêu cầu bổ sung',
  '6': 'Yêu cầu nghĩa vụ tài chính',
  '7': 'Rút hồ sơ',
  '8': 'Dừng xử lý',
  '9': 'Đã xử lý xong',
  '10': 'Đã trả kết quả',
}

/** `4 records, 4 steps`. */
function enteredOf({ messages }: Ledger): string {
  const counts = new Map<string, number>()
  for (const { type } of messages) counts.set(type, (counts.get(type) ?? 0) + 1)
  return [...counts].map(([type, count]) => `${count} ${shortNames[type] ?? type}${count > 1 ? 's' : ''}`).join(', ')
}

/** `delivered 8`, or what the lane waits for. */
function standingOf(ledger: Ledger | undefined, system: string): string {
  const standing = ledger?.systems.find((one) => one.system === system)
  if (!standing) return '-'
  return standing.state === 'delivered' ? `delivered ${standing.delivered}` : standing.state
}

function attemptsOf(ledger: Ledger | undefined): number {
  const deliveries = ledger?.messages.flatMap((message) => message.deliveries) ?? []
  return deliveries.reduce((sum, { attempts }) => sum + attempts.length, 0)
}

function clipped(text: string, most: number): string {
  const letters = [...text.normalize('NFC')]
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : letters.join('')
}

/** Composed letters take one column each in a terminal. */
function width(text: string): number {
  return [...text.normalize('NFC')].length
}
