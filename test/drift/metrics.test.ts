import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { systemClock } from '../../gateway/bus/clock.ts'
import { createMetrics, metricTable } from '../../gateway/telemetry/metrics.ts'

const ops = new URL('../../ops/', import.meta.url)
const rules = readFileSync(new URL('prometheus-rules.yaml', ops), 'utf8')
const known = new Map(Object.values(metricTable).map((row) => [row.name as string, row]))

/** What a histogram is read by. */
const series = /_(bucket|sum|count)$/

t.test('every metric named in ops is one we have', async (t) => {
  for (const file of readdirSync(ops, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(ya?ml|json)$/.test(name),
  )) {
    const named = readFileSync(new URL(file, ops), 'utf8').match(/\blienthong_\w+/g) ?? []
    t.same(
      [...new Set(named)].filter((name) => !known.has(name) && !known.has(name.replace(series, ''))),
      [],
      file,
    )
  }
})

t.test('every label an alert uses is one its metric has', async (t) => {
  const expressions = [...rules.matchAll(/^\s*expr: (.+)$/gm)].map(([, expression = '']) => expression)
  t.ok(expressions.length > 0)
  for (const expression of expressions) {
    const name = /lienthong_\w+/.exec(expression)?.[0]
    if (name === undefined) continue
    const labels: readonly string[] = known.get(name)?.labels ?? []
    const chosen = [...expression.matchAll(/\{(\w+)=/g), ...expression.matchAll(/by \((\w+)\)/g)].map(
      ([, label]) => label,
    )
    t.same(
      chosen.filter((label) => label !== undefined && !labels.includes(label)),
      [],
      expression,
    )
  }
})

t.test('every alert says what happened, in Vietnamese and English, and what to do', async (t) => {
  const alerts = rules.split(/^\s*- alert: /m).slice(1)
  for (const alert of alerts) {
    const name = alert.split('\n')[0]
    t.match(alert, /summary: .*[À-ỹ].*\. [A-Z{]/, `${name}: summary`)
    t.match(alert, /action: \S/, `${name}: action`)
    t.match(alert, /severity: (warning|critical)/, `${name}: severity`)
  }
})

t.test('every metric of the table is on the page, and none of ours is there beside the table', async (t) => {
  const metrics = createMetrics({ depths: async () => [], clock: systemClock })
  t.teardown(() => metrics.close())
  const { body } = await metrics.page()
  const exposed = [...body.matchAll(/^# TYPE (lienthong_\w+) (\w+)$/gm)].map(([, name, kind]) => `${name} ${kind}`)
  t.same(exposed.sort(), [...known.values()].map(({ name, kind }) => `${name} ${kind}`).sort())
})
