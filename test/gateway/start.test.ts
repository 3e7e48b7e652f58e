import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'

const root = path.resolve(import.meta.dirname, '../..')

t.test('`npm start`, asked to end, ends the gateway and not only npm', async (t) => {
  const folder = t.testdir()
  const file = path.join(folder, 'gateway.json')
  const config = { gateway: { id: 'lien-thong-start', url: 'http://127.0.0.1' }, listen: { port: 0 }, dataDir: 'data' }
  writeFileSync(file, JSON.stringify(config))
  const npm = spawn('npm', ['start'], { cwd: root, env: { ...process.env, LIENTHONG_CONFIG: file } })
  t.teardown(() => npm.kill('SIGKILL'))
  let log = ''
  let isAsked = false
  npm.stdout.on('data', (chunk) => {
    log += String(chunk)
    if (isAsked || !log.includes('"listening"')) return
    isAsked = true
    npm.kill('SIGTERM')
  })
  // Open for as long as anybody is left: the shell npm runs its scripts in would end and leave its child behind.
  await once(npm.stdout, 'close')
  t.match(log, '"stopped"')
})
