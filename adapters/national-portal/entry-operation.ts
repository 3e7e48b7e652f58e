import type { Attempt, LaneMemory } from '../../gateway/bus/adapter.ts'
import type { Message } from '../../gateway/bus/message.ts'
import {
  checkSent,
  delivered,
  notThere,
  type Operation,
  type OperationPorts,
  refusal,
  repeatAsConfigured,
} from './operation.ts'

/** What differs between services that take one entry about a dossier per call. */
export interface EntryService<Document> {
  readonly service: string
  /** Stop 7. */
  readonly documentOf: (message: Message) => Document
  /** The request's fields around the document. */
  readonly fieldsOf: (document: Document) => Readonly<Record<string, unknown>>
  /** Throws when the portal can’t have the dossier; not asked when absent. */
  readonly checkThere?: (attempt: Attempt) => Promise<void>
  /** What is known of the dossier once the portal says it does not have it; nothing new when absent. */
  readonly memoryWhenMissing?: (attempt: Attempt) => LaneMemory
}

/** One entry per call, never looked up: whether one that nobody answered is sent again is configured. */
export function entryOperation<Document>(
  { service, documentOf, fieldsOf, checkThere, memoryWhenMissing }: EntryService<Document>,
  { client, contracts, settings }: OperationPorts,
): Operation {
  const document = async (message: Message) => {
    const written = documentOf(message)
    checkSent(service, written, contracts)
    return written
  }
  return {
    document,
    async deliver(message, attempt, signal) {
      const written = await document(message)
      await checkThere?.(attempt)
      const answer = await client.call({
        service,
        endpoint: 'data',
        fields: fieldsOf(written),
        beforeSend: () => attempt.beforeSend(),
        signal,
      })
      if (answer.verdict === 'missing') throw notThere(answer, memoryWhenMissing?.(attempt))
      if (answer.verdict !== 'accepted') throw refusal(answer)
      return delivered(answer, { document: written })
    },
    lookup: async () => repeatAsConfigured(settings),
  }
}
