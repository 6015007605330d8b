import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';

import {
  putNoteKey,
  readHandovers,
  readLineage,
  readNoteKey,
} from '../../src/audit/audit-state.ts';
import { Checkpointer, type CheckpointKey } from '../../src/audit/checkpointer.ts';
import { findContradiction } from '../../src/audit/kept-checkpoint.ts';
import { silentLog } from '../../src/core/log.ts';
import { openCheckpoint } from '../../src/tlog/checkpoint.ts';
import { openHandover } from '../../src/tlog/key-lineage.ts';
import { formatNoteKey } from '../../src/tlog/signed-note.ts';
import { verifyLog } from '../../src/verifier/log-verification.ts';
import { type AuditBed, auditorOrigin, openAuditBed } from '../support/audit-bed.ts';
import { type LogKey, makeLogKey } from '../support/memory-log.ts';

const keyOf = ({ note, privateKey }: LogKey): CheckpointKey => ({
  note,
  sign: async (message) => sign(null, message, privateKey),
});
const brokenKey = ({ note }: LogKey): CheckpointKey => ({
  note,
  sign: () => Promise.reject(new Error('the token is away')),
});

/** A log with a key on record, as the program makes it. */
async function openBed(t: Parameters<typeof openAuditBed>[0]): Promise<AuditBed> {
  const bed = await openAuditBed(t);
  await bed.store.transact('test', async (transaction) =>
    putNoteKey(transaction, formatNoteKey(bed.key.note)),
  );
  return bed;
}

/** The same log, opened again by what is stored. */
async function reopen(
  { store, audit, checkpointFile }: AuditBed,
  key: LogKey,
  file = checkpointFile,
): Promise<Checkpointer> {
  const snapshot = store.snapshot();
  const handovers = await readHandovers(snapshot).finally(() => snapshot.close());
  return new Checkpointer({ store, audit, file, log: silentLog, key: keyOf(key), handovers });
}

describe('another key for the log', () => {
  it('signs from now on; the key before says so, and both are on record', async (t) => {
    const bed = await openBed(t);
    const next = makeLogKey(bed.key.note.name);
    await bed.append(300);
    const kept = (await bed.trail.checkpoint()).note;
    await bed.append(10);
    const rotated = await bed.checkpointer.rotate(keyOf(next), auditorOrigin);

    const { from, to, head } = openHandover(rotated.handover);
    assert.deepEqual([from, to, head.size], [bed.key.note, next.note, 310n]);
    assert.equal(openCheckpoint(rotated.note, next.note).size, 311n);
    const [record] = await bed.trail.list({ kind: 'audit.key.rotate' }, 10);
    assert.equal(record?.details?.['from'], formatNoteKey(bed.key.note));
    assert.equal(record.details['to'], formatNoteKey(next.note));
    assert.deepEqual(record.origin, auditorOrigin);
    await bed.withSnapshot(async (snapshot) => {
      assert.equal(await readNoteKey(snapshot), formatNoteKey(next.note));
      assert.deepEqual((await readLineage(snapshot))?.keys, [bed.key.note, next.note]);
    });
    assert.equal(bed.trail.key, formatNoteKey(next.note));
    assert.deepEqual((await bed.trail.verify([kept])).extended, [300n]);
  });

  it('and a third: an export leads from the first to the last', async (t) => {
    const bed = await openBed(t);
    const keys = [bed.key, makeLogKey(bed.key.note.name), makeLogKey(bed.key.note.name)];
    const kept: string[] = [];
    for (const key of keys) {
      if (key !== bed.key) {
        await bed.checkpointer.rotate(keyOf(key), auditorOrigin);
      }
      await bed.append(200);
      kept.push((await bed.trail.checkpoint()).note);
    }
    const files = new Map<string, Uint8Array>();
    for await (const { path, bytes } of bed.trail.export(0n)) {
      files.set(path, bytes);
    }
    assert.ok(files.has('handover/1') && files.has('handover/2'));
    const source = {
      read: async (path: string) => files.get(path),
      list: async () => [...files.keys()].filter((path) => path.startsWith('tile/')),
    };
    for (const [at, { note: key }] of keys.entries()) {
      const heads = [openCheckpoint(kept[at] ?? '', key)];
      const verified = await verifyLog({ source, key, kept: heads, entries: 'all' });
      assert.equal(verified.checkpoint.size, 602n);
    }
    const { proof } = await bed.trail.prove(5n);
    assert.match(proof, /\n602\n/);
  });

  it('is not taken while either key cannot sign: nothing has changed', async (t) => {
    const bed = await openBed(t);
    await bed.append(3);
    const next = makeLogKey(bed.key.note.name);
    await assert.rejects(bed.checkpointer.rotate(brokenKey(next), auditorOrigin), /away/);
    assert.deepEqual(bed.checkpointer.keys.keys, [bed.key.note]);
    assert.equal((await bed.trail.list({}, 10)).length, 3);
    await bed.checkpointer.rotate(keyOf(next), auditorOrigin);
    assert.deepEqual(bed.checkpointer.keys.keys, [bed.key.note, next.note]);
  });

  it('must be of the same log', async (t) => {
    const bed = await openBed(t);
    const foreign = makeLogKey('certdir/other');
    await assert.rejects(bed.checkpointer.rotate(keyOf(foreign), auditorOrigin), {
      code: 'TLOG_HANDOVER_MALFORMED',
    });
    await assert.rejects(bed.checkpointer.rotate(keyOf(bed.key), auditorOrigin), {
      code: 'TLOG_HANDOVER_MALFORMED',
    });
  });

  it('goes on where the program was killed before its first checkpoint', async (t) => {
    const bed = await openBed(t);
    const next = makeLogKey(bed.key.note.name);
    await bed.append(5);
    let isFirst = true;
    const once: CheckpointKey = {
      note: next.note,
      sign: async (message) => {
        if (!isFirst) {
          throw new Error('killed');
        }
        isFirst = false;
        return sign(null, message, next.privateKey);
      },
    };
    await assert.rejects(bed.checkpointer.rotate(once, auditorOrigin), /killed/);
    const again = await reopen(bed, next);
    assert.equal(await again.isBehind(), true);
    assert.equal(openCheckpoint((await again.sign()).note, next.note).size, 6n);
    const kept = join(dirname(bed.checkpointFile), 'handover-1');
    assert.equal(openHandover(await readFile(kept, 'utf8')).head.size, 5n);
  });

  it('is known beside a store from before it, which is then found to be one', async (t) => {
    const [bed, earlier] = [await openBed(t), await openBed(t)];
    const { checkpointFile: file } = bed;
    await earlier.store.transact('test', async (transaction) =>
      putNoteKey(transaction, formatNoteKey(bed.key.note)),
    );
    await earlier.append(4);
    await bed.append(4);
    await bed.checkpointer.rotate(keyOf(makeLogKey(bed.key.note.name)), auditorOrigin);
    const contradiction = await earlier.withSnapshot((one) => findContradiction(one, file));
    assert.equal(contradiction?.isSigned, true);

    const putBack = await reopen(earlier, bed.key, file);
    await assert.rejects(putBack.sign(), { code: 'AUDIT_CHECKPOINT_CONTRADICTED' });
    await putBack.acceptLoss(auditorOrigin);
    const names = await readdir(dirname(file));
    assert.ok(names.some((name) => name.startsWith('handover-1.lost-')));
    assert.ok(!names.includes('handover-1'));

    // And it hands over once more.
    const next = makeLogKey(bed.key.note.name);
    const { size } = await putBack.rotate(keyOf(next), auditorOrigin);
    assert.equal(size, 6n);
    assert.ok((await readdir(dirname(file))).includes('handover-1'));
  });

  it('does without the copies of handovers: they are made again', async (t) => {
    const bed = await openBed(t);
    const next = makeLogKey(bed.key.note.name);
    await bed.append(1);
    await bed.checkpointer.rotate(keyOf(next), auditorOrigin);
    const copy = join(dirname(bed.checkpointFile), 'handover-1');
    await rm(copy);
    await bed.append(1);
    await (await reopen(bed, next)).sign();
    assert.equal(openHandover(await readFile(copy, 'utf8')).head.size, 1n);
  });
});
