import { createHash, timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { GatewayError } from '../../gateway/bus/errors.ts'
import type { InboundSettings } from './settings.ts'

/**
 * Knows the portal by its address, by the key it sends, or by both where both are configured. Throws an Error at once for
 * an address that is none; the check throws `credential-refused` and answers with what was verified.
 */
export function createCallerCheck({ allowFrom, apiKey }: Pick<InboundSettings, 'allowFrom' | 'apiKey'>) {
  if (allowFrom === undefined && apiKey === undefined) throw new Error('a door needs allowFrom, apiKey or both')
  const addresses = allowFrom === undefined ? undefined : addressList(allowFrom)
  const keyDigest = apiKey === undefined ? undefined : digest(apiKey)
  return (request: FastifyRequest): string => {
    if (addresses && !includes(addresses, request.ip)) throw new GatewayError('credential-refused')
    const given = request.headers['x-api-key']
    // Digests are of one length and are compared in constant time.
    if (keyDigest && !timingSafeEqual(keyDigest, digest(typeof given === 'string' ? given : ''))) {
      throw new GatewayError('credential-refused')
    }
    return [...(addresses ? [`address ${request.ip}`] : []), ...(keyDigest ? ['x-api-key'] : [])].join(', ')
  }
}

function addressList(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', bits, ...rest] = entry.split('/')
    const version = isIP(address)
    const prefix = bits === undefined ? (version === 6 ? 128 : 32) : Number(bits)
    const isWhole = /^\d{1,3}$/.test(bits ?? '0') && prefix <= (version === 6 ? 128 : 32)
    if (version === 0 || !isWhole || rest.length > 0)
      throw new Error(`allowFrom: ${entry} is neither an address nor a CIDR range`)
    list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

/** A socket that takes both families writes IPv4 as `::ffff:10.0.0.1`. */
function includes(list: BlockList, remote: string): boolean {
  const address = remote.replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
