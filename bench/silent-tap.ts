import type { WireTap } from '../gateway/bus/gateway.ts'

/** Where nobody listens: what is measured is the bus alone. Failures are said all the same. */
export const silentTap: WireTap = {
  accepted() {},
  refused() {},
  attempted() {},
  channel() {},
  failed({ where, error }) {
    console.error(`${where}: ${error instanceof Error ? error.message : String(error)}`)
  },
}
