import type { DossierItem, OutcomeItem, ProgressItem } from '../../contracts/partners/national-portal/types.ts'
import { canonicalJson, digestOf } from '../../gateway/bus/canonical-json.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Draft, Original } from '../../gateway/bus/message.ts'
import type { Accepted } from '../../gateway/bus/store.ts'
import { readJson } from '../../gateway/envelopes/json-gate.ts'
import { dossierNames } from '../../mappings/dossier-names.ts'
import { dossierFromPortal } from '../../mappings/national-portal/dossier.ts'
import { outcomeFromPortal } from '../../mappings/national-portal/outcome.ts'
import { progressFromPortal } from '../../mappings/national-portal/progress.ts'
import { dossierUnits } from '../../mappings/units.ts'
import { type DropInAnswer, faultOf } from './drop-in-answer.ts'
import {
  isObject,
  type JsonObject,
  type OneWindowContext,
  type Service,
  type ServiceCall,
  type Services,
} from './service-call.ts'

/** How the items of one service become messages. */
interface Submission {
  readonly type: string
  /** Contract of one item; absent where the request's contract already holds it. */
  readonly contract?: string
  readonly bodyOf: (item: JsonObject, madonvi: string) => unknown
}

// Each item has satisfied its contract before bodyOf is given it, and the types are generated from the contracts.
const submissions: Readonly<Record<string, Submission>> = {
  DongBoHoSoMC: {
    type: 'dossier.received.v1',
    contract: 'national-portal/DongBoHoSoMC.item',
    bodyOf: (item, madonvi) => dossierFromPortal(item as unknown as DossierItem, { madonvi }),
  },
  CapNhatTienDoHoSoMC: {
    type: 'dossier.progressed.v1',
    contract: 'national-portal/CapNhatTienDoHoSoMC.item',
    bodyOf: (item, madonvi) => progressFromPortal(item as unknown as ProgressItem, { madonvi }),
  },
  DongBoTrangThaiHoSo: {
    type: 'dossier.outcome-reported.v1',
    bodyOf: (item, madonvi) => outcomeFromPortal(item as unknown as OutcomeItem, { madonvi }),
  },
}

/** The services that bring dossiers, progress entries and outcomes. */
export function submissionServices(context: OneWindowContext): Services {
  return Object.entries(submissions).map(([name, submission]) => [name, submit(submission, context)] as const)
}

/**
 * One message per item, the valid ones accepted in one write. One invalid item makes the answer an error that names it,
 * and changes nothing for other dossiers: the format has one code for a whole batch.
 */
function submit(submission: Submission, context: OneWindowContext): Service {
  return async (call) => {
    const { data } = call.document
    const items: readonly unknown[] = Array.isArray(data) ? data : [data]
    const reading = items.map((item, index) => readItem(item, { index, submission, call, context }))
    const read = inOrder(await Promise.all(reading))
    const valid = read.filter((one) => one.kind === 'valid')
    const invalid = read.filter((one) => one.kind === 'invalid')
    const accepted = valid.length === 0 ? [] : await context.gateway.accept(valid.map(({ draft }) => draft))
    const result = valid.map(({ draft }, index) => receiptOf(draft, accepted[index]))
    const [first] = invalid
    if (!first) return { error_code: 0, message: `Tiếp nhận thành công ${result.length} bản ghi`, result }
    context.doors.reportRefusal(call.request, first.error)
    return refusal({ invalid, count: items.length, result })
  }
}

interface InvalidItem {
  readonly kind: 'invalid'
  readonly index: number
  /** Whatever the item names as its dossier. */
  readonly subject?: string
  readonly error: GatewayError
}

type ReadItem = { readonly kind: 'valid'; readonly draft: Draft } | InvalidItem

async function readItem(
  item: unknown,
  of: {
    readonly index: number
    readonly submission: Submission
    readonly call: ServiceCall
    readonly context: OneWindowContext
  },
): Promise<ReadItem> {
  try {
    const draft = draftOf(item, of)
    await of.context.gateway.checkStanding(draft)
    return { kind: 'valid', draft }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const subject = isObject(item) && typeof item.MaHoSo === 'string' ? { subject: item.MaHoSo } : {}
    return { kind: 'invalid', index: of.index, error, ...subject }
  }
}

/**
 * What follows an invalid item of its dossier is refused with it: accepted, it would stand before the repaired one, and
 * the repaired batch would no longer begin as what is held ends (ADR 0011).
 */
function inOrder(read: readonly ReadItem[]): readonly ReadItem[] {
  const broken = new Set<string>()
  return read.map((one, index) => {
    if (one.kind === 'invalid') {
      if (one.subject !== undefined) broken.add(one.subject)
      return one
    }
    const { subject } = one.draft
    return broken.has(subject)
      ? { kind: 'invalid', index, subject, error: new GatewayError('after-invalid-item') }
      : one
  })
}

function draftOf(
  item: unknown,
  { submission, call, context }: { submission: Submission; call: ServiceCall; context: OneWindowContext },
): Draft {
  const { service, madonvi, credential } = call
  const reading = readingOf(item, { submission, service, madonvi, context })
  return {
    ...reading,
    standing: {
      units: dossierUnits(reading.body),
      mayWriteFor: (unit) => context.tables.speaksFor(credential.speaksFor, unit),
    },
    correlationId: call.request.id,
    original: {
      bytes: originalOf(item, call),
      mediaType: 'application/json',
      verifiedBy: `credential:${credential.username}`,
    },
  }
}

/** What an item says, whenever it is read. */
function readingOf(
  item: unknown,
  of: {
    readonly submission: Submission
    readonly service: string
    readonly madonvi: string
    readonly context: OneWindowContext
  },
): Draft {
  const { submission, service, madonvi, context } = of
  if (!isObject(item)) throw new GatewayError('contract-violated', { field: '/', rule: 'type' })
  const [violation] = submission.contract ? context.contracts.violations(submission.contract, item) : []
  if (violation) throw new GatewayError('contract-violated', { field: violation.field, rule: violation.rule })
  const body = submission.bodyOf(item, madonvi)
  context.gateway.check(submission.type, body)
  const { MaHoSo: subject } = item
  if (typeof subject !== 'string') throw new GatewayError('contract-violated', { field: '/MaHoSo', rule: 'required' })
  return {
    type: submission.type,
    source: context.system,
    subject,
    ...dossierNames(body, { tables: context.tables, atMs: context.clock.now() }),
    body,
    idempotency: {
      kind: 'latest',
      scope: `${service}:${subject}`,
      digest: digestOf(canonicalJson({ item, madonvi })),
    },
  }
}

/** Reads the bytes kept of one item with today's contracts and mapping. Throws what the door would answer. */
export function rereadSubmission({ bytes }: Original, context: OneWindowContext): Draft {
  const document = readJson(bytes)
  if (!isObject(document)) throw new GatewayError('contract-violated', { field: '/', rule: 'type' })
  const { service, madonvi, data } = document
  const submission = typeof service === 'string' && Object.hasOwn(submissions, service) && submissions[service]
  if (!submission || typeof service !== 'string' || typeof madonvi !== 'string')
    throw new GatewayError('service-unknown', { field: '/service', rule: 'enum' })
  // The session was a secret, and is the only member that was not kept.
  const [violation] = context.contracts.violations(`national-portal/${service}`, { session: '', ...document })
  if (violation) throw new GatewayError('contract-violated', { field: violation.field || '/', rule: violation.rule })
  return readingOf(Array.isArray(data) ? data[0] : data, { submission, service, madonvi, context })
}

/**
 * What was said about this one dossier, as a request of its own, so that it can be read again by itself. The session is
 * a secret and no evidence, and the rest of the batch is other people's.
 */
function originalOf(item: unknown, { service, madonvi, document }: ServiceCall): Uint8Array {
  const { isUpdating, type } = document
  const data = Array.isArray(document.data) ? [item] : item
  return new TextEncoder().encode(canonicalJson({ madonvi, service, isUpdating, type, data }))
}

function receiptOf(draft: Draft, accepted: Accepted | undefined) {
  if (accepted === undefined || accepted.kind === 'conflict') throw new GatewayError('internal-error')
  return { MaHoSo: draft.subject, BienNhan: accepted.receipt }
}

/** Enough to repair a batch with; a hostile one does not buy an answer as long as itself. */
const mostNamed = 50

function refusal(batch: {
  readonly invalid: readonly InvalidItem[]
  readonly count: number
  readonly result: readonly unknown[]
}): DropInAnswer {
  const { invalid, count, result } = batch
  const named = invalid.slice(0, mostNamed).map(({ index, subject = '', error }) => {
    // What has no dossier code's shape is not said back.
    const where = /^[A-Za-z0-9._-]{1,60}$/.test(subject) ? `mục ${index + 1} (${subject})` : `mục ${index + 1}`
    return `${where}: ${faultOf(error)}`
  })
  const unnamed = invalid.length > mostNamed ? [`và ${invalid.length - mostNamed} mục khác`] : []
  const others = result.length === 0 ? '' : ` Đã lưu ${result.length} bản ghi còn lại.`
  const message = `${invalid.length}/${count} bản ghi không hợp lệ: ${[...named, ...unnamed].join('; ')}.${others}`
  return { error_code: -1, message, result }
}
