import { createHash } from 'node:crypto'
import { appendFileSync, readdirSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { deflateRawSync } from 'node:zlib'
import t from 'tap'
import { systemClock } from '../../gateway/bus/clock.ts'
import { base64Length, decodeBase64, encodeBase64 } from '../../gateway/files/base64.ts'
import { nameInLink } from '../../gateway/files/file-name.ts'
import { createFolderObjects } from '../../gateway/files/folder-objects.ts'
import { sampleBytes, sniff } from '../../gateway/files/media-type.ts'
import type { ObjectStore } from '../../gateway/files/object-store.ts'
import { openFiles, pdfOf, piecesOf } from './stage.ts'

const signal = new AbortController().signal
const arriving = { signal, field: '/file' }
const sender = { kind: 'sender', system: 'one-window' } as const
const message = (end: string) =>
  ({ kind: 'message', messageId: `018f0000-0000-7000-8000-${end.padStart(12, '0')}` }) as const

t.test('the same bytes are kept once, whoever brings them', async (t) => {
  const { files, folder, leftovers } = openFiles(t.testdir())
  const pdf = pdfOf(100_000)
  const one = await (await files.arrive(piecesOf(pdf), { name: 'a.pdf' }, arriving)).keep(sender)
  const two = await (await files.arrive(piecesOf(pdf, 7), { name: 'b.pdf' }, arriving)).keep(message('1'))
  t.equal(one.digest, two.digest)
  t.same([one.name, two.name], ['a.pdf', 'b.pdf'])
  t.same((await files.uses(one.digest)).length, 2)
  const whole = readdirSync(folder, { recursive: true }).filter((name) => /[0-9a-f]{64}$/.test(String(name)))
  t.equal(whole.length, 1)
  t.same(leftovers(), [])
})

t.test('a copy that is damaged on the disk is never given out', async (t) => {
  const { files, folder } = openFiles(t.testdir())
  const kept = await (await files.arrive(piecesOf(pdfOf(200_000)), {}, arriving)).keep(sender)
  const hex = kept.digest.slice(8)
  const file = path.join(folder, 'kept', hex.slice(0, 2), hex.slice(2, 4), hex)
  truncateSync(file, 199_999)
  appendFileSync(file, 'x')
  let readBytes = 0
  const read = async () => {
    for await (const chunk of await files.read(kept.digest)) readBytes += chunk.length
  }
  await t.rejects(read(), { code: 'file-mismatch' })
  t.ok(readBytes < 200_000, 'the end is withheld, so no receiver takes it for whole')
  appendFileSync(file, 'y')
  await t.rejects(files.find(kept.digest), { code: 'file-mismatch' })
})

t.test('base64 is taken strictly and within its limit', async (t) => {
  const { files, leftovers } = openFiles(t.testdir(), { maxInlineBytes: 300_000 })
  const pdf = pdfOf(299_998)
  const text = pdf.toString('base64')
  const kept = await (await files.arriveInline(text, { name: 'a.pdf' }, arriving)).keep(sender)
  t.equal(kept.digest, `sha-256:${createHash('sha256').update(pdf).digest('hex')}`)
  const mime = text.replace(/(.{76})/g, '$1\r\n')
  t.equal((await (await files.arriveInline(mime, {}, arriving)).keep(sender)).digest, kept.digest)
  const short = pdfOf(1000).toString('base64')
  const bad = [
    '',
    'A',
    `${short.slice(0, 100)}!${short.slice(101)}`,
    `${short.slice(0, 100)}=${short.slice(101)}`,
    short.slice(0, -1),
    `${short}AAAA`,
    ` ${short}`,
    short.replaceAll('/', '_').replaceAll('+', '-').replaceAll('A', '-'),
    'JVBERi0xLjc==',
    'JVBERi0xLjd=',
    `data:application/pdf;base64,${short}`,
  ]
  for (const one of bad)
    await t.rejects(files.arriveInline(one, {}, arriving), { code: 'file-unreadable', options: { field: '/file' } })
  const large = Buffer.alloc(300_001).toString('base64')
  await t.rejects(files.arriveInline(large, {}, arriving), {
    code: 'file-too-large',
    status: 413,
    options: { detail: 'The limit is 300000 bytes.' },
  })
  await t.rejects(files.arriveInline('\n'.repeat(1_000_000), {}, arriving), { code: 'file-too-large' })
  t.same(leftovers(), [])
})

t.test('base64 written in pieces is the base64 of the whole', async (t) => {
  for (const size of [0, 1, 2, 3, 4, 1000, 65_537]) {
    const bytes = pdfOf(size).subarray(0, size)
    let text = ''
    for await (const piece of encodeBase64(piecesOf(bytes, 997))) text += piece
    t.equal(text, bytes.toString('base64'))
    t.equal(text.length, base64Length(size))
    if (size > 0) t.same(Buffer.concat([...decodeBase64(text, { maxBytes: size })]), bytes)
  }
})

t.test('a file without a message leaves after retention, one a message needs stays', async (t) => {
  let nowMs = Date.now()
  const { files } = openFiles(t.testdir(), { clock: { ...systemClock, now: () => nowMs }, retentionMs: 60_000 })
  const keep = async (fill: number, use: typeof sender | ReturnType<typeof message>) =>
    (await (await files.arrive(piecesOf(pdfOf(500, fill)), {}, arriving)).keep(use)).digest
  const [loose, needed, done] = [await keep(1, sender), await keep(2, message('1')), await keep(3, message('2'))]
  const isNeeded = async (id: string) => id === message('1').messageId
  t.equal(await files.sweep(isNeeded), 0)
  nowMs += 61_000
  const young = await keep(4, sender)
  t.equal(await files.sweep(isNeeded), 2)
  t.same(await files.find(loose), undefined)
  t.same(await files.find(done), undefined)
  t.same(await files.uses(loose), [])
  t.match(await files.find(needed), { sizeBytes: 500 })
  t.match(await files.find(young), { sizeBytes: 500 })
})

t.test('what a process that died while keeping a file left leaves after retention', async (t) => {
  let nowMs = Date.now()
  const dir = t.testdir()
  const folder = createFolderObjects({ folder: path.join(dir, 'files'), incoming: path.join(dir, 'incoming') })
  for (const step of [1, 2, 3]) {
    let steps = 0
    const dying = (work: () => Promise<void>) => {
      steps += 1
      return steps > step - 1 ? Promise.reject(new Error('died')) : work()
    }
    const store: ObjectStore = {
      ...folder,
      putFile: (key, file) => dying(() => folder.putFile(key, file)),
      putNote: (key, bytes) => dying(() => folder.putNote(key, bytes)),
    }
    const { files } = openFiles(dir, { store, clock: { ...systemClock, now: () => nowMs }, retentionMs: 60_000 })
    const arrival = await files.arrive(piecesOf(pdfOf(500, step)), {}, arriving)
    await t.rejects(arrival.keep(sender), { message: 'died' })
    nowMs += 61_000
    await files.sweep(async () => true)
    t.same(await Array.fromAsync(folder.keys('kept/')), [], `at step ${step}`)
  }
})

t.test('what a process that died left half-way is removed, what is under way is not', async (t) => {
  const dir = t.testdir({ incoming: {} })
  const { files, leftovers } = openFiles(dir)
  const [old, young] = ['old.part', 'young.part'].map((name) => path.join(dir, 'incoming', name))
  for (const file of [old, young]) writeFileSync(String(file), 'x')
  const before = new Date(Date.now() - 25 * 3_600_000)
  utimesSync(String(old), before, before)
  await files.sweep(async () => true)
  t.same(leftovers(), ['young.part'])
})

t.test('a stream that breaks leaves nothing', async (t) => {
  const { files, leftovers, folder } = openFiles(t.testdir())
  async function* broken() {
    yield pdfOf(50_000)
    throw new Error('cut')
  }
  await t.rejects(files.arrive(broken(), {}, arriving), { message: 'cut' })
  await t.rejects(files.arrive(piecesOf(new Uint8Array()), {}, arriving), { code: 'file-unreadable' })
  const arrival = await files.arrive(piecesOf(pdfOf(10)), {}, arriving)
  await arrival.discard()
  t.same(leftovers(), [])
  t.throws(() => statSync(path.join(folder, 'kept')), { code: 'ENOENT' })
})

t.test('a zip bomb is not opened to be told what it is', async (t) => {
  const bomb = zipOf('[Content_Types].xml', Buffer.alloc(50_000_000, 0x20))
  const before = process.memoryUsage().rss
  const startedMs = performance.now()
  t.type(await sniff(bomb.subarray(0, sampleBytes)), 'string')
  t.ok(performance.now() - startedMs < 2_000)
  t.ok(process.memoryUsage().rss - before < 40_000_000)
})

t.test('bytes are told by themselves', async (t) => {
  const cases: readonly (readonly [string | Buffer, string])[] = [
    [pdfOf(100), 'application/pdf'],
    [Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 'image/png'],
    ['Xin chào', 'text/plain'],
    ['<?xml version="1.0"?><a/>', 'application/xml'],
    ['<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', 'image/svg+xml'],
    ['<?xml version="1.0"?><html><script>1</script></html>', 'text/html'],
    [Buffer.from([0xff, 0xfe, 0x00, 0x01]), 'application/octet-stream'],
  ]
  for (const [bytes, mediaType] of cases) t.equal(await sniff(Buffer.from(bytes)), mediaType)
})

t.test('a name in a link is plain, and ends as the file does', async (t) => {
  t.equal(nameInLink('Đơn đề nghị (bản ký số).pdf'), 'Don-de-nghi-ban-ky-so.pdf')
  t.equal(nameInLink('../../x'), 'x')
  t.equal(nameInLink(undefined), 'tep')
  t.equal(nameInLink(`${'a'.repeat(500)}.docx`), `${'a'.repeat(60)}.docx`)
})

/** A zip with one deflated entry, just well-formed enough to be looked into. */
function zipOf(name: string, content: Buffer): Buffer {
  const data = deflateRawSync(content)
  const head = Buffer.alloc(30)
  head.writeUInt32LE(0x04034b50, 0)
  head.writeUInt16LE(20, 4)
  head.writeUInt16LE(8, 8)
  head.writeUInt32LE(data.length, 18)
  head.writeUInt32LE(content.length, 22)
  head.writeUInt16LE(name.length, 26)
  return Buffer.concat([head, Buffer.from(name), data])
}
