import t from 'tap'
import { readAgencies } from '../../mappings/agencies.ts'
import { codeTable } from '../../mappings/code-table.ts'
import { readProcedures } from '../../mappings/procedures.ts'
import * as portalCodes from '../../mappings/tables/portal-codes.ts'
import { outcomeStatuses, statuses, statusRows } from '../../mappings/tables/statuses.ts'
import { loadTables } from '../../mappings/tables.ts'
import { unitsNamedBy } from '../../mappings/units.ts'

const tables = loadTables()
const beforeMs = Date.parse('2025-06-30T16:59:59.999Z')
const afterMs = Date.parse('2025-06-30T17:00:00.000Z')

t.test('every code list reads and writes each of its rows', async (t) => {
  for (const [name, table] of Object.entries({ ...portalCodes, statuses, outcomeStatuses })) {
    for (const row of table.rows) {
      t.equal(table.nameOf(row.code), row.name, `${name} ${row.code}`)
      t.equal(table.codeOf(row.name), row.code, `${name} ${row.name}`)
      t.ok(row.vietnamese)
    }
    t.match(table.source, /wire-formats/)
    for (const strange of ['', '99', '__proto__', 'constructor']) {
      t.equal(table.nameOf(strange), undefined)
      t.equal(table.codeOf(strange), undefined)
    }
  }
  t.throws(() =>
    codeTable('x', [
      { code: '1', name: 'a', vietnamese: '' },
      { code: '1', name: 'b', vietnamese: '' },
    ]),
  )
})

t.test('statuses end, pause and go on as the national list says', async (t) => {
  const names = (isWanted: (row: (typeof statusRows)[number]) => boolean) =>
    statusRows.filter(isWanted).map(({ code }) => code)
  t.same(
    names((row) => row.isTerminal),
    ['3', '7', '8', '10'],
  )
  t.same(
    names((row) => row.pausesClock),
    ['5', '6'],
  )
  t.same(
    statusRows.map(({ code }) => code),
    ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'],
  )
})

t.test('a refusal is 3 in a dossier and 11 in an outcome', async (t) => {
  t.equal(statuses.codeOf('refused'), '3')
  t.equal(outcomeStatuses.codeOf('refused'), '11')
  t.equal(statuses.nameOf('11'), undefined)
})

t.test('an agency is the same under its old and its new code, each in its time', async (t) => {
  t.equal(tables.resolveAgency('000.00.01.H47', afterMs)?.id, 'H47.01')
  t.equal(tables.resolveAgency('H47.01', afterMs)?.id, 'H47.01')
  t.equal(tables.resolveAgency('H47.01', Date.parse('2025-04-13T16:59:59.999Z')), undefined)
  t.equal(tables.resolveAgency('H47.01', Date.parse('2025-04-13T17:00:00.000Z'))?.id, 'H47.01')
  t.equal(tables.resolveAgency('000.21.07.H47', beforeMs)?.name, 'Ủy ban nhân dân thị trấn Mẫu Cũ')
  t.equal(tables.resolveAgency('000.21.07.H47', afterMs), undefined)
  t.equal(tables.resolveAgency('H99', afterMs), undefined)
})

t.test(
  'a credential speaks for itself, for what is below it and for what it took over, under every code',
  async (t) => {
    const allowed: readonly (readonly [string, string])[] = [
      ['H47', '000.00.01.H47'],
      ['000.00.00.H47', 'H47.01.VPDK'],
      ['H47.01', '000.00.01.H47'],
      ['000.00.01.H47', 'H47.01'],
      ['H47.01', '000.01.01.H47'],
      ['H47.103', '000.21.07.H47'],
      ['000.10.03.H47', '000.21.07.H47'],
    ]
    for (const [credential, code] of allowed) t.ok(tables.speaksFor([credential], code), `${credential} for ${code}`)
    const refused: readonly (readonly [string, string])[] = [
      ['H47.01', 'H47.02'],
      ['H47.01', 'H47'],
      ['H47.101', 'H47.103'],
      ['000.21.07.H47', 'H47.103'],
      ['H99', 'H99'],
      ['H47', 'H99'],
      ['H4', 'H47'],
      ['', ''],
      ['__proto__', '__proto__'],
    ]
    for (const [credential, code] of refused) t.notOk(tables.speaksFor([credential], code), `${credential} for ${code}`)
    t.notOk(tables.speaksFor([], 'H47'))
    t.ok(tables.speaksFor(['H47.02', 'H47.01'], 'H47.01.VPDK'))
  },
)

t.test('a code that two agencies had at different times is spoken for by who may speak for both', async (t) => {
  const agencies = readAgencies(
    JSON.stringify({
      agencies: [
        { id: 'R', name: 'Tỉnh mẫu', level: 1, codes: [{ code: 'R' }] },
        { id: 'A', name: 'Xã cũ', level: 2, parent: 'R', codes: [{ code: 'A' }, { code: 'X', validTo: '2025-06-30' }] },
        {
          id: 'B',
          name: 'Xã mới',
          level: 2,
          parent: 'R',
          codes: [{ code: 'B' }, { code: 'X', validFrom: '2025-07-01' }],
        },
      ],
    }),
  )
  t.equal(agencies.resolveAgency('X', beforeMs)?.id, 'A')
  t.equal(agencies.resolveAgency('X', afterMs)?.id, 'B')
  t.notOk(agencies.speaksFor(['A'], 'X'))
  t.notOk(agencies.speaksFor(['B'], 'X'))
  t.ok(agencies.speaksFor(['R'], 'X'))
})

t.test('a procedure code is looked up for its day and never cut apart', async (t) => {
  const codeAt = (code: string, atMs: number) => tables.resolveProcedure(code, atMs)?.portalCode
  t.equal(codeAt('1.004269', afterMs), '1.004269')
  t.equal(codeAt('1.004269.000.00.00.H47', afterMs), '1.004269.000.00.00.H47')
  t.equal(codeAt('1.004269.H47', afterMs), '1.004269')
  t.equal(codeAt('1.004269.H47', beforeMs), undefined)
  t.equal(codeAt('TTDD-01', beforeMs), '1.004269')
  t.equal(codeAt('TTDD-01', afterMs), '1.004227')
  for (const unknown of ['1.004269.000.00.00.H56', '1.00426', '9.999999', ''])
    t.equal(codeAt(unknown, afterMs), undefined)
})

t.test('a wrong table of agencies is refused with every mistake and its place', async (t) => {
  const refusal = (rows: readonly unknown[]) => {
    try {
      readAgencies(JSON.stringify({ agencies: rows }))
      return ''
    } catch (error) {
      return String(error)
    }
  }
  const row = { id: 'A', name: 'Xã mẫu', level: 2, codes: [{ code: 'A' }] }
  t.equal(refusal([row]), '')
  t.match(refusal([{ ...row, level: 9 }]), '/agencies/0/level must be a whole number from 1 to 4')
  t.match(refusal([{ ...row, name: undefined }]), '/agencies/0/name is missing')
  t.match(refusal([{ ...row, nmae: 'x' }]), '/agencies/0/nmae is not known here')
  t.match(refusal([{ ...row, parent: 'B' }]), '/agencies/0/parent B is not in the table')
  t.match(refusal([{ ...row, parent: 'A' }]), '/agencies/0 is above itself')
  t.match(refusal([row, row]), '/agencies/1/id A is doubled')
  t.match(refusal([{ ...row, codes: [] }]), '/agencies/0/codes must be a list that is not empty')
  t.match(refusal([{ ...row, codes: [{ code: 'B' }] }]), 'is not among its codes')
  t.match(refusal([{ ...row, codes: [{ code: 'A', validFrom: '2025-02-30' }] }]), '/validFrom must be a date')
  t.match(refusal([{ ...row, codes: [{ code: 'A', validFrom: '2025-02-02', validTo: '2025-02-01' }] }]), 'ends before')
  t.match(
    refusal([
      {
        ...row,
        codes: [
          { code: 'A', validTo: '2025-07-01' },
          { code: 'A', validFrom: '2025-07-01' },
        ],
      },
    ]),
    'A is doubled',
  )
  const loop = [
    { ...row, successor: 'B' },
    { ...row, id: 'B', codes: [{ code: 'B' }], parent: 'C' },
    { ...row, id: 'C', codes: [{ code: 'C' }], parent: 'A' },
  ]
  t.match(refusal(loop), /0 is above itself.*1 is above itself.*2 is above itself/)
  t.match(refusal([{ ...row, level: 0, name: '' }]), /level.*name|name.*level/)
  t.throws(() => readAgencies('{'), /is not JSON/)
  t.throws(() => readAgencies('{"agencies":[7]}'), /0 must be an object/)
  t.throws(() => readAgencies('{"agencies":[],"x":1}'), /x is not known here/)
})

t.test('a wrong table of procedures is refused', async (t) => {
  const row = {
    nationalCode: '1.1',
    name: 'x',
    sectorCode: 's',
    sectorName: 's',
    codes: [{ code: '1.1', knownToPortal: true }],
  }
  const read = (...rows: readonly unknown[]) => readProcedures(JSON.stringify({ procedures: rows }))
  t.equal(read(row).procedures.length, 1)
  t.throws(() => read(row, row), /doubled/)
  t.throws(() => read({ ...row, codes: [{ code: '1.1' }] }), /knownToPortal must be true or false/)
  t.throws(() => read({ ...row, sectorCode: 5 }), /sectorCode must be a text/)
})

t.test('tables may lie in other files', async (t) => {
  const folder = t.testdir({
    'agencies.json': '{"agencies":[{"id":"H01","name":"Tỉnh khác","level":1,"codes":[{"code":"H01"}]}]}',
    'wrong.json': '{"agencies":[]}',
  })
  const other = loadTables({ agencies: `${folder}/agencies.json` })
  t.ok(other.speaksFor(['H01'], 'H01'))
  t.notOk(other.speaksFor(['H47'], 'H47'))
  t.ok(other.resolveProcedure('1.004269', afterMs))
  t.throws(() => loadTables({ agencies: `${folder}/wrong.json` }), /table of agencies is wrong/)
})

t.test('a body speaks for its receiving unit, and a notice of ours for nobody', async (t) => {
  const receivingUnit = { code: 'H47.01' }
  for (const type of [
    'dossier.received.v1',
    'dossier.progressed.v1',
    'result.issued.v1',
    'dossier.submitted.v1',
    'dossier.outcome-reported.v1',
  ]) {
    t.same(unitsNamedBy(type, { receivingUnit, processingUnit: { code: 'H47.02' } }), ['H47.01'], type)
  }
  t.same(unitsNamedBy('delivery.reported.v1', { receivingUnit }), [])
  for (const body of [null, 5, {}, { receivingUnit: null }, { receivingUnit: { code: 5 } }]) {
    t.same(unitsNamedBy('dossier.received.v1', body), [])
  }
})
