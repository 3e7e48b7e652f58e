import type { DossierProgressed } from '../../contracts/canonical/types.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { progressToPortal } from '../../mappings/national-portal/progress.ts'
import {
  checkSent,
  delivered,
  notThere,
  type Operation,
  type OperationPorts,
  refusal,
  repeatAsConfigured,
} from './operation.ts'

const service = 'CapNhatTienDoHoSoMC'

/** `dossier.progressed.v1`: one entry per call, and only after its dossier. */
export function progressOperation({ client, contracts, settings }: OperationPorts): Operation {
  const document = async (message: Message) => {
    const item = progressToPortal(message.body as DossierProgressed) // accepted under this very contract
    checkSent(service, item, contracts)
    return item
  }
  return {
    document,
    async deliver(message, attempt, signal) {
      const item = await document(message)
      const isThere = attempt.memory.exists ?? (await attempt.earlier(['dossier.received.v1'])).length > 0
      if (isThere !== true) throw notThere()
      const answer = await client.call({
        service,
        endpoint: 'data',
        fields: { data: [item] },
        beforeSend: () => attempt.beforeSend(),
        signal,
      })
      if (answer.verdict === 'missing') throw notThere(answer, { ...attempt.memory, exists: false })
      if (answer.verdict !== 'accepted') throw refusal(answer)
      return delivered(answer, { document: item })
    },
    lookup: async () => repeatAsConfigured(settings),
  }
}
