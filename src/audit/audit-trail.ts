/**
 * What an auditor does with the log: look, prove, verify, review, export. Each look that counts as a
 * review, each export and each removal is itself a record.
 *
 * Not here: who may (the caller decides), removing (`pruning.ts`).
 *
 * @module
 */

import { equalBytes, formatHex } from '../core/bytes.ts';
import type { Snapshot, Store, Transaction } from '../store/store.ts';
import type { Checkpoint } from '../tlog/checkpoint.ts';
import { encodeEntryBundle } from '../tlog/entry-bundle.ts';
import { handoverPath } from '../tlog/key-lineage.ts';
import { formatNoteKey } from '../tlog/signed-note.ts';
import {
  parseTilePath,
  TILE_WIDTH,
  type TilePlace,
  tileAt,
  tilePath,
  tilesOf,
} from '../tlog/tile.ts';
import { TreeReader } from '../tlog/tree-reader.ts';
import { type AuditFilter, matchesFilter } from './audit-filter.ts';
import type { AuditLog, AuditOrigin, AuditRecord } from './audit-log.ts';
import { type AuditMarks, putMarks, readMarks } from './audit-state.ts';
import { readBundle, readTile, recordsFrom } from './audit-tiles.ts';
import { verifyAuditLog } from './audit-verification.ts';
import type { Checkpointer, SignedCheckpoint } from './checkpointer.ts';
import { AuditError } from './errors.ts';
import { expectExtends } from './kept-checkpoint.ts';
import { readHead, recordRows } from './merkle-audit-log.ts';
import { parseAuditRecord } from './record-encoding.ts';
import { type ProvenRecord, RecordProofs } from './record-proofs.ts';
import { WorkSlices } from './work-slices.ts';

/** A file of the log's public form, and where it goes. */
export interface LogFile {
  /** Below the log's address or folder, e.g. `tile/0/000`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface Verification extends SignedCheckpoint {
  readonly marks: AuditMarks;
  /** Of each checkpoint that was handed in, its size. */
  readonly extended: readonly bigint[];
}

/** An export that somebody has written down. */
export interface ExportReceipt {
  readonly size: bigint;
  readonly rootHash: Uint8Array;
  /** Where it lies: a medium's label, a folder. */
  readonly place: string;
}

export interface AuditTrailOptions {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly checkpointer: Checkpointer;
}

/** Within a folder of an export: the verifier key. */
export const KEY_FILE = 'audit-key.txt';

export class AuditTrail {
  readonly #options: AuditTrailOptions;
  readonly #proofs: RecordProofs;

  constructor(options: AuditTrailOptions) {
    this.#options = options;
    this.#proofs = new RecordProofs(options);
  }

  /**
   * The last records that fit, oldest first.
   *
   * @param limit At most so many.
   * @throws {AuditError} `AUDIT_RECORD_DAMAGED`.
   */
  list(filter: AuditFilter, limit: number): Promise<readonly AuditRecord[]> {
    return this.#withSnapshot(async (snapshot) => {
      const found: AuditRecord[] = [];
      for await (const [, bytes] of recordRows(snapshot, { ...recordsFrom(0n), reverse: true })) {
        const record = parseAuditRecord(bytes);
        if (matchesFilter(record, filter) && found.push(record) === limit) {
          break;
        }
      }
      return found.reverse();
    });
  }

  /** See `RecordProofs.prove`. */
  prove(sequence: bigint): Promise<ProvenRecord> {
    return this.#proofs.prove(sequence);
  }

  /**
   * Reads the whole log, and compares it with checkpoints that were kept.
   *
   * @param kept Signed notes.
   * @throws {AuditError} what is wrong first. @throws {TlogError} for what is no checkpoint of this log.
   */
  async verify(kept: readonly string[]): Promise<Verification> {
    const { checkpointer } = this.#options;
    const known: readonly Checkpoint[] = kept.map((note) => checkpointer.keys.open(note));
    const marks = await this.#withSnapshot(async (snapshot) => {
      const head = await verifyAuditLog(snapshot);
      for (const checkpoint of [...checkpointer.keys.heads, ...known]) {
        await expectExtends(snapshot, head, checkpoint);
      }
      return await readMarks(snapshot);
    });
    const signed = await checkpointer.sign();
    return { ...signed, marks, extended: known.map(({ size }) => size) };
  }

  /** The last checkpoint, over everything. */
  checkpoint(): Promise<SignedCheckpoint> {
    return this.#options.checkpointer.sign();
  }

  acceptLoss(origin: AuditOrigin): Promise<SignedCheckpoint> {
    return this.#options.checkpointer.acceptLoss(origin);
  }

  /**
   * A tile of the tree that the last checkpoint covers, for whoever may see hashes and no records.
   *
   * @returns undefined where there is no such tile, and for bundles of records.
   */
  async publicTile(path: string): Promise<Uint8Array | undefined> {
    const { checkpointer } = this.#options;
    const place = parseTilePath(path);
    const note = await checkpointer.current();
    if (place === undefined || place.level === 'entries' || note === undefined) {
      return undefined;
    }
    const { size } = checkpointer.keys.open(note);
    const last = tileAt(place.level, place.index, size);
    return last === undefined || place.width > last.width
      ? undefined
      : await this.#withSnapshot((snapshot) => readTile(snapshot, place));
  }

  /** The verifier key as text. */
  get key(): string {
    return formatNoteKey(this.#options.checkpointer.key);
  }

  /** How each key handed over to the next; signed notes. */
  get handovers(): readonly string[] {
    return this.#options.checkpointer.keys.notes;
  }

  marks(): Promise<AuditMarks> {
    return this.#withSnapshot(readMarks);
  }

  /**
   * Records that everything up to a record was reviewed.
   *
   * @param upTo Number of records, from the first on.
   * @throws {AuditError} `AUDIT_MARK_REFUSED` when there are not so many, or they were reviewed before.
   */
  review(
    { upTo, note }: { readonly upTo: bigint; readonly note: string },
    origin: AuditOrigin,
  ): Promise<AuditMarks> {
    return this.#mark('audit: review', async (transaction, marks) => {
      const { size } = await readHead(transaction);
      if (upTo > size || upTo <= marks.reviewed) {
        throw new AuditError(
          'AUDIT_MARK_REFUSED',
          `the log has ${size} records, and ${marks.reviewed} are reviewed; give a number between them`,
        );
      }
      await this.#options.audit.append(transaction, {
        kind: 'audit.review',
        result: 'done',
        origin,
        subject: this.#options.checkpointer.key.name,
        details: { from: marks.reviewed.toString(), below: upTo.toString(), note },
      });
      return { ...marks, reviewed: upTo, reviewRecord: size };
    });
  }

  /**
   * The log as files: tiles, bundles, handovers, key and, last, the checkpoint that covers them.
   *
   * @param since Size of an export that is there already; its full tiles are left out.
   */
  async *export(since: bigint): AsyncGenerator<LogFile, void, undefined> {
    const { note, size } = await this.checkpoint();
    const snapshot = this.#options.store.snapshot();
    const slices = new WorkSlices();
    try {
      const { pruned } = await readMarks(snapshot);
      for (const place of tilesOf(size, since)) {
        const isPruned =
          place.level === 'entries' && (place.index + 1n) * BigInt(TILE_WIDTH) <= pruned;
        if (!isPruned) {
          const bytes = await readPlace(snapshot, place);
          yield { path: tilePath(place), bytes };
          await slices.add(bytes.length);
        }
      }
      for (const [at, handover] of this.handovers.entries()) {
        yield { path: handoverPath(at + 1), bytes: Buffer.from(handover) };
      }
      yield { path: KEY_FILE, bytes: Buffer.from(`${this.key}\n`) };
      yield { path: 'checkpoint', bytes: Buffer.from(note) };
    } finally {
      await snapshot.close();
    }
  }

  /**
   * Records that an export has been written where it belongs.
   *
   * @throws {AuditError} `AUDIT_MARK_REFUSED` when it is not one of this log, or older than the last.
   */
  exported(receipt: ExportReceipt, origin: AuditOrigin): Promise<AuditMarks> {
    return this.#mark('audit: export', async (transaction, marks) => {
      const head = await readHead(transaction);
      const { size, rootHash, place } = receipt;
      const isShorter = size >= marks.exported && size <= head.size;
      const tree = new TreeReader(size, (tile) => readTile(transaction, tile));
      if (!isShorter || !equalBytes(await tree.rootHash(), rootHash)) {
        throw new AuditError(
          'AUDIT_MARK_REFUSED',
          `an export of ${size} records with this root hash is none of this log, or an old one`,
        );
      }
      await this.#options.audit.append(transaction, {
        kind: 'audit.export',
        result: 'done',
        origin,
        subject: place,
        after: formatHex(rootHash),
        details: { size: size.toString() },
      });
      return { ...marks, exported: size, exportRecord: head.size };
    });
  }

  async #mark(
    reason: string,
    change: (transaction: Transaction, marks: AuditMarks) => Promise<AuditMarks>,
  ): Promise<AuditMarks> {
    return await this.#options.store.transact(reason, async (transaction) => {
      const marks = await change(transaction, await readMarks(transaction));
      putMarks(transaction, marks);
      return marks;
    });
  }

  async #withSnapshot<T>(use: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    const snapshot = this.#options.store.snapshot();
    try {
      return await use(snapshot);
    } finally {
      await snapshot.close();
    }
  }
}

/** A tile's hashes, or a bundle's entries, as a file. */
export async function readPlace(snapshot: Snapshot, place: TilePlace): Promise<Uint8Array> {
  return place.level === 'entries'
    ? encodeEntryBundle(await readBundle(snapshot, place))
    : await readTile(snapshot, place);
}
