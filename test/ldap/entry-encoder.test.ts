import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { AttributeValues, SearchResultEntry } from '../../src/directory/service.ts';
import { encodeSearchEntry } from '../../src/ldap/entry-encoder.ts';
import { joinMessage } from '../support/joined-message.ts';
import { parseAnswer } from '../support/ldap-answers.ts';
import { int, octets, tlv } from '../support/ldap-request-bytes.ts';

function encode(messageId: number, entry: SearchResultEntry): Buffer {
  return joinMessage(messageId, encodeSearchEntry(entry));
}

/** The same message written with the encoder of the tests. */
function expected(messageId: number, { dn, attributes }: SearchResultEntry): Buffer {
  const list = attributes.map(({ description, values }) =>
    tlv(0x30, octets(description), tlv(0x31, values.map(octets))),
  );
  return tlv(0x30, int(messageId), tlv(0x64, octets(dn), tlv(0x30, list)));
}

const attribute = (description: string, ...sizes: readonly number[]): AttributeValues => ({
  description,
  values: sizes.map((size) => new Uint8Array(size).fill(size)),
});

describe('encodeSearchEntry (RFC 4511 §4.5.2)', () => {
  const entries: { what: string; entry: SearchResultEntry }[] = [
    { what: 'no attribute', entry: { dn: '', attributes: [] } },
    { what: 'names beyond ASCII', entry: { dn: 'cn=群馬', attributes: [attribute('ö', 3)] } },
    { what: 'types only', entry: { dn: 'cn=a', attributes: [attribute('cn'), attribute('sn')] } },
    { what: 'an empty value', entry: { dn: 'cn=a', attributes: [attribute('cn', 0)] } },
    {
      what: 'values around the size from which they are shared',
      entry: { dn: 'cn=a', attributes: [attribute('x', 4095, 4096, 4097), attribute('y', 1)] },
    },
    {
      what: 'shared values side by side and last',
      entry: { dn: 'cn=a', attributes: [attribute('x', 5000, 6000), attribute('y', 7000)] },
    },
    {
      what: 'many small values',
      entry: { dn: 'cn=a', attributes: [attribute('x', ...Array(500).fill(20))] },
    },
    ...[127, 128, 255, 256, 65_535, 65_536].map((size) => ({
      what: `a value of ${size} bytes`,
      entry: { dn: 'cn=a', attributes: [attribute('x', size)] },
    })),
  ];
  for (const { what, entry } of entries) {
    it(`writes ${what}`, () => {
      assert.deepEqual(encode(5, entry), expected(5, entry));
    });
  }

  for (const messageId of [1, 127, 128, 32_767, 32_768, 8_388_607, 8_388_608, 2 ** 31 - 1]) {
    it(`puts message id ${messageId} before it`, () => {
      const entry = { dn: 'cn=a', attributes: [attribute('cn', 1)] };
      assert.deepEqual(encode(messageId, entry), expected(messageId, entry));
    });
  }

  it('can be read back', () => {
    const entry = { dn: 'cn=a', attributes: [attribute('cn', 1, 2), attribute('y;binary', 9000)] };
    const answer = parseAnswer(encode(9, entry));
    assert.equal(answer.dn, 'cn=a');
    assert.deepEqual(
      [...answer.attributes].map(([name, values]) => [name, values.map(({ length }) => length)]),
      [
        ['cn', [1, 2]],
        ['y;binary', [9000]],
      ],
    );
  });

  it('sends large values from where they are: 20 MB take no memory', () => {
    const large = new Uint8Array(20_000_000);
    const entry = { dn: 'cn=a', attributes: [{ description: 'x', values: [large, large] }] };
    const before = process.memoryUsage().arrayBuffers;
    const { parts, length } = encodeSearchEntry(entry);
    assert.ok(process.memoryUsage().arrayBuffers - before < 100_000);
    assert.equal(parts.filter((part) => part === large).length, 2);
    assert.equal(
      parts.reduce((sum, part) => sum + part.length, 0),
      length,
    );
  });
});
