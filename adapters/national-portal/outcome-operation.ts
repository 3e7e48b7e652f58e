import type { DossierOutcomeReported } from '../../contracts/canonical/types.ts'
import { outcomeRequestType, outcomeToPortal } from '../../mappings/national-portal/outcome.ts'
import { entryOperation } from './entry-operation.ts'
import type { Operation, OperationPorts } from './operation.ts'

/** `dossier.outcome-reported.v1`: what became of a dossier that was filed at the portal. */
export function outcomeOperation(ports: OperationPorts): Operation {
  return entryOperation(
    {
      service: 'DongBoTrangThaiHoSo',
      documentOf: ({ body }) => outcomeToPortal(body as DossierOutcomeReported), // accepted under this very contract
      // `data` is an object here, not a list (wire-formats 1.6).
      fieldsOf: (data) => ({ type: outcomeRequestType, data }),
    },
    ports,
  )
}
