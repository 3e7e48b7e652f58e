import t from 'tap'
import { nationalPortal } from '../../adapters/national-portal/national-portal.ts'
import { startPortal } from '../../simulators/national-portal/portal.ts'
import { adapterConforms } from './adapter-conformance.ts'
import { dossier, portalSettings } from './national-portal-gateway.ts'

const code = '000.00.01.H47-260105-0001'

adapterConforms(t, {
  definition: nationalPortal,
  settings: (url) => ({ ...portalSettings({ url: new URL(url).origin }), timeouts: { connect: '2s', answer: '5s' } }),
  async partner(t) {
    const portal = await startPortal()
    t.teardown(() => portal.close())
    return `${portal.url}/XrdAdapter/RestService/forward`
  },
  message: { type: 'dossier.received.v1', subject: code, body: dossier(code) },
  isDelivery: ({ body }) => body.includes('"DongBoHoSoMC"'),
})
