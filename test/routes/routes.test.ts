import t from 'tap'
import type { Message } from '../../gateway/bus/message.ts'
import { resolveDeliveries } from '../../gateway/bus/router.ts'
import { routes } from '../../routes/index.ts'

const message = (type: string, source: string): Message => ({
  id: '0',
  type,
  source,
  subject: '000.00.01.H47-260105-0001',
  acceptedAtMs: 0,
  correlationId: '0',
  idempotencyKey: '0',
  body: {},
  bodyDigest: 'sha-256:00',
})

const receivers = (type: string, source: string, isEnabled = (_system: string) => true) =>
  resolveDeliveries(message(type, source), { routes, directory: { isEnabled } }).map(
    ({ system, route }) => `${route} → ${system}`,
  )

const flows = [
  ['dossier.received.v1', 'one-window', 'dossier-sync → national-portal'],
  ['dossier.progressed.v1', 'one-window', 'progress-sync → national-portal'],
  ['result.issued.v1', 'one-window', 'result → national-portal'],
  ['dossier.outcome-reported.v1', 'one-window', 'outcome → national-portal'],
  ['dossier.submitted.v1', 'national-portal', 'portal-filed → one-window'],
  ['document.sent.v1', 'one-window', 'document-out → document-axis'],
  ['document.status-reported.v1', 'one-window', 'document-out → document-axis'],
  ['document.sent.v1', 'document-axis', 'document-in → one-window'],
  ['document.status-reported.v1', 'document-axis', 'document-in → one-window'],
] as const

for (const [type, source, expected] of flows) {
  t.test(`${type} of ${source} goes ${expected}`, async (t) => {
    t.same(receivers(type, source), [expected])
    const other = source === 'national-portal' ? 'one-window' : 'national-portal'
    t.same(receivers(type, other), ['none → none'], 'from anybody else it goes nowhere, and somebody sees it')
    t.same(
      receivers(type, source, () => false),
      ['none → none'],
      'a system that is off is not sent anything',
    )
  })
}

t.test('what later messages build on holds its lane when it dies; what stands alone does not', async (t) => {
  t.same(Object.fromEntries(routes.map(({ name, onDead }) => [name, onDead])), {
    'dossier-sync': 'hold-lane',
    'progress-sync': 'pass',
    result: 'hold-lane',
    'portal-filed': 'hold-lane',
    outcome: 'pass',
    'document-out': 'hold-lane',
    'document-in': 'pass',
  })
})
