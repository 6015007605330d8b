/**
 * What keeps a restored CA from signing until the lists in use are known: a row of the store, written by the restore
 * before the store is in its place, taken away by `recovery.ts`.
 *
 * @module
 */

import { concatBytes, decodeUtf8, encodeUtf8, equalBytes, prefixEnd } from '../core/bytes.ts';
import { Keyspace, keyOf } from '../store/keyspace.ts';
import type { ReadView, Store, Transaction } from '../store/store.ts';
import { CaError } from './errors.ts';

const HOLD_KEY = keyOf(Keyspace.recovery);
const CONFIRMED_KEY = keyOf(Keyspace.recovery, encodeUtf8('checkpoint'));

/** Why signing is held back. */
export interface RecoveryHold {
  readonly restoredMs: number;
  /** How far the backup went: the last record of the journal, and when it was written. 0 where that is not known. */
  readonly sequence: number;
  readonly pointMs: number;
}

/** Holds back all signing from now on. */
export function holdSigning(transaction: Transaction, hold: RecoveryHold): void {
  transaction.put(HOLD_KEY, Buffer.from(JSON.stringify(hold)));
}

/**
 * @param policyId Of the CA that asks, of several in a store; what they share is held until all are released.
 * @returns undefined when nothing is held back.
 */
export async function readHold(
  view: ReadView,
  policyId?: string,
): Promise<RecoveryHold | undefined> {
  const bytes = await view.read(HOLD_KEY);
  if (
    bytes === undefined ||
    (policyId !== undefined && (await isReleased(view, policyId, bytes)))
  ) {
    return undefined;
  }
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as RecoveryHold;
}

/** The row says which hold the CA was released from: a later one is another. */
function releasedOf(policyId: string): Uint8Array {
  return keyOf(Keyspace.recovery, encodeUtf8(`released\0${policyId}`));
}

async function isReleased(view: ReadView, policyId: string, hold: Uint8Array): Promise<boolean> {
  const from = await view.read(releasedOf(policyId));
  return from !== undefined && equalBytes(from, hold);
}

/** @throws {CaError} `CA_RECOVERY_PENDING` */
export async function assertMaySign(store: Store, policyId?: string): Promise<void> {
  const snapshot = store.snapshot();
  try {
    if ((await readHold(snapshot, policyId)) !== undefined) {
      throw new CaError(
        'CA_RECOVERY_PENDING',
        'the store was restored from a backup, was put back, or was a standby that may lack something: nothing is ' +
          'signed until the numbers of the lists in use are known ' +
          '(certdir recover confirm --help)',
      );
    }
  } finally {
    await snapshot.close();
  }
}

/**
 * Lets a CA sign again, and with the last of them what they share.
 *
 * @param checkpoint SHA-256 of a checkpoint that the audit log contradicts, where there is one: it holds back nothing
 *   any more.
 */
export async function releaseSigning(
  transaction: Transaction,
  { policyId, all }: { readonly policyId: string; readonly all: readonly string[] },
  checkpoint: string | undefined,
): Promise<void> {
  const hold = await transaction.read(HOLD_KEY);
  if (hold !== undefined) {
    transaction.put(releasedOf(policyId), hold);
    const others = all.filter((id) => id !== policyId);
    const released = await Promise.all(others.map((id) => isReleased(transaction, id, hold)));
    if (released.every((is) => is)) {
      transaction.delete(HOLD_KEY);
      for (const id of all) {
        transaction.delete(releasedOf(id));
      }
    }
  }
  if (checkpoint !== undefined) {
    transaction.put(CONFIRMED_KEY, encodeUtf8(checkpoint));
  }
}

/** The checkpoint that signing was released in spite of; undefined where there was none. */
export async function readConfirmedCheckpoint(view: ReadView): Promise<string | undefined> {
  const bytes = await view.read(CONFIRMED_KEY);
  return bytes === undefined ? undefined : decodeUtf8(bytes);
}

/** Numbers of a list that others may have and the store has lost, or never had: none of the archive's. */
export interface NumberGap {
  readonly first: bigint;
  readonly last: bigint;
}

function gapsOf(policyId: string, scopeId: string): Uint8Array {
  return keyOf(Keyspace.recovery, encodeUtf8(`gap\0${policyId}\0${scopeId}\0`));
}

export function noteGap(
  transaction: Transaction,
  { policyId, scopeId }: { readonly policyId: string; readonly scopeId: string },
  { first, last }: NumberGap,
): void {
  const key = concatBytes(gapsOf(policyId, scopeId), encodeUtf8(first.toString()));
  transaction.put(key, encodeUtf8(last.toString()));
}

export async function readGaps(
  view: ReadView,
  { policyId, scopeId }: { readonly policyId: string; readonly scopeId: string },
): Promise<readonly NumberGap[]> {
  const prefix = gapsOf(policyId, scopeId);
  const lt = prefixEnd(prefix);
  const gaps: NumberGap[] = [];
  for await (const [key, value] of view.range({
    gte: prefix,
    ...(lt === undefined ? {} : { lt }),
  })) {
    const [first, last] = [key.subarray(prefix.length), value].map((bytes) =>
      BigInt(decodeUtf8(bytes) ?? '0'),
    );
    gaps.push({ first: first ?? 0n, last: last ?? 0n });
  }
  return gaps;
}
