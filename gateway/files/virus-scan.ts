import { createReadStream } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { GatewayError } from '../bus/errors.ts'

/** Says whether a file on this disk may be kept. */
export interface Scanner {
  /** Rejects with `file-infected`, or `file-not-scanned` when nobody can tell. */
  scan(path: string, signal: AbortSignal): Promise<void>
}

export interface ClamdOptions {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
}

/** ClamAV's daemon by its INSTREAM command: length-prefixed pieces, an empty one at the end, one line as answer. */
export function createClamdScanner(options: ClamdOptions): Scanner {
  return {
    async scan(path, signal) {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)])
      let socket: Socket | undefined
      try {
        socket = await open(options, deadline)
        const answer = answerOf(socket)
        // It answers before the end when it has seen enough, and then reads no more.
        await Promise.race([send(path, socket, deadline), answer])
        judge(await answer)
      } catch (error) {
        if (error instanceof GatewayError) throw error
        throw new GatewayError('file-not-scanned', {
          ...(deadline.aborted ? { failureCause: 'timeout' } : {}),
          cause: error,
        })
      } finally {
        socket?.destroy()
      }
    },
  }
}

function judge(answer: string): void {
  if (answer === 'stream: OK') return
  // The signature's name is ClamAV's own, and tells an operator what it is.
  const name = /^stream: ([\w.,/:+-]{1,120})(?:\([^)]*\))? FOUND$/.exec(answer)?.[1]
  if (answer.endsWith(' FOUND'))
    throw new GatewayError('file-infected', name === undefined ? {} : { detail: `${name}.` })
  const detail = /size limit exceeded/.test(answer)
    ? 'It is larger than the scanner takes (StreamMaxLength).'
    : 'The scanner did not understand.'
  throw new GatewayError('file-not-scanned', { detail })
}

function open({ host, port }: ClamdOptions, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal })
    socket.once('error', reject)
    socket.once('connect', () => resolve(socket))
  })
}

/** `z`: both sides end a line with a zero byte. */
function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (piece: string) => {
      text += piece
      const end = text.indexOf('\0')
      if (end !== -1) resolve(text.slice(0, end).trim())
      else if (text.length > 4096) reject(new Error('the answer has no end'))
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed without an answer')))
  })
}

async function send(path: string, socket: Socket, signal: AbortSignal): Promise<void> {
  await write(socket, Buffer.from('zINSTREAM\0'))
  for await (const chunk of createReadStream(path, { highWaterMark: 64 * 1024, signal })) {
    // Without an encoding a file stream gives Buffers.
    const piece = chunk as Buffer
    const length = Buffer.alloc(4)
    length.writeUInt32BE(piece.length)
    await write(socket, Buffer.concat([length, piece]))
  }
  await write(socket, Buffer.alloc(4))
}

function write(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
