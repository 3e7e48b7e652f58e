import { readFileSync } from 'node:fs'
import t from 'tap'
import type { DocumentSent, DocumentStatusReported } from '../../contracts/canonical/types.ts'
import { loadContracts } from '../../contracts/loader.ts'
import { documentActions, documentStatuses } from '../../mappings/document-axis/codes.ts'
import { documentFromAxis, documentToAxis } from '../../mappings/document-axis/document.ts'
import { statusFromAxis, statusToAxis } from '../../mappings/document-axis/status.ts'
import { dayFromAxis, instantFromAxis, instantToAxis } from '../../mappings/document-axis/time.ts'

const contracts = loadContracts()
const example = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../contracts/canonical/examples/${name}.json`, import.meta.url), 'utf8'))
const atMs = Date.UTC(2026, 10, 21, 1, 2, 3)

t.test('a document comes back from the axis as it went', async (t) => {
  for (const name of ['new', 'recall', 'received']) {
    const body: DocumentSent = example(`document.sent.v1.${name}`)
    const there = documentToAxis(body, atMs)
    const back = documentFromAxis({
      header: there.header,
      attachments: there.attachments.map((one) => ({ ...one, isBound: true })),
    })
    // edXML has no place for a dossier.
    const { dossierCode: _, ...kept } = body
    const attachments = kept.attachments?.map((one) => ({ ...one, isSigned: true }))
    t.same(back, { ...kept, ...(attachments && { attachments }) }, name)
    t.same(contracts.violations('document.sent.v1', back), [])
  }
})

t.test('a status comes back from the axis as it went', async (t) => {
  for (const name of ['arrived', 'refused', 'finished']) {
    const body: DocumentStatusReported = example(`document.status-reported.v1.${name}`)
    t.same(statusFromAxis(statusToAxis(body)), body, name)
  }
})

t.test('every action and status of the contracts has a code of the axis', async (t) => {
  const { properties: sent } = contracts.schema('document.sent.v1') as { properties: { action: { enum: string[] } } }
  const { properties: told } = contracts.schema('document.status-reported.v1') as {
    properties: { status: { enum: string[] } }
  }
  for (const name of sent.action.enum) t.ok(documentActions.codeOf(name), name)
  for (const name of told.status.enum) t.ok(documentStatuses.codeOf(name), name)
  t.same(
    documentStatuses.rows.map(({ code }) => code),
    ['01', '02', '03', '04', '05', '06', '13', '15', '16'],
  )
})

t.test('what the standard demands and nobody says is not made up', async (t) => {
  const body: DocumentSent = example('document.sent.v1.new')
  t.throws(() => documentToAxis({ ...body, from: { code: 'H47' } }, atMs), {
    code: 'value-missing',
    options: { field: 'From/OrganName' },
  })
  const [attachment] = body.attachments ?? []
  if (attachment === undefined) throw new Error('no attachment')
  const { content: _, ...bare } = attachment
  t.throws(() => documentToAxis({ ...body, attachments: [bare] }, atMs), { code: 'value-missing' })
  t.throws(() => documentToAxis({ ...body, attachments: [{ ...attachment, content: 'AAAA' }] }, atMs), {
    code: 'value-unmappable',
  })
})

t.test('what comes without a value it needs is refused, naming the element', async (t) => {
  const { header } = documentToAxis(example('document.sent.v1.new'), atMs)
  const message = header.MessageHeader
  if (typeof message !== 'object' || Array.isArray(message)) throw new Error('no header')
  const read = (change: object) =>
    documentFromAxis({ header: { ...header, MessageHeader: { ...message, ...change } }, attachments: [] })
  t.throws(() => read({ Subject: '' }), { code: 'value-missing', options: { field: 'Subject' } })
  t.throws(() => read({ To: undefined }), { code: 'value-missing', options: { field: 'To' } })
  t.throws(() => read({ From: '' }), { code: 'value-missing', options: { field: 'OrganId' } })
  t.throws(() => read({ Subject: ['a', 'b'] }), { code: 'value-unmappable', options: { field: 'Subject' } })
  t.throws(() => read({ PromulgationInfo: { PromulgationDate: '2026/02/30' } }), { code: 'value-unmappable' })
  t.throws(() => read({ OtherInfo: { Priority: 'khẩn' } }), { code: 'value-unmappable' })
  t.equal(read({ DocumentId: '' }).documentId, 'H47.01,2026/11/20,12/CV-SNV', 'the standard says what it is made of')
  t.throws(() => documentFromAxis({ header: {}, attachments: [] }), { code: 'value-missing' })
  t.throws(() => statusFromAxis({ Status: { StatusCode: '99' } }), { code: 'value-unmappable' })
  t.throws(() => statusFromAxis({}), { code: 'value-missing', options: { field: 'StatusCode' } })
})

t.test('days and times are read in every form of the field, and written in one', async (t) => {
  for (const text of ['2026/11/20', '20/11/2026', '2026-11-20', '2026/11/20 08:00:00'])
    t.equal(dayFromAxis(text, 'x'), '2026-11-20', text)
  for (const text of ['', '2026/13/01', '31/04/2026', '20261120', '20-11-2026', '2026/1/2'])
    t.throws(() => dayFromAxis(text, 'x'), { code: 'value-unmappable' }, text)
  for (const text of ['2026/11/21 08:02:03', '21/11/2026 08:02:03', '2026-11-21T08:02:03.456'])
    t.equal(instantFromAxis(text, 'x'), '2026-11-21T01:02:03.000Z', text)
  for (const text of ['2026/11/21', '2026/11/21 25:00:00', '2026/11/21 8:2:3'])
    t.throws(() => instantFromAxis(text, 'x'), { code: 'value-unmappable' }, text)
  t.equal(instantToAxis(atMs), '2026/11/21 08:02:03')
})

t.test('the same document has the same content ids whenever it is sent', async (t) => {
  const body: DocumentSent = example('document.sent.v1.new')
  const ids = () => documentToAxis(body, atMs).attachments.map(({ contentId }) => contentId)
  t.same(ids(), ids())
  t.match(ids()[0], /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
})
