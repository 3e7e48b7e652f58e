import type { PromotionRequest, SubmittedItem } from '../../contracts/partners/national-portal/types.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Draft, Message, Original } from '../../gateway/bus/message.ts'
import { readJson } from '../../gateway/envelopes/json-gate.ts'
import { promotionFromPortal } from '../../mappings/national-portal/promotion.ts'
import { submittedFromPortal } from '../../mappings/national-portal/submitted.ts'
import { dossierUnits } from '../../mappings/units.ts'
import type { AdapterContext } from '../definition.ts'
import type { InboundSettings, NationalPortalSettings } from './settings.ts'

export type FilingPorts = Pick<AdapterContext<NationalPortalSettings>, 'system' | 'gateway' | 'contracts' | 'doors'>

/** One service the portal calls here. */
export interface FilingService {
  /** Last step of its address. */
  readonly name: string
  readonly isEnabled: boolean
  /** Whether a document has the outer form of this service's requests; no document has that of two. */
  isForm(document: unknown): boolean
  /** One draft for each dossier. Throws GatewayError for what is not taken. */
  read(document: unknown, original: Original): readonly Draft[]
  /** For `/openapi.json`. */
  readonly doc: {
    readonly operationId: string
    readonly summary: string
    readonly description: string
    readonly tags: readonly string[]
    readonly requestBody: Readonly<Record<string, unknown>>
    readonly responses: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  }
}

/** Every service there is, whether its door is open or not. */
export function filingServices(inbound: InboundSettings, ports: FilingPorts): readonly FilingService[] {
  return [promotionService(inbound, ports), submittedService(inbound, ports)]
}

/** Promotion notices, `addtthcKhuyenMai`: the one filing whose form is documented (OpenCPS, TD). */
function promotionService({ receivingUnit, promotion }: InboundSettings, ports: FilingPorts): FilingService {
  const contract = 'national-portal/addtthcKhuyenMai'
  return {
    name: 'addtthcKhuyenMai',
    isEnabled: promotion.enabled,
    isForm: (document) => !isList(document),
    read(document, original) {
      checkContract(contract, document, ports)
      const body = promotionFromPortal(document as PromotionRequest, { receivingUnit }) // valid against its contract
      return [draftOf(body, { kind: 'promotion', original, ports })]
    },
    doc: {
      operationId: 'fileSalesPromotion',
      summary: 'Thông báo khuyến mại từ Cổng DVCQG',
      description: 'The same below `/VXPAdapter`, and below `/web/guest`.',
      tags: ['national-portal'],
      requestBody: { content: { 'application/json': { schema: { $ref: refOf(contract) } } } },
      responses,
    },
  }
}

/** Dossiers filed at the portal, `nhanhsdvcqg`. Assumed: a request of the form of `DongBoHoSoMC`; no source shows one. */
function submittedService({ receivingUnit, submitted }: InboundSettings, ports: FilingPorts): FilingService {
  const contract = 'national-portal/submitted.item'
  return {
    name: 'nhanhsdvcqg',
    isEnabled: submitted.enabled,
    isForm: isList,
    read(document, original) {
      return itemsOf(document).map((item) => {
        checkContract(contract, item, ports)
        const body = submittedFromPortal(item as SubmittedItem, { receivingUnit }) // valid against its contract
        return draftOf(body, { kind: 'submitted', original, ports })
      })
    },
    doc: {
      operationId: 'fileDossierAtPortal',
      summary: 'Hồ sơ nộp trên Cổng DVCQG (dạng thức giả định)',
      description:
        'Its form is assumed, and the service is off unless configured. All of a request is taken, or nothing.',
      tags: ['national-portal'],
      requestBody: {
        content: {
          'application/json': {
            schema: {
              type: 'object',
              required: ['data'],
              properties: { data: { type: 'array', items: { $ref: refOf(contract) } } },
            },
          },
        },
      },
      responses,
    },
  }
}

const responses = {
  200: {
    description: '`error_code` 0: we hold it. 1: we held it before. -1: not taken; `message` says why.',
    content: {
      'application/json': {
        schema: {
          type: 'object',
          required: ['error_code', 'message'],
          properties: { error_code: { type: 'integer', enum: [0, 1, -1] }, message: { type: 'string' } },
        },
      },
    },
  },
}

const refOf = (contract: string) => `#/components/schemas/${contract.replace('/', '.')}`

function checkContract(contract: string, document: unknown, { contracts }: FilingPorts): void {
  const [violation] = contracts.violations(contract, document)
  if (!violation) return
  throw new GatewayError('contract-violated', { field: violation.field || '/', rule: violation.rule })
}

interface Filed {
  readonly kind: 'promotion' | 'submitted'
  readonly original: Original
  readonly ports: FilingPorts
}

/** The portal's code of the dossier is all a filing can be told by (OpenCPS: refId). */
function draftOf(body: { readonly dossierCode: string }, { kind, original, ports }: Filed): Draft {
  return {
    type: 'dossier.submitted.v1',
    source: ports.system,
    subject: body.dossierCode,
    // The portal files for whoever it names; from then on the dossier is theirs.
    standing: { units: dossierUnits(body), mayWriteFor: () => true },
    body,
    idempotency: { kind: 'key', key: `${kind}:${body.dossierCode}` },
    original,
  }
}

/**
 * Reads what a kept request says of the message's dossier with today's contracts and mapping; the rest of the request is
 * other people's. Throws what the door would answer.
 */
export function rereadFiling(original: Original, message: Message, services: readonly FilingService[]): Draft {
  const document = readJson(original.bytes)
  const service = services.find(({ isForm }) => isForm(document))
  const code = isRecord(message.body) ? message.body.dossierCode : undefined
  const own = isList(document) ? { ...document, data: document.data.filter((item) => codeOf(item) === code) } : document
  const [draft] = service?.read(own, original) ?? []
  if (draft === undefined) throw new GatewayError('bytes-gone')
  return draft
}

function isList(document: unknown): document is { readonly data: readonly unknown[] } {
  return isRecord(document) && Array.isArray(document.data)
}

const codeOf = (item: unknown) => (isRecord(item) ? item.MaHoSo : undefined)

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

const envelopeKeys = ['session', 'madonvi', 'service', 'isUpdating', 'data']
const mostItems = 100

function itemsOf(document: unknown): readonly unknown[] {
  const refuse = (field: string, rule: string) => new GatewayError('contract-violated', { field, rule })
  if (typeof document !== 'object' || document === null || Array.isArray(document)) throw refuse('/', 'type')
  const stray = Object.keys(document).find((key) => !envelopeKeys.includes(key))
  if (stray !== undefined) throw refuse(`/${stray.slice(0, 100)}`, 'additionalProperties')
  const data: unknown = Reflect.get(document, 'data')
  if (!Array.isArray(data)) throw refuse('/data', 'type')
  if (data.length === 0) throw refuse('/data', 'minItems')
  if (data.length > mostItems) throw refuse('/data', 'maxItems')
  return data
}
