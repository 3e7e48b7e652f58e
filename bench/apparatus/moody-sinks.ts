import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { serveParent, sharedNowMs } from './child.ts'

/** How a partner behaves: takes everything, says nothing for 30 s, or fails each request. */
export type Mood = 'healthy' | 'hanging' | 'failing'

/** What the sinks can be asked: to listen, one for each mood given, or what came to the first. */
export type MoodyOrder = { readonly listen: readonly Mood[] } | 'collect'

export interface MoodyAnswer {
  readonly ports: readonly number[]
  /** Of each message that came to the first sink: when it was due to be accepted and when it came, on the shared clock. */
  readonly arrivals: readonly { readonly intendedMs: number; readonly arrivedMs: number }[]
}

const hangMs = 30_000

const arrivals: { intendedMs: number; arrivedMs: number }[] = []
const answers: Readonly<Record<Mood, (response: ServerResponse) => void>> = {
  healthy: (response) => void response.end('{}'),
  hanging: (response) => void setTimeout(() => response.end('{}'), hangMs).unref(),
  failing: (response) => void response.writeHead(500).end('{}'),
}

async function bodyOf(request: IncomingMessage): Promise<{ readonly intendedMs: number }> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}

async function listen(mood: Mood, isWatched: boolean): Promise<number> {
  const server = createServer(async (request, response) => {
    const arrivedMs = sharedNowMs()
    const { intendedMs } = await bodyOf(request)
    if (isWatched) arrivals.push({ intendedMs, arrivedMs })
    answers[mood](response)
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

serveParent<MoodyOrder, MoodyAnswer>(async (order) => {
  if (order === 'collect') return { ports: [], arrivals }
  return { ports: await Promise.all(order.listen.map((mood, index) => listen(mood, index === 0))), arrivals: [] }
})
