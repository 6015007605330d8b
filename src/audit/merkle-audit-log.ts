/**
 * The audit log in the store: records by sequence number, and the Merkle tree over them, written in the
 * transaction of the act.
 *
 *     auditRecord ‖ sequence (8)   the record (record-encoding.ts)
 *
 * Beside it the tree's frontier (audit-state.ts) and its tiles (audit-tiles.ts).
 *
 * Whoever can write the store can write a new log that fits together; what finds that is a checkpoint
 * kept elsewhere (checkpointer.ts).
 *
 * @module
 */

import { equalBytes } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { StoreError } from '../store/errors.ts';
import type { KeyRange, KeyValue, ReadView, Snapshot, Transaction } from '../store/store.ts';
import { appendLeaf, hashLeaf, rootHash } from '../tlog/merkle-tree.ts';
import type { TreeHead } from '../tlog/proof.ts';
import type { AuditEvent, AuditLog, AuditRecord } from './audit-log.ts';
import { putFrontier, readFrontier, readMarks } from './audit-state.ts';
import { extendTiles, recordKey, recordsFrom } from './audit-tiles.ts';
import { AuditError } from './errors.ts';
import { encodeAuditRecord, parseAuditRecord } from './record-encoding.ts';
import { WorkSlices } from './work-slices.ts';

/** The audit log of a store. It keeps nothing itself. */
export function openAuditLog({ clock }: { readonly clock: Clock }): AuditLog {
  return {
    append: (transaction, event) => appendRecords(transaction, [event], clock.nowMs()),
    appendAll: (transaction, events) => appendRecords(transaction, events, clock.nowMs()),
    records: readRecords,
    head: readHead,
  };
}

/** How many records there are and the root hash over all of them. */
export async function readHead(view: ReadView): Promise<TreeHead> {
  const frontier = await readFrontier(view);
  return { size: frontier.size, rootHash: rootHash(frontier) };
}

async function appendRecords(
  transaction: Transaction,
  events: readonly AuditEvent[],
  timeMs: number,
): Promise<void> {
  let frontier = await readFrontier(transaction);
  // A state that has gone back, after a restore or a lost row, must not overwrite records.
  if ((await transaction.read(recordKey(frontier.size))) !== undefined) {
    throw new AuditError(
      'AUDIT_RECORD_BEYOND_END',
      `Audit record ${frontier.size} exists already. Verify the log before anything is done`,
    );
  }
  const slices = new WorkSlices();
  for (const event of events) {
    const bytes = encodeAuditRecord({ ...event, sequence: frontier.size, timeMs });
    transaction.put(recordKey(frontier.size), bytes);
    frontier = appendLeaf(frontier, hashLeaf(bytes));
    await extendTiles(transaction, frontier.size);
    await slices.add(bytes.length);
  }
  putFrontier(transaction, frontier);
}

/** @throws {AuditError} `AUDIT_RECORD_MISSING`, `AUDIT_RECORD_DAMAGED`, `AUDIT_STATE_DAMAGED`. */
async function* readRecords(
  snapshot: Snapshot,
  fromSequence = 0n,
): AsyncGenerator<AuditRecord, void, undefined> {
  const { pruned } = await readMarks(snapshot);
  let sequence = fromSequence < pruned ? pruned : fromSequence;
  for await (const [key, bytes] of recordRows(snapshot, recordsFrom(sequence))) {
    yield checkedRecord(sequence, key, bytes);
    sequence += 1n;
  }
  if (sequence < (await readFrontier(snapshot)).size) {
    throw missing(sequence);
  }
}

/**
 * The records' rows, with pauses in which others run; a damaged value is a damaged record.
 *
 * @throws {AuditError} `AUDIT_RECORD_DAMAGED`.
 */
export async function* recordRows(
  view: ReadView,
  range: KeyRange,
): AsyncGenerator<KeyValue, void, undefined> {
  const slices = new WorkSlices();
  try {
    for await (const row of view.range(range)) {
      yield row;
      await slices.add(row[1].length);
    }
  } catch (error) {
    if (error instanceof StoreError && error.code === 'STORE_VALUE_DAMAGED') {
      throw new AuditError('AUDIT_RECORD_DAMAGED', 'An audit record is damaged', { cause: error });
    }
    throw error;
  }
}

/** The record in a row. @throws {AuditError} `AUDIT_RECORD_MISSING`, `AUDIT_RECORD_DAMAGED`. */
export function checkedRecord(sequence: bigint, key: Uint8Array, bytes: Uint8Array): AuditRecord {
  if (!equalBytes(key, recordKey(sequence))) {
    throw missing(sequence);
  }
  const record = parseAuditRecord(bytes);
  if (record.sequence !== sequence) {
    throw new AuditError(
      'AUDIT_RECORD_DAMAGED',
      `In place of audit record ${sequence} there is record ${record.sequence}`,
    );
  }
  return record;
}

export function missing(sequence: bigint): AuditError {
  return new AuditError('AUDIT_RECORD_MISSING', `Audit record ${sequence} is missing`);
}
