import type { Clock } from '../../gateway/bus/clock.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { Gateway, WireTap } from '../../gateway/bus/gateway.ts'
import { durationMs } from '../../gateway/bus/route.ts'
import type { ShelfItem } from '../../gateway/bus/store.ts'
import type { Tables } from '../../mappings/tables.ts'
import { codeIn, type Procedure, procedureOf, type Row, rowsIn, textIn } from './catalogue-record.ts'
import type { PortalClient } from './portal-client.ts'
import type { CatalogueSettings } from './settings.ts'

export interface CataloguePorts {
  readonly client: PortalClient
  readonly gateway: Pick<Gateway, 'shelf' | 'putShelf' | 'release'>
  readonly tables: Tables
  readonly settings: CatalogueSettings
  readonly clock: Clock
  readonly tap: Pick<WireTap, 'failed'>
}

/** The procedures the portal publishes, as far as we have read them; kept on the shelves through restarts. */
export interface Catalogue {
  /** By code. */
  procedures(): Promise<readonly Procedure[]>
  /** Names of agencies by code. */
  agencies(): Promise<ReadonlyMap<string, string>>
  /** Whether the portal publishes a procedure under this very code. */
  isPublished(): Promise<(code: string) => boolean>
  /** Reads the portal's lists on schedule until the signal; what fails is tapped, and tried again sooner. */
  keepFresh(signal: AbortSignal): Promise<void>
}

type Listed = Row & { readonly MATTHC: string }

const service = {
  list: 'LayDanhSachTTHC',
  record: 'LayThuTuc',
  agencies: 'LayDanhMucCoQuan',
  sectors: 'LayDanhMucLinhVuc',
}

const firstRetryMs = 5_000
const longestRetryMs = 600_000
/** A pull with more failures than this is a portal that is down; the rest of its calls would only wait. */
const mostFailures = 10
const releaseAtOnce = 500

/**
 * The shelves hold the portal's records as they came: `procedures` and `agencies` and `sectors` by their codes. A pull
 * adds and replaces; it never removes, so that a short or broken answer costs nothing.
 */
export function createCatalogue(ports: CataloguePorts): Catalogue {
  const { client, gateway, tables, settings, clock, tap } = ports
  const known = { procedures: new Map<string, Procedure>(), agencies: new Map<string, string>() }
  let loading: Promise<void> | undefined

  async function load(): Promise<void> {
    for (const item of await gateway.shelf('procedures')) remember(item)
    for (const { key, value } of await gateway.shelf('agencies'))
      known.agencies.set(key, textIn(value, 'TENDONVI') ?? '')
  }

  function loaded(): Promise<void> {
    loading ??= load().catch((error) => {
      loading = undefined
      throw error
    })
    return loading
  }

  function remember({ key, value, updatedAtMs }: ShelfItem): void {
    known.procedures.set(key, procedureOf(key, value, updatedAtMs))
  }

  async function read(name: string, fields: Row, signal: AbortSignal): Promise<readonly Row[]> {
    const endpoint = name === service.record ? 'data' : 'catalog'
    const answer = await client.call({ service: name, endpoint, fields, isForCatalogue: true, isReading: true, signal })
    if (answer.verdict === 'accepted') return rowsIn(answer.document?.result)
    const { code, answerDigest } = answer
    throw new GatewayError('partner-refused', { answer: { digest: answerDigest, ...(code ? { code } : {}) } })
  }

  /** Puts a list on its shelf; rows without a usable code are left out. */
  async function pullList(name: string, to: { readonly shelf: string; readonly key: string }, signal: AbortSignal) {
    const updatedAtMs = clock.now()
    const items = (await read(name, {}, signal)).flatMap((value) => {
      const key = codeIn(value, to.key)
      return key === undefined ? [] : [{ key, value, updatedAtMs }]
    })
    await gateway.putShelf(to.shelf, items)
    return items
  }

  /** `undefined` when there is nothing to be put in the place of what we have. */
  async function pullRecord(listed: Listed, signal: AbortSignal): Promise<ShelfItem | undefined> {
    const [record] = await read(service.record, { maTTHC: listed.MATTHC }, signal).catch((thrown): readonly Row[] => {
      if (thrown instanceof GatewayError && thrown.code === 'partner-refused') return []
      throw thrown
    })
    if (record === undefined && known.procedures.has(listed.MATTHC)) return undefined
    // A procedure the portal lists but does not describe is known all the same.
    return { key: listed.MATTHC, value: record ?? listed, updatedAtMs: clock.now() }
  }

  /** New, renamed, or read too long ago. */
  function isDue({ MATTHC, TENTTHC }: Row): boolean {
    const procedure = known.procedures.get(String(MATTHC))
    if (procedure === undefined || clock.now() - procedure.updatedAtMs >= durationMs(settings.renewRecordsAfter))
      return true
    return typeof TENTTHC === 'string' && TENTTHC !== procedure.name
  }

  async function pull(signal: AbortSignal): Promise<void> {
    const failures: unknown[] = []
    const note = (error: unknown) => {
      failures.push(error)
      if (signal.aborted || failures.length > mostFailures) throw error
    }
    const agencies = await pullList(service.agencies, { shelf: 'agencies', key: 'MADONVI' }, signal).catch(note)
    for (const { key, value } of agencies ?? []) known.agencies.set(key, textIn(value, 'TENDONVI') ?? '')
    await pullList(service.sectors, { shelf: 'sectors', key: 'MALINHVUC' }, signal).catch(note)

    const due = (await read(service.list, {}, signal)).flatMap((row) => {
      const MATTHC = codeIn(row, 'MATTHC')
      return MATTHC !== undefined && isDue(row) ? [{ ...row, MATTHC }] : []
    })
    for (let next = 0; next < due.length; next += settings.parallelCalls) {
      const calls = due.slice(next, next + settings.parallelCalls).map((row) => pullRecord(row, signal).catch(note))
      const items = (await Promise.all(calls)).filter((item) => item !== undefined)
      await gateway.putShelf('procedures', items)
      for (const item of items) remember(item)
    }
    if (failures.length > 0) throw failures[0]
  }

  /** Lets dossiers go on whose procedure is known by now. */
  async function releaseKnown(): Promise<void> {
    const codes = [
      ...known.procedures.keys(),
      ...tables.procedures.flatMap((entry) => entry.codes.map(({ code }) => code)),
    ]
    for (let next = 0; next < codes.length; next += releaseAtOnce) {
      await gateway.release(codes.slice(next, next + releaseAtOnce).map((code) => `procedure:${code}`))
    }
  }

  function pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const stop = () => {
        cancel()
        signal.removeEventListener('abort', stop)
        resolve()
      }
      const cancel = clock.after(delayMs, stop)
      signal.addEventListener('abort', stop)
    })
  }

  return {
    async procedures() {
      await loaded()
      return [...known.procedures.values()].sort((a, b) => (a.code < b.code ? -1 : 1))
    },
    async agencies() {
      await loaded()
      return known.agencies
    },
    async isPublished() {
      await loaded()
      return (code) => known.procedures.has(code)
    },
    async keepFresh(signal) {
      await loaded()
      await releaseKnown()
      const everyMs = durationMs(settings.every)
      let retryMs = firstRetryMs
      while (!signal.aborted) {
        const error = await pull(signal).catch((thrown) => thrown ?? new GatewayError('internal-error'))
        await releaseKnown()
        if (error === undefined) retryMs = firstRetryMs
        else if (!signal.aborted) tap.failed({ where: 'national-portal: catalogue', error })
        await pause(error === undefined ? everyMs : Math.min(retryMs, everyMs), signal)
        if (error !== undefined) retryMs = Math.min(retryMs * 2, longestRetryMs)
      }
    },
  }
}
