import { createHash, createHmac } from 'node:crypto'
import type { Clock } from '../../gateway/bus/clock.ts'
import type { AxisCalls, Call } from './calls.ts'
import type { DocumentAxisSettings } from './settings.ts'

/**
 * Calls as SDKVXP 3.0.201608 makes them (wire-formats 4.3): every parameter a header, all of them signed together by
 * HMAC-SHA256. Hashes are written with their leading zeros, which the SDK itself drops.
 */
export function sdkCalls({ systemId, secret }: DocumentAxisSettings, clock: Clock): AxisCalls {
  const signed = (parameters: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
    const named = { timestamp: timestampOf(clock.now()), systemid: systemId, ...parameters }
    const headers = Object.fromEntries(Object.entries(named).map(([name, value]) => [`XroadVnpt-${name}`, value]))
    const signature = JSON.stringify(headers)
    return {
      ...headers,
      'XroadVnpt-sign-header-key': Object.keys(named).join(';'),
      'XroadVnpt-sign-header': signature,
      'XroadVnpt-hash-header': createHmac('sha256', secret).update(signature).digest('hex'),
      'XroadVnpt-version': '3.0.201608',
      'User-Agent': 'JAVASDKAgent/1.0.0 XRoad/VPCP',
      accept: 'application/json',
    }
  }
  const call = (method: Call['method'], path: string, parameters: Readonly<Record<string, string>>): Call => ({
    method,
    path,
    headers: signed({ servicetype: 'eDoc', ...parameters }),
  })
  return {
    send(edxml, messagetype) {
      const hash = createHash('sha256').update(edxml).digest('hex')
      const sending = call('POST', '/sendEdoc', { from: systemId, messagetype, 'hash-file': hash })
      return { ...sending, headers: { ...sending.headers, 'content-type': 'application/octet-stream' }, body: edxml }
    },
    list: (messagetype) => call('GET', '/getReceivedEdocList', { messagetype }),
    fetch: (docId) => call('GET', '/getEdoc', { docId }),
    acknowledge: (docId, status) => call('POST', '/updateStatus', { docId, status }),
  }
}

/** `ddMMyyyy'T'HHmmss+SSSS` in +07:00; what looks like a zone are milliseconds. */
function timestampOf(nowMs: number): string {
  const [year, month, day, hour, minute, second, fraction] = new Date(nowMs + 7 * 3_600_000)
    .toISOString()
    .split(/[-T:.Z]/)
  return `${day}${month}${year}T${hour}${minute}${second}+${(fraction ?? '').padStart(4, '0')}`
}
