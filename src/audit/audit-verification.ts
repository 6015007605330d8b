/**
 * Verification of the log from within: every record that is there against its number and the tree, every
 * tile against what is below it, the state against all of them.
 *
 * Not here: whether it is the log that it was yesterday, which only a checkpoint kept elsewhere can tell
 * (`checkpointer.ts`, `src/verifier`).
 *
 * @module
 */

import { concatBytes, equalBytes } from '../core/bytes.ts';
import { StoreError } from '../store/errors.ts';
import type { ReadView, Snapshot } from '../store/store.ts';
import {
  appendLeaf,
  emptyFrontier,
  encodeFrontier,
  HASH_BYTES,
  hashComplete,
  hashLeaf,
  type MerkleFrontier,
  rootHash,
} from '../tlog/merkle-tree.ts';
import type { TreeHead } from '../tlog/proof.ts';
import { levelSize, TILE_WIDTH, tileAt, tilePath } from '../tlog/tile.ts';
import type { AuditRecord } from './audit-log.ts';
import { readFrontier, readMarks } from './audit-state.ts';
import { readTile, recordsFrom } from './audit-tiles.ts';
import { AuditError } from './errors.ts';
import { checkedRecord, missing, recordRows } from './merkle-audit-log.ts';
import { TILE_WORK_BYTES, WorkSlices } from './work-slices.ts';

const WIDTH = BigInt(TILE_WIDTH);

/**
 * Reads the whole log and recomputes its tree.
 *
 * @param onRecord Given each record, which is known to be as it was written when the whole has passed.
 * @returns the head, which is now known to be that of the records.
 * @throws {AuditError} `AUDIT_RECORD_MISSING`, `AUDIT_RECORD_DAMAGED`, `AUDIT_RECORD_BEYOND_END`,
 *   `AUDIT_ROOT_MISMATCH`, `AUDIT_TILE_DAMAGED`, `AUDIT_STATE_DAMAGED`: the first fault from the start of
 *   the log.
 */
export async function verifyAuditLog(
  snapshot: Snapshot,
  onRecord: (record: AuditRecord) => void = () => undefined,
): Promise<TreeHead> {
  const stored = await readFrontier(snapshot);
  const { pruned } = await readMarks(snapshot);
  const tree = new GrowingTree(snapshot);
  await tree.addPruned(pruned);
  let lastPrune = 0n;
  for await (const [key, bytes] of recordRows(snapshot, recordsFrom(0n))) {
    if (tree.size >= stored.size) {
      throw new AuditError(
        'AUDIT_RECORD_BEYOND_END',
        `The audit log ends at ${stored.size} records, but there are more`,
      );
    }
    const record = checkedRecord(tree.size, key, bytes);
    lastPrune = prunedBy(record) ?? lastPrune;
    onRecord(record);
    await tree.add(hashLeaf(bytes));
  }
  if (tree.size < stored.size) {
    throw missing(tree.size);
  }
  if (!equalBytes(encodeFrontier(tree.frontier), encodeFrontier(stored))) {
    throw new AuditError('AUDIT_ROOT_MISMATCH', 'An audit record was changed after it was written');
  }
  if (pruned !== lastPrune) {
    throw missing(pruned < lastPrune ? pruned : lastPrune);
  }
  await tree.finish();
  return { size: stored.size, rootHash: rootHash(stored) };
}

/** How far a record says that records were removed. */
function prunedBy({ kind, result, details }: AuditRecord): bigint | undefined {
  const below = details?.['below'];
  return kind === 'audit.prune' && result === 'done' && typeof below === 'string'
    ? BigInt(below)
    : undefined;
}

/** The tree over the leaves so far; full tiles of level 0 are compared as they come. */
class GrowingTree {
  readonly #view: ReadView;
  readonly #slices = new WorkSlices();
  #tile: Uint8Array[] = [];
  #frontier: MerkleFrontier = emptyFrontier;
  /** Told when it is known that it is not the records that were changed. */
  #fault: AuditError | undefined;

  constructor(view: ReadView) {
    this.#view = view;
  }

  get size(): bigint {
    return this.#frontier.size;
  }

  get frontier(): MerkleFrontier {
    return this.#frontier;
  }

  /** Of records that are not there any more the hashes have to do. */
  async addPruned(count: bigint): Promise<void> {
    // Damaged marks may speak of more than there is.
    const end = (await readFrontier(this.#view)).size / WIDTH;
    for (let index = 0n; index < count / WIDTH && index < end; index += 1n) {
      const tile = await readTile(this.#view, { level: 0, index, width: TILE_WIDTH });
      for (let offset = 0; offset < tile.length; offset += HASH_BYTES) {
        await this.add(tile.subarray(offset, offset + HASH_BYTES));
      }
      await this.#slices.add(2 * TILE_WORK_BYTES);
    }
  }

  async add(leafHash: Uint8Array): Promise<void> {
    this.#frontier = appendLeaf(this.#frontier, leafHash);
    this.#tile.push(leafHash);
    if (this.#tile.length === TILE_WIDTH) {
      await this.#expect(0, this.#frontier.size / WIDTH - 1n, concatBytes(...this.#tile));
      this.#tile = [];
    }
  }

  /** Compares the tiles above level 0 with those below them. */
  async finish(): Promise<void> {
    this.#throwFault();
    for (let level = 1; levelSize(level, this.size) > 0n; level += 1) {
      let index = 0n;
      for (let place = tileAt(level, index, this.size); place !== undefined; ) {
        const hashes: Uint8Array[] = [];
        for (let at = 0n; at < place.width; at += 1n) {
          const below = { level: level - 1, index: index * WIDTH + at, width: TILE_WIDTH };
          hashes.push(hashComplete(await readTile(this.#view, below)));
          await this.#slices.add(TILE_WORK_BYTES);
        }
        await this.#expect(level, index, concatBytes(...hashes));
        this.#throwFault();
        index += 1n;
        place = tileAt(level, index, this.size);
      }
    }
  }

  async #expect(level: number, index: bigint, hashes: Uint8Array): Promise<void> {
    const place = { level, index, width: hashes.length / HASH_BYTES };
    const stored = await readTile(this.#view, place).catch((error: unknown) => {
      this.#fault ??= asAuditError(error);
    });
    if (stored !== undefined && !equalBytes(stored, hashes)) {
      this.#fault ??= new AuditError(
        'AUDIT_TILE_DAMAGED',
        `${tilePath(place)} of the audit log does not fit the records`,
      );
    }
  }

  #throwFault(): void {
    if (this.#fault !== undefined) {
      throw this.#fault;
    }
  }
}

function asAuditError(error: unknown): AuditError {
  if (error instanceof AuditError) {
    return error;
  }
  if (error instanceof StoreError && error.code === 'STORE_VALUE_DAMAGED') {
    return new AuditError('AUDIT_TILE_DAMAGED', 'A tile is damaged', { cause: error });
  }
  throw error;
}
