/**
 * The keys that a log's checkpoints were signed with, one after the other. Each hands over to the next in a signed
 * note of five lines, with the signatures of both:
 *
 *     certdir audit key handover 1
 *     <the log's name>
 *     <verifier key before>
 *     <verifier key from now on>
 *     <size and root hash of the last tree that the key before may have signed, in one line>
 *
 * Whoever has kept one key finds all others from it, and every checkpoint of any of them can be opened. A key
 * counts for its own time alone: for no checkpoint over more records than it handed over with, and for none over
 * fewer than it began with.
 *
 * @module
 */

import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { TlogError } from './errors.ts';
import { HASH_BYTES } from './merkle-tree.ts';
import type { TreeHead } from './proof.ts';
import {
  addSignature,
  formatNoteKey,
  formatSignedNote,
  type NoteKey,
  openSignedNote,
  parseNoteKey,
} from './signed-note.ts';

const HEADER = 'certdir audit key handover 1';
/** Of one log; nobody rotates more often than once a month for eighty years. */
export const MAX_HANDOVERS = 1_000;

export interface KeyHandover {
  readonly from: NoteKey;
  /** Of the same log, so of the same name. */
  readonly to: NoteKey;
  readonly head: TreeHead;
}

/** Where a handover lies below a log's folder or address; the first has the number 1. */
export function handoverPath(number: number): string {
  return `handover/${number}`;
}

/** What both keys sign. */
export function formatHandover({ from, to, head }: KeyHandover): string {
  const tree = `${head.size} ${Buffer.from(head.rootHash).toString('base64')}`;
  return `${[HEADER, from.name, formatNoteKey(from), formatNoteKey(to), tree].join('\n')}\n`;
}

/** @param signatures Ed25519 over the UTF-8 of {@link formatHandover}. */
export function signedHandover(
  handover: KeyHandover,
  signatures: { readonly from: Uint8Array; readonly to: Uint8Array },
): string {
  const note = formatSignedNote(formatHandover(handover), handover.from, signatures.from);
  return addSignature(note, handover.to, signatures.to);
}

/** @throws {TlogError} `TLOG_HANDOVER_MALFORMED`, `TLOG_KEY_MALFORMED`, `TLOG_NOTE_MALFORMED`, `TLOG_SIGNATURE_WRONG`. */
export function openHandover(note: string): KeyHandover {
  const text = note.slice(0, note.indexOf('\n\n') + 1);
  const [header, name, from = '', to = '', tree = '', end, ...rest] = text.split('\n');
  const [, size, root = ''] = /^(0|[1-9]\d{0,18}) ([A-Za-z0-9+/]{43}=)$/.exec(tree) ?? [];
  const rootHash = new Uint8Array(Buffer.from(root, 'base64'));
  if (header !== HEADER || size === undefined || end !== '' || rest.length > 0) {
    throw malformed('a handover has the lines header, log, key before, key after, and tree');
  }
  const handover = {
    from: parseNoteKey(from),
    to: parseNoteKey(to),
    head: { size: BigInt(size), rootHash },
  };
  const isOfOneLog = handover.from.name === name && handover.to.name === name;
  if (!isOfOneLog || from === to || rootHash.length !== HASH_BYTES) {
    throw malformed('a handover is from one key of a log to another key of the same log');
  }
  for (const key of [handover.from, handover.to]) {
    if (openSignedNote(note, key) !== formatHandover(handover)) {
      throw malformed('a handover has no other lines');
    }
  }
  return handover;
}

export class KeyLineage {
  /** From the first to the current one. */
  readonly keys: readonly NoteKey[];
  readonly handovers: readonly KeyHandover[];
  /** The handovers as signed notes. */
  readonly notes: readonly string[];

  private constructor(
    keys: readonly NoteKey[],
    handovers: readonly KeyHandover[],
    notes: readonly string[],
  ) {
    this.keys = keys;
    this.handovers = handovers;
    this.notes = notes;
  }

  /**
   * @param known A key that is trusted, whichever of the log's it is.
   * @param notes Every handover from the first on.
   * @throws {TlogError} as {@link openHandover}; `TLOG_HANDOVER_WRONG` when one does not follow the other, or the
   *   known key is none of them.
   */
  static follow(known: NoteKey, notes: readonly string[]): KeyLineage {
    const handovers = notes.map(openHandover);
    const first = handovers[0]?.from ?? known;
    const keys = [first, ...handovers.map(({ to }) => to)];
    for (const [at, { from, head }] of handovers.entries()) {
      const before = handovers[at - 1];
      if (!isSame(from, keys[at]) || (before !== undefined && before.head.size > head.size)) {
        throw wrong(`handover ${at + 1} does not follow the one before`);
      }
    }
    if (new Set(keys.map(formatNoteKey)).size !== keys.length) {
      throw wrong('a key that had handed over cannot come back');
    }
    if (!keys.some((key) => isSame(key, known))) {
      throw wrong(`the key ${formatNoteKey(known)} is none of those that handed over`);
    }
    return new KeyLineage(keys, handovers, [...notes]);
  }

  /** The key that signs now. */
  get current(): NoteKey {
    return this.keys.at(-1) ?? unreachable();
  }

  /** The trees that keys handed over with: the log begins with each of them. */
  get heads(): readonly Checkpoint[] {
    return this.handovers.map(({ from, head }) => ({ origin: from.name, ...head }));
  }

  /**
   * The checkpoint in a note that one of the keys has signed.
   *
   * @throws {TlogError} as `openCheckpoint`; `TLOG_KEY_REPLACED` when it was not that key's time.
   */
  open(note: string): Checkpoint {
    const at = this.#signerOf(note);
    const checkpoint = openCheckpoint(note, this.keys[at] ?? this.current);
    const from = this.handovers[at - 1]?.head.size ?? 0n;
    const until = this.handovers[at]?.head.size;
    if (checkpoint.size < from || (until !== undefined && checkpoint.size > until)) {
      throw new TlogError(
        'TLOG_KEY_REPLACED',
        `the checkpoint of ${checkpoint.size} records is signed by a key of another time`,
      );
    }
    return checkpoint;
  }

  /**
   * The text of another note that one of the keys has signed.
   *
   * @throws {TlogError} as `openSignedNote`.
   */
  openText(note: string): string {
    return openSignedNote(note, this.keys[this.#signerOf(note)] ?? this.current);
  }

  /** @returns -1 where none has. */
  #signerOf(note: string): number {
    return this.keys.findLastIndex((key) => isSignedBy(note, key));
  }
}

function isSignedBy(note: string, key: NoteKey): boolean {
  try {
    openSignedNote(note, key);
    return true;
  } catch (error) {
    if (error instanceof TlogError) {
      return false;
    }
    throw error;
  }
}

function isSame(left: NoteKey, right: NoteKey | undefined): boolean {
  return right !== undefined && formatNoteKey(left) === formatNoteKey(right);
}

function malformed(why: string): TlogError {
  return new TlogError('TLOG_HANDOVER_MALFORMED', why);
}

function wrong(why: string): TlogError {
  return new TlogError('TLOG_HANDOVER_WRONG', why);
}

function unreachable(): never {
  throw new RangeError('a lineage has a key');
}
