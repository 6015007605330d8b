import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { compareBytes } from '../../src/core/bytes.ts';
import { gatherSets, loadMember } from '../../src/store/bulk/set-gathering.ts';
import { addMember, everyMember, readMembers } from '../../src/store/key-sets.ts';
import { Keyspace, keyOf } from '../../src/store/keyspace.ts';
import type { Row } from '../../src/store/level/sorted-rows.ts';
import { openSealedValue, sealValue } from '../../src/store/level/value-checksum.ts';
import { MemoryRows } from '../support/memory-rows.ts';

const setKey = (number: number): Uint8Array => keyOf(Keyspace.index, Uint8Array.of(number, 0, 1));
const everything = { gte: keyOf(Keyspace.index), lt: keyOf(Keyspace.index + 1) };
const members = ([from, to]: readonly [from: number, to: number]): readonly Uint8Array[] =>
  Array.from({ length: to - from }, (_none, at) => Uint8Array.of(1, (from + at) >> 8, from + at));

function newRows(): MemoryRows {
  return new MemoryRows({ readLarge: () => assert.fail('nothing is large') });
}

/** What a load of these members comes to in rows that are there, by pages of `pageRows`. */
async function load(
  stored: MemoryRows,
  loaded: readonly (readonly [key: Uint8Array, members: readonly Uint8Array[]])[],
  pageRows: number,
): Promise<void> {
  const rows: Row[] = [];
  const sink = {
    put: (key: Uint8Array, value: Uint8Array): void => {
      rows.push([Uint8Array.from(key), sealValue(key, value)]);
    },
    putLarge: () => assert.fail('nothing is large'),
  };
  for (const [key, added] of loaded) {
    for (const member of added.toReversed()) {
      loadMember(sink, key, member);
    }
  }
  sink.put(keyOf(Keyspace.entry, Uint8Array.of(1)), Uint8Array.of(9));
  rows.sort(([left], [right]) => compareBytes(left, right));
  async function* pages(): AsyncGenerator<readonly Row[]> {
    for (let at = 0; at < rows.length; at += pageRows) {
      yield rows.slice(at, at + pageRows);
    }
  }
  const read = (key: Uint8Array): Uint8Array | undefined => {
    const value = stored.read(key);
    return value && sealValue(key, value);
  };
  for await (const page of gatherSets(pages(), read)) {
    for (const [key, sealed] of page) {
      stored.put(key, openSealedValue(key, sealed ?? assert.fail()) ?? assert.fail());
    }
  }
}

describe('sets in a bulk load', () => {
  const rows = [
    { why: 'a few into none', before: [0, 0], added: [0, 3], isOneRow: true },
    { why: 'a few into a few', before: [0, 20], added: [15, 32], isOneRow: true },
    { why: 'one too many into a few', before: [0, 20], added: [15, 33], isOneRow: false },
    { why: 'a few into many', before: [0, 40], added: [38, 45], isOneRow: false },
    { why: 'many into none', before: [0, 0], added: [0, 300], isOneRow: false },
  ] as const;
  for (const { why, before, added, isOneRow } of rows) {
    for (const pageRows of [1, 7, 1000]) {
      it(`become what they would one by one: ${why}, pages of ${pageRows}`, async () => {
        const stored = newRows();
        const expected = newRows();
        for (const member of members(before)) {
          await addMember(stored, setKey(2), member);
          await addMember(expected, setKey(2), member);
        }
        for (const member of members(added)) {
          await addMember(expected, setKey(2), member);
        }
        const others = [1, 3].map((number) => [setKey(number), members([0, 2])] as const);
        await load(stored, [...others, [setKey(2), members(added)]], pageRows);
        assert.equal((await readMembers(stored, setKey(2))) !== undefined, isOneRow);
        for (const [key, few] of others) {
          assert.deepEqual(await readMembers(stored, key), few);
          for (const member of few) {
            await addMember(expected, key, member);
          }
        }
        assert.deepEqual(await textsOf(stored), await textsOf(expected));
        const entry = stored.read(keyOf(Keyspace.entry, Uint8Array.of(1)));
        assert.deepEqual(entry && [...entry], [9], 'other rows are left alone');
      });
    }
  }
});

async function textsOf(rows: MemoryRows): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const { key, member } of everyMember(rows, everything)) {
    texts.push(`${key.join()} ${member.join()}`);
  }
  return texts;
}
