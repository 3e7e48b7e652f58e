import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { serveParent, sharedNowMs } from './child.ts'
import { codeOf, dossierOf, type Kind, kinds, sampleOf, services } from './sample-dossier.ts'

/** What the sink can be asked. */
export type SinkOrder =
  /** Listens; 0 takes any free port. */
  | { readonly do: 'listen'; readonly port: number }
  /** Hears nobody any more. */
  | { readonly do: 'hang-up' }
  /** Forgets what came and expects these dossiers. */
  | { readonly do: 'expect'; readonly firstDossier: number; readonly dossiers: number; readonly sizeBytes: number }
  | { readonly do: 'count' }
  | { readonly do: 'collect' }

export interface SinkCount {
  /** Messages that came for the first time, whole, and after what they must come after. */
  readonly verified: number
  /** Came again. */
  readonly repeated: number
  /** Came with other content than was sent. */
  readonly wrong: number
  /** Progress before its dossier. */
  readonly inversions: number
}

export interface SinkAnswer extends SinkCount {
  readonly port: number
  /** By `messageIndex` from the first dossier, the shared clock; NaN for what has not come. Only when collected. */
  readonly arrivedAtMs?: Float64Array
}

/** Where a message stands in a list of times, counted from the first dossier. */
export function messageIndex(dossier: number, kind: Kind): number {
  return dossier * kinds.length + kinds.indexOf(kind)
}

/** The portal, as fast as HTTP and JSON allow: it holds what comes to what was sent, and notes when it came. */
function createSink() {
  const session = 'bench-session'
  let firstDossier = 0
  let arrivedAtMs = new Float64Array(0)
  let count = { verified: 0, repeated: 0, wrong: 0, inversions: 0 }
  let expected: Readonly<Record<Kind, (dossier: number) => string>> = { record: () => '', progress: () => '' }
  /** How the gateway writes the request of each kind, once one has been checked member by member. */
  const written = new Map<Kind, readonly string[]>()

  const server = createServer((request, response) => void serve(request, response))
  server.keepAliveTimeout = 60_000

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const atMs = sharedNowMs()
    const text = Buffer.concat(chunks).toString('utf8')
    const body = Buffer.from(answerTo(text, atMs))
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length })
    response.end(body)
  }

  function answerTo(text: string, atMs: number): string {
    const kind = kinds.find((one) => text.includes(`"service":"${services[one]}"`))
    if (kind !== undefined) {
      note(kind, text, atMs)
      return '{"error_code":0,"message":"Thành công"}'
    }
    if (text.includes('"password"')) return JSON.stringify({ error_code: 0, session, message: 'Thành công' })
    return '{"error_code":0,"message":"Thành công","result":[]}'
  }

  function note(kind: Kind, text: string, atMs: number): void {
    const dossier = dossierOf(/"MaHoSo":"([^"]*)"/.exec(text)?.[1] ?? '')
    const index = messageIndex(dossier - firstDossier, kind)
    if (!(index >= 0 && index < arrivedAtMs.length) || !isAsSent(text, { kind, dossier })) count.wrong += 1
    else if (!Number.isNaN(arrivedAtMs[index])) count.repeated += 1
    else if (kind === 'progress' && Number.isNaN(arrivedAtMs[index - 1])) count.inversions += 1
    else {
      arrivedAtMs[index] = atMs
      count.verified += 1
    }
  }

  /** Text against text, which costs next to nothing; member by member when the text differs. */
  function isAsSent(text: string, { kind, dossier }: { readonly kind: Kind; readonly dossier: number }): boolean {
    const code = codeOf(dossier)
    if (text === written.get(kind)?.join(code)) return true
    const document = JSON.parse(text)
    const update = kind === 'record' ? { isUpdating: 'False' } : {}
    const wanted = {
      session,
      madonvi: '000.00.00.H47',
      service: services[kind],
      ...update,
      data: [JSON.parse(expected[kind](dossier))],
    }
    if (!isDeepStrictEqual(document, wanted)) return false
    written.set(kind, text.split(code))
    return true
  }

  function answer(): SinkAnswer {
    // A TCP server that listens has an AddressInfo; null belongs to a closed one.
    const address = server.address() as AddressInfo | null
    return { port: address?.port ?? 0, ...count }
  }

  return async (order: SinkOrder): Promise<SinkAnswer> => {
    switch (order.do) {
      case 'listen':
        await new Promise<void>((resolve) => server.listen(order.port, '127.0.0.1', resolve))
        break
      case 'hang-up':
        await new Promise((resolve) => {
          server.close(resolve)
          server.closeAllConnections()
        })
        break
      case 'expect': {
        const forms = { record: sampleOf('record', order.sizeBytes), progress: sampleOf('progress', order.sizeBytes) }
        expected = {
          record: (dossier) => forms.record(dossier).sent,
          progress: (dossier) => forms.progress(dossier).sent,
        }
        written.clear()
        firstDossier = order.firstDossier
        arrivedAtMs = new Float64Array(order.dossiers * kinds.length).fill(Number.NaN)
        count = { verified: 0, repeated: 0, wrong: 0, inversions: 0 }
        break
      }
      case 'count':
        break
      case 'collect':
        return { ...answer(), arrivedAtMs }
    }
    return answer()
  }
}

if (import.meta.main) serveParent(createSink())
