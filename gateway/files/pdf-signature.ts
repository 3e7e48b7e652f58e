import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { GatewayError } from '../bus/errors.ts'
import { createSlots } from './slots.ts'

/** What is found of one signature in a PDF. */
export interface SignatureFinding {
  /** Nothing of the file but the signature itself lies outside what was signed. */
  readonly coversWholeFile: boolean
  /** What was signed is unchanged and the signature is that of the certificate's key. */
  readonly isIntact: boolean
  /** The hash is one that still proves something (SHA-256 or better). */
  readonly isStrong: boolean
  /** The certificate's chain ends at a trust anchor, every link valid at the time of signing. */
  readonly isTrusted: boolean
  /** By its own dates, at the time of signing. */
  readonly wasValidAtSigning: boolean
  /** Names of the certificate. */
  readonly signer?: string
  readonly issuer?: string
  readonly serialNumber?: string
  /** As the signer states it; no time-stamping authority is asked. ISO 8601. */
  readonly signedAt?: string
}

/**
 * - valid: every signature is intact, strong and trusted, and the last covers the whole file. - untrusted: intact, but
 *   not known to be whom it says. - altered: something was changed or added after signing. - unsigned: none is there.
 * - unreadable, not-checked: nobody can tell; `why` says it.
 */
export interface SignatureReport {
  readonly state: 'valid' | 'untrusted' | 'altered' | 'unsigned' | 'unreadable' | 'not-checked'
  readonly signatures: readonly SignatureFinding[]
  readonly why?: string
}

export interface PdfSignatureCheck {
  /** Changes with the trust anchors; a report holds for one set of them. */
  readonly anchorsId: string
  /** Never alters the file, and never rejects for what is in it. */
  report(
    file: { readonly sizeBytes: number; open(): Promise<AsyncIterable<Uint8Array>> },
    signal: AbortSignal,
  ): Promise<SignatureReport>
}

export interface PdfSignatureOptions {
  /** Certificates in PEM, of authorities whose signers are believed. */
  readonly trustAnchors: readonly string[]
  /** Larger files are not checked: a check holds the file in memory. */
  readonly maxBytes: number
  readonly timeoutMs: number
}

/**
 * Checks signatures in a thread of their own: parsing a stranger's PDF may take long or end badly, and the loop and the
 * other messages must not know of it. PDFium (in WebAssembly) reads the PDF, PKI.js the signature.
 */
export function createPdfSignatureCheck(options: PdfSignatureOptions): PdfSignatureCheck {
  const anchorsId = createHash('sha256').update(options.trustAnchors.join('\n')).digest('hex').slice(0, 16)
  const slots = createSlots(mostThreads)
  return {
    anchorsId,
    async report(file, signal) {
      if (file.sizeBytes > options.maxBytes)
        return { state: 'not-checked', signatures: [], why: `It is larger than ${options.maxBytes} bytes.` }
      const release = await slots.take('thread', signal)
      try {
        const bytes = new Uint8Array(file.sizeBytes)
        let at = 0
        for await (const chunk of await file.open()) {
          bytes.set(chunk, at)
          at += chunk.length
        }
        return await inThread(bytes, options, signal)
      } finally {
        release()
      }
    },
  }
}

/** Each holds a whole file and a PDFium of its own. */
const mostThreads = 2

function inThread(bytes: Uint8Array, options: PdfSignatureOptions, signal: AbortSignal): Promise<SignatureReport> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)])
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./pdf-signature-worker.ts', import.meta.url), {
      workerData: { bytes, trustAnchors: options.trustAnchors },
      transferList: [bytes.buffer as ArrayBuffer], // made above, never shared
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    })
    const end = (done: () => void) => {
      deadline.removeEventListener('abort', stop)
      void worker.terminate()
      done()
    }
    const stop = () =>
      end(() =>
        signal.aborted
          ? reject(
              new GatewayError('file-unavailable', { failureCause: 'timeout', detail: 'The check was broken off.' }),
            )
          : resolve({
              state: 'not-checked',
              signatures: [],
              why: `The check took longer than ${options.timeoutMs} ms.`,
            }),
      )
    deadline.addEventListener('abort', stop, { once: true })
    // The worker's own report; it is our file.
    worker.once('message', (report: SignatureReport) => end(() => resolve(report)))
    worker.once('error', () => end(() => resolve({ state: 'unreadable', signatures: [], why: 'It cannot be read.' })))
    worker.once('exit', () => end(() => resolve({ state: 'unreadable', signatures: [], why: 'It cannot be read.' })))
  })
}
