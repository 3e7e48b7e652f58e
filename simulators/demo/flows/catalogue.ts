import { setTimeout as sleep } from 'node:timers/promises'
import { demoCatalogue } from '../../national-portal/catalogue.ts'
import { type Check, type Flow, unlessTrue } from '../flow.ts'
import type { Stage } from '../stage.ts'

/** The gateway pulls the portal's catalogue at its start, and answers from it when the portal is not asked again. */
export const catalogue: Flow = {
  name: 'catalogue',
  async play(stage) {
    const published = demoCatalogue().procedures
    const read = await untilPulled(stage, published.length)
    return check(read)
  },
}

interface Row {
  readonly code: string
  readonly name?: string
  readonly sectorCode?: string
}

function check(rows: readonly Row[]): Check {
  return async (stage) => {
    const { procedures, agencies, sectors } = demoCatalogue()
    const found = new Map(rows.map((row) => [row.code, row]))
    const wrong = procedures.filter(({ MaTTHC, TENTTHC }) => found.get(MaTTHC)?.name !== TENTTHC)
    const coverage = await stage.read('/catalogue/coverage')
    const { total } = JSON.parse(coverage.text) as { total: { published: number; configured: number } }
    const [asked] = procedures
    const product = stage.product('000.00.00.H47')
    const record = await product.call({ service: 'LayThuTuc', maTTHC: asked?.MaTTHC })
    const lists = await Promise.all(
      [
        { service: 'LayDanhSachTTHC', count: procedures.length },
        { service: 'LayDanhMucCoQuan', count: agencies.length },
        { service: 'LayDanhMucLinhVuc', count: sectors.length },
      ].map(async ({ service, count }) => {
        const { document } = await product.call({ service })
        const result = document?.result
        const length = Array.isArray(result) ? result.length : 0
        return unlessTrue(length === count, `${service}: the portal has ${count}, the one-window was given ${length}`)
      }),
    )
    return {
      messages: procedures.length,
      differences: [
        ...wrong.map(({ MaTTHC }) => `${MaTTHC}: not in the catalogue as the portal publishes it`),
        ...unlessTrue(rows.length === procedures.length, `published ${procedures.length}, held ${rows.length}`),
        ...unlessTrue(total.published === procedures.length, `coverage counts ${total.published} published procedures`),
        ...unlessTrue(record.text.includes(asked?.TENTTHC ?? '?'), 'LayThuTuc does not give the record'),
        ...lists.flat(),
      ],
      remarks: [`catalogue: ${total.published} procedures published, ${total.configured} of them configured here`],
    }
  }
}

const patienceMs = 10_000

/** The pull runs beside the start; whoever asks too early is given what has come so far. */
async function untilPulled(stage: Stage, count: number): Promise<readonly Row[]> {
  const startedAt = performance.now()
  for (;;) {
    const rows = await readAll(stage)
    const isWhole = rows.length >= count && rows.every(({ sectorCode }) => sectorCode !== undefined)
    if (isWhole || performance.now() - startedAt > patienceMs) return rows
    await sleep(50)
  }
}

async function readAll(stage: Stage): Promise<readonly Row[]> {
  const rows: Row[] = []
  let after: string | undefined
  do {
    const { status, text } = await stage.read(`/catalogue/procedures${after === undefined ? '' : `?after=${after}`}`)
    if (status !== 200) throw new Error(`the catalogue answers ${status}: ${text}`)
    const page = JSON.parse(text) as { procedures: readonly Row[]; next?: string } // as /openapi.json says
    rows.push(...page.procedures)
    after = page.next
  } while (after !== undefined)
  return rows
}
