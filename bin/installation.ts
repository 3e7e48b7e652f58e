import type { AdapterDefinition } from '../adapters/definition.ts'
import type { Route } from '../gateway/bus/route.ts'

/** The lists this installation is made of. */
export interface Installation {
  readonly adapters: readonly Pick<AdapterDefinition<never>, 'system' | 'settings'>[]
  readonly routes: readonly Route[]
}

/** Reads both lists; they bring every adapter along, and most commands need none. */
export async function readInstallation(): Promise<Installation> {
  const [{ adapters }, { routes }] = await Promise.all([import('../adapters/index.ts'), import('../routes/index.ts')])
  return { adapters, routes }
}
