import { type DestinationStream, type Logger, pino } from 'pino'
import { GatewayError } from '../bus/errors.ts'

/** The gateway's log. */
export type Log = Logger

export interface LogOptions {
  readonly level: string
  /** Standard output without it. */
  readonly destination?: DestinationStream
}

/** JSON lines with ISO times. What could carry a person's data is cut out even when somebody hands it over. */
export function createLog(options: LogOptions): Log {
  const settings = {
    level: options.level,
    // Pino's word for: no process id and host name in every line.
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (thrown: unknown) => withoutText(thrown), error: (thrown: unknown) => withoutText(thrown) },
    redact: { paths: redacted, remove: true },
  }
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination)
}

const redactedNames = [
  'body',
  'document',
  'original',
  'payload',
  'bytes',
  'headers',
  'password',
  'session',
  'authorization',
  'req',
  'res',
]
const redacted = redactedNames.flatMap((name) => [name, `*.${name}`])

/** How an error is told in a log line. */
export interface LoggedError {
  readonly name: string
  readonly code?: string
  readonly field?: string
  readonly rule?: string
  readonly frames?: readonly string[]
  readonly cause?: LoggedError
}

/**
 * An error without its text: a library's text may quote the document it failed on (JSON.parse does), a partner's
 * may name a person. Name, code and stack frames say where to look.
 */
export function withoutText(thrown: unknown, depth = 0): LoggedError {
  if (!(thrown instanceof Error)) return { name: typeof thrown }
  const cause = thrown.cause === undefined || depth >= 4 ? {} : { cause: withoutText(thrown.cause, depth + 1) }
  if (thrown instanceof GatewayError) {
    const { field, rule } = thrown.options
    return { name: thrown.name, code: thrown.code, ...(field && { field }), ...(rule && { rule }), ...cause }
  }
  const code = 'code' in thrown && typeof thrown.code === 'string' ? { code: thrown.code } : {}
  const frames = (thrown.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return { name: thrown.name, ...code, frames: frames.slice(0, 10).map((line) => line.trim()), ...cause }
}
