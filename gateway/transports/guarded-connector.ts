import { lookup as resolve } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { buildConnector } from 'undici'
import { mayCall } from './address-rules.ts'
import { forbiddenAddressCode } from './partner-failure.ts'

export interface ConnectorOptions {
  readonly connectTimeoutMs: number
  readonly insideNetwork?: boolean
  readonly tls?: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> & { readonly servername?: string }
}

/** Checks what is connected to: a literal address here, since no look-up is made for one; a name's where it is resolved. */
export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const rule = { insideNetwork: options.insideNetwork === true }
  const guardedLookup: LookupFunction = (hostname, lookupOptions, callback) => {
    resolve(hostname, { ...lookupOptions, all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      const forbidden = addresses.find(({ address }) => !mayCall(address, rule))
      if (forbidden !== undefined || addresses.length === 0) return callback(forbiddenAddress(), [])
      // The very addresses that were checked are connected to, so a name that changes its mind gains nothing.
      const [first] = addresses
      if (lookupOptions.all === true || first === undefined) return callback(null, addresses)
      callback(null, first.address, first.family)
    })
  }
  const connect = buildConnector({
    ...options.tls,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    allowH2: false,
    timeout: options.connectTimeoutMs,
    lookup: guardedLookup,
  })
  return (target, callback) => {
    const literal = target.hostname.replace(/^\[|\]$/g, '')
    if (isIP(literal) !== 0 && !mayCall(literal, rule)) {
      // As a socket would: never before the caller has returned.
      queueMicrotask(() => callback(forbiddenAddress(), null))
      return
    }
    connect(target, callback)
  }
}

function forbiddenAddress(): NodeJS.ErrnoException {
  return Object.assign(new Error('the address is forbidden'), { code: forbiddenAddressCode })
}
