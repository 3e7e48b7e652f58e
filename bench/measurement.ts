import { execFileSync } from 'node:child_process'
import { statfsSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import path from 'node:path'

/** What a bench found: one table, and what else a reader has to know. */
export interface Measurement {
  /** The question it answers. */
  readonly question: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number)[])[]
  /** One sentence each. */
  readonly notes: readonly string[]
  /** False when the bar was missed; the runner then exits with 1. */
  readonly isGood: boolean
  /** Anything else, for the JSON alone. */
  readonly details?: unknown
}

/** What every bench is told. */
export interface BenchOptions {
  /** Smaller and sooner; says less. */
  readonly isQuick: boolean
  /** What the same run has measured before, by name. */
  readonly earlier?: ReadonlyMap<string, Measurement>
  /** A folder for CPU profiles, where a bench can keep them. */
  readonly profileFolder?: string
}

/** One question per file. */
export type Bench = (options: BenchOptions) => Promise<Measurement>

/** Where and when it was measured; figures without these say nothing. */
export interface Circumstances {
  readonly machine: string
  /** The file system benchmarks write to. */
  readonly disk: string
  readonly node: string
  readonly commit: string
  /** UTC. */
  readonly date: string
}

/** Prints the measurement as a Markdown table, ready for `docs/benchmarks.md`, and keeps it as JSON under `bench/results`. */
export function report(name: string, measurement: Measurement): void {
  const { machine, disk, node, commit, date } = circumstances()
  const { question, columns, rows, notes } = measurement
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  console.log(`\n### ${name}: ${question}\n`)
  console.log(`${machine}, ${disk}, Node ${node}, commit ${commit}, ${date}\n`)
  console.log([line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n'))
  console.log(notes.map((note) => `\n- ${note}`).join(''))
  const file = path.join(import.meta.dirname, 'results', `${name}.json`)
  writeFileSync(file, `${JSON.stringify({ name, machine, disk, node, commit, date, ...measurement }, undefined, 2)}\n`)
}

function circumstances(): Circumstances {
  const [cpu] = cpus()
  const memoryGib = Math.round(totalmem() / 2 ** 30)
  const git = (...args: string[]) => execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
  return {
    machine: `${cpu?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${memoryGib} GiB`,
    disk: fileSystems.get(statfsSync(import.meta.dirname).type) ?? 'unknown file system',
    node: process.versions.node,
    commit: git('rev-parse', '--short', 'HEAD'),
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
  }
}

/** statfs(2). On the first a sync costs nothing, and durable commits a second say nothing. */
const fileSystems: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs (in memory: nothing is durable)'],
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x794c7630, 'overlayfs'],
])

/** The value below which `share` (0 to 1) of them lie, by nearest rank; `NaN` of none. */
export function percentile(values: Iterable<number>, share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** For people: three significant digits. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
