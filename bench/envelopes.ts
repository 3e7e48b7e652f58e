import { joseRates } from './envelopes-jose.ts'
import { type Bench, rounded } from './measurement.ts'

/** How much of the bare cryptography's speed is left once it is an envelope. */
export const envelopes: Bench = async ({ isQuick }) => {
  const rates = [...(await joseRates({ isQuick }))]
  const missed = rates.filter(({ ours, bare, leastShare = 0 }) => ours / bare < leastShare)
  return {
    question: 'how fast are envelopes signed and verified, beside bare cryptography?',
    columns: ['operation', 'size', 'per second and core', 'node:crypto', 'share', 'library', 'times the library'],
    rows: rates.map(({ operation, sizeBytes, ours, bare, library }) => [
      operation,
      `${Math.round(sizeBytes / 1024)} KB`,
      ours,
      bare,
      `${Math.round((ours / bare) * 100)} %`,
      library,
      rounded(ours / library),
    ]),
    notes: [
      'Operations per second of processor time, 32 in flight. node:crypto is the faster of this thread and the thread pool over the same bytes; the library is jose.',
      ...missed.map(({ operation, leastShare = 0 }) => `${operation} is below ${leastShare * 100} % of bare.`),
    ],
    isGood: missed.length === 0,
    details: rates,
  }
}
