import { Readable } from 'node:stream'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../gateway/bus/clock.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Gateway } from '../../gateway/bus/gateway.ts'
import { verifyAccessToken } from '../../gateway/envelopes/access-token.ts'
import type { Keyring } from '../../gateway/envelopes/keyring.ts'
import type { Arrival, ClaimCheck, KeptFile } from '../../gateway/files/claim-check.ts'
import { checkLink, isHex, linkPurpose } from '../../gateway/files/signed-link.ts'
import type { HttpDoorKit } from '../../gateway/transports/http-door.ts'
import { rangeOf } from './byte-range.ts'
import { filesDocs } from './files-docs.ts'
import { readFiles } from './upload.ts'

export interface FilesDoorOptions {
  readonly gatewayId: string
  readonly gateway: Pick<Gateway, 'message'>
  readonly keyring: Keyring
  readonly doors: HttpDoorKit
  readonly files: ClaimCheck
  /** For a whole upload. */
  readonly uploadTimeoutMs: number
  readonly clock: Clock
}

/**
 * Files for systems: `POST /files` takes them in, `GET /files/{sha256}` gives them to who sent them or was sent them,
 * `GET /files/{sha256}/{name}?exp&sig` to who holds a link of ours.
 */
export function createFilesDoor(options: FilesDoorOptions): FastifyPluginAsync {
  const { doors, files } = options
  return async (scope) => {
    await scope.register(async (sending) => {
      doors.open(sending, { name: 'files', mediaTypes: [], streamTypes: ['multipart/form-data'] })
      const senders = new WeakMap<FastifyRequest, string>()
      // Before the body is read: a stranger's hundred megabytes are not waited for.
      sending.addHook('onRequest', async (request) => {
        const system = await systemOf(request, options)
        doors.markSender(request, system)
        senders.set(request, system)
      })
      sending.post('/files', { config: { doc: filesDocs.upload } }, async (request, reply) => {
        const system = senders.get(request)
        if (system === undefined) throw new GatewayError('internal-error')
        if (!request.headers['content-type']) throw new GatewayError('media-type-unknown', { field: 'content-type' })
        const arrived = await readFiles(request, { files, signal: AbortSignal.timeout(options.uploadTimeoutMs) }).catch(
          (error: unknown) => {
            // The rest of the body was not read for what it is.
            reply.header('connection', 'close')
            throw error
          },
        )
        const kept = await keepAll(arrived, system)
        return reply
          .code(201)
          .type('application/json; charset=utf-8')
          .send(JSON.stringify({ files: kept }))
      })
    })
    await scope.register(async (reading) => {
      doors.open(reading, { name: 'files:reading', mediaTypes: [] })
      const method = ['GET', 'HEAD']
      reading.route({
        method,
        url: '/files/:sha256',
        config: { doc: filesDocs.download },
        async handler(request, reply) {
          const reader = await systemOf(request, options)
          try {
            const sha256 = parameter(request, 'sha256')
            if (!isHex(sha256) || !(await mayRead(`sha-256:${sha256}`, reader, options)))
              throw new GatewayError('not-found')
            return await send(reply, { sha256, files })
          } catch (error) {
            // A refusal is signed for who is known; the file itself is bound by its digest.
            doors.markSender(request, reader)
            throw error
          }
        },
      })
      reading.route({
        method,
        url: '/files/:sha256/:name',
        config: { doc: filesDocs.link },
        async handler(request, reply) {
          const [sha256, name] = [parameter(request, 'sha256'), parameter(request, 'name')]
          const { exp, sig } = record(request.query)
          const check = { secrets: options.keyring.secrets(linkPurpose), nowMs: options.clock.now() }
          checkLink({ sha256, name, exp, sig }, check)
          return await send(reply, { sha256, name, files })
        },
      })
    })
  }
}

/** They were checked one and all before the first is kept. */
async function keepAll(arrived: readonly Arrival[], system: string): Promise<readonly KeptFile[]> {
  const kept: KeptFile[] = []
  try {
    for (const one of arrived) kept.push(await one.keep({ kind: 'sender', system }))
  } finally {
    await Promise.all(arrived.map((one) => one.discard()))
  }
  return kept
}

async function systemOf(request: FastifyRequest, options: FilesDoorOptions): Promise<string> {
  const [, token] = /^Bearer ([^\s]+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (token === undefined) throw new GatewayError('credential-missing', { field: 'authorization', rule: 'required' })
  const check = { keyring: options.keyring, audience: options.gatewayId, nowMs: options.clock.now() }
  return (await verifyAccessToken(token, check)).system
}

/** Who brought it, or who sent or was sent a message it belongs to. */
async function mayRead(digest: string, reader: string, { files, gateway }: FilesDoorOptions): Promise<boolean> {
  const uses = await files.uses(digest)
  if (uses.some((use) => use.kind === 'sender' && use.system === reader)) return true
  for (const use of uses) {
    if (use.kind === 'message' && (await gateway.message(use.messageId, reader)) !== undefined) return true
  }
  return false
}

/** Whole or in part; never for a browser to run. */
async function send(
  reply: FastifyReply,
  { sha256, name, files }: { readonly sha256: string; readonly name?: string; readonly files: ClaimCheck },
): Promise<FastifyReply> {
  const digest = `sha-256:${sha256}`
  const file = await files.find(digest)
  if (file === undefined) throw new GatewayError('not-found')
  const { sizeBytes } = file
  const etag = `"${sha256}"`
  const headers = reply.request.headers
  reply.headers({ 'accept-ranges': 'bytes', etag })
  if (headers['if-none-match'] === etag) return reply.code(304).send()
  const range = impossibleTold(reply, sizeBytes, () => rangeOf(headers, { sizeBytes, etag }))
  reply.headers({
    'content-disposition': `attachment${name === undefined ? '' : `; filename="${name}"`}`,
    'content-length': String(range === undefined ? sizeBytes : range.last - range.first + 1),
    'content-security-policy': "default-src 'none'; sandbox",
    'content-type': file.mediaType,
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
  })
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${range.first}-${range.last}/${sizeBytes}`)
  if (reply.request.method === 'HEAD') return reply.send()
  const stream = await files.read(digest, range)
  return reply.send(stream instanceof Readable ? stream : Readable.from(stream, { objectMode: false }))
}

function impossibleTold<T>(reply: FastifyReply, sizeBytes: number, work: () => T): T {
  try {
    return work()
  } catch (error) {
    reply.header('content-range', `bytes */${sizeBytes}`)
    throw error
  }
}

function parameter(request: FastifyRequest, name: string): string {
  const value = record(request.params)[name]
  if (typeof value !== 'string') throw new GatewayError('not-found')
  return value
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {} // an object
}
