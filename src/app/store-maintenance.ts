/**
 * Work on a store that nobody has open. That it was done is on record in the store afterwards, and where something
 * that was acknowledged may be missing, nothing is signed until the lists in use are known.
 *
 * @module
 */

import { join } from 'node:path';

import type { AuditEvent } from '../audit/audit-log.ts';
import { openAuditLog } from '../audit/merkle-audit-log.ts';
import { holdSigning } from '../ca/recovery-hold.ts';
import { CONFIGURATION_FILE, loadConfiguration } from '../config/configuration.ts';
import { SystemClock } from '../core/clock.ts';
import { formatError, isCertdirError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { OnProgress } from '../http/operations.ts';
import { putBackSegments } from '../store/backup/backup-reading.ts';
import { openLevelStore } from '../store/level/level-store.ts';
import { rebuildIndex, rebuildJournal } from '../store/level/store-rebuild.ts';
import type { BackupSource } from './backup.ts';

export interface RebuildSubject {
  /** The data folder. */
  readonly folder: string;
  /** Which half of the store is made anew from the other. */
  readonly half: 'index' | 'journal';
  /** Segments that the journal does not have any more are taken from there first. */
  readonly backup?: BackupSource | undefined;
}

export interface StoreRebuildReport {
  readonly half: RebuildSubject['half'];
  readonly sequence: number;
  readonly tornBytes: number;
  readonly keptFolder: string | null;
  /** Nothing is signed before `certdir recover confirm`. */
  readonly isSigningHeld: boolean;
  /** Why the audit log does not tell of it; null where it does. */
  readonly unrecorded: string | null;
}

/**
 * Makes half of a data folder's store anew.
 *
 * @throws {CertdirError} of the configuration or the store; see store-rebuild.ts.
 */
export async function rebuildStore(
  { folder, half, backup }: RebuildSubject,
  {
    operator,
    acceptsLoss,
    onProgress,
  }: {
    /** Who asks for it. */
    readonly operator: string;
    readonly acceptsLoss: boolean;
    readonly onProgress: OnProgress;
  },
): Promise<StoreRebuildReport> {
  const { store } = await loadConfiguration(join(folder, CONFIGURATION_FILE));
  if (backup !== undefined) {
    const onFile = (done: number, total: number): void =>
      onProgress({ done, total, what: 'segments' });
    await putBackSegments({ ...backup, onFile }, join(store.folder, 'journal'));
  }
  const rebuild = half === 'index' ? rebuildIndex : rebuildJournal;
  const { sequence, tornBytes, keptFolder } = await rebuild({
    folder: store.folder,
    clock: new SystemClock(),
    acceptsLoss,
    onRecords: (done) => onProgress({ done, total: 0, what: 'journal records' }),
  });
  const origin = { channel: 'cli', actor: operator };
  const details = { half, sequence, tornBytes, acceptsLoss };
  const unrecorded = await record(store.folder, { origin, details, holds: acceptsLoss });
  const isSigningHeld = acceptsLoss && unrecorded === undefined;
  return {
    ...{ half, sequence, tornBytes, keptFolder: keptFolder ?? null },
    ...{ isSigningHeld, unrecorded: unrecorded ?? null },
  };
}

/** @returns what keeps the store from telling of it: that it is not to be written, or a damaged audit log. */
async function record(
  folder: string,
  {
    origin,
    details,
    holds,
  }: Required<Pick<AuditEvent, 'origin' | 'details'>> & {
    /** Keeps the CA from signing. */
    readonly holds: boolean;
  },
): Promise<string | undefined> {
  const clock = new SystemClock();
  try {
    const store = await openLevelStore({ folder, clock, log: silentLog });
    try {
      await store.transact('app: record a rebuild', async (transaction) => {
        if (holds) {
          const nowMs = clock.nowMs();
          holdSigning(transaction, { restoredMs: nowMs, sequence: 0, pointMs: nowMs });
        }
        await openAuditLog({ clock }).append(transaction, {
          ...{ kind: 'store.rebuild', result: 'done', origin, subject: 'store', details },
        });
      });
    } finally {
      await store.close();
    }
    return undefined;
  } catch (error) {
    if (isCertdirError(error)) {
      return formatError(error);
    }
    throw error;
  }
}
