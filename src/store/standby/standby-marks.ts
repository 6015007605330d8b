/**
 * Who may write to a store: two files beside its FORMAT.
 *
 *     STANDBY   the store follows another one; only following it, or its promotion, writes
 *     FENCED    the epoch in which another store has taken over; below it nothing is written
 *
 * They are files and no rows, because the rows of a standby are those of its primary.
 *
 * @module
 */

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { encodeUtf8 } from '../../core/bytes.ts';
import { StoreError } from '../errors.ts';
import { isMissing, syncFolder, writeWholeFile } from '../journal/journal-file.ts';

const STANDBY_FILE = 'STANDBY';
const FENCED_FILE = 'FENCED';

/** Who opens a store. */
export type StoreRole =
  /** Writes, if the store is neither a standby nor fenced. */
  | 'primary'
  /** Copies from another one. */
  | 'standby'
  /** Ends being a standby. */
  | 'promotion'
  /** Looks; whatever the store is. */
  | 'inspection';

/** What a standby knows of its primary. */
export interface StandbyMark {
  /** Hexadecimal. */
  readonly storeId: string;
  readonly from: string;
  /**
   * True when the primary has last said that it acknowledges nothing that this standby has not made durable, and stops
   * rather than go on without it.
   */
  readonly isLossless: boolean;
}

/** @throws {StoreError} `STORE_STANDBY`, `STORE_FENCED`. */
export async function assertRole(folder: string, role: StoreRole, epoch: number): Promise<void> {
  if (role !== 'primary') {
    return;
  }
  const mark = await readStandbyMark(folder);
  if (mark !== undefined) {
    throw new StoreError(
      'STORE_STANDBY',
      `The store in ${folder} is a standby of ${mark.from}: nothing else writes to it. To make it the primary: ` +
        'certdir standby promote',
    );
  }
  const fence = await readFence(folder);
  if (fence > epoch) {
    throw fenced(fence);
  }
}

/** What a fenced store answers to whoever writes. */
export function fenced(epoch: number): StoreError {
  return new StoreError(
    'STORE_FENCED',
    `Another store has taken over in epoch ${epoch}: this one writes nothing any more. Make it a standby of ` +
      'that one, on an empty store folder if their histories differ (certdir standby --help)',
  );
}

/** Keeps the store from writing in epochs before `epoch`, durably. A lower one changes nothing. */
export async function writeFence(folder: string, epoch: number): Promise<void> {
  if ((await readFence(folder)) < epoch) {
    await writeWholeFile(join(folder, FENCED_FILE), encodeUtf8(`${epoch}\n`));
  }
}

/** @returns 0 where there is none. */
export async function readFence(folder: string): Promise<number> {
  const text = await readOptional(join(folder, FENCED_FILE));
  if (text === undefined) {
    return 0;
  }
  if (!/^\d{1,15}\n$/.test(text)) {
    throw damaged(folder, FENCED_FILE);
  }
  return Number(text);
}

export async function writeStandbyMark(folder: string, mark: StandbyMark): Promise<void> {
  await writeWholeFile(join(folder, STANDBY_FILE), encodeUtf8(`${JSON.stringify(mark)}\n`));
}

/** @returns undefined where the store is no standby. */
export async function readStandbyMark(folder: string): Promise<StandbyMark | undefined> {
  const text = await readOptional(join(folder, STANDBY_FILE));
  if (text === undefined) {
    return undefined;
  }
  try {
    const { storeId, from, isLossless } = JSON.parse(text) as Partial<StandbyMark>;
    if (typeof storeId === 'string' && typeof from === 'string') {
      return { storeId, from, isLossless: isLossless === true };
    }
  } catch {
    // Told below.
  }
  throw damaged(folder, STANDBY_FILE);
}

export async function removeStandbyMark(folder: string): Promise<void> {
  await rm(join(folder, STANDBY_FILE), { force: true });
  await syncFolder(folder);
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
}

function damaged(folder: string, name: string): StoreError {
  return new StoreError(
    'STORE_DAMAGED',
    `${join(folder, name)} is not what was written. Find out whether another store has taken over before you remove it`,
  );
}
