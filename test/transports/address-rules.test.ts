import t from 'tap'
import { mayCall } from '../../gateway/transports/address-rules.ts'

const cases = {
  public: ['8.8.8.8', '172.15.255.255', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8'],
  inside: [
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '172.16.0.1',
    '192.168.1.1',
    '::1',
    '0:0:0:0:0:0:0:1',
    'fd00::1',
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:192.168.1.1',
  ],
  nobodys: [
    '0.0.0.0',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '192.0.2.1',
    '::',
    '::ffff:0.0.0.0',
    '::ffff:169.254.169.254',
    '::7f00:1',
    '::ffff:0:127.0.0.1',
    '64:ff9b:1::7f00:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:0:1::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
  ],
  unreadable: ['', 'localhost', '0177.0.0.1', '2130706433', '0x7f.0.0.1', '127.1', '[::1]', '1.2.3.4.5'],
} as const

t.test('public addresses may be called by all', async (t) => {
  for (const address of cases.public) {
    t.ok(mayCall(address, { insideNetwork: false }), address)
    t.ok(mayCall(address, { insideNetwork: true }), address)
  }
})

t.test('addresses of a private network are for systems said to be inside, in every spelling', async (t) => {
  for (const address of cases.inside) {
    t.notOk(mayCall(address, { insideNetwork: false }), address)
    t.ok(mayCall(address, { insideNetwork: true }), address)
  }
})

t.test('addresses that are nobody’s, and what is no address, are called by none', async (t) => {
  for (const address of [...cases.nobodys, ...cases.unreadable]) {
    t.notOk(mayCall(address, { insideNetwork: false }), address)
    t.notOk(mayCall(address, { insideNetwork: true }), address)
  }
})
