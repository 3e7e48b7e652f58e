import { randomUUID } from 'node:crypto'
import type { Message } from './message.ts'
import type { Directory, Route } from './route.ts'
import { shadowOf } from './shadow.ts'
import type { NewDelivery } from './store.ts'

/**
 * Resolves who receives a message, once, from its type, sender and body (design, stop 5). A message nobody receives gets one
 * dead delivery, so that somebody sees it. A system named by several routes receives it once, by the first.
 */
export function resolveDeliveries(
  message: Message,
  { routes, directory, recipient }: { routes: readonly Route[]; directory: Directory; recipient?: string | undefined },
): readonly NewDelivery[] {
  const routeOf = new Map<string, string>()
  if (recipient !== undefined) routeOf.set(recipient, 'notice')
  else {
    for (const route of routes) {
      if (!isOnRoute(route, message)) continue
      for (const system of route.to(message, directory)) {
        const channel = route.shadow ? shadowOf(system) : system
        if (directory.isEnabled(system) && !routeOf.has(channel)) routeOf.set(channel, route.name)
      }
    }
  }
  if (routeOf.size === 0) {
    return [{ id: randomUUID(), system: 'none', route: 'none', deadReason: { code: 'no-receiver', cause: 'routing' } }]
  }
  return [...routeOf].map(([system, route]) => ({ id: randomUUID(), system, route }))
}

function isOnRoute(route: Route, message: Message): boolean {
  const senders = typeof route.from === 'string' ? [route.from] : route.from
  return route.on.includes(message.type) && senders.includes(message.source) && (route.when?.(message) ?? true)
}
