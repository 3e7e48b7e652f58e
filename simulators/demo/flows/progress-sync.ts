import { progressDifferences } from '../comparison.ts'
import { type Flow, unlessTrue } from '../flow.ts'
import { portalStories } from '../portal-stories.ts'

/** Every processing step has reached the portal once, in order, and never before the record it belongs to. */
export const progressSync: Flow = {
  name: 'progress-sync',
  play: async () => async (stage) => {
    const held = new Map((await stage.portalState()).dossiers.map((dossier) => [dossier.code, dossier]))
    const stories = portalStories()
    return {
      messages: stories.flatMap(({ steps }) => steps.filter(({ service }) => service === 'CapNhatTienDoHoSoMC')).length,
      differences: stories.flatMap((story) => {
        const dossier = held.get(story.code)
        const sent = story.steps.map(({ service }) => service).join()
        const arrived = dossier?.history.map(({ service }) => service).join()
        return [
          ...progressDifferences(story, dossier),
          ...unlessTrue(arrived === sent, `${story.code}: records and steps arrived in another order`),
        ]
      }),
    }
  },
}
