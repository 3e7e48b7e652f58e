import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { FastifyPluginAsync } from 'fastify'
import type { ChannelAdapter } from '../../gateway/bus/adapter.ts'
import type { Clock } from '../../gateway/bus/clock.ts'
import type { Gateway, WireTap } from '../../gateway/bus/gateway.ts'
import { durationMs } from '../../gateway/bus/route.ts'
import type { Keyring } from '../../gateway/envelopes/keyring.ts'
import { type ClaimCheck, createClaimCheck } from '../../gateway/files/claim-check.ts'
import { createFolderObjects } from '../../gateway/files/folder-objects.ts'
import { usualMediaTypes } from '../../gateway/files/media-type.ts'
import { createPdfSignatureCheck } from '../../gateway/files/pdf-signature.ts'
import { createS3Objects } from '../../gateway/files/s3-objects.ts'
import { linkPurpose } from '../../gateway/files/signed-link.ts'
import { createClamdScanner } from '../../gateway/files/virus-scan.ts'
import { createFileSource } from '../../gateway/transports/file-source.ts'
import type { HttpDoorKit } from '../../gateway/transports/http-door.ts'
import { carryFiles, keepInlineFiles, noteFiles } from './carried-files.ts'
import { createFilesDoor } from './files-door.ts'

/** The `files` section of the configuration; durations are text. */
export interface FilesSettings {
  readonly maxBytes: number
  readonly maxInlineBytes: number
  readonly mediaTypes?: readonly string[]
  readonly hosts: readonly { readonly host: string; readonly insideNetwork: boolean; readonly clearText: boolean }[]
  readonly fetchDeadline: string
  readonly uploadTimeout: string
  readonly linkLifetime: string
  readonly retention: string
  readonly scan?: { readonly host: string; readonly port: number; readonly timeout: string }
  readonly signatures?: {
    readonly routes: readonly string[]
    readonly trustAnchors: readonly string[]
    readonly maxBytes: number
  }
  readonly s3?: {
    readonly endpoint: string
    readonly region: string
    readonly bucket: string
    readonly prefix: string
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly timeout: string
  }
}

export interface FilesPorts {
  readonly gatewayId: string
  /** The address in links. */
  readonly gatewayUrl: string
  readonly dataDir: string
  readonly gateway: Gateway
  readonly keyring: Keyring
  readonly doors: HttpDoorKit
  readonly clock: Clock
  readonly tap: WireTap
}

/** What the composition root needs of the claim check. */
export interface FilesService {
  readonly files: ClaimCheck
  /** The gateway as adapters are to see it: base64 goes aside. */
  readonly gateway: Gateway
  /** The gateway for signed messages: nothing in them is touched. */
  readonly noting: Gateway
  readonly door: FastifyPluginAsync
  carry(adapter: ChannelAdapter): ChannelAdapter
  /** One round of retention. */
  sweep(isNeeded: (messageId: string) => Promise<boolean>): Promise<void>
  close(): Promise<void>
}

/** Builds the claim check from its settings. Throws an Error when a trust anchor can't be read. */
export async function openFilesService(settings: FilesSettings, ports: FilesPorts): Promise<FilesService> {
  const { gateway, keyring, doors, clock, tap, gatewayId } = ports
  const incoming = path.join(ports.dataDir, 'incoming')
  const source = createFileSource({
    hosts: settings.hosts.map(({ clearText, ...host }) => ({ ...host, clearTextAllowed: clearText })),
    connectTimeoutMs: 5_000,
  })
  const { scan, signatures, s3 } = settings
  const files = createClaimCheck({
    store:
      s3 === undefined
        ? createFolderObjects({ folder: path.join(ports.dataDir, 'files'), incoming })
        : await createS3Objects({ ...s3, timeoutMs: durationMs(s3.timeout) }),
    incoming: { folder: incoming, maxBytes: settings.maxBytes, mediaTypes: settings.mediaTypes ?? usualMediaTypes },
    maxInlineBytes: settings.maxInlineBytes,
    downloads: {
      source,
      maxBytes: settings.maxBytes,
      deadlineMs: durationMs(settings.fetchDeadline),
      resumptions: 6,
      pauseMs: 250,
    },
    concurrency: 8,
    ...(scan === undefined ? {} : { scanner: createClamdScanner({ ...scan, timeoutMs: durationMs(scan.timeout) }) }),
    ...(signatures === undefined
      ? {}
      : {
          signatureCheck: createPdfSignatureCheck({
            trustAnchors: signatures.trustAnchors.flatMap(certificatesIn),
            maxBytes: signatures.maxBytes,
            timeoutMs: 20_000,
          }),
        }),
    links: () => ({ secrets: keyring.secrets(linkPurpose), baseUrl: ports.gatewayUrl }),
    retentionMs: durationMs(settings.retention),
    clock,
  })
  const carrying = {
    files,
    linkLifetimeMs: durationMs(settings.linkLifetime),
    signatureRoutes: signatures?.routes ?? [],
    tap,
  }
  return {
    files,
    gateway: keepInlineFiles(gateway, carrying),
    noting: noteFiles(gateway, carrying),
    door: createFilesDoor({
      gatewayId,
      gateway,
      keyring,
      doors,
      files,
      uploadTimeoutMs: durationMs(settings.uploadTimeout),
      clock,
    }),
    carry: (adapter) => carryFiles(adapter, carrying),
    async sweep(isNeeded) {
      await files.sweep(isNeeded).catch((error) => tap.failed({ where: 'files: retention', error }))
    },
    async close() {
      await files.close()
      await source.close()
    },
  }
}

/** Every certificate of a PEM file. */
function certificatesIn(file: string): readonly string[] {
  const found = readFileSync(file, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
  if (found === null) throw new Error(`${file} holds no certificate in PEM`)
  return found
}
