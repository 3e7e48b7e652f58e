import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { canonicalJson } from '../../gateway/bus/canonical-json.ts'

/** Names that objects of JavaScript would order by themselves, and names that sort differently in other encodings. */
const names = fc.oneof(fc.string(), fc.constantFrom('10', '9', '1', '', 'é', '\uFB33', '\u{1F600}', 'constructor'))
const documents = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('any'), { maxLength: 4 }),
  object: fc.dictionary(names, tie('any'), { maxKeys: 6, noNullPrototype: true }),
})).any

t.test('equal values have one text, in whatever order their members were written', async (t) => {
  const isOne = fc.property(documents, (document) => canonicalJson(turned(document)) === canonicalJson(document))
  t.doesNotThrow(() => fc.assert(isOne))
})

t.test('the text says what the value says', async (t) => {
  const isSame = fc.property(documents, (document) => isDeepStrictEqual(JSON.parse(canonicalJson(document)), document))
  t.doesNotThrow(() => fc.assert(isSame))
})

t.test('names stand in the order of their UTF-16 code units, those that look like numbers too', async (t) => {
  const text = canonicalJson({ '9': 1, '10': 2, '\u{1F600}': 3, '\uFB33': 4, é: 5, z: 6, '': 7, A: undefined })
  t.equal(text, '{"":7,"10":2,"9":1,"z":6,"é":5,"\u{1F600}":3,"\uFB33":4}')
})

t.test('what JSON cannot say is absent in an object and null in a list', async (t) => {
  t.equal(canonicalJson({ a: undefined, b: [undefined, null] }), '{"b":[null,null]}')
})

/** The same value with the members of every object the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, turned(member)]),
  )
}
