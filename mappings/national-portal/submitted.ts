import type { DossierSubmitted } from '../../contracts/canonical/types.ts'
import type { SubmittedItem } from '../../contracts/partners/national-portal/types.ts'
import { present } from '../present.ts'
import { statuses } from '../tables/statuses.ts'
import { filingFromPortal } from './filing.ts'
import { givenInstant, givenName } from './reading.ts'

/**
 * A dossier filed at the national portal, in the form of `DongBoHoSoMC`, as `dossier.submitted.v1` for the unit that
 * is to receive it. The form is assumed (wire-formats 1.6: the payload of `nhanhsdvcqg` was not found).
 */
export function submittedFromPortal(
  item: SubmittedItem,
  { receivingUnit }: { readonly receivingUnit: string },
): DossierSubmitted {
  return present({
    ...filingFromPortal(item),
    receivingUnit: { code: receivingUnit },
    status: givenName(item.TrangThaiHoSo, { field: 'TrangThaiHoSo', table: statuses }),
    receivedAt: givenInstant(item.NgayTiepNhan, 'NgayTiepNhan'),
  })
}
