/**
 * Backups of a store while it is in use: the sealed segments of its journal, each copied once, with a manifest.
 * See backup-manifest.ts for the files.
 *
 * Not here: reading backups (`backup-reading.ts`), when backups are made.
 *
 * @module
 */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { formatHex } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { formatError } from '../../core/errors.ts';
import type { RandomSource } from '../../core/random.ts';
import { StoreError } from '../errors.ts';
import { listSegments, makeFolder, segmentName, syncFolder } from '../journal/journal-file.ts';
import { readJournal } from '../journal/journal-scan.ts';
import { withValuesChecked } from '../journal/value-checking.ts';
import type { SealedJournal } from '../level/journaled-database.ts';
import {
  type BackupFile,
  type BackupManifest,
  listBackups,
  manifestName,
  readManifest,
  readSealingParameters,
  writeManifest,
  writeSealingParameters,
} from './backup-manifest.ts';
import {
  type BackupKey,
  type CopiedFile,
  hashFile,
  makeBackupKey,
  openBackupKey,
  sealFile,
} from './backup-sealing.ts';

export interface BackupOptions {
  /** Where backups of this store are; made where it is missing. */
  readonly folder: string;
  readonly journal: SealedJournal;
  /** Other files that belong to the backup, by the names they have in it. */
  readonly files: readonly { readonly name: string; readonly path: string }[];
  /** Encrypts what is copied; the same for all backups in the folder. */
  readonly passphrase: string | undefined;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Told of each segment that is there. */
  readonly onSegment: (done: number, total: number) => void;
}

export interface BackupReport {
  readonly manifest: BackupManifest;
  /** Of the manifest, hexadecimal. */
  readonly sha256: string;
  readonly copiedSegments: number;
  readonly copiedBytes: number;
}

/**
 * Adds a backup to a folder. The journal is verified while it is read; segments that the folder has are hashed
 * and copied again when they are not what they were.
 *
 * @throws {StoreError} `STORE_BACKUP_INVALID` when the folder has backups of another store or history,
 *   `STORE_BACKUP_PASSPHRASE`, `STORE_BACKUP_FAILED`, and what the journal can be found in.
 */
export async function createBackup(options: BackupOptions): Promise<BackupReport> {
  try {
    return await new BackupRun(options).run();
  } catch (error) {
    if (error instanceof StoreError) {
      throw error;
    }
    throw new StoreError(
      'STORE_BACKUP_FAILED',
      `The backup in ${options.folder} was not made: ${formatError(error)}`,
      { cause: error },
    );
  }
}

class BackupRun {
  readonly #options: BackupOptions;
  #copiedSegments = 0;
  #copiedBytes = 0;

  constructor(options: BackupOptions) {
    this.#options = options;
  }

  async run(): Promise<BackupReport> {
    const { folder, journal } = this.#options;
    for (const part of [folder, join(folder, 'segments'), join(folder, 'manifests')]) {
      await makeFolder(part);
    }
    const before = await this.#lastBackup();
    const key = await this.#key(before);
    await this.#verifyJournal();
    const segments = await this.#copySegments(before, key);
    await syncFolder(join(folder, 'segments'));
    const files = await this.#copyFiles(key);
    const { sequence, epoch, hash } = journal.end;
    const manifest: BackupManifest = {
      format: 'certdir-backup 1',
      storeId: formatHex(journal.storeId),
      ...{ sequence, epoch, hash: formatHex(hash) },
      atMs: this.#options.clock.nowMs(),
      isEncrypted: key !== undefined,
      ...{ segments, files },
    };
    const sha256 = await writeManifest(folder, manifest);
    const { copiedSegments, copiedBytes } = {
      copiedSegments: this.#copiedSegments,
      copiedBytes: this.#copiedBytes,
    };
    return { manifest, sha256, copiedSegments, copiedBytes };
  }

  async #lastBackup(): Promise<BackupManifest | undefined> {
    const { folder, journal } = this.#options;
    const last = (await listBackups(folder)).at(-1);
    assertReaches(folder, last ?? 0, journal.retired.sequence);
    if (last === undefined) {
      return undefined;
    }
    const { manifest } = await readManifest(folder, last);
    const { retired } = journal;
    if (last === retired.sequence && manifest.hash !== formatHex(retired.hash)) {
      throw otherHistory(manifestName(last));
    }
    if (manifest.storeId !== formatHex(journal.storeId) || last > journal.end.sequence) {
      throw new StoreError(
        'STORE_BACKUP_INVALID',
        `${folder} has backups of another store, or of more of it than there is. Nothing was changed; use another ` +
          'folder',
      );
    }
    return manifest;
  }

  async #key(before: BackupManifest | undefined): Promise<BackupKey | undefined> {
    const { folder, passphrase, random } = this.#options;
    const parameters = await readSealingParameters(folder);
    if (parameters !== undefined) {
      return await openBackupKey(passphrase, parameters);
    }
    if (passphrase === undefined) {
      return undefined;
    }
    if (before !== undefined) {
      throw new StoreError(
        'STORE_BACKUP_PASSPHRASE',
        `The backups in ${folder} are not encrypted. Use another folder for encrypted ones`,
      );
    }
    const key = await makeBackupKey(passphrase, random);
    await writeSealingParameters(folder, key.parameters);
    return key;
  }

  /** What is damaged must not become the only copy. */
  async #verifyJournal(): Promise<void> {
    const { folder, storeId, end, retired } = this.#options.journal;
    if (end.sequence === 0) {
      throw new StoreError('STORE_BACKUP_INVALID', 'The store has nothing to back up');
    }
    const whole = { storeId, applied: end, checkpoint: retired };
    for await (const _ of withValuesChecked(folder, readJournal(folder, whole, end.sequence))) {
      // Verified as it is read.
    }
  }

  async #copySegments(
    before: BackupManifest | undefined,
    key: BackupKey | undefined,
  ): Promise<BackupFile[]> {
    const { folder, journal, random, onSegment } = this.#options;
    const firsts = (await listSegments(journal.folder)).filter(
      (first) => first > journal.retired.sequence && first <= journal.end.sequence,
    );
    const known = new Map(before?.segments.map((segment) => [segment.path, segment]));
    const segments: BackupFile[] = await this.#retiredSegments(before);
    const total = segments.length + firsts.length;
    for (const first of firsts) {
      const path = `segments/${segmentName(first)}`;
      const source = join(journal.folder, segmentName(first));
      const kept = await this.#unchanged(known.get(path), source);
      if (kept === undefined) {
        const copied = await sealFile([source, join(folder, path)], { name: path, key, random });
        await this.#assertStored({ path, ...copied });
        this.#note(copied);
        segments.push({ path, ...copied });
      } else {
        segments.push(kept);
      }
      onSegment(segments.length, total);
    }
    return segments;
  }

  /** What the folder alone has any more, verified: segments that the store has retired. */
  async #retiredSegments(before: BackupManifest | undefined): Promise<BackupFile[]> {
    const { retired } = this.#options.journal;
    const last = segmentName(retired.sequence);
    const segments = (before?.segments ?? []).filter(({ path }) => path <= `segments/${last}`);
    for (const segment of segments) {
      await this.#assertStored(segment);
    }
    return segments;
  }

  /** A backup counts as verified once it is there: what was written is read again. */
  async #assertStored({ path, storedSha256 }: BackupFile): Promise<void> {
    const { folder } = this.#options;
    const stored = await hashFile(join(folder, path));
    if (stored?.sha256 !== storedSha256) {
      const what = stored === undefined ? 'is missing' : 'is not what was written';
      throw new StoreError(
        'STORE_BACKUP_DAMAGED',
        `${path} in ${folder} ${what}, so this is no whole backup any more. Use another copy of the folder`,
      );
    }
  }

  /** What the folder has of a segment, when that is still what it was, and the segment too. */
  async #unchanged(known: BackupFile | undefined, source: string): Promise<BackupFile | undefined> {
    if (known === undefined) {
      return undefined;
    }
    const [stored, present] = [
      await hashFile(join(this.#options.folder, known.path)),
      await hashFile(source),
    ];
    if (present?.sha256 !== known.sha256) {
      throw otherHistory(known.path);
    }
    return stored?.sha256 === known.storedSha256 ? known : undefined;
  }

  async #copyFiles(key: BackupKey | undefined): Promise<BackupFile[]> {
    const { folder, journal, files, random } = this.#options;
    const place = `files/${manifestName(journal.end.sequence).replace('.json', '')}`;
    await rm(join(folder, place), { recursive: true, force: true });
    await makeFolder(join(folder, 'files'));
    await makeFolder(join(folder, place));
    const copied: BackupFile[] = [];
    for (const { name, path: source } of files) {
      const path = `${place}/${name}`;
      copied.push({
        path,
        ...(await sealFile([source, join(folder, path)], { name: path, key, random })),
      });
    }
    await syncFolder(join(folder, place));
    return copied;
  }

  #note({ storedBytes }: CopiedFile): void {
    this.#copiedSegments += 1;
    this.#copiedBytes += storedBytes;
  }
}

function otherHistory(path: string): StoreError {
  return new StoreError(
    'STORE_BACKUP_INVALID',
    `${path} of the backup is of another history than the store. Nothing was changed; use another folder`,
  );
}

/** A folder without what the store has retired cannot become a whole backup. */
function assertReaches(folder: string, last: number, retired: number): void {
  if (last < retired) {
    throw new StoreError(
      'STORE_BACKUP_INVALID',
      `The store has retired its journal up to record ${retired}, and the backups in ${folder} go up to record ` +
        `${last}. Nothing was changed. Copy the whole folder of an earlier backup there first, or go on with that one`,
    );
  }
}
