import { type DropInAnswer, isSuccess } from '../../one-window/drop-in-client.ts'
import { type DemoDossier, demoDossiers, type Item, unitOf } from '../dossiers.ts'
import { type Check, type Flow, unlessTrue } from '../flow.ts'
import type { Stage } from '../stage.ts'

const dossiers = demoDossiers()

/** Unchanged one-window products send sixteen dossiers, each status as its record and the step that led there. */
export const dropIn: Flow = {
  name: 'drop-in',
  cast: dossiers.map(({ code, steps }) => ({ code, title: String(steps[0]?.item.TrichYeuHoSo ?? '') })),
  async play(stage) {
    // A product logs in with its first call; dossiers of one unit then share its session.
    const units = new Set(dossiers.map(({ code }) => unitOf(code)))
    await Promise.all([...units].map((unit) => stage.product(unit).login()))
    const answers = await Promise.all(dossiers.map((dossier, index) => send(dossier, { stage, index })))
    return check(dossiers.flatMap(({ code }, index) => refusals(code, answers[index] ?? [])))
  },
}

/** Every other dossier in either order that products have; the last status twice, as after a lost answer. */
async function send(
  { code, steps }: DemoDossier,
  { stage, index }: { readonly stage: Stage; readonly index: number },
): Promise<readonly DropInAnswer[]> {
  const orders = steps.flatMap(({ service, item }, place) =>
    service === 'DongBoHoSoMC' ? [{ dossier: item, progress: progressAfter(steps, place) }] : [],
  )
  const product = stage.product(unitOf(code))
  const answers: DropInAnswer[] = []
  for (const { dossier, progress } of orders) {
    const sent = index % 2 === 0 ? product.sendLikeOpencps(dossier, progress) : product.sendLikeTd(dossier, progress)
    answers.push(...(await sent))
  }
  const last = steps.at(-1)
  if (last) answers.push(await product.sendBatch({ service: last.service, data: [last.item] }))
  return answers
}

function progressAfter(steps: DemoDossier['steps'], place: number): readonly Item[] {
  const next = steps[place + 1]
  return next?.service === 'CapNhatTienDoHoSoMC' ? [next.item] : []
}

function refusals(code: string, answers: readonly DropInAnswer[]): readonly string[] {
  return answers.flatMap((answer) => (isSuccess(answer) ? [] : [`${code}: answered ${answer.status} ${answer.text}`]))
}

function check(refused: readonly string[]): Check {
  return async (stage) => {
    const found = await Promise.all(
      dossiers.map(async ({ code, steps }) => {
        const ledger = await stage.ledger(code)
        const held = ledger?.messages.filter(({ source }) => source === 'one-window').length ?? 0
        const { document } = await stage.product(unitOf(code)).call({ service: 'TraCuuHoSo', mahoso: code })
        return [
          ...unlessTrue(held === steps.length, `${code}: sent ${steps.length} messages, the gateway holds ${held}`),
          ...unlessTrue(isSynced(document?.result), `${code}: TraCuuHoSo does not say DA_DONG_BO`),
        ]
      }),
    )
    const messages = dossiers.reduce((sum, { steps }) => sum + steps.length, 0)
    return { messages, differences: [...refused, ...found.flat()] }
  }
}

function isSynced(result: unknown): boolean {
  const [row] = Array.isArray(result) ? result : []
  return typeof row === 'object' && row !== null && Reflect.get(row, 'TrangThaiDongBo') === 'DA_DONG_BO'
}
