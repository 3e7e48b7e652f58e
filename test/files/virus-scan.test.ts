import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createClamdScanner } from '../../gateway/files/virus-scan.ts'
import { openFiles, pdfOf, piecesOf } from './stage.ts'

// The industry's harmless test file, in two parts so that no scanner minds this one.
const eicar = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('')
const arriving = { signal: new AbortController().signal, field: '/file' }

/** ClamAV's daemon as far as INSTREAM goes: it gathers the pieces and answers what it is told to. */
async function standIn(t: Test, judge: (bytes: Buffer, socket: Socket) => string | undefined) {
  const server = createServer((socket) => {
    let input = Buffer.alloc(0)
    let content = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      input = Buffer.concat([input, chunk])
      if (content.length === 0 && input.subarray(0, 10).toString() === 'zINSTREAM\0') input = input.subarray(10)
      while (input.length >= 4) {
        const length = input.readUInt32BE(0)
        if (length === 0) {
          const answer = judge(content, socket)
          if (answer !== undefined) socket.end(`${answer}\0`)
          return
        }
        if (input.length < 4 + length) return
        content = Buffer.concat([content, input.subarray(4, 4 + length)])
        input = input.subarray(4 + length)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port // it listens on TCP
}

const scannerAt = (port: number, timeoutMs = 5_000) => createClamdScanner({ host: '127.0.0.1', port, timeoutMs })

t.test('a clean file is kept, an infected one is not, and nothing of it stays', async (t) => {
  const seen: number[] = []
  const port = await standIn(t, (bytes) => {
    seen.push(bytes.length)
    return bytes.includes(eicar) ? 'stream: Eicar-Test-Signature FOUND' : 'stream: OK'
  })
  const { files, leftovers } = openFiles(t.testdir(), { scanner: scannerAt(port) })
  await (await files.arrive(piecesOf(pdfOf(300_000)), {}, arriving)).keep({ kind: 'sender', system: 'one-window' })
  await t.rejects(files.arrive(piecesOf(Buffer.from(eicar)), {}, arriving), {
    code: 'file-infected',
    failure: 'permanent',
    failureCause: 'contract',
    options: { detail: 'Eicar-Test-Signature.' },
  })
  t.same(seen, [300_000, eicar.length])
  t.same(leftovers(), [])
})

t.test('a file nobody could scan is not kept, and is tried again', async (t) => {
  const answers = ['INSTREAM size limit exceeded. ERROR', 'stream: nonsense', undefined]
  const port = await standIn(t, (_bytes, socket) => {
    const answer = answers.shift()
    if (answer === undefined) socket.destroy()
    return answer
  })
  const dir = t.testdir()
  const { files, leftovers } = openFiles(dir, { scanner: scannerAt(port) })
  for (let count = 0; count < 3; count += 1)
    await t.rejects(files.arrive(piecesOf(pdfOf(1000)), {}, arriving), {
      code: 'file-not-scanned',
      failure: 'transient',
    })
  const silent = await standIn(t, () => undefined)
  const slow = openFiles(path.join(dir, 'slow'), { scanner: scannerAt(silent, 100) })
  await t.rejects(slow.files.arrive(piecesOf(pdfOf(1000)), {}, arriving), {
    code: 'file-not-scanned',
    failureCause: 'timeout',
  })
  const gone = openFiles(path.join(dir, 'gone'), { scanner: scannerAt(1) })
  await t.rejects(gone.files.arrive(piecesOf(pdfOf(1000)), {}, arriving), {
    code: 'file-not-scanned',
    failure: 'transient',
  })
  t.same([...leftovers(), ...slow.leftovers(), ...gone.leftovers()], [])
})

t.test('the real daemon agrees', async (t) => {
  const [host = '127.0.0.1', port = '3310'] = (process.env.CLAMD ?? '').split(':')
  const isThere = await new Promise<boolean>((resolve) => {
    const socket = connect({ host: host || '127.0.0.1', port: Number(port) })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
  if (!isThere) {
    t.pass('not run: no clamd answers; name one with CLAMD=host:port', { skip: true })
    return
  }
  const scanner = createClamdScanner({ host: host || '127.0.0.1', port: Number(port), timeoutMs: 10_000 })
  const { files } = openFiles(t.testdir(), { scanner })
  t.match(await files.arrive(piecesOf(pdfOf(300_000)), {}, arriving), { sizeBytes: 300_000 })
  await t.rejects(files.arrive(piecesOf(Buffer.from(eicar)), {}, arriving), { code: 'file-infected' })
})
