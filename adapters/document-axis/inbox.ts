import { randomUUID } from 'node:crypto'
import type { Clock } from '../../gateway/bus/clock.ts'
import { asGatewayError, type ErrorCode, GatewayError } from '../../gateway/bus/errors.ts'
import type { Draft } from '../../gateway/bus/message.ts'
import { durationMs } from '../../gateway/bus/route.ts'
import type { EdxmlOpening, OpenedEdxml } from '../../gateway/envelopes/edxml.ts'
import { xmlAlgorithmOf } from '../../gateway/envelopes/xml-algorithms.ts'
import type { XmlVerificationKey } from '../../gateway/envelopes/xml-signature.ts'
import type { XmlWorkshop } from '../../gateway/envelopes/xml-workshop.ts'
import { documentFromAxis } from '../../mappings/document-axis/document.ts'
import { statusFromAxis } from '../../mappings/document-axis/status.ts'
import type { AdapterContext } from '../definition.ts'
import type { MessageType } from './calls.ts'
import type { DocumentAxisSettings } from './settings.ts'
import type { AxisItem, AxisWire } from './wire.ts'

export interface InboxPorts {
  readonly wire: AxisWire
  readonly workshop: XmlWorkshop
  readonly context: AdapterContext<DocumentAxisSettings>
}

/**
 * Pulls what the axis has for us until the signal. A document is acknowledged with `done` only after its acceptance is
 * on disk; one that can never be accepted is audited and answered with `fail`. Whatever else goes wrong leaves it where
 * it is, and the next round takes it again: acceptance knows repeats by the axis's own id.
 */
export async function keepPulling(ports: InboxPorts, signal: AbortSignal): Promise<void> {
  const { tap, system, clock, settings } = ports.context
  while (!signal.aborted) {
    for (const messageType of ['edoc', 'status'] as const) {
      await pull(ports, messageType, signal).catch((error) => {
        if (!signal.aborted) tap.failed({ where: `${system}: list of ${messageType}`, error })
      })
    }
    await rest(durationMs(settings.pollEvery), { clock, signal })
  }
}

function rest(
  delayMs: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(delayMs, end)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}

async function pull(ports: InboxPorts, messageType: MessageType, signal: AbortSignal): Promise<void> {
  const { tap, system } = ports.context
  for (const item of await ports.wire.list(messageType, signal)) {
    if (signal.aborted) return
    // One document that cannot be had must not keep the others from us.
    await take(ports, item, signal).catch((error) => {
      if (!signal.aborted) tap.failed({ where: `${system}: document of the axis`, error })
    })
  }
}

async function take(ports: InboxPorts, item: AxisItem, signal: AbortSignal): Promise<void> {
  const { wire, context } = ports
  const bytes = await wire.fetch(item.docId, signal)
  const correlationId = randomUUID()
  try {
    const [accepted] = await context.gateway.accept([{ ...(await draftOf(ports, item, bytes)), correlationId }])
    if (accepted?.kind === 'conflict') throw new GatewayError('key-conflict')
  } catch (error) {
    const failure = asGatewayError(error)
    if (!isForGood(failure.code)) throw error
    const { gateway, system, settings } = context
    const { host } = new URL(settings.url)
    const claimed = item.from === undefined ? {} : { claimedSender: item.from }
    gateway.refused({
      door: `${system}:pull`,
      remote: host,
      code: failure.code,
      correlationId,
      body: bytes,
      ...claimed,
    })
    await wire.acknowledge(item.docId, 'fail', signal)
    return
  }
  await wire.acknowledge(item.docId, 'done', signal)
}

async function draftOf({ workshop, context }: InboxPorts, { docId }: AxisItem, bytes: Buffer): Promise<Draft> {
  const { system, settings, keyring } = context
  const opened = await workshop.do({ act: 'open-edxml', document: bytes, opening: openingOf(context) })
  const body = opened.kind === 'status' ? statusFromAxis(opened.header) : documentFromAxis(opened)
  checkSigner(opened, body.from.code, settings)
  const verifiedBy = opened.signature && keyring.partnerKey(opened.signature.keyId)?.thumbprint
  return {
    type: opened.kind === 'status' ? 'document.status-reported.v1' : 'document.sent.v1',
    source: system,
    subject: body.documentId,
    body,
    idempotency: { kind: 'key', key: `edoc:${docId}` },
    original: { bytes, mediaType: 'application/xml', ...(verifiedBy !== undefined && { verifiedBy }) },
  }
}

function openingOf({ keyring, system, settings }: InboxPorts['context']): EdxmlOpening {
  const keys = keyring.partnerKeys(system).flatMap((key): readonly XmlVerificationKey[] => {
    const algorithm = xmlAlgorithmOf(key.algorithm)
    const certificate = key.certificates?.[0]?.raw
    if (algorithm === undefined) return []
    return [{ id: key.kid, publicKey: key.publicKey, algorithms: [algorithm], ...(certificate && { certificate }) }]
  })
  const { mustBeSigned, mustBindAttachments, maxDocumentBytes: maxBytes } = settings
  return { keys, mustBeSigned, mustBindAttachments, maxBytes }
}

/** A good signature of one agency proves nothing about a document of another. */
function checkSigner({ signature }: OpenedEdxml, agency: string, { signers }: DocumentAxisSettings): void {
  if (signature === undefined) return
  const own = signers.filter((one) => one.agency === agency).flatMap(({ keys }) => keys)
  if (!own.includes(signature.keyId))
    throw new GatewayError('credential-refused', { cause: new Error('signed-by-another-agency') })
}

/** What the document itself is wrong in; anything else may be well tomorrow. */
function isForGood(code: ErrorCode): boolean {
  return forGood.has(code)
}

const forGood: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'request-too-large',
  'xml-unreadable',
  'xml-forbidden',
  'xml-too-complex',
  'credential-refused',
  'contract-violated',
  'value-missing',
  'value-unmappable',
  'key-conflict',
])
