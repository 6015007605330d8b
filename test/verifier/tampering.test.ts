/**
 * Everything that can be done to a log of 1,000 records is found by the stand-alone verifier, which has
 * the log's key and the last checkpoint that was kept elsewhere (reliability.md, goal "audit").
 *
 * Whoever tampers has all files, and in the second half the log's private key as well.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { AuditEvent } from '../../src/audit/audit-log.ts';
import { encodeAuditRecord, parseAuditRecord } from '../../src/audit/record-encoding.ts';
import { type Checkpoint, openCheckpoint } from '../../src/tlog/checkpoint.ts';
import { encodeEntryBundle } from '../../src/tlog/entry-bundle.ts';
import { hashLeaf } from '../../src/tlog/merkle-tree.ts';
import type { LogSource } from '../../src/verifier/log-source.ts';
import { verifyLog } from '../../src/verifier/log-verification.ts';
import { sampleEvent } from '../support/audit-bed.ts';
import { logFiles, makeLogKey, signCheckpoint } from '../support/memory-log.ts';

const COUNT = 1_000;
const isLong = process.env['CERTDIR_TEST_LONG'] === '1';
const key = makeLogKey('certdir/test');

const recordAt = (at: number): Uint8Array =>
  encodeAuditRecord({
    ...sampleEvent(at),
    sequence: BigInt(at),
    timeMs: Date.UTC(2026, 0, 5) + at * 1_000,
  });
const records = Array.from({ length: COUNT }, (_, at) => recordAt(at));
const files = logFiles(records, key);
const last = openCheckpoint(signCheckpoint(records, key), key.note);

const sourceOf = (content: ReadonlyMap<string, Uint8Array>): LogSource => ({
  read: async (path) => content.get(path),
  list: async () => [...content.keys()].filter((path) => path.startsWith('tile/')),
});

function check(
  content: ReadonlyMap<string, Uint8Array>,
  kept: readonly Checkpoint[] = [last],
): Promise<unknown> {
  return verifyLog({ source: sourceOf(content), key: key.note, kept, entries: 'all' });
}

async function expectFound(content: ReadonlyMap<string, Uint8Array>, what: string): Promise<void> {
  let code: unknown;
  try {
    await check(content);
  } catch (error) {
    code = error instanceof Error && 'code' in error ? error.code : error;
  }
  assert.match(String(code), /^(VERIFIER|TLOG)_(?!USAGE|UNREADABLE)/, `not found: ${what}`);
}

/** The files with one bit changed. */
function flip(path: string, bit: number): ReadonlyMap<string, Uint8Array> {
  const bytes = Uint8Array.from(files.get(path) ?? assert.fail(path));
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return new Map(files).set(path, bytes);
}

/** Where the entries of a bundle are changed and nothing else: by one who cannot make the tree anew. */
function withBundles(entries: readonly Uint8Array[]): ReadonlyMap<string, Uint8Array> {
  const changed = new Map(files);
  for (let at = 0; at < COUNT; at += 256) {
    const path = [...files.keys()].find((one) =>
      one.startsWith(`tile/entries/${String(at / 256).padStart(3, '0')}`),
    );
    changed.set(path ?? '', encodeEntryBundle(entries.slice(at, at + 256)));
  }
  return changed;
}

const deleted = (at: number): Uint8Array[] => records.toSpliced(at, 1);
const doubled = (at: number): Uint8Array[] => records.toSpliced(at, 0, records[at] ?? Buffer.of());
const swapped = (at: number, other: number): Uint8Array[] =>
  records.with(at, records[other] ?? Buffer.of()).with(other, records[at] ?? Buffer.of());
const replaced = (at: number): Uint8Array[] => records.with(at, recordAt(COUNT + at));

const everywhere = Array.from({ length: COUNT }, (_, at) => at);
/** Around the ends of bundles and of subtrees, and spread over the rest. */
const places = isLong
  ? everywhere
  : everywhere.filter((at) => at % 16 === 0 || at % 256 >= 254 || at >= COUNT - 3);

describe('a log of 1,000 records', () => {
  it('verifies as it is, and with checkpoints of every earlier size', async () => {
    await check(files);
    for (const size of [0, 1, 255, 256, 257, 512, 768, 999, 1_000]) {
      const kept = openCheckpoint(signCheckpoint(records.slice(0, size), key), key.note);
      await check(files, [kept, last]);
    }
  });

  for (const [path, bytes] of files) {
    it(`with any bit flipped in ${path} is found`, async () => {
      const bits = bytes.length * 8;
      // Every bit with --long; otherwise every bit of what is small, and one of each stretch.
      const step = isLong || bits < 4_000 ? 1 : path.includes('entries') ? 1_777 : 521;
      for (let bit = 0; bit < bits; bit += step) {
        await expectFound(flip(path, bit), `bit ${bit} of ${path}`);
      }
    });
  }

  it('hashes every bit: no record with a flipped one has the hash in its tile', () => {
    for (const record of records.slice(0, isLong ? COUNT : 100)) {
      const hash = Buffer.from(hashLeaf(record));
      const changed = Uint8Array.from(record);
      for (let bit = 0; bit < changed.length * 8; bit += 1) {
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.ok(!hash.equals(hashLeaf(changed)));
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      }
    }
  });

  it('with any file missing, cut, grown, or another one added is found', async () => {
    for (const [path, bytes] of files) {
      const without = new Map(files);
      without.delete(path);
      await expectFound(without, `${path} missing`);
      await expectFound(new Map(files).set(path, bytes.subarray(0, -1)), `${path} cut`);
      await expectFound(new Map(files).set(path, new Uint8Array(0)), `${path} empty`);
      const grown = Buffer.concat([bytes, Buffer.of(0)]);
      await expectFound(new Map(files).set(path, grown), `${path} grown`);
    }
    for (const path of ['tile/0/004', 'tile/2/000.p/1', 'tile/entries/004.p/1', 'tile/x']) {
      await expectFound(new Map(files).set(path, Buffer.of(0)), `${path} added`);
    }
  });

  it('with any bundle cut at every record is found', async () => {
    for (const [path, bytes] of [...files].filter(([one]) => one.includes('entries'))) {
      for (let end = 0, at = 0; end < bytes.length; at += 1) {
        if (isLong || at % 8 === 0) {
          await expectFound(new Map(files).set(path, bytes.subarray(0, end)), `${path} at ${end}`);
        }
        end += 2 + (((bytes[end] ?? 0) << 8) | (bytes[end + 1] ?? 0));
      }
    }
  });

  it('with any record deleted, doubled, replaced or swapped is found', async () => {
    for (const at of everywhere) {
      await expectFound(withBundles(deleted(at)), `record ${at} deleted`);
    }
    for (const at of places) {
      await expectFound(withBundles(doubled(at)), `record ${at} doubled`);
      await expectFound(withBundles(replaced(at)), `record ${at} replaced`);
    }
    for (const at of everywhere.slice(1)) {
      await expectFound(withBundles(swapped(at, at - 1)), `record ${at} swapped`);
    }
    for (const at of places.slice(1)) {
      await expectFound(withBundles(swapped(0, at)), `record ${at} swapped with the first`);
    }
  });
});

describe('a log that was made anew with its own key', () => {
  /** A log that fits together in every way, its records' numbers included. */
  const forge = async (entries: readonly Uint8Array[], what: string): Promise<void> => {
    const numbered = entries.map((bytes, at) =>
      encodeAuditRecord({ ...parseAuditRecord(bytes), sequence: BigInt(at) }),
    );
    const forged = logFiles(numbered, key);
    await check(forged, []);
    await expectFound(forged, what);
  };

  it('with a record deleted, doubled, replaced or swapped is found', async () => {
    for (const at of places) {
      await forge(deleted(at), `record ${at} deleted`);
      if (at < COUNT - 1) {
        // The last one again, with a number of its own, is one more record like any other.
        await forge(doubled(at), `record ${at} doubled`);
      }
      await forge(replaced(at), `record ${at} replaced`);
      if (at > 0) {
        await forge(swapped(at, at - 1), `record ${at} swapped`);
      }
    }
  });

  it('cut at any record is found', async () => {
    for (const at of places) {
      await forge(records.slice(0, at), `cut at ${at}`);
    }
  });

  it('forked at any record, as long as before or longer, is found', async () => {
    for (const at of places) {
      const more = Array.from({ length: COUNT - at + (at % 3) }, (_, on) => recordAt(2_000 + on));
      await forge([...records.slice(0, at), ...more], `forked at ${at}`);
    }
  });

  it('with its last record once more is found: it has its number', async () => {
    await expectFound(logFiles(doubled(COUNT - 1), key), 'the last record doubled');
  });

  it('and extended, as it should be, is not', async () => {
    await check(logFiles([...records, recordAt(COUNT), recordAt(COUNT + 1)], key));
  });

  it('is found with another key at once', async () => {
    await assert.rejects(check(logFiles(records, makeLogKey('certdir/test')), []), {
      code: 'TLOG_SIGNATURE_WRONG',
    });
    await assert.rejects(
      check(logFiles(records, { ...key, note: { ...key.note, name: 'x' } }), []),
      {
        code: 'TLOG_SIGNATURE_WRONG',
      },
    );
  });
});

describe('records that were removed after their time', () => {
  /** The log with a record at its end that tells of a removal, without some of its bundles. */
  const without = (
    bundles: readonly number[],
    told: Partial<AuditEvent> | undefined,
  ): Map<string, Uint8Array> => {
    const tells = encodeAuditRecord({
      ...{ ...sampleEvent(COUNT), kind: 'audit.prune', result: 'done' as const, ...told },
      sequence: BigInt(COUNT),
      timeMs: Date.UTC(2026, 1, 5),
    });
    const left = logFiles(told === undefined ? records : [...records, tells], key);
    for (const index of bundles) {
      left.delete(`tile/entries/${String(index).padStart(3, '0')}`);
    }
    return left;
  };
  const verifyRest = (content: ReadonlyMap<string, Uint8Array>): ReturnType<typeof verifyLog> =>
    verifyLog({ source: sourceOf(content), key: key.note, kept: [last], entries: 'rest' });
  const removed = (below: number): Partial<AuditEvent> => ({ details: { below: `${below}` } });

  it('are missed unless hashes may do', async () => {
    const pruned = without([0], removed(256));
    await assert.rejects(check(pruned), { code: 'VERIFIER_MISSING' });
    assert.equal((await verifyRest(pruned)).entriesRead, 745n);
    assert.equal((await verifyRest(without([0, 1], removed(512)))).entriesRead, 489n);
    assert.equal((await verifyRest(without([0], removed(512)))).entriesRead, 745n);
  });

  const refused = [
    { why: 'where the log tells of no removal', files: without([0], undefined) },
    { why: 'where it tells of fewer', files: without([0, 1], removed(256)) },
    {
      why: 'where it tells that a removal was refused',
      files: without([0], { ...removed(256), result: 'refused' }),
    },
    {
      why: 'where another record says so',
      files: without([0], { ...removed(256), kind: 'audit.review' }),
    },
    { why: 'where they are not the first', files: without([1], removed(512)) },
  ];
  for (const { why, files: left } of refused) {
    it(`are missed ${why}`, async () => {
      await assert.rejects(verifyRest(left), { code: 'VERIFIER_MISSING' });
    });
  }

  it('are not looked for where hashes alone are', async () => {
    const hashes = new Map([...files].filter(([path]) => !path.includes('entries')));
    const claim = { source: sourceOf(hashes), key: key.note, kept: [last] };
    assert.equal((await verifyLog({ ...claim, entries: 'none' })).entriesRead, 0n);
  });
});
