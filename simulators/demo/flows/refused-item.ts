import { unitOf } from '../dossiers.ts'
import { type Flow, unlessTrue } from '../flow.ts'
import { mixedBatch } from '../troubled-dossiers.ts'

const { items, refusedCode, stories } = mixedBatch()

/** Five dossiers in one request, one of them invalid: four are taken, one is named with its field and rule. */
export const refusedItem: Flow = {
  name: 'refused-item',
  cast: stories.map(({ code, title }) => ({ code, title })),
  async play(stage) {
    const product = stage.product(unitOf(refusedCode))
    const send = () => product.sendBatch({ service: 'DongBoHoSoMC', isUpdating: 'False', data: items })
    const answer = await send()
    // As a person does who has seen an error: the whole batch once more. It adds nothing.
    await send()
    const message = String(answer.document?.message)
    return async () => {
      const ledgers = await Promise.all(items.map(({ MaHoSo }) => stage.ledger(String(MaHoSo))))
      const held = ledgers.map((ledger) => ledger?.messages.filter(({ source }) => source === 'one-window').length ?? 0)
      const expected = items.map(({ MaHoSo }) => (MaHoSo === refusedCode ? 0 : 1))
      return {
        messages: stories.length,
        differences: [
          ...unlessTrue(String(answer.document?.error_code) === '-1', `the batch was answered ${answer.text}`),
          ...unlessTrue(message.includes(refusedCode), `the answer does not name ${refusedCode}: ${message}`),
          ...unlessTrue(message.includes('NgayTiepNhan'), `the answer does not name the field: ${message}`),
          ...unlessTrue(held.join() === expected.join(), `messages held of the five: ${held.join()}`),
        ],
        remarks: [`a batch of ${items.length} was answered: ${message}`],
      }
    }
  },
}
