import { readFileSync } from 'node:fs'
import t from 'tap'
import { documentAxis } from '../../adapters/document-axis/document-axis.ts'
import { startDocumentAxis } from '../../simulators/document-axis/axis.ts'
import { adapterConforms } from './adapter-conformance.ts'

const example = new URL('../../contracts/canonical/examples/document.sent.v1.new.json', import.meta.url)

adapterConforms(t, {
  definition: documentAxis,
  settings: (url) => ({
    url,
    timeouts: { connect: '2s', answer: '5s' },
    concurrency: 2,
    insideNetwork: true,
    variant: 'rest' as const,
    systemId: 'H47.demo',
    secret: 'demo-only',
    pollEvery: '1h',
    lookBack: '7d',
    mustBeSigned: true,
    mustBindAttachments: true,
    signers: [],
    maxDocumentBytes: 4 * 1024 * 1024,
  }),
  async partner(t) {
    const axis = await startDocumentAxis()
    t.teardown(() => axis.close())
    return axis.url
  },
  message: { type: 'document.sent.v1', subject: 'H47.01', body: JSON.parse(readFileSync(example, 'utf8')) },
  isDelivery: ({ path }) => path.endsWith('/sendEdoc'),
})
