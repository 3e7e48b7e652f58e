import type { DossierReceived, ResultIssued } from '../../contracts/canonical/types.ts'
import type { Attempt, Delivered, LookupAnswer } from '../../gateway/bus/adapter.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Message } from '../../gateway/bus/message.ts'
import { durationMs } from '../../gateway/bus/route.ts'
import { dossierToPortal } from '../../mappings/national-portal/dossier.ts'
import {
  checkSent,
  delivered,
  notThere,
  type Operation,
  type OperationPorts,
  refusal,
  remembering,
} from './operation.ts'

const service = 'DongBoHoSoMC'

/**
 * `dossier.received.v1`: created the first time, updated ever after. Whether it is there is our own lane memory;
 * only an unanswered create is looked up.
 */
export function dossierOperation(ports: OperationPorts): Operation {
  // Accepted under this very contract.
  const document = (message: Message) => itemOf(message.body as DossierReceived, [], ports)
  return {
    document,
    async deliver(message, attempt, signal) {
      const item = await document(message)
      return await sync(item, { isUpdating: attempt.memory.exists === true, attempt, signal, ports })
    },
    async lookup(message, attempt, signal) {
      if (attempt.memory.exists === true) return { kind: 'resend' }
      return await lookUpCreate(message, { attempt, signal, ports })
    },
  }
}

/** `result.issued.v1`: the dossier as last recorded with every result issued since, as an update. */
export function resultOperation(ports: OperationPorts): Operation {
  const document = async (message: Message, attempt: Attempt) => {
    const earlier = await attempt.earlier(['dossier.received.v1', message.type])
    const last = earlier.findLastIndex(({ type }) => type === 'dossier.received.v1')
    const dossier = earlier[last]
    if (dossier === undefined) throw notThere()
    const results = [...earlier.slice(last + 1), message]
    return itemOf(
      dossier.body as DossierReceived, // both accepted under these very contracts
      results.map(({ body }) => body as ResultIssued),
      ports,
    )
  }
  return {
    document,
    async deliver(message, attempt, signal) {
      const item = await document(message, attempt)
      return await sync(item, { isUpdating: true, attempt, signal, ports })
    },
    // An update overwrites: sent twice, it leaves what it left the first time.
    lookup: async () => ({ kind: 'resend' }),
  }
}

interface Call {
  readonly attempt: Attempt
  readonly signal: AbortSignal
  readonly ports: OperationPorts
}

async function itemOf(body: DossierReceived, results: readonly ResultIssued[], ports: OperationPorts) {
  const { tables, catalogue } = ports
  const item = dossierToPortal(body, { tables, results, isPublished: await catalogue.isPublished() })
  checkSent(service, item, ports.contracts)
  return item
}

/** Creates or updates; told that the dossier is there (or not), does the other in the same attempt. */
async function sync(
  item: unknown,
  { isUpdating, attempt, signal, ports }: Call & { readonly isUpdating: boolean },
): Promise<Delivered> {
  const send = (updating: boolean) =>
    ports.client.call({
      service,
      endpoint: 'data',
      fields: { isUpdating: updating ? 'True' : 'False', data: [item] },
      beforeSend: () => attempt.beforeSend(),
      signal,
    })
  const first = await send(isUpdating)
  if (first.verdict === 'accepted')
    return delivered(first, { document: item, memory: { ...attempt.memory, exists: true } })
  const surprise = isUpdating ? 'missing' : 'exists'
  if (first.verdict !== surprise) throw refusal(first)

  return await remembering({ ...attempt.memory, exists: !isUpdating }, async () => {
    const second = await send(!isUpdating)
    if (second.verdict === 'accepted')
      return delivered(second, { document: item, memory: { ...attempt.memory, exists: true } })
    if (second.verdict !== 'exists' && second.verdict !== 'missing') throw refusal(second)
    // "Not there" and "exists" at once: its left hand is behind its right. Neither did anything.
    throw new GatewayError('partner-failed', {
      failure: 'transient',
      detail: 'It says of one dossier that it exists and that it does not.',
    })
  })
}

/** After an unanswered create: there means update; not there is believed once the portal has had time to settle. */
async function lookUpCreate(message: Message, { attempt, signal, ports }: Call): Promise<LookupAnswer> {
  const { client, settings, clock } = ports
  const answer = await client.call({
    service: 'TraCuuHoSo',
    endpoint: 'data',
    // Its own code there; the subject may be an older name of the same dossier. Accepted under this very contract.
    fields: { mahoso: (message.body as DossierReceived).dossierCode },
    isReading: true,
    signal,
  })
  if (answer.verdict !== 'accepted' && answer.verdict !== 'missing') throw refusal(answer)
  const found = answer.document?.result
  if (answer.verdict === 'accepted' && Array.isArray(found) && found.length > 0) {
    return { kind: 'resend', memory: { ...attempt.memory, exists: true } }
  }
  const settledAtMs = (attempt.doubtSinceMs ?? clock.now()) + durationMs(settings.settlingTime)
  const afterMs = settledAtMs - clock.now()
  return afterMs > 0 ? { kind: 'later', afterMs } : { kind: 'absent' }
}
