import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import {
  compareEntries,
  type EntryChange,
  readEntries,
  summariseEntries,
} from '../../src/ca/lists/list-reading.ts';
import { concatBytes } from '../../src/core/bytes.ts';
import { encodeRevokedEntry } from '../../src/x509/certificate-list.ts';
import { CrlReason } from '../../src/x509/crl-extensions.ts';
import { collect } from '../support/ca-test-bed.ts';

const startMs = Date.UTC(2026, 0, 5);

function entry(serial: number, reason: number = CrlReason.superseded): Uint8Array {
  const serialNumber = BigInt(serial);
  return encodeRevokedEntry({ serialNumber, revokedMs: startMs + serial * 1000, reason });
}

function list(...serials: readonly number[]): { entryBytes: Uint8Array } {
  return { entryBytes: concatBytes(...serials.map((serial) => entry(serial))) };
}

async function changes(older: { entryBytes: Uint8Array }, newer: { entryBytes: Uint8Array }) {
  const pages = await collect(compareEntries(older, newer, 2));
  return pages.flat();
}

const shown = ({ change, serialNumber }: EntryChange): string =>
  `${change === 'added' ? '+' : '-'}${serialNumber}`;

describe('what came and went between two lists', () => {
  const rows = [
    { why: 'nothing', older: [1, 2], newer: [1, 2], shows: [] },
    { why: 'what was added', older: [1], newer: [1, 2, 3], shows: ['+2', '+3'] },
    { why: 'what left, wherever it stood', older: [1, 2, 3], newer: [2], shows: ['-1', '-3'] },
    { why: 'both', older: [1, 2, 3], newer: [2, 3, 4], shows: ['-1', '+4'] },
    { why: 'everything', older: [], newer: [1, 2], shows: ['+1', '+2'] },
    { why: 'the end of everything', older: [1, 2], newer: [], shows: ['-1', '-2'] },
    { why: 'what was released and held again', older: [1, 2], newer: [2, 1], shows: ['-1', '+1'] },
  ];
  for (const { why, older, newer, shows } of rows) {
    it(`tells ${why}`, async () => {
      assert.deepEqual((await changes(list(...older), list(...newer))).map(shown), shows);
    });
  }

  it('tells an entry that says something else as removed and added', async () => {
    const before = { entryBytes: entry(1) };
    const after = { entryBytes: entry(1, CrlReason.keyCompromise) };
    assert.deepEqual(
      (await changes(before, after)).map(({ change, reason }) => [change, reason]),
      [
        ['removed', CrlReason.superseded],
        ['added', CrlReason.keyCompromise],
      ],
    );
  });

  it('makes one list from the other, whatever left and came (property)', async () => {
    const serials = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(serials, fc.infiniteStream(fc.boolean()), async (all, kept) => {
        const half = all.length / 2;
        const older = all.slice(0, half);
        const newer = [...older.filter(() => kept.next().value), ...all.slice(half)];
        const found = await changes(list(...older), list(...newer));
        const removed = new Set(
          found.filter(({ change }) => change === 'removed').map((one) => Number(one.serialNumber)),
        );
        const added = found.filter(({ change }) => change === 'added');
        const made = [
          ...older.filter((serial) => !removed.has(serial)),
          ...added.map((one) => Number(one.serialNumber)),
        ];
        assert.deepEqual(made, newer);
      }),
      { seed: 6, numRuns: 200 },
    );
  });
});

describe('the entries of a list', () => {
  it('come in pages', async () => {
    const pages = await collect(readEntries(list(1, 2, 3, 4, 5), 2));
    assert.deepEqual(
      pages.map((page) => page.map(({ serialNumber }) => serialNumber)),
      [[1n, 2n], [3n, 4n], [5n]],
    );
    assert.deepEqual(await collect(readEntries(list(), 2)), []);
  });

  it('are counted by reason, with the first and the last revocation', async () => {
    const entryBytes = concatBytes(entry(7), entry(3, CrlReason.unspecified), entry(5));
    assert.deepEqual(await summariseEntries({ entryBytes }), {
      count: 3,
      reasons: new Map([
        [CrlReason.superseded, 2],
        [undefined, 1],
      ]),
      firstRevocationMs: startMs + 3000,
      lastRevocationMs: startMs + 7000,
    });
    const empty = await summariseEntries({ entryBytes: new Uint8Array(0) });
    assert.deepEqual([empty.count, empty.firstRevocationMs], [0, undefined]);
  });

  it('leave others their turn while a list of 50 MB is read', async () => {
    const one = entry(1);
    const entryBytes = new Uint8Array(one.length * 1_000_000);
    for (let offset = 0; offset < entryBytes.length; offset += one.length) {
      entryBytes.set(one, offset);
    }
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns += 1;
      if (!isDone) {
        setImmediate(count);
      }
    };
    setImmediate(count);
    const summary = await summariseEntries({ entryBytes });
    isDone = true;
    assert.equal(summary.count, 1_000_000);
    assert.ok(turns >= 100, `${turns} turns`);
  });
});
