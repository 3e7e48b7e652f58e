import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import type { FastifyRequest } from 'fastify'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Arrival, ClaimCheck } from '../../gateway/files/claim-check.ts'
import type { Announced } from '../../gateway/files/incoming.ts'

/** More files than a dossier has papers are several requests. */
const mostFiles = 20

/**
 * The files of a multipart request (RFC 7578), streamed to the disk as they come, in the order they came. All of them
 * are there when it resolves; none is left when it rejects.
 */
export async function readFiles(
  request: FastifyRequest,
  { files, signal }: { readonly files: ClaimCheck; readonly signal: AbortSignal },
): Promise<readonly Arrival[]> {
  const arriving: Promise<Arrival>[] = []
  try {
    await parse(request, (stream, announced) => {
      const field = `/files/${arriving.length}`
      const arrival = files.arrive(stream, announced, { signal, field })
      arriving.push(arrival)
      return arrival
    })
    const arrived = await Promise.all(arriving)
    if (arrived.length === 0) throw new GatewayError('request-unreadable', { detail: 'It has no file.' })
    return arrived
  } catch (error) {
    for (const one of await Promise.allSettled(arriving)) if (one.status === 'fulfilled') await one.value.discard()
    throw error
  }
}

/** Reads the request to its end, or as far as the first fault; `take` must read its stream to the end or reject. */
function parse(
  request: FastifyRequest,
  take: (stream: BusboyFileStream, announced: Announced) => Promise<unknown>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const parser = openParser(request)
    const source = request.raw
    const streams: BusboyFileStream[] = []
    let announced: Announced = {}
    const fail = (error: unknown) => {
      source.unpipe(parser)
      parser.removeAllListeners('finish')
      // What is left of the body must not hold the connection up, nor be taken for a request.
      source.resume()
      parser.destroy()
      // Whoever reads one of them is told, and lets go of what he has.
      for (const stream of streams) stream.destroy(new Error('broken off'))
      reject(error instanceof GatewayError ? error : unreadable('It is not well-formed multipart.', error))
    }
    parser.on('field', (name, value, isNameCut, isValueCut) => {
      if (isNameCut || isValueCut) return fail(unreadable('A text part is too long.'))
      if (name === 'digest') announced = { ...announced, digest: value }
      else if (name === 'sizeBytes' && /^\d{1,15}$/.test(value)) announced = { ...announced, sizeBytes: Number(value) }
      else
        fail(new GatewayError('contract-violated', { field: `/${name.slice(0, 100)}`, rule: 'additionalProperties' }))
    })
    parser.on('file', (_name, stream, name, encoding, mediaType) => {
      // A stream that nobody listens to any more must not end the process.
      stream.on('error', () => undefined)
      streams.push(stream)
      if (!['7bit', '8bit', 'binary'].includes(encoding.toLowerCase()))
        return fail(new GatewayError('media-type-unknown', { field: 'content-transfer-encoding' }))
      if (typeof name !== 'string') return fail(new GatewayError('file-name-refused', { detail: 'It has none.' }))
      // A part without a type is read as `text/plain` (RFC 7578 §4.4), which is nobody's word.
      const said = { ...announced, name, ...(mediaType === 'text/plain' ? {} : { mediaType }) }
      announced = {}
      take(stream, said).catch(fail)
    })
    parser.on('filesLimit', () => fail(unreadable(`It has more than ${mostFiles} files.`)))
    parser.on('fieldsLimit', () => fail(unreadable('It has too many text parts.')))
    parser.on('partsLimit', () => fail(unreadable('It has too many parts.')))
    parser.on('error', fail)
    parser.once('finish', resolve)
    source.once('error', fail)
    source.once('close', () => source.complete || fail(unreadable('It was cut off.')))
    source.pipe(parser)
  })
}

function openParser({ headers }: FastifyRequest): BusboyInstance {
  try {
    return new Busboy({
      headers: headers as BusboyHeaders, // the door has let nothing in without a content type
      // Or a path would be cut off without a word, and never refused.
      preservePath: true,
      limits: {
        files: mostFiles,
        fields: 2 * mostFiles,
        parts: 3 * mostFiles,
        fieldSize: 200,
        fieldNameSize: 100,
        headerPairs: 20,
      },
    })
  } catch (error) {
    throw unreadable('Its content type names no boundary.', error)
  }
}

function unreadable(detail: string, cause?: unknown): GatewayError {
  return new GatewayError('request-unreadable', { detail, ...(cause === undefined ? {} : { cause }) })
}
