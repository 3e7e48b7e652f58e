import { readFileSync } from 'node:fs'
import t from 'tap'
import { answerRules, classifyAnswer } from '../../adapters/national-portal/classifier.ts'

const verdictOf = (service: string, answer: unknown) =>
  classifyAnswer(service, Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer))).verdict

const sync = 'DongBoHoSoMC'
const progress = 'CapNhatTienDoHoSoMC'

t.test('success is 0, "0" or "00" and no other code', async (t) => {
  for (const error_code of [0, '0', '00', ' 0 ']) t.equal(verdictOf(sync, { error_code }), 'accepted')
  for (const error_code of [1, '1', -1, '000', '0x0', '01']) {
    t.equal(verdictOf(sync, { error_code, message: 'Dữ liệu không đúng' }), 'refused', `${error_code}`)
  }
})

t.test('the words of success do not make a code other than 0 one', async (t) => {
  t.equal(verdictOf(sync, { error_code: -1, message: 'Thành công' }), 'refused')
})

t.test('3 and -3 with "đã tồn tại" mean that the dossier is there, in either Unicode form and any case', async (t) => {
  const message = 'Hồ sơ 000.00.01.H47-260105-0001 đã tồn tại'
  for (const text of [message.normalize('NFC'), message.normalize('NFD'), message.toLocaleUpperCase('vi')]) {
    for (const error_code of [3, '3', -3, '-3']) t.equal(verdictOf(sync, { error_code, message: text }), 'exists')
  }
  t.equal(verdictOf(sync, { error_code: -3, message: 'Dữ liệu không hợp lệ' }), 'refused', 'the words decide')
  t.equal(verdictOf(sync, { error_code: -1, message }), 'exists', 'another code must name the dossier')
  t.equal(verdictOf(sync, { error_code: -1, message: 'Tệp của hồ sơ đã tồn tại' }), 'refused')
  t.equal(verdictOf(progress, { error_code: -3, message }), 'refused', 'only a dossier can be created')
})

t.test('a dossier that is not there is told from a procedure or a paper that is not', async (t) => {
  for (const message of [
    'Hồ sơ 000.00.01.H47-260105-0001 chưa được đồng bộ',
    'Hồ sơ không tồn tại',
    'Mã hồ sơ H47.01-260105-0001 không tồn tại trên hệ thống',
    'Không tìm thấy hồ sơ 000.00.01.H47-260105-0001',
  ]) {
    t.equal(verdictOf(sync, { error_code: -1, message }), 'missing', message)
    t.equal(verdictOf(progress, { error_code: '-1', message: message.normalize('NFD') }), 'missing', message)
  }
  for (const message of [
    'Mã TTHC không tồn tại trên CSDL quốc gia về TTHC',
    'Thành phần hồ sơ không tồn tại',
    'Trường MaHoSo là bắt buộc',
  ]) {
    t.equal(verdictOf(sync, { error_code: -1, message }), 'refused', message)
  }
})

t.test('every known sign of a dead session asks for a new one', async (t) => {
  for (const message of [
    'Phiên làm việc không hợp lệ hoặc đã hết hạn',
    'Session expired',
    'SESSION không hợp lệ',
    'Vui lòng đăng nhập lại',
    'Access token invalid',
  ]) {
    const reading = classifyAnswer(sync, Buffer.from(JSON.stringify({ error_code: -1, message })))
    t.match(reading, { verdict: 'session-expired', renews: true }, message)
  }
  t.match(
    classifyAnswer(sync, Buffer.from('{"error_code":-1}')),
    { verdict: 'refused', renews: true },
    'a refusal without a word may be one',
  )
  t.equal(verdictOf(sync, { error_code: -1, message: 'Phiên bản dữ liệu không hợp lệ' }), 'refused', 'a version is not')
})

t.test('a portal that is busy or not ours to call is no refusal of the message', async (t) => {
  t.equal(verdictOf(sync, { error_code: -1, message: 'Hệ thống đang bận, vui lòng thử lại sau' }), 'busy')
  t.equal(verdictOf(sync, { error_code: -1, message: 'Mã đơn vị không hợp lệ' }), 'denied')
  t.equal(verdictOf(sync, { error_code: -1, message: 'Service không tồn tại' }), 'misdirected')
})

t.test('progress may be answered in plain text, where "không thành công" is no success', async (t) => {
  for (const text of [
    'Cập nhật thành công',
    'THÀNH CÔNG.',
    '"Cập nhật thành công"',
    'Cập nhật thành công'.normalize('NFD'),
  ]) {
    t.equal(verdictOf(progress, text), 'accepted', text)
  }
  t.equal(verdictOf(progress, 'Cập nhật không thành công: Trường NguoiXuLy là bắt buộc'), 'refused')
  t.equal(verdictOf(progress, 'Cập nhật không thành công: Hồ sơ H47-1 chưa được đồng bộ'), 'missing')
  t.equal(verdictOf(progress, 'Có lỗi, cập nhật chưa thành công'), 'refused')
  t.equal(verdictOf(sync, 'Thành công'), 'unreadable', 'other services answer in JSON')
})

t.test('what cannot be understood is unreadable, never a success and never a refusal', async (t) => {
  const page = '<!DOCTYPE html><html><body>Cập nhật thành công</body></html>'
  const answers = ['', '   ', page, '{"error_code":0', '[]', 'null', '0', '{}', '{"message":"Thành công"}']
  for (const answer of answers) {
    for (const service of [sync, progress]) t.equal(verdictOf(service, answer), 'unreadable', answer)
  }
  for (const error_code of [null, true, {}, [], 0.5, '', 'a code with spaces']) {
    t.equal(verdictOf(sync, { error_code, message: 'Thành công' }), 'unreadable', JSON.stringify(error_code))
  }
  t.equal(verdictOf(sync, '{"error_code":-1,"error_code":0}'), 'unreadable', 'two codes in one answer')
  t.equal(classifyAnswer(progress, Buffer.from([0xff, 0xfe, 0x00])).verdict, 'unreadable', 'not UTF-8')
  t.equal(verdictOf(progress, `thành công ${'x'.repeat(2_000)}`), 'unreadable', 'a page, not a sentence')
})

t.test('a very long text is read in no time', async (t) => {
  const startedAt = performance.now()
  verdictOf(sync, { error_code: -1, message: 'hồ sơ '.repeat(100_000) })
  t.ok(performance.now() - startedAt < 1_000)
})

t.test('every phrase stands in the form that texts are compared in', async (t) => {
  for (const { all = [], any = [], none = [] } of answerRules) {
    for (const phrase of [...all, ...any, ...none]) {
      t.equal(phrase, phrase.normalize('NFC').toLocaleLowerCase('vi').trim(), phrase)
    }
  }
})

t.test('docs/systems.md shows every phrase and every code that decides', async (t) => {
  const page = readFileSync(new URL('../../docs/systems.md', import.meta.url), 'utf8')
  const section = page.slice(page.indexOf('\n## national-portal')).toLocaleLowerCase('vi')
  for (const { all = [], any = [], none = [], codes = [] } of answerRules) {
    for (const phrase of [...all, ...any, ...none]) t.ok(section.includes(`"${phrase}"`), `"${phrase}"`)
    for (const code of codes) t.ok(section.includes(`${code}`), code)
  }
})
