import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import {
  defaultLdifLimits,
  type LdifLimits,
  type LdifRecord,
  parseLdif,
  readLdif,
} from '../../src/directory/ldif/ldif-reader.ts';
import { parseCertificateList } from '../../src/x509/certificate-list.ts';
import { readFixture } from '../support/x509-samples.ts';

function parse(text: string, limits: Partial<LdifLimits> = {}): readonly LdifRecord[] {
  return parseLdif(encodeUtf8(text), { limits: { ...defaultLdifLimits, ...limits } });
}

/** Records with values as text. */
function plain(records: readonly LdifRecord[]): unknown {
  return records.map(({ dn, attributes }) => ({
    dn,
    attributes: attributes.map(({ description, value }) => [
      description,
      Buffer.from(value).toString('utf8'),
    ]),
  }));
}

const one = (...attributes: string[][]): unknown => [{ dn: 'cn=a', attributes }];

describe('RFC 2849 content records', () => {
  const rows: readonly (readonly [why: string, text: string, records: unknown])[] = [
    ['a record', 'dn: cn=a\ncn: a\n', one(['cn', 'a'])],
    ['a version', 'version: 1\ndn: cn=a\ncn: a\n', one(['cn', 'a'])],
    ['a version and an empty line', 'version: 1\n\ndn: cn=a\ncn: a\n', one(['cn', 'a'])],
    ['no line end at the end', 'dn: cn=a\ncn: a', one(['cn', 'a'])],
    ['CRLF', 'version: 1\r\ndn: cn=a\r\ncn: a\r\n b\r\n\r\n', one(['cn', 'ab'])],
    ['no space behind the colon', 'dn:cn=a\ncn:a\n', one(['cn', 'a'])],
    ['many spaces behind the colon', 'dn:   cn=a\ncn:   a\n', one(['cn', 'a'])],
    ['an empty value', 'dn: cn=a\ncn:\ncn: \n', one(['cn', ''], ['cn', ''])],
    ['a space at the end', 'dn: cn=a\ncn: a \n', one(['cn', 'a '])],
    ['colons in the value', 'dn: cn=a\ncn: a:b: c\n', one(['cn', 'a:b: c'])],
    ['base64', 'dn:: Y249YQ==\ncn:: IGE6\n', one(['cn', ' a:'])],
    ['an empty value in base64', 'dn: cn=a\ncn::\n', one(['cn', ''])],
    ['folds', 'dn: cn\n =a\ncn: a\n  b\n c\n', one(['cn', 'a bc'])],
    [
      'a fold in the attribute description',
      'dn: cn=a\ndescr\n iption: a\n',
      one(['description', 'a']),
    ],
    ['folds in base64', 'dn: cn=a\ncn:: Y\n WJ\n j\n', one(['cn', 'abc'])],
    ['a fold of nothing', 'dn: cn=a\ncn: a\n \n b\n', one(['cn', 'ab'])],
    ['options', 'dn: cn=a\ncn;lang-ja;x-y: a\n', one(['cn;lang-ja;x-y', 'a'])],
    ['OIDs', 'dn: cn=a\n2.5.4.3;binary: a\n', one(['2.5.4.3;binary', 'a'])],
    ['comments', '# x\nversion: 1\n# x\n# y\ndn: cn=a\n# x\n y\n z\ncn: a\n#\n', one(['cn', 'a'])],
    ['UTF-8 that is not in base64', 'dn: cn=a\ncn: 前橋市\n', one(['cn', '前橋市'])],
    ['a byte order mark', '\ufeffdn: cn=a\ncn: a\n', one(['cn', 'a'])],
    ['nothing', '', []],
    ['nothing but a version', 'version: 1\n', []],
    ['nothing but comments and empty lines', '\n\n# a\n\n', []],
    ['an attribute called version', 'dn: cn=a\nversion: 2\n', one(['version', '2'])],
    [
      'an attribute called changetype, later',
      'dn: cn=a\ncn: a\nchangetype: add\n',
      one(['cn', 'a'], ['changetype', 'add']),
    ],
    [
      'records with several empty lines between them',
      '\n\ndn: cn=a\ncn: a\n\n\r\n\ndn: cn=b\ncn: b\n\n\n',
      [
        { dn: 'cn=a', attributes: [['cn', 'a']] },
        { dn: 'cn=b', attributes: [['cn', 'b']] },
      ],
    ],
    ['the empty name', 'dn:\ncn: a\n', [{ dn: '', attributes: [['cn', 'a']] }]],
    ['prototype names', 'dn: cn=a\nconstructor: a\n', one(['constructor', 'a'])],
  ];
  for (const [why, text, records] of rows) {
    it(why, () => {
      assert.deepEqual(plain(parse(text)), records);
    });
  }

  it('lines are numbered as the file has them', () => {
    const [first, second] = parse('# x\n# y\n\ndn: a\ncn: b\n c\n# z\nsn: d\n\ndn: e\ncn: f\n');
    assert.equal(first?.line, 4);
    assert.deepEqual(
      first?.attributes.map(({ line }) => line),
      [5, 8],
    );
    assert.equal(second?.line, 10);
  });
});

describe('what is not LDIF', () => {
  const rows: readonly (readonly [why: string, text: string, code: string, line: number])[] = [
    ['a version other than 1', 'version: 2\ndn: cn=a\ncn: a\n', 'VERSION', 1],
    ['a version of nothing', 'version:\n', 'VERSION', 1],
    ['no name', 'cn: a\n', 'SYNTAX', 1],
    ['no name in the second record', 'dn: cn=a\ncn: a\n\ncn: b\n', 'SYNTAX', 4],
    ['a version in the middle', 'dn: cn=a\ncn: a\n\nversion: 1\n', 'SYNTAX', 4],
    ['no attributes', 'dn: cn=a\n\ndn: cn=b\ncn: b\n', 'SYNTAX', 1],
    ['no attributes at the end', 'dn: cn=a\n', 'SYNTAX', 1],
    ['no colon', 'dn: cn=a\ncn\n', 'SYNTAX', 2],
    ['no attribute', 'dn: cn=a\n: a\n', 'SYNTAX', 2],
    ['a space before the colon', 'dn: cn=a\ncn : a\n', 'SYNTAX', 2],
    ['an underscore', 'dn: cn=a\nc_n: a\n', 'SYNTAX', 2],
    ['an empty option', 'dn: cn=a\ncn;: a\n', 'SYNTAX', 2],
    ['a fold at the start', ' dn: cn=a\n', 'SYNTAX', 1],
    ['a fold behind an empty line', 'dn: cn=a\ncn: a\n\n b\n', 'SYNTAX', 4],
    ['base64 with a foreign character', 'dn: cn=a\ncn:: YW_j\n', 'SYNTAX', 2],
    ['base64 with a space', 'dn: cn=a\ncn:: YW Jj\n', 'SYNTAX', 2],
    ['base64 without its padding', 'dn: cn=a\ncn:: YQ\n', 'SYNTAX', 2],
    ['base64 with padding in the middle', 'dn: cn=a\ncn:: YQ==YQ==\n', 'SYNTAX', 2],
    ['base64 with bits that are dropped', 'dn: cn=a\ncn:: YR==\n', 'SYNTAX', 2],
    ['base64 of nothing but padding', 'dn: cn=a\ncn:: ====\n', 'SYNTAX', 2],
    ['a name that is not UTF-8', 'dn:: /w==\ncn: a\n', 'SYNTAX', 1],
    ['NUL in a value', 'dn: cn=a\ncn: a\0b\n', 'SYNTAX', 2],
    ['CR in a value', 'dn: cn=a\ncn: a\rb\n', 'SYNTAX', 2],
    ['a change record', 'dn: cn=a\nchangetype: delete\n', 'CHANGE', 2],
    ['a change record in capitals', 'dn: cn=a\nCHANGETYPE: delete\n', 'CHANGE', 2],
    ['a control', 'dn: cn=a\ncontrol: 1.2.3\nchangetype: delete\n', 'CHANGE', 2],
    ['a dash', 'dn: cn=a\ncn: a\n-\n', 'SYNTAX', 3],
    ['a URL', 'dn: cn=a\ncn:< file:///etc/passwd\n', 'URL', 2],
    ['a URL without space', 'dn: cn=a\ncn:<file:///etc/passwd\n', 'URL', 2],
    ['a URL for the name', 'dn:< file:///etc/passwd\ncn: a\n', 'URL', 1],
    [
      'the line counted across folds and comments',
      '# a\n b\ndn: cn=a\ncn: a\n b\n# c\ncn\n',
      'SYNTAX',
      7,
    ],
  ];
  for (const [why, text, code, line] of rows) {
    it(`${why}: ${code} at line ${line}`, () => {
      assert.throws(
        () => parse(text),
        (error: unknown) => {
          assert.ok(isCertdirError(error));
          assert.equal(error.name, 'DirectoryError');
          assert.equal(error.code, `DIRECTORY_LDIF_${code}`, error.message);
          assert.ok(error.message.startsWith(`line ${line}: `), error.message);
          return true;
        },
      );
    });
  }

  it('UTF-16 is refused', () => {
    assert.throws(() => parseLdif(Buffer.from('\ufeffdn: cn=a\ncn: a\n', 'utf16le')), {
      code: 'DIRECTORY_LDIF_SYNTAX',
    });
  });

  it('octets that are not UTF-8 are refused', () => {
    assert.throws(() => parseLdif(Buffer.from('dn: cn=a\ncn: \xe9\n', 'latin1')), {
      code: 'DIRECTORY_LDIF_SYNTAX',
    });
  });
});

describe('limits', () => {
  const limited = { code: 'DIRECTORY_LDIF_LIMIT' };

  it('of a line', () => {
    const limits = { maxLineBytes: 20 };
    assert.equal(parse(`dn: cn=a\ncn: ${'a'.repeat(16)}\n`, limits).length, 1);
    assert.throws(() => parse(`dn: cn=a\ncn: ${'a'.repeat(17)}\n`, limits), limited);
    assert.throws(() => parse(`# ${'a'.repeat(19)}`, limits), limited);
  });

  it('of a folded line', () => {
    const limits = { maxLineBytes: 20 };
    const folded = (count: number): string => `dn: cn=a\ncn: ${'a\n '.repeat(count)}\n`;
    assert.equal(parse(folded(16), limits).length, 1);
    assert.throws(() => parse(folded(17), limits), limited);
  });

  it('of the folds of a line', () => {
    const limits = { maxFolds: 3 };
    const folded = (count: number): string => `dn: cn=a\ncn: a\n${' \n'.repeat(count)}`;
    assert.equal(parse(folded(3) + folded(3).replace('dn', '\ndn'), limits).length, 2);
    assert.throws(() => parse(folded(4), limits), limited);
  });

  it('of the lines of a file', () => {
    const limits = { maxLines: 4 };
    assert.equal(parse('dn: cn=a\ncn: a\n\n#\n', limits).length, 1);
    assert.throws(() => parse('dn: cn=a\ncn: a\n\n#\n\n', limits), limited);
  });

  it('of the values of a record', () => {
    const limits = { maxValues: 3 };
    const record = (count: number): string => `dn: cn=a\n${'cn: a\n'.repeat(count)}\n`;
    assert.equal(parse(record(3) + record(3), limits).length, 2);
    assert.throws(() => parse(record(4), limits), limited);
  });

  it('of a record, folds of nothing and comments counted', () => {
    const limits = { maxRecordBytes: 100 };
    assert.equal(parse(`dn: cn=a\ncn: a\n${' \n'.repeat(42)}`, limits).length, 1);
    assert.throws(() => parse(`dn: cn=a\ncn: a\n${' \n'.repeat(43)}`, limits), limited);
    assert.throws(() => parse(`dn: cn=a\ncn: a\n${'#\n'.repeat(43)}`, limits), limited);
    const record = 'dn: cn=a\ncn: a\n\n';
    assert.equal(parse(record.repeat(100), limits).length, 100);
  });

  it('a line without end is refused before the stream ends', async () => {
    let chunks = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        chunks += 1;
        yield new Uint8Array(1000).fill(0x41);
      }
    }
    const limits = { ...defaultLdifLimits, maxLineBytes: 10_000 };
    await assert.rejects(async () => {
      for await (const _record of readLdif(endless(), { limits })) {
        assert.fail('there is no record');
      }
    }, limited);
    assert.equal(chunks, 11);
  });
});

describe('streams', () => {
  it('give what stands before a fault, and the first fault, however they are cut', async () => {
    const bytes = encodeUtf8(`dn: cn=a\ncn: a\n\ndn: cn=b\nnonsense\ncn: b\n${'x'.repeat(100)}\n`);
    const limits = { ...defaultLdifLimits, maxLineBytes: 50 };
    for (const size of [1, 7, bytes.length]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      const names: string[] = [];
      const read = async (): Promise<void> => {
        for await (const { dn } of readLdif(chunksOf(chunks), { limits })) {
          names.push(dn);
        }
      };
      await assert.rejects(read(), { code: 'DIRECTORY_LDIF_SYNTAX', message: /^line 5: / });
      assert.deepEqual(names, ['cn=a']);
    }
  });

  const text =
    'version: 1\r\n\r\ndn: cn=a\r\ncn: a\r\n b\r\n\r\n# x\r\ndn:: Y249Yg==\r\nsn: 前\r\n';

  it('cut at every octet give the same', async () => {
    const bytes = encodeUtf8(text);
    const whole = parseLdif(bytes);
    assert.equal(whole.length, 2);
    for (let at = 0; at <= bytes.length; at += 1) {
      const records: LdifRecord[] = [];
      for await (const record of readLdif(chunksOf([bytes.subarray(0, at), bytes.subarray(at)]))) {
        records.push(record);
      }
      assert.deepEqual(records, whole);
    }
  });

  it('give a record as soon as it is complete', async () => {
    let given = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (const part of ['dn: cn=a\ncn: a\n\n', 'dn: cn=b\ncn: b\n\n', 'nonsense\n']) {
        given += 1;
        yield encodeUtf8(part);
      }
    }
    const reader = readLdif(source());
    assert.equal((await reader.next()).value?.dn, 'cn=a');
    assert.equal(given, 1);
    assert.equal((await reader.next()).value?.dn, 'cn=b');
    assert.equal(given, 2);
    await assert.rejects(reader.next(), { code: 'DIRECTORY_LDIF_SYNTAX', message: /^line 7: / });
  });

  it('values do not hold on to what was read', () => {
    const [record] = parse(`dn: cn=a\ncn: a\n${'# x\n'.repeat(1000)}`);
    assert.ok((record?.attributes[0]?.value.buffer.byteLength ?? 1e9) < 1000);
  });
});

async function* chunksOf(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

describe('files of others', () => {
  it('hold certificate lists, folded and not', () => {
    const lists = ['crls/dhs-ca4-crl1251.ldif', 'crls/mock-dhs-ca4-tree.ldif'].flatMap((file) =>
      parseLdif(readFixture(file)).flatMap(({ attributes }) =>
        attributes.filter(({ description }) => description === 'certificateRevocationList;binary'),
      ),
    );
    assert.ok(lists.length >= 2);
    for (const { value } of lists) {
      assert.ok(parseCertificateList(value).thisUpdateMs > 0);
    }
  });
});
