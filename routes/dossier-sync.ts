import { defineRoute, patientRetry } from '../gateway/bus/route.ts'

/**
 * Every dossier the one-window records is shown at the national portal, in the order it was recorded. A dossier that
 * the portal refuses for good keeps its later messages back until a person has looked: progress without its dossier
 * would be refused too.
 */
export const dossierSync = defineRoute({
  name: 'dossier-sync',
  on: ['dossier.received.v1'],
  from: 'one-window',
  to: () => ['national-portal'],
  // One attempt may log in, create, be told "exists" and update.
  retry: { ...patientRetry, deadline: '90s' },
  onDead: 'hold-lane',
})
