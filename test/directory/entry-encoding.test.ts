import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { attributeCode, codedOid } from '../../src/directory/entries/attribute-codes.ts';
import { Entry, LargeValue } from '../../src/directory/entries/entry.ts';
import { decodeEntry, encodeEntry } from '../../src/directory/entries/entry-encoding.ts';
import type { AttributeType } from '../../src/directory/schema/schema-model.ts';
import { shippedSchema } from '../support/directory-fixture.ts';

const schema = await shippedSchema();

function typeOf(name: string): AttributeType {
  const type = schema.attributeType(name);
  assert.ok(type, name);
  return type;
}

const key = Uint8Array.of(1, 2, 3);
/** Plain arrays, as a decoded entry has them. */
const octets = (text: string): Uint8Array => new Uint8Array(encodeUtf8(text));

const sample = new Entry('cn=A b+sn=C,o=JPKI', key, [
  { type: typeOf('cn'), options: [], values: [octets('A b'), octets('前橋市')] },
  { type: typeOf('cn'), options: ['lang-ja'], values: [octets('前橋')] },
  { type: typeOf('certdirVerifierKind'), options: [], values: [octets('x'.repeat(300))] },
  {
    type: typeOf('certificateRevocationList'),
    options: [],
    values: [new LargeValue(new Uint8Array(32).fill(7), 20_000_000)],
  },
]);

describe('encodeEntry and decodeEntry', () => {
  it('keep name, attributes, options, small and large values', () => {
    assert.deepEqual(decodeEntry(key, encodeEntry(sample), schema), sample);
  });

  it('take one byte for a coded type', () => {
    const type = typeOf('cn');
    const entry = new Entry('', key, [{ type, options: [], values: [Uint8Array.of(65)] }]);
    // format, empty name, one attribute; code, no options, one value; length * 2, the value
    assert.deepEqual([...encodeEntry(entry)], [1, 0, 1, attributeCode(type.oid), 0, 1, 2, 65]);
  });

  it('make views of the stored bytes, not copies', () => {
    const bytes = encodeEntry(sample);
    const value = decodeEntry(key, bytes, schema).values(typeOf('cn'))[0];
    assert.equal(value?.buffer, bytes.buffer);
  });

  const encoded = encodeEntry(sample);
  it('refuse every truncation', () => {
    for (let length = 0; length < encoded.length; length += 1) {
      const cut = encoded.slice(0, length);
      assert.throws(() => decodeEntry(key, cut, schema), { code: 'DIRECTORY_ENTRY_DAMAGED' });
    }
  });

  const damaged = [
    { why: 'another format', bytes: [2, 0, 0] },
    { why: 'bytes behind the end', bytes: [1, 0, 0, 0] },
    { why: 'a code that nothing has', bytes: [1, 0, 1, 127, 0, 0] },
    { why: 'a type that is not in the schema', bytes: [1, 0, 1, 0, 3, 0x31, 0x2e, 0x39, 0, 0] },
    { why: 'a count larger than the bytes left', bytes: [1, 0, 0xff, 0xff, 0x7f] },
    { why: 'a number without an end', bytes: [1, ...new Array(9).fill(0xff)] },
  ];
  for (const { why, bytes } of damaged) {
    it(`refuse ${why}`, () => {
      const given = Uint8Array.from(bytes);
      assert.throws(() => decodeEntry(key, given, schema), { code: 'DIRECTORY_ENTRY_DAMAGED' });
    });
  }
});

describe('attribute codes', () => {
  it('are what stores in the field have: these never change', () => {
    const fixed = { '2.5.4.0': 1, '1.3.6.1.1.16.4': 3, '2.5.4.3': 9, '2.5.4.39': 27 };
    for (const [oid, code] of Object.entries(fixed)) {
      assert.equal(attributeCode(oid), code);
      assert.equal(codedOid(code), oid);
    }
  });

  it('stay below 128 and name each type once', () => {
    const oids = new Set<string>();
    for (let code = 1; codedOid(code) !== undefined; code += 1) {
      assert.ok(code < 128);
      oids.add(codedOid(code) ?? '');
      assert.equal(oids.size, code);
    }
  });
});
