import { randomUUID } from 'node:crypto'
import type { AxisCalls } from './calls.ts'
import type { DocumentAxisSettings } from './settings.ts'

/** Calls of the REST variant (wire-formats 4.4): two credential headers, documents as multipart of a known length. */
export function restCalls({ systemId, secret }: DocumentAxisSettings): AxisCalls {
  const headers = { 'X-SystemId': systemId, 'X-SecretKey': secret, accept: 'application/json' }
  return {
    send(edxml, messageType) {
      const boundary = `edoc-${randomUUID()}`
      const part = (head: string) => `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`
      const body = Buffer.concat([
        Buffer.from(part('name="edocFile"; filename="document.edxml"\r\nContent-Type: application/xml')),
        edxml,
        Buffer.from(`\r\n${part('name="messageType"')}${messageType}\r\n--${boundary}--\r\n`),
      ])
      const type = `multipart/form-data; boundary=${boundary}`
      return { method: 'POST', path: '/v1/sendEdoc', headers: { ...headers, 'content-type': type }, body }
    },
    list: (messageType, { fromMs, toMs }) => ({
      method: 'GET',
      path: '/v1/syncReceivedEdocList',
      // A day more than now: whether the last day is meant to be in it is not said.
      query: { messageType, fromDate: dayOf(fromMs), toDate: dayOf(toMs + 86_400_000) },
      headers,
    }),
    fetch: (docId) => ({ method: 'GET', path: '/v1/getEdoc', query: { docId }, headers }),
    acknowledge: (docId, status) => ({
      method: 'POST',
      path: '/v1/updateStatus',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ docId, status }),
    }),
  }
}

/** `yyyy/MM/dd` in +07:00. */
function dayOf(ms: number): string {
  return new Date(ms + 7 * 3_600_000).toISOString().slice(0, 10).replaceAll('-', '/')
}
