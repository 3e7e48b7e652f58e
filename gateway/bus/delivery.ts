import type { Attempt, ChannelAdapter, Delivered, LaneMemory, LookupAnswer } from './adapter.ts'
import type { Clock } from './clock.ts'
import { asGatewayError, GatewayError } from './errors.ts'
import type { ClaimedDelivery, Store } from './store.ts'

/** How one attempt ended. */
export type Outcome =
  | { readonly kind: 'delivered'; readonly delivered: Delivered }
  /** A look-up found it there; nothing was sent. */
  | { readonly kind: 'taken'; readonly memory?: LaneMemory }
  /** Nothing new is known yet; the doubt stays. */
  | { readonly kind: 'later'; readonly afterMs: number }
  /** Nobody but a person can tell. */
  | { readonly kind: 'unknown'; readonly why: string }
  /** The look-up itself failed; the doubt stays. */
  | { readonly kind: 'lookup-failed'; readonly error: GatewayError }
  /** `hasDoubtBefore`: an earlier attempt may still have had its effect. */
  | { readonly kind: 'failed'; readonly error: GatewayError; readonly hasDoubtBefore: boolean }

export interface DeliveryPorts {
  readonly adapter: ChannelAdapter
  readonly store: Pick<Store, 'earlier'>
  readonly clock: Clock
  /** The longest a look-up, and then a send, may take. */
  readonly deadlineMs: number
  /** When the lease ends, on the monotonic clock. */
  readonly leaseEndsAt: number
  readonly shutdown: AbortSignal
}

/**
 * One try at one delivery (stops 7 and 8). After an attempt whose outcome is unknown the adapter's look-up decides first.
 * Never throws.
 */
export async function attemptDelivery(claimed: ClaimedDelivery, ports: DeliveryPorts): Promise<Outcome> {
  let memory = claimed.memory
  let hasDoubt = claimed.doubtSinceMs !== undefined
  try {
    if (hasDoubt) {
      const answer = await lookUp(claimed, ports)
      if (answer.kind === 'lookup-failed') return answer
      if (answer.kind === 'taken') return { kind: 'taken', ...(answer.memory ? { memory: answer.memory } : {}) }
      if (answer.kind === 'later' || answer.kind === 'unknown') return answer
      if (answer.kind === 'absent') hasDoubt = false
      if (answer.kind === 'resend' && answer.memory) memory = answer.memory
    }
    const { adapter } = ports
    if (!adapter.deliver) throw new GatewayError('no-receiver', { detail: 'The system takes no messages.' })
    const deliver = adapter.deliver.bind(adapter)
    const attempt = attemptOf(claimed, memory, ports)
    const delivered = await withinDeadline((signal) => deliver(claimed.message, attempt, signal), ports)
    return { kind: 'delivered', delivered }
  } catch (thrown) {
    const error = asGatewayError(thrown)
    // What the look-up taught us must not be lost with the attempt.
    const learnt = error.options.memory ?? (memory === claimed.memory ? undefined : memory)
    const kept = learnt ? new GatewayError(error.code, { ...error.options, ...classOf(error), memory: learnt }) : error
    return { kind: 'failed', error: kept, hasDoubtBefore: hasDoubt }
  }
}

const classOf = (error: GatewayError) => ({ failure: error.failure, failureCause: error.failureCause })

async function lookUp(
  claimed: ClaimedDelivery,
  ports: DeliveryPorts,
): Promise<LookupAnswer | Extract<Outcome, { kind: 'lookup-failed' }>> {
  const { adapter } = ports
  if (!adapter.lookup) return { kind: 'unknown', why: 'This system can’t be asked whether it took the message.' }
  const lookup = adapter.lookup.bind(adapter)
  const attempt = attemptOf(claimed, claimed.memory, ports)
  try {
    return await withinDeadline((signal) => lookup(claimed.message, attempt, signal), ports)
  } catch (thrown) {
    return { kind: 'lookup-failed', error: asGatewayError(thrown) }
  }
}

function attemptOf(
  claimed: ClaimedDelivery,
  memory: LaneMemory,
  { store, clock, leaseEndsAt }: DeliveryPorts,
): Attempt {
  return {
    deliveryId: claimed.deliveryId,
    number: claimed.attemptNumber,
    route: claimed.route,
    memory,
    ...(claimed.doubtSinceMs === undefined ? {} : { doubtSinceMs: claimed.doubtSinceMs }),
    earlier: (types) => store.earlier(claimed.system, claimed.message.subject, types, claimed.position),
    beforeSend() {
      if (clock.monotonic() >= leaseEndsAt) throw new GatewayError('lease-lost')
    },
  }
}

/** Ends by the deadline even when the adapter ignores its signal; then nobody knows what happened. */
async function withinDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { deadlineMs, shutdown, clock }: DeliveryPorts,
): Promise<T> {
  const deadline = new AbortController()
  const signal = AbortSignal.any([deadline.signal, shutdown])
  let cancel = () => {}
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(deadlineMs, () => {
      deadline.abort(new GatewayError('partner-timeout'))
      // A moment for the transport to say whether anything was sent; then it counts as unknown.
      cancel = clock.after(1_000, () => reject(new GatewayError('partner-timeout')))
    })
  })
  try {
    return await Promise.race([work(signal), late])
  } finally {
    cancel()
  }
}
