import { versionDifferences } from '../comparison.ts'
import { type Flow, unlessTrue } from '../flow.ts'
import { portalStories } from '../portal-stories.ts'

/** What the portal holds of every dossier is what was sent, version by version; and it holds no other dossier. */
export const dossierSync: Flow = {
  name: 'dossier-sync',
  play: async () => async (stage) => {
    const held = new Map((await stage.portalState()).dossiers.map((dossier) => [dossier.code, dossier]))
    const stories = portalStories()
    const expected = new Set(stories.map(({ code }) => code))
    return {
      messages: stories.flatMap(({ steps }) => steps.filter(({ service }) => service === 'DongBoHoSoMC')).length,
      differences: [
        ...stories.flatMap((story) => versionDifferences(story, held.get(story.code))),
        ...[...held.keys()].flatMap((code) => unlessTrue(expected.has(code), `${code}: nobody sent it`)),
      ],
    }
  },
}
