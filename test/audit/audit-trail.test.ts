import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';

import type { AuditFilter } from '../../src/audit/audit-filter.ts';
import { putMarks, readMarks } from '../../src/audit/audit-state.ts';
import { readTile, recordKey, settleTiles } from '../../src/audit/audit-tiles.ts';
import { verifyAuditLog } from '../../src/audit/audit-verification.ts';
import { pruneRecords } from '../../src/audit/pruning.ts';
import { encodeUint64, Keyspace, keyOf } from '../../src/store/keyspace.ts';
import type { KeyValue } from '../../src/store/store.ts';
import { openCheckpoint } from '../../src/tlog/checkpoint.ts';
import { parseEntryBundle } from '../../src/tlog/entry-bundle.ts';
import { hashLeaf } from '../../src/tlog/merkle-tree.ts';
import { verifyInclusion } from '../../src/tlog/proof.ts';
import { parseProofFile } from '../../src/tlog/proof-file.ts';
import { parseTilePath } from '../../src/tlog/tile.ts';
import { TreeReader } from '../../src/tlog/tree-reader.ts';
import { type AuditBed, auditorOrigin, openAuditBed } from '../support/audit-bed.ts';
import { logFiles, signCheckpoint } from '../support/memory-log.ts';

async function exportOf(bed: AuditBed, since = 0n): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for await (const { path, bytes } of bed.trail.export(since)) {
    files.set(path, bytes);
  }
  return files;
}

/** Counts pieces of work between two turns of the event loop. */
class TurnWatch {
  longest = 0;
  #now = 0;
  #isDone = false;

  /** To be called with each piece. */
  readonly onWork = (): void => {
    this.#now += 1;
    this.longest = Math.max(this.longest, this.#now);
  };

  async during(work: (watch: TurnWatch) => Promise<unknown>): Promise<number> {
    const count = (): void => {
      this.#now = 0;
      if (!this.#isDone) {
        setImmediate(count);
      }
    };
    setImmediate(count);
    await work(this);
    this.#isDone = true;
    return this.longest;
  }

  async drain(items: AsyncIterable<unknown>): Promise<void> {
    for await (const _item of items) {
      this.onWork();
    }
  }
}

function entriesOf(files: ReadonlyMap<string, Uint8Array>): Uint8Array[] {
  return [...files].flatMap(([path, bytes]) => {
    const place = parseTilePath(path);
    return place?.level === 'entries' ? [...parseEntryBundle(bytes, place.width)] : [];
  });
}

describe('tiles in the store', () => {
  it('are those of the entries, around the ends of bundles', async (t) => {
    const bed = await openAuditBed(t);
    for (let size = 0; size <= 600; size += 1) {
      if ([1, 255, 256, 257, 511, 512, 513, 600].includes(size)) {
        const files = await exportOf(bed);
        const expected = logFiles(entriesOf(files), bed.key);
        files.delete('audit-key.txt');
        assert.deepEqual([...files.keys()].sort(), [...expected.keys()].sort());
        for (const [path, bytes] of expected) {
          assert.deepEqual(Buffer.from(files.get(path) ?? []), Buffer.from(bytes), path);
        }
        await bed.withSnapshot(verifyAuditLog);
      }
      await bed.append(1);
    }
  });

  const isLong = process.env['CERTDIR_TEST_LONG'] === '1';
  it('grow two levels high', { skip: !isLong && 'with --long' }, async (t) => {
    const bed = await openAuditBed(t);
    for (let bundles = 0; bundles < 257; bundles += 16) {
      await bed.append(16 * 256);
    }
    await bed.withSnapshot(async (snapshot) => {
      const head = await verifyAuditLog(snapshot);
      const tree = new TreeReader(head.size, (place) => readTile(snapshot, place));
      assert.deepEqual(await tree.rootHash(), head.rootHash);
    });
  });

  it('are made for a store that has none', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(700);
    const before = await exportOf(bed);
    await bed.store.transact('test', async (transaction) => {
      for await (const key of transaction.keys({
        gte: keyOf(Keyspace.auditTile),
        lt: keyOf(Keyspace.auditTile + 1),
      })) {
        transaction.delete(key);
      }
    });
    await assert.rejects(bed.withSnapshot(verifyAuditLog), { code: 'AUDIT_TILE_DAMAGED' });
    await settleTiles(bed.store);
    assert.deepEqual(await exportOf(bed), before);
    await bed.withSnapshot(verifyAuditLog);
  });

  it('that were changed are found', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(513);
    const keys: KeyValue[] = [];
    await bed.withSnapshot(async (snapshot) => {
      const range = { gte: keyOf(Keyspace.auditTile), lt: keyOf(Keyspace.auditTile + 1) };
      for await (const pair of snapshot.range(range)) {
        keys.push(pair);
      }
    });
    assert.equal(keys.length, 3);
    for (const [key, value] of keys) {
      const changed = Uint8Array.from(value, (byte, at) => (at === 40 ? byte ^ 1 : byte));
      await bed.store.transact('test', async (transaction) => transaction.put(key, changed));
      await assert.rejects(bed.withSnapshot(verifyAuditLog), { code: 'AUDIT_TILE_DAMAGED' });
      await bed.store.transact('test', async (transaction) => transaction.put(key, value));
    }
  });
});

describe('checkpoints', () => {
  it('cover everything, and none is signed while nothing is written', async (t) => {
    const bed = await openAuditBed(t);
    assert.equal(await bed.checkpointer.current(), undefined);
    await bed.append(3);
    assert.equal(await bed.checkpointer.isBehind(), true);
    const first = await bed.checkpointer.sign();
    assert.equal(await bed.checkpointer.isBehind(), false);
    assert.equal(openCheckpoint(first.note, bed.key.note).size, 3n);
    assert.equal((await bed.checkpointer.sign()).note, first.note);
    await bed.append(1);
    assert.equal((await bed.checkpointer.sign()).size, 4n);
    assert.equal(await readFile(bed.checkpointFile, 'utf8'), await bed.checkpointer.current());
  });

  it('are not signed over a log that contradicts the one kept beside the store', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(5);
    await bed.checkpointer.sign();
    const lost = Array.from({ length: 9 }, (_, at) => Buffer.from(`other ${at}`));
    for (const entries of [lost, lost.slice(0, 5), lost.slice(0, 3)]) {
      await writeFile(bed.checkpointFile, signCheckpoint(entries, bed.key));
      const before = await bed.checkpointer.current();
      await bed.append(1);
      await assert.rejects(bed.checkpointer.sign(), { code: 'AUDIT_CHECKPOINT_CONTRADICTED' });
      assert.equal(await bed.checkpointer.current(), before);
    }
    await writeFile(bed.checkpointFile, 'noise');
    await assert.rejects(bed.checkpointer.sign(), { code: 'AUDIT_CHECKPOINT_CONTRADICTED' });
    await rm(bed.checkpointFile);
    assert.equal((await bed.checkpointer.sign()).size, 8n);
  });

  it('go on after a loss that somebody answers for, which is on record', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(5);
    await bed.checkpointer.sign();
    await assert.rejects(bed.trail.acceptLoss(auditorOrigin), { code: 'AUDIT_NOTHING_LOST' });
    const lost = Array.from({ length: 9 }, (_, at) => Buffer.from(`other ${at}`));
    await writeFile(bed.checkpointFile, signCheckpoint(lost, bed.key));
    assert.equal((await bed.trail.acceptLoss(auditorOrigin)).size, 6n);
    const [record] = await bed.trail.list({ kind: 'audit.loss' }, 10);
    assert.deepEqual([record?.details?.['signedSize'], record?.details?.['size']], ['9', '5']);
  });

  const others = Array.from({ length: 9 }, (_, at) => Buffer.from(`other ${at}`));
  const overtaken = [
    { why: 'has as many records as were signed', size: 5 },
    { why: 'has more records than were signed', size: 3 },
  ];
  for (const { why, size } of overtaken) {
    it(`go on after a loss when the log ${why}`, async (t) => {
      const bed = await openAuditBed(t);
      await bed.append(5);
      await mkdir(dirname(bed.checkpointFile));
      await writeFile(bed.checkpointFile, signCheckpoint(others.slice(0, size), bed.key));
      await assert.rejects(bed.checkpointer.sign(), { code: 'AUDIT_CHECKPOINT_CONTRADICTED' });
      assert.equal((await bed.trail.acceptLoss(auditorOrigin)).size, 6n);
      await assert.rejects(bed.trail.acceptLoss(auditorOrigin), { code: 'AUDIT_NOTHING_LOST' });
    });
  }

  it('go on after the copy beside the store was damaged, which is kept and on record', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(5);
    await bed.checkpointer.sign();
    await writeFile(bed.checkpointFile, 'noise');
    assert.equal((await bed.trail.acceptLoss(auditorOrigin)).size, 6n);
    const [record] = await bed.trail.list({ kind: 'audit.loss' }, 10);
    assert.equal(record?.before, hash('sha256', 'noise', 'hex'));
    const names = await readdir(dirname(bed.checkpointFile));
    assert.ok(names.some((name) => name.startsWith('checkpoint.lost-unreadable-')));
  });

  it('are not signed, and no other note, while signing is held back', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(5);
    await bed.checkpointer.sign();
    await bed.append(1);
    bed.holdSigning(true);
    assert.equal(await bed.checkpointer.isBehind(), false);
    await assert.rejects(bed.checkpointer.sign(), /held back/);
    await assert.rejects(bed.checkpointer.signNote('another text\n'), /held back/);
    await assert.rejects(bed.trail.acceptLoss(auditorOrigin), /held back/);
    bed.holdSigning(false);
    assert.equal((await bed.checkpointer.sign()).size, 6n);
  });
});

describe('an auditor', () => {
  it('sees the last records that fit, oldest first', async (t) => {
    const bed = await openAuditBed(t);
    const startMs = bed.clock.nowMs();
    await bed.append(600);
    const numbers = async (
      filter: Parameters<AuditBed['trail']['list']>[0],
      limit = 1000,
    ): Promise<number[]> =>
      (await bed.trail.list(filter, limit)).map(({ sequence }) => Number(sequence));
    const all = Array.from({ length: 600 }, (_, at) => at);
    assert.deepEqual(await numbers({}), all);
    assert.deepEqual(await numbers({}, 3), [597, 598, 599]);
    assert.deepEqual(
      await numbers({ kind: 'crl.' }),
      all.filter((at) => at % 5 === 0),
    );
    assert.deepEqual(await numbers({ kind: 'crl.*' }, 1), [595]);
    assert.deepEqual(await numbers({ kind: 'crl' }), []);
    assert.deepEqual(
      await numbers({ result: 'refused' }),
      all.filter((at) => at % 3 === 0),
    );
    assert.deepEqual(
      await numbers({ actor: 'anna' }),
      all.filter((at) => at % 2 === 0),
    );
    assert.deepEqual(await numbers({ subject: 'serial 599' }), [599]);
    assert.deepEqual(await numbers({ subject: 'serial 59*' }), [59, ...all.slice(590)]);
    const fromMs = startMs + 10_000;
    assert.deepEqual(await numbers({ fromMs, untilMs: fromMs + 2_000 }), [10, 11]);
  });

  it('proves a record against a checkpoint that covers it', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(300);
    for (const sequence of [0n, 255n, 256n, 299n]) {
      const { record, bytes, proof } = await bed.trail.prove(sequence);
      assert.equal(record.sequence, sequence);
      const { index, path, checkpoint } = parseProofFile(proof);
      const head = openCheckpoint(checkpoint, bed.key.note);
      verifyInclusion({ index, leafHash: hashLeaf(bytes), path }, head);
    }
    await bed.append(1);
    assert.match((await bed.trail.prove(300n)).proof, /\n301\n/);
    await assert.rejects(bed.trail.prove(301n), { code: 'AUDIT_RECORD_UNKNOWN' });
  });

  it('lets others run all along while the log is read', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(4_000);
    await bed.trail.checkpoint();
    const filter = (watch: TurnWatch): AuditFilter => ({
      get kind(): string {
        watch.onWork();
        return 'never.was';
      },
    });
    const readings: Readonly<Record<string, (watch: TurnWatch) => Promise<unknown>>> = {
      verify: (watch) =>
        bed.withSnapshot((snapshot) => verifyAuditLog(snapshot, () => watch.onWork())),
      // Twice for each record, if not more often.
      list: (watch) => bed.trail.list(filter(watch), 10),
      records: (watch) => bed.withSnapshot((snapshot) => watch.drain(bed.audit.records(snapshot))),
      export: (watch) => watch.drain(bed.trail.export(0n)),
    };
    for (const [name, read] of Object.entries(readings)) {
      const longest = await new TurnWatch().during(read);
      assert.ok(longest > 0 && longest <= 200, `${name}: ${longest} records in one turn`);
    }
  });

  it('is given no proof by tiles or records that were changed', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(600);
    await bed.trail.checkpoint();
    const tile = keyOf(Keyspace.auditTile, Uint8Array.of(0), encodeUint64(0n));
    const rows: readonly { readonly key: Uint8Array; readonly of: readonly bigint[] }[] = [
      { key: tile, of: [3n, 255n] },
      { key: recordKey(3n), of: [3n] },
      { key: recordKey(599n), of: [599n] },
    ];
    for (const { key, of } of rows) {
      const value =
        (await bed.withSnapshot(async (snapshot) => await snapshot.read(key))) ?? Buffer.of();
      const changed = Uint8Array.from(value, (byte, at) => (at === 40 ? byte ^ 1 : byte));
      await bed.store.transact('test', async (transaction) => transaction.put(key, changed));
      for (const sequence of of) {
        await assert.rejects(bed.trail.prove(sequence), { code: 'AUDIT_TILE_DAMAGED' });
      }
      await bed.store.transact('test', async (transaction) => transaction.put(key, value));
      for (const sequence of of) {
        await bed.trail.prove(sequence);
      }
    }
  });

  it('verifies, against what was kept', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(300);
    const { note } = await bed.trail.checkpoint();
    await bed.append(10);
    const { size, extended } = await bed.trail.verify([note]);
    assert.deepEqual([size, extended], [310n, [300n]]);
    const other = Array.from({ length: 300 }, (_, at) => Buffer.from(`other ${at}`));
    await assert.rejects(bed.trail.verify([note, signCheckpoint(other, bed.key)]), {
      code: 'AUDIT_CHECKPOINT_CONTRADICTED',
    });
  });

  it('reviews up to a number, once', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(10);
    const review = (upTo: bigint): Promise<unknown> =>
      bed.trail.review({ upTo, note: 'weekly' }, auditorOrigin);
    await review(7n);
    for (const upTo of [7n, 3n, 12n]) {
      await assert.rejects(review(upTo), { code: 'AUDIT_MARK_REFUSED' });
    }
    await review(11n);
    assert.equal((await bed.trail.marks()).reviewed, 11n);
    const kinds = (await bed.trail.list({ kind: 'audit.' }, 10)).map(({ kind }) => kind);
    assert.deepEqual(kinds, ['audit.review', 'audit.review']);
  });

  it('exports what is new since the last export', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(300);
    const first = await exportOf(bed);
    await bed.append(300);
    const second = await exportOf(bed, 300n);
    assert.ok(!second.has('tile/0/000') && !second.has('tile/entries/000'));
    assert.ok(second.has('tile/0/001') && second.has('tile/entries/001'));
    assert.equal([...second.keys()].at(-1), 'checkpoint');
    assert.ok(first.has('tile/entries/001.p/44'));
  });

  it('has only an export of this log recorded', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(300);
    const { size, rootHash } = await bed.trail.checkpoint();
    const receipt = { size, rootHash, place: 'tape 1' };
    const refused = { code: 'AUDIT_MARK_REFUSED' };
    const wrong = { ...receipt, rootHash: new Uint8Array(32) };
    await assert.rejects(bed.trail.exported(wrong, auditorOrigin), refused);
    await assert.rejects(bed.trail.exported({ ...receipt, size: 999n }, auditorOrigin), refused);
    assert.equal((await bed.trail.exported(receipt, auditorOrigin)).exported, 300n);
  });
});

describe('removing records', () => {
  async function prunable(t: Parameters<typeof openAuditBed>[0]): Promise<AuditBed> {
    const bed = await openAuditBed(t);
    await bed.append(3_000);
    return bed;
  }
  const prune = (bed: AuditBed, beforeMs: number): Promise<unknown> => {
    const { store, audit } = bed;
    return pruneRecords({ store, audit, beforeMs, origin: auditorOrigin });
  };

  it('needs a review, an export and time', async (t) => {
    const bed = await prunable(t);
    const nowMs = bed.clock.nowMs();
    const refused = { code: 'AUDIT_NOT_PRUNABLE' };
    await assert.rejects(prune(bed, nowMs), refused);
    await bed.trail.review({ upTo: 2_700n, note: '' }, auditorOrigin);
    await assert.rejects(prune(bed, nowMs), refused);
    const { size, rootHash } = await bed.trail.checkpoint();
    await bed.trail.exported({ size, rootHash, place: 'tape' }, auditorOrigin);
    await assert.rejects(prune(bed, nowMs - 3_000_000), refused);
    await prune(bed, nowMs);
    assert.equal((await bed.trail.marks()).pruned, 2_560n);
    await assert.rejects(prune(bed, nowMs), refused);
  });

  it('leaves hashes: roots and proofs of all others stay, and the log verifies', async (t) => {
    const bed = await prunable(t);
    const kept = await bed.trail.checkpoint();
    await bed.trail.review({ upTo: 3_000n, note: '' }, auditorOrigin);
    await bed.trail.exported({ ...kept, place: 'tape' }, auditorOrigin);
    await prune(bed, bed.clock.nowMs() - 2_000_000);
    const { pruned, prunedKinds } = await bed.trail.marks();
    assert.equal(pruned, 768n);
    const [removal] = await bed.trail.list({ kind: 'audit.prune' }, 1);
    assert.deepEqual([removal?.details?.['below'], removal?.origin], ['768', auditorOrigin]);
    assert.equal(
      Object.values(prunedKinds).reduce((sum, count) => sum + count, 0),
      768,
    );
    const { extended } = await bed.trail.verify([kept.note]);
    assert.deepEqual(extended, [3_000n]);
    await assert.rejects(bed.trail.prove(767n), { code: 'AUDIT_RECORD_PRUNED' });
    const { proof, bytes } = await bed.trail.prove(768n);
    const { index, path, checkpoint } = parseProofFile(proof);
    const head = openCheckpoint(checkpoint, bed.key.note);
    verifyInclusion({ index, path, leafHash: hashLeaf(bytes) }, head);
    assert.equal((await bed.trail.list({}, 10_000))[0]?.sequence, 768n);
    const files = await exportOf(bed);
    assert.ok(!files.has('tile/entries/002') && files.has('tile/entries/003'));
    assert.ok(files.has('tile/0/000'));
  });

  it('that no record tells of is found', async (t) => {
    const bed = await prunable(t);
    await bed.store.transact('test', async (transaction) => {
      for (let at = 0; at < 256; at += 1) {
        const number = Buffer.alloc(8);
        number.writeBigUInt64BE(BigInt(at));
        transaction.delete(keyOf(Keyspace.auditRecord, number));
      }
      putMarks(transaction, { ...(await readMarks(transaction)), pruned: 256n });
    });
    await assert.rejects(bed.withSnapshot(verifyAuditLog), { code: 'AUDIT_RECORD_MISSING' });
  });
});
