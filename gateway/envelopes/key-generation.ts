import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto'
import type { KeyFile } from './key-record.ts'
import { thumbprintOf } from './keyring.ts'
import { selfSigned } from './self-signed.ts'

/** Algorithms a new key can be made for, by purpose; the first is what is made unless told. */
export const generatedAlgorithms = {
  sign: ['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256'],
  decrypt: ['ECDH-ES', 'RSA-OAEP-256'],
  mac: ['HS256', 'HS1'],
} as const

/** A purpose for which we make keys ourselves. */
export type GeneratedPurpose = keyof typeof generatedAlgorithms

/** A new key with its dates, as the key folder holds it: a secret. Our own have a self-signed certificate too. */
export function generateKeyFile(wanted: {
  readonly purpose: GeneratedPurpose
  readonly algorithm: string
  readonly system?: string
  /** Who the certificate says we are. */
  readonly name: string
  /** `demo-` marks keys that production refuses. */
  readonly kidPrefix?: string
  readonly fromMs: number
  readonly untilMs: number
}): KeyFile {
  const { purpose, algorithm, system, name, kidPrefix = '', fromMs, untilMs } = wanted
  const dates = { from: new Date(fromMs).toISOString(), until: new Date(untilMs).toISOString() }
  const owner = system === undefined ? {} : { system }
  if (purpose === 'mac') {
    const jwk = { kty: 'oct', k: randomBytes(32).toString('base64url'), kid: kidPrefix + randomUUID(), alg: algorithm }
    return { purpose, ...owner, ...dates, jwk }
  }
  const privateKey = generatePrivateKey(algorithm)
  const half = privateKey.export({ format: 'jwk' })
  const use = purpose === 'sign' ? 'sign' : 'encipher'
  const certificate = selfSigned(privateKey, { name, use, fromMs, untilMs })
  const jwk = {
    ...half,
    kid: kidPrefix + thumbprintOf(half),
    alg: algorithm,
    use: purpose === 'sign' ? 'sig' : 'enc',
    x5c: [certificate.raw.toString('base64')],
  }
  return { purpose, ...owner, ...dates, jwk }
}

function generatePrivateKey(algorithm: string): KeyObject {
  switch (algorithm) {
    case 'ES256':
    case 'ECDH-ES':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    case 'ES384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
    case 'EdDSA':
      return generateKeyPairSync('ed25519').privateKey
    case 'PS256':
    case 'RS256':
    case 'RSA-OAEP-256':
      return generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
    default:
      throw new Error(`no key is made for ${algorithm}`)
  }
}
