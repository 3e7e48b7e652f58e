import { constants, generateKeyPairSync, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { CompactSign, compactVerify } from 'jose'
import { jwsTypes, signCompact, verifyJws } from '../gateway/envelopes/jws.ts'
import type { SigningKey } from '../gateway/envelopes/keyring.ts'
import { rounded } from './measurement.ts'

/** One line of the table: an operation of ours beside the bare cryptography in it, per second and core. */
export interface EnvelopeRate {
  readonly operation: string
  readonly sizeBytes: number
  readonly ours: number
  readonly bare: number
  /** What a well-known library for the same reaches. */
  readonly library: number
  /** The least share of bare that is good enough; absent when it is only shown. */
  readonly leastShare?: number
  /** The least multiple of the library that is good enough. */
  readonly leastTimes?: number
}

/** JWS with 32 operations in flight, beside node:crypto over the same bytes and beside jose. */
export async function joseRates({ isQuick }: { readonly isQuick: boolean }): Promise<readonly EnvelopeRate[]> {
  const rates: EnvelopeRate[] = []
  for (const algorithm of ['ES256', 'PS256'] as const) {
    const key = keyFor(algorithm)
    for (const sizeBytes of [1024, 10_240, 102_400]) {
      const payload = Buffer.alloc(sizeBytes, 'Dữ liệu thử ')
      const token = await signCompact(key, { typ, payload })
      const input = Buffer.from(token.slice(0, token.lastIndexOf('.')))
      const seal = Buffer.from(token.slice(input.length + 1), 'base64url')
      const how = { ...schemes[algorithm], key: key.privateKey }
      const check = { ...schemes[algorithm], key: key.publicKey }
      const header = { alg: algorithm, kid: key.kid, typ }
      const leastShare = algorithm === 'ES256' && sizeBytes === 1024 ? { leastShare: 0.7 } : {}
      const signing = await compare({
        isQuick,
        ours: () => signCompact(key, { typ, payload }),
        bare: [async () => sign('sha256', input, how), () => signInPool('sha256', input, how)],
        library: () => new CompactSign(payload).setProtectedHeader(header).sign(key.privateKey),
      })
      const verifying = await compare({
        isQuick,
        ours: () => verifyJws(token, { keyOf: () => key, typ }),
        bare: [async () => verify('sha256', input, check, seal), () => verifyInPool('sha256', input, check, seal)],
        library: () => compactVerify(token, key.publicKey, { algorithms: [algorithm] }),
      })
      rates.push({ operation: `JWS ${algorithm} sign`, sizeBytes, ...signing, ...leastShare })
      rates.push({ operation: `JWS ${algorithm} verify`, sizeBytes, ...verifying, ...leastShare })
    }
  }
  return rates
}

const typ = jwsTypes.message
const inFlight = 32

const schemes = {
  ES256: { dsaEncoding: 'ieee-p1363' },
  PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
} as const

const signInPool = promisify<string, Buffer, Parameters<typeof sign>[2], Buffer>(sign)
const verifyInPool = promisify<string, Buffer, Parameters<typeof verify>[2], Buffer, boolean>(verify)

function keyFor(algorithm: 'ES256' | 'PS256'): SigningKey {
  const pair =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { kid: 'bench', algorithm, thumbprint: '', ...pair }
}

type Operation = () => Promise<unknown>

/** Turn by turn, so that whatever else the machine does falls on all alike; the median of each counts. */
async function compare(of: {
  readonly isQuick: boolean
  readonly ours: Operation
  /** In this thread and in the pool; the faster one counts. */
  readonly bare: readonly Operation[]
  readonly library: Operation
}): Promise<{ readonly ours: number; readonly bare: number; readonly library: number }> {
  const operations = [of.ours, of.library, ...of.bare]
  const found = operations.map((): number[] => [])
  for (let round = 0; round < (of.isQuick ? 3 : 5); round += 1) {
    for (const [index, operation] of operations.entries()) {
      found[index]?.push(await perCoreSecond(operation, of.isQuick ? 60 : 150))
    }
  }
  const [ours = 0, library = 0, ...bare] = found.map(median)
  return { ours: rounded(ours), bare: rounded(Math.max(...bare)), library: rounded(library) }
}

/** Per second of processor time, in whatever threads: what one core does, whether or not others are busy. */
async function perCoreSecond(operation: Operation, forMs: number): Promise<number> {
  const endMs = performance.now() + forMs
  const before = process.cpuUsage()
  let done = 0
  const lane = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await operation()
      done += 1
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  const { user, system } = process.cpuUsage(before)
  return (done / (user + system)) * 1_000_000
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN
}
