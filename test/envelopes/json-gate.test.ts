import fc from 'fast-check'
import t from 'tap'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { type JsonLimits, readJson } from '../../gateway/envelopes/json-gate.ts'

function refusalOf(bytes: string | Uint8Array, options?: JsonLimits): string {
  try {
    readJson(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, options)
    return 'accepted'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

t.test('whatever JSON.stringify writes is read back as it was', async () => {
  // fast-check makes keys of every kind; the three that are never allowed have their own test.
  const plain = fc.jsonValue({ maxDepth: 5, noUnicodeString: false }).filter((value) => {
    return !/"(?:__proto__|constructor|prototype)":|\\ud[89a-f]|e\+/i.test(JSON.stringify(value))
  })
  fc.assert(
    fc.property(plain, (value) => {
      const text = JSON.stringify(value)
      const isExact = !/(?<![\w."])-?\d{16,}(?![\w"])/.test(text)
      fc.pre(isExact)
      return JSON.stringify(readJson(Buffer.from(text))) === text
    }),
  )
})

t.test('each refusal has a twin that is accepted', async (t) => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['request-unreadable', '{"a":1', '{"a":1}'],
    ['request-unreadable', "{'a':1}", '{"a":1}'],
    ['request-unreadable', '{"a":1,}', '{"a":1,"b":2}'],
    ['request-unreadable', '{"a":NaN}', '{"a":null}'],
    ['request-unreadable', '{"a":01}', '{"a":"01"}'],
    ['request-unreadable', '', '""'],
    ['request-unreadable', '{"a":1} {"a":1}', '[{"a":1},{"a":1}]'],
    ['request-unreadable', '\ufeff{"a":1}', '{"a":"\ufeff"}'],
    ['request-unreadable', '"\\ud800"', '"\\ud83d\\ude00"'],
    ['request-unreadable', '{"\\udc00":1}', '{"\\u1ec5":1}'],
    ['request-unreadable', '{"a":1e999}', '{"a":1e9}'],
    ['request-unreadable', '{"a":12345678901234567890}', '{"a":"12345678901234567890"}'],
    ['duplicate-key', '{"a":1,"a":1}', '{"a":1,"A":1}'],
    ['duplicate-key', '{"a":1,"\\u0061":2}', '{"a":1,"\\\\u0061":2}'],
    ['duplicate-key', '{"x":[{"a":1,"b":{},"a":2}]}', '{"x":[{"a":1,"b":{}},{"a":2}]}'],
    ['duplicate-key', '{"a:b":1,"a:b":2}', '{"a":"b:1","b":"\\":\\""}'],
    ['duplicate-key', '{"":1,"":2}', '{"":1}'],
    ['forbidden-key', '{"__proto__":1}', '{"proto":"__proto__"}'],
    ['forbidden-key', '{"a":{"\\u005f_proto__":{}}}', '{"a":{"\\\\u005f_proto__":{}}}'],
    ['forbidden-key', '{"constructor":{"prototype":1}}', '{"Constructor":1}'],
    ['forbidden-key', '[{"prototype":1}]', '["prototype"]'],
  ]
  for (const [code, bad, good] of cases) {
    t.equal(refusalOf(bad), code, bad)
    t.equal(refusalOf(good), 'accepted', good)
  }
})

t.test('members and elements are counted, and what holds too many is refused before anything is built', async (t) => {
  const limits = { maxValues: 10 }
  const members = (count: number) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, n) => [n, ''])))
  const elements = (count: number) => JSON.stringify(Array.from({ length: count }, () => 1))
  for (const made of [members, elements]) {
    t.equal(refusalOf(made(10), limits), 'accepted')
    t.equal(refusalOf(made(11), limits), 'request-too-many-values')
  }
  t.equal(refusalOf('[[],[],[],[],[]]', limits), 'accepted')
  t.equal(refusalOf('[[],[],[],[],[],[]]', limits), 'request-too-many-values')
  t.equal(refusalOf('[",,,,,,,,,,,,[{"]', limits), 'accepted', 'not what stands in a string')
  // What was counted is no JSON: had the parser been asked first, it would have said so.
  t.equal(refusalOf(`${'['.repeat(3)}${','.repeat(8)}`, limits), 'request-too-many-values')
  t.equal(refusalOf(elements(50_000)), 'accepted')
  t.equal(refusalOf(elements(50_001)), 'request-too-many-values', 'without a limit of the caller’s own')
})

t.test('bytes that are not UTF-8 are refused, whatever they would have meant', async (t) => {
  const quoted = (...bytes: readonly number[]) => Uint8Array.from([0x22, ...bytes, 0x22])
  t.equal(refusalOf(quoted(0xff)), 'request-unreadable')
  t.equal(refusalOf(quoted(0xc0, 0xaf)), 'request-unreadable', 'overlong')
  t.equal(refusalOf(quoted(0xed, 0xa0, 0x80)), 'request-unreadable', 'a surrogate')
  t.equal(refusalOf(quoted(0xe1, 0xbb)), 'request-unreadable', 'cut off')
  t.equal(refusalOf(Buffer.from('"a"', 'utf16le')), 'request-unreadable')
  t.equal(refusalOf(quoted(0xe1, 0xbb, 0x85)), 'accepted')
})

t.test('depth is counted over objects and arrays, and brackets in text count for nothing', async (t) => {
  const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`
  t.equal(refusalOf(nested(32)), 'accepted')
  t.equal(refusalOf(nested(34)), 'request-too-deep')
  t.equal(refusalOf('[[1]]', { maxDepth: 1 }), 'request-too-deep')
  t.equal(refusalOf(JSON.stringify('['.repeat(1000))), 'accepted')
  t.equal(refusalOf('['.repeat(200_000)), 'request-too-deep')
})

t.test('a duplicate is named', async (t) => {
  const thrown = t.throws(() => readJson(Buffer.from('{"x":{"soTien":1,"s\\u006fTien": 2}}')))
  t.match(thrown, { options: { field: 'soTien' } })
})

t.test('an error never quotes the document', async (t) => {
  const thrown = t.throws(() => readJson(Buffer.from('{"hoTen":"Nguyễn Văn Thử" "x"}')))
  t.notMatch(JSON.stringify(thrown) + String(thrown) + String(thrown instanceof Error && thrown.cause), /Thử/)
})

t.test('the time taken grows with the length alone', async (t) => {
  const attacks = ['"\\"', '"\\\\', '{"a":', '[', '"', '{"a":1,"b":[', '\\'].map((part) => part.repeat(200_000))
  for (const text of [...attacks, `"${'\\"'.repeat(1_000_000)}"`, `"${'\\\\'.repeat(1_000_000)}"`]) {
    const started = performance.now()
    refusalOf(text)
    // Linear work takes milliseconds here; quadratic would take hours.
    t.ok(performance.now() - started < 5_000)
  }
})
