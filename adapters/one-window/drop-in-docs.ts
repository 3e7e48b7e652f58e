/** What `/openapi.json` says of this door; the requests' schemas are the national portal's contracts. */
export const dropInDocs = {
  login: (adapter: string) => ({
    operationId: `oneWindowLogin${adapter}`,
    summary: `Log in, as at the national adapter (${adapter})`,
    description: 'A wrong name or password is answered with HTTP 200 and `error_code` -1, as the portal does.',
    tags: ['one-window (drop-in)'],
    requestBody: bodyOf(['login']),
    responses: answers('The session for every later request.'),
  }),
  service: (adapter: string, path: string) => ({
    operationId: `oneWindowService${adapter}${path.replace(/[^A-Za-z0-9]+/g, '_')}`,
    summary: `Send dossiers, progress and outcomes, look up, read catalogues (${adapter})`,
    description:
      '`error_code` 0 means that the gateway holds it durably. With an invalid item it is -1 and names the item, field ' +
      'and rule; later items of the same dossier are refused with it, all others are accepted, and repeating the batch ' +
      'adds nothing. `result` carries a signed receipt for each accepted item.',
    tags: ['one-window (drop-in)'],
    requestBody: bodyOf([
      'DongBoHoSoMC',
      'CapNhatTienDoHoSoMC',
      'TraCuuHoSo',
      'DongBoTrangThaiHoSo',
      'LayDanhSachTTHC',
      'LayThuTuc',
      'LayDanhMucCoQuan',
      'LayDanhMucLinhVuc',
    ]),
    responses: answers('Done, or refused, by `error_code`.'),
  }),
}

function bodyOf(contracts: readonly string[]) {
  // In a component's name `/` is written `.`.
  const schemas = contracts.map((name) => ({ $ref: `#/components/schemas/national-portal.${name}` }))
  return {
    required: true,
    content: { 'application/json': { schema: schemas.length === 1 ? schemas[0] : { oneOf: schemas } } },
  }
}

function answers(description: string) {
  const answer = (text: string) => ({ description: text, content: { 'application/json': { schema: answerSchema } } })
  return {
    200: answer(description),
    400: answer('Not JSON, nested too deep, a key given twice, or not UTF-8.'),
    405: answer('Not a POST.'),
    413: answer('Larger than the limit, or of more values, which it names.'),
    415: answer('Not `application/json`.'),
    429: answer('Too many wrong passwords for one name from one address, or over the quota; see `Retry-After`.'),
    503: answer('Not accepted; send it again after `Retry-After`.'),
  }
}

const answerSchema = {
  type: 'object',
  required: ['error_code', 'message'],
  properties: {
    error_code: { type: 'integer', enum: [0, -1] },
    message: { type: 'string' },
    session: { type: 'string' },
    result: { type: 'array', items: { type: 'object' } },
  },
}
