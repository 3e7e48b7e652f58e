/** 0: done, or nothing is wrong. 1: it went wrong, or something is. 2: the command line was not understood. */
export type ExitCode = 0 | 1 | 2

/** Where a command writes; results go to `print`, what is said beside them to `say`. */
export interface Terminal {
  print(text: string): void
  say(text: string): void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Asks the person at the terminal; absent when there is nobody to ask. */
  readonly confirm?: (question: string) => Promise<boolean>
}

/** One subcommand of `lienthong`. */
export interface Command {
  /** The help text, with examples. */
  readonly usage: string
  run(args: readonly string[], terminal: Terminal): Promise<ExitCode>
}

/** The command line can't be understood: answered with the help text and exit code 2. */
export class UsageError extends Error {}

/** It can't be done, for a reason a person can act on: told in one line, exit code 1. */
export class CommandError extends Error {}
