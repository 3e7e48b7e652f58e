import { monitorEventLoopDelay } from 'node:perf_hooks'
import t from 'tap'
import { buildEdxml } from '../../gateway/envelopes/edxml.ts'
import { signXml } from '../../gateway/envelopes/xml-signature.ts'
import { createXmlWorkshop } from '../../gateway/envelopes/xml-workshop.ts'
import { rsa } from './xml-sample.ts'

const { privateKey, publicKey } = rsa()
const key = { privateKey, algorithm: 'RSA-SHA256' } as const
const expected = { keys: [{ id: 'k', publicKey }] }
const rows = (count: number) => `<doc xmlns="urn:x">${'<row>Nguyễn Văn Thử</row>'.repeat(count)}</doc>`

t.test('large orders come to what small ones come to, in their own thread', async (t) => {
  const workshop = createXmlWorkshop()
  t.teardown(() => workshop.close())
  for (const count of [3, 15_000]) {
    const document = Buffer.from(rows(count))
    const signed = await workshop.do({ act: 'sign', document, options: { key } })
    const verified = await workshop.do({ act: 'verify', document: signed, expected })
    t.ok(verified.content.equals(document), `${document.length} bytes`)
    t.match(verified, { keyId: 'k', covers: 'document', algorithm: 'RSA-SHA256' })
    const forged = Buffer.from(signed.toString().replace('Thử', 'Sửa'))
    await t.rejects(workshop.do({ act: 'verify', document: forged, expected }), {
      code: 'credential-refused',
      options: { cause: { reason: 'digest-mismatch' } },
    })
    await t.rejects(workshop.do({ act: 'verify', document: Buffer.from(`${rows(count)}<`), expected }), {
      code: 'xml-unreadable',
    })
  }
})

t.test('edXML and schemas work in the thread as here', async (t) => {
  const schemas = {
    doc: `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x" elementFormDefault="qualified">
      <xs:element name="doc"><xs:complexType><xs:sequence>
      <xs:element name="row" type="xs:string" maxOccurs="4"/></xs:sequence></xs:complexType></xs:element></xs:schema>`,
  }
  const workshop = createXmlWorkshop({ schemas })
  t.teardown(() => workshop.close())
  const verify = (count: number) =>
    workshop.do({
      act: 'verify',
      document: signXml(rows(count), { key }),
      expected: { ...expected, schema: 'doc' },
    })
  await t.resolves(verify(4))
  await t.rejects(verify(5), { code: 'contract-violated' })
  await t.rejects(verify(15_000), { code: 'contract-violated', options: { field: 'row', rule: 'xsd' } })

  const bytes = Buffer.alloc(300_000, 7)
  const content = {
    header: { MessageHeader: { Subject: 'Thử' } },
    attachments: [{ contentId: 'a', name: 'a.bin', mediaType: 'application/octet-stream', bytes }],
  }
  const sealed = await workshop.do({ act: 'seal-edxml', content, sealing: { key, signingTime: new Date(0) } })
  const opening = { ...expected, mustBeSigned: true, mustBindAttachments: true }
  const opened = await workshop.do({ act: 'open-edxml', document: sealed, opening })
  t.ok(bytes.equals(opened.attachments[0]?.bytes ?? Buffer.alloc(0)))
  t.same(opened.header, content.header)
  await t.rejects(workshop.do({ act: 'open-edxml', document: Buffer.from(buildEdxml(content)), opening }), {
    code: 'credential-refused',
  })
})

t.test('an order that does not end in time is broken off, and the next one is done', async (t) => {
  const workshop = createXmlWorkshop({ deadlineMs: 1 })
  t.teardown(() => workshop.close())
  const document = Buffer.from(rows(15_000))
  await t.rejects(workshop.do({ act: 'sign', document, options: { key } }), { code: 'xml-too-complex' })
  await t.resolves(workshop.do({ act: 'sign', document: Buffer.from(rows(1)), options: { key } }))
})

t.test('more orders than may wait are turned away', async (t) => {
  const workshop = createXmlWorkshop({ maxWaiting: 2 })
  t.teardown(() => workshop.close())
  const document = Buffer.from(rows(15_000))
  const orders = Array.from({ length: 5 }, () => workshop.do({ act: 'sign', document, options: { key } }))
  const ends = await Promise.allSettled(orders)
  t.same(
    ends.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
  )
  t.match(ends[4], { reason: { code: 'too-many-requests' } })
})

t.test('closing ends what waits', async (t) => {
  const workshop = createXmlWorkshop()
  const document = Buffer.from(rows(15_000))
  const first = workshop.do({ act: 'sign', document, options: { key } }).catch((error) => error)
  const second = workshop.do({ act: 'sign', document, options: { key } }).catch((error) => error)
  await workshop.close()
  t.match(await first, { code: 'draining' })
  t.match(await second, { code: 'draining' })
  await t.rejects(workshop.do({ act: 'sign', document, options: { key } }), { code: 'draining' })
})

t.test('the event loop stays free while large documents are worked on', async (t) => {
  const workshop = createXmlWorkshop()
  t.teardown(() => workshop.close())
  const document = Buffer.from(rows(15_000))
  await workshop.do({ act: 'sign', document, options: { key } })
  const delay = monitorEventLoopDelay({ resolution: 2 })
  delay.enable()
  const orders = Array.from({ length: 8 }, () => workshop.do({ act: 'sign', document, options: { key } }))
  let turns = 0
  let isDone = false
  void Promise.all(orders).then(() => {
    isDone = true
  })
  while (!isDone) {
    turns += 1
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  delay.disable()
  // A shared build machine may stop us for longer than any code of ours; half of all turns must be quick all the same.
  t.ok(delay.percentile(50) / 1e6 < 20, `${delay.percentile(50) / 1e6} ms in the median, ${turns} turns`)
  t.ok(turns > 8, 'it went on turning')
})
