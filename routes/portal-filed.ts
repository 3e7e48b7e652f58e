import { defineRoute, patientRetry } from '../gateway/bus/route.ts'

/**
 * A dossier filed at the national portal is handed, signed, to the one-window that is to receive it. The owner is
 * waiting: it is tried for a fortnight, and a refusal is seen by a person.
 */
export const portalFiled = defineRoute({
  name: 'portal-filed',
  on: ['dossier.submitted.v1'],
  from: 'national-portal',
  to: () => ['one-window'],
  retry: patientRetry,
  onDead: 'hold-lane',
})
