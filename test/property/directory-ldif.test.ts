import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import { type LdifRecord, parseLdif, readLdif } from '../../src/directory/ldif/ldif-reader.ts';
import { formatLdifRecord, ldifHeader } from '../../src/directory/ldif/ldif-writer.ts';

const runs = { seed: 20260108, numRuns: 1000 };

const value = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ unit: 'binary', maxLength: 120 }).map((text) => Uint8Array.from(encodeUtf8(text))),
  fc
    .constantFrom('', ' ', ':', '<', 'a ', '-', '#', 'dn: x')
    .map((text) => Uint8Array.from(encodeUtf8(text))),
);
const attribute = fc.record({
  description: fc.constantFrom('cn', 'cn;lang-ja', '2.5.4.3', 'userCertificate;binary', 'version'),
  values: fc.array(value, { minLength: 1, maxLength: 3 }),
});
const record = fc.record({
  dn: fc.string({ unit: 'grapheme', maxLength: 90 }),
  attributes: fc.array(attribute, { minLength: 1, maxLength: 4 }),
});

function plain(records: readonly LdifRecord[]): unknown {
  return records.map(({ dn, attributes }) => ({
    dn,
    values: attributes.map((each) => [each.description, Buffer.from(each.value).toString('hex')]),
  }));
}

function expected(
  records: readonly {
    dn: string;
    attributes: readonly { description: string; values: readonly Uint8Array[] }[];
  }[],
): unknown {
  return records.map(({ dn, attributes }) => ({
    dn,
    values: attributes.flatMap(({ description, values }) =>
      values.map((each) => [description, Buffer.from(each).toString('hex')]),
    ),
  }));
}

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}

describe('LDIF', () => {
  it('parse(format(records)) is the records, with LF and CRLF', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 4 }), fc.boolean(), (records, hasCr) => {
        const text =
          ldifHeader + records.map((each) => formatLdifRecord(each.dn, each.attributes)).join('');
        const parsed = parseLdif(encodeUtf8(hasCr ? text.replaceAll('\n', '\r\n') : text));
        assert.deepEqual(plain(parsed), expected(records));
      }),
      runs,
    );
  });

  it('folded at any column means the same', () => {
    fc.assert(
      fc.property(record, fc.integer({ min: 1, max: 80 }), (each, width) => {
        const text = formatLdifRecord(each.dn, each.attributes)
          .replaceAll('\n ', '')
          .split('\n')
          .map((line) => line.replace(new RegExp(`.{${width}}(?=.)`, 'gs'), '$&\n '))
          .join('\n');
        assert.deepEqual(plain(parseLdif(encodeUtf8(text))), expected([each]));
      }),
      runs,
    );
  });

  it('in chunks of any size means the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 3 }),
        fc.integer({ min: 1, max: 100 }),
        async (records, size) => {
          const bytes = encodeUtf8(
            records.map((each) => formatLdifRecord(each.dn, each.attributes)).join(''),
          );
          const parsed: LdifRecord[] = [];
          for await (const each of readLdif(chunks(bytes, size))) {
            parsed.push(each);
          }
          assert.deepEqual(parsed, parseLdif(bytes));
        },
      ),
      { ...runs, numRuns: 300 },
    );
  });

  it('any text is records or a DirectoryError', () => {
    const piece = fc.constantFrom(
      'dn: cn=a',
      'cn: a',
      'cn:: YQ==',
      'cn:: x',
      'cn:< file:///x',
      '#',
      ' ',
      '\n',
      '\n\n',
      '\r\n',
      'version: 1',
      'changetype: add',
      '-',
      ':',
      'a',
      '\0',
      '前',
      '\ufeff',
    );
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(piece, { maxLength: 16 }).map((pieces) => encodeUtf8(pieces.join(''))),
      fc.array(piece, { maxLength: 16 }).map((pieces) => encodeUtf8(pieces.join('\n'))),
    );
    fc.assert(
      fc.property(text, (bytes) => {
        try {
          parseLdif(bytes);
        } catch (error) {
          assert.ok(error instanceof DirectoryError, String(error));
          assert.match(error.code, /^DIRECTORY_LDIF_/);
          assert.match(error.message, /^line \d+: /);
        }
      }),
      { ...runs, numRuns: 4000 },
    );
  });
});
