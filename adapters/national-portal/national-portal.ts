import type { ChannelAdapter } from '../../gateway/bus/adapter.ts'
import { canonicalJson } from '../../gateway/bus/canonical-json.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Message, Original } from '../../gateway/bus/message.ts'
import type { AdapterContext, AdapterDefinition } from '../definition.ts'
import { createCatalogue } from './catalogue.ts'
import { createCatalogueDoor } from './catalogue-door.ts'
import { dossierOperation, resultOperation } from './dossier-operations.ts'
import { createFilingDoor } from './filing-door.ts'
import { filingServices, rereadFiling } from './filing-services.ts'
import type { Operation } from './operation.ts'
import { outcomeOperation } from './outcome-operation.ts'
import { createPortalClient } from './portal-client.ts'
import { progressOperation } from './progress-operation.ts'
import { type InboundSettings, type NationalPortalSettings, nationalPortalSettings } from './settings.ts'

/** The National Public Service Portal (Cổng DVCQG), reached as wire-formats section 1 says. */
export const nationalPortal: AdapterDefinition<NationalPortalSettings> = {
  system: 'national-portal',
  settings: nationalPortalSettings,
  create: createNationalPortal,
}

function createNationalPortal(context: AdapterContext<NationalPortalSettings>): ChannelAdapter {
  const { settings, clock, tables, contracts } = context
  const client = createPortalClient(settings, clock)
  const catalogue = createCatalogue({ ...context, settings: settings.catalogue, client })
  const ports = { client, catalogue, contracts, tables, settings, clock }
  const operations: ReadonlyMap<string, Operation> = new Map([
    ['dossier.received.v1', dossierOperation(ports)],
    ['dossier.progressed.v1', progressOperation(ports)],
    ['result.issued.v1', resultOperation(ports)],
    ['dossier.outcome-reported.v1', outcomeOperation(ports)],
  ])
  const operationOf = (type: string): Operation => {
    const operation = operations.get(type)
    if (!operation) throw new GatewayError('no-receiver', { detail: `The portal takes no ${type}.` })
    return operation
  }
  const filing = settings.inbound && openFiling(settings.inbound, context)

  return {
    deliver: async (message, attempt, signal) => operationOf(message.type).deliver(message, attempt, signal),
    lookup: async (message, attempt, signal) => operationOf(message.type).lookup(message, attempt, signal),
    preview: async (message, attempt) => canonicalJson(await operationOf(message.type).document(message, attempt)),
    listen: (signal) => catalogue.keepFresh(signal),
    async door(scope) {
      await scope.register(createCatalogueDoor(catalogue, context))
      if (filing) await scope.register(filing.door)
    },
    ...(filing ? { reread: filing.reread } : {}),
    probe: (signal) => client.logIn(signal),
    close: () => client.close(),
  }
}

/** What the portal files here, and how it is read again. */
function openFiling(inbound: InboundSettings, context: AdapterContext<NationalPortalSettings>) {
  const services = filingServices(inbound, context)
  return {
    door: createFilingDoor(inbound, { ...context, services }),
    reread: async (original: Original, message: Message) => rereadFiling(original, message, services),
  }
}
