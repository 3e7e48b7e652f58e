import { SaxesParser } from 'saxes'
import { GatewayError } from '../bus/errors.ts'

/** How much of a document a profile takes; everything past a limit is refused while it is read. */
export interface XmlLimits {
  readonly maxBytes: number
  readonly maxElements: number
  readonly maxDepth: number
  /** Attributes and namespace declarations of one element together. */
  readonly maxAttributes: number
}

/** What fits an ordinary business document (threats §3). */
export const documentLimits: XmlLimits = {
  maxBytes: 1024 * 1024,
  maxElements: 20_000,
  maxDepth: 64,
  maxAttributes: 64,
}

/** One element and where it stands in the text. Offsets are UTF-16 units into `GatedXml.text`. */
export interface XmlSpan {
  /** Clark notation: `{namespace}local`, or `local` without a namespace. */
  readonly name: string
  /** As written, with its prefix. */
  readonly tag: string
  /** Index of its parent in `GatedXml.elements`; -1 for the root. */
  readonly parent: number
  /** Of its `<`. */
  readonly start: number
  /** Just after the `>` of its start tag. */
  readonly contentStart: number
  /** Of the `<` of its end tag; the same as `end` when it closes itself. */
  readonly contentEnd: number
  /** Just after its last `>`. */
  readonly end: number
  readonly isSelfClosing: boolean
  /** Namespaces it declares itself, by prefix. */
  readonly declares: Readonly<Record<string, string>>
  /** By their names as written; namespace declarations are among them. */
  readonly attributes: Readonly<Record<string, string>>
}

/** A document that has passed the gate: well-formed, bounded, and without anything that could surprise a later reader. */
export interface GatedXml {
  /** The document with line ends normalised (XML 1.0 §2.11) and without a byte order mark. */
  readonly text: string
  /** In document order; the first is the root. */
  readonly elements: readonly XmlSpan[]
}

/**
 * The front door for every XML byte (threats §3): fatal UTF-8, namespaces well-formed, no DOCTYPE, no processing
 * instruction, bounded depth and counts, one root. Throws `request-too-large`, `xml-unreadable`, `xml-forbidden` or
 * `xml-too-complex`; never with text of the document in it.
 */
export function readXml(bytes: Uint8Array, limits: XmlLimits = documentLimits): GatedXml {
  if (bytes.byteLength > limits.maxBytes) throw new GatewayError('request-too-large')
  return scanXml(decode(bytes), limits)
}

/** The same gate for text that was decoded already. */
export function scanXml(source: string, limits: XmlLimits = documentLimits): GatedXml {
  // §2.11 happens before anything else does; later cuts through the text then cannot join a CR with an LF.
  const text = source.includes('\r') ? source.replace(/\r\n?/g, '\n') : source
  const elements: (XmlSpan & { contentEnd: number; end: number })[] = []
  const open: number[] = []
  let tagStart = 0
  let attributeCount = 0

  const parser = new SaxesParser<{ xmlns: true; position: false }>({ xmlns: true, position: false })
  // Six handlers and no more: saxes stores them by computed names, and at eight V8 turns the parser into a dictionary,
  // which reads six times as slowly (measured, 82 KB: 0.8 ms and 4.8 ms). The rest is told from what it throws and keeps.
  parser.on('doctype', () => forbid('A document type definition is not accepted.'))
  parser.on('processinginstruction', () => forbid('Processing instructions are not accepted.'))
  parser.on('opentagstart', ({ name }) => {
    // One character past the name has been read by now.
    tagStart = parser.position - name.length - 2
    attributeCount = 0
    if (elements.length >= limits.maxElements) tooComplex(`The limit is ${limits.maxElements} elements.`)
    if (open.length >= limits.maxDepth) tooComplex(`The limit is ${limits.maxDepth} levels.`)
  })
  parser.on('attribute', () => {
    attributeCount += 1
    if (attributeCount > limits.maxAttributes) tooComplex(`The limit is ${limits.maxAttributes} attributes.`)
  })
  parser.on('opentag', (tag) => {
    const attributes: Record<string, string> = Object.create(null)
    for (const name in tag.attributes) {
      const value = tag.attributes[name]?.value ?? ''
      // `tag.ns` has these trimmed, libxml2 has not.
      if (name.startsWith('xmlns') && !isPlainUri.test(value)) forbid('A namespace name is not a URI.')
      attributes[name] = value
    }
    open.push(elements.length)
    elements.push({
      name: clark(tag.uri, tag.local),
      tag: tag.name,
      parent: open.at(-2) ?? -1,
      start: tagStart,
      contentStart: parser.position,
      contentEnd: parser.position,
      end: parser.position,
      isSelfClosing: tag.isSelfClosing,
      declares: tag.ns,
      attributes,
    })
  })
  parser.on('closetag', () => {
    const index = open.pop() ?? 0
    const span = elements[index]
    if (span === undefined) return
    span.end = parser.position
    span.contentEnd = span.isSelfClosing ? span.end : text.lastIndexOf('</', span.end - 1)
  })
  try {
    parser.write(text).close()
  } catch (error) {
    if (error instanceof GatewayError) throw error
    // The parser's own message quotes the document, so it is not kept as a cause.
    throw new GatewayError('xml-unreadable')
  }
  // Well-formed by now, so its parts can be told by their quotes.
  const declaration = /^\ufeff?<\?xml\s[^>]*\?>/.exec(text)?.[0] ?? ''
  if (/version\s*=\s*["'](?!1\.0["'])/.test(declaration)) forbid('Only XML 1.0 is accepted.')
  if (/encoding\s*=\s*["'](?!utf-8["'])/i.test(declaration)) forbid('Only UTF-8 is accepted.')
  return { text, elements }
}

/** Clark notation of a name. */
export function clark(uri: string, local: string): string {
  return uri === '' ? local : `{${uri}}${local}`
}

/** The part after the namespace of a name in Clark notation. */
export function localName(name: string): string {
  return name.slice(name.indexOf('}') + 1)
}

/** Indices of the children of one element, in order. */
export function childrenOf({ elements }: GatedXml, parent: number): readonly number[] {
  const found: number[] = []
  const end = elements[parent]?.end ?? 0
  for (let index = parent + 1; index < elements.length; index += 1) {
    const span = elements[index]
    if (span === undefined || span.start >= end) break
    if (span.parent === parent) found.push(index)
  }
  return found
}

/** Names from the root down to this element, itself included. */
export function pathOf({ elements }: GatedXml, index: number): readonly string[] {
  const names: string[] = []
  for (let at = index; at >= 0; ) {
    const span = elements[at]
    if (span === undefined) break
    names.unshift(span.name)
    at = span.parent
  }
  return names
}

/** Namespaces in scope at an element, its own declarations included. */
export function namespacesAt({ elements }: GatedXml, index: number): Readonly<Record<string, string>> {
  const found: Record<string, string> = Object.create(null)
  for (let at = index; at >= 0; ) {
    const span = elements[at]
    if (span === undefined) break
    for (const prefix in span.declares) found[prefix] ??= span.declares[prefix] ?? ''
    at = span.parent
  }
  return found
}

/**
 * No URI holds these (RFC 3986 §2) but `&`, and libxml2 writes namespace names into a canonical form without escaping
 * them (2.9.14 and the one in libxml2-wasm 0.7.2 alike), so that it would not be XML any more.
 */
const isPlainUri = /^[^\s"&'<>\\^`{|}]*$/

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new GatewayError('xml-unreadable', { detail: 'It is not UTF-8.' })
  }
}

function forbid(detail: string): never {
  throw new GatewayError('xml-forbidden', { detail })
}

function tooComplex(detail: string): never {
  throw new GatewayError('xml-too-complex', { detail })
}
