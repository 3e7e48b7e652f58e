import { canonicalDossiers } from '../canonical-dossiers.ts'
import { type Check, type Flow, unlessTrue } from '../flow.ts'

const dossiers = canonicalDossiers()
const other = { type: 'dossier.received.v1', body: dossiers[0]?.messages[0]?.body }

/** A product that signs its messages: compact and detached, each answered with a receipt, the same one for a repeat. */
export const canonical: Flow = {
  name: 'canonical',
  cast: dossiers.map(({ code, title }) => ({ code, title })),
  async play(stage) {
    const differences: string[] = []
    const ids: string[] = []
    let lastKey = ''
    for (const { code, messages } of dossiers) {
      for (const message of messages) {
        const first = await stage.sendMessage(message)
        const again = await stage.sendMessage({ ...message, jti: first.jti })
        lastKey = first.jti
        const place = `${code} ${message.type}`
        differences.push(
          ...unlessTrue(first.status === 202, `${place}: answered ${first.status} ${first.text}`),
          ...unlessTrue(again.text === first.text, `${place}: a repeat is not answered with the same receipt`),
        )
        if (first.status === 202) ids.push(String(first.headers.location))
      }
    }
    // The last key once more, for what another dossier said: refused, and nothing changes.
    const { status } = await stage.sendMessage({ ...other, jti: lastKey })
    differences.push(...unlessTrue(status === 409, `one key for two contents: answered ${status}, not 409`))
    return check({ ids, differences })
  },
}

function check({
  ids,
  differences,
}: {
  readonly ids: readonly string[]
  readonly differences: readonly string[]
}): Check {
  return async (stage) => {
    const found = await Promise.all(
      ids.map(async (place) => {
        const { status, text } = await stage.read(place)
        const isThere = status === 200 && JSON.parse(text).deliveries.every(isDelivered)
        return unlessTrue(isThere, `${place}: answered ${status}, or not delivered`)
      }),
    )
    return { messages: ids.length, differences: [...differences, ...found.flat()] }
  }
}

function isDelivered({ state }: { readonly state: string }): boolean {
  return state === 'delivered'
}
