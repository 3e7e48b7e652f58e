import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { signAccessToken } from '../../gateway/envelopes/access-token.ts'
import { createKeyring, generateSigningJwk } from '../../gateway/envelopes/keyring.ts'
import type { Order } from './memory-child.ts'
import { pdfOf, serve } from './stage.ts'

const pieceBytes = 1024 * 1024
const pieces = 100
const limitMegabytes = 64

/** A hundred megabytes that nobody has to hold. */
function* largeFile(): Generator<Buffer> {
  yield pdfOf(pieceBytes, 0)
  for (let index = 1; index < pieces; index += 1) yield Buffer.alloc(pieceBytes, index)
}

let digest = ''

t.before(() => {
  const hash = createHash('sha256')
  for (const piece of largeFile()) hash.update(piece)
  digest = `sha-256:${hash.digest('hex')}`
})

t.test('a hundred megabytes by link pass in less than 64 more of memory', async (t) => {
  const { ask, source, peak } = await warm(t)
  const kept = await ask({ kind: 'claim', url: `http://${source.host}/lon.pdf` })
  t.match(kept, { digest, sizeBytes: pieces * pieceBytes })
  await peak(t)
})

t.test('a hundred megabytes by multipart pass in less than 64 more of memory', async (t) => {
  const { upload, peak } = await warm(t)
  const uploaded = await upload(largeFile())
  t.equal(uploaded.statusCode, 201)
  t.match(JSON.parse(uploaded.text), { files: [{ digest }] })
  await peak(t)
})

t.test('a hundred megabytes handed out pass in less than 64 more of memory', async (t) => {
  const { upload, ask, download, peak } = await warm(t)
  t.equal((await upload(largeFile())).statusCode, 201)
  await ask({ kind: 'measure' })
  t.equal(await download(digest), digest)
  await peak(t)
})

/** A process that has done all of it once with little files: what is loaded at first use is not a matter of size. */
async function warm(t: Test) {
  const source = await serve((request, response) =>
    Readable.from(request.url === '/nho.pdf' ? [pdfOf(1000)] : largeFile()).pipe(response),
  )
  const child = fork(new URL('./memory-child.ts', import.meta.url), {
    execArgv: ['--expose-gc'],
    serialization: 'json',
  })
  t.teardown(async () => {
    child.kill()
    await source.close()
  })
  const ask = async (order: Order): Promise<unknown> => {
    const answered = once(child, 'message')
    child.send(order)
    const [{ result, error }] = await answered
    if (error !== undefined) throw new Error(error)
    return result
  }
  const [own, sender] = [generateSigningJwk(), generateSigningJwk()]
  const url = String(await ask({ kind: 'start', dir: t.testdir(), host: source.host, own, sender }))
  const key = createKeyring({ signing: sender, partners: [] }).signingKey()
  const authorization = async () => `Bearer ${await signAccessToken(key, { audience: 'gateway', nowMs: Date.now() })}`
  const upload = async (file: Iterable<Buffer>) => {
    async function* form() {
      yield Buffer.from('--x\r\ncontent-disposition: form-data; name="file"; filename="lon.pdf"\r\n\r\n')
      yield* file
      yield Buffer.from('\r\n--x--\r\n')
    }
    const headers = { authorization: await authorization(), 'content-type': 'multipart/form-data; boundary=x' }
    const { statusCode, body } = await request(`${url}/files`, { method: 'POST', headers, body: Readable.from(form()) })
    return { statusCode, text: await body.text() }
  }
  const download = async (wanted: string) => {
    const { body } = await request(`${url}/files/${wanted.slice(8)}`, {
      headers: { authorization: await authorization() },
    })
    const read = createHash('sha256')
    for await (const chunk of body) read.update(chunk)
    return `sha-256:${read.digest('hex')}`
  }
  const [little] = JSON.parse((await upload([pdfOf(1000)])).text).files
  await ask({ kind: 'claim', url: `http://${source.host}/nho.pdf` })
  await download(little.digest)
  await ask({ kind: 'measure' })
  const peak = async (t: Test) => {
    const extra = Number(await ask({ kind: 'peak' }))
    t.ok(extra < limitMegabytes, `${extra.toFixed(1)} MB more at the peak`)
  }
  return { ask, source, upload, download, peak }
}
