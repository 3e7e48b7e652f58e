import { readdirSync, readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { formats } from '../../contracts/formats.ts'
import { generateTypes } from '../../contracts/generate-types.ts'
import { loadContracts, readContracts } from '../../contracts/loader.ts'

const contracts = loadContracts()
const folder = new URL('../../contracts/', import.meta.url)
const examples = readdirSync(new URL('canonical/examples/', folder)).map((file) => ({
  file,
  type: file.split('.').slice(0, -2).join('.'),
  body: JSON.parse(readFileSync(new URL(`canonical/examples/${file}`, folder), 'utf8')),
}))
const canonicalNames = contracts.names.filter((name) => !name.includes('/'))

t.test('every canonical contract has several examples, and each is valid', async (t) => {
  for (const { file, type, body } of examples) t.same(contracts.violations(type, body), [], file)
  for (const name of canonicalNames) t.ok(examples.filter(({ type }) => type === name).length >= 3, name)
})

t.test('every schema is valid JSON Schema 2020-12', async (t) => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats })
  const { parts, contracts: schemas } = readContracts()
  for (const schema of [...parts, ...schemas.values()]) t.ok(ajv.validateSchema(schema), String(schema.$id))
})

t.test('every contract can be given as one self-contained schema that means the same', async (t) => {
  for (const name of contracts.names) {
    const schema = contracts.schema(name)
    t.notMatch(JSON.stringify(schema), /"\$ref":"urn:/, name)
    const validate = new Ajv2020({ strict: true, allowUnionTypes: true, formats }).compile(schema)
    for (const { body } of examples.filter(({ type }) => type === name)) t.ok(validate(body), name)
  }
})

t.test('what is said to us is closed, and every text and list has a limit before any pattern', async (t) => {
  const { parts, contracts: schemas } = readContracts()
  const open = new Set(['request', 'answer'])
  const walk = (node: unknown, place: string): void => {
    if (typeof node !== 'object' || node === null) return
    const { type, properties, additionalProperties, maxLength, maxItems } = node as Record<string, unknown>
    const types = [type].flat()
    const isFree = place.endsWith('data/items') || place.includes('.answer')
    if (properties !== undefined && !isFree && !open.has(place)) t.equal(additionalProperties, false, place)
    if (types.includes('string') && !('enum' in node) && !('const' in node)) t.type(maxLength, 'number', place)
    if (types.includes('array')) t.type(maxItems, 'number', place)
    for (const [key, value] of Object.entries(node)) walk(value, `${place}/${key}`)
  }
  for (const part of parts) walk(part.$defs, String(part.$id))
  for (const [name, schema] of schemas) walk(schema, name.replace('national-portal/', ''))
})

t.test('the generated types are what the schemas say; else run `npm run types`', async (t) => {
  for (const { path, text } of await generateTypes()) {
    t.equal(readFileSync(new URL(path, folder), 'utf8'), text, path)
  }
})

t.test('a violation names field and rule, and never a value of the document', async (t) => {
  const valid = examples.find(({ file }) => file === 'dossier.received.v1.land.json')?.body
  const broken = (change: object) => contracts.violations('dossier.received.v1', { ...valid, ...change })
  t.match(broken({ receivedAt: undefined }), [{ field: '/receivedAt', rule: 'required' }])
  t.match(broken({ receivedAt: '2026-02-30T00:00:00.000Z' }), [{ field: '/receivedAt', rule: 'format' }])
  t.match(broken({ receivedAt: '0001-01-01T00:00:00.000Z' }), [{ field: '/receivedAt', rule: 'format' }])
  t.match(broken({ receivedAt: '2026-01-05T08:30:00+07:00' }), [{ field: '/receivedAt', rule: 'pattern' }])
  t.match(broken({ summary: '' }), [{ field: '/summary', rule: 'minLength' }])
  t.match(broken({ summary: null }), [{ field: '/summary', rule: 'type' }])
  t.match(broken({ secretRemark: 'x' }), [{ field: '/secretRemark', rule: 'additionalProperties' }])
  t.match(broken({ 'a/b~c': 'x' }), [{ field: '/a~1b~0c' }])
  t.match(broken({ owner: { phnoe: '1' } }), [{ field: '/owner/phnoe', rule: 'additionalProperties' }])
  t.match(broken({ fees: [{ amountVnd: 1.5 }] }), [{ field: '/fees/0/amountVnd', rule: 'type' }])
  t.match(broken({ fees: [{ amountVnd: -1 }] }), [{ field: '/fees/0/amountVnd', rule: 'minimum' }])
  t.match(broken({ submittedFiles: [{ url: 'javascript:alert(1)' }] }), [{ field: '/submittedFiles/0/url' }])
  for (const name of contracts.names) {
    const marked = { ...valid, MaHoSo: 'NGUYEN VAN A!', status: 'NGUYEN VAN A!', session: { NguyenVanA: 1 } }
    for (const violation of contracts.violations(name, marked)) t.notMatch(violation.message, /nguyen/i, name)
  }
})

t.test('a name that is no contract is not guessed at', async (t) => {
  t.notOk(contracts.has('dossier.received.v2'))
  t.throws(() => contracts.violations('dossier.received.v2', {}), /no contract/)
  t.throws(() => contracts.schema('__proto__'), /no contract/)
})

t.test('an unchanged client may leave out, empty or null what is optional, and nothing else', async (t) => {
  const item = { MaHoSo: 'H47.01-260101-0001', MaTTHC: '1.004269', NgayTiepNhan: '20260101090000', TrangThaiHoSo: '4' }
  const violations = (change: object) =>
    contracts.violations('national-portal/DongBoHoSoMC.item', { ...item, ...change })
  t.same(violations({}), [])
  t.same(violations({ MaDoiTuong: null, NgayTra: '', TaiLieuNop: null, DanhSachLePhi: [], KenhThucHien: '' }), [])
  for (const name of Object.keys(item))
    t.match(violations({ [name]: undefined }), [{ field: `/${name}`, rule: 'required' }])
  t.match(violations({ NgayTiepNhan: '20260230000000' }), [{ field: '/NgayTiepNhan', rule: 'format' }])
  t.match(violations({ NgayHenTra: '20260101250000' }), [{ field: '/NgayHenTra', rule: 'format' }])
  t.match(violations({ TrangThaiHoSo: '11' }), [{ field: '/TrangThaiHoSo', rule: 'enum' }])
  t.match(violations({ TrangThaiHoSo: 4 }), [{ field: '/TrangThaiHoSo', rule: 'type' }])
  t.match(violations({ MaHoSO: 'x' }), [{ field: '/MaHoSO', rule: 'additionalProperties' }])
  t.match(violations({ DanhSachLePhi: [{ Gia: '1e3' }] }), [{ field: '/DanhSachLePhi/0/Gia', rule: 'pattern' }])
  t.match(violations({ TaiLieuNop: [{ IsDeleted: 'true' }] }), [{ field: '/TaiLieuNop/0/IsDeleted', rule: 'enum' }])
})

t.test('a batch with a bad item still satisfies the contract of the request', async (t) => {
  const request = { session: 'S', madonvi: 'H47', service: 'DongBoHoSoMC', isUpdating: 'False', data: [{ nothing: 1 }] }
  t.same(contracts.violations('national-portal/DongBoHoSoMC', request), [])
  t.match(contracts.violations('national-portal/DongBoHoSoMC', { ...request, isUpdating: false }), [
    { field: '/isUpdating' },
  ])
  t.match(contracts.violations('national-portal/DongBoHoSoMC', { ...request, data: {} }), [{ field: '/data' }])
})
