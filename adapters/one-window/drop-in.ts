import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { durationMs } from '../../gateway/bus/route.ts'
import { readJson } from '../../gateway/envelopes/json-gate.ts'
import { createSessions } from '../../gateway/envelopes/session.ts'
import { catalogueServices } from './catalogue-services.ts'
import { type DropInAnswer, dropInError, mediaType } from './drop-in-answer.ts'
import { dropInDocs } from './drop-in-docs.ts'
import { createLoginThrottle } from './login-throttle.ts'
import { lookUpService } from './look-up.ts'
import { isObject, type JsonObject, type OneWindowContext, type Service } from './service-call.ts'
import { submissionServices } from './submissions.ts'

/**
 * The door unchanged one-window products knock at: the national adapter's paths, envelope and answers. Success means
 * that we hold it; what became of it the product learns from `TraCuuHoSo`.
 */
export function dropInDoor(context: OneWindowContext): FastifyPluginAsync {
  const { system, settings, doors, tables } = context
  const { dropIn } = settings
  const sessions = createSessions({
    keyring: context.keyring,
    gatewayId: context.gatewayId,
    system,
    credentials: dropIn.credentials,
    ttlMs: durationMs(dropIn.sessionTtl),
    clock: context.clock,
  })
  const throttle = createLoginThrottle(context.clock)
  const services: ReadonlyMap<string, Service> = new Map([
    ...submissionServices(context),
    ...lookUpService(context),
    ...catalogueServices(context),
  ])

  function logIn(request: FastifyRequest): DropInAnswer {
    const document = readObject(request)
    if (typeof document.username === 'string') doors.claimSender(request, document.username)
    hold('login', document)
    const { username, password } = document
    if (typeof username !== 'string' || typeof password !== 'string') throw new GatewayError('credential-missing')
    const attempt = { username, source: request.ip }
    throttle.check(attempt)
    try {
      const { token } = sessions.login(username, password)
      doors.markSender(request, system)
      return { session: token, error_code: 0, message: 'Đăng nhập thành công' }
    } catch (error) {
      throttle.failed(attempt)
      throw error
    }
  }

  // Who speaks comes first: a stranger learns nothing about services, contracts or agencies.
  async function serve(request: FastifyRequest): Promise<DropInAnswer> {
    const document = readObject(request)
    if (typeof document.madonvi === 'string') doors.claimSender(request, document.madonvi)
    if (typeof document.session !== 'string') throw new GatewayError('credential-missing')
    const credential = sessions.verify(document.session)
    doors.markSender(request, system)
    const { madonvi, service } = requestFields(document)
    const answer = services.get(service)
    if (!answer) throw new GatewayError('service-unknown', { field: '/service', rule: 'enum' })
    hold(service, envelopeOf(document))
    if (!tables.speaksFor(credential.speaksFor, madonvi))
      throw new GatewayError('unit-not-allowed', { field: '/madonvi', rule: 'speaksFor' })
    return answer({ service, madonvi, document, credential, request })
  }

  function requestFields(document: JsonObject) {
    hold('request', document)
    const { madonvi, service } = document
    // The contract has just said so; this is for the compiler.
    if (typeof madonvi !== 'string' || typeof service !== 'string') throw new GatewayError('contract-violated')
    return { madonvi, service }
  }

  function readObject(request: FastifyRequest): JsonObject {
    const document = readJson(doors.bodyOf(request))
    if (!isObject(document)) throw new GatewayError('contract-violated', { field: '/', rule: 'type' })
    return document
  }

  function hold(name: string, document: unknown): void {
    const [violation] = context.contracts.violations(`national-portal/${name}`, document)
    if (!violation) return
    const { field, rule } = violation
    throw new GatewayError('contract-violated', { field: field === '' ? '/' : field, rule })
  }

  return async (scope) => {
    const door = { name: `${system}:drop-in`, mediaTypes: ['application/json'], answerError: dropInError }
    // A scope each: what a stranger may send before it is known who speaks is a name and a password.
    await scope.register(async (logins) => {
      doors.open(logins, { ...door, maxBodyBytes: maxLoginBytes })
      for (const adapter of adapterNames) {
        const options = { config: { doc: dropInDocs.login(adapter) } }
        logins.post(at(adapter, dropIn.loginPath), options, async (request, reply) =>
          reply.type(mediaType).send(JSON.stringify(logIn(request))),
        )
      }
    })
    await scope.register(async (services) => {
      doors.open(services, { ...door, maxBodyBytes: dropIn.maxBodyBytes })
      for (const adapter of adapterNames) {
        for (const path of new Set([dropIn.dataPath, dropIn.catalogPath])) {
          const options = { config: { doc: dropInDocs.service(adapter, path) } }
          services.post(at(adapter, path), options, async (request, reply) =>
            reply.type(mediaType).send(JSON.stringify(await serve(request))),
          )
        }
      }
    })
  }
}

const adapterNames = ['XrdAdapter', 'VXPAdapter']
const at = (adapter: string, path: string) => `/${adapter}/RestService/forward/${path}`

/** The longest name and password that configuration takes, in any script, and room to spare. */
const maxLoginBytes = 4 * 1024

/** The items have contracts of their own; what is not even an object must not refuse the rest of its batch. */
function envelopeOf(document: JsonObject): JsonObject {
  if (!Array.isArray(document.data)) return document
  return { ...document, data: document.data.map((item) => (isObject(item) ? item : {})) }
}
