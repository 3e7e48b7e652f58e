import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { buildHardware, type Hardware } from '../../bench/crash/hardware.ts'
import { seeded } from '../../bench/crash/run.ts'
import { testFolder } from '../test-folder.ts'

const writer = path.join(import.meta.dirname, 'acknowledging-writer.ts')
const random = seeded(4)

t.test('what the store has acknowledged is there after a power cut', async (t) => {
  const place = prepare(t)
  if (!place) return
  for (let cut = 1; cut <= 4; cut += 1) {
    const acknowledged = await writeUntilCut(place, 'FULL')
    t.ok(acknowledged.length > 0)
    t.same(missing(place, acknowledged), [], `cut ${cut}: ${acknowledged.length} acknowledged`)
  }
})

t.test('without a sync the same power cut loses it, so that the method proves something', async (t) => {
  const place = prepare(t)
  if (!place) return
  const acknowledged = await writeUntilCut(place, 'OFF')
  t.not(missing(place, acknowledged).length, 0)
})

interface Place {
  readonly folder: string
  readonly file: string
  readonly hardware: Hardware
}

function prepare(t: Test): Place | undefined {
  const folder = testFolder(t)
  const dataDir = path.join(folder, 'data')
  mkdirSync(dataDir)
  const hardware = buildHardware({ folder, dataDir })
  if (!hardware) t.ok(process.env.REQUIRE_SERVICES !== '1', 'needs gcc and Linux')
  return hardware && { folder, file: path.join(dataDir, 'store.sqlite'), hardware }
}

/** Answers the ids that were acknowledged before the process was killed and the power went. */
async function writeUntilCut({ file, hardware }: Place, synchronous: string): Promise<readonly string[]> {
  const child = spawn(process.execPath, [writer, file, synchronous], {
    env: { ...process.env, ...hardware.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const acknowledged: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== 'ready') acknowledged.push(line)
    if (acknowledged.length >= 200 + random() * 200) child.kill('SIGKILL')
  }
  await ended
  hardware.cutPower(random)
  return acknowledged
}

/** Looked up in a copy: opening the file repairs it. All of them when it can't be read. */
function missing({ folder, file }: Place, acknowledged: readonly string[]): readonly string[] {
  const copy = path.join(folder, 'copy')
  rmSync(copy, { recursive: true, force: true })
  cpSync(path.dirname(file), copy, { recursive: true })
  try {
    const database = new DatabaseSync(path.join(copy, 'store.sqlite'))
    const ids = new Set(
      database
        .prepare('SELECT id FROM messages')
        .all()
        .map((row) => String(row.id)),
    )
    const { integrity_check: integrity } = database.prepare('PRAGMA integrity_check').get() ?? {}
    database.close()
    return integrity === 'ok' ? acknowledged.filter((id) => !ids.has(id)) : acknowledged
  } catch {
    return acknowledged
  }
}
