import { defineRoute, patientRetry } from '../gateway/bus/route.ts'

/**
 * A result that the one-window states apart from the full record is shown at the national portal as part of the
 * dossier last recorded. One that is refused for good keeps later messages back, since those would build on it.
 */
export const result = defineRoute({
  name: 'result',
  on: ['result.issued.v1'],
  from: 'one-window',
  to: () => ['national-portal'],
  retry: { ...patientRetry, deadline: '90s' },
  onDead: 'hold-lane',
})
