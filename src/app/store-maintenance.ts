/**
 * Work on a store that nobody has open.
 *
 * @module
 */

import { join } from 'node:path';

import { CONFIGURATION_FILE, loadConfiguration } from '../config/configuration.ts';
import { SystemClock } from '../core/clock.ts';
import type { OnProgress } from '../http/operations.ts';
import { putBackSegments } from '../store/backup/backup-reading.ts';
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
}

/**
 * Makes half of a data folder's store anew.
 *
 * @throws {CertdirError} of the configuration or the store; see store-rebuild.ts.
 */
export async function rebuildStore(
  { folder, half, backup }: RebuildSubject,
  { acceptsLoss, onProgress }: { readonly acceptsLoss: boolean; readonly onProgress: OnProgress },
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
  return { half, sequence, tornBytes, keptFolder: keptFolder ?? null };
}
