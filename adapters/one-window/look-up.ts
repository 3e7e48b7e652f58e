import { errorTable } from '../../gateway/bus/errors.ts'
import type { DeliveryView, MessageView } from '../../gateway/bus/store.ts'
import { instantToPortal } from '../../mappings/national-portal/time.ts'
import { statuses } from '../../mappings/tables/statuses.ts'
import { isObject, type JsonObject, type OneWindowContext, type ServiceCall, type Services } from './service-call.ts'

/**
 * `TraCuuHoSo`: found means that we hold it, which is what products decide `isUpdating` from. What became of it since
 * stands in three fields of our own: `TrangThaiDongBo`, `LyDo`, `NgayDongBo`.
 */
export function lookUpService(context: OneWindowContext): Services {
  return [
    [
      'TraCuuHoSo',
      async (call) => {
        const found = await ownMessages(call, context)
        return { error_code: 0, message: 'Thành công', result: found.length === 0 ? [] : [standingOf(found)] }
      },
    ],
  ]
}

/** What this account's agencies said of the dossier, oldest first; empty unless the dossier itself was among it. */
async function ownMessages(call: ServiceCall, context: OneWindowContext): Promise<readonly MessageView[]> {
  const { gateway, system, tables, clock } = context
  const asked = String(call.document.mahoso)
  const unit = tables.resolveAgency(call.madonvi, clock.now())?.id ?? call.madonvi
  const ledger =
    (await gateway.dossier(asked, system)) ?? (await gateway.dossier(`receipt-number:${unit}:${asked}`, system))
  const own = (ledger?.messages ?? []).filter(
    ({ message }) => message.source === system && tables.speaksFor(call.credential.speaksFor, unitOf(message.body)),
  )
  const dossier = own.findLast(
    ({ message }) =>
      message.type === received &&
      isObject(message.body) &&
      (message.body.dossierCode === asked || message.body.receiptNumber === asked),
  )
  const code = dossier && memberOf(dossier.message.body, 'dossierCode')
  return own.filter(({ message }) => code !== undefined && memberOf(message.body, 'dossierCode') === code)
}

const received = 'dossier.received.v1'

function standingOf(messages: readonly MessageView[]): JsonObject {
  const latest = messages.at(-1)
  const code = String(memberOf(latest?.message.body, 'dossierCode'))
  const status = messages.map(({ message }) => memberOf(message.body, 'status')).findLast((name) => name !== undefined)
  // Each full record replaces the one before; every progress entry stands for itself.
  const record = messages.findLast(({ message }) => message.type === received)
  const deliveries = messages
    .filter((view) => view === record || view.message.type !== received)
    .flatMap((view) => view.deliveries)
  const state = statesByGravity.find(({ states }) => deliveries.some((delivery) => states.includes(delivery.state)))
  const worst = state && deliveries.find((delivery) => state.states.includes(delivery.state))
  const settled = deliveries.flatMap((one) => (one.state === 'delivered' ? [one.settledAtMs ?? 0] : []))
  return {
    MaHoSo: code,
    TrangThaiHoSo: statuses.codeOf(String(status)) ?? '',
    TrangThaiDongBo: state?.name ?? 'DANG_XU_LY',
    LyDo: state?.name === 'DA_DONG_BO' || !worst ? '' : reasonOf(worst),
    NgayDongBo: settled.length === 0 ? '' : instantToPortal(new Date(Math.max(...settled)).toISOString()),
  }
}

/** The first that fits any delivery is what the dossier's sender is told. */
const statesByGravity: readonly { readonly name: string; readonly states: readonly DeliveryView['state'][] }[] = [
  { name: 'BI_TU_CHOI', states: ['dead', 'expired', 'discarded'] },
  { name: 'TAM_GIU', states: ['held'] },
  { name: 'DANG_XU_LY', states: ['waiting', 'leased', 'blocked'] },
  { name: 'DA_DONG_BO', states: ['delivered'] },
]

function reasonOf({ system, reason }: DeliveryView): string {
  if (!reason) return ''
  const { code, field, rule } = reason
  const place = field === undefined ? '' : ` [${field}${rule === undefined ? '' : `: ${rule}`}]`
  return `${system}: ${errorTable[code].vietnamese}${place}`
}

function unitOf(body: unknown): string {
  return String(memberOf(memberOf(body, 'receivingUnit'), 'code'))
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined
}
