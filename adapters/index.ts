import type { AdapterDefinition } from './definition.ts'
import { oneWindow } from './one-window/one-window.ts'

/** Every system the gateway can reach, one line each. */
export const adapters: readonly AdapterDefinition<unknown>[] = [oneWindow]
