#!/usr/bin/env node
import { type Command, CommandError, type ExitCode, type Terminal, UsageError } from './command.ts'

/** Every subcommand; its file is read only when it is called. */
export const commands: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  check: {
    summary: 'check configuration, contracts and routes without starting',
    load: async () => (await import('./commands/check.ts')).check,
  },
  keys: {
    summary: 'make, register, list, rotate and revoke keys',
    load: async () => (await import('./commands/keys.ts')).keys,
  },
  send: {
    summary: 'sign a message and hand it to a gateway',
    load: async () => (await import('./commands/send.ts')).send,
  },
  status: {
    summary: 'ask a gateway where a message or a dossier stands',
    load: async () => (await import('./commands/status.ts')).status,
  },
  verify: {
    summary: 'check a receipt, or a store’s journal',
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  deliveries: {
    summary: 'search deliveries as an operator',
    load: async () => (await import('./commands/deliveries.ts')).deliveries,
  },
  hold: {
    summary: 'hold deliveries back',
    load: async () => (await import('./commands/intervention.ts')).interventionCommand('hold'),
  },
  release: {
    summary: 'let held deliveries go on',
    load: async () => (await import('./commands/intervention.ts')).interventionCommand('release'),
  },
  discard: {
    summary: 'give deliveries up as not needed',
    load: async () => (await import('./commands/intervention.ts')).interventionCommand('discard'),
  },
  expire: {
    summary: 'give deliveries up as too late',
    load: async () => (await import('./commands/intervention.ts')).interventionCommand('expire'),
  },
  replay: {
    summary: 'deliver once more, mapped afresh',
    load: async () => (await import('./commands/intervention.ts')).interventionCommand('replay'),
  },
  reread: {
    summary: 'read original bytes again with today’s mapping',
    load: async () => (await import('./commands/intervention.ts')).interventionCommand('reread'),
  },
  pause: {
    summary: 'stop a channel or a bulk',
    load: async () => (await import('./commands/flow-control.ts')).flowCommand('pause'),
  },
  resume: {
    summary: 'let a channel or a bulk go on',
    load: async () => (await import('./commands/flow-control.ts')).flowCommand('resume'),
  },
  cancel: {
    summary: 'end a bulk',
    load: async () => (await import('./commands/flow-control.ts')).flowCommand('cancel'),
  },
  diff: {
    summary: 'compare a shadow route with what was sent',
    load: async () => (await import('./commands/diff.ts')).diff,
  },
  simulate: {
    summary: 'run a partner’s stand-in',
    load: async () => (await import('./commands/simulate.ts')).simulate,
  },
}

/** Runs one command line; answers the exit code. Nothing is thrown. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === 'help') {
    terminal.print(overview())
    return name === undefined ? 2 : 0
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (entry === undefined) {
    terminal.say(`there is no command ${name}\n\n${overview()}`)
    return 2
  }
  const command = await entry.load()
  if (rest[0] === '--help') {
    terminal.print(command.usage)
    return 0
  }
  try {
    return await command.run(rest, terminal)
  } catch (thrown) {
    if (isUsageError(thrown)) {
      terminal.say(`${thrown.message}\n\n${command.usage}`)
      return 2
    }
    if (!(thrown instanceof CommandError)) throw thrown
    terminal.say(thrown.message)
    return 1
  }
}

/** parseArgs throws TypeErrors of its own for what it does not know. */
function isUsageError(thrown: unknown): thrown is Error {
  if (thrown instanceof UsageError) return true
  return thrown instanceof TypeError && 'code' in thrown && String(thrown.code).startsWith('ERR_PARSE_ARGS')
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return ['lienthong <command> [options]', '', ...lines, '', '`lienthong <command> --help` says more.'].join('\n')
}

async function askPerson(question: string): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises')
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  // Ctrl-C at the question is a no.
  const answer = await lines.question(`${question} [y/N] `).catch(() => '')
  lines.close()
  return /^(y|yes|c|có)$/i.test(answer.trim())
}

if (import.meta.main) {
  process.exitCode = await runCommandLine(process.argv.slice(2), {
    print: (text) => console.log(text),
    say: (text) => console.error(text),
    env: process.env,
    ...(process.stdin.isTTY ? { confirm: askPerson } : {}),
  })
}
