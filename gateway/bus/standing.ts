import { GatewayError } from './errors.ts'
import type { Draft } from './message.ts'
import type { Acceptance, Store } from './store.ts'

/** The first record of a dossier, and every later full record by somebody it belongs to, says whose it is. */
const sayWhose: ReadonlySet<string> = new Set(['dossier.received.v1', 'dossier.submitted.v1'])

/**
 * Refuses who may write for none of the units a dossier belongs to, and notes whose it is from now on. What was read is
 * checked again in the write. Throws `unit-not-allowed`.
 */
export async function attachStanding(
  drafts: readonly Draft[],
  { acceptances, store }: { acceptances: readonly Acceptance[]; store: Pick<Store, 'standings'> },
): Promise<readonly Acceptance[]> {
  if (!drafts.some(({ standing }) => standing)) return acceptances
  const stored = await store.standings(drafts.map(namesOf))
  const known = new Map<string, readonly string[] | undefined>(stored.map(({ subject, units }) => [subject, units]))
  return acceptances.map((acceptance, index) => {
    const draft = drafts[index]
    const subject = stored[index]?.subject ?? acceptance.message.subject
    if (!draft?.standing || draft.standing.units.length === 0) return acceptance // nothing that belongs to a unit
    const seen = known.get(subject)
    checkUnits(draft.standing, seen)
    const now = seen === undefined || sayWhose.has(draft.type) ? draft.standing.units : seen
    known.set(subject, now)
    return { ...acceptance, units: { seen, now } }
  })
}

/** Throws `unit-not-allowed` when the draft's sender may write for none of the dossier's units. */
export async function checkStanding(draft: Draft, store: Pick<Store, 'standings'>): Promise<void> {
  if (!draft.standing || draft.standing.units.length === 0) return
  const [standing] = await store.standings([namesOf(draft)])
  checkUnits(draft.standing, standing?.units)
}

const namesOf = ({ subject, sameAs = [] }: Draft): readonly string[] => [subject, ...sameAs]

function checkUnits({ mayWriteFor }: NonNullable<Draft['standing']>, units: readonly string[] | undefined): void {
  if (units === undefined || units.some(mayWriteFor)) return
  throw new GatewayError('unit-not-allowed', { rule: 'dossier of another unit' })
}
