import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { LayerMerge } from '../../src/store/level/layer-merge.ts';
import { type RowBounds, SortedRows } from '../../src/store/level/sorted-rows.ts';

const key = (number: number): Uint8Array => Buffer.from(String(number).padStart(5, '0'));

function names(rows: SortedRows, bounds: RowBounds = {}, reverse = false): string[] {
  return [...rows.rows(bounds, reverse)].map(([name]) => Buffer.from(name).toString());
}

function filled(numbers: readonly number[]): SortedRows {
  const rows = new SortedRows();
  for (const number of numbers) {
    rows.set(key(number), key(number));
  }
  return rows;
}

const upwards = Array.from({ length: 2000 }, (_, at) => at);
const orders = [
  { order: 'upwards', numbers: upwards },
  { order: 'downwards', numbers: upwards.toReversed() },
  { order: 'scattered', numbers: upwards.map((at) => (at * 1237) % 2000) },
];

describe('SortedRows', () => {
  for (const { order, numbers } of orders) {
    it(`finds and orders 2000 keys set ${order}`, () => {
      const rows = filled(numbers);
      const expected = upwards.map((at) => Buffer.from(key(at)).toString());
      assert.deepEqual(names(rows), expected);
      assert.deepEqual(names(rows, {}, true), expected.toReversed());
      assert.ok(upwards.every((at) => rows.find(key(at)) !== undefined));
      assert.equal(rows.find(key(2000)), undefined);
      assert.equal(rows.size, 2000);
      assert.equal(rows.bytes, 2000 * 10);
      for (const at of [0, 1, 255, 256, 257, 1024, 1999]) {
        const bounds = { gte: key(at), lt: key(at + 300) };
        assert.deepEqual(names(rows, bounds), expected.slice(at, at + 300));
        assert.deepEqual(names(rows, bounds, true), expected.slice(at, at + 300).toReversed());
      }
    });
  }

  it('counts keys and bytes, replacements and deletions too', () => {
    const rows = new SortedRows();
    rows.set(key(1), Buffer.alloc(10));
    rows.set(key(1), Buffer.alloc(3));
    assert.deepEqual([rows.size, rows.bytes], [1, 8]);
    rows.set(key(1), null);
    assert.deepEqual([rows.size, rows.bytes], [1, 5]);
    assert.equal(rows.find(key(1)), null);
    rows.set(key(2), Buffer.alloc(1));
    assert.deepEqual([rows.size, rows.bytes], [2, 11]);
  });

  it('gives nothing when empty', () => {
    assert.deepEqual(names(new SortedRows()), []);
    assert.deepEqual(names(new SortedRows(), { lt: key(1) }, true), []);
    assert.equal(new SortedRows().find(key(1)), undefined);
  });

  for (const reverse of [false, true]) {
    for (const begun of [false, true]) {
      const how = `${reverse ? 'downwards' : 'upwards'}, ${begun ? 'begun' : 'not begun'}`;
      it(`keeps what a range shows while rows change, ${how}`, () => {
        const rows = filled(upwards);
        const before = names(rows, {}, reverse);
        const range = rows.rows({}, reverse);
        const seen = begun ? [range.next().value] : [];
        for (const at of upwards) {
          rows.set(key(at), null);
          rows.set(key(10_000 + at), key(at));
        }
        seen.push(...range);
        assert.deepEqual(
          seen.map((row) => Buffer.from(row?.[0] ?? []).toString()),
          before,
        );
        assert.ok(seen.every((row) => row?.[1] !== null));
        assert.equal(rows.find(key(0)), null);
      });
    }
  }

  it('takes over later rows', () => {
    const rows = filled([1, 2, 3]);
    const later = filled([2, 4]);
    later.set(key(3), null);
    rows.setAll(later);
    assert.deepEqual(names(rows), ['00001', '00002', '00003', '00004']);
    assert.equal(rows.find(key(3)), null);
  });

  it('takes over earlier rows where it has none', () => {
    const rows = filled([2]);
    rows.set(key(3), null);
    const earlier = filled([1, 3]);
    earlier.set(key(2), null);
    rows.setMissing(earlier);
    assert.deepEqual(names(rows), ['00001', '00002', '00003']);
    assert.equal(rows.find(key(3)), null);
    assert.notEqual(rows.find(key(2)), null);
  });
});

describe('LayerMerge', () => {
  it('takes each key once, from the newest layer, up to a key', () => {
    const newest = filled([2, 5]);
    newest.set(key(3), null);
    const merge = new LayerMerge([newest, filled([]), filled([1, 3, 5, 7])], {}, false);
    const taken = (upTo?: number): unknown => {
      const row = merge.takeUpTo(upTo === undefined ? undefined : key(upTo));
      return row && [Number(Buffer.from(row[0]).toString()), row[1] !== null];
    };
    assert.deepEqual(
      [taken(2), taken(2), taken(2), taken(3), taken(4), taken(9), taken(), taken()],
      [[1, true], [2, true], undefined, [3, false], undefined, [5, true], [7, true], undefined],
    );
  });

  it('goes downwards too', () => {
    const merge = new LayerMerge([filled([2, 4]), filled([3, 4])], { lt: key(5) }, true);
    const rows = [merge.takeUpTo(key(4)), merge.takeUpTo(key(4)), merge.takeUpTo(key(3))];
    assert.deepEqual(
      rows.map((row) => row && Number(Buffer.from(row[0]).toString())),
      [4, undefined, 3],
    );
  });
});
