import type { HeldDossier } from '../national-portal/portal.ts'
import type { DemoDossier, DemoStep, Item } from './dossiers.ts'

/** What of a dossier must have reached the portal. */
export type Story = Pick<DemoDossier, 'code' | 'steps'>

/** What the portal holds of a dossier that is not what was sent, in words; empty when nothing differs. */
export function differences(sent: Story, held: HeldDossier | undefined): readonly string[] {
  if (!held) return [absent(sent)]
  return [...versionDifferences(sent, held), ...progressDifferences(sent, held)]
}

/**
 * Where the dossier's records differ, in order of arrival. Absent, `""`, `null` and `[]` are one; an update that came
 * twice in a row counts once, as it overwrites with the same.
 */
export function versionDifferences(sent: Story, held: HeldDossier | undefined): readonly string[] {
  if (!held) return [absent(sent)]
  const versions = sent.steps.filter(isSync).map(({ item }) => withConstants(item))
  const heldVersions = held.history.filter(({ service }) => service === 'DongBoHoSoMC').map(({ item }) => item)
  return listDifferences(versions, withoutRepeats(heldVersions)).map((text) => `${sent.code}: version ${text}`)
}

/** Where its processing steps differ, in order of arrival; every one of them counts. */
export function progressDifferences(sent: Story, held: HeldDossier | undefined): readonly string[] {
  const progress = sent.steps.filter((step) => !isSync(step)).map(({ item }) => item)
  if (!held) return progress.length > 0 ? [absent(sent)] : []
  return listDifferences(progress, held.progress).map((text) => `${sent.code}: progress ${text}`)
}

/** The fields in which two documents differ, as paths. */
export function fieldDifferences(sent: unknown, held: unknown, path = ''): readonly string[] {
  if (isBlank(sent) && isBlank(held)) return []
  if (isObject(sent) && isObject(held)) {
    const names = new Set([...Object.keys(sent), ...Object.keys(held)])
    return [...names].flatMap((name) => fieldDifferences(sent[name], held[name], `${path}/${name}`))
  }
  return sent === held ? [] : [path]
}

function absent({ code }: Story): string {
  return `${code}: the portal does not hold it`
}

/** A constant of the format, not a fact: the gateway adds it to dossiers written before it existed (wire-formats 1.2). */
function withConstants(item: Item): Item {
  return { NoiNopHoSo: '2', ...item }
}

function isSync(step: DemoStep): boolean {
  return step.service === 'DongBoHoSoMC'
}

function withoutRepeats(items: readonly Item[]): readonly Item[] {
  return items.filter((item, index) => index === 0 || fieldDifferences(items[index - 1], item).length > 0)
}

function listDifferences(sent: readonly Item[], held: readonly Item[]): readonly string[] {
  if (sent.length !== held.length) return [`count: sent ${sent.length}, held ${held.length}`]
  return sent.flatMap((item, index) => {
    const fields = fieldDifferences(item, held[index])
    return fields.length > 0 ? [`${index + 1}: ${fields.join(', ')}`] : []
  })
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)
}

/** Arrays too: their indexes are their names. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
