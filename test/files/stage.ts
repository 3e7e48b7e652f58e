import { mkdirSync, readdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import path from 'node:path'
import { type Clock, systemClock } from '../../gateway/bus/clock.ts'
import { type ClaimCheck, type ClaimCheckOptions, createClaimCheck } from '../../gateway/files/claim-check.ts'
import { createFolderObjects } from '../../gateway/files/folder-objects.ts'
import { usualMediaTypes } from '../../gateway/files/media-type.ts'
import { createFileSource, type FileHost } from '../../gateway/transports/file-source.ts'

/** A PDF as far as its beginning tells, filled up to a size. */
export function pdfOf(sizeBytes: number, fill = 0x20): Buffer {
  const head = Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', 'latin1')
  return Buffer.concat([head, Buffer.alloc(Math.max(0, sizeBytes - head.length), fill)])
}

export async function* piecesOf(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export interface TestFiles {
  readonly files: ClaimCheck
  readonly folder: string
  /** What lies in the folder for what is under way: empty when all is well. */
  leftovers(): readonly string[]
  close(): Promise<void>
}

/** A claim check over a folder, with quick limits. */
export function openFiles(
  dir: string,
  options: Partial<Omit<ClaimCheckOptions, 'downloads'>> & {
    readonly hosts?: readonly FileHost[]
    readonly maxBytes?: number
    readonly deadlineMs?: number
    readonly clock?: Clock
  } = {},
): TestFiles {
  const { hosts = [], maxBytes = 1024 * 1024, deadlineMs = 10_000, ...others } = options
  const incoming = path.join(dir, 'incoming')
  mkdirSync(dir, { recursive: true })
  const source = createFileSource({ hosts, connectTimeoutMs: 2_000 })
  const files = createClaimCheck({
    store: createFolderObjects({ folder: path.join(dir, 'files'), incoming }),
    incoming: { folder: incoming, maxBytes, mediaTypes: usualMediaTypes },
    maxInlineBytes: maxBytes,
    downloads: { source, maxBytes, deadlineMs, resumptions: 4, pauseMs: 20 },
    concurrency: 4,
    links: () => ({ secrets: [Buffer.alloc(32, 7)], baseUrl: 'https://gateway.example' }),
    retentionMs: 1000,
    clock: systemClock,
    ...others,
  })
  return {
    files,
    folder: path.join(dir, 'files'),
    leftovers: () => (readdirSync(dir).includes('incoming') ? readdirSync(incoming) : []),
    async close() {
      await files.close()
      await source.close()
    },
  }
}

export interface TestServer {
  readonly port: number
  readonly host: string
  readonly requests: IncomingMessage[]
  close(): Promise<void>
}

/** A web server of 127.0.0.1 that answers as told. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<TestServer> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    response.on('error', () => undefined)
    answer(request, response, requests.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    port,
    host: `127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Something inside that nobody may reach: it counts who knocks. */
export async function openCanary(): Promise<{ readonly port: number; connections(): number; close(): Promise<void> }> {
  let count = 0
  const server = createTcpServer((socket) => {
    count += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  return { port, connections: () => count, close: () => new Promise((resolve) => server.close(() => resolve())) }
}

export const inside = (host: string): FileHost => ({ host, insideNetwork: true, clearTextAllowed: true })
export const outside = (host: string): FileHost => ({ host, insideNetwork: false, clearTextAllowed: true })
