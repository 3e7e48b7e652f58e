import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Check, type Flow, unlessTrue } from '../flow.ts'
import type { Stage } from '../stage.ts'

const file = Buffer.from('%PDF-1.4 Công văn thử nghiệm')
const sha256 = createHash('sha256').update(file).digest('hex')

const outgoing = {
  documentId: 'H47.01,2026/11/20,12/CV-SNV',
  action: 'new',
  from: { code: 'H47.01', name: 'Sở Nội vụ' },
  to: [{ code: 'G09', name: 'Bộ Nội vụ' }],
  number: '12',
  notation: 'CV-SNV',
  promulgatedOn: '2026-11-20',
  subject: 'V/v thử nghiệm liên thông văn bản',
  signer: { name: 'NGUYEN VAN A', position: 'Giám đốc' },
  attachments: [
    {
      name: 'công văn.pdf',
      mediaType: 'application/pdf',
      digest: `sha-256:${sha256}`,
      content: file.toString('base64'),
    },
  ],
}

const incoming = {
  from: { code: 'G09', name: 'Bộ Nội vụ' },
  to: [{ code: 'H47.01', name: 'Sở Nội vụ' }],
  number: '77',
  notation: 'BNV',
  promulgatedOn: '2026/11/19',
  subject: 'V/v phối hợp giải quyết hồ sơ',
  attachments: [{ name: 'công văn.pdf', mediaType: 'application/pdf', base64: file.toString('base64') }],
}
const incomingId = 'G09,2026/11/19,77/BNV'

/** Longer than a round of the gateway and a retry. */
const patienceMs = 20_000

/** Official documents and what became of them, out and in, signed; one without a signature is sent back. */
export const documentAxis: Flow = {
  name: 'document-axis',
  async play(stage) {
    const answers = [
      await stage.sendMessage({ type: 'document.sent.v1', body: outgoing }),
      await stage.sendMessage({
        type: 'document.status-reported.v1',
        body: {
          documentId: incomingId,
          issuedBy: 'G09',
          code: '77/BNV',
          promulgatedOn: '2026-11-19',
          from: { code: 'H47.01', name: 'Sở Nội vụ' },
          status: 'finished',
          at: '2026-11-21T09:30:00.000Z',
        },
      }),
    ]
    const received = await stage.deposit({ document: incoming })
    const reported = await stage.deposit({
      report: {
        from: incoming.from,
        about: {
          agency: 'H47.01',
          documentId: outgoing.documentId,
          code: '12/CV-SNV',
          promulgatedOn: '2026/11/20',
        },
        statusCode: '03',
        description: 'Đã tiếp nhận',
        timestamp: '2026/11/21 09:00:00',
      },
    })
    const unsigned = await stage.deposit({ document: { ...incoming, number: '78' }, isUnsigned: true })
    const refused = answers.flatMap(({ status, text }) => unlessTrue(status === 202, `answered ${status} ${text}`))
    return checkOf({ refused, received, reported, unsigned })
  },
}

interface Played {
  readonly refused: readonly string[]
  /** The axis's ids of what other agencies sent. */
  readonly received: string
  readonly reported: string
  readonly unsigned: string
}

function checkOf(played: Played): Check {
  return async (stage) => {
    const untilMs = performance.now() + patienceMs
    let differences = await differencesAt(stage, played)
    while (differences.length > 0 && performance.now() < untilMs) {
      await sleep(100)
      differences = await differencesAt(stage, played)
    }
    return {
      messages: 5,
      differences: [...played.refused, ...differences],
      remarks: [
        `document axis: ${outgoing.documentId} went out signed, ${incomingId} came in verified, one unsigned was sent back`,
      ],
    }
  }
}

async function differencesAt(stage: Stage, played: Played): Promise<readonly string[]> {
  const [{ documents }, { messages }] = await Promise.all([stage.axisState(), stage.oneWindowState()])
  const statusOf = (docId: string) => documents.find((one) => one.docId === docId)?.status
  const ours = documents.filter(({ isOurs }) => isOurs)
  const sent = ours.filter(({ messageType }) => messageType === 'edoc')
  const told = (type: string, documentId: string) =>
    messages.filter(({ document }) => document.type === type && document.subject === documentId).length
  return [
    ...unlessTrue(
      sent.length === 1 && sent[0]?.documentId === outgoing.documentId,
      'our document is not at the axis once',
    ),
    ...unlessTrue(sent[0]?.attachments[0]?.sha256 === sha256, 'its file is not what was sent'),
    ...unlessTrue(
      Buffer.from(sent[0]?.edxml ?? '', 'base64').includes('<ds:SignatureValue>'),
      'our document is not signed',
    ),
    ...unlessTrue(
      ours.filter(({ messageType, statusCode }) => messageType === 'status' && statusCode === '06').length === 1,
      'our status is not at the axis once',
    ),
    ...unlessTrue(statusOf(played.received) === 'done', 'the document for us is not acknowledged'),
    ...unlessTrue(statusOf(played.reported) === 'done', 'the status for us is not acknowledged'),
    ...unlessTrue(statusOf(played.unsigned) === 'fail', 'the document without a signature is not sent back'),
    ...unlessTrue(told('document.sent.v1', incomingId) === 1, 'the one-window does not hold the document once'),
    ...unlessTrue(
      told('document.status-reported.v1', outgoing.documentId) === 1,
      'the one-window does not hold the status once',
    ),
  ]
}
