import type { DocumentSent, DocumentStatusReported } from '../../contracts/canonical/types.ts'
import { canonicalJson, digestOf } from '../../gateway/bus/canonical-json.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { xmlAlgorithmOf } from '../../gateway/envelopes/xml-algorithms.ts'
import type { XmlSigningKey } from '../../gateway/envelopes/xml-signature.ts'
import { createXmlWorkshop } from '../../gateway/envelopes/xml-workshop.ts'
import { type AxisDocument, documentToAxis } from '../../mappings/document-axis/document.ts'
import { statusToAxis } from '../../mappings/document-axis/status.ts'
import type { AdapterContext, AdapterDefinition } from '../definition.ts'
import { keepPulling } from './inbox.ts'
import { type DocumentAxisSettings, documentAxisSchema } from './settings.ts'
import { createAxisWire } from './wire.ts'

/** The national document axis: official documents and their statuses as signed edXML, sent to it and pulled from it. */
export const documentAxis: AdapterDefinition<DocumentAxisSettings> = {
  system: 'document-axis',
  settings: documentAxisSchema,
  create(context) {
    const wire = createAxisWire(context.settings, context.clock)
    const workshop = createXmlWorkshop()
    return {
      async deliver(message, attempt, signal) {
        const content = contentOf(message)
        const key = signingKeyOf(context)
        const signingTime = new Date(context.clock.now())
        const edxml = await workshop.do({ act: 'seal-edxml', content, sealing: { key, signingTime } })
        const messageType = message.type === 'document.sent.v1' ? 'edoc' : 'status'
        const beforeSend = () => attempt.beforeSend()
        const { docId, answerDigest } = await wire.send(edxml, { messageType, signal, beforeSend })
        return {
          receipt: { sentDigest: digestOf(edxml), answerDigest, answerCode: '0' },
          memory: { ...attempt.memory, ...(docId !== undefined && { docId }) },
        }
      },
      async lookup(message) {
        // A status said twice says the same; a document sent twice is registered twice, and the axis offers no way to
        // ask for one by its own identity.
        if (message.type !== 'document.sent.v1') return { kind: 'resend' }
        return { kind: 'unknown', why: 'The axis cannot be asked whether it has taken a document.' }
      },
      async preview(message) {
        const { header, attachments } = contentOf(message)
        return canonicalJson({
          header,
          attachments: attachments.map(({ name, bytes }) => ({ name, digest: digestOf(bytes) })),
        })
      },
      listen: (signal) => keepPulling({ wire, workshop, context }, signal),
      async probe(signal) {
        await wire.list('status', signal)
      },
      async close() {
        await Promise.all([wire.close(), workshop.close()])
      },
    }
  },
}

/** Bodies were checked against these contracts when they were accepted. */
function contentOf(message: Message): AxisDocument {
  switch (message.type) {
    case 'document.sent.v1':
      return documentToAxis(message.body as DocumentSent, message.acceptedAtMs)
    case 'document.status-reported.v1':
      return { header: statusToAxis(message.body as DocumentStatusReported), attachments: [] }
    default:
      throw new GatewayError('no-receiver', { detail: `The document axis takes no ${message.type}.` })
  }
}

function signingKeyOf({ keyring, system }: AdapterContext<DocumentAxisSettings>): XmlSigningKey {
  const { algorithm: jose, privateKey, certificates } = keyring.signingKey(system)
  const algorithm = xmlAlgorithmOf(jose)
  if (algorithm === undefined) throw new Error(`a key for ${jose} cannot sign XML`)
  return { privateKey, algorithm, ...(certificates && { certificates: certificates.map(({ raw }) => raw) }) }
}
