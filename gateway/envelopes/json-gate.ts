import { GatewayError, overLimit } from '../bus/errors.ts'

/** What one document may cost. */
export interface JsonLimits {
  readonly maxDepth?: number
  /** Members and elements; an empty list or object counts as one more. */
  readonly maxValues?: number
}

/**
 * Reads JSON that strangers wrote: fatal UTF-8 without a mark, bounded depth and number of values, no key twice, no
 * `__proto__`, `constructor` or `prototype`, whole characters only, numbers that survive being read. Throws
 * `request-unreadable`, `request-too-deep`, `request-too-many-values`, `duplicate-key` or `forbidden-key`.
 *
 * JSON.parse keeps only the last of two equal keys, so a document with one twice holds fewer members than its text has
 * colons outside strings. Comparing the two counts leaves escapes (`"\u0061"` is `"a"`) to the parser itself, and is
 * three times as fast as remembering every name.
 *
 * What is read is paid for by value, not by byte: one object of 873,000 members in 10 MiB held the event loop for 7 s,
 * one string of 10 MiB for 0.05 s (2026-11-21). Hence the cap, kept while counting, before anything is built.
 */
export function readJson(bytes: Uint8Array, { maxDepth = 32, maxValues = 50_000 }: JsonLimits = {}): unknown {
  const text = decode(bytes)
  const memberCount = countMembers(text, { maxDepth, maxValues })
  const value = parse(text)
  const seen = { members: 0, mayHoldHalves: text.includes('\\u') }
  inspect(value, seen)
  if (seen.members !== memberCount)
    throw new GatewayError('duplicate-key', { field: (twiceNamed(text) ?? '').slice(0, 64) })
  return value
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new GatewayError('request-unreadable', { detail: 'It is not UTF-8.', cause })
  }
}

function parse(text: string): unknown {
  // RFC 8259 §8.1 lets a parser ignore a mark; two readers that disagree on it would hash different bytes.
  if (text.charCodeAt(0) === 0xfeff) throw new GatewayError('request-unreadable', { detail: 'It begins with a mark.' })
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the document, so it is not kept as a cause.
    throw new GatewayError('request-unreadable')
  }
}

/** Colons outside strings; on text that is no JSON the number means nothing, and parsing says so. */
function countMembers(text: string, { maxDepth, maxValues }: Required<JsonLimits>): number {
  let members = 0
  let values = 0
  let depth = 0
  for (let index = 0; index < text.length; index += 1) {
    switch (text.charCodeAt(index)) {
      case 0x22: // "
        index = endOfString(text, index)
        break
      case 0x3a: // :
        members += 1
        break
      case 0x2c: // ,
        values += 1
        break
      case 0x5b: // [
      case 0x7b: // {
        values += 1
        depth += 1
        if (depth > maxDepth) throw overLimit('request-too-deep', { count: maxDepth, unit: 'levels' })
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1
        break
    }
    if (values > maxValues) throw overLimit('request-too-many-values', { count: maxValues, unit: 'values' })
  }
  return members
}

/** Index of the quote that closes the string opened at `start`; the text's end when nothing does. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let first = end
    while (text.charCodeAt(first - 1) === 0x5c) first -= 1
    if ((end - first) % 2 === 0) return end
  }
  return text.length
}

/** Recursion is safe: the depth was bounded before. */
function inspect(value: unknown, seen: { members: number; readonly mayHoldHalves: boolean }): void {
  if (typeof value === 'string') {
    if (seen.mayHoldHalves && !value.isWellFormed()) throw brokenCharacter()
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
      throw new GatewayError('request-unreadable', { detail: 'A number is too large to be kept exactly.' })
  } else if (Array.isArray(value)) {
    for (const item of value) inspect(item, seen)
  } else if (value !== null && typeof value === 'object') {
    for (const [name, member] of Object.entries(value)) {
      seen.members += 1
      if (name === '__proto__' || name === 'constructor' || name === 'prototype')
        throw new GatewayError('forbidden-key', { field: name })
      if (seen.mayHoldHalves && !name.isWellFormed()) throw brokenCharacter()
      inspect(member, seen)
    }
  }
}

function brokenCharacter(): GatewayError {
  return new GatewayError('request-unreadable', { detail: 'It holds half a character (an unpaired surrogate).' })
}

/** The first name that an object of this valid JSON text gives twice. Runs only once that is known. */
function twiceNamed(text: string): string | undefined {
  const open: Set<string>[] = []
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index)
    if (character === '{' || character === '[') open.push(new Set())
    else if (character === '}' || character === ']') open.pop()
    else if (character === '"') {
      const end = endOfString(text, index)
      const literal = text.slice(index, end + 1)
      index = end
      let next = end + 1
      while (next < text.length && ' \t\r\n'.includes(text.charAt(next))) next += 1
      if (text.charAt(next) !== ':') continue
      const name: unknown = literal.includes('\\') ? JSON.parse(literal) : literal.slice(1, -1)
      const names = open.at(-1)
      if (typeof name !== 'string' || names === undefined) continue
      if (names.has(name)) return name
      names.add(name)
    }
  }
  return undefined
}
