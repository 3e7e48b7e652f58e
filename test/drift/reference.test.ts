import { readFileSync } from 'node:fs'
import t from 'tap'
import { readInstallation } from '../../bin/installation.ts'
import { configSchema } from '../../config.ts'
import { referencePages } from '../../docs/reference-pages.ts'

const { adapters } = await readInstallation()

for (const { name, text } of referencePages(configSchema(adapters))) {
  t.test(`docs/${name} says what the code says`, async (t) => {
    const written = readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
    t.equal(written, text, 'stale: run `npx node docs/generate.ts`')
  })
}

t.test('every field of the configuration is described', async (t) => {
  const bare: string[] = []
  const visit = (schema: unknown, at: string): void => {
    if (typeof schema !== 'object' || schema === null) return
    if (!('description' in schema)) bare.push(at)
    if ('x-secret' in schema) return
    if ('properties' in schema && typeof schema.properties === 'object') {
      for (const [name, field] of Object.entries(schema.properties ?? {})) visit(field, `${at}.${name}`)
    }
    if ('additionalProperties' in schema) visit(schema.additionalProperties, `${at}.<name>`)
    if ('items' in schema) visit(schema.items, `${at}[]`)
  }
  visit(configSchema(adapters), '$')
  t.same(bare, [])
})
