/**
 * Signs the log's checkpoints (C2SP tlog-checkpoint) with a key that signs nothing else, and never one
 * that contradicts an earlier one: not the last in the store, and not the copy that is kept beside the
 * store, which a store that was put back does not take back with it.
 *
 * @module
 */

import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';

import { encodeUtf8 } from '../core/bytes.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Snapshot, Store } from '../store/store.ts';
import { type Checkpoint, formatCheckpoint, openCheckpoint } from '../tlog/checkpoint.ts';
import { formatHandover, KeyLineage, signedHandover } from '../tlog/key-lineage.ts';
import type { TreeHead } from '../tlog/proof.ts';
import { formatNoteKey, formatSignedNote, type NoteKey } from '../tlog/signed-note.ts';
import type { AuditLog, AuditOrigin } from './audit-log.ts';
import { putCheckpoint, putHandover, putNoteKey, readCheckpoint } from './audit-state.ts';
import { readIfThere, replaceFile, syncFolder } from './durable-file.ts';
import { AuditError } from './errors.ts';
import {
  compareKept,
  expectExtends,
  followBeside,
  handoverFile,
  type TakenCheckpoints,
  takeKeptCheckpoints,
} from './kept-checkpoint.ts';
import { readHead } from './merkle-audit-log.ts';
import { recordDigest } from './record-digest.ts';

/** The audit key as the log sees it. */
export interface CheckpointKey {
  /** Named as the log is. */
  readonly note: NoteKey;
  /** Ed25519 over the message. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

export interface SignedCheckpoint extends TreeHead {
  /** The signed note. */
  readonly note: string;
}

export interface RotatedKey extends SignedCheckpoint {
  /** How the key before handed over; a signed note. */
  readonly handover: string;
}

export interface CheckpointerOptions {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly key: CheckpointKey;
  /** How the keys before handed over, up to `key`; signed notes. */
  readonly handovers?: readonly string[];
  /** Where the last checkpoint is kept outside the store. */
  readonly file: string;
  readonly log: Log;
  /** Rejects while nothing may be signed: what was signed before may be lost, and would be contradicted. */
  readonly assertMaySign?: () => Promise<void>;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #key: CheckpointKey;
  #keys: KeyLineage;
  #areHandoversKept = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#key = options.key;
    this.#keys = KeyLineage.follow(options.key.note, options.handovers ?? []);
  }

  /** The one that signs now. */
  get key(): NoteKey {
    return this.#key.note;
  }

  /** Every key of this log so far. */
  get keys(): KeyLineage {
    return this.#keys;
  }

  /** True when there are records that no checkpoint covers, and one may be signed. */
  async isBehind(): Promise<boolean> {
    if (await this.#isHeldBack()) {
      return false;
    }
    return await this.#withSnapshot(async (snapshot) => {
      const note = await readCheckpoint(snapshot);
      const signed = note === undefined ? undefined : this.#open(note);
      return (await readHead(snapshot)).size !== signed?.size;
    });
  }

  /** The last one that was signed; undefined before the first. */
  current(): Promise<string | undefined> {
    return this.#withSnapshot(readCheckpoint);
  }

  /**
   * A checkpoint over everything that is durable; the last one when nothing has come since.
   *
   * @throws {AuditError} `AUDIT_CHECKPOINT_CONTRADICTED` when the log does not begin with what was signed
   *   before: nothing is signed then.
   * @throws what signing throws.
   */
  sign(): Promise<SignedCheckpoint> {
    return this.#inTurn(() => this.#sign());
  }

  /** A note over another text than a checkpoint: the first line must not be the log's name. */
  async signNote(text: string): Promise<string> {
    const key = this.#key;
    if (text.startsWith(`${key.note.name}\n`)) {
      throw new RangeError('a checkpoint is signed by `sign` alone');
    }
    await this.#options.assertMaySign?.();
    return formatSignedNote(text, key.note, await key.sign(encodeUtf8(text)));
  }

  /**
   * After a restore that has lost records for good: records what was signed and is lost, puts the copy
   * beside the store aside, and signs again. Whoever has kept a checkpoint of the lost part will find that
   * the log contradicts it; this record tells them why.
   *
   * A copy that cannot be read is put aside in the same way: what it said is not known any more.
   *
   * @throws {AuditError} `AUDIT_NOTHING_LOST` when the log does not contradict the copy.
   */
  acceptLoss(origin: AuditOrigin): Promise<SignedCheckpoint> {
    return this.#inTurn(async () => {
      const { file, store, audit } = this.#options;
      await this.#options.assertMaySign?.();
      const [contradiction, head] = await this.#withSnapshot(
        async (snapshot) =>
          [
            await compareKept(snapshot, { file, keys: this.#keys }),
            await readHead(snapshot),
          ] as const,
      );
      if (contradiction === undefined) {
        const text = 'the log contradicts no checkpoint that was signed over it';
        throw new AuditError('AUDIT_NOTHING_LOST', text);
      }
      const { isSigned, sha256 } = contradiction;
      const kept = isSigned ? await this.#readKept() : undefined;
      await store.transact('audit: accept a loss', (transaction) =>
        audit.append(transaction, {
          kind: 'audit.loss',
          result: 'done',
          origin,
          subject: this.key.name,
          before: sha256,
          details: {
            ...(kept === undefined
              ? {}
              : {
                  signedSize: kept.size.toString(),
                  signedRootHash: Buffer.from(kept.rootHash).toString('base64'),
                }),
            size: head.size.toString(),
          },
        }),
      );
      await rename(file, `${file}.lost-${kept?.size ?? 'unreadable'}-${sha256.slice(0, 16)}`);
      await this.#putHandoversAside();
      await syncFolder(dirname(file));
      return await this.#sign();
    });
  }

  /**
   * Lets another key of the log sign from now on. The last tree that the key before has signed, which covers
   * everything so far, is in the handover that both sign; the handover, the new key and the record of it are
   * durable together.
   *
   * @throws {AuditError} as `sign`. @throws what signing throws: before the handover is durable nothing has
   *   changed, after it the next checkpoint is signed by the other key.
   */
  rotate(next: CheckpointKey, origin: AuditOrigin): Promise<RotatedKey> {
    return this.#inTurn(async () => {
      const { store, audit } = this.#options;
      const { note: _checkpoint, ...head } = await this.#sign();
      const before = this.#key;
      const handover = { from: before.note, to: next.note, head };
      const message = encodeUtf8(formatHandover(handover));
      const note = signedHandover(handover, {
        from: await before.sign(message),
        to: await next.sign(message),
      });
      const keys = KeyLineage.follow(next.note, [...this.#keys.notes, note]);
      await store.transact('audit: another key', async (transaction) => {
        putHandover(transaction, keys.notes.length, note);
        putNoteKey(transaction, formatNoteKey(next.note));
        await audit.append(transaction, {
          kind: 'audit.key.rotate',
          result: 'done',
          origin,
          subject: next.note.name,
          request: recordDigest(encodeUtf8(note)),
          details: {
            number: keys.notes.length,
            from: formatNoteKey(before.note),
            to: formatNoteKey(next.note),
            size: head.size.toString(),
          },
        });
      });
      this.#key = next;
      this.#keys = keys;
      this.#areHandoversKept = false;
      return { ...(await this.#sign()), handover: note };
    });
  }

  /** What the store knows of handovers lies beside it as well, whatever becomes of the store. */
  async #keepHandovers(): Promise<void> {
    if (this.#areHandoversKept) {
      return;
    }
    for (const [at, note] of this.#keys.notes.entries()) {
      const file = handoverFile(this.#options.file, at + 1);
      if ((await readIfThere(file))?.toString('utf8') !== note) {
        await replaceFile(file, note);
      }
    }
    this.#areHandoversKept = true;
  }

  /** Handovers that were lost with the records. */
  async #putHandoversAside(): Promise<void> {
    const { file } = this.#options;
    const beside = await followBeside(file, this.#keys);
    for (const [at, note] of beside.notes.entries()) {
      if (at >= this.#keys.notes.length) {
        const lost = handoverFile(file, at + 1);
        await rename(lost, `${lost}.lost-${recordDigest(encodeUtf8(note)).slice(0, 16)}`);
      }
    }
  }

  /** Takes in checkpoints that others have kept; see {@link takeKeptCheckpoints}. */
  takeKept(notes: readonly string[]): Promise<TakenCheckpoints> {
    const { file } = this.#options;
    return this.#inTurn(() =>
      this.#withSnapshot((snapshot) =>
        takeKeptCheckpoints(snapshot, { file, keys: this.#keys, notes }),
      ),
    );
  }

  async #isHeldBack(): Promise<boolean> {
    try {
      await this.#options.assertMaySign?.();
      return false;
    } catch {
      return true;
    }
  }

  async #sign(): Promise<SignedCheckpoint> {
    const { store, file } = this.#options;
    const kept = await this.#readKept();
    const { head, covering } = await this.#withSnapshot(async (snapshot) => {
      const newest = await readHead(snapshot);
      const stored = await readCheckpoint(snapshot);
      const last = stored === undefined ? undefined : this.#open(stored);
      for (const known of [last, kept]) {
        if (known !== undefined) {
          await expectExtends(snapshot, newest, known);
        }
      }
      return { head: newest, covering: last?.size === newest.size ? stored : undefined };
    });
    const note = covering ?? (await this.#makeNote(head));
    if (covering === undefined) {
      await store.transact('audit: checkpoint', async (transaction) =>
        putCheckpoint(transaction, note),
      );
    }
    if (kept?.size !== head.size) {
      // What opens the checkpoint is there before it.
      await this.#keepHandovers();
      await replaceFile(file, note);
    }
    return { ...head, note };
  }

  async #makeNote(head: TreeHead): Promise<string> {
    const key = this.#key;
    await this.#options.assertMaySign?.();
    const text = formatCheckpoint({ origin: key.note.name, ...head });
    const note = formatSignedNote(text, key.note, await key.sign(encodeUtf8(text)));
    // What others could not open must not be given out.
    openCheckpoint(note, key.note);
    return note;
  }

  /** The copy beside the store. */
  async #readKept(): Promise<Checkpoint | undefined> {
    const { file } = this.#options;
    const bytes = await readIfThere(file);
    return bytes === undefined
      ? undefined
      : this.#open(bytes.toString('utf8'), await followBeside(file, this.#keys));
  }

  #open(note: string, keys = this.#keys): Checkpoint {
    try {
      return keys.open(note);
    } catch (cause) {
      const text = `a checkpoint of this log cannot be read: ${formatError(cause)}`;
      throw new AuditError('AUDIT_CHECKPOINT_CONTRADICTED', text, { cause });
    }
  }

  async #withSnapshot<T>(use: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    const snapshot = this.#options.store.snapshot();
    try {
      return await use(snapshot);
    } finally {
      await snapshot.close();
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
