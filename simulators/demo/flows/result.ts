import { canonicalDossiers } from '../canonical-dossiers.ts'
import { fieldDifferences } from '../comparison.ts'
import { type Flow, unlessTrue } from '../flow.ts'

const dossiers = canonicalDossiers()

/** Results stated by themselves become part of the dossier at the portal, and change nothing else of it. */
export const result: Flow = {
  name: 'result',
  async play(stage) {
    const refused: string[] = []
    for (const { code, result: message } of dossiers) {
      const { status, text } = await stage.sendMessage(message)
      refused.push(...unlessTrue(status === 202, `${code}: answered ${status} ${text}`))
    }
    return async () => {
      const held = new Map((await stage.portalState()).dossiers.map((dossier) => [dossier.code, dossier]))
      const wrong = dossiers.flatMap(({ code, steps }) =>
        fieldDifferences(steps.at(-1)?.item, held.get(code)?.record).map((field) => `${code}: ${field}`),
      )
      return { messages: dossiers.length, differences: [...refused, ...wrong] }
    }
  },
}
