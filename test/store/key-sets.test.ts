import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { compareBytes, concatBytes } from '../../src/core/bytes.ts';
import {
  addMember,
  eachMember,
  everyMember,
  memberRows,
  readMembers,
  removeMember,
} from '../../src/store/key-sets.ts';
import { Keyspace, keyOf } from '../../src/store/keyspace.ts';
import { MemoryRows } from '../support/memory-rows.ts';

const setKey = keyOf(Keyspace.index, Uint8Array.of(1, 0, 1));
const otherKey = keyOf(Keyspace.index, Uint8Array.of(1, 0, 2));
const everything = { gte: keyOf(Keyspace.index), lt: keyOf(Keyspace.index + 1) };

function newRows(): MemoryRows {
  return new MemoryRows({ readLarge: () => assert.fail('nothing is large') });
}

async function membersOf(rows: MemoryRows, key = setKey): Promise<readonly string[]> {
  const members: string[] = [];
  for await (const member of eachMember(rows, key)) {
    members.push(Buffer.from(member).toString('latin1'));
  }
  return members;
}

async function addAll(rows: MemoryRows, members: readonly Uint8Array[]): Promise<void> {
  for (const member of members) {
    await addMember(rows, setKey, member);
  }
}

const numbered = (count: number): readonly Uint8Array[] =>
  Array.from({ length: count }, (_none, index) => Uint8Array.of(1, index >> 8, index & 0xff));

describe('a set of keys', () => {
  const sizes = [
    { why: '32 members', members: numbered(32), isOneRow: true },
    { why: '33 members', members: numbered(33), isOneRow: false },
    // 1 for the kind, 2 for the length.
    { why: '2,048 bytes', members: [new Uint8Array(2045).fill(7)], isOneRow: true },
    { why: '2,049 bytes', members: [new Uint8Array(2046).fill(7)], isOneRow: false },
  ];
  for (const { why, members, isOneRow } of sizes) {
    it(`is ${isOneRow ? 'one row' : 'in rows of its members'} with ${why}`, async () => {
      const rows = newRows();
      await addAll(rows, members);
      assert.equal((await readMembers(rows, setKey)) !== undefined, isOneRow);
      assert.equal((await membersOf(rows)).length, members.length);
    });
  }

  it('is empty where there is no row, and leaves none behind', async () => {
    const rows = newRows();
    assert.deepEqual(await readMembers(rows, setKey), []);
    await addAll(rows, numbered(2));
    for (const member of numbered(3)) {
      await removeMember(rows, setKey, member);
    }
    assert.equal(rows.read(setKey), undefined);
  });

  it('gives the members of many from one on', async () => {
    const rows = newRows();
    const members = numbered(40);
    await addAll(rows, members);
    const from = members[38] ?? new Uint8Array(0);
    const found: Uint8Array[] = [];
    for await (const row of rows.keys(memberRows(setKey, { from }))) {
      found.push(row.subarray(setKey.length));
    }
    assert.deepEqual(found, members.slice(38));
  });

  const damaged = [
    { why: 'an unknown kind', row: [3] },
    { why: 'a member cut short', row: [1, 4, 1, 2] },
    { why: 'a member without bytes', row: [1, 0] },
    { why: 'something behind the mark', row: [2, 0] },
  ];
  for (const { why, row } of damaged) {
    it(`is refused with ${why}`, async () => {
      const rows = newRows();
      rows.put(setKey, Uint8Array.from(row));
      await assert.rejects(async () => readMembers(rows, setKey), { code: 'STORE_VALUE_DAMAGED' });
    });
  }

  it('is refused with members whose mark has gone', async () => {
    const rows = newRows();
    rows.put(concatBytes(setKey, Uint8Array.of(1)), new Uint8Array(0));
    await assert.rejects(
      async () => {
        for await (const _ of everyMember(rows, everything)) {
          // Only read.
        }
      },
      { code: 'STORE_VALUE_DAMAGED' },
    );
  });

  it('holds what was added and not taken away, whatever the order', async () => {
    const member = fc.uint8Array({ minLength: 1, maxLength: 200 });
    const act = fc.record({ member: fc.nat(59), isAdded: fc.boolean(), isOther: fc.boolean() });
    const model = fc.asyncProperty(
      fc.uniqueArray(member, { minLength: 60, maxLength: 60, selector: (one) => one.join() }),
      fc.array(act, { maxLength: 150 }),
      async (members, acts) => {
        const rows = newRows();
        const expected = [new Set<string>(), new Set<string>()] as const;
        for (const { member: at, isAdded, isOther } of acts) {
          const bytes = members[at] ?? Uint8Array.of(1);
          const key = isOther ? otherKey : setKey;
          const set = expected[isOther ? 1 : 0];
          const text = Buffer.from(bytes).toString('latin1');
          await (isAdded ? addMember : removeMember)(rows, key, bytes);
          isAdded ? set.add(text) : set.delete(text);
        }
        const sorted = expected.map((set) =>
          [...set].sort((a, b) => compareBytes(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'))),
        );
        assert.deepEqual([await membersOf(rows), await membersOf(rows, otherKey)], sorted);
        let count = 0;
        for await (const { key } of everyMember(rows, everything)) {
          count += compareBytes(key, setKey) === 0 ? 1 : 0;
        }
        assert.equal(count, expected[0].size);
      },
    );
    await fc.assert(model, { seed: 20, numRuns: 100 });
  });
});
