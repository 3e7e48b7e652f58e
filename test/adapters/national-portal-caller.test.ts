import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { createCallerCheck } from '../../adapters/national-portal/caller.ts'

const apiKey = 'a-key-for-tests-only'

const request = (ip: string, key?: string) =>
  // The check reads these two alone.
  ({ ip, headers: key === undefined ? {} : { 'x-api-key': key } }) as FastifyRequest

t.test('the portal is known by its address, single or in a range, of either family', async (t) => {
  const check = createCallerCheck({ allowFrom: ['10.1.2.3', '192.0.2.0/28', '2001:db8::/64'] })
  for (const ip of ['10.1.2.3', '192.0.2.15', '2001:db8::7', '::ffff:10.1.2.3']) t.match(check(request(ip)), ip)
  for (const ip of ['10.1.2.4', '192.0.2.16', '2001:db9::7', '::1', 'unknown']) {
    t.throws(() => check(request(ip)), { code: 'credential-refused' }, ip)
  }
})

t.test('or by its key', async (t) => {
  const check = createCallerCheck({ apiKey })
  t.equal(check(request('10.0.0.1', apiKey)), 'x-api-key')
  for (const key of [undefined, '', 'a-key-for-tests-onlx', `${apiKey} `]) {
    t.throws(() => check(request('10.0.0.1', key)), { code: 'credential-refused' })
  }
})

t.test('where both are configured, both must hold', async (t) => {
  const check = createCallerCheck({ allowFrom: ['10.1.2.3'], apiKey })
  t.equal(check(request('10.1.2.3', apiKey)), 'address 10.1.2.3, x-api-key')
  t.throws(() => check(request('10.1.2.3')), { code: 'credential-refused' })
  t.throws(() => check(request('10.1.2.4', apiKey)), { code: 'credential-refused' })
})

t.test('a door nobody could be known at is never built', async (t) => {
  t.throws(() => createCallerCheck({}), /allowFrom, apiKey or both/)
  for (const entry of ['10.1.2', '10.1.2.3/33', '10.1.2.3/', 'portal.example.vn', '2001:db8::/129', '10.1.2.3/8/8']) {
    t.throws(() => createCallerCheck({ allowFrom: [entry] }), /neither an address nor a CIDR range/, entry)
  }
})
