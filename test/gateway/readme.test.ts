import { execFile, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { untilAtRest } from '../../simulators/demo/rest.ts'
import { startStage } from './sample-stage.ts'

const root = path.resolve(import.meta.dirname, '../..')

t.test(
  'the commands of README.md that send a message do what it says',
  {
    skip: hasCurl() ? false : 'needs curl',
  },
  async (t) => {
    const stage = await startStage(t)
    const env = { ...process.env, PATH: toolsFirst(), GATEWAY: stage.gatewayUrl, KEY: stage.keyFile }

    const dropIn = await run('try drop-in', env)
    t.match(dropIn, /"error_code":0.*"BienNhan"/s)
    await untilAtRest(stage, ['000.00.01.H47-261121-0901'])
    t.match(await run('try drop-in', env), /"TrangThaiDongBo":"TAM_GIU","LyDo":"national-portal: [^"]*TenTTHC/)

    const canonical = await run('try canonical', env)
    const [receipt = ''] = canonical.split('\n')
    t.match(receipt, /^[\w-]+\.[\w-]+\.[\w-]+$/)
    t.match(canonical, '"dossierCode": "000.00.01.H47-260105-0001"')
    const ledgers = await untilAtRest(stage, ['000.00.01.H47-260105-0001'])
    t.match([...ledgers.values()], [{ messages: { length: 1, 0: { deliveries: [{ state: 'delivered' }] } } }])
    t.equal((await run('try canonical', env)).split('\n')[0], receipt, 'the same bytes for a repeat')
  },
)

/** The block ```sh <name> of README.md, run by a shell. */
function run(name: string, env: NodeJS.ProcessEnv): Promise<string> {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
  const script = readme.split(`\`\`\`sh ${name}\n`)[1]?.split('```')[0]
  if (script === undefined) throw new Error(`README.md has no commands ${name}`)
  return new Promise((resolve, reject) => {
    const options = { cwd: root, env, timeout: 60_000 }
    execFile('bash', ['-eo', 'pipefail', '-c', script], options, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    )
  })
}

/** As npm does for its scripts. */
function toolsFirst(): string {
  return `${path.join(root, 'node_modules/.bin')}:${process.env.PATH}`
}

function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
