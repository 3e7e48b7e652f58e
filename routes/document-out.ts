import { defineRoute, patientRetry } from '../gateway/bus/route.ts'

/** Official documents of the province, and what its agencies report on those they received, go to the document axis. */
export const documentOut = defineRoute({
  name: 'document-out',
  on: ['document.sent.v1', 'document.status-reported.v1'],
  from: 'one-window',
  to: () => ['document-axis'],
  retry: { ...patientRetry, deadline: '2m' },
  onDead: 'hold-lane',
})
