import { createSecretKey } from 'node:crypto'
import t from 'tap'
import { type ChecksumFields, type ChecksumScheme, checksumOf, hasChecksum } from '../../gateway/envelopes/checksum.ts'

const hashed = (fields: readonly string[]): ChecksumScheme => ({
  algorithm: 'sha-256',
  fields,
  separator: '|',
  encoding: 'hex',
})
const secret = (text: string) => createSecretKey(Buffer.from(text))

// The platform's own orders (its messages INIT, confirmation and QUERY).
const init = hashed(
  (
    'LoaiBanTin PhienBan MaDoiTac MaThamChieu SoTien LoaiHinhThanhToan MaKenhThanhToan MaThietBi NgonNgu MaTienTe ' +
    'MaNganHang ThongTinGiaoDich ThoiGianGD Ip'
  ).split(' '),
)
const confirm = hashed(
  'LoaiBanTin MaLoi MaDoiTac MaThamChieu SoTien MaTienTe MaGiaoDich MaNganHang ThoiGianGD ThongTinGiaoDich'.split(' '),
)
const query = hashed('LoaiBanTin PhienBan MaDoiTac MaThamChieu ThoiGianGD'.split(' '))
const keyPay: ChecksumScheme = {
  algorithm: 'hmac-sha-256',
  fields: ['addition_fee', 'client_id', 'command', 'trans_amount', 'transaction_id', 'version'],
  separator: '|',
  encoding: 'hex',
}
const runTogether: ChecksumScheme = {
  algorithm: 'hmac-sha-1',
  fields: ['access_code', 'billcode', 'merchant_code', 'order_id', 'amount'],
  separator: '',
  encoding: 'base64',
}

const fieldsOf = ({ fields }: ChecksumScheme, values: string): ChecksumFields =>
  Object.fromEntries(values.split('|').map((value, index) => [fields[index] ?? '', value]))

const paid = fieldsOf(confirm, 'CONFIRM|00|DOITAC01|REF1|50000|VND|GD1|VCB|20260101090501|THANH TOAN')
const paidSum = '6f8578ebe146b2d30e7898e4473aad189d9d311071bc8f1b67b6f2e74697ecdf'
const ours = secret('test-secret')

t.test('known documents have their known checksums', async (t) => {
  const initText =
    'INIT|1.0.6|DOITAC01|dvc0000001H4726010100012026010109000000|50000|PAY|1|1|vi-VN|VND|PAYMENT|THANH TOAN HO SO ' +
    '000.00.01.H47-260101-0001|20260101090000|10.0.0.5'
  const vectors = [
    [init, fieldsOf(init, initText), ours, 'b4319031d44f938e23ffe631801ec234d836c38b3eeda056c48d021585e47a79'],
    [confirm, paid, ours, paidSum],
    [
      query,
      fieldsOf(query, 'QUERY|1.0.6|DOITAC01|REF1|20260101090000'),
      ours,
      'a2892c9fd5f5766ae0badf59d782b68831e97322412d2e1731e68778ac19baae',
    ],
    [
      keyPay,
      fieldsOf(keyPay, '0|client01|PAY|50000|TX1|3.0'),
      secret('test-hash-key-1'),
      '9b48c343fad16a3438180b4de0ca72db707aedda15622054920abb0586b7d2f4',
    ],
    // RFC 2202, test case 2.
    [
      { ...runTogether, fields: ['a', 'b'], encoding: 'hex' },
      { a: 'what do ya want ', b: 'for nothing?' },
      secret('Jefe'),
      'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79',
    ],
  ] as const
  for (const [scheme, fields, key, wanted] of vectors) {
    t.equal(checksumOf(scheme, fields, key), wanted)
    t.ok(hasChecksum(scheme, fields, { checksum: wanted, secrets: [key] }))
  }
})

t.test('a changed, absent, misplaced or oddly written value is refused', async (t) => {
  const has = (fields: ChecksumFields) => hasChecksum(confirm, fields, { checksum: paidSum, secrets: [ours] })
  for (const name of confirm.fields) {
    t.notOk(has({ ...paid, [name]: `${String(paid[name])}0` }), `${name} changed`)
    t.notOk(has({ ...paid, [name]: undefined }), `${name} absent`)
    t.notOk(has({ ...paid, [name]: { toString: () => String(paid[name]) } }), `${name} as an object`)
    t.notOk(has({ ...paid, [name]: [paid[name]] }), `${name} as a list`)
  }
  t.notOk(has({ ...paid, SoTien: '050000' }))
  t.notOk(has({ ...paid, SoTien: 50000.5 }))
  t.notOk(has({ ...paid, MaGiaoDich: paid.MaNganHang, MaNganHang: paid.MaGiaoDich }))
  t.notOk(has({ ...paid, ThongTinGiaoDich: 'THANH TOÁN' }))
  for (const checksum of [undefined, null, 7, '', [paidSum], paidSum.toUpperCase(), paidSum.slice(1), `${paidSum} `])
    t.notOk(hasChecksum(confirm, paid, { checksum, secrets: [ours] }), String(checksum))
  t.ok(has(paid), 'the honest twin')
  t.ok(has({ ...paid, SoTien: 50000 }), 'a number is its decimal text')
  t.ok(has({ ...paid, GhiChu: 'không được ký' }), 'what the scheme does not name is not covered')
})

t.test('a value that holds the separator could stand for two documents and is refused', async (t) => {
  const shifted = { ...paid, MaGiaoDich: 'GD1|VCB', MaNganHang: '20260101090501', ThoiGianGD: 'THANH TOAN' }
  t.notOk(hasChecksum(confirm, { ...shifted, ThongTinGiaoDich: '' }, { checksum: paidSum, secrets: [ours] }))
  t.throws(() => checksumOf(confirm, { ...paid, MaGiaoDich: 'a|b' }, ours), { code: 'value-unmappable' })
  t.throws(() => checksumOf(confirm, { ...paid, MaGiaoDich: undefined }, ours), { code: 'value-missing' })
  t.ok(checksumOf(runTogether, { access_code: '|', billcode: '', merchant_code: '', order_id: '', amount: 5 }, ours))
})

t.test('every current secret is tried, none but those', async (t) => {
  const old = secret('mat-khau-cu')
  const checksum = checksumOf(confirm, paid, old)
  t.ok(hasChecksum(confirm, paid, { checksum, secrets: [ours, old] }))
  t.notOk(hasChecksum(confirm, paid, { checksum, secrets: [ours] }))
  t.notOk(hasChecksum(confirm, paid, { checksum, secrets: [] }))
})

t.test('an error never holds the secret or a value', async (t) => {
  const thrown = t.throws(() => checksumOf(confirm, { ...paid, SoTien: null, MaLoi: 'khong-duoc-lo' }, ours))
  t.match(thrown, { options: { field: 'SoTien' } })
  t.notMatch(JSON.stringify(thrown) + String(thrown), /test-secret|khong-duoc-lo/)
})
