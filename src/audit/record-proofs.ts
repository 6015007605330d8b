/**
 * A record and the proof that it is in the log. What many proofs pass through is hashed once and kept.
 *
 * @module
 */

import type { Snapshot, Store } from '../store/store.ts';
import { TlogError } from '../tlog/errors.ts';
import { hashLeaf } from '../tlog/merkle-tree.ts';
import { type TreeHead, verifyInclusion } from '../tlog/proof.ts';
import { formatProofFile } from '../tlog/proof-file.ts';
import { TileCache } from '../tlog/tile-hashes.ts';
import { TreeReader } from '../tlog/tree-reader.ts';
import type { AuditRecord } from './audit-log.ts';
import { readMarks } from './audit-state.ts';
import { readTile, recordKey } from './audit-tiles.ts';
import type { Checkpointer, SignedCheckpoint } from './checkpointer.ts';
import { AuditError } from './errors.ts';
import { missing } from './merkle-audit-log.ts';
import { parseAuditRecord } from './record-encoding.ts';

export interface ProvenRecord {
  readonly record: AuditRecord;
  /** The leaf. */
  readonly bytes: Uint8Array;
  readonly leafHash: Uint8Array;
  /** Inclusion in the checkpoint within, as C2SP tlog-proof. */
  readonly proof: string;
}

export interface RecordProofsOptions {
  readonly store: Store;
  readonly checkpointer: Checkpointer;
}

export class RecordProofs {
  readonly #options: RecordProofsOptions;
  #cache = new TileCache();

  constructor(options: RecordProofsOptions) {
    this.#options = options;
  }

  /**
   * Under a checkpoint that covers the record; one is signed where the last does not.
   *
   * @throws {AuditError} `AUDIT_RECORD_UNKNOWN`, `AUDIT_RECORD_PRUNED`, `AUDIT_RECORD_MISSING`,
   *   `AUDIT_CHECKPOINT_CONTRADICTED`, `AUDIT_TILE_DAMAGED` when what is stored proves nothing.
   */
  async prove(sequence: bigint): Promise<ProvenRecord> {
    const head = await this.#covering(sequence);
    const snapshot = this.#options.store.snapshot();
    try {
      const bytes = await readRecord(snapshot, sequence, head.size);
      const tree = new TreeReader(head.size, (place) => readTile(snapshot, place), this.#cache);
      const path = await tree.inclusionProof(sequence);
      const leafHash = hashLeaf(bytes);
      this.#expectProven({ index: sequence, leafHash, path }, head);
      const proof = formatProofFile({ index: sequence, path, checkpoint: head.note });
      return { record: parseAuditRecord(bytes), bytes, leafHash, proof };
    } finally {
      await snapshot.close();
    }
  }

  async #covering(sequence: bigint): Promise<SignedCheckpoint> {
    const { checkpointer } = this.#options;
    const note = await checkpointer.current();
    const last = note === undefined ? undefined : checkpointer.keys.open(note);
    return note !== undefined && last !== undefined && sequence < last.size
      ? { ...last, note }
      : await checkpointer.sign();
  }

  /** What others could not check must not be given out. */
  #expectProven(proof: Parameters<typeof verifyInclusion>[0], head: TreeHead): void {
    try {
      verifyInclusion(proof, head);
    } catch (cause) {
      if (!(cause instanceof TlogError)) {
        throw cause;
      }
      this.#cache = new TileCache();
      throw new AuditError(
        'AUDIT_TILE_DAMAGED',
        `Record ${proof.index} is not in the tree of the last checkpoint: verify the log`,
        { cause },
      );
    }
  }
}

async function readRecord(snapshot: Snapshot, sequence: bigint, size: bigint): Promise<Uint8Array> {
  if (sequence >= size) {
    throw new AuditError(
      'AUDIT_RECORD_UNKNOWN',
      `there is no record ${sequence}; the log has ${size}`,
    );
  }
  const bytes = await snapshot.read(recordKey(sequence));
  if (bytes !== undefined) {
    return bytes;
  }
  const { pruned } = await readMarks(snapshot);
  throw sequence < pruned
    ? new AuditError(
        'AUDIT_RECORD_PRUNED',
        `record ${sequence} was removed after its time; an export has it`,
      )
    : missing(sequence);
}
