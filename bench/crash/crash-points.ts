// Loaded into the gateway's process by `--import`, and into its store threads with it: the gateway's own code knows
// nothing of this, so there is no switch that production could be tricked into turning.
import diagnostics from 'node:diagnostics_channel'
import { ServerResponse } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { isMainThread } from 'node:worker_threads'

/** Instants that a random kill seldom meets, in the order a message passes them. */
export const crashPoints = [
  'before-commit',
  'after-commit',
  'before-receipt',
  'before-send',
  'after-send',
  'after-answer',
] as const
export type CrashPoint = (typeof crashPoints)[number]

/** The variable that names one: `after-send:17` kills at the seventeenth passage. */
export const crashPointVariable = 'CRASH_POINT'

function arm(order: string | undefined): void {
  const [name, passages] = (order ?? '').split(':')
  const point = crashPoints.find((known) => known === name)
  if (point === undefined) return
  let left = Number(passages)
  const pass = () => {
    left -= 1
    if (left <= 0) process.kill(process.pid, 'SIGKILL')
  }
  const isInStore = point === 'before-commit' || point === 'after-commit'
  if (isInStore === isMainThread) return
  if (isInStore) aroundCommit(point, pass)
  else if (point === 'before-receipt') beforeReceipt(pass)
  else diagnostics.subscribe(channels[point], pass)
}

/** What undici tells of a request: its head is about to be written, its body has been, the answer's head is there. */
const channels = {
  'before-send': 'undici:client:sendHeaders',
  'after-send': 'undici:request:bodySent',
  'after-answer': 'undici:request:headers',
} as const

function aroundCommit(point: CrashPoint, pass: () => void): void {
  const { exec } = DatabaseSync.prototype
  DatabaseSync.prototype.exec = function commitAndPass(sql) {
    if (sql !== 'COMMIT') return exec.call(this, sql)
    if (point === 'before-commit') pass()
    exec.call(this, sql)
    if (point === 'after-commit') pass()
  }
}

/** The write is on disk, and not a byte of the answer has left. */
function beforeReceipt(pass: () => void): void {
  const { writeHead } = ServerResponse.prototype
  const passing = function (this: ServerResponse, ...values: Parameters<typeof writeHead>) {
    const isAcceptance = this.req.method === 'POST' && /\/messages$|\/mapi\/g$/.test(this.req.url ?? '')
    if (isAcceptance && values[0] < 300) pass()
    return writeHead.apply(this, values)
  }
  Object.assign(ServerResponse.prototype, { writeHead: passing })
}

// Last, when everything above is there.
arm(process.env[crashPointVariable])
