// A process that accepts messages and says on standard output how many the store has acknowledged, until it is killed.
import { systemClock } from '../../gateway/bus/clock.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { sampleAcceptance } from '../store/sample.ts'

const [path = '', synchronous] = process.argv.slice(2)
const store = await openSqliteStore({ path, clock: systemClock, synchronous: synchronous === 'OFF' ? 'OFF' : 'FULL' })
process.stdout.write('ready\n')
for (;;) {
  const acceptances = Array.from({ length: 5 }, () => sampleAcceptance({ body: { filler: 'x'.repeat(1_000) } }))
  for (const { messageId } of await store.accept(acceptances)) process.stdout.write(`${messageId}\n`)
}
