import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { untilAtRest } from '../../simulators/demo/rest.ts'
import { record, startStage, unit } from './sample-stage.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'lien-thong-disk-'))
const isMounted = mount()

t.test(
  'a full disk is answered with 503 and nothing is promised; freed, it recovers by itself',
  {
    skip: isMounted ? false : 'needs root and tmpfs',
  },
  async (t) => {
    const stage = await startStage(t, { dataDir: folder, configuration: { limits: { minFreeDiskBytes: 65_536 } } })
    const send = (serial: number) =>
      stage.product(unit).sendBatch({
        service: 'DongBoHoSoMC',
        isUpdating: 'False',
        // Longer than what is left in the file's last page.
        data: [record(codeOf(serial), { GhiChu: 'x'.repeat(9_000) })],
      })
    const isReady = async () => (await fetch(`${stage.gatewayUrl}/health/ready`)).status === 200
    t.match(await send(1), { status: 200, document: { error_code: 0 } })
    await untilAtRest(stage, [codeOf(1)])

    const ballast = path.join(folder, 'ballast')
    fill(ballast)
    t.ok(await eventually(async () => !(await isReady())), 'whoever balances load is told')
    const refused = await Promise.all([2, 3, 4, 5].map(send))
    for (const answer of refused) t.match(answer, { status: 503, document: { error_code: -1 } })

    rmSync(ballast)
    t.ok(await eventually(isReady), 'no restart is needed')
    for (const answer of await Promise.all([2, 3, 4, 5].map(send))) t.match(answer, { document: { error_code: 0 } })
    const codes = [1, 2, 3, 4, 5].map(codeOf)
    const ledgers = await untilAtRest(stage, codes)
    for (const code of codes) {
      t.match(ledgers.get(code)?.messages, { length: 1, 0: { deliveries: [{ state: 'delivered' }] } }, code)
    }
    const { operations } = await stage.portalState()
    t.same(operations.map(({ dossierCode }) => dossierCode).sort(), codes, 'each reached the portal once')
  },
)

function codeOf(serial: number): string {
  return `${unit}-261018-000${serial}`
}

/** A disk of a few megabytes of its own, where this machine lets us; gone with the test. */
function mount(): boolean {
  t.teardown(() => rmdirSync(folder))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return false
  }
  // The last to be registered is the first to run.
  t.teardown(() => execFileSync('umount', [folder]))
  return true
}

/** To the last byte: what is left over after whole pages is filled as well. */
function fill(file: string): void {
  for (const bytes of [1_048_576, 4_096, 1]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(bytes), { flag: 'a' })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    }
  }
}

async function eventually(isTrue: () => Promise<boolean>): Promise<boolean> {
  for (let left = 100; left > 0; left -= 1) {
    if (await isTrue()) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}
