/**
 * Backups of a data folder: the store, and the files that say how to run it. Not the token and not the secrets, which
 * together can sign as the CA and are kept apart.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { mkdir, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';

import type { AuditOrigin } from '../audit/audit-log.ts';
import { openAuditLog } from '../audit/merkle-audit-log.ts';
import { holdSigning } from '../ca/recovery-hold.ts';
import { CONFIGURATION_FILE, loadConfiguration } from '../config/configuration.ts';
import { SystemClock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { BackupCreateReport, BackupInput, OnProgress } from '../http/operations.ts';
import {
  type BackupCheck,
  type RestoredPoint,
  type RestorePoint,
  restoreBackup,
  restoreFiles,
  verifyBackup,
} from '../store/backup/backup-reading.ts';
import { type BackupReport, createBackup } from '../store/backup/store-backup.ts';
import { StoreError } from '../store/errors.ts';
import type { SealedJournal } from '../store/level/journaled-database.ts';
import type { InstanceParts } from './ca-instance.ts';
import { retireSegments } from './journal-keeping.ts';

/** Where the policies are in a backup, whatever their names in the data folder. */
const policyName = (index: number): string =>
  index === 0 ? 'policy.yaml' : `policy-${index + 1}.yaml`;

/** Adds a backup to a folder, and records it. */
export async function backUp(
  instance: InstanceParts,
  { folder, passphrase, origin }: BackupInput & { readonly origin: AuditOrigin },
  onProgress: OnProgress,
): Promise<BackupCreateReport> {
  const { configuration, store, audit, auditing } = instance;
  await assertOutside(folder, configuration.folder);
  const release = store.journal.hold();
  const { journal, report } = await copyJournal(
    instance,
    { folder, passphrase },
    onProgress,
  ).finally(release);
  const { manifest, sha256, copiedSegments, copiedBytes } = report;
  await store.journal.noteBackup(journal.end);
  const { sequence, isEncrypted } = manifest;
  await store.transact('app: record a backup', async (transaction) => {
    await auditing.keeping.noteBackup(transaction, sha256);
    await audit.append(transaction, {
      ...{ kind: 'backup.create', result: 'done', origin, subject: folder },
      details: { sequence, isEncrypted, manifestSha256: sha256 },
    });
  });
  await retireSegments(instance, origin);
  const segments = manifest.segments.length;
  return {
    folder,
    sequence,
    isEncrypted,
    segments,
    copiedSegments,
    copiedBytes,
    manifestSha256: sha256,
  };
}

async function copyJournal(
  { configuration, store, clock, random }: InstanceParts,
  { folder, passphrase }: BackupSource,
  onProgress: OnProgress,
): Promise<{ readonly journal: SealedJournal; readonly report: BackupReport }> {
  const journal = await store.sealJournal();
  const report = await createBackup({
    ...{ folder, journal, passphrase, clock, random },
    files: [
      { name: CONFIGURATION_FILE, path: join(configuration.folder, CONFIGURATION_FILE) },
      ...configuration.policies.map((path, index) => ({ name: policyName(index), path })),
    ],
    onSegment: (done, total) => onProgress({ done, total, what: 'segments' }),
  });
  return { journal, report };
}

/** Also where a symbolic link leads there. */
async function assertOutside(folder: string, dataFolder: string): Promise<void> {
  const inside = relative(await realpath(dataFolder), await realPlace(folder));
  if (!isAbsolute(folder) || !(inside.startsWith('..') || isAbsolute(inside))) {
    throw new StoreError(
      'STORE_BACKUP_INVALID',
      `A backup in ${folder} would be lost with the data folder. Give a folder outside it, best on another disk`,
    );
  }
}

/** Where a folder is, or will be when it is made. */
async function realPlace(folder: string): Promise<string> {
  const parent = dirname(folder);
  return existsSync(folder) || parent === folder
    ? await realpath(folder)
    : join(await realPlace(parent), basename(folder));
}

export interface BackupSource {
  readonly folder: string;
  readonly passphrase: string | undefined;
}

/** See `verifyBackup` of the store. */
export function checkBackup(source: BackupSource, onProgress: OnProgress): Promise<BackupCheck> {
  const onFile = (done: number, total: number): void => onProgress({ done, total, what: 'files' });
  return verifyBackup({ ...source, onFile });
}

export interface RestoreTarget {
  /** The data folder: empty or missing, or one whose store was moved away. */
  readonly dataFolder: string;
  readonly to: RestorePoint;
  /** Who asks for it. */
  readonly operator: string;
  readonly log: Log;
}

/**
 * Makes a data folder's store from a backup. Its CA signs nothing until `certdir recover confirm`. Configuration and
 * policy are put where there are none; token, secrets and TLS files are for the operator to put back.
 */
export async function restoreDataFolder(
  source: BackupSource,
  { dataFolder, to, operator, log }: RestoreTarget,
  onProgress: OnProgress,
): Promise<RestoredPoint> {
  const clock = new SystemClock();
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const isNew = (await readdir(dataFolder)).length === 0;
  const place = (from: string, to: string): Promise<void> =>
    restoreFiles(source, (name) => (name === from ? to : undefined));
  if (isNew) {
    await place(CONFIGURATION_FILE, join(dataFolder, CONFIGURATION_FILE));
  }
  const { store, policies } = await loadConfiguration(join(dataFolder, CONFIGURATION_FILE));
  for (const [index, policy] of isNew ? policies.entries() : []) {
    if (!existsSync(policy)) {
      await mkdir(dirname(policy), { recursive: true });
      await place(policyName(index), policy);
    }
  }
  return await restoreBackup({
    ...{ ...source, storeFolder: store.folder, to, clock, log },
    onFile: (done, total) => onProgress({ done, total, what: 'segments' }),
    mark: async (transaction, { sequence, atMs: pointMs }) => {
      holdSigning(transaction, { restoredMs: clock.nowMs(), sequence, pointMs });
      await openAuditLog({ clock }).append(transaction, {
        ...{ kind: 'backup.restore', result: 'done', subject: source.folder },
        origin: { channel: 'cli', actor: operator },
        details: { sequence, point: new Date(pointMs).toISOString() },
      });
    },
  });
}
