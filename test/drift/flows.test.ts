import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { readInstallation } from '../../bin/installation.ts'
import { loadContracts } from '../../contracts/loader.ts'
import { durationMs } from '../../gateway/bus/route.ts'

const { adapters, routes } = await readInstallation()
const systems = adapters.map(({ system }) => system)
const contracts = loadContracts()
const test = (path: string): URL => new URL(`../${path}`, import.meta.url)

for (const route of routes) {
  t.test(`route ${route.name} names what exists`, async (t) => {
    t.ok(route.on.length > 0)
    for (const type of route.on) t.ok(contracts.has(type), `${type} has a contract`)
    for (const system of [route.from].flat()) t.ok(systems.includes(system), `${system} is a system`)
    for (const text of [...route.retry.schedule, route.retry.giveUpAfter, route.retry.deadline]) {
      t.doesNotThrow(() => durationMs(text), `${text} is a duration`)
    }
    t.ok(route.retry.jitter >= 0 && route.retry.jitter <= 1)
  })
}

t.test('no two routes and no two adapters share a name', async (t) => {
  for (const names of [routes.map(({ name }) => name), systems]) t.equal(new Set(names).size, names.length)
})

for (const system of systems) {
  t.test(`the adapter of ${system} has tests, and keeps the promises of every adapter`, async (t) => {
    t.ok(existsSync(test(`adapters/${system}.test.ts`)), `test/adapters/${system}.test.ts`)
    const file = test(`adapters/${system}-conformance.test.ts`)
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    t.ok(/^adapterConforms\(t, \{$/m.test(text), `test/adapters/${system}-conformance.test.ts calls adapterConforms`)
  })
}
