import type { ShelfItem } from '../../gateway/bus/store.ts'
import type { DropInAnswer } from './drop-in-answer.ts'
import { isObject, type JsonObject, type OneWindowContext, type Service, type Services } from './service-call.ts'

/** How long a shelf is answered from memory; products ask for a procedure with every dossier. */
const freshMs = 10_000

/** The catalogue services, answered from what was pulled from the national portal, in its own records. */
export function catalogueServices(context: OneWindowContext): Services {
  const procedures = shelfReader('procedures', context)
  const agencies = shelfReader('agencies', context)
  const sectors = shelfReader('sectors', context)
  return [
    ['LayDanhSachTTHC', list(procedures, ['MATTHC', 'TENTTHC'])],
    ['LayThuTuc', procedure(procedures, context)],
    ['LayDanhMucCoQuan', list(agencies, ['MADONVI', 'TENDONVI', 'CAPDONVI'])],
    ['LayDanhMucLinhVuc', list(sectors, ['MALINHVUC', 'TENLINHVUC', 'MANGANH'])],
  ]
}

type Shelf = () => Promise<readonly ShelfItem[]>

function shelfReader(name: string, { gateway, clock }: OneWindowContext): Shelf {
  let kept: { readonly items: Promise<readonly ShelfItem[]>; readonly untilMs: number } | undefined
  return () => {
    if (kept === undefined || kept.untilMs <= clock.monotonic()) {
      const items = gateway.shelf(name)
      kept = { items, untilMs: clock.monotonic() + freshMs }
      // A failed reading is not kept.
      items.catch(() => {
        kept = undefined
      })
    }
    return kept.items
  }
}

/** Only the list's own fields: a procedure's full record is for `LayThuTuc`. */
function list(shelf: Shelf, fields: readonly string[]): Service {
  return async () => {
    const items = await shelf()
    return items.length === 0 ? notYet : found(items.map(({ value }) => pick(recordOf(value), fields)))
  }
}

function pick(record: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(fields.map((field) => [field, columnOf(record, field)]))
}

/** The portal writes `MaTTHC` in the full record and `MATTHC` in the list (wire-formats 1.5). */
function columnOf(record: JsonObject, field: string): unknown {
  return record[field] ?? (field === 'MATTHC' ? record.MaTTHC : undefined)
}

function procedure(shelf: Shelf, { tables, clock }: OneWindowContext): Service {
  return async ({ document }) => {
    const items = await shelf()
    if (items.length === 0) return notYet
    const asked = String(document.maTTHC)
    const known = tables.resolveProcedure(asked, clock.now())
    for (const code of [asked, known?.portalCode, known?.procedure.nationalCode]) {
      const item = items.find(({ key }) => key === code)
      if (item) return found([item.value])
    }
    return found([])
  }
}

function recordOf(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

const found = (result: readonly unknown[]): DropInAnswer => ({ error_code: 0, message: 'Thành công', result })

/** An empty list would say that nothing exists, when we only have not heard yet. */
const notYet: DropInAnswer = { error_code: -1, message: 'Danh mục chưa được tải về; hãy thử lại sau.' }
