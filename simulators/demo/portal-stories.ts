import { canonicalDossiers } from './canonical-dossiers.ts'
import type { Story } from './comparison.ts'
import { demoDossiers } from './dossiers.ts'
import { mixedBatch } from './troubled-dossiers.ts'

/** Everything the portal must hold of the one-window's dossiers once all flows have been played; and nothing else. */
export function portalStories(): readonly Story[] {
  return [...demoDossiers(), ...canonicalDossiers(), ...mixedBatch().stories]
}
