import { execFile } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { flows } from '../../simulators/demo/flows.ts'

const demo = path.resolve(import.meta.dirname, '../../simulators/demo/demo.ts')

t.test('the demonstration plays every flow, finds what was sent, and ends by itself', async (t) => {
  const { code, output } = await run(['--once'])
  t.equal(code, 0, output)
  const names = flows.map(({ name }) => name)
  for (const name of names) t.match(output, new RegExp(`^flow ${name}: ok \\([1-9]\\d* messages\\)$`, 'm'), name)
  const asked = ['drop-in', 'canonical', 'dossier-sync', 'progress-sync', 'result', 'portal-filed', 'catalogue']
  t.same(
    asked.filter((name) => !names.includes(name)),
    [],
  )
  t.match(output, /is held: Thủ tục chưa có trong danh mục/)
  t.match(output, /mục 3 \(000\.10\.01\.H47-261015-0303\): NgayTiepNhan/)
})

t.test('a command line it does not know is refused before anything starts', async (t) => {
  t.match(await run(['--twice']), { code: 1, output: /--twice/ })
})

function run(args: readonly string[]): Promise<{ readonly code: unknown; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [demo, ...args], { timeout: 90_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, output: `${stdout}${stderr}` })
    })
  })
}
