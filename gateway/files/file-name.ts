import { GatewayError } from '../bus/errors.ts'

/** A file's name as its sender gave it, in NFC. Throws `file-name-refused` for one that could be more than a name. */
export function checkFileName(name: string, field?: string): string {
  const normal = name.normalize('NFC')
  const fault = faultOf(normal)
  if (fault === undefined) return normal
  throw new GatewayError('file-name-refused', { detail: fault, ...(field === undefined ? {} : { field }) })
}

function faultOf(name: string): string | undefined {
  if (name.trim() === '') return 'It is empty.'
  if (Buffer.byteLength(name) > 1024) return 'It is longer than 1024 bytes.'
  if (/[/\\]/.test(name) || name === '.' || name === '..' || /^[a-z]:/i.test(name)) return 'It has a path.'
  // Controls, and the marks that make a name read backwards (`fdp.exe` as `exe.pdf`).
  if (/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]|\p{Cs}/u.test(name)) return 'It has a control character.'
  return undefined
}

/** A short form of a name for the end of a link: every system can carry it, and its ending is kept. */
export function nameInLink(name: string | undefined): string {
  const plain = (name ?? '')
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .replaceAll('đ', 'd')
    .replaceAll('Đ', 'D')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+/, '')
  const ending = /\.[A-Za-z0-9]{1,5}$/.exec(plain)?.[0] ?? ''
  const stem = plain
    .slice(0, plain.length - ending.length)
    .slice(0, 60)
    .replace(/[.-]+$/, '')
  return `${stem || 'tep'}${ending}`
}

/** The ending without its dot, in lower case; `undefined` when there is none. */
export function endingOf(name: string | undefined): string | undefined {
  return /\.([A-Za-z0-9]{1,8})$/.exec(name ?? '')?.[1]?.toLowerCase()
}
