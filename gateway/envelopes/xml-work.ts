import { type ErrorCode, GatewayError, type GatewayErrorOptions } from '../bus/errors.ts'
import {
  type EdxmlContent,
  type EdxmlOpening,
  type EdxmlSealing,
  type OpenedEdxml,
  openEdxml,
  sealEdxml,
} from './edxml.ts'
import { compileXmlSchema, type XmlSchema } from './xml-canonical.ts'
import { readXml, type XmlLimits } from './xml-gate.ts'
import {
  signXml,
  type VerifiedXml,
  verifyXml,
  type XmlExpectation,
  XmlSignatureFault,
  type XmlSignOptions,
} from './xml-signature.ts'

/** Everything that is done with XML signatures, in a form that can cross to another thread. */
export type XmlOrder =
  | { readonly act: 'sign'; readonly document: Uint8Array; readonly options: XmlSignOptions }
  | {
      readonly act: 'verify'
      readonly document: Uint8Array
      readonly limits?: XmlLimits
      /** `schema` by its name. */
      readonly expected: Omit<XmlExpectation, 'schema'> & { readonly schema?: string }
    }
  | { readonly act: 'open-edxml'; readonly document: Uint8Array; readonly opening: EdxmlOpening }
  | { readonly act: 'seal-edxml'; readonly content: EdxmlContent; readonly sealing: EdxmlSealing }

/** What each act comes to. */
export interface XmlOutcomes {
  readonly sign: Uint8Array
  readonly verify: VerifiedXml
  readonly 'open-edxml': OpenedEdxml
  readonly 'seal-edxml': Uint8Array
}

/** Does one order here and now. Schemas are compiled when they are first asked for. */
export function createXmlBench(
  schemas: Readonly<Record<string, string>>,
): (order: XmlOrder) => XmlOutcomes[XmlOrder['act']] {
  const compiled = new Map<string, XmlSchema>()
  const schemaOf = (name: string): XmlSchema => {
    const text = schemas[name]
    if (text === undefined) throw new RangeError(`there is no schema ${name}`)
    const schema = compiled.get(name) ?? compileXmlSchema(text)
    compiled.set(name, schema)
    return schema
  }
  return (order) => {
    switch (order.act) {
      case 'sign':
        return signXml(order.document, order.options)
      case 'verify': {
        const { schema, ...expected } = order.expected
        return verifyXml(readXml(order.document, order.limits), {
          ...expected,
          ...(schema !== undefined && { schema: schemaOf(schema) }),
        })
      }
      case 'open-edxml':
        return openEdxml(order.document, order.opening)
      case 'seal-edxml':
        return sealEdxml(order.content, order.sealing)
    }
  }
}

/** An error in a form that can cross to another thread. */
export interface CrossingError {
  readonly code: ErrorCode | undefined
  readonly message: string
  readonly options: Pick<GatewayErrorOptions, 'detail' | 'field' | 'rule'>
  /** Why a signature was refused. */
  readonly reason?: string
}

export function toCrossing(error: unknown): CrossingError {
  const message = error instanceof Error ? error.message : String(error)
  if (!(error instanceof GatewayError)) return { code: undefined, message, options: {} }
  const { detail, field, rule, cause } = error.options
  return {
    code: error.code,
    message,
    options: {
      ...(detail !== undefined && { detail }),
      ...(field !== undefined && { field }),
      ...(rule !== undefined && { rule }),
    },
    ...(cause instanceof Error && { reason: cause.message }),
  }
}

export function fromCrossing({ code, message, options, reason }: CrossingError): Error {
  if (code === undefined) return new Error(message)
  return new GatewayError(code, { ...options, ...(reason !== undefined && { cause: new XmlSignatureFault(reason) }) })
}
