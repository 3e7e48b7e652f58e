const text = { type: 'string' }
const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { type: 'object' } } },
})
const bytes = (description: string) => ({
  description,
  content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
})
const file = {
  type: 'object',
  required: ['digest', 'sizeBytes', 'mediaType'],
  properties: {
    digest: { type: 'string', description: '`sha-256:<hex>`: what a message names the file by.' },
    sizeBytes: { type: 'integer' },
    mediaType: { type: 'string', description: 'What it was found to be.' },
    name: text,
  },
}
const tags = ['files']
const reading = {
  tags,
  responses: {
    200: bytes('The file, with its digest in `Repr-Digest` (RFC 9530).'),
    206: bytes('The range that was asked for.'),
    404: problem('It is not here, or not for this reader.'),
    416: problem('The file does not have that range.'),
  },
}

/** What `/openapi.json` says of the files' door. */
export const filesDocs = {
  upload: {
    operationId: 'uploadFiles',
    summary: 'Hand in files that messages will name by their digest',
    description:
      'One part per file, with its name. A text part `digest` (`sha-256:<hex>`) or `sizeBytes` before a file announces ' +
      'it; whatever is announced is held to. All of them are kept, or none.',
    tags,
    security: [{ accessToken: [] }],
    requestBody: {
      required: true,
      content: {
        'multipart/form-data': {
          schema: { type: 'object', properties: { file: { type: 'string', format: 'binary' } } },
        },
      },
    },
    responses: {
      201: {
        description: 'Kept durably.',
        content: {
          'application/json': {
            schema: { type: 'object', properties: { files: { type: 'array', items: file } } },
          },
        },
      },
      400: problem('Not well-formed multipart, or cut off.'),
      401: problem('No access token, or one that is not accepted.'),
      413: problem('A file or the request is larger than the limit, which it names.'),
      422: problem('A name, a type, a size or a digest is not as announced or not taken; malware was found.'),
      503: problem('Nothing was kept: the disk or the scanner is not there. Send it again after `Retry-After`.'),
    },
  },
  download: {
    ...reading,
    operationId: 'readFile',
    summary: 'Read a file of a message you sent or were sent',
    security: [{ accessToken: [] }],
  },
  link: {
    ...reading,
    operationId: 'followLink',
    summary: 'Read a file by a signed link',
    parameters: [
      { name: 'exp', in: 'query', required: true, schema: { type: 'integer' }, description: 'Seconds since 1970.' },
      { name: 'sig', in: 'query', required: true, schema: text, description: 'HMAC-SHA-256, base64url.' },
    ],
    responses: { ...reading.responses, 410: problem('The link has expired.') },
  },
}
