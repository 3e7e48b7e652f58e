import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { commands } from '../../bin/lienthong.ts'

const root = path.resolve(import.meta.dirname, '../..')
const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>
}

interface DocumentedCommand {
  readonly file: string
  readonly line: string
}

/** npm's own words that are no script of ours. */
const npmWords = ['ci', 'install', 'audit', 'ls']

t.test('every command the documents show exists', async (t) => {
  for (const { file, line } of documentedCommands()) t.equal(whatIsWrong(line), undefined, `${file}: ${line}`)
})

t.test('what is quick and changes nothing is run', async (t) => {
  const quick = new Set(
    documentedCommands()
      .map(({ line }) => line)
      .filter(isQuick),
  )
  for (const line of quick) {
    const { code, output } = await run(line)
    t.equal(code, 0, `${line}\n${output}`)
  }
})

t.test('the checks above catch what they are for', async (t) => {
  t.match(whatIsWrong('npm run no-such-script'), /no script/)
  t.match(whatIsWrong('npx lienthong no-such-command'), /no command/)
  t.match(whatIsWrong('node no-such-file.ts'), /no file/)
  t.equal(whatIsWrong('npm ci && npm test'), undefined)
  t.equal(whatIsWrong('LIENTHONG_CONFIG=x.json npx lienthong check --json'), undefined)
  t.same(shellLines('```sh\n# why\nnpm ci && \\\n  npm test\n$ npm start\n```\n```json\nnpm run x\n```\n'), [
    'npm ci && npm test',
    'npm start',
  ])
})

/** Lines of every ```sh block of the README and of the documents beside it. */
function documentedCommands(): readonly DocumentedCommand[] {
  return ['README.md', 'docs/systems.md', 'docs/operating.md'].flatMap((file) => {
    const place = path.join(root, file)
    return existsSync(place) ? shellLines(readFileSync(place, 'utf8')).map((line) => ({ file, line })) : []
  })
}

function shellLines(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^```(?:sh|bash)[^\n]*\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
    block
      .replace(/\\\n\s*/g, '')
      .split('\n')
      .map((line) =>
        line
          .replace(/^\$ /, '')
          .replace(/\s+#.*$/, '')
          .trim(),
      )
      .filter((line) => line !== '' && !line.startsWith('#')),
  )
}

/** Looks at each part of a line that calls npm, npx or node; other programs are the reader's. */
function whatIsWrong(line: string): string | undefined {
  return line
    .split(/\s*(?:&&|\|\||;|\|)\s*/)
    .map((part) => part.replace(/^(?:\w+=\S+\s+)*/, '').split(/\s+/))
    .map(([program, first = '', second = '']) => {
      if (program === 'npm') {
        const script = first === 'run' ? second : first
        if (first !== 'run' && npmWords.includes(first)) return undefined
        return Object.hasOwn(scripts, script) ? undefined : `no script ${script} in package.json`
      }
      const isNode = program === 'node' || (program === 'npx' && first === 'node')
      if (isNode) {
        const file = program === 'node' ? first : second
        return file.startsWith('-') || existsSync(path.join(root, file)) ? undefined : `no file ${file}`
      }
      if (program !== 'npx' || first !== 'lienthong') return undefined
      return second.startsWith('-') || Object.hasOwn(commands, second) ? undefined : `no command ${second}`
    })
    .find((wrong) => wrong !== undefined)
}

/** `check` and every `--help`: seconds, no network, nothing written. */
function isQuick(line: string): boolean {
  return /^npx lienthong (check( --json)?|[a-z-]+ --help|--help)$/.test(line)
}

function run(line: string): Promise<{ readonly code: number; readonly output: string }> {
  const [, , ...rest] = line.split(/\s+/)
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['bin/lienthong.ts', ...rest],
      { cwd: root, timeout: 30_000 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : 1, output: `${stdout}${stderr}` })
      },
    )
  })
}
