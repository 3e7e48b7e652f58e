import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { readInstallation } from '../bin/installation.ts'
import { configSchema } from '../config.ts'
import { referencePages } from './reference-pages.ts'

const { adapters } = await readInstallation()
for (const page of referencePages(configSchema(adapters))) {
  writeFileSync(path.join(import.meta.dirname, page.name), page.text)
}
