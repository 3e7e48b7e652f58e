import { createHash } from 'node:crypto'

/** JSON Canonicalization Scheme (RFC 8785): one byte form for equal values. `undefined` members are left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`)
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
}

/** `sha-256:<hex>` of bytes, or of UTF-8 text. */
export function digestOf(content: string | Uint8Array): string {
  return `sha-256:${createHash('sha256').update(content).digest('hex')}`
}
