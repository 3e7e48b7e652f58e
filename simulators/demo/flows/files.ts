import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { request } from 'undici'
import { demoDossiers, type Item, portalFiled, unitOf } from '../dossiers.ts'
import { type Check, type Flow, unlessTrue } from '../flow.ts'
import { untilAtRest } from '../rest.ts'
import { openStage, type Stage } from '../stage.ts'

/** Papers as large as scans are, each unlike the others. */
const papers = new Map([
  ['don-de-nghi.pdf', paperOf(3_000_000, 1)],
  ['so-do.pdf', paperOf(500_000, 2)],
  ['ket-qua.pdf', paperOf(1_000_000, 3)],
])

const inline = paperOf(400_000, 4)

/**
 * Files arrive whole: links to an inside host that expire, one of them cut half-way, reach the portal as links of the
 * gateway's; base64 of the portal reaches the one-window as a link. On a stage of its own, since files are fetched from
 * a server that is really there.
 */
export const files: Flow = {
  name: 'files',
  async play() {
    const archive = await openArchive()
    let stage: Stage | undefined
    try {
      stage = await openStage({
        configuration: {
          files: { enabled: true, hosts: [{ host: archive.host, insideNetwork: true, clearText: true }] },
        },
      })
      const wrong = await perform(stage, archive.host)
      return await finding(wrong, { stage, archive })
    } finally {
      await stage?.close()
      archive.close()
    }
  },
}

async function perform(stage: Stage, host: string): Promise<readonly string[]> {
  const story = demoDossiers()[0]
  const first = story?.steps[0]
  const filing = portalFiled().find(({ kind }) => kind === 'promotion')
  if (!story || !first || !filing) throw new Error('the demonstration has no dossier to send')
  const link = (name: string) => `http://${host}/noi-bo/${name}?t=het-han`
  const [paper] = listOf(first.item.TaiLieuNop)
  const item = {
    ...first.item,
    TaiLieuNop: ['don-de-nghi.pdf', 'so-do.pdf'].map((name, index) => ({
      ...paper,
      TepDinhKemId: `${index + 1}`,
      TenTepDinhKem: name,
      DuongDanTaiTepTin: link(name),
    })),
    DanhSachGiayToKetQua: [
      { TenGiayTo: 'Kết quả', DuongDanTepTinKetQua: link('ket-qua.pdf'), MaGiayToKetQua: 'KQ.G13.000001' },
    ],
  }
  const answer = await stage
    .product(unitOf(story.code))
    .sendBatch({ service: 'DongBoHoSoMC', isUpdating: 'False', data: [item] })
  const base64 = inline.toString('base64')
  const document = {
    ...filing.document,
    TepDonDangKy: base64,
    TaiLieuNop: [{ TenTepDinhKem: 'the-le.pdf', Base64: base64 }],
  }
  const pushed = await stage.push({ path: '/XrdAdapter/RestService/forward/addtthcKhuyenMai', document })
  await untilAtRest(stage, [story.code, filing.code])
  return [
    ...unlessTrue(
      answer.status === 200 && /"error_code":0/.test(answer.text),
      `the dossier was answered ${answer.text}`,
    ),
    ...unlessTrue(pushed.status === 200, `the filing was answered ${pushed.status} ${pushed.body}`),
  ]
}

interface Played {
  readonly stage: Stage
  readonly archive: Archive
}

/** Follows every link as the receivers would, once the sources are long gone. */
async function finding(wrong: readonly string[], { stage, archive }: Played): Promise<Check> {
  const [portal, oneWindow] = await Promise.all([stage.portalState(), stage.oneWindowState()])
  const held = portal.dossiers[0]?.record ?? {}
  const handed = oneWindow.messages.flatMap(({ document }) => linksIn(document))
  const toPortal = linksIn(held)
  const expected = [...papers.values()].map(digestOf)
  const links = [
    ...toPortal.map((url, index) => ({ url, digest: expected[index], at: 'the portal' })),
    ...handed.map((url) => ({ url, digest: digestOf(inline), at: 'the one-window' })),
  ]
  const differences = [
    ...wrong,
    ...unlessTrue(toPortal.length === papers.size, `the portal was given ${toPortal.length} links, not ${papers.size}`),
    ...unlessTrue(handed.length === 2, `the one-window was given ${handed.length} links, not 2`),
    ...unlessTrue(archive.fetched() === papers.size, `${archive.fetched()} whole fetches, not ${papers.size}`),
  ]
  for (const { url, digest, at } of links) {
    const isOurs = url.startsWith(`${stage.gatewayUrl}/files/`)
    differences.push(...unlessTrue(isOurs, `${at} was given a link that is not the gateway’s`))
    if (isOurs)
      differences.push(...unlessTrue((await fetchedDigest(url)) === digest, `${at} reads other bytes at ${url}`))
  }
  return async () => ({
    messages: 2,
    differences,
    remarks: ['files: the digest of every file is the same at the other end'],
  })
}

function linksIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(linksIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === 'string' && /^(url|DuongDanTaiTepTin|DuongDanTepTinKetQua)$/.test(name) ? [inner] : linksIn(inner),
  )
}

async function fetchedDigest(url: string): Promise<string> {
  const { body } = await request(url)
  return digestOf(Buffer.from(await body.arrayBuffer()))
}

interface Archive {
  readonly host: string
  /** Whole files handed out. */
  fetched(): number
  close(): void
}

/** The one-window's file server: it cuts the first answer off, and its links open once. */
async function openArchive(): Promise<Archive> {
  const done = new Set<string>()
  let isCut = false
  const server: Server = createServer((incoming, response) => {
    response.on('error', () => undefined)
    const name = incoming.url?.split('/').at(-1)?.split('?')[0] ?? ''
    const paper = papers.get(name)
    if (paper === undefined || done.has(name)) return response.writeHead(403).end()
    const from = Number(/^bytes=(\d+)-$/.exec(incoming.headers.range ?? '')?.[1] ?? 0)
    const rest = paper.subarray(from)
    const range = from > 0 ? { 'content-range': `bytes ${from}-${paper.length - 1}/${paper.length}` } : {}
    const head = { 'content-type': 'application/pdf', 'content-length': rest.length, etag: `"${name}"`, ...range }
    response.writeHead(from > 0 ? 206 : 200, head)
    if (!isCut) {
      isCut = true
      return response.write(rest.subarray(0, 1_000_000), () => response.destroy())
    }
    return response.end(rest, () => done.add(name))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    host: `127.0.0.1:${port}`,
    fetched: () => done.size,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function paperOf(sizeBytes: number, fill: number): Buffer {
  return Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(sizeBytes, fill)])
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function listOf(value: unknown): readonly Item[] {
  return Array.isArray(value) ? value : []
}
