/**
 * What is in a store's folder, and which version of it this program reads and writes.
 *
 *     FORMAT    one line of text: what this folder is
 *     level/    LevelDB's files
 *     load/     files of a bulk load under way (bulk-load.ts)
 *
 * The same line is a row of the database. LevelDB makes a new, empty database wherever its CURRENT
 * file is missing, so a damaged store could come up empty; FORMAT, written after the first durable
 * row, tells a new folder from one that has lost its database.
 *
 * @module
 */

import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { encodeUtf8, equalBytes } from '../core/bytes.ts';
import { formatError } from '../core/errors.ts';
import { StoreError } from './errors.ts';
import { Keyspace, keyOf } from './keyspace.ts';
import type { LevelDatabase } from './level-database.ts';
import { openSealedValue, sealValue } from './value-checksum.ts';

export const STORE_FORMAT = 'certdir-store 1';

const FORMAT_KEY = keyOf(Keyspace.meta, encodeUtf8('format'));

/** What an interrupted creation of a LevelDB leaves behind; it holds no row. */
const UNBORN_FILES = /^(LOCK|LOG|LOG\.old|MANIFEST-000001|\d+\.dbtmp)$/;

export interface StoreFolder {
  readonly levelFolder: string;
  /** False once the store has held a durable row. */
  readonly isNew: boolean;
}

/**
 * Makes the folder where it is missing and reads its FORMAT.
 *
 * @throws {StoreError} `STORE_FORMAT`, `STORE_DAMAGED`, `STORE_OPEN_FAILED`.
 */
export async function prepareStoreFolder(folder: string): Promise<StoreFolder> {
  const levelFolder = join(folder, 'level');
  const { format, levelFiles } = await inspect(folder, levelFolder);
  if (format !== undefined && format !== STORE_FORMAT) {
    throw wrongFormat(folder, format);
  }
  const isUnborn = levelFiles.every((name) => UNBORN_FILES.test(name));
  if (!levelFiles.includes('CURRENT') && (format !== undefined || !isUnborn)) {
    throw new StoreError(
      'STORE_DAMAGED',
      `${levelFolder} has lost its CURRENT file. Nothing was changed; restore a backup`,
    );
  }
  return { levelFolder, isNew: format === undefined };
}

/**
 * Compares the database's own format row, or writes it when the store is new.
 *
 * @throws {StoreError} `STORE_FORMAT`, `STORE_DAMAGED`, `STORE_OPEN_FAILED`.
 */
export async function settleStoreFormat(
  folder: string,
  database: LevelDatabase,
  isNew: boolean,
): Promise<void> {
  const stored = database.read(FORMAT_KEY);
  if (stored === undefined) {
    await bear(folder, database, isNew);
  } else {
    checkFormatRow(folder, stored);
  }
  if (isNew) {
    await writeFormatFile(folder);
  }
}

function checkFormatRow(folder: string, stored: Uint8Array): void {
  const format = openSealedValue(FORMAT_KEY, stored);
  if (format === undefined) {
    throw new StoreError('STORE_DAMAGED', `The format row of ${folder} is damaged`);
  }
  if (!equalBytes(format, encodeUtf8(STORE_FORMAT))) {
    throw wrongFormat(folder, Buffer.from(format).toString('latin1'));
  }
}

/** Gives a database without a format row one, if it may have none. */
async function bear(folder: string, database: LevelDatabase, isNew: boolean): Promise<void> {
  const cursor = database.keys({ reverse: false });
  const isEmpty = (await cursor.nextPage(1)).length === 0;
  await cursor.close();
  if (!isNew) {
    throw new StoreError(
      'STORE_DAMAGED',
      `The database in ${folder} has lost its rows. Nothing was changed; restore a backup`,
    );
  }
  if (!isEmpty) {
    throw new StoreError('STORE_FORMAT', `${folder} holds a database that is not certdir's`);
  }
  try {
    await database.write([[FORMAT_KEY, sealValue(FORMAT_KEY, encodeUtf8(STORE_FORMAT))]]);
  } catch (cause) {
    throw openFailed(folder, cause);
  }
}

async function inspect(
  folder: string,
  levelFolder: string,
): Promise<{ readonly format: string | undefined; readonly levelFiles: readonly string[] }> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await mkdir(levelFolder, { recursive: true, mode: 0o700 });
    await syncFolder(dirname(folder));
    const format = await readFile(join(folder, 'FORMAT'), 'latin1').catch((error) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        return undefined;
      }
      throw error;
    });
    return { format: format?.trimEnd().slice(0, 80), levelFiles: await readdir(levelFolder) };
  } catch (cause) {
    throw openFailed(folder, cause);
  }
}

async function writeFormatFile(folder: string): Promise<void> {
  const file = join(folder, 'FORMAT');
  try {
    const handle = await open(`${file}.tmp`, 'w', 0o600);
    try {
      await handle.writeFile(`${STORE_FORMAT}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${file}.tmp`, file);
    await syncFolder(folder);
  } catch (cause) {
    throw openFailed(folder, cause);
  }
}

/** Makes names in the folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function wrongFormat(folder: string, format: string): StoreError {
  return new StoreError(
    'STORE_FORMAT',
    `${folder} is ${JSON.stringify(format)}; this version reads ${JSON.stringify(STORE_FORMAT)}. ` +
      'See UPGRADING.md',
  );
}

function openFailed(folder: string, cause: unknown): StoreError {
  return new StoreError(
    'STORE_OPEN_FAILED',
    `The store in ${folder} cannot be opened: ${formatError(cause)}. ` +
      'Check the disk, the folder and its permissions',
    { cause },
  );
}
