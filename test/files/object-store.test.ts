import { createHash } from 'node:crypto'
import { createWriteStream, existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import t, { type Test } from 'tap'
import { createFolderObjects } from '../../gateway/files/folder-objects.ts'
import type { ObjectStore } from '../../gateway/files/object-store.ts'
import { createS3Objects } from '../../gateway/files/s3-objects.ts'
import { openFiles, pdfOf, piecesOf } from './stage.ts'

/** What every place for files must do. */
async function conform(t: Test, { store, dir }: { store: ObjectStore; dir: string }): Promise<void> {
  const spool = async (bytes: Uint8Array) => {
    const file = path.join(dir, `${createHash('sha256').update(bytes).digest('hex')}.part`)
    const stream = createWriteStream(file)
    stream.end(bytes)
    await finished(stream)
    return { path: file, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest() }
  }
  await t.test('a file is there whole, in ranges and by its size, and its source is gone', async (t) => {
    const pdf = pdfOf(300_000, 0x41)
    const file = await spool(pdf)
    await store.putFile('kept/aa/bb/cc', file)
    t.notOk(existsSync(file.path))
    t.equal(await store.sizeOf('kept/aa/bb/cc'), 300_000)
    const read = async (range?: { first: number; last: number }) => {
      const stream = await store.open('kept/aa/bb/cc', range)
      return stream && (await buffer(stream))
    }
    t.same(await read(), pdf)
    t.same(await read({ first: 0, last: 9 }), pdf.subarray(0, 10))
    t.same(await read({ first: 100, last: 199_999 }), pdf.subarray(100, 200_000))
    const other = await spool(pdfOf(10, 0x42))
    await store.putFile('kept/aa/bb/cc', other)
    t.equal(await store.sizeOf('kept/aa/bb/cc'), 15)
  })
  await t.test('what is not there is undefined, and may be removed', async (t) => {
    t.equal(await store.sizeOf('kept/none'), undefined)
    t.equal(await store.note('kept/none'), undefined)
    t.equal(await store.open('kept/none'), undefined)
    await store.remove('kept/none')
  })
  await t.test('notes are written over, listed below their folder and removed', async (t) => {
    const text = (value: string) => new TextEncoder().encode(value)
    await store.putNote('notes/a.uses/message~1', text('1'))
    await store.putNote('notes/a.uses/sender~one-window', text('2'))
    await store.putNote('notes/b', text('3'))
    await store.putNote('notes/b', text('4'))
    t.same(Buffer.from((await store.note('notes/b')) ?? []).toString(), '4')
    const listed = async (folder: string) => (await Array.fromAsync(store.keys(folder))).sort()
    t.same(await listed('notes/a.uses/'), ['notes/a.uses/message~1', 'notes/a.uses/sender~one-window'])
    t.same((await listed('notes/')).length, 3)
    t.same(await listed('nothing/'), [])
    await store.remove('notes/b')
    t.same((await listed('notes/')).length, 2)
  })
}

t.test('a folder', async (t) => {
  const dir = t.testdir({ incoming: {}, 'a-file': 'x' })
  const incoming = path.join(dir, 'incoming')
  const store = createFolderObjects({ folder: path.join(dir, 'files'), incoming })
  await conform(t, { store, dir })
  t.same(readdirSync(incoming), [])
  for (const key of ['../x', 'a/../../x', '/etc/passwd', 'a//b', 'a/./b', ''])
    await t.rejects(store.putNote(key, new Uint8Array()), { code: 'internal-error' }, key)
  const blocked = createFolderObjects({ folder: path.join(dir, 'a-file', 'files'), incoming })
  await t.rejects(blocked.putNote('a', new Uint8Array()), { code: 'store-unavailable', failure: 'transient' })
})

t.test('an S3-compatible store', async (t) => {
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket = 'files' } = process.env
  if (endpoint === undefined) {
    t.pass('not run: name a store with S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY', {
      skip: true,
    })
    return
  }
  const store = await createS3Objects({
    endpoint,
    bucket,
    region: 'us-east-1',
    prefix: `test-${process.pid}/`,
    accessKeyId: process.env.S3_ACCESS_KEY_ID ?? '',
    secretAccessKey: process.env.S3_SECRET_ACCESS_KEY ?? '',
    timeoutMs: 10_000,
  })
  const dir = t.testdir({ claim: {} })
  await conform(t, { store, dir })
  const { files } = openFiles(path.join(dir, 'claim'), { store })
  const pdf = pdfOf(400_000, 0x43)
  const arriving = { signal: new AbortController().signal }
  const kept = await (await files.arrive(piecesOf(pdf), { name: 'a.pdf' }, arriving)).keep({
    kind: 'sender',
    system: 'x',
  })
  const chunks: Uint8Array[] = []
  for await (const chunk of await files.read(kept.digest)) chunks.push(chunk)
  t.same(Buffer.concat(chunks), pdf)
  t.same(await files.uses(kept.digest), [{ kind: 'sender', system: 'x' }])
  for await (const key of store.keys('')) await store.remove(key)
  await store.close()
})

t.test('an S3-compatible store that is away', async (t) => {
  const store = await createS3Objects({
    endpoint: 'http://127.0.0.1:1',
    bucket: 'files',
    region: 'us-east-1',
    prefix: '',
    accessKeyId: 'a',
    secretAccessKey: 'b',
    timeoutMs: 1_000,
  })
  await t.rejects(store.sizeOf('kept/a'), { code: 'store-unavailable', failure: 'transient' })
  await store.close()
})
