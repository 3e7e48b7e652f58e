import type { DossierProgressed } from '../../contracts/canonical/types.ts'
import { progressToPortal } from '../../mappings/national-portal/progress.ts'
import { entryOperation } from './entry-operation.ts'
import { notThere, type Operation, type OperationPorts } from './operation.ts'

/** `dossier.progressed.v1`: only after its dossier. */
export function progressOperation(ports: OperationPorts): Operation {
  return entryOperation(
    {
      service: 'CapNhatTienDoHoSoMC',
      documentOf: ({ body }) => progressToPortal(body as DossierProgressed), // accepted under this very contract
      fieldsOf: (item) => ({ data: [item] }),
      async checkThere(attempt) {
        const isThere = attempt.memory.exists ?? (await attempt.earlier(['dossier.received.v1'])).length > 0
        if (isThere !== true) throw notThere()
      },
      memoryWhenMissing: ({ memory }) => ({ ...memory, exists: false }),
    },
    ports,
  )
}
