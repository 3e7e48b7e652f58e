import type { AdapterDefinition } from './definition.ts'
import { documentAxis } from './document-axis/document-axis.ts'
import { nationalPortal } from './national-portal/national-portal.ts'
import { oneWindow } from './one-window/one-window.ts'

/** Every system the gateway can reach, one line each. */
export const adapters: readonly AdapterDefinition<unknown>[] = [oneWindow, nationalPortal, documentAxis]
