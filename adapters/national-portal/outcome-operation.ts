import type { DossierOutcomeReported } from '../../contracts/canonical/types.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { outcomeRequestType, outcomeToPortal } from '../../mappings/national-portal/outcome.ts'
import {
  checkSent,
  delivered,
  notThere,
  type Operation,
  type OperationPorts,
  refusal,
  repeatAsConfigured,
} from './operation.ts'

const service = 'DongBoTrangThaiHoSo'

/** `dossier.outcome-reported.v1`: what became of a dossier that was filed at the portal. */
export function outcomeOperation({ client, contracts, settings }: OperationPorts): Operation {
  const document = async (message: Message) => {
    const data = outcomeToPortal(message.body as DossierOutcomeReported) // accepted under this very contract
    checkSent(service, data, contracts)
    return data
  }
  return {
    document,
    async deliver(message, attempt, signal) {
      const data = await document(message)
      const answer = await client.call({
        service,
        endpoint: 'data',
        // `data` is an object here, not a list (wire-formats 1.6).
        fields: { type: outcomeRequestType, data },
        beforeSend: () => attempt.beforeSend(),
        signal,
      })
      if (answer.verdict === 'missing') throw notThere(answer)
      if (answer.verdict !== 'accepted') throw refusal(answer)
      return delivered(answer, { document: data })
    },
    lookup: async () => repeatAsConfigured(settings),
  }
}
