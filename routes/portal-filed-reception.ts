import type { ProcessDefinition } from '../gateway/bus/process.ts'
import { endOfWorkingDay, type WorkCalendar } from '../gateway/bus/working-days.ts'

interface Waiting {
  readonly filedAtMs: number
  readonly dueAtMs: number
}

export interface ReceptionTerm {
  /** Working days after the day of filing. Which term a procedure has is the province's; one day is assumed by default. */
  readonly workingDays: number
  readonly calendar: WorkCalendar
}

/**
 * A dossier filed at the national portal waits to be received: the one-window records it or reports an outcome. When
 * nobody has within the term, a person is told.
 */
export function portalFiledReception({ workingDays, calendar }: ReceptionTerm): ProcessDefinition {
  return {
    name: 'portal-filed-reception',
    startsOn: ['dossier.submitted.v1'],
    continuesOn: ['dossier.received.v1', 'dossier.outcome-reported.v1'],
    step(state, input) {
      if (input.kind === 'release') return {}
      if (input.kind === 'timer') {
        return { state, exception: { code: 'reception-overdue', cause: 'business', rule: 'portal-filed-reception' } }
      }
      const { type, acceptedAtMs } = input.message
      if (type !== 'dossier.submitted.v1') return {}
      if (state !== undefined) return { state } // filed again: the term runs from the first
      const waiting: Waiting = {
        filedAtMs: acceptedAtMs,
        dueAtMs: endOfWorkingDay(acceptedAtMs, workingDays, calendar),
      }
      return { state: waiting, timers: { reception: waiting.dueAtMs } }
    },
  }
}
