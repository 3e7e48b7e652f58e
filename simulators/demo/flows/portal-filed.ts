import { isSuccess } from '../../one-window/drop-in-client.ts'
import type { OneWindowState } from '../../one-window/one-window.ts'
import { fieldDifferences } from '../comparison.ts'
import { type Item, type PortalFiled, portalFiled } from '../dossiers.ts'
import { type Flow, unlessTrue } from '../flow.ts'
import type { Stage } from '../stage.ts'

const filed = portalFiled()
const forward = '/XrdAdapter/RestService/forward'

/**
 * What is filed at the portal reaches the one-window, signed; what becomes of it there reaches the portal. The promotion
 * notice is documented, the general filing is assumed (docs/systems.md).
 */
export const portalFiling: Flow = {
  name: 'portal-filed',
  cast: filed.map(({ code, kind }) => ({
    code,
    title: kind === 'promotion' ? 'Thông báo khuyến mại nộp trên Cổng DVCQG' : 'Hồ sơ nộp trên Cổng DVCQG (giả định)',
  })),
  async play(stage) {
    const refused = [...(await fileAll(stage)), ...(await reportAll(stage))]
    return async () => {
      const [oneWindow, portal] = await Promise.all([stage.oneWindowState(), stage.portalState()])
      const outcomes = new Map(portal.filed.map(({ code, outcomes }) => [code, outcomes]))
      return {
        messages: filed.length * 2,
        differences: [
          ...refused,
          ...filed.flatMap((one) => handedOverDifferences(one, oneWindow)),
          ...filed.flatMap(({ code, outcome }) => {
            const held = outcomes.get(code) ?? []
            return [
              ...unlessTrue(held.length === 1, `${code}: the portal holds ${held.length} outcomes, not one`),
              ...fieldDifferences(outcome, held[0]?.item).map((field) => `${code}: outcome ${field}`),
            ]
          }),
        ],
        remarks: ['portal-filed: the form of the general filing (nhanhsdvcqg) is assumed; it is off by default'],
      }
    }
  },
}

/** Each is filed, and filed again: the portal is told 0, then 1. */
async function fileAll(stage: Stage): Promise<readonly string[]> {
  const wrong: string[] = []
  for (const { code, kind, document } of filed) {
    const order =
      kind === 'promotion'
        ? { path: `${forward}/addtthcKhuyenMai`, document }
        : { path: `${forward}/nhanhsdvcqg`, document: { data: [document] } }
    for (const expected of [0, 1]) {
      const { status, body } = await stage.push(order)
      const isRight = status === 200 && JSON.parse(body).error_code === expected
      wrong.push(...unlessTrue(isRight, `${code}: filed, and answered ${status} ${body}`))
    }
  }
  return wrong
}

/** One outcome as an unchanged product reports it, the other in the canonical form. */
async function reportAll(stage: Stage): Promise<readonly string[]> {
  const wrong: string[] = []
  for (const { code, kind, outcome } of filed) {
    if (kind === 'promotion') {
      const answer = await stage
        .product('000.00.00.H47')
        .call({ service: 'DongBoTrangThaiHoSo', type: '2', data: outcome })
      wrong.push(...unlessTrue(isSuccess(answer), `${code}: outcome answered ${answer.text}`))
    } else {
      const answer = await stage.sendMessage({ type: 'dossier.outcome-reported.v1', body: canonicalOutcome(outcome) })
      wrong.push(...unlessTrue(answer.status === 202, `${code}: outcome answered ${answer.status} ${answer.text}`))
    }
  }
  return wrong
}

/** The refusal of the general filing, as a canonical client writes it. */
function canonicalOutcome(outcome: Item): Item {
  return {
    dossierCode: outcome.MaHoSo,
    localDossierCode: outcome.MaHoSoDonVi,
    receivingUnit: { code: 'H47.101' },
    status: 'refused',
    processedAt: '2026-10-13T01:30:00.000Z',
    content: outcome.NoiDung,
    ownerTechnicalId: outcome.MaDoiTuong,
  }
}

/** What the one-window was handed, against what was filed: the code, the procedure, the owner, the files. */
function handedOverDifferences({ code, kind, document }: PortalFiled, { messages }: OneWindowState): readonly string[] {
  const handed = messages.filter(({ document: { type, subject } }) => type === submitted && subject === code)
  const body = handed[0]?.document.body
  if (handed.length !== 1) return [`${code}: the one-window was handed it ${handed.length} times, not once`]
  const expected =
    kind === 'promotion'
      ? {
          procedure: { code: document.MaTTHC },
          owner: { name: document.TenThuongNhan },
          promotion: {
            programmeName: document.TenChuongTrinhKhuyenMai,
            applicationFile: { name: document.TenTepDonDangKy, contentBase64: document.TepDonDangKy },
          },
        }
      : {
          procedure: { code: document.MaTTHC },
          owner: { name: document.ChuHoSo, paperNumber: document.SoGiayToChuHoSo },
          summary: document.TrichYeuHoSo,
        }
  return [
    ...partDifferences(expected, body).map((field) => `${code}: handed over with another ${field}`),
    ...unlessTrue(handed[0]?.repeats === 0, `${code}: handed over again`),
  ]
}

const submitted = 'dossier.submitted.v1'

/** As `fieldDifferences`, for the members that are expected alone. */
function partDifferences(expected: unknown, found: unknown, path = ''): readonly string[] {
  if (typeof expected !== 'object' || expected === null) return fieldDifferences(expected, found, path)
  return Object.entries(expected).flatMap(([name, value]) =>
    partDifferences(
      value,
      typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined,
      `${path}/${name}`,
    ),
  )
}
