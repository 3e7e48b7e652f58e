/** One value in DER (X.690 §10): where it begins and ends, undecoded. */
export interface DerValue {
  readonly tag: number
  readonly content: Buffer
  /** Tag and length included: what a signature covers. */
  readonly whole: Buffer
}

/** Reads the value at the beginning of `bytes`. Throws a RangeError when it is not DER. */
export function readDer(bytes: Buffer): DerValue {
  const tag = bytes.readUInt8(0)
  const first = bytes.readUInt8(1)
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  // 0x80 alone is the indefinite length that only BER has; four bytes are 4 GiB.
  if ((tag & 0x1f) === 0x1f || first === 0x80 || lengthBytes > 4) throw new RangeError('not DER')
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes)
  const start = 2 + lengthBytes
  if (start + length > bytes.length) throw new RangeError('cut off')
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(0, start + length) }
}

/** The values that stand one after the other in `content`. */
export function* readDerSeries(content: Buffer): Generator<DerValue> {
  for (let rest = content; rest.length > 0; ) {
    const value = readDer(rest)
    yield value
    rest = rest.subarray(value.whole.length)
  }
}

/** One value with its tag and length. */
export function writeDer(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content])
  const length = Buffer.from(evenHex(content.length.toString(16)), 'hex')
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, content])
}

/** An object identifier from its dotted form. */
export function writeOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const arcs = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f]
    for (let more = Math.floor(arc / 128); more > 0; more = Math.floor(more / 128)) digits.unshift(0x80 | (more & 0x7f))
    return digits
  })
  return writeDer(derTags.oid, Buffer.from(arcs))
}

/** Epoch milliseconds of a UTCTime or GeneralizedTime (RFC 5280 §4.1.2.5). */
export function readDerTime({ tag, content }: DerValue): number {
  const text = content.toString('latin1')
  const digits = tag === derTags.utcTime ? (Number(text.slice(0, 2)) < 50 ? '20' : '19') + text : text
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits) ?? []
  const timeMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(timeMs)) throw new RangeError('not a time')
  return timeMs
}

/** Tags by name, as RFC 5280 uses them. */
export const derTags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

function evenHex(hex: string): string {
  return hex.length % 2 === 0 ? hex : `0${hex}`
}
