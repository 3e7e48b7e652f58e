import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { errorTable, GatewayError } from '../../gateway/bus/errors.ts'
import type { Draft } from '../../gateway/bus/message.ts'
import { readJson } from '../../gateway/envelopes/json-gate.ts'
import type { ErrorAnswer } from '../../gateway/transports/http-door.ts'
import { createCallerCheck } from './caller.ts'
import type { FilingPorts, FilingService } from './filing-services.ts'
import type { InboundSettings } from './settings.ts'

/**
 * The province's own doors for the portal (wire-formats 1.6), answered as OpenCPS answers: `error_code` 0 we hold it,
 * 1 we held it before, -1 not taken.
 */
export function createFilingDoor(
  inbound: InboundSettings,
  ports: FilingPorts & { readonly services: readonly FilingService[] },
): FastifyPluginAsync {
  const verify = createCallerCheck(inbound)
  const { doors, system, services } = ports
  return async (scope) => {
    doors.open(scope, {
      name: `${system}:filing`,
      mediaTypes: ['application/json'],
      maxBodyBytes: inbound.maxBodyBytes,
      answerError,
    })
    const verified = new WeakMap<FastifyRequest, string>()
    // Before the body is read: a stranger's ten megabytes are not waited for.
    scope.addHook('onRequest', async (request) => {
      verified.set(request, verify(request))
      doors.markSender(request, system)
    })
    for (const service of services.filter(({ isEnabled }) => isEnabled)) {
      const take = async (request: FastifyRequest, reply: FastifyReply) => {
        const bytes = doors.bodyOf(request)
        const original = { bytes, mediaType: 'application/json', verifiedBy: verified.get(request) ?? '' }
        const kind = await accept(service.read(readJson(bytes), original), ports)
        return reply.type(mediaType).send(JSON.stringify(answers[kind]))
      }
      for (const [index, url] of spellings(service).entries()) {
        // One service; the other spellings of its address are told in its description.
        scope.post(url, { config: { doc: index === 0 ? service.doc : false } }, take)
      }
    }
  }
}

/** `duplicate`: all of it was held before. */
async function accept(drafts: readonly Draft[], { gateway }: FilingPorts): Promise<'stored' | 'duplicate'> {
  const accepted = await gateway.accept(drafts)
  const conflict = drafts.find((_, index) => accepted[index]?.kind === 'conflict')
  if (conflict) throw new GatewayError('key-conflict', { field: 'MaHoSo', rule: 'same code, other content' })
  return accepted.every(({ kind }) => kind === 'duplicate') ? 'duplicate' : 'stored'
}

const mediaType = 'application/json; charset=utf-8'

const answers = {
  stored: { error_code: 0, message: 'Thành công' },
  duplicate: { error_code: 1, message: 'Hồ sơ đã được tiếp nhận trước đó' },
} as const

/** Both names of the adapter are alive, and some provinces answer below their portal's `/web/guest`. */
function spellings({ name }: FilingService): readonly string[] {
  return ['', '/web/guest'].flatMap((prefix) =>
    ['XrdAdapter', 'VXPAdapter'].map((adapter) => `${prefix}/${adapter}/RestService/forward/${name}`),
  )
}

/** The portal reads `error_code`; only what is no filing at all, or not of now, has an HTTP status of its own. */
function answerError(error: GatewayError): ErrorAnswer {
  const { field, rule } = error.options
  const place = field === undefined ? '' : ` (${field}${rule === undefined ? '' : `: ${rule}`})`
  const message = `${errorTable[error.code].vietnamese}${place}`
  const isAnswer = error.status === 422 || error.status === 409
  return { status: isAnswer ? 200 : error.status, mediaType, body: JSON.stringify({ error_code: -1, message }) }
}
