import type { FastifyPluginAsync } from 'fastify'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { canonicalDocs } from './canonical-docs.ts'
import type { CanonicalDoorOptions } from './door-options.ts'
import { mountReading } from './reading.ts'
import { readSigned } from './signed-request.ts'

/**
 * The one canonical door, for every registered system: `POST /messages` takes a signed message and answers with the
 * stored receipt; `GET /messages/{id}`, `/messages/{id}/receipt` and `/dossiers/{code}` tell each system what it sent
 * or was sent.
 */
export function createCanonicalDoor(options: CanonicalDoorOptions): FastifyPluginAsync {
  const { doors, gateway } = options
  return async (scope) => {
    await scope.register(async (sending) => {
      doors.open(sending, {
        name: 'canonical',
        mediaTypes: ['application/jose', 'application/jose+json', 'application/json'],
      })
      sending.post('/messages', { config: { doc: canonicalDocs.send } }, async (request, reply) => {
        const draft = await readSigned(request, options)
        const [accepted] = await gateway.accept([draft])
        if (accepted === undefined) throw new GatewayError('internal-error')
        if (accepted.kind === 'conflict' && accepted.isReplay) throw new GatewayError('replay-refused')
        if (accepted.kind === 'conflict') throw new GatewayError('key-conflict', { field: '/jti' })
        return reply
          .code(202)
          .header('location', `/messages/${accepted.messageId}`)
          .type('application/jose')
          .send(accepted.receipt)
      })
    })
    await scope.register(async (reading) => {
      doors.open(reading, { name: 'canonical:reading', mediaTypes: [] })
      mountReading(reading, options)
    })
  }
}
