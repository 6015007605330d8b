/**
 * Checkpoints (C2SP tlog-checkpoint): a log's name, size and root hash, one line each, as a signed
 * note.
 *
 * Whoever keeps one can later tell whether the log still begins with what it was then.
 *
 * @module
 */

import { TlogError } from './errors.ts';
import { HASH_BYTES } from './merkle-tree.ts';
import type { TreeHead } from './proof.ts';
import { type NoteKey, openSignedNote } from './signed-note.ts';

export interface Checkpoint extends TreeHead {
  /** The log's name. */
  readonly origin: string;
}

/** What is signed: three lines. Extension lines, which nobody could check, are not written. */
export function formatCheckpoint({ origin, size, rootHash }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(rootHash).toString('base64')}\n`;
}

/** @throws {TlogError} `TLOG_CHECKPOINT_MALFORMED`. Extension lines are let through unread. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', sizeText = '', hashText = '', ...rest] = text.split('\n');
  const rootHash = new Uint8Array(Buffer.from(hashText, 'base64'));
  const isShaped =
    origin !== '' &&
    /^(0|[1-9]\d{0,18})$/.test(sizeText) &&
    rootHash.length === HASH_BYTES &&
    Buffer.from(rootHash).toString('base64') === hashText &&
    rest.pop() === '' &&
    !rest.includes('');
  if (!isShaped) {
    throw malformed('a checkpoint has the lines origin, size and root hash');
  }
  return { origin, size: BigInt(sizeText), rootHash };
}

/**
 * The checkpoint in a note that the log's key has signed; the key is named as the log is.
 *
 * @throws {TlogError} `TLOG_NOTE_MALFORMED`, `TLOG_SIGNATURE_WRONG`, `TLOG_CHECKPOINT_MALFORMED`.
 */
export function openCheckpoint(note: string, key: NoteKey): Checkpoint {
  const checkpoint = parseCheckpoint(openSignedNote(note, key));
  if (checkpoint.origin !== key.name) {
    throw malformed(`the checkpoint is of ${checkpoint.origin}, the key of ${key.name}`);
  }
  return checkpoint;
}

function malformed(why: string): TlogError {
  return new TlogError('TLOG_CHECKPOINT_MALFORMED', why);
}
