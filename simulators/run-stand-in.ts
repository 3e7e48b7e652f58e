import type { StandIn } from './stand-in.ts'

export interface StandInProcess {
  readonly system: string
  readonly usage: string
  start(): Promise<StandIn & { readonly ready?: Readonly<Record<string, unknown>> }>
}

/**
 * Runs a stand-in as this process: prints one line of JSON when it listens, and ends with SIGTERM, SIGINT or, when it
 * was forked with a channel, its parent. A wrong command line explains itself and exits 2.
 */
export async function runStandIn({ system, usage, start }: StandInProcess): Promise<void> {
  if (process.argv.includes('--help')) return console.log(usage)
  try {
    const standIn = await start()
    for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'])
      process.once(signal, () => void standIn.close().then(exit))
    // Its parent ended while it was starting: nobody will say so again.
    if (process.connected === false) process.emit('disconnect')
    console.log(JSON.stringify({ system, port: standIn.port, url: standIn.url, ...standIn.ready }))
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exitCode = 2
  }
}

function exit(): never {
  process.exit(0)
}
