import type { FastifyRequest } from 'fastify'
import { digestOf } from '../../gateway/bus/canonical-json.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Draft, Message, Original } from '../../gateway/bus/message.ts'
import { readJson } from '../../gateway/envelopes/json-gate.ts'
import { decryptToken, isEncrypted } from '../../gateway/envelopes/jwe.ts'
import { compactOf, type VerifiedMessage, verifyMessage } from '../../gateway/envelopes/jws.ts'
import { dossierNames } from '../../mappings/dossier-names.ts'
import { dossierUnits, unitsNamedBy } from '../../mappings/units.ts'
import type { CanonicalDoorOptions } from './door-options.ts'

/**
 * A signed request as a draft: who speaks, then what it may say, then for whom. Throws GatewayError; everything after
 * the signature is told to a known sender, in detail.
 */
export async function readSigned(request: FastifyRequest, options: CanonicalDoorOptions): Promise<Draft> {
  const { token, verified } = await verifyRequest(request, options)
  const { system, claims, thumbprint } = verified
  options.doors.markSender(request, system)
  return {
    correlationId: request.id,
    ...readingOf(verified.document, { system, key: claims.jti, options }),
    // Compact in either case: evidence that can be checked by itself.
    original: { bytes: new TextEncoder().encode(token), mediaType: signedMediaType, verifiedBy: thumbprint },
    statement: { digest: digestOf(verified.payload), untilMs: claims.iat * 1000 + rememberedMs },
  }
}

/** 300 s for which a signature counts, and the 60 s by which clocks may differ, twice: ours may be set back. */
const rememberedMs = 420_000

/** What originals that came through the canonical door are kept as, whoever sent them. */
export const signedMediaType = 'application/jose'

/**
 * Reads a kept token with today's contracts and rules; its signature was checked when it was accepted. Throws what the
 * door would answer.
 */
export function rereadSigned({ bytes }: Original, message: Message, options: RereadOptions): Draft {
  const [, payload = ''] = Buffer.from(bytes).toString('latin1').split('.')
  const document = readJson(Buffer.from(payload, 'base64url'))
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new GatewayError('request-unreadable', { detail: 'It must be a JSON object.' })
  return readingOf({ ...document }, { system: message.source, key: message.idempotencyKey, options })
}

export type RereadOptions = Pick<CanonicalDoorOptions, 'gateway' | 'tables' | 'clock' | 'speakers'>

/** What a statement says, whenever it is read. */
function readingOf(
  document: Readonly<Record<string, unknown>>,
  { system, key, options }: { readonly system: string; readonly key: string; readonly options: RereadOptions },
): Draft {
  const { type, body, subject, correlationId, causationId } = readStatement(document)
  const { says, speaksFor } = options.speakers.get(system) ?? { says: [], speaksFor: [] }
  if (!says.includes(type)) throw new GatewayError('type-not-allowed', { field: '/type', rule: 'says' })
  checkBody(type, body, options)
  const ownSubject = subjectOf(type, body)
  if (subject !== undefined && subject !== ownSubject)
    throw new GatewayError('contract-violated', {
      field: '/subject',
      rule: 'const',
      detail: 'must be the dossier code.',
    })
  if (!unitsNamedBy(type, body).every((code) => options.tables.speaksFor(speaksFor, code)))
    throw new GatewayError('unit-not-allowed', { field: '/body/receivingUnit/code', rule: 'speaksFor' })
  return {
    type,
    source: system,
    subject: ownSubject,
    ...dossierNames(body, { tables: options.tables, atMs: options.clock.now() }),
    body,
    standing: { units: dossierUnits(body), mayWriteFor: (unit) => options.tables.speaksFor(speaksFor, unit) },
    idempotency: { kind: 'key', key },
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(causationId === undefined ? {} : { causationId }),
  }
}

async function verifyRequest(
  request: FastifyRequest,
  { keyring, gatewayId, clock, doors }: CanonicalDoorOptions,
): Promise<{ readonly token: string; readonly verified: VerifiedMessage }> {
  const bytes = doors.bodyOf(request)
  const check = { keyring, audience: gatewayId, nowMs: clock.now() }
  const [mediaType = ''] = (request.headers['content-type'] ?? '').toLowerCase().split(';')
  if (mediaType.startsWith('application/jose')) {
    // One byte, one character: a token is ASCII, and whatever is not fails as a bad signature does.
    const sent = mediaType.endsWith('+json') ? flattenedIn(bytes) : bytes.toString('latin1')
    // The signed token is what counts and what is kept; who encrypted it says nothing.
    const token = isEncrypted(sent) ? await decryptToken(sent, { keyOf: (kid) => keyring.decryptionKey(kid) }) : sent
    return { token, verified: await verifyMessage(token, check) }
  }
  const signature = request.headers['x-jws-signature']
  if (signature === undefined)
    throw new GatewayError('credential-missing', { field: 'x-jws-signature', rule: 'required' })
  if (typeof signature !== 'string') throw new GatewayError('credential-refused')
  const verified = await verifyMessage(signature, { ...check, payload: bytes })
  // Signed unencoded (RFC 7797), what is kept is still one token: its header says over which form its payload was signed.
  const [header, , seal] = signature.split('.')
  return { token: `${header}.${bytes.toString('base64url')}.${seal}`, verified }
}

/** Before a signature is checked, nobody is told what is wrong with what is around it. */
function flattenedIn(bytes: Buffer): string {
  try {
    return compactOf(readJson(bytes, { maxDepth: 1 }))
  } catch {
    throw new GatewayError('credential-refused')
  }
}

interface Statement {
  readonly type: string
  readonly body: unknown
  readonly subject?: string
  readonly correlationId?: string
  readonly causationId?: string
}

const claimNames = ['jti', 'iat', 'exp', 'iss', 'aud', 'type', 'subject', 'correlationId', 'causationId', 'body']

/** Closed, as every contract at a door is. */
function readStatement(document: Readonly<Record<string, unknown>>): Statement {
  const unknown = Object.keys(document).find((name) => !claimNames.includes(name))
  if (unknown !== undefined)
    throw new GatewayError('contract-violated', { field: `/${unknown.slice(0, 100)}`, rule: 'additionalProperties' })
  const { type, body } = document
  if (typeof type !== 'string')
    throw new GatewayError('contract-violated', { field: '/type', rule: type === undefined ? 'required' : 'type' })
  if (body === undefined) throw new GatewayError('contract-violated', { field: '/body', rule: 'required' })
  return { type, body, ...names(document, ['subject', 'correlationId', 'causationId']) }
}

function names<Name extends string>(
  document: Readonly<Record<string, unknown>>,
  wanted: readonly Name[],
): { readonly [name in Name]?: string } {
  const found: { [name in Name]?: string } = {}
  for (const name of wanted) {
    const value = document[name]
    if (value === undefined) continue
    if (typeof value !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$/.test(value))
      throw new GatewayError('contract-violated', { field: `/${name}`, rule: 'pattern' })
    found[name] = value
  }
  return found
}

/** The body's contract, with the field named from the document's root. */
function checkBody(type: string, body: unknown, { gateway }: Pick<CanonicalDoorOptions, 'gateway'>): void {
  try {
    gateway.check(type, body)
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'contract-violated') throw error
    const field = error.options.field === '/type' ? '/type' : `/body${error.options.field ?? ''}`.replace(/\/$/, '')
    throw new GatewayError('contract-violated', { ...error.options, field })
  }
}

/** What a message is about, and is kept in order by: an official document, or a dossier. */
function subjectOf(type: string, body: unknown): string {
  if (!type.startsWith('document.')) return dossierCodeOf(body)
  if (typeof body === 'object' && body !== null && 'documentId' in body && typeof body.documentId === 'string')
    return body.documentId
  throw new GatewayError('contract-violated', { field: '/body/documentId', rule: 'required' })
}

function dossierCodeOf(body: unknown): string {
  // Every other canonical contract requires it; this is for the compiler.
  if (typeof body === 'object' && body !== null && 'dossierCode' in body && typeof body.dossierCode === 'string')
    return body.dossierCode
  throw new GatewayError('contract-violated', { field: '/body/dossierCode', rule: 'required' })
}
