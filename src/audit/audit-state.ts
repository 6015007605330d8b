/**
 * What the log knows of itself:
 *
 *     auditState ‖ "tree"          the frontier (tlog/merkle-tree.ts)
 *     auditState ‖ "marks"         how far it was reviewed, exported and removed
 *     auditState ‖ "key"           the verifier key of its checkpoints
 *     auditState ‖ "handover" ‖ number (8)    how each key handed over to the next, from 1 on (tlog/key-lineage.ts)
 *     auditState ‖ "settings"      SHA-256 of the settings that were last put on record, as JSON
 *     auditState ‖ "checkpoint"    the last checkpoint that was signed, a signed note
 *
 * @module
 */

import { concatBytes, decodeUtf8, encodeUtf8, prefixEnd } from '../core/bytes.ts';
import { encodeUint64, Keyspace, keyOf } from '../store/keyspace.ts';
import type { ReadView, Transaction } from '../store/store.ts';
import { KeyLineage } from '../tlog/key-lineage.ts';
import {
  emptyFrontier,
  encodeFrontier,
  type MerkleFrontier,
  parseFrontier,
} from '../tlog/merkle-tree.ts';
import { parseNoteKey } from '../tlog/signed-note.ts';
import { AuditError } from './errors.ts';

/** Each a number of records, from the first on. */
export interface AuditMarks {
  readonly reviewed: bigint;
  readonly exported: bigint;
  /** Removed; their hashes stay. A multiple of 256. */
  readonly pruned: bigint;
  /** Of those that were removed, how many there were of each kind and result (`"kind result"`). */
  readonly prunedKinds: Readonly<Record<string, number>>;
  /** The records that tell of the last review and of the last export. */
  readonly reviewRecord?: bigint;
  readonly exportRecord?: bigint;
}

const noMarks: AuditMarks = { reviewed: 0n, exported: 0n, pruned: 0n, prunedKinds: {} };

const treeKey = keyOf(Keyspace.auditState, encodeUtf8('tree'));
const marksKey = keyOf(Keyspace.auditState, encodeUtf8('marks'));
const noteKeyKey = keyOf(Keyspace.auditState, encodeUtf8('key'));
const settingsKey = keyOf(Keyspace.auditState, encodeUtf8('settings'));
const handoverPrefix = keyOf(Keyspace.auditState, encodeUtf8('handover'));
const checkpointKey = keyOf(Keyspace.auditState, encodeUtf8('checkpoint'));

/** @throws {AuditError} `AUDIT_STATE_DAMAGED`. */
export async function readFrontier(view: ReadView): Promise<MerkleFrontier> {
  const bytes = await view.read(treeKey);
  return bytes === undefined ? emptyFrontier : (parseFrontier(bytes) ?? damaged());
}

export function putFrontier(transaction: Transaction, frontier: MerkleFrontier): void {
  transaction.put(treeKey, encodeFrontier(frontier));
}

/** @throws {AuditError} `AUDIT_STATE_DAMAGED`. */
export async function readMarks(view: ReadView): Promise<AuditMarks> {
  const bytes = await view.read(marksKey);
  return bytes === undefined ? noMarks : (parseMarks(decodeUtf8(bytes) ?? '') ?? damaged());
}

export function putMarks(transaction: Transaction, marks: AuditMarks): void {
  const { reviewed, exported, pruned, prunedKinds, reviewRecord, exportRecord } = marks;
  const text = JSON.stringify({
    reviewed: reviewed.toString(),
    exported: exported.toString(),
    pruned: pruned.toString(),
    prunedKinds,
    reviewRecord: reviewRecord?.toString(),
    exportRecord: exportRecord?.toString(),
  });
  transaction.put(marksKey, encodeUtf8(text));
}

/** The last checkpoint that was signed; undefined before the first. */
export async function readCheckpoint(view: ReadView): Promise<string | undefined> {
  const bytes = await view.read(checkpointKey);
  return bytes === undefined ? undefined : (decodeUtf8(bytes) ?? damaged());
}

/** The verifier key as text (tlog/signed-note.ts); undefined before there is one. */
export async function readNoteKey(view: ReadView): Promise<string | undefined> {
  const bytes = await view.read(noteKeyKey);
  return bytes === undefined ? undefined : (decodeUtf8(bytes) ?? damaged());
}

export function putNoteKey(transaction: Transaction, key: string): void {
  transaction.put(noteKeyKey, encodeUtf8(key));
}

/** Digests by name; none of a log that has no such record yet. */
export async function readSettings(view: ReadView): Promise<Readonly<Record<string, string>>> {
  const bytes = await view.read(settingsKey);
  if (bytes === undefined) {
    return {};
  }
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? '');
    return isNamedText(value) ? value : damaged();
  } catch {
    return damaged();
  }
}

export function putSettings(
  transaction: Transaction,
  settings: Readonly<Record<string, string>>,
): void {
  transaction.put(settingsKey, encodeUtf8(JSON.stringify(settings)));
}

/** Every handover from the first on, each a signed note. */
export async function readHandovers(view: ReadView): Promise<readonly string[]> {
  const notes: string[] = [];
  const lt = prefixEnd(handoverPrefix);
  const range = { gte: handoverPrefix, ...(lt === undefined ? {} : { lt }) };
  for await (const [, bytes] of view.range(range)) {
    notes.push(decodeUtf8(bytes) ?? damaged());
  }
  return notes;
}

/** The keys so far; undefined before there is one. */
export async function readLineage(view: ReadView): Promise<KeyLineage | undefined> {
  const key = await readNoteKey(view);
  return key === undefined
    ? undefined
    : KeyLineage.follow(parseNoteKey(key), await readHandovers(view));
}

/** @param number From 1 on. */
export function putHandover(transaction: Transaction, number: number, note: string): void {
  const key = concatBytes(handoverPrefix, encodeUint64(BigInt(number)));
  transaction.put(key, encodeUtf8(note));
}

export function putCheckpoint(transaction: Transaction, note: string): void {
  transaction.put(checkpointKey, encodeUtf8(note));
}

function parseMarks(text: string): AuditMarks | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  const { reviewed, exported, pruned, prunedKinds, reviewRecord, exportRecord } = value as Partial<
    Record<string, unknown>
  >;
  const isCount = (one: unknown): one is string =>
    typeof one === 'string' && /^\d{1,20}$/.test(one);
  if (!isCount(reviewed) || !isCount(exported) || !isCount(pruned) || !isTally(prunedKinds)) {
    return undefined;
  }
  const isRecord = (one: unknown): one is string | undefined => one === undefined || isCount(one);
  if (!isRecord(reviewRecord) || !isRecord(exportRecord)) {
    return undefined;
  }
  return {
    reviewed: BigInt(reviewed),
    exported: BigInt(exported),
    pruned: BigInt(pruned),
    prunedKinds,
    ...(reviewRecord === undefined ? {} : { reviewRecord: BigInt(reviewRecord) }),
    ...(exportRecord === undefined ? {} : { exportRecord: BigInt(exportRecord) }),
  };
}

function isNamedText(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((text) => typeof text === 'string')
  );
}

function isTally(value: unknown): value is Readonly<Record<string, number>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((count) => Number.isSafeInteger(count))
  );
}

function damaged(): never {
  throw new AuditError('AUDIT_STATE_DAMAGED', "The audit log's state is damaged");
}
