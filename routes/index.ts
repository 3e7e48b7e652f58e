import type { Route } from '../gateway/bus/route.ts'
import { documentIn } from './document-in.ts'
import { documentOut } from './document-out.ts'
import { dossierSync } from './dossier-sync.ts'
import { outcome } from './outcome.ts'
import { portalFiled } from './portal-filed.ts'
import { progressSync } from './progress-sync.ts'
import { result } from './result.ts'

/** Every business flow, by name; where two name one receiver for a message, the first carries it. */
export const routes: readonly Route[] = [
  dossierSync,
  progressSync,
  result,
  portalFiled,
  outcome,
  documentOut,
  documentIn,
]
