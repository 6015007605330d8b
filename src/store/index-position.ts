/**
 * Where the index stands in its journal: rows of LevelDB, written in the batch that they speak of.
 *
 *     meta ‖ "journal applied"       after each batch
 *     meta ‖ "journal checkpoint"    after LevelDB has put everything into tables
 *
 * Both: store id (16) ‖ sequence number (8) ‖ epoch (8) ‖ hash (32).
 *
 * The first does not prove what came before it: LevelDB writes its log without waiting for the disk, and reads on
 * behind what a power cut has torn out of it. The second does: it is written when the tables that hold
 * everything before are synced and on record, and is then put into a table itself.
 *
 * @module
 */

import { asBuffer, concatBytes, encodeUtf8 } from '../core/bytes.ts';
import { StoreError } from './errors.ts';
import type { JournalPosition } from './journal.ts';
import { HASH_BYTES, STORE_ID_BYTES } from './journal-record.ts';
import type { IndexKnowledge } from './journal-scan.ts';
import { encodeUint64, Keyspace, keyOf } from './keyspace.ts';
import type { DatabaseSnapshot, LevelDatabase } from './level-database.ts';
import type { Row } from './sorted-rows.ts';
import { openSealedValue, sealValue } from './value-checksum.ts';

const APPLIED = keyOf(Keyspace.meta, encodeUtf8('journal applied'));
const CHECKPOINT = keyOf(Keyspace.meta, encodeUtf8('journal checkpoint'));
const VALUE_BYTES = STORE_ID_BYTES + 8 + 8 + HASH_BYTES;

/** The row that goes with a batch. */
export function appliedRow(storeId: Uint8Array, position: JournalPosition): Row {
  return row(APPLIED, storeId, position);
}

/** The row that is written once everything up to the position is in tables. */
export function checkpointRow(storeId: Uint8Array, position: JournalPosition): Row {
  return row(CHECKPOINT, storeId, position);
}

/**
 * What an index knows of its journal; undefined when it was made without one.
 *
 * @throws {StoreError} `STORE_DAMAGED` when that is not what was written.
 */
export function readIndexKnowledge(
  database: LevelDatabase,
  snapshot?: DatabaseSnapshot,
): IndexKnowledge | undefined {
  const applied = read(APPLIED, database.read(APPLIED, snapshot));
  const checkpoint = read(CHECKPOINT, database.read(CHECKPOINT, snapshot));
  if (applied === undefined || checkpoint === undefined) {
    return undefined;
  }
  return { storeId: applied.storeId, applied, checkpoint };
}

function row(key: Uint8Array, storeId: Uint8Array, position: JournalPosition): Row {
  const { sequence, epoch, hash } = position;
  const value = concatBytes(storeId, encodeUint64(sequence), encodeUint64(epoch), hash);
  return [key, sealValue(key, value)];
}

function read(
  key: Uint8Array,
  stored: Uint8Array | undefined,
): (JournalPosition & { readonly storeId: Uint8Array }) | undefined {
  if (stored === undefined) {
    return undefined;
  }
  const value = openSealedValue(key, stored);
  if (value?.length !== VALUE_BYTES) {
    throw new StoreError(
      'STORE_DAMAGED',
      'The index does not know any more where it stands in the journal. Make it anew: certdir store rebuild',
    );
  }
  const numbers = asBuffer(value);
  return {
    storeId: value.slice(0, STORE_ID_BYTES),
    sequence: Number(numbers.readBigUInt64BE(STORE_ID_BYTES)),
    epoch: Number(numbers.readBigUInt64BE(STORE_ID_BYTES + 8)),
    hash: value.slice(STORE_ID_BYTES + 16),
  };
}
