import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * Whether the gateway may call an IP address. Addresses of a private network are for systems whose configuration says
 * that they are inside; those that can be nobody's server (this host's wildcard, link-local with its metadata services,
 * multicast, tunnels that carry another address within) are for none.
 */
export function mayCall(address: string, options: { readonly insideNetwork: boolean }): boolean {
  if (isIPv4(address)) return mayCallIPv4(address, options.insideNetwork)
  if (!isIPv6(address) || address.includes('%')) return false
  // The URL parser is the one canonical form at hand: `::ffff:127.0.0.1` and every other spelling is `::ffff:7f00:1`.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical)
  if (mapped) return mayCallIPv4(dotted(`${mapped[1]}`, `${mapped[2]}`), options.insideNetwork)
  if (canonical === '::1') return options.insideNetwork
  if (nobodys.check(canonical, 'ipv6')) return false
  return options.insideNetwork || !inside.check(canonical, 'ipv6')
}

function mayCallIPv4(address: string, isInside: boolean): boolean {
  return !nobodys.check(address) && (isInside || !inside.check(address))
}

function dotted(high: string, low: string): string {
  const bits = (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16)
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join('.')
}

// Both lists: IANA special-purpose address registries (RFC 6890).
const inside = listOf([
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '198.18.0.0/15',
  'fc00::/7',
])

const nobodys = listOf([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
])

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [network = '', prefix] = range.split('/')
    list.addSubnet(network, Number(prefix), isIPv4(network) ? 'ipv4' : 'ipv6')
  }
  return list
}
