import t from 'tap'
import {
  communeAccount,
  dossierBody,
  dossierItem,
  keys,
  loggedIn,
  progressItem,
  send,
  startOneWindowGateway,
  statement,
} from './one-window-gateway.ts'

const code = '000.00.01.H47-261121-0005'

t.test('one unit’s account can’t overwrite, move on or end another unit’s dossier', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const province = await loggedIn(gateway)
  const commune = await loggedIn(gateway, communeAccount)
  t.match((await province.dossiers([dossierItem(code)])).document, { error_code: 0 })

  const own = { madonvi: '000.10.01.H47' }
  const attempts = [
    {
      service: 'DongBoHoSoMC',
      isUpdating: 'True',
      data: [dossierItem(code, { ChuHoSo: 'TRAN VAN GIA', TrangThaiHoSo: '7' })],
    },
    { service: 'CapNhatTienDoHoSoMC', data: [progressItem(code, '8')] },
    {
      service: 'DongBoTrangThaiHoSo',
      type: '2',
      data: { MaHoSo: 'G22.99-1', MaHoSoDonVi: code, TrangThai: '9', NoiDung: 'Xong', NgayXuLy: '20260106090000' },
    },
  ]
  for (const attempt of attempts) {
    const { document } = await commune.call({ ...attempt, ...own })
    t.match(document, { error_code: -1, message: /đơn vị/ }, attempt.service)
  }
  t.equal((await gateway.store.dossier(code))?.messages.length, 1)
  t.equal((await gateway.journal('refused')).filter((entry) => entry.code === 'unit-not-allowed').length, 3)

  const mixed = [dossierItem(code, { TrangThaiHoSo: '7' }), dossierItem('000.10.01.H47-261121-0006')]
  t.match((await commune.call({ service: 'DongBoHoSoMC', isUpdating: 'False', data: mixed, ...own })).document, {
    error_code: -1,
    message: new RegExp(code),
  })
  t.equal((await gateway.store.dossier('000.10.01.H47-261121-0006'))?.messages.length, 1, 'its own is accepted')
  t.match((await province.dossiers([dossierItem(code, { TrangThaiHoSo: '9' })])).document, { error_code: 0 })
})

t.test('one system can’t write to a dossier of units it does not speak for', async (t) => {
  const gateway = await startOneWindowGateway(t)
  const commune = { receivingUnit: { code: '000.10.01.H47' } }
  t.equal((await send(gateway, statement(dossierBody(code, commune)))).status, 202)
  const progress = {
    dossierCode: code,
    receivingUnit: { code: '000.00.01.H47' },
    status: 'processing',
    processedAt: '2026-01-06T02:00:00.000Z',
    officer: { name: 'TRAN THI B' },
  }
  const message = statement(progress, { type: 'dossier.progressed.v1' })
  const foreign = await send(gateway, message, { key: keys.land })
  t.match(foreign, { status: 403, text: /unit-not-allowed/ })
  const own = statement(dossierBody(code, { ...commune, processingUnit: { code: '000.00.01.H47', name: 'Sở (mẫu)' } }))
  t.equal((await send(gateway, own)).status, 202)
  const again = statement(progress, { type: 'dossier.progressed.v1' })
  t.equal((await send(gateway, again, { key: keys.land })).status, 202, 'named as the processing unit')
})
