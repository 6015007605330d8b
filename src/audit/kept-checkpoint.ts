/**
 * The copy of the last checkpoint that lies beside the store, held against the log. A store that was put back does
 * not take it back, so it tells that records are gone which were signed once, and with them whatever else the store
 * had then: numbers of lists, revocations.
 *
 * @module
 */

import { hash } from 'node:crypto';
import { dirname, join } from 'node:path';

import { formatError } from '../core/errors.ts';
import type { Snapshot } from '../store/store.ts';
import type { Checkpoint } from '../tlog/checkpoint.ts';
import { TlogError } from '../tlog/errors.ts';
import { KeyLineage, MAX_HANDOVERS } from '../tlog/key-lineage.ts';
import { type TreeHead, verifyConsistency } from '../tlog/proof.ts';
import { TreeReader } from '../tlog/tree-reader.ts';
import { readLineage } from './audit-state.ts';
import { readTile } from './audit-tiles.ts';
import { readIfThere, replaceFile } from './durable-file.ts';
import { AuditError } from './errors.ts';
import { readHead } from './merkle-audit-log.ts';

/** A checkpoint that the log contradicts. */
export interface LogContradiction {
  /** Of the signed note. */
  readonly sha256: string;
  /** False for what is no checkpoint with the log's key, which says nothing about the log. */
  readonly isSigned: boolean;
  /** `AUDIT_CHECKPOINT_CONTRADICTED` */
  readonly error: AuditError;
}

/**
 * What the copy beside the store says against the log, by the key that the store has for its checkpoints.
 *
 * @param file Where the copy lies.
 * @returns undefined where log and copy agree, and where there is none.
 */
export async function findContradiction(
  snapshot: Snapshot,
  file: string,
): Promise<LogContradiction | undefined> {
  const keys = await readLineage(snapshot);
  return keys === undefined ? undefined : await compareKept(snapshot, { file, keys });
}

/** The same for whoever has the keys. */
export async function compareKept(
  snapshot: Snapshot,
  { file, keys }: { readonly file: string; readonly keys: KeyLineage },
): Promise<LogContradiction | undefined> {
  const bytes = await readIfThere(file);
  if (bytes === undefined) {
    return undefined;
  }
  const sha256 = hash('sha256', bytes, 'hex');
  let kept: Checkpoint;
  try {
    kept = (await followBeside(file, keys)).open(bytes.toString('utf8'));
  } catch (cause) {
    const text = `${file} is no checkpoint of this log: ${formatError(cause)}`;
    const error = new AuditError('AUDIT_CHECKPOINT_CONTRADICTED', text, { cause });
    return { sha256, isSigned: false, error };
  }
  const error = await contradictionOf(snapshot, kept);
  return error && { sha256, isSigned: true, error };
}

/** Where a handover lies beside the copy of the checkpoint. */
export function handoverFile(file: string, number: number): string {
  return join(dirname(file), `handover-${number}`);
}

/**
 * The keys with those that the store has lost: handovers lie beside the checkpoint as well.
 *
 * What does not follow says nothing, and is passed over.
 */
export async function followBeside(file: string, stored: KeyLineage): Promise<KeyLineage> {
  let keys = stored;
  for (let number = stored.notes.length + 1; number <= MAX_HANDOVERS; number += 1) {
    const bytes = await readIfThere(handoverFile(file, number));
    if (bytes === undefined) {
      break;
    }
    try {
      keys = KeyLineage.follow(keys.current, [...keys.notes, bytes.toString('utf8')]);
    } catch (error) {
      if (error instanceof TlogError) {
        break;
      }
      throw error;
    }
  }
  return keys;
}

/** What is known of checkpoints that were kept. */
export interface TakenCheckpoints {
  /** False where nobody has kept any. */
  readonly hasCheckpoint: boolean;
  /** What the copy beside the store now says against the log. */
  readonly contradiction: LogContradiction | undefined;
}

/**
 * Takes in what others have kept: the longest that the log contradicts takes the place of the copy beside the
 * store, unless that contradicts a longer log. So nothing is signed that these would contradict.
 *
 * @param notes Signed notes.
 * @throws {TlogError} for what is no checkpoint of this log; then nothing has changed.
 */
export async function takeKeptCheckpoints(
  snapshot: Snapshot,
  {
    file,
    keys: stored,
    notes,
  }: { readonly file: string; readonly keys: KeyLineage; readonly notes: readonly string[] },
): Promise<TakenCheckpoints> {
  const keys = await followBeside(file, stored);
  const given = notes.map((note) => ({ note, checkpoint: keys.open(note) }));
  const present = await readIfThere(file);
  const before = await compareKept(snapshot, { file, keys });
  const hasCheckpoint = notes.length > 0 || (present !== undefined && before?.isSigned !== false);
  let size =
    present !== undefined && before?.isSigned === true
      ? keys.open(present.toString('utf8')).size
      : -1n;
  let longest: string | undefined;
  for (const { note, checkpoint } of given) {
    if (checkpoint.size > size && (await contradictionOf(snapshot, checkpoint)) !== undefined) {
      size = checkpoint.size;
      longest = note;
    }
  }
  if (longest === undefined) {
    return { hasCheckpoint, contradiction: before?.isSigned === true ? before : undefined };
  }
  await replaceFile(file, longest);
  return { hasCheckpoint, contradiction: await compareKept(snapshot, { file, keys }) };
}

async function contradictionOf(
  snapshot: Snapshot,
  checkpoint: Checkpoint,
): Promise<AuditError | undefined> {
  try {
    await expectExtends(snapshot, await readHead(snapshot), checkpoint);
    return undefined;
  } catch (error) {
    if (error instanceof AuditError && error.code === 'AUDIT_CHECKPOINT_CONTRADICTED') {
      return error;
    }
    throw error;
  }
}

/**
 * Whether the log as it is begins with what a checkpoint says.
 *
 * @throws {AuditError} `AUDIT_CHECKPOINT_CONTRADICTED`.
 */
export async function expectExtends(
  snapshot: Snapshot,
  head: TreeHead,
  known: Checkpoint,
): Promise<void> {
  try {
    const tree = new TreeReader(head.size, (place) => readTile(snapshot, place));
    const isLonger = known.size <= head.size;
    verifyConsistency(known, head, isLonger ? await tree.consistencyProof(known.size) : []);
  } catch (cause) {
    if (cause instanceof TlogError) {
      throw new AuditError(
        'AUDIT_CHECKPOINT_CONTRADICTED',
        `the audit log contradicts the checkpoint of ${known.size} records: ${cause.message}`,
        { cause },
      );
    }
    throw cause;
  }
}
