import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { filesIn, withFiles } from '../../mappings/files.ts'
import { eachLinked } from '../../mappings/national-portal/papers-from-portal.ts'

const folder = path.resolve(import.meta.dirname, '../../contracts/canonical')

t.test('every file of a body is found at its place and can be replaced there', async (t) => {
  const body = {
    dossierCode: 'x',
    submittedFiles: [{ name: 'a.pdf', url: 'https://a.example/1' }, { name: 'b' }],
    supplements: [{ files: [{ contentBase64: 'QUJD' }] }],
    results: [{ digest: `sha-256:${'0'.repeat(64)}` }],
  }
  t.same(
    filesIn(body).map(({ pointer }) => pointer),
    ['/submittedFiles/0', '/supplements/0/files/0', '/results/0'],
  )
  const changed = withFiles(body, new Map([['/supplements/0/files/0', { url: 'https://b.example/2' }]]))
  t.same(changed, { ...body, supplements: [{ files: [{ url: 'https://b.example/2' }] }] })
})

t.test('in the canonical contracts nothing but a file has a link, base64 or a digest of a file', async (t) => {
  const { $defs } = JSON.parse(readFileSync(path.join(folder, 'parts.schema.json'), 'utf8'))
  const withSuch = Object.entries($defs as Record<string, { properties?: Record<string, unknown> }>)
    .filter(([, { properties = {} }]) => ['url', 'contentBase64', 'digest'].some((name) => name in properties))
    .map(([name]) => name)
  t.same(withSuch, ['submittedFile', 'resultPaper'])
})

t.test('links joined by ## are files of their own, and everything else of the entry is theirs', async (t) => {
  const [one, two] = ['https://a.example/1', 'https://a.example/2']
  t.same(eachLinked([{ name: 'a.pdf', url: `${one}##${two}` }, { name: 'b.pdf', url: one }, { name: 'c.pdf' }]), [
    { name: 'a.pdf', url: one },
    { name: 'a.pdf', url: two },
    { name: 'b.pdf', url: one },
    { name: 'c.pdf' },
  ])
})
