import { setTimeout as sleep } from 'node:timers/promises'
import { isUnderWay, type Ledger } from './ledger.ts'
import type { Stage } from './stage.ts'

/** How long everything may take to come to rest. */
const patienceMs = 30_000

/**
 * The ledgers of these dossiers once no delivery of theirs is under way; what has not ended in time is left to whoever
 * compares.
 */
export async function untilAtRest(
  stage: Pick<Stage, 'ledger'>,
  codes: readonly string[],
): Promise<ReadonlyMap<string, Ledger>> {
  const startedAt = performance.now()
  for (;;) {
    const found = await Promise.all(codes.map(async (code) => [code, await stage.ledger(code)] as const))
    const ledgers = new Map(found.flatMap(([code, ledger]) => (ledger ? [[code, ledger] as const] : [])))
    const isAtRest = ![...ledgers.values()].some(isUnderWay)
    if (isAtRest || performance.now() - startedAt > patienceMs) return ledgers
    await sleep(100)
  }
}
