import t from 'tap'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { childrenOf, documentLimits, namespacesAt, pathOf, readXml } from '../../gateway/envelopes/xml-gate.ts'

function refusalOf(document: string | Uint8Array, limits = documentLimits): string {
  try {
    readXml(typeof document === 'string' ? Buffer.from(document) : document, limits)
    return 'accepted'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

t.test('each refusal has a twin that is accepted', async (t) => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['xml-forbidden', '<!DOCTYPE a><a/>', '<a/>'],
    ['xml-forbidden', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', '<a>&amp;</a>'],
    ['xml-forbidden', '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>', '<a>&lt;!DOCTYPE a></a>'],
    ['xml-forbidden', '<?xml-stylesheet href="http://127.0.0.1:9/x"?><a/>', '<?xml version="1.0"?><a/>'],
    ['xml-forbidden', '<a><?php echo 1 ?></a>', '<a><!-- ?php echo 1 ? --></a>'],
    ['xml-forbidden', '<a/><?end?>', '<a/>\n<!-- end -->\n'],
    ['xml-forbidden', '<?xml version="1.1"?><a/>', "<?xml version='1.0'?><a/>"],
    ['xml-forbidden', '<?xml version="1.0" encoding="ISO-8859-1"?><a/>', '<?xml version="1.0" encoding="utf-8"?><a/>'],
    ['xml-forbidden', '<?xml version="1.0" encoding="UTF-16"?><a/>', '<?xml version="1.0" encoding="UTF-8"?><a/>'],
    ['xml-forbidden', '<p:a xmlns:p="urn:x?a=1&amp;b=2"/>', '<p:a xmlns:p="urn:x?a=1;b=2"/>'],
    ['xml-forbidden', "<a xmlns='urn:&quot; b=&quot;1'/>", '<a xmlns="urn:%22"/>'],
    ['xml-forbidden', '<a xmlns="urn:x&#10;"/>', '<a xmlns="urn:x"/>'],
    ['xml-unreadable', '<a>&unknown;</a>', '<a>&#x1EA1;</a>'],
    ['xml-unreadable', '<a>&#0;</a>', '<a>&#9;</a>'],
    ['xml-unreadable', '<a>&#x1F;</a>', '<a>&#x20;</a>'],
    ['xml-unreadable', '<a>&#xD800;</a>', '<a>&#x10000;</a>'],
    ['xml-unreadable', '<a b="1" b="2"/>', '<a b="1" c="2"/>'],
    [
      'xml-unreadable',
      '<a xmlns:p="urn:x" xmlns:q="urn:x" p:b="1" q:b="2"/>',
      '<a xmlns:p="urn:x" xmlns:q="urn:y" p:b="1" q:b="2"/>',
    ],
    ['xml-unreadable', '<p:a/>', '<p:a xmlns:p="urn:x"/>'],
    ['xml-unreadable', '<a xmlns:p=""/>', '<a xmlns=""/>'],
  ]
  for (const [code, document, twin] of cases) {
    t.equal(refusalOf(document), code, document)
    t.equal(refusalOf(twin), 'accepted', twin)
  }
})

t.test('what is not well-formed does not pass', async (t) => {
  const documents = [
    '',
    ' ',
    'text',
    '<',
    '<a',
    '<a>',
    '</a>',
    '<a></b>',
    '<a></a',
    '<a/><b/>',
    '<a/>text',
    'text<a/>',
    '<a><b></a></b>',
    '<a b/>',
    '<a b=1/>',
    '<a b="1/>',
    '<a b="<"/>',
    '<a b="1"c="2"/>',
    '<a b="&"/>',
    '<a>&</a>',
    '<a>&amp</a>',
    '<a>& b</a>',
    '<a>]]></a>',
    '<a><!-- -- --></a>',
    '<a><!-- </a>',
    '<a><!--></a>',
    '<a><![CDATA[x]]</a>',
    '<a><![CDATA[x</a>',
    '<a><![cdata[x]]></a>',
    '<![CDATA[x]]><a/>',
    '<1a/>',
    '<a 1b="x"/>',
    '< a/>',
    '<a / >',
    '<a:b:c xmlns:a="u"/>',
    '<xmlns:a/>',
    '<a xmlns:xml="urn:x"/>',
    '<a xmlns:xmlns="urn:x"/>',
    '<a xmlns="http://www.w3.org/2000/xmlns/"/>',
    '<a>\u0000</a>',
    '<a>\u0001</a>',
    '<a>\ufffe</a>',
    '<a\u0000/>',
    '<a b="\u0008"/>',
    ' <?xml version="1.0"?><a/>',
    '<?xml?><a/>',
    '<?xml version="1.0" standalone="maybe"?><a/>',
    '<?xml encoding="utf-8" version="1.0"?><a/>',
    '<a>&#x110000;</a>',
    '<a>&#xZZ;</a>',
    '<a>&#;</a>',
    '<a><b/></a><!-- ',
  ]
  for (const document of documents) {
    t.equal(refusalOf(document), 'xml-unreadable', JSON.stringify(document))
  }
})

t.test('bytes that are not UTF-8 do not pass', async (t) => {
  t.equal(refusalOf(Buffer.concat([Buffer.from('<a>'), Buffer.from([0xc3]), Buffer.from('</a>')])), 'xml-unreadable')
  t.equal(refusalOf(Buffer.from([0x3c, 0x61, 0xc0, 0xaf, 0x2f, 0x3e])), 'xml-unreadable', 'overlong')
  t.equal(refusalOf(Buffer.from('<a/>', 'utf16le')), 'xml-unreadable')
  t.equal(refusalOf(Buffer.from('\ufeff<a>ế</a>')), 'accepted', 'a byte order mark of UTF-8 is one')
})

t.test('every limit is a limit, and what just fits it passes', async (t) => {
  const limits = { maxBytes: 4096, maxElements: 50, maxDepth: 8, maxAttributes: 4 }
  const sized = (bytes: number) => `<a>${'x'.repeat(bytes - 7)}</a>`
  const deep = (levels: number) => `${'<a>'.repeat(levels)}${'</a>'.repeat(levels)}`
  const wide = (count: number) => `<r>${'<a/>'.repeat(count - 1)}</r>`
  const dressed = (count: number) => `<r ${Array.from({ length: count }, (_, i) => `a${i}="1"`).join(' ')}/>`
  const declared = (count: number) => `<r ${Array.from({ length: count }, (_, i) => `xmlns:a${i}="u${i}"`).join(' ')}/>`
  t.equal(refusalOf(sized(4096), limits), 'accepted')
  t.equal(refusalOf(sized(4097), limits), 'request-too-large')
  for (const [make, most] of [
    [deep, 8],
    [wide, 50],
    [dressed, 4],
    [declared, 4],
  ] as const) {
    t.equal(refusalOf(make(most), limits), 'accepted')
    t.equal(refusalOf(make(most + 1), limits), 'xml-too-complex')
  }
})

t.test('bombs are refused before they cost anything', async (t) => {
  const laughs = `<!DOCTYPE l [<!ENTITY a0 "ha">${Array.from(
    { length: 30 },
    (_, i) => `<!ENTITY a${i + 1} "&a${i};&a${i};">`,
  ).join('')}]><l>&a30;</l>`
  const bombs: readonly (readonly [string, string])[] = [
    ['xml-forbidden', laughs],
    ['xml-forbidden', `<!DOCTYPE a [<!ENTITY b "${'x'.repeat(100_000)}">]><a>${'&b;'.repeat(200_000)}</a>`],
    ['xml-forbidden', '<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><a/>'],
    ['xml-too-complex', '<a>'.repeat(200_000)],
    ['xml-too-complex', `<a ${Array.from({ length: 60_000 }, (_, i) => `a${i}="1"`).join(' ')}/>`],
    ['xml-too-complex', `<a ${Array.from({ length: 40_000 }, (_, i) => `xmlns:a${i}="u"`).join(' ')}/>`],
    ['xml-too-complex', `<a>${'<b/>'.repeat(200_000)}</a>`],
    ['xml-unreadable', '<!--'.repeat(200_000)],
  ]
  for (const [code, bomb] of bombs) {
    t.equal(refusalOf(bomb, { ...documentLimits, maxBytes: bomb.length }), code, bomb.slice(0, 40))
  }
})

t.test('nothing of the document is in the refusal', async (t) => {
  for (const document of ['<Nguyễn-Văn-Thử>', '<a x="049090000001" x="1"/>', '<!DOCTYPE Nguyễn-Văn-Thử>']) {
    try {
      readXml(Buffer.from(document))
      t.fail('accepted')
    } catch (error) {
      t.notMatch(`${String(error)} ${JSON.stringify(error)}`, /Thử|049090000001/)
    }
  }
})

t.test('every element is told by its place, its namespaces and its parent', async (t) => {
  const gated = readXml(
    Buffer.from(
      '\ufeff<?xml version="1.0"?>\r\n<a xmlns="u:1" xmlns:p="u:2"><p:b i="1"/>\r<c xmlns="">tế 😀</c\n></a>\n',
    ),
  )
  const { text, elements } = gated
  t.same(
    elements.map((one) => [one.name, text.slice(one.start, one.end), text.slice(one.contentStart, one.contentEnd)]),
    [
      [
        '{u:1}a',
        '<a xmlns="u:1" xmlns:p="u:2"><p:b i="1"/>\n<c xmlns="">tế 😀</c\n></a>',
        '<p:b i="1"/>\n<c xmlns="">tế 😀</c\n>',
      ],
      ['{u:2}b', '<p:b i="1"/>', ''],
      ['c', '<c xmlns="">tế 😀</c\n>', 'tế 😀'],
    ],
  )
  t.same(childrenOf(gated, 0), [1, 2])
  t.same(pathOf(gated, 2), ['{u:1}a', 'c'])
  t.same({ ...namespacesAt(gated, 1) }, { '': 'u:1', p: 'u:2' })
  t.same({ ...namespacesAt(gated, 2) }, { '': '', p: 'u:2' })
})
