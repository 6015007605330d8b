/**
 * A store that was put back by other means than `certdir backup restore`, a snapshot of the machine or a copied
 * folder, is a whole and older store, and nothing in it tells. What tells is the checkpoint beside it: it was signed
 * over records that are not there any more. Numbers of lists that are in use may be gone with them, so nothing is
 * signed until `certdir recover confirm`.
 *
 * @module
 */

import { join } from 'node:path';

import { findContradiction, type LogContradiction } from '../audit/kept-checkpoint.ts';
import { holdSigning, readConfirmedCheckpoint, readHold } from '../ca/recovery-hold.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Snapshot } from '../store/store.ts';
import type { InstanceParts } from './ca-instance.ts';

/** Where the last checkpoint is kept outside the store. */
export function checkpointFileOf({ audit }: Configuration): string {
  return join(audit.folder, 'checkpoint');
}

/** What the checkpoint beside the store says against the log. */
export function findSetBack(
  snapshot: Snapshot,
  configuration: Configuration,
): Promise<LogContradiction | undefined> {
  return findContradiction(snapshot, checkpointFileOf(configuration));
}

/** Holds back signing where the store is older than what was signed of it, unless somebody has answered for that. */
export async function holdIfSetBack({
  configuration,
  shared,
  store,
  audit,
  clock,
  log,
}: Pick<
  InstanceParts,
  'configuration' | 'shared' | 'store' | 'audit' | 'clock' | 'log'
>): Promise<void> {
  const snapshot = store.snapshot();
  let contradiction: LogContradiction | undefined;
  let isAnswered = false;
  try {
    contradiction = await findSetBack(snapshot, configuration);
    isAnswered =
      (await readHold(snapshot)) !== undefined ||
      (await readConfirmedCheckpoint(snapshot)) === contradiction?.sha256;
  } finally {
    await snapshot.close();
  }
  if (contradiction === undefined || !contradiction.isSigned) {
    return;
  }
  const { error, sha256 } = contradiction;
  log.error('the store is not the one that was signed: it was put back, or changed', {
    error: error.message,
  });
  if (isAnswered || !store.isWritable) {
    return;
  }
  const nowMs = clock.nowMs();
  await store.transact('app: hold signing', async (transaction) => {
    holdSigning(transaction, { restoredMs: nowMs, sequence: 0, pointMs: nowMs });
    await audit.append(transaction, {
      ...{ kind: 'recovery.hold', result: 'done', subject: shared.id },
      origin: { channel: 'system', actor: 'certdir' },
      before: sha256,
    });
  });
}
