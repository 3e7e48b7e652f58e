import { joseRates } from './envelopes-jose.ts'
import { xmlRates } from './envelopes-xml.ts'
import { type Bench, rounded } from './measurement.ts'

/** How much of the bare cryptography's speed is left once it is an envelope. */
export const envelopes: Bench = async ({ isQuick }) => {
  const rates = [...(await joseRates({ isQuick })), ...(await xmlRates({ isQuick }))]
  const missed = rates.filter(({ ours, bare, leastShare = 0 }) => ours / bare < leastShare)
  const slow = rates.filter(({ ours, library, leastTimes = 0 }) => ours / library < leastTimes)
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
      'XML is worked on in one thread, one document after the other: enveloped, exclusive C14N, RSA-2048 with SHA-256; the library is xml-crypto.',
      ...missed.map(({ operation, leastShare = 0 }) => `${operation} is below ${leastShare * 100} % of bare.`),
      ...slow.map(({ operation, leastTimes = 0 }) => `${operation} is below ${leastTimes} times the library.`),
    ],
    isGood: missed.length + slow.length === 0,
    details: rates,
  }
}
