/**
 * What is in a store's folder, and which version of it this program reads and writes.
 *
 *     FORMAT      one line of text: what this folder is
 *     journal/    everything that was ever committed (journal.ts)
 *     level/      LevelDB's files: the index, made from the journal
 *     load/       files of a bulk load under way (bulk-load.ts)
 *
 * The same line is a row of the database. LevelDB makes a new, empty database wherever its CURRENT
 * file is missing, so a damaged store could come up empty; FORMAT, written after the first durable
 * row, tells a new folder from one that has lost its database.
 *
 * @module
 */

import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { encodeUtf8 } from '../../core/bytes.ts';
import { formatError } from '../../core/errors.ts';
import { StoreError } from '../errors.ts';
import { syncFolder, writeWholeFile } from '../journal/journal-file.ts';
import { Keyspace, keyOf } from '../keyspace.ts';
import type { LevelDatabase } from './level-database.ts';
import type { Row } from './sorted-rows.ts';
import { openSealedValue, sealValue } from './value-checksum.ts';

export const STORE_FORMAT = 'certdir-store 3';

/** Whose journal has no records of large values; opened as it is, and of the present format from then on. */
export const FORMAT_WITHOUT_LARGE_RECORDS = 'certdir-store 2';

/** Without a journal; opened by giving it one (store-upgrade.ts). */
export const FORMAT_WITHOUT_JOURNAL = 'certdir-store 1';

export type StoreFormat =
  | typeof STORE_FORMAT
  | typeof FORMAT_WITHOUT_LARGE_RECORDS
  | typeof FORMAT_WITHOUT_JOURNAL;

const FORMATS: readonly StoreFormat[] = [
  STORE_FORMAT,
  FORMAT_WITHOUT_LARGE_RECORDS,
  FORMAT_WITHOUT_JOURNAL,
];

const FORMAT_KEY = keyOf(Keyspace.meta, encodeUtf8('format'));

/** What an interrupted creation of a LevelDB leaves behind; it holds no row. */
const UNBORN_FILES = /^(LOCK|LOG|LOG\.old|MANIFEST-000001|\d+\.dbtmp)$/;

export interface StoreFolder {
  readonly levelFolder: string;
  readonly journalFolder: string;
  /** What FORMAT says; undefined until the store is made. */
  readonly format: StoreFormat | undefined;
}

/**
 * Makes the folder where it is missing and reads its FORMAT.
 *
 * @throws {StoreError} `STORE_FORMAT`, `STORE_DAMAGED`, `STORE_OPEN_FAILED`.
 */
export async function prepareStoreFolder(folder: string): Promise<StoreFolder> {
  const levelFolder = join(folder, 'level');
  const { format, levelFiles } = await inspect(folder, levelFolder);
  if (format !== undefined && !isStoreFormat(format)) {
    throw wrongFormat(folder, format);
  }
  const isUnborn = levelFiles.every((name) => UNBORN_FILES.test(name));
  if (!levelFiles.includes('CURRENT') && (format !== undefined || !isUnborn)) {
    throw new StoreError(
      'STORE_DAMAGED',
      `${levelFolder} has lost its CURRENT file. Nothing was changed. Make the index anew from the ` +
        'journal: certdir store rebuild; without a journal restore a backup',
    );
  }
  return { levelFolder, journalFolder: join(folder, 'journal'), format };
}

/**
 * The format that the database's own row tells.
 *
 * @returns undefined for an empty database, where FORMAT does not say that there was one.
 * @throws {StoreError} `STORE_FORMAT`, `STORE_DAMAGED`.
 */
export async function readStoreFormat(
  folder: string,
  database: LevelDatabase,
  format: StoreFormat | undefined,
): Promise<StoreFormat | undefined> {
  const stored = database.read(FORMAT_KEY);
  if (stored === undefined) {
    await assertUnborn(folder, database, format);
    return undefined;
  }
  const value = openSealedValue(FORMAT_KEY, stored);
  if (value === undefined) {
    throw new StoreError('STORE_DAMAGED', `The format row of ${folder} is damaged`);
  }
  const text = Buffer.from(value).toString('latin1');
  if (!isStoreFormat(text)) {
    throw wrongFormat(folder, text);
  }
  return text;
}

/** The row that says which format the database has. */
export function formatRow(): Row {
  return [FORMAT_KEY, sealValue(FORMAT_KEY, encodeUtf8(STORE_FORMAT))];
}

function isStoreFormat(text: string): text is StoreFormat {
  return FORMATS.some((format) => format === text);
}

async function assertUnborn(
  folder: string,
  database: LevelDatabase,
  format: StoreFormat | undefined,
): Promise<void> {
  const cursor = database.keys({ reverse: false });
  const isEmpty = (await cursor.nextPage(1)).length === 0;
  await cursor.close();
  if (format !== undefined) {
    throw new StoreError(
      'STORE_DAMAGED',
      `The database in ${folder} has lost its rows. Nothing was changed; certdir store rebuild makes ` +
        'it anew from the journal',
    );
  }
  if (!isEmpty) {
    throw new StoreError('STORE_FORMAT', `${folder} holds a database that is not certdir's`);
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

/** Says what the folder is, once the database and the journal are there. */
export async function writeFormatFile(folder: string): Promise<void> {
  await writeWholeFile(join(folder, 'FORMAT'), encodeUtf8(`${STORE_FORMAT}\n`));
}

function wrongFormat(folder: string, format: string): StoreError {
  return new StoreError(
    'STORE_FORMAT',
    `${folder} is ${JSON.stringify(format)}; this version reads ${JSON.stringify(STORE_FORMAT)}. ` +
      'See UPGRADING.md',
  );
}

/** The folder, or a file in it, cannot be read or written. */
export function openFailed(folder: string, cause: unknown): StoreError {
  return new StoreError(
    'STORE_OPEN_FAILED',
    `The store in ${folder} cannot be opened: ${formatError(cause)}. ` +
      'Check the disk, the folder and its permissions',
    { cause },
  );
}
