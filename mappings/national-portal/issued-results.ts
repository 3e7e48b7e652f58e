import type { DossierReceived, ResultIssued, ResultPaper } from '../../contracts/canonical/types.ts'
import { present } from '../present.ts'

/** The dossier with what later results say of it, oldest first: what a result states counts, what it does not stays. */
export function withResults(dossier: DossierReceived, results: readonly ResultIssued[]): DossierReceived {
  let body = dossier
  for (const { status, issuedAt, returnedAt, returnNote, results: papers } of results) {
    const stated = present({ status, finishedAt: issuedAt, returnedAt, returnNote })
    body = { ...body, ...stated, results: joined(body.results ?? [], papers) }
  }
  return body
}

/** A paper with the id or the address of an earlier one takes its place. */
function joined(earlier: readonly ResultPaper[], later: readonly ResultPaper[]): readonly ResultPaper[] {
  const kept = earlier.filter((paper) => !later.some((other) => isSame(paper, other)))
  return [...kept, ...later]
}

function isSame(a: ResultPaper, b: ResultPaper): boolean {
  if (a.paperId !== undefined || b.paperId !== undefined) return a.paperId === b.paperId
  return a.url !== undefined && a.url === b.url
}
