import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { createFilesDoor } from '../../adapters/files/files-door.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import type { RefusedRequest } from '../../gateway/bus/gateway.ts'
import { signAccessToken } from '../../gateway/envelopes/access-token.ts'
import { createKeyring, generateSigningJwk, publicHalf } from '../../gateway/envelopes/keyring.ts'
import { linkPurpose } from '../../gateway/files/signed-link.ts'
import { createDoorServer } from '../../gateway/transports/http-door.ts'
import { openFiles, pdfOf } from '../files/stage.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function stageOf(t: Test, options: { maxBytes?: number } = {}) {
  const [own, ...keys] = [1, 2, 3].map(() => generateSigningJwk())
  const systems = ['one-window', 'land-vbdlis']
  if (own === undefined) throw new Error('no key')
  const keyring = createKeyring({
    signing: own,
    partners: keys.map((jwk, index) => ({ system: systems[index] ?? '', jwk: publicHalf(jwk) })),
  })
  const refusals: RefusedRequest[] = []
  /** Who may read which message. */
  const readers = new Map<string, readonly string[]>()
  const gateway = {
    refused: (request: RefusedRequest) => void refusals.push(request),
    message: async (id: string, reader: string) =>
      readers.get(id)?.includes(reader) ? { message: {}, receipt: '', deliveries: [] } : undefined,
  }
  const { server, doors } = createDoorServer({
    gateway,
    keyring,
    tap: { failed: ({ error }) => t.comment(String(error)) },
  })
  const stage = openFiles(t.testdir(), {
    ...options,
    links: () => ({ secrets: keyring.secrets(linkPurpose), baseUrl: 'https://gateway.example' }),
  })
  await server.register(
    createFilesDoor({
      gatewayId: 'gateway',
      // Only whether it answers is asked.
      gateway: gateway as never,
      keyring,
      doors,
      files: stage.files,
      uploadTimeoutMs: 5_000,
      clock: systemClock,
    }),
  )
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => {
    await server.close()
    await stage.close()
  })
  const bearer = async (system: string) => {
    const jwk = keys[systems.indexOf(system)]
    if (jwk === undefined) throw new Error('no key')
    const key = createKeyring({ signing: jwk, partners: [] }).signingKey()
    return { authorization: `Bearer ${await signAccessToken(key, { audience: 'gateway', nowMs: Date.now() })}` }
  }
  const upload = async (form: FormData, headers?: Record<string, string>) =>
    await fetch(`${url}/files`, { method: 'POST', body: form, headers: headers ?? (await bearer('one-window')) })
  return { ...stage, url, upload, bearer, readers, refusals }
}

const formOf = (...parts: readonly (readonly [string, string | Blob, string?])[]) => {
  const form = new FormData()
  for (const [name, value, fileName] of parts)
    typeof value === 'string' ? form.append(name, value) : form.append(name, value, fileName)
  return form
}
const blobOf = (bytes: Uint8Array, type = 'application/pdf') => new Blob([new Uint8Array(bytes)], { type })
const codeOf = async (answer: Response) => ((await answer.json()) as { type: string }).type.split(':').at(-1)

t.test('files handed in are kept and named by their digest', async (t) => {
  const { upload, leftovers } = await stageOf(t)
  const [one, two] = [pdfOf(300_000, 0x41), pdfOf(10, 0x42)]
  const answer = await upload(
    formOf(
      ['digest', `sha-256:${sha256(one)}`],
      ['sizeBytes', '300000'],
      ['file', blobOf(one), 'Đơn đề nghị.pdf'],
      ['file', blobOf(two), 'b.pdf'],
    ),
  )
  t.equal(answer.status, 201)
  t.ok(answer.headers.get('x-jws-signature'))
  t.same(await answer.json(), {
    files: [
      { digest: `sha-256:${sha256(one)}`, sizeBytes: 300_000, mediaType: 'application/pdf', name: 'Đơn đề nghị.pdf' },
      { digest: `sha-256:${sha256(two)}`, sizeBytes: two.length, mediaType: 'application/pdf', name: 'b.pdf' },
    ],
  })
  t.same(leftovers(), [])
})

t.test('one bad file keeps all of them out', async (t) => {
  const { upload, leftovers, files, refusals } = await stageOf(t, { maxBytes: 100_000 })
  const good = pdfOf(1000)
  const cases: readonly (readonly [string, number, ReturnType<typeof formOf>])[] = [
    ['file-name-refused', 422, formOf(['file', blobOf(good), 'a.pdf'], ['file', blobOf(good), '../../etc/passwd'])],
    ['file-mismatch', 422, formOf(['file', blobOf(good), 'a.pdf'], ['file', blobOf(good, 'image/png'), 'b.png'])],
    ['file-mismatch', 422, formOf(['digest', `sha-256:${'0'.repeat(64)}`], ['file', blobOf(good), 'a.pdf'])],
    ['file-mismatch', 422, formOf(['sizeBytes', '999'], ['file', blobOf(good), 'a.pdf'])],
    ['file-type-refused', 422, formOf(['file', blobOf(Buffer.from('MZ\u0000\u0001'), ''), 'a'])],
    ['file-too-large', 413, formOf(['file', blobOf(good), 'a.pdf'], ['file', blobOf(pdfOf(100_001)), 'b.pdf'])],
    ['file-unreadable', 422, formOf(['file', blobOf(new Uint8Array()), 'a.pdf'])],
    ['contract-violated', 422, formOf(['other', 'x'], ['file', blobOf(good), 'a.pdf'])],
    ['request-unreadable', 400, formOf(['digest', `sha-256:${'0'.repeat(64)}`])],
    ['request-unreadable', 400, formOf(...Array.from({ length: 21 }, () => ['file', blobOf(good), 'a.pdf'] as const))],
  ]
  for (const [code, status, form] of cases) {
    const answer = await upload(form)
    t.equal(answer.status, status, code)
    t.ok(answer.headers.get('x-jws-signature'))
    t.equal(await codeOf(answer), code)
  }
  t.equal(refusals.length, cases.length)
  t.same(await files.find(`sha-256:${sha256(good)}`), undefined)
  t.same(leftovers(), [])
})

t.test('what is not multipart, or is cut off, is refused and leaves nothing', async (t) => {
  const { url, bearer, leftovers } = await stageOf(t)
  const post = async (type: string, body: string) =>
    await fetch(`${url}/files`, {
      method: 'POST',
      body,
      headers: { ...(await bearer('one-window')), 'content-type': type },
    })
  t.equal((await post('application/json', '{}')).status, 415)
  t.equal((await post('multipart/form-data', 'x')).status, 400)
  t.equal((await post('multipart/form-data; boundary=x', 'nothing of the kind')).status, 400)
  const head = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
  t.equal((await post('multipart/form-data; boundary=x', `${head}%PDF-1.7`)).status, 400)
  const token = (await bearer('one-window')).authorization
  await new Promise<void>((resolve) => {
    const { port, hostname } = new URL(url)
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `POST /files HTTP/1.1\r\nhost: x\r\nauthorization: ${token}\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: 100000\r\n\r\n${head}%PDF-1.7 `,
      )
      setTimeout(() => socket.destroy(), 100)
    })
    socket.on('close', () => setTimeout(resolve, 100))
  })
  t.same(leftovers(), [])
})

t.test('only who is registered hands anything in', async (t) => {
  const { upload, refusals } = await stageOf(t)
  const form = formOf(['file', blobOf(pdfOf(100)), 'a.pdf'])
  for (const headers of [{}, { authorization: 'Bearer x.y.z' }]) {
    const answer = await upload(form, headers)
    t.equal(answer.status, 401)
    t.notOk(answer.headers.get('x-jws-signature'))
  }
  t.equal(refusals.length, 2)
})

t.test('a system reads only files of messages it sent or was sent', async (t) => {
  const { url, upload, bearer, files, readers } = await stageOf(t)
  const pdf = pdfOf(50_000)
  await upload(formOf(['file', blobOf(pdf), 'a.pdf']))
  const read = async (system: string, headers = {}) =>
    await fetch(`${url}/files/${sha256(pdf)}`, { headers: { ...(await bearer(system)), ...headers } })
  const own = await read('one-window')
  t.equal(own.status, 200)
  t.same(Buffer.from(await own.arrayBuffer()), pdf)
  t.equal(own.headers.get('repr-digest'), `sha-256=:${Buffer.from(sha256(pdf), 'hex').toString('base64')}:`)
  t.match(own.headers.get('content-disposition'), /^attachment/)
  const other = await read('land-vbdlis')
  t.equal(other.status, 404)
  t.ok(other.headers.get('x-jws-signature'))
  const messageId = '018f0000-0000-7000-8000-000000000001'
  await files.claim(
    { digest: `sha-256:${sha256(pdf)}` },
    { messageId, source: 'one-window', signal: new AbortController().signal },
  )
  t.equal((await read('land-vbdlis')).status, 404)
  readers.set(messageId, ['one-window', 'land-vbdlis'])
  t.equal((await read('land-vbdlis')).status, 200)
  t.equal((await fetch(`${url}/files/${sha256(pdf)}`)).status, 401)
  t.equal((await fetch(`${url}/files/${'0'.repeat(64)}`, { headers: await bearer('one-window') })).status, 404)
  t.equal((await fetch(`${url}/files/..%2f..%2fetc%2fpasswd`, { headers: await bearer('one-window') })).status, 404)
})

t.test('a link opens until it expires, whole or in ranges, and no other does', async (t) => {
  const { url, upload, files } = await stageOf(t)
  const pdf = pdfOf(1000, 0x41)
  const answer = await upload(formOf(['file', blobOf(pdf), 'Kết quả.pdf']))
  const [kept] = (
    (await answer.json()) as { files: [{ digest: string; sizeBytes: number; mediaType: string; name: string }] }
  ).files
  const link = files.linkTo(kept, Date.now() + 60_000).replace('https://gateway.example', url)
  const expiresAtMs = Number(new URL(link).searchParams.get('exp')) * 1000
  t.equal(
    files.linkTo(kept, expiresAtMs).replace('https://gateway.example', url),
    link,
    'the same link is the same text',
  )
  const get = (range?: string, more = {}) => fetch(link, { headers: { ...(range ? { range } : {}), ...more } })
  const whole = await get()
  t.equal(whole.status, 200)
  t.equal(whole.headers.get('content-type'), 'application/pdf')
  t.equal(whole.headers.get('content-disposition'), 'attachment; filename="Ket-qua.pdf"')
  t.same(Buffer.from(await whole.arrayBuffer()), pdf)
  for (const [range, first, last] of [
    ['bytes=0-9', 0, 9],
    ['bytes=990-', 990, 999],
    ['bytes=-5', 995, 999],
    ['bytes=500-9999', 500, 999],
  ] as const) {
    const part = await get(range)
    t.equal(part.status, 206)
    t.equal(part.headers.get('content-range'), `bytes ${first}-${last}/1000`)
    t.same(Buffer.from(await part.arrayBuffer()), pdf.subarray(first, last + 1))
  }
  const beyond = await get('bytes=1000-')
  t.equal(beyond.status, 416)
  t.equal(beyond.headers.get('content-range'), 'bytes */1000')
  t.equal((await get('bytes=0-1,5-6')).status, 200)
  t.equal((await get('bytes=0-9', { 'if-range': '"other"' })).status, 200)
  t.equal((await get(undefined, { 'if-none-match': `"${kept.digest.slice(8)}"` })).status, 304)
  const head = await fetch(link, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(head.headers.get('content-length'), '1000')

  const wrong = [
    link.replace(/exp=\d/, 'exp=9'),
    link.replace('Ket-qua.pdf', 'Ket-qua.exe'),
    link.replace(/files\/./, (text) => `files/${text.endsWith('a') ? 'b' : 'a'}`),
    link.replace(/sig=[^&]+/, 'sig='),
    `${link}A`,
    link.replace(/\?.*/, ''),
    `${link}&sig=x`,
  ]
  for (const one of wrong) t.equal((await fetch(one)).status, 404, one)
  const expired = await fetch(files.linkTo(kept, Date.now() - 1_000).replace('https://gateway.example', url))
  t.equal(expired.status, 410)
  t.equal(await codeOf(expired), 'link-expired')
})
