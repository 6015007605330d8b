/**
 * The audit log in the store: records by sequence number, and the frontier of the Merkle tree over
 * them, both written in the transaction of the act.
 *
 *     auditRecord ‖ sequence (8)   the record (record-encoding.ts)
 *     auditState  ‖ "tree"         the frontier (merkle-tree.ts)
 *
 * Whoever can write the store can write a new log that fits together; what finds that is a root
 * hash kept elsewhere, compared with {@link AuditLog.head}.
 *
 * @module
 */

import { encodeUtf8, equalBytes, prefixEnd } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { StoreError } from '../store/errors.ts';
import { encodeUint64, Keyspace, keyOf } from '../store/keyspace.ts';
import type { KeyRange, KeyValue, ReadView, Snapshot, Transaction } from '../store/store.ts';
import {
  appendLeaf,
  emptyFrontier,
  encodeFrontier,
  hashLeaf,
  type MerkleFrontier,
  parseFrontier,
  rootHash,
} from '../tlog/merkle-tree.ts';
import type { AuditEvent, AuditLog, AuditRecord } from './audit-log.ts';
import { AuditError } from './errors.ts';
import { encodeAuditRecord, parseAuditRecord } from './record-encoding.ts';

/** How many records there are and the root hash over all of them. */
export interface AuditHead {
  readonly size: bigint;
  readonly rootHash: Uint8Array;
}

const STATE_KEY = keyOf(Keyspace.auditState, encodeUtf8('tree'));

/** The audit log of a store. It keeps nothing itself. */
export function openAuditLog({ clock }: { readonly clock: Clock }): AuditLog {
  return {
    append: (transaction, event) => appendRecord(transaction, event, clock.nowMs()),
    records: readRecords,
    head: async (snapshot) => headOf(await readFrontier(snapshot)),
  };
}

/**
 * Reads the whole log and recomputes its root hash.
 *
 * @param onRecord Given each record, which is known to be as it was written when the whole has passed.
 * @returns the head, which is now known to be that of the records.
 * @throws {AuditError} `AUDIT_RECORD_MISSING`, `AUDIT_RECORD_DAMAGED`, `AUDIT_RECORD_BEYOND_END`,
 *   `AUDIT_ROOT_MISMATCH`, `AUDIT_STATE_DAMAGED`: the first fault from the start of the log.
 */
export async function verifyAuditLog(
  snapshot: Snapshot,
  onRecord: (record: AuditRecord) => void = () => undefined,
): Promise<AuditHead> {
  const stored = await readFrontier(snapshot);
  let frontier = emptyFrontier;
  for await (const [key, bytes] of recordRows(snapshot, 0n)) {
    if (frontier.size >= stored.size) {
      throw new AuditError(
        'AUDIT_RECORD_BEYOND_END',
        `The audit log ends at ${stored.size} records, but there are more`,
      );
    }
    onRecord(checkedRecord(frontier.size, key, bytes));
    frontier = appendLeaf(frontier, hashLeaf(bytes));
  }
  if (frontier.size < stored.size) {
    throw missing(frontier.size);
  }
  if (!equalBytes(encodeFrontier(frontier), encodeFrontier(stored))) {
    throw new AuditError('AUDIT_ROOT_MISMATCH', 'An audit record was changed after it was written');
  }
  return headOf(frontier);
}

async function appendRecord(
  transaction: Transaction,
  event: AuditEvent,
  timeMs: number,
): Promise<void> {
  const frontier = await readFrontier(transaction);
  const bytes = encodeAuditRecord({ ...event, sequence: frontier.size, timeMs });
  const key = recordKey(frontier.size);
  // A state that has gone back, after a restore or a lost row, must not overwrite records.
  if ((await transaction.read(key)) !== undefined) {
    throw new AuditError(
      'AUDIT_RECORD_BEYOND_END',
      `Audit record ${frontier.size} exists already. Verify the log before anything is done`,
    );
  }
  transaction.put(key, bytes);
  transaction.put(STATE_KEY, encodeFrontier(appendLeaf(frontier, hashLeaf(bytes))));
}

async function* readRecords(
  snapshot: Snapshot,
  fromSequence = 0n,
): AsyncGenerator<AuditRecord, void, undefined> {
  let sequence = fromSequence;
  for await (const [key, bytes] of recordRows(snapshot, fromSequence)) {
    yield checkedRecord(sequence, key, bytes);
    sequence += 1n;
  }
  if (sequence < (await readFrontier(snapshot)).size) {
    throw missing(sequence);
  }
}

/** The record's rows; a damaged value is a damaged record. */
async function* recordRows(
  view: ReadView,
  fromSequence: bigint,
): AsyncGenerator<KeyValue, void, undefined> {
  const end = prefixEnd(keyOf(Keyspace.auditRecord));
  const range: KeyRange = {
    gte: recordKey(fromSequence),
    ...(end === undefined ? {} : { lt: end }),
  };
  try {
    yield* view.range(range);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'STORE_VALUE_DAMAGED') {
      throw new AuditError('AUDIT_RECORD_DAMAGED', 'An audit record is damaged', { cause: error });
    }
    throw error;
  }
}

function checkedRecord(sequence: bigint, key: Uint8Array, bytes: Uint8Array): AuditRecord {
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

async function readFrontier(view: ReadView): Promise<MerkleFrontier> {
  const bytes = await view.read(STATE_KEY);
  if (bytes === undefined) {
    return emptyFrontier;
  }
  const frontier = parseFrontier(bytes);
  if (frontier === undefined) {
    throw new AuditError('AUDIT_STATE_DAMAGED', "The audit log's state is damaged");
  }
  return frontier;
}

function headOf(frontier: MerkleFrontier): AuditHead {
  return { size: frontier.size, rootHash: rootHash(frontier) };
}

function recordKey(sequence: bigint): Uint8Array {
  return keyOf(Keyspace.auditRecord, encodeUint64(sequence));
}

function missing(sequence: bigint): AuditError {
  return new AuditError('AUDIT_RECORD_MISSING', `Audit record ${sequence} is missing`);
}
