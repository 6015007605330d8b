/**
 * Makes a standby the primary: what it writes from then on is in a later epoch of the journal, and the first record of
 * that epoch says so.
 *
 * Not here: who may decide it (`app/standby-promotion.ts`).
 *
 * @module
 */

import { existsSync } from 'node:fs';

import { formatHex } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { StoreError } from '../errors.ts';
import { openLevelStore } from '../level/level-store.ts';
import { openJournaledDatabase } from '../level/store-opening.ts';
import type { Transaction } from '../store.ts';
import {
  readFence,
  readStandbyMark,
  removeStandbyMark,
  type StandbyMark,
  writeFence,
} from './standby-marks.ts';

export interface StandbyStore {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Where a standby stands, and what it would be as primary. */
export interface StandbyPosition {
  /** Hexadecimal. */
  readonly storeId: string;
  /** The last record that it has. */
  readonly sequence: number;
  /** The epoch that its promotion begins. */
  readonly epoch: number;
  readonly mark: StandbyMark;
}

const MIB = 1024 * 1024;
const SIZES = { cacheBytes: 8 * MIB, writeBufferBytes: 16 * MIB };

/**
 * Opens the standby's store, which must not be following, and closes it again.
 *
 * @throws {StoreError} `STORE_NO_STANDBY`, `STORE_LOCKED`, and what its journal can be found in.
 */
export async function readStandbyPosition({
  folder,
  clock,
  log,
}: StandbyStore): Promise<StandbyPosition> {
  const mark = existsSync(folder) ? await readStandbyMark(folder) : undefined;
  if (mark === undefined) {
    throw new StoreError('STORE_NO_STANDBY', `The store in ${folder} is no standby`);
  }
  const opened = await openJournaledDatabase({
    ...{ folder, clock, log, sizes: SIZES, role: 'inspection' },
  });
  try {
    const { storeId, end } = opened;
    const epoch = Math.max(end.epoch, await readFence(folder)) + 1;
    return { storeId: formatHex(storeId), sequence: end.sequence, epoch, mark };
  } finally {
    await opened.close();
  }
}

/**
 * Promotes a standby that stands where it was seen to stand.
 *
 * @param mark Writes what the first record of the new epoch holds.
 * @throws {StoreError} as {@link readStandbyPosition}.
 */
export async function promoteStore(
  { folder, clock, log }: StandbyStore,
  mark: (transaction: Transaction) => Promise<void>,
): Promise<void> {
  const store = await openLevelStore({ folder, clock, log, role: 'promotion', isNewWriter: true });
  try {
    await store.transact('store: promoted', mark);
  } finally {
    await store.close();
  }
  // Last: interrupted before it, the store is still a standby, and is promoted once more into yet another epoch.
  await removeStandbyMark(folder);
}

/**
 * Keeps a store that is not open from writing in epochs before `epoch`.
 *
 * @returns the epoch that is fenced off now.
 * @throws {StoreError} `STORE_NO_STANDBY` where there is no store; `STORE_LOCKED` while it is in use.
 */
export async function fenceStore(
  { folder, clock, log }: StandbyStore,
  epoch: number,
): Promise<{ readonly ownEpoch: number; readonly isFenced: boolean }> {
  if (!existsSync(folder)) {
    throw new StoreError('STORE_NO_STANDBY', `There is no store in ${folder}`);
  }
  const opened = await openJournaledDatabase({
    ...{ folder, clock, log, sizes: SIZES, role: 'inspection' },
  });
  try {
    await writeFence(folder, epoch);
    const ownEpoch = opened.end.epoch;
    return { ownEpoch, isFenced: epoch > ownEpoch };
  } finally {
    await opened.close();
  }
}
