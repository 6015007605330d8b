/**
 * A load that is committed but not yet in place: the row that names its runs, and how they are put in place,
 * at once or when the store is opened the next time. See bulk-load.ts.
 *
 *     meta ‖ "load"   JSON: the runs, in the order in which they were put
 *
 * @module
 */

import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { encodeUtf8 } from '../core/bytes.ts';
import type { Log } from '../core/log.ts';
import { StoreError } from './errors.ts';
import { Keyspace, keyOf } from './keyspace.ts';
import type { LevelDatabase } from './level-database.ts';
import { isIntact, mergeRuns, type RunFile } from './run-file.ts';
import { openSealedValue } from './value-checksum.ts';

const LOAD_KEY = keyOf(Keyspace.meta, encodeUtf8('load'));

/** Where the files of a load are, beside the database. */
export function loadFolderOf(storeFolder: string): string {
  return join(storeFolder, 'load');
}

/** The row whose commit is the commit of these runs. */
export function pendingLoadRow(
  runs: readonly RunFile[],
): readonly [key: Uint8Array, value: Uint8Array] {
  const names = runs.map((run) => ({ ...run, file: basename(run.file) }));
  return [LOAD_KEY, encodeUtf8(JSON.stringify({ runs: names }))];
}

/** Removes what a load has left, or was. */
export async function clearLoadFolder(storeFolder: string): Promise<void> {
  await rm(loadFolderOf(storeFolder), { recursive: true, force: true, maxRetries: 3 });
}

/**
 * Merges runs into the database, waits until they are on the disk, and forgets that they were pending.
 *
 * @param onRows Told from time to time how many rows are in place.
 */
export async function placeRuns(
  database: LevelDatabase,
  runs: readonly RunFile[],
  onRows: (done: number) => void = () => undefined,
): Promise<void> {
  let done = 0;
  let written = Promise.resolve();
  for await (const page of mergeRuns(runs)) {
    // One batch is written while the next page is read; a later batch must not overtake it.
    await written;
    written = database.writeUnsynced(page.map(({ key, stored }) => [key, stored]));
    written.catch(() => undefined);
    done += page.length;
    onRows(done);
  }
  await written;
  await database.flush();
  await database.write([[LOAD_KEY, null]]);
}

/**
 * Goes on with a load that was committed before the program ended, or removes the files of one that was not.
 *
 * @throws {StoreError} `STORE_DAMAGED` when files of a committed load are not what they were.
 */
export async function settlePendingLoad(
  storeFolder: string,
  { database, log }: { readonly database: LevelDatabase; readonly log: Log },
): Promise<void> {
  const stored = database.read(LOAD_KEY);
  if (stored !== undefined) {
    const runs = parseRuns(storeFolder, openSealedValue(LOAD_KEY, stored));
    for (const run of runs) {
      if (!(await isIntact(run))) {
        throw damaged(`${run.file} is missing or changed`);
      }
    }
    log.info('an interrupted load goes on', { runs: runs.length });
    await placeRuns(database, runs);
  }
  await clearLoadFolder(storeFolder);
}

function parseRuns(storeFolder: string, bytes: Uint8Array | undefined): readonly RunFile[] {
  if (bytes === undefined) {
    throw damaged('the row that names its files is damaged');
  }
  const { runs } = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
    readonly runs: readonly RunFile[];
  };
  return runs.map((run) => ({ ...run, file: join(loadFolderOf(storeFolder), basename(run.file)) }));
}

function damaged(what: string): StoreError {
  return new StoreError(
    'STORE_DAMAGED',
    `A load was interrupted and cannot go on: ${what}. Nothing was changed; restore a backup`,
  );
}
