import t, { type Test } from 'tap'
import { startOneWindow } from '../../simulators/one-window/one-window.ts'
import { dossierBody, gatewayId, type OneWindowGateway, startOneWindowGateway } from './one-window-gateway.ts'

/** The gateway and the stand-in of the one-window's inbox, introduced to each other. */
async function started(t: Test) {
  const standIn = await startOneWindow({ audience: 'one-window' })
  t.teardown(() => standIn.close())
  const gateway = await startOneWindowGateway(t, { url: standIn.inboxUrl })
  standIn.meet({ url: gateway.url, id: gatewayId })
  return { standIn, gateway }
}

async function submit(gateway: OneWindowGateway, code: string) {
  const { status: _, receivedAt: __, ...body } = dossierBody(code)
  await gateway.bus.accept([
    {
      type: 'dossier.submitted.v1',
      source: 'national-portal',
      subject: code,
      body,
      idempotency: { kind: 'key', key: `submitted:${code}` },
    },
  ])
}

async function settled(gateway: OneWindowGateway, code: string, states: readonly string[]) {
  for (;;) {
    const [delivery] = (await gateway.store.dossier(code))?.messages.flatMap((view) => view.deliveries) ?? []
    if (delivery && states.includes(delivery.state)) return delivery
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

t.test('a dossier filed at the portal arrives signed, whole, and once', async (t) => {
  const { standIn, gateway } = await started(t)
  await submit(gateway, 'QG-1')
  const delivery = await settled(gateway, 'QG-1', ['delivered'])
  const [held] = standIn.state().messages
  t.match(held?.document, {
    iss: gatewayId,
    aud: 'one-window',
    type: 'dossier.submitted.v1',
    subject: 'QG-1',
    jti: delivery.messageId,
    body: { dossierCode: 'QG-1', receivingUnit: { code: '000.00.01.H47' } },
  })
  t.match(delivery.attempts, [
    { outcome: 'delivered', answerCode: '200', sentDigest: /^sha-256:/, answerDigest: /^sha-256:/ },
  ])
  t.same(gateway.failures, [])
})

for (const fault of ['effect-then-drop', 'reset', '500', '503', '429']) {
  t.test(`after "${fault}" it is sent again under the same jti, and held there once`, async (t) => {
    const { standIn, gateway } = await started(t)
    standIn.addFaults([{ service: 'inbox', fault, times: 1, retryAfter: '0' }])
    await submit(gateway, 'QG-2')
    const delivery = await settled(gateway, 'QG-2', ['delivered'])
    t.ok(delivery.attempts.length >= 2)
    t.equal(standIn.state().messages.length, 1)
  })
}

t.test('a business refusal ends the delivery', async (t) => {
  const { standIn, gateway } = await started(t)
  standIn.addFaults([{ service: 'inbox', fault: 'business-refusal', times: 1 }])
  await submit(gateway, 'QG-3')
  const delivery = await settled(gateway, 'QG-3', ['dead'])
  t.match(delivery.reason, { code: 'partner-refused' })
})

t.test('a notice of what became of a delivery can be sent to it', async (t) => {
  const { standIn, gateway } = await started(t)
  await gateway.bus.accept([
    {
      type: 'delivery.reported.v1',
      source: 'gateway',
      subject: 'QG-4',
      recipient: 'one-window',
      body: {
        messageId: '01900000-0000-7000-8000-000000000001',
        messageType: 'dossier.received.v1',
        dossierCode: 'QG-4',
        system: 'national-portal',
        state: 'held',
        at: '2026-01-05T02:00:00.000Z',
        reason: { code: 'value-missing', cause: 'contract', sentence: 'It is missing.', vietnamese: 'Thiếu.' },
      },
      idempotency: { kind: 'key', key: 'told:1' },
    },
  ])
  await settled(gateway, 'QG-4', ['delivered'])
  t.match(standIn.state().messages[0]?.document, { type: 'delivery.reported.v1', body: { state: 'held' } })
})

t.test('the probe asks whether anybody answers', async (t) => {
  const { standIn, gateway } = await started(t)
  await t.resolves(gateway.adapter.probe(AbortSignal.timeout(5_000)))
  await standIn.close()
  await t.rejects(gateway.adapter.probe(AbortSignal.timeout(5_000)))
})

t.test('without an address nothing can be delivered, which a person sees', async (t) => {
  const gateway = await startOneWindowGateway(t)
  await submit(gateway, 'QG-5')
  t.match((await settled(gateway, 'QG-5', ['held'])).reason, { code: 'no-receiver' })
  await t.resolves(gateway.adapter.probe(AbortSignal.timeout(1_000)))
})
