import { defineRoute, patientRetry } from '../gateway/bus/route.ts'

/** Official documents for the province's agencies, and what became of theirs elsewhere, come from the document axis. */
export const documentIn = defineRoute({
  name: 'document-in',
  on: ['document.sent.v1', 'document.status-reported.v1'],
  from: 'document-axis',
  to: () => ['one-window'],
  retry: { ...patientRetry, deadline: '2m' },
  onDead: 'pass',
})
