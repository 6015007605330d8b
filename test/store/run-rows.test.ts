import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { compareBytes } from '../../src/core/bytes.ts';
import { keyAt, ROW_HEADER_BYTES, sortRows } from '../../src/store/bulk/run-rows.ts';
import { SeededRandom } from '../support/seeded-random.ts';

/** Rows without values, one behind the other. */
function rowsOf(keys: readonly Uint8Array[]): { rows: Uint8Array; starts: Uint32Array } {
  const starts = new Uint32Array(keys.length);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [index, key] of keys.entries()) {
    const header = new Uint8Array(ROW_HEADER_BYTES);
    new DataView(header.buffer).setUint16(8, key.length);
    parts.push(header, key);
    starts[index] = at;
    at += header.length + key.length;
  }
  return { rows: new Uint8Array(Buffer.concat(parts)), starts };
}

function assertSorted(keys: readonly Uint8Array[]): void {
  const { rows, starts } = rowsOf(keys);
  const expected = [...starts].sort(
    (left, right) => compareBytes(keyAt(rows, left), keyAt(rows, right)) || left - right,
  );
  sortRows(rows, starts);
  assert.deepEqual([...starts], expected);
}

describe('sortRows', () => {
  const cases: readonly { readonly name: string; readonly keys: readonly string[] }[] = [
    { name: 'nothing', keys: [] },
    { name: 'one key', keys: ['a'] },
    { name: 'keys that begin with one another', keys: ['abcde', 'abcd', 'abc', 'ab', 'a', ''] },
    {
      name: 'keys that differ in zeros at their end alone, many of them',
      keys: Array.from({ length: 60 }, (_, at) => `abcd${'\0'.repeat((at * 7) % 13)}`),
    },
    { name: 'one key many times', keys: Array.from({ length: 60 }, () => 'again and again') },
    {
      name: 'keys in order',
      keys: Array.from({ length: 500 }, (_, at) => `number ${String(at).padStart(6, '0')}`),
    },
    {
      name: 'keys in the other order',
      keys: Array.from({ length: 500 }, (_, at) => `number ${String(999 - at).padStart(6, '0')}`),
    },
    {
      name: 'high bytes',
      keys: Array.from({ length: 300 }, (_, at) => `\xff\x80${(at * 37) % 256}`),
    },
  ];
  for (const { name, keys } of cases) {
    it(`sorts ${name}`, () => {
      assertSorted(keys.map((key) => Buffer.from(key, 'latin1')));
    });
  }

  it('sorts random keys of few different bytes', () => {
    const random = new SeededRandom(7);
    const keys = Array.from({ length: 3000 }, () => {
      const [length = 0, ...bytes] = random.bytes(12);
      return Uint8Array.from(bytes.slice(0, length % 12), (byte) => byte % 3);
    });
    assertSorted(keys);
  });
});
