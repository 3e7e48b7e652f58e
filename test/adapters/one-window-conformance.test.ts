import { createServer } from 'node:http'
import t from 'tap'
import { oneWindow } from '../../adapters/one-window/one-window.ts'
import { adapterConforms } from './adapter-conformance.ts'

adapterConforms(t, {
  definition: oneWindow,
  settings: (url) => ({
    url,
    timeouts: { connect: '2s', answer: '5s' },
    concurrency: 2,
    insideNetwork: true,
    dropIn: {
      enabled: false,
      loginPath: 'mapi/login',
      dataPath: 'mapi/g',
      catalogPath: 'mapi/g',
      maxBodyBytes: 65_536,
      sessionTtl: '1h',
      credentials: [],
    },
  }),
  async partner(t) {
    const server = createServer((request, response) => void request.resume().on('end', () => response.end('{}')))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close().closeAllConnections())
    return `http://127.0.0.1:${Reflect.get(Object(server.address()), 'port')}/inbox`
  },
  message: { type: 'dossier.submitted.v1', subject: 'QG-1', body: { dossierCode: 'QG-1' } },
  isDelivery: ({ method }) => method === 'POST',
})
