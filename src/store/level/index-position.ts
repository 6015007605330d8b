/**
 * Where the index stands in its journal: rows of LevelDB, written in the batch that they speak of.
 *
 *     meta ‖ "journal applied"       after each batch
 *     meta ‖ "journal checkpoint"    after LevelDB has put everything into tables
 *     meta ‖ "journal anchor"        before segments are removed: the last record of the last of them
 *     meta ‖ "journal backed up"     the last record that is in a verified backup
 *
 * Each: store id (16) ‖ sequence number (8) ‖ epoch (8) ‖ hash (32).
 *
 * The first does not prove what came before it: LevelDB writes its log without waiting for the disk, and reads on
 * behind what a power cut has torn out of it. The second does: it is written when the tables that hold
 * everything before are synced and on record, and is then put into a table itself.
 *
 * @module
 */

import { asBuffer, concatBytes, encodeUtf8, equalBytes } from '../../core/bytes.ts';
import { StoreError } from '../errors.ts';
import type { JournalPosition } from '../journal/journal.ts';
import { HASH_BYTES, STORE_ID_BYTES } from '../journal/journal-record.ts';
import { type IndexKnowledge, START } from '../journal/journal-scan.ts';
import { encodeUint64, Keyspace, keyOf } from '../keyspace.ts';
import type { DatabaseSnapshot, LevelDatabase } from './level-database.ts';
import type { Row } from './sorted-rows.ts';
import { openSealedValue, sealValue } from './value-checksum.ts';

const APPLIED = keyOf(Keyspace.meta, encodeUtf8('journal applied'));
const CHECKPOINT = keyOf(Keyspace.meta, encodeUtf8('journal checkpoint'));
const ANCHOR = keyOf(Keyspace.meta, encodeUtf8('journal anchor'));
const BACKED_UP = keyOf(Keyspace.meta, encodeUtf8('journal backed up'));
const VALUE_BYTES = STORE_ID_BYTES + 8 + 8 + HASH_BYTES;

/** The row that goes with a batch. */
export function appliedRow(storeId: Uint8Array, position: JournalPosition): Row {
  return row(APPLIED, storeId, position);
}

/** The row that is written once everything up to the position is in tables. */
export function checkpointRow(storeId: Uint8Array, position: JournalPosition): Row {
  return row(CHECKPOINT, storeId, position);
}

/** The row that is durable before segments up to the position are removed: where checks of the chain begin. */
export function anchorRow(storeId: Uint8Array, position: JournalPosition): Row {
  return row(ANCHOR, storeId, position);
}

/** The row that is written when a backup up to the position has been verified. */
export function backedUpRow(storeId: Uint8Array, position: JournalPosition): Row {
  return row(BACKED_UP, storeId, position);
}

/** How far a journal was retired and backed up. */
export interface JournalKeeping {
  /** The last record that was removed; {@link START} where none was. */
  readonly retired: JournalPosition;
  /** The last record in a verified backup; {@link START} where there is none. */
  readonly backedUp: JournalPosition;
}

/** What an index says of a journal of this store; rows about a journal before it do not count. */
export function readJournalKeeping(
  database: LevelDatabase,
  storeId: Uint8Array,
  snapshot?: DatabaseSnapshot,
): JournalKeeping {
  const [retired = START, backedUp = START] = [ANCHOR, BACKED_UP].map((key) => {
    const found = read(key, database.read(key, snapshot));
    return found !== undefined && equalBytes(found.storeId, storeId) ? found : undefined;
  });
  return { retired, backedUp };
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
