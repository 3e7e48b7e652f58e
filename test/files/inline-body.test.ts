import { appendFileSync, truncateSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { systemClock } from '../../gateway/bus/clock.ts'
import { inlinePlace, writeInline } from '../../gateway/files/inline-body.ts'
import { createHttpClient } from '../../gateway/transports/http-client.ts'
import { openFiles, pdfOf, piecesOf, serve } from './stage.ts'

t.test(
  'files go into a partner’s JSON as base64 while it is sent, and a damaged one never arrives whole',
  async (t) => {
    const bodies: string[] = []
    const server = await serve((request, response) => {
      let body = ''
      request.setEncoding('utf8')
      request.on('data', (piece: string) => {
        body += piece
      })
      request.on('end', () => {
        bodies.push(body)
        response.end('{}')
      })
    })
    const { files, folder } = openFiles(t.testdir(), { maxBytes: 5_000_000 })
    const client = createHttpClient({
      baseUrl: `http://${server.host}`,
      connectTimeoutMs: 1_000,
      answerTimeoutMs: 10_000,
      concurrency: 1,
      insideNetwork: true,
      clearTextAllowed: true,
      clock: systemClock,
    })
    t.teardown(async () => {
      await client.close()
      await server.close()
    })
    const signal = new AbortController().signal
    const keep = async (bytes: Uint8Array) =>
      (await files.arrive(piecesOf(bytes), {}, { signal })).keep({ kind: 'sender', system: 'one-window' })
    const [one, two] = [pdfOf(2_000_001, 0x41), pdfOf(100_000, 0x42)]
    const [keptOne, keptTwo] = [await keep(one), await keep(two)]
    const send = async () => {
      const [first, second] = [inlinePlace(), inlinePlace()]
      const document = { TenTep: 'Đơn.pdf', Tep: first, Khac: [{ Base64: second }, { Base64: first }] }
      const body = writeInline(
        document,
        new Map([
          [first, keptOne],
          [second, keptTwo],
        ]),
        files,
      )
      return await client.send({
        method: 'POST',
        path: '/',
        body,
        headers: { 'content-type': 'application/json' },
        signal,
      })
    }
    t.equal((await send()).status, 200)
    const [whole, part] = [one.toString('base64'), two.toString('base64')]
    t.same(JSON.parse(bodies[0] ?? ''), { TenTep: 'Đơn.pdf', Tep: whole, Khac: [{ Base64: part }, { Base64: whole }] })

    const hex = keptOne.digest.slice(8)
    const file = path.join(folder, 'kept', hex.slice(0, 2), hex.slice(2, 4), hex)
    truncateSync(file, 2_000_000)
    appendFileSync(file, 'x')
    await t.rejects(send())
    t.equal(bodies.length, 1)
  },
)
