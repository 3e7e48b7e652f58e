import { canonicalJson, digestOf } from '../../gateway/bus/canonical-json.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { durationMs } from '../../gateway/bus/route.ts'
import { jwsTypes, signCompact } from '../../gateway/envelopes/jws.ts'
import { createHttpClient, type HttpClient } from '../../gateway/transports/http-client.ts'
import { classifyStatus } from '../../gateway/transports/partner-failure.ts'
import type { AdapterDefinition } from '../definition.ts'
import { dropInDoor } from './drop-in.ts'
import type { OneWindowContext } from './service-call.ts'
import { type OneWindowSettings, oneWindowSchema } from './settings.ts'
import { rereadSubmission } from './submissions.ts'

/** The provincial one-window system: it sends by the drop-in or the canonical door, and is sent signed messages. */
export const oneWindow: AdapterDefinition<OneWindowSettings> = {
  system: 'one-window',
  settings: oneWindowSchema,
  says: ['dossier.received.v1', 'dossier.progressed.v1', 'result.issued.v1', 'dossier.outcome-reported.v1'],
  create(context) {
    const { url, dropIn } = context.settings
    const inbox = url === undefined ? undefined : openInbox(url, context)
    return {
      ...(dropIn.enabled ? { door: dropInDoor(context) } : {}),
      ...inbox?.channel,
      reread: async (original) => rereadSubmission(original, context),
      async probe(signal) {
        const answer = await inbox?.client.send({ method: 'HEAD', path: inbox.path, signal, isIdempotent: true })
        // It need not take a HEAD; that it answers is what was asked.
        if (answer && answer.status >= 500) throw classifyStatus(answer, context.clock.now())
      },
      async close() {
        await inbox?.client.close()
      },
    }
  },
}

interface Inbox {
  readonly client: HttpClient
  readonly path: string
  readonly channel: Pick<ReturnType<typeof oneWindow.create>, 'deliver' | 'lookup'>
}

/** The one address where the system takes messages: a compact JWS in, any 2xx out. */
function openInbox(url: string, context: OneWindowContext): Inbox {
  const { settings, keyring, clock } = context
  const { origin, pathname, search } = new URL(url)
  const path = `${pathname}${search}`
  const client = createHttpClient({
    baseUrl: origin,
    connectTimeoutMs: durationMs(settings.timeouts.connect),
    answerTimeoutMs: durationMs(settings.timeouts.answer),
    concurrency: settings.concurrency,
    insideNetwork: settings.insideNetwork,
    // Configuration refuses clear text where it is not allowed.
    clearTextAllowed: true,
    clock,
  })
  return {
    client,
    path,
    channel: {
      async deliver(message, attempt, signal) {
        const payload = canonicalJson(claimsOf(message, context))
        const body = await signCompact(keyring.signingKey(), { typ: jwsTypes.message, payload })
        const headers = { 'content-type': 'application/jose', accept: 'application/json' }
        const beforeSend = () => attempt.beforeSend()
        const answer = await client.send({ method: 'POST', path, headers, body, signal, beforeSend })
        const failure = classifyStatus(answer, clock.now())
        if (failure) throw failure
        const answerDigest = digestOf(answer.body)
        return { receipt: { sentDigest: digestOf(body), answerDigest, answerCode: String(answer.status) } }
      },
      // The receiver knows a repeat by its jti, which is the message's own id.
      lookup: async () => ({ kind: 'resend' }),
    },
  }
}

/** What is signed: the message as our canonical door would take it, so that one reader serves both directions. */
function claimsOf(message: Message, { gatewayId, system, clock }: OneWindowContext) {
  const { id, type, subject, correlationId, causationId, body } = message
  const iat = Math.floor(clock.now() / 1000)
  return { jti: id, iat, iss: gatewayId, aud: system, type, subject, correlationId, causationId, body }
}
