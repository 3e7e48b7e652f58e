import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { type Command, type ExitCode, UsageError } from '../command.ts'

const folder = path.resolve(import.meta.dirname, '../../simulators')

/** Runs a stand-in as a process of its own. */
export const simulate: Command = {
  usage: `lienthong simulate SYSTEM [options of that stand-in]

Runs a partner's stand-in until it is interrupted; prints one line of JSON with its URL when it is ready.
Systems: ${standIns().join(', ')}. \`lienthong simulate SYSTEM --help\` prints its own options.

Examples
  lienthong simulate national-portal --port 8801
  lienthong simulate one-window --port 8802`,

  async run(args) {
    const [system, ...rest] = args
    if (system === undefined || !standIns().includes(system)) {
      throw new UsageError(`simulate wants one of: ${standIns().join(', ')}`)
    }
    const child = spawn(process.execPath, [path.join(folder, system, 'main.ts'), ...rest], { stdio: 'inherit' })
    // The terminal interrupts the whole group; a SIGTERM reaches us alone and is passed on.
    const pass = (signal: NodeJS.Signals) => void child.kill(signal)
    const wait = () => undefined
    process.once('SIGTERM', pass)
    process.on('SIGINT', wait)
    return await new Promise<ExitCode>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => {
        process.off('SIGTERM', pass)
        process.off('SIGINT', wait)
        resolve(code === 0 || signal === 'SIGTERM' || signal === 'SIGINT' ? 0 : code === 2 ? 2 : 1)
      })
    })
  },
}

function standIns(): readonly string[] {
  return readdirSync(folder).filter((name) => existsSync(path.join(folder, name, 'main.ts')))
}
