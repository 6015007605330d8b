import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { describe, it } from 'node:test';

import {
  formatHandover,
  handoverPath,
  KeyLineage,
  openHandover,
  signedHandover,
} from '../../src/tlog/key-lineage.ts';
import type { LogSource } from '../../src/verifier/log-source.ts';
import { readKeys, verifyLog } from '../../src/verifier/log-verification.ts';
import {
  type LogKey,
  logFiles,
  makeLogKey,
  rootOf,
  signCheckpoint,
} from '../support/memory-log.ts';

const keys = [1, 2, 3, 4].map(() => makeLogKey('certdir/test'));
const [one, two, three, other] = keys as [LogKey, LogKey, LogKey, LogKey];
const entries = Array.from({ length: 600 }, (_none, at) =>
  Buffer.from(`{"v":1,"sequence":"${at}","x":1}`),
);

interface Handing {
  readonly from: LogKey;
  readonly to: LogKey;
  readonly size: number;
  readonly signers?: readonly [LogKey, LogKey];
}

function handing({ from, to, size, signers = [from, to] }: Handing): string {
  const head = { size: BigInt(size), rootHash: rootOf(entries.slice(0, size)) };
  const handover = { from: from.note, to: to.note, head };
  const by = ({ privateKey }: LogKey): Uint8Array =>
    sign(null, Buffer.from(formatHandover(handover)), privateKey);
  return signedHandover(handover, { from: by(signers[0]), to: by(signers[1]) });
}

const first = handing({ from: one, to: two, size: 100 });
const second = handing({ from: two, to: three, size: 300 });
const checkpoint = (size: number, key: LogKey): string =>
  signCheckpoint(entries.slice(0, size), key);

describe('a handover from one key of a log to the next', () => {
  it('is read as it was written', () => {
    const { from, to, head } = openHandover(first);
    assert.deepEqual([from, to, head.size], [one.note, two.note, 100n]);
    assert.equal(first.split('\n').length, 9);
  });

  const malformed = [
    { why: 'a line more', note: first.replace('\n\n', '\nmore\n\n') },
    { why: 'another header', note: first.replace('handover 1', 'handover 2') },
    { why: 'another name', note: first.replace('\ncertdir/test\n', '\ncertdir/other\n') },
    { why: 'no tree', note: first.replace('\n100 ', '\nx ') },
    { why: 'no text', note: '' },
    { why: 'a checkpoint', note: checkpoint(100, one) },
    { why: 'to itself', note: handing({ from: one, to: one, size: 1 }) },
    {
      why: 'to another log',
      note: handing({ from: one, to: makeLogKey('certdir/other'), size: 1 }),
    },
  ];
  for (const { why, note } of malformed) {
    it(`is none: ${why}`, () => {
      assert.throws(() => openHandover(note), { code: 'TLOG_HANDOVER_MALFORMED' });
    });
  }

  const unsigned = [
    { why: 'the key before', signers: [other, two] as const },
    { why: 'the key after', signers: [one, other] as const },
  ];
  for (const { why, signers } of unsigned) {
    it(`without the signature of ${why} is refused`, () => {
      const note = handing({ from: one, to: two, size: 100, signers });
      assert.throws(() => openHandover(note), { code: 'TLOG_SIGNATURE_WRONG' });
    });
  }

  it('with any bit changed is refused', () => {
    const bytes = Buffer.from(first);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => openHandover(changed.toString('utf8')), { name: 'TlogError' });
    }
  });
});

describe('the keys of a log', () => {
  const notes = [first, second];

  it('are found from any one of them', () => {
    for (const known of [one, two, three]) {
      const lineage = KeyLineage.follow(known.note, notes);
      assert.deepEqual(lineage.keys, [one.note, two.note, three.note]);
      assert.deepEqual(lineage.current, three.note);
      assert.deepEqual(
        lineage.heads.map(({ size }) => size),
        [100n, 300n],
      );
    }
    assert.deepEqual(KeyLineage.follow(one.note, []).keys, [one.note]);
  });

  const refused = [
    { why: 'a key that is none of them', known: other, given: notes },
    { why: 'a handover left out', known: three, given: [second, second] },
    { why: 'another order', known: one, given: [second, first] },
    {
      why: 'a tree that shrinks',
      known: one,
      given: [first, handing({ from: two, to: three, size: 99 })],
    },
    {
      why: 'a key that comes back',
      known: one,
      given: [first, handing({ from: two, to: one, size: 300 })],
    },
  ];
  for (const { why, known, given } of refused) {
    it(`are refused with ${why}`, () => {
      assert.throws(() => KeyLineage.follow(known.note, given), { code: 'TLOG_HANDOVER_WRONG' });
    });
  }

  const openings: readonly {
    readonly key: LogKey;
    readonly size: number;
    readonly code?: string;
  }[] = [
    { key: one, size: 0 },
    { key: one, size: 100 },
    { key: one, size: 101, code: 'TLOG_KEY_REPLACED' },
    { key: two, size: 99, code: 'TLOG_KEY_REPLACED' },
    { key: two, size: 100 },
    { key: two, size: 300 },
    { key: two, size: 301, code: 'TLOG_KEY_REPLACED' },
    { key: three, size: 299, code: 'TLOG_KEY_REPLACED' },
    { key: three, size: 300 },
    { key: three, size: 600 },
    { key: other, size: 300, code: 'TLOG_SIGNATURE_WRONG' },
  ];
  for (const { key, size, code } of openings) {
    const by = `key ${keys.indexOf(key) + 1}`;
    it(`${code === undefined ? 'open' : 'refuse'} a checkpoint of ${size} by ${by}`, () => {
      const lineage = KeyLineage.follow(one.note, notes);
      if (code === undefined) {
        assert.equal(lineage.open(checkpoint(size, key)).size, BigInt(size));
      } else {
        assert.throws(() => lineage.open(checkpoint(size, key)), { code });
      }
    });
  }
});

describe('the stand-alone verifier of a log whose key was replaced', () => {
  const filesOf = (key: LogKey, notes: readonly string[], of = entries): LogSource => {
    const files = logFiles(of, key);
    for (const [at, note] of notes.entries()) {
      files.set(handoverPath(at + 1), Buffer.from(note));
    }
    return {
      read: async (path) => files.get(path),
      list: async () => [...files.keys()].filter((path) => path.startsWith('tile/')),
    };
  };
  const source = filesOf(three, [first, second]);

  it('follows it from the first key and a checkpoint of that time alone', async () => {
    for (const known of [one, two, three]) {
      const lineage = await readKeys(source, known.note);
      const kept = [lineage.open(checkpoint(100, one)), lineage.open(checkpoint(250, two))];
      const claim = { source, key: known.note, kept, entries: 'all' } as const;
      assert.equal((await verifyLog(claim)).checkpoint.size, 600n);
      assert.equal((await verifyLog({ ...claim, entries: 'none' })).checkpoint.size, 600n);
    }
  });

  const changed = [...entries.slice(0, 50), Buffer.from('{"v":1,"sequence":"50",!}')];
  const rewritten = [...changed, ...entries.slice(51)];
  const found: readonly {
    readonly why: string;
    readonly source: LogSource;
    readonly code: string;
  }[] = [
    {
      why: 'a log made anew with the last key',
      source: filesOf(three, [first, second], rewritten),
      code: 'VERIFIER_FORKED',
    },
    {
      why: 'a log that ends before a handover',
      source: filesOf(two, [first, second], entries.slice(0, 250)),
      code: 'VERIFIER_SHORTENED',
    },
    {
      why: 'handovers left out',
      source: filesOf(three, [first]),
      code: 'TLOG_SIGNATURE_WRONG',
    },
    {
      why: 'a checkpoint by a key that had handed over',
      source: filesOf(one, [first, second]),
      code: 'TLOG_KEY_REPLACED',
    },
    {
      why: 'a handover by nobody that is known',
      source: filesOf(three, [handing({ from: other, to: three, size: 100 })]),
      code: 'TLOG_HANDOVER_WRONG',
    },
  ];
  for (const { why, source: given, code } of found) {
    it(`finds ${why}`, async () => {
      const claim = { source: given, key: one.note, kept: [], entries: 'all' } as const;
      await assert.rejects(verifyLog(claim), { code });
    });
  }
});
