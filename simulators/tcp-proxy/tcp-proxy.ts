import { randomBytes } from 'node:crypto'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** "Connections go wrong like this." */
export interface WireOrder {
  readonly trouble: string
  /** Share of the connections it strikes, 0–1; all when absent. */
  readonly rate?: number
  /** How many connections; without end when absent. */
  readonly times?: number
  /** Bytes of the answer that still arrive; 0 when absent. */
  readonly afterBytes?: number
  /** For `delay`: how long every chunk is kept. For `drip`: the time between two bytes. */
  readonly delayMs?: number
}

export interface TcpProxyOptions {
  readonly target: { readonly host: string; readonly port: number }
  /** 0 takes any free port. */
  readonly port?: number
  readonly host?: string
  readonly orders?: readonly WireOrder[]
  /** Makes rates repeatable. */
  readonly random?: () => number
}

/** A wire between two programs, with the troubles of a network on demand. */
export interface TcpProxy {
  readonly port: number
  /** Replaces what goes wrong with connections made from now on. Throws on an unknown trouble. */
  order(orders: readonly WireOrder[]): void
  /** Resets every connection there is. */
  resetAll(): void
  /** How often each trouble has struck. */
  struck(): Readonly<Record<string, number>>
  close(): Promise<void>
}

interface Wire {
  readonly caller: Socket
  readonly target: Socket
  readonly order: WireOrder
}

/** Every way a wire can go wrong, given the part of an answer that came after `afterBytes`. A new one is a new row. */
const troubles: Readonly<Record<string, (wire: Wire, rest: Buffer) => void>> = {
  /** What was on its way arrives late. */
  delay: ({ caller, order }, rest) => {
    setTimeout(() => writeTo(caller, rest), order.delayMs ?? 200).unref()
  },
  /** An orderly end in the middle. */
  cut: ({ caller, target }) => {
    target.destroy()
    caller.end()
  },
  reset: ({ caller, target }) => {
    target.destroy()
    caller.resetAndDestroy()
  },
  /** Both sides believe the connection to be alive, and nothing ever arrives (half-open). */
  'black-hole': () => undefined,
  /** One byte at a time. */
  drip: ({ caller, target, order }, rest) => {
    target.pause()
    const bytes = [...rest]
    const tap = setInterval(() => {
      const byte = bytes.shift()
      if (byte !== undefined && !caller.destroyed) return writeTo(caller, Buffer.of(byte))
      clearInterval(tap)
      target.resume()
    }, order.delayMs ?? 5)
  },
  /** Other bytes than those that were sent, as many. */
  garbage: ({ caller }, rest) => writeTo(caller, randomBytes(rest.length)),
}

/** The names troubles go by. */
export const wireTroubles: readonly string[] = Object.keys(troubles)

/** Starts a proxy that carries connections to `target`, honestly or as ordered. */
export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const { target, random = Math.random } = options
  const sockets = new Set<Socket>()
  const counts = new Map<string, number>()
  let orders = standing(options.orders ?? [])

  function pick(): WireOrder | undefined {
    const found = orders.find(({ order }) => order.rate === undefined || random() < order.rate)
    if (!found) return undefined
    found.left -= 1
    if (found.left <= 0) orders = orders.filter((other) => other !== found)
    return found.order
  }

  const server = createServer((caller) => {
    const order = pick()
    const onward = connect(target.port, target.host)
    for (const socket of [caller, onward]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined) // its end is what matters, and 'close' tells
      socket.on('close', () => sockets.delete(socket))
    }
    caller.on('close', () => onward.destroy())
    onward.on('close', () => (caller.readableEnded || order === undefined ? caller.end() : undefined))
    onward.on('error', () => caller.resetAndDestroy())
    caller.pipe(onward)
    if (order === undefined) onward.on('data', (chunk) => writeTo(caller, chunk))
    else strike({ caller, target: onward, order })
  })

  function strike(wire: Wire): void {
    const { caller, target: onward, order } = wire
    const act = troubles[order.trouble]
    let left = order.afterBytes ?? 0
    let hasStruck = false
    onward.on('data', (chunk: Buffer) => {
      if (chunk.length <= left) {
        left -= chunk.length
        return writeTo(caller, chunk)
      }
      if (left > 0) writeTo(caller, chunk.subarray(0, left))
      const rest = chunk.subarray(left)
      left = 0
      if (!hasStruck) counts.set(order.trouble, (counts.get(order.trouble) ?? 0) + 1)
      hasStruck = true
      act?.(wire, rest)
    })
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const resetAll = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    port: (server.address() as AddressInfo).port, // a TCP server that listens has one
    order(next) {
      orders = standing(next)
    },
    resetAll,
    struck: () => Object.fromEntries(counts),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      resetAll()
      await closed
    },
  }
}

/** Reads `name[:rate]` of a command line: `drip:0.3`, `reset`. Throws when there is no such trouble. */
export function readWireArgument(text: string): WireOrder {
  const [, trouble, rate] = /^([a-z-]+)(?::([\d.]+))?$/.exec(text) ?? []
  if (trouble === undefined) throw new Error(`--trouble ${text}: expected name[:rate]`)
  const [order] = standing([{ trouble, ...(rate === undefined ? {} : { rate: Number(rate) }) }])
  return order?.order ?? { trouble }
}

function standing(orders: readonly WireOrder[]): { readonly order: WireOrder; left: number }[] {
  return orders.map((order) => {
    if (!Object.hasOwn(troubles, order.trouble)) {
      throw new Error(`no trouble "${order.trouble}"; known: ${wireTroubles.join(', ')}`)
    }
    return { order, left: order.times ?? Number.POSITIVE_INFINITY }
  })
}

function writeTo(socket: Socket, bytes: Buffer): void {
  if (!socket.destroyed && socket.writable) socket.write(bytes)
}
