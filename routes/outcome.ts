import { defineRoute, patientRetry } from '../gateway/bus/route.ts'

/**
 * What became of a dossier filed at the national portal is told back to it, in the order it came about. An outcome that
 * is refused for good does not hold back a later one, which says more.
 */
export const outcome = defineRoute({
  name: 'outcome',
  on: ['dossier.outcome-reported.v1'],
  from: 'one-window',
  to: () => ['national-portal'],
  retry: { ...patientRetry, deadline: '90s' },
  onDead: 'pass',
})
