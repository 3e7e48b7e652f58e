import { fork } from 'node:child_process'
import { once } from 'node:events'

/** A part of the apparatus in a process of its own: orders go there, answers come back, one at a time. */
export interface Child<Order, Answer> {
  readonly pid: number
  /** Rejects when the child refuses the order or ends before it answers. */
  ask(order: Order): Promise<Answer>
  /** Ends the process; safe to call twice. */
  end(): Promise<void>
}

type Reply = { readonly answer: unknown } | { readonly error: string }

/** Starts `script` with a channel to us, so that it ends when we do, whatever becomes of us. */
export async function startChild<Order, Answer>(script: URL): Promise<Child<Order, Answer>> {
  const child = fork(script, [], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  let hear = (_reply: Reply): void => {}
  child.on('message', (reply) => hear(reply as Reply)) // serveParent sends nothing else
  void exited.then(() => hear({ error: 'the process ended' }))
  const heard = () =>
    new Promise<Answer>((resolve, reject) => {
      hear = (reply) => ('error' in reply ? reject(new Error(reply.error)) : resolve(reply.answer as Answer)) // the script's own type
    })
  await heard()
  return {
    pid: child.pid ?? 0,
    async ask(order) {
      const answer = heard()
      child.send(order as object) // structured clone takes any order
      return await answer
    },
    async end() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await exited
    },
  }
}

/** The child's side: answers each order of its parent, and ends with it. */
export function serveParent<Order, Answer>(obey: (order: Order) => Promise<Answer> | Answer): void {
  process.on('disconnect', () => process.exit(0))
  process.on('message', async (order) => {
    const reply: Reply = await Promise.resolve(obey(order as Order)).then(
      // the parent's own type
      (answer) => ({ answer }),
      (error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    )
    process.send?.(reply)
  })
  process.send?.({ answer: 'ready' } satisfies Reply)
}

/** Milliseconds of CLOCK_MONOTONIC, which every process of a machine shares. */
export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
