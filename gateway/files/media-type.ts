import { fileTypeFromBuffer } from 'file-type'
import { GatewayError } from '../bus/errors.ts'
import { endingOf } from './file-name.ts'

/** How much of a file's beginning its type is told from. */
export const sampleBytes = 16 * 1024

/** Types a gateway takes unless configuration says otherwise: papers, pictures of papers, signed containers. */
export const usualMediaTypes: readonly string[] = [
  'application/pdf',
  'image/png',
  'image/jpeg',
  'image/tiff',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  'application/vnd.oasis.opendocument.text',
  'application/vnd.oasis.opendocument.spreadsheet',
  'application/x-cfb',
  'application/rtf',
  'application/zip',
  'application/xml',
  'application/json',
  'text/plain',
  'text/csv',
]

/** What a sender says of a file's type, by one way or another. */
export interface AnnouncedType {
  readonly mediaType?: string
  readonly name?: string
}

/** What the bytes themselves say, from their beginning. Text is told by being text; what is nothing known is octets. */
export async function sniff(sample: Uint8Array): Promise<string> {
  const found = await fileTypeFromBuffer(sample).catch(() => undefined)
  if (found !== undefined && found.mime !== 'application/xml') return synonyms[found.mime] ?? found.mime
  return textType(sample) ?? found?.mime ?? octets
}

/**
 * The type a file goes by: the sniffed one, or for text the announced kind of text. Throws `file-mismatch` when the
 * announcement, be it a media type or the name's ending, says another thing, and `file-type-refused` off the list.
 */
export function settleMediaType(
  sniffed: string,
  announced: AnnouncedType,
  { allowed, field }: { readonly allowed: readonly string[]; readonly field?: string },
): string {
  const { said, ended } = saidOf(announced)
  checkMediaType(sniffed, announced, field)
  const settled = sniffed === plain ? (said ?? ended ?? sniffed) : sniffed
  if (!allowed.includes(settled))
    throw new GatewayError('file-type-refused', {
      ...(field === undefined ? {} : { field }),
      rule: 'mediaType',
      detail: `It is ${printable(settled)}.`,
    })
  return settled
}

/** Holds a file of a known type to another announcement. Throws `file-mismatch`. */
export function checkMediaType(mediaType: string, announced: AnnouncedType, field: string | undefined): void {
  const { said, ended } = saidOf(announced)
  // Which kind of text it is was somebody's word; the bytes say no more than text.
  const told = texts.has(mediaType) && mediaType !== 'application/xml' ? plain : mediaType
  for (const claim of [said, ended]) {
    if (claim !== undefined && !isSame(claim, told))
      throw new GatewayError('file-mismatch', {
        ...(field === undefined ? {} : { field }),
        rule: 'mediaType',
        detail: `It was announced as ${printable(claim)} and is ${mediaType}.`,
      })
  }
}

function saidOf({ mediaType, name }: AnnouncedType): { readonly said?: string; readonly ended?: string } {
  const spoken = mediaType?.split(';', 1)[0]?.trim().toLowerCase()
  const ended = byEnding[endingOf(name) ?? '']
  return {
    ...(spoken === undefined || silent.has(spoken) ? {} : { said: synonyms[spoken] ?? spoken }),
    ...(ended === undefined ? {} : { ended }),
  }
}

const octets = 'application/octet-stream'
const plain = 'text/plain'
/** Types with which a source says nothing. */
const silent = new Set(['', octets, 'binary/octet-stream', 'application/force-download', 'application/x-download'])
const texts = new Set([plain, 'text/csv', 'application/json', 'application/xml', 'text/markdown'])

const synonyms: Readonly<Record<string, string>> = {
  'application/x-pdf': 'application/pdf',
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'application/x-zip-compressed': 'application/zip',
  'text/xml': 'application/xml',
  'text/rtf': 'application/rtf',
  // The three of before 2007 are one container; which is in it is not told from the beginning.
  'application/msword': 'application/x-cfb',
  'application/vnd.ms-excel': 'application/x-cfb',
  'application/vnd.ms-powerpoint': 'application/x-cfb',
}

const byEnding: Readonly<Record<string, string>> = {
  pdf: 'application/pdf',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  doc: 'application/x-cfb',
  xls: 'application/x-cfb',
  ppt: 'application/x-cfb',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  odt: 'application/vnd.oasis.opendocument.text',
  ods: 'application/vnd.oasis.opendocument.spreadsheet',
  rtf: 'application/rtf',
  zip: 'application/zip',
  xml: 'application/xml',
  json: 'application/json',
  txt: plain,
  csv: 'text/csv',
  exe: 'application/x-msdownload',
  html: 'text/html',
  htm: 'text/html',
  svg: 'image/svg+xml',
}

function isSame(claim: string, sniffed: string): boolean {
  if (claim === sniffed) return true
  if (sniffed === plain) return texts.has(claim)
  // A document whose parts stand in another order than usual is known as no more than its container.
  return sniffed === 'application/zip' && /^application\/vnd\.(?:openxmlformats|oasis)/.test(claim)
}

/** Text, when the sample is UTF-8 without controls; markup that a browser would run is told apart. */
function textType(sample: Uint8Array): string | undefined {
  let text: string
  try {
    // `stream`: the sample may end in the middle of a character.
    text = new TextDecoder('utf-8', { fatal: true }).decode(sample, { stream: sample.length === sampleBytes })
  } catch {
    return undefined
  }
  if (/[^\P{Cc}\t\r\n\f]/u.test(text)) return undefined
  if (/<svg\b/i.test(text)) return 'image/svg+xml'
  // Any XML may have a `body`; without its declaration a browser would take it for a page.
  if (/^\s*<\?xml\b/.test(text)) return /<html\b/i.test(text) ? 'text/html' : 'application/xml'
  return /<(?:!doctype\s+html|html|head|body|script|iframe)\b/i.test(text) ? 'text/html' : plain
}

/** An announced type is the sender's text. */
function printable(mediaType: string): string {
  return /^[\w.+-]{1,60}\/[\w.+-]{1,80}$/.test(mediaType) ? mediaType : 'no media type'
}
