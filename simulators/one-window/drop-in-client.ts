import { request } from 'undici'

/** Where an unchanged one-window product believes the national adapter to be, and as whom it speaks. */
export interface DropInOptions {
  /** The adapter's root, e.g. `http://127.0.0.1:8080`. */
  readonly baseUrl: string
  readonly username: string
  readonly password: string
  readonly madonvi: string
  readonly adapter?: 'XrdAdapter' | 'VXPAdapter'
  readonly loginPath?: string
  readonly dataPath?: string
  readonly dstcode?: string
  readonly dstcodeIn?: 'header' | 'query'
  /** OpenCPS never logs in again by itself; products that do are the exception. */
  readonly renewsSession?: boolean
}

/** An answer as it came; `document` when it was a JSON object. */
export interface DropInAnswer {
  readonly status: number
  readonly text: string
  readonly document?: Readonly<Record<string, unknown>>
}

export interface Batch {
  readonly service: string
  readonly isUpdating?: 'True' | 'False'
  readonly data: unknown
}

/** The calls one-window products make at the national adapter, in the ways they make them. */
export interface DropInClient {
  login(): Promise<DropInAnswer>
  /** One call in the common envelope; logs in first when it never has. */
  call(fields: Readonly<Record<string, unknown>>): Promise<DropInAnswer>
  sendBatch(batch: Batch): Promise<DropInAnswer>
  /** OpenCPS: look up, decide `isUpdating` from that, send, then the progress. The answers in order. */
  sendLikeOpencps(dossier: Item, progress?: readonly Item[]): Promise<readonly DropInAnswer[]>
  /** The other product: create, on "đã tồn tại" update, then progress ten at a time. The answers in order. */
  sendLikeTd(dossier: Item, progress?: readonly Item[]): Promise<readonly DropInAnswer[]>
}

type Item = Readonly<Record<string, unknown>>

/** A client that knows nothing of a gateway: it speaks wire-formats section 1 and judges answers as products do. */
export function createDropInClient(options: DropInOptions): DropInClient {
  let session: string | undefined

  async function post(path: string, document: unknown): Promise<DropInAnswer> {
    const dstcode = options.dstcode ?? 'VN:GOV:000.00.00.G22:vpcpdvcprovider'
    const url = new URL(`/${options.adapter ?? 'XrdAdapter'}/RestService/forward/${path}`, options.baseUrl)
    if (options.dstcodeIn === 'query') url.searchParams.set('dstcode', dstcode)
    const answer = await request(url, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        charset: 'utf-8',
        ...(options.dstcodeIn !== 'query' && { dstcode }),
      },
      body: JSON.stringify(document),
      // OpenCPS reads for 60 seconds and never tries again (wire-formats 1.1).
      signal: AbortSignal.timeout(60_000),
    })
    const text = await answer.body.text()
    const parsed = readObject(text)
    return { status: answer.statusCode, text, ...(parsed && { document: parsed }) }
  }

  async function login(): Promise<DropInAnswer> {
    const { username, password } = options
    const answer = await post(options.loginPath ?? 'mapi/login', { username, password })
    if (isSuccess(answer) && typeof answer.document?.session === 'string') session = answer.document.session
    return answer
  }

  async function call(fields: Item): Promise<DropInAnswer> {
    if (session === undefined) {
      const refused = await login()
      if (session === undefined) return refused
    }
    const send = () => post(options.dataPath ?? 'mapi/g', { session, madonvi: options.madonvi, ...fields })
    const answer = await send()
    if (!options.renewsSession || isSuccess(answer) || !/phiên|session/i.test(answer.text)) return answer
    await login()
    return send()
  }

  const sendBatch = ({ service, isUpdating, data }: Batch) =>
    call({ service, ...(isUpdating !== undefined && { isUpdating }), data })
  const sendDossier = (dossier: Item, isUpdating: boolean) =>
    sendBatch({ service: 'DongBoHoSoMC', isUpdating: isUpdating ? 'True' : 'False', data: [dossier] })
  const sendProgress = (data: readonly Item[]) => sendBatch({ service: 'CapNhatTienDoHoSoMC', data })

  return {
    login,
    call,
    sendBatch,
    async sendLikeOpencps(dossier, progress = []) {
      const found = await call({ service: 'TraCuuHoSo', mahoso: dossier.MaHoSo })
      const result = found.document?.result
      const synced = await sendDossier(dossier, Array.isArray(result) && result.length > 0)
      if (!isSuccess(synced) || progress.length === 0) return [found, synced]
      return [found, synced, await sendProgress(progress)]
    },
    async sendLikeTd(dossier, progress = []) {
      const answers = [await sendDossier(dossier, false)]
      if (answers[0]?.text.includes('đã tồn tại')) answers.push(await sendDossier(dossier, true))
      for (let start = 0; start < progress.length; start += 10) {
        answers.push(await sendProgress(progress.slice(start, start + 10)))
      }
      return answers
    },
  }
}

/** Success in any of its spellings: `0`, `"0"`, `"00"`. */
export function isSuccess(answer: DropInAnswer): boolean {
  return ['0', '00'].includes(String(answer.document?.error_code))
}

function readObject(text: string): Item | undefined {
  try {
    const value: unknown = JSON.parse(text)
    // A JSON object and nothing else was let through.
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Item) : undefined
  } catch {
    return undefined
  }
}
