import type { ChannelCondition } from '../gateway/bus/channel.ts'
import type { Reason } from '../gateway/bus/delivery-state.ts'
import { errorTable } from '../gateway/bus/errors.ts'
import type { Bulk, DeliveryFilter, InterventionRecord } from '../gateway/bus/intervention.ts'
import { toldOf } from '../gateway/bus/notice.ts'
import type { ProcessInstance } from '../gateway/bus/process.ts'
import type { AttemptRecord, ChannelDepth, DeliveryView, MessageView } from '../gateway/bus/store.ts'

/** A delivery as operators see it: ids, codes and digests, member by member, nothing of what is said about a person. */
export function deliveryOnWire(delivery: DeliveryView & { readonly subject?: string }) {
  const { id, messageId, revision, system, subject, route, position, state } = delivery
  return {
    id,
    messageId,
    revision,
    system,
    subject,
    route,
    position,
    state,
    reason: delivery.reason && reasonOnWire(delivery.reason),
    dueAt: isoTime(delivery.dueAtMs),
    settledAt: isoTime(delivery.settledAtMs),
    attempts: delivery.attempts.map(attemptOnWire),
  }
}

/** A message without its body, which is about people; `ledger` holds the notices about it. */
export function messageOnWire({ message, deliveries }: MessageView, ledger: readonly MessageView[]) {
  const { id, type, source, subject, acceptedAtMs, correlationId, causationId, idempotencyKey, bodyDigest } = message
  return {
    id,
    type,
    source,
    subject,
    acceptedAt: isoTime(acceptedAtMs),
    correlationId,
    causationId,
    idempotencyKey,
    bodyDigest,
    deliveries: deliveries.map((delivery) => ({ ...deliveryOnWire(delivery), told: toldOf(delivery.id, ledger) })),
  }
}

/** A bulk and how far it is. */
export function bulkOnWire({ filter, note, isOverride, createdAtMs, ...bulk }: Bulk) {
  const done = Object.values(bulk.outcomes).reduce((sum, count) => sum + count, 0)
  return {
    ...bulk,
    ...selectionOnWire(filter),
    reason: note,
    override: isOverride,
    createdAt: isoTime(createdAtMs),
    left: bulk.total - done,
  }
}

/** The names of the API for what the filter of a bulk selects; of ids the number says enough. */
function selectionOnWire({ ids, messageType, createdAfterMs, createdBeforeMs, ...filter }: DeliveryFilter) {
  if (ids !== undefined) return { selected: ids.length }
  return { filter: { ...filter, type: messageType, after: isoTime(createdAfterMs), before: isoTime(createdBeforeMs) } }
}

/** A channel, what stops it, and how much waits in it. */
export function channelOnWire(channel: ChannelCondition, depths: readonly ChannelDepth[]) {
  const { system, state, sinceMs, trips, probeAtMs, reason, actor } = channel
  const own = depths.filter((depth) => depth.system === system)
  return {
    system,
    state,
    since: isoTime(sinceMs),
    trips,
    probeAt: isoTime(probeAtMs),
    reason: reason && reasonOnWire(reason),
    actor,
    deliveries: Object.fromEntries(own.map((depth) => [depth.state, depth.count])),
  }
}

/** An exchange of several messages; its state is the process's own and stays inside. */
export function processOnWire({ state: _state, reason, updatedAtMs, ...instance }: ProcessInstance) {
  return { ...instance, reason: reason && reasonOnWire(reason), updatedAt: isoTime(updatedAtMs) }
}

/** What somebody did, and why they did it. */
export function recordOnWire({ atMs, note, ...record }: InterventionRecord) {
  return { at: isoTime(atMs), ...record, reason: note }
}

function attemptOnWire({ startedAtMs, endedAtMs, ...attempt }: AttemptRecord) {
  return { ...attempt, startedAt: isoTime(startedAtMs), endedAt: isoTime(endedAtMs) }
}

function reasonOnWire(reason: Reason) {
  const { sentence, vietnamese } = errorTable[reason.code]
  return { ...reason, sentence, vietnamese }
}

function isoTime(atMs: number): string
function isoTime(atMs: number | undefined): string | undefined
function isoTime(atMs: number | undefined): string | undefined {
  return atMs === undefined ? undefined : new Date(atMs).toISOString()
}
