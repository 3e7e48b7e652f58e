import { defineRoute, patientRetry } from '../gateway/bus/route.ts'

/**
 * Every processing step reaches the national portal once and in order, after its dossier. A step that the portal
 * refuses for good is seen by a person and does not hold back the steps after it.
 */
export const progressSync = defineRoute({
  name: 'progress-sync',
  on: ['dossier.progressed.v1'],
  from: 'one-window',
  to: () => ['national-portal'],
  retry: { ...patientRetry, deadline: '90s' },
  onDead: 'pass',
})
