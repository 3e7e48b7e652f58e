import { createFilesDoor } from '../../adapters/files/files-door.ts'
import { systemClock } from '../../gateway/bus/clock.ts'
import { createKeyring, publicHalf, type SigningJwk } from '../../gateway/envelopes/keyring.ts'
import { linkPurpose } from '../../gateway/files/signed-link.ts'
import { createDoorServer } from '../../gateway/transports/http-door.ts'
import { inside, openFiles } from './stage.ts'

/** A process of its own that carries files and tells how much memory that took. */
export type Order =
  | {
      readonly kind: 'start'
      readonly dir: string
      readonly host: string
      readonly own: SigningJwk
      readonly sender: SigningJwk
    }
  | { readonly kind: 'measure' }
  | { readonly kind: 'claim'; readonly url: string }
  | { readonly kind: 'peak' }

const started: { stage?: ReturnType<typeof openFiles>; baselineBytes?: number; peakBytes?: number } = {}

process.on('message', (order: Order) => {
  answer(order).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})

async function answer(order: Order): Promise<unknown> {
  if (order.kind === 'start') return await start(order)
  if (order.kind === 'claim') {
    const claiming = {
      messageId: '018f0000-0000-7000-8000-000000000001',
      source: 'one-window',
      signal: AbortSignal.timeout(60_000),
    }
    const kept = await started.stage?.files.claim({ url: order.url }, claiming)
    return kept && { ...kept, link: started.stage?.files.linkTo(kept, Date.now() + 60_000) }
  }
  if (order.kind === 'peak') return ((started.peakBytes ?? 0) - (started.baselineBytes ?? 0)) / 1024 / 1024
  globalThis.gc?.()
  started.baselineBytes = process.memoryUsage.rss()
  started.peakBytes = started.baselineBytes
  setInterval(() => {
    started.peakBytes = Math.max(started.peakBytes ?? 0, process.memoryUsage.rss())
  }, 10).unref()
  return started.baselineBytes
}

async function start({ dir, host, own, sender }: Extract<Order, { kind: 'start' }>): Promise<string> {
  const keyring = createKeyring({ signing: own, partners: [{ system: 'one-window', jwk: publicHalf(sender) }] })
  const gateway = { refused: () => undefined, message: async () => undefined }
  const { server, doors } = createDoorServer({ gateway, keyring, tap: { failed: () => undefined } })
  const stage = openFiles(dir, {
    hosts: [inside(host)],
    maxBytes: 110 * 1024 * 1024,
    deadlineMs: 60_000,
    links: () => ({ secrets: keyring.secrets(linkPurpose), baseUrl: 'https://gateway.example' }),
  })
  started.stage = stage
  const uploadTimeoutMs = 60_000
  await server.register(
    createFilesDoor({
      gatewayId: 'gateway',
      gateway,
      keyring,
      doors,
      files: stage.files,
      uploadTimeoutMs,
      clock: systemClock,
    }),
  )
  return await server.listen({ host: '127.0.0.1', port: 0 })
}
