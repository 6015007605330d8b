/**
 * Work on a store that nobody has open.
 *
 * @module
 */

import { join } from 'node:path';

import { CONFIGURATION_FILE, loadConfiguration } from '../config/configuration.ts';
import { SystemClock } from '../core/clock.ts';
import type { OnProgress } from '../http/operations.ts';
import { rebuildIndex, rebuildJournal } from '../store/store-rebuild.ts';

export interface RebuildSubject {
  /** The data folder. */
  readonly folder: string;
  /** Which half of the store is made anew from the other. */
  readonly half: 'index' | 'journal';
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
  { folder, half }: RebuildSubject,
  { acceptsLoss, onProgress }: { readonly acceptsLoss: boolean; readonly onProgress: OnProgress },
): Promise<StoreRebuildReport> {
  const { store } = await loadConfiguration(join(folder, CONFIGURATION_FILE));
  const rebuild = half === 'index' ? rebuildIndex : rebuildJournal;
  const { sequence, tornBytes, keptFolder } = await rebuild({
    folder: store.folder,
    clock: new SystemClock(),
    acceptsLoss,
    onRecords: (done) => onProgress({ done, total: 0, what: 'journal records' }),
  });
  return { half, sequence, tornBytes, keptFolder: keptFolder ?? null };
}
