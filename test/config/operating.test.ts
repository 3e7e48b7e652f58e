import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { ConfigError, type ConfigurableSystem, loadConfig } from '../../config.ts'

const post: ConfigurableSystem = { system: 'post-office', settings: { properties: {} } }
const gateway = { id: 'lien-thong-test', url: 'https://gateway.example.vn' }
const token = 'x'.repeat(32)
const env = { TOKEN: token, OTHER: 'y'.repeat(32), SHORT: 'bí-mật-quá-ngắn' }

function load(test: Test, more: Readonly<Record<string, unknown>>) {
  const file = path.join(test.testdir(), 'gateway.json')
  writeFileSync(file, JSON.stringify({ gateway, ...more }))
  return loadConfig({ path: file, env, adapters: [post], routes: ['dossier-sync'] })
}

function mistakes(test: Test, more: Readonly<Record<string, unknown>>) {
  try {
    load(test, more)
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown
    return { text: thrown.message, paths: thrown.mistakes.map(({ path }) => path) }
  }
  test.fail('the configuration was accepted')
  return { text: '', paths: [] }
}

const operator = (name: string, variable: string, role = 'operator') => ({ name, role, token: { env: variable } })

t.test('nobody operates a gateway whose configuration names nobody', async (t) => {
  t.same(load(t, {}).operators, [])
})

t.test('an operator has a name, a role and a secret of 32 characters or more', async (t) => {
  t.same(load(t, { operators: [operator('lan.nguyen', 'TOKEN')] }).operators, [
    { name: 'lan.nguyen', role: 'operator', token },
  ])
  const short = mistakes(t, { operators: [operator('lan.nguyen', 'SHORT')] })
  t.same(short.paths, ['$.operators[0].token'])
  t.notMatch(short.text, env.SHORT)
  t.same(mistakes(t, { operators: [operator('lan.nguyen', 'TOKEN', 'root')] }).paths, ['$.operators[0].role'])
  t.same(mistakes(t, { operators: [{ name: 'a b', role: 'viewer', token }] }).paths, [
    '$.operators[0].token',
    '$.operators[0].name',
  ])
})

t.test('two operators share neither a name nor a token', async (t) => {
  const operators = [operator('an', 'TOKEN'), operator('an', 'OTHER'), operator('binh', 'TOKEN')]
  t.same(mistakes(t, { operators }).paths, ['$.operators[1].name', '$.operators[2].token'])
})

t.test('every sender has a quota and every channel a breaker; a rate is for those who ask for one', async (t) => {
  const system = load(t, { systems: { 'post-office': {} } }).systems['post-office']
  t.same(system?.quota, { perSecond: 2_000, burst: 10_000, backlog: 200_000 })
  t.same(system?.breaker, { lanes: 5, firstPause: '5s', longestPause: '5m' })
  t.equal(system?.rate, undefined)
  const limited = { quota: { perSecond: 0.5 }, rate: { perSecond: 2, burst: 1 }, breaker: { lanes: 9 } }
  t.match(load(t, { systems: { 'post-office': limited } }).systems['post-office'], {
    quota: { perSecond: 0.5, burst: 10_000 },
    rate: { perSecond: 2, burst: 1 },
    breaker: { lanes: 9, firstPause: '5s' },
  })
  const wrong = { quota: { perSecond: 0 }, rate: { perSecond: 1 }, breaker: { lanes: 0, firstPause: 'soon' } }
  t.same(mistakes(t, { systems: { 'post-office': wrong } }).paths.toSorted(), [
    "$.systems['post-office'].breaker.firstPause",
    "$.systems['post-office'].breaker.lanes",
    "$.systems['post-office'].quota.perSecond",
    "$.systems['post-office'].rate.burst",
  ])
})

t.test('a retry policy is changed for a system, for a route, and for a route to a system', async (t) => {
  const exponential = { first: '1s', factor: 2, cap: '1h' }
  const config = load(t, {
    systems: { 'post-office': { retry: { exponential } } },
    routes: { 'dossier-sync': { retry: { jitter: 0 }, systems: { 'post-office': { retry: { deadline: '5s' } } } } },
  })
  t.same(config.systems['post-office']?.retry, { exponential })
  t.same(config.routes['dossier-sync']?.systems, { 'post-office': { retry: { deadline: '5s' } } })
})

t.test('a retry policy that says two things, or is about no system, is refused', async (t) => {
  const exponential = { first: '1s', factor: 2, cap: '1h' }
  const both = { schedule: ['1s'], exponential }
  const wrong = {
    systems: { 'post-office': { retry: both } },
    routes: { 'dossier-sync': { retry: both, systems: { 'no-such': {}, 'post-office': { retry: both } } } },
  }
  t.same(mistakes(t, wrong).paths.toSorted(), [
    "$.routes['dossier-sync'].retry",
    "$.routes['dossier-sync'].systems['no-such']",
    "$.routes['dossier-sync'].systems['post-office'].retry",
    "$.systems['post-office'].retry",
  ])
  const shrinking = { exponential: { ...exponential, factor: 0.5 } }
  t.same(mistakes(t, { systems: { 'post-office': { retry: shrinking } } }).paths, [
    "$.systems['post-office'].retry.exponential.factor",
  ])
})
