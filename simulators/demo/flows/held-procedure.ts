import { isSuccess } from '../../one-window/drop-in-client.ts'
import { unitOf } from '../dossiers.ts'
import { type Flow, unlessTrue } from '../flow.ts'
import { unknownProcedure } from '../troubled-dossiers.ts'

const { code, title, item } = unknownProcedure()

/** A dossier whose procedure nobody has published is taken, held for the portal, and explained to whoever asks. */
export const heldProcedure: Flow = {
  name: 'held-procedure',
  cast: [{ code, title }],
  async play(stage) {
    const product = stage.product(unitOf(code))
    const answer = await product.call({ service: 'DongBoHoSoMC', isUpdating: 'False', data: [item] })
    return async () => {
      const ledger = await stage.ledger(code)
      const delivery = ledger?.messages[0]?.deliveries.find(({ system }) => system === 'national-portal')
      const { document } = await product.call({ service: 'TraCuuHoSo', mahoso: code })
      const [row] = Array.isArray(document?.result) ? document.result : []
      const { messages } = await stage.oneWindowState()
      const told = messages.filter(({ document: { type, subject } }) => type === notice && subject === code)
      const reason = delivery?.reason
      return {
        messages: 1,
        differences: [
          ...unlessTrue(isSuccess(answer), `${code}: answered ${answer.text}`),
          ...unlessTrue(delivery?.state === 'held', `${code}: it is ${delivery?.state ?? 'nowhere'}, not held`),
          ...unlessTrue(reason?.code === 'procedure-unknown', `${code}: held for ${reason?.code ?? 'no reason'}`),
          ...unlessTrue(row?.TrangThaiDongBo === 'TAM_GIU', `${code}: TraCuuHoSo says ${row?.TrangThaiDongBo}`),
          ...unlessTrue(told.length === 1, `${code}: the one-window was told ${told.length} times, not once`),
        ],
        remarks: [
          `${code} is held: ${reason?.vietnamese ?? ''} [${reason?.field ?? ''}] ${reason?.sentence ?? ''}`,
          `  TraCuuHoSo tells its product: ${row?.TrangThaiDongBo ?? ''}, ${row?.LyDo ?? ''}`,
        ],
      }
    }
  },
}

const notice = 'delivery.reported.v1'
