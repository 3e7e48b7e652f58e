import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { S3Client } from '@aws-sdk/client-s3'
import { GatewayError } from '../bus/errors.ts'
import type { ObjectStore } from './object-store.ts'

export interface S3Options {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** Begins every key; ends in a slash unless empty. */
  readonly prefix: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly timeoutMs: number
}

/** Files in a bucket of an S3-compatible store. The bucket is there already; whoever may read it may read every file. */
export async function createS3Objects(options: S3Options): Promise<ObjectStore> {
  // Loaded when configured alone: it is by far our largest package.
  const aws = await import('@aws-sdk/client-s3')
  const client: S3Client = new aws.S3Client({
    endpoint: options.endpoint,
    region: options.region,
    // Few stores but Amazon's own have a host name for each bucket.
    forcePathStyle: true,
    credentials: { accessKeyId: options.accessKeyId, secretAccessKey: options.secretAccessKey },
    // Older stores refuse the newer checksums; the SHA-256 below is one all of them check.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 5_000, requestTimeout: options.timeoutMs },
    maxAttempts: 3,
  })
  const place = (key: string) => ({ Bucket: options.bucket, Key: `${options.prefix}${key}` })
  return {
    putFile: (key, file) =>
      guarded(async () => {
        const body = createReadStream(file.path)
        try {
          const command = new aws.PutObjectCommand({
            ...place(key),
            Body: body,
            ContentLength: file.sizeBytes,
            ChecksumSHA256: file.sha256.toString('base64'),
          })
          await client.send(command)
        } finally {
          body.destroy()
          await rm(file.path, { force: true })
        }
      }),
    putNote: (key, bytes) =>
      guarded(async () => void (await client.send(new aws.PutObjectCommand({ ...place(key), Body: bytes })))),
    note: (key) =>
      guarded(async () => {
        const found = await unlessAbsent(client.send(new aws.GetObjectCommand(place(key))))
        return await found?.Body?.transformToByteArray()
      }),
    sizeOf: (key) =>
      guarded(async () => (await unlessAbsent(client.send(new aws.HeadObjectCommand(place(key)))))?.ContentLength),
    open: (key, range) =>
      guarded(async () => {
        const Range = range === undefined ? undefined : `bytes=${range.first}-${range.last}`
        const found = await unlessAbsent(client.send(new aws.GetObjectCommand({ ...place(key), Range })))
        return found?.Body instanceof Readable ? found.Body : undefined
      }),
    async *keys(folder) {
      let token: string | undefined
      do {
        const command = new aws.ListObjectsV2Command({
          Bucket: options.bucket,
          Prefix: `${options.prefix}${folder}`,
          ContinuationToken: token,
        })
        const page = await guarded(() => client.send(command))
        for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key.slice(options.prefix.length)
        token = page.IsTruncated === true ? page.NextContinuationToken : undefined
      } while (token !== undefined)
    },
    remove: (key) => guarded(async () => void (await client.send(new aws.DeleteObjectCommand(place(key))))),
    async close() {
      client.destroy()
    },
  }
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    // HEAD has no body to name the error in; its status is all there is.
    if (error instanceof Error && (error.name === 'NoSuchKey' || error.name === 'NotFound')) return undefined
    throw error
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof GatewayError ? error : new GatewayError('store-unavailable', { cause: error })
  }
}
