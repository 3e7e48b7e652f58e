import type { Flow } from './flow.ts'
import { canonical } from './flows/canonical.ts'
import { catalogue } from './flows/catalogue.ts'
import { documentAxis } from './flows/document-axis.ts'
import { dossierSync } from './flows/dossier-sync.ts'
import { dropIn } from './flows/drop-in.ts'
import { files } from './flows/files.ts'
import { heldProcedure } from './flows/held-procedure.ts'
import { portalFiling } from './flows/portal-filed.ts'
import { progressSync } from './flows/progress-sync.ts'
import { refusedItem } from './flows/refused-item.ts'
import { result } from './flows/result.ts'

/** Every flow of the demonstration, in the order in which they are played; one line each. */
export const flows: readonly Flow[] = [
  catalogue,
  dropIn,
  canonical,
  dossierSync,
  progressSync,
  result,
  portalFiling,
  heldProcedure,
  refusedItem,
  files,
  documentAxis,
]
