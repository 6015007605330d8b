/**
 * Verifying backups, and making a store from one, as it was at its end or at an earlier record or time.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { mkdir, rename, rm, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { formatHex, parseHex } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { formatError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { StoreError } from '../errors.ts';
import { listSegments, segmentName, syncFolder } from '../journal/journal-file.ts';
import { HEADER_BYTES } from '../journal/journal-record.ts';
import { findJournalEnd, readJournal, START } from '../journal/journal-scan.ts';
import { SegmentReader } from '../journal/segment-reader.ts';
import { withValuesChecked } from '../journal/value-checking.ts';
import { openLevelStore } from '../level/level-store.ts';
import { rebuildIndex } from '../level/store-rebuild.ts';
import type { Transaction } from '../store.ts';
import {
  type BackupFile,
  type BackupManifest,
  listBackups,
  readManifest,
  readSealingParameters,
} from './backup-manifest.ts';
import { type BackupKey, hashFile, openBackupKey, unsealFile } from './backup-sealing.ts';

export interface BackupCheck {
  readonly manifest: BackupManifest;
  /** Of the manifest, hexadecimal. */
  readonly sha256: string;
  /** False where everything is encrypted and no passphrase was given: hashes alone were looked at. */
  readonly isChainVerified: boolean;
}

export interface ReadingOptions {
  readonly folder: string;
  readonly passphrase: string | undefined;
  readonly onFile: (done: number, total: number) => void;
}

/**
 * Reads the last backup of a folder: every file against its hash and the chain of the journal; where it is encrypted,
 * with the passphrase every file's authentication.
 *
 * @throws {StoreError} `STORE_BACKUP_INVALID` when there is none, `STORE_BACKUP_DAMAGED`,
 *   `STORE_BACKUP_PASSPHRASE`, `STORE_JOURNAL_DAMAGED`.
 */
export async function verifyBackup(options: ReadingOptions): Promise<BackupCheck> {
  const { folder, passphrase, onFile } = options;
  const { manifest, sha256 } = await lastManifest(folder);
  const parameters = await readSealingParameters(folder);
  const isReadable = parameters === undefined || passphrase !== undefined;
  const key = parameters && isReadable ? await openBackupKey(passphrase, parameters) : undefined;
  const files = [...manifest.segments, ...manifest.files];
  for (const [at, file] of files.entries()) {
    await assertStored(folder, file);
    if (key !== undefined) {
      await unsealTo(folder, file, { key, target: undefined });
    }
    onFile(at + 1, files.length);
  }
  if (!manifest.isEncrypted) {
    await assertChain(join(folder, 'segments'), manifest);
  }
  return { manifest, sha256, isChainVerified: isReadable };
}

/** The chain up to the manifest's end is the one that the manifest names. */
async function assertChain(folder: string, manifest: BackupManifest): Promise<void> {
  const end = {
    sequence: manifest.sequence,
    epoch: manifest.epoch,
    hash: parseHex(manifest.hash) ?? new Uint8Array(0),
  };
  const storeId = parseHex(manifest.storeId) ?? new Uint8Array(0);
  const index = { storeId, applied: end, checkpoint: START };
  let last = 0;
  const records = withValuesChecked(folder, readJournal(folder, index, end.sequence));
  for await (const { header } of records) {
    last = header.sequence;
  }
  if (last !== end.sequence) {
    throw damaged(folder, `it ends with record ${last}, not ${end.sequence}`);
  }
}

export type RestorePoint =
  | { readonly kind: 'end' }
  /** The last group that ends with this record or before. */
  | { readonly kind: 'sequence'; readonly sequence: number }
  /** The groups before the first that was written later. */
  | { readonly kind: 'time'; readonly atMs: number };

export interface RestoreOptions extends ReadingOptions {
  /** Where the store is made; there must be none. */
  readonly storeFolder: string;
  readonly to: RestorePoint;
  readonly clock: Clock;
  readonly log: Log;
  /** Written into the restored store before it is in its place. */
  readonly mark: (transaction: Transaction, restored: RestoredPoint) => Promise<void>;
}

export interface RestoredPoint {
  /** The last record of the backup that is in the store. */
  readonly sequence: number;
  /** When it was written. */
  readonly atMs: number;
}

/**
 * Makes a store from the last backup of a folder. What the store writes from then on is in a new epoch of the
 * journal.
 *
 * @returns how far it goes, and the other files of the backup.
 * @throws {StoreError} `STORE_EXISTS`, `STORE_BACKUP_INVALID` when the backup does not reach the point, and as
 *   {@link verifyBackup}. Then there is no store.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoredPoint> {
  const { storeFolder } = options;
  if (existsSync(storeFolder)) {
    throw new StoreError(
      'STORE_EXISTS',
      `There is a store in ${storeFolder}. Move it away before another one is restored there`,
    );
  }
  const work = `${storeFolder}.restoring`;
  await rm(work, { recursive: true, force: true });
  try {
    await mkdir(join(work, 'journal'), { recursive: true, mode: 0o700 });
    const restored = await restoreInto(work, options);
    await rename(work, storeFolder);
    await syncFolder(dirname(storeFolder));
    return restored;
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error instanceof StoreError
      ? error
      : new StoreError('STORE_BACKUP_FAILED', `Nothing was restored: ${formatError(error)}`, {
          cause: error,
        });
  }
}

async function restoreInto(work: string, options: RestoreOptions): Promise<RestoredPoint> {
  const { folder, passphrase, to, clock, log, mark, onFile } = options;
  const { manifest } = await lastManifest(folder);
  const key = await keyOf(folder, passphrase);
  for (const [at, file] of manifest.segments.entries()) {
    const target = join(work, 'journal', file.path.replace('segments/', ''));
    await unsealTo(folder, file, { key, target });
    onFile(at + 1, manifest.segments.length);
  }
  const journalFolder = join(work, 'journal');
  await assertChain(journalFolder, manifest);
  const restored = await cutJournal(journalFolder, to);
  await rebuildIndex({ folder: work, clock, acceptsLoss: false, onRecords: () => undefined });
  const store = await openLevelStore({ folder: work, clock, log, isNewWriter: true });
  try {
    await store.transact('store: restored', (transaction) => mark(transaction, restored));
  } finally {
    await store.close();
  }
  return restored;
}

/** Takes away what is behind the point. */
async function cutJournal(folder: string, to: RestorePoint): Promise<RestoredPoint> {
  const found = await findPoint(folder, to);
  if (found === undefined) {
    throw new StoreError('STORE_BACKUP_INVALID', 'The backup has nothing from before that point');
  }
  const firsts = await listSegments(folder);
  for (const first of firsts.filter((each) => each > found.sequence)) {
    await rm(join(folder, segmentName(first)));
  }
  const last = firsts.findLast((first) => first <= found.sequence) ?? 1;
  await truncate(join(folder, segmentName(last)), found.end);
  const end = await findJournalEnd(folder, undefined);
  if (end?.end.sequence !== found.sequence || end.torn !== undefined) {
    throw damaged(folder, `it cannot be cut behind record ${found.sequence}`);
  }
  return { sequence: found.sequence, atMs: found.atMs };
}

async function findPoint(
  folder: string,
  to: RestorePoint,
): Promise<(RestoredPoint & { readonly end: number }) | undefined> {
  let found: (RestoredPoint & { readonly end: number }) | undefined;
  let last = 0;
  for await (const { header, payload, offset } of readJournal(folder, undefined)) {
    const { sequence, atMs, isGroupEnd } = header;
    last = sequence;
    const isBehind =
      to.kind === 'sequence' ? sequence > to.sequence : to.kind === 'time' && atMs > to.atMs;
    if (isBehind) {
      return found;
    }
    if (isGroupEnd) {
      found = { sequence, atMs, end: offset + HEADER_BYTES + payload.length };
    }
  }
  if (to.kind === 'sequence' && last < to.sequence) {
    throw new StoreError('STORE_BACKUP_INVALID', `The backup ends with record ${last}`);
  }
  return found;
}

/**
 * Puts segments back from the last backup that a journal does not have any more: those that were retired.
 *
 * @returns how many.
 * @throws {StoreError} `STORE_BACKUP_INVALID` when the backup is of another store, and as {@link verifyBackup}.
 */
export async function putBackSegments(
  { folder, passphrase, onFile }: ReadingOptions,
  journalFolder: string,
): Promise<number> {
  const { manifest } = await lastManifest(folder);
  const key = await keyOf(folder, passphrase);
  const present = new Set(await listSegments(journalFolder));
  const oldest = [...present][0] ?? Number.POSITIVE_INFINITY;
  await assertSameStore(journalFolder, oldest, manifest);
  const missing = manifest.segments.filter(
    ({ path }) => Number.parseInt(path.replace('segments/', ''), 10) < oldest,
  );
  for (const [at, file] of missing.entries()) {
    const target = join(journalFolder, file.path.replace('segments/', ''));
    // A name that does not count until the file is whole.
    await unsealTo(folder, file, { key, target: `${target}.new` });
    await rename(`${target}.new`, target);
    onFile(at + 1, missing.length);
  }
  await syncFolder(journalFolder);
  return missing.length;
}

async function assertSameStore(
  journalFolder: string,
  oldest: number,
  { storeId }: BackupManifest,
): Promise<void> {
  if (oldest === Number.POSITIVE_INFINITY) {
    return;
  }
  const reader = await SegmentReader.open(join(journalFolder, segmentName(oldest)));
  await reader?.close();
  if (reader !== undefined && formatHex(reader.head.storeId) !== storeId) {
    throw new StoreError('STORE_BACKUP_INVALID', 'The backup is of another store');
  }
}

/**
 * Copies the other files of the last backup.
 *
 * @param targetOf Where a file of this name goes; undefined where it is left out.
 */
export async function restoreFiles(
  { folder, passphrase }: Pick<ReadingOptions, 'folder' | 'passphrase'>,
  targetOf: (name: string) => string | undefined,
): Promise<void> {
  const { manifest } = await lastManifest(folder);
  const key = await keyOf(folder, passphrase);
  for (const file of manifest.files) {
    const target = targetOf(file.path.replace(/^files\/\d+\//, ''));
    if (target !== undefined) {
      await unsealTo(folder, file, { key, target });
    }
  }
}

async function keyOf(
  folder: string,
  passphrase: string | undefined,
): Promise<BackupKey | undefined> {
  const parameters = await readSealingParameters(folder);
  return parameters && (await openBackupKey(passphrase, parameters));
}

async function unsealTo(
  folder: string,
  file: BackupFile,
  { key, target }: { readonly key: BackupKey | undefined; readonly target: string | undefined },
): Promise<void> {
  await assertStored(folder, file);
  const copied = await unsealFile([join(folder, file.path), target], { name: file.path, key });
  if (copied.sha256 !== file.sha256) {
    throw damaged(folder, `${file.path} is not what was written`);
  }
}

async function assertStored(folder: string, file: BackupFile): Promise<void> {
  const stored = await hashFile(join(folder, file.path));
  if (stored?.sha256 !== file.storedSha256 || stored.bytes !== file.storedBytes) {
    const what = stored === undefined ? 'is missing' : 'is not what was written';
    throw damaged(folder, `${file.path} ${what}`);
  }
}

async function lastManifest(
  folder: string,
): Promise<{ readonly manifest: BackupManifest; readonly sha256: string }> {
  const last = (await listBackups(folder)).at(-1);
  if (last === undefined) {
    throw new StoreError('STORE_BACKUP_INVALID', `${folder} has no backup`);
  }
  return await readManifest(folder, last);
}

function damaged(folder: string, why: string): StoreError {
  return new StoreError('STORE_BACKUP_DAMAGED', `The backup in ${folder} is damaged: ${why}`);
}
