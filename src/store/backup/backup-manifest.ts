/**
 * What a backup holds:
 *
 *     DIR/encryption.json                        how the key is made; only of encrypted backups
 *     DIR/segments/0000000000000001.journal      sealed segments of the journal, each copied once
 *     DIR/files/0000000000000057/NAME            other files, as they were at a backup
 *     DIR/manifests/0000000000000057.json        a backup: what it consists of; named by its last record
 *     DIR/manifests/0000000000000057.json.sha256 its hash, as sha256sum writes it
 *
 * A backup is complete when its manifest is there, which is written last.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { encodeUtf8 } from '../../core/bytes.ts';
import { formatError } from '../../core/errors.ts';
import { StoreError } from '../errors.ts';
import { isMissing, writeWholeFile } from '../journal/journal-file.ts';
import type { SealingParameters } from './backup-sealing.ts';

const hex = z.string().regex(/^[0-9a-f]+$/);
const count = z.number().int().nonnegative();

export interface BackupFile {
  /** Within the backup's folder. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** As stored; the same where nothing is encrypted. */
  readonly storedBytes: number;
  readonly storedSha256: string;
}

export interface BackupManifest {
  readonly format: 'certdir-backup 1';
  readonly storeId: string;
  /** The last record and its place in the chain. */
  readonly sequence: number;
  readonly epoch: number;
  readonly hash: string;
  /** When the backup was made. */
  readonly atMs: number;
  readonly isEncrypted: boolean;
  readonly segments: readonly BackupFile[];
  readonly files: readonly BackupFile[];
}

const fileSchema: z.ZodType<BackupFile> = z.strictObject({
  path: z.string().regex(/^(segments|files)\/[\w./-]+$/),
  bytes: count,
  sha256: hex,
  storedBytes: count,
  storedSha256: hex,
});

const manifestSchema: z.ZodType<BackupManifest> = z.strictObject({
  format: z.literal('certdir-backup 1'),
  storeId: hex,
  sequence: count,
  epoch: count,
  hash: hex,
  atMs: z.number().int(),
  isEncrypted: z.boolean(),
  segments: z.array(fileSchema),
  files: z.array(fileSchema),
});

const parametersSchema: z.ZodType<SealingParameters> = z.strictObject({
  kdf: z.literal('scrypt'),
  N: count,
  r: count,
  p: count,
  salt: hex,
  check: hex,
});

const NAME = /^(\d{16})\.json$/;

export function manifestName(sequence: number): string {
  return `${String(sequence).padStart(16, '0')}.json`;
}

/** @returns the hash of the manifest, hexadecimal. */
export async function writeManifest(folder: string, manifest: BackupManifest): Promise<string> {
  const text = encodeUtf8(`${JSON.stringify(manifest, null, 2)}\n`);
  const sha256 = createHash('sha256').update(text).digest('hex');
  const name = manifestName(manifest.sequence);
  const path = join(folder, 'manifests', name);
  await writeWholeFile(`${path}.sha256`, encodeUtf8(`${sha256}  ${name}\n`));
  await writeWholeFile(path, text);
  return sha256;
}

/** The last records of the backups in a folder, ascending. */
export async function listBackups(folder: string): Promise<readonly number[]> {
  const names = await readdir(join(folder, 'manifests')).catch((error: unknown) => {
    if (isMissing(error)) {
      return [];
    }
    throw error;
  });
  return names
    .map((name) => NAME.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((left, right) => left - right);
}

/** @throws {StoreError} `STORE_BACKUP_DAMAGED` when the manifest is not what was written. */
export async function readManifest(
  folder: string,
  sequence: number,
): Promise<{ readonly manifest: BackupManifest; readonly sha256: string }> {
  const path = join(folder, 'manifests', manifestName(sequence));
  try {
    const text = await readFile(path);
    const sha256 = createHash('sha256').update(text).digest('hex');
    const kept = await readFile(`${path}.sha256`, 'latin1');
    if (!kept.startsWith(`${sha256} `)) {
      throw new Error('its hash is another');
    }
    return { manifest: manifestSchema.parse(JSON.parse(text.toString('utf8'))), sha256 };
  } catch (cause) {
    throw new StoreError(
      'STORE_BACKUP_DAMAGED',
      `${path} is not the manifest that was written: ${formatError(cause)}. Use another backup`,
      { cause },
    );
  }
}

/** How the key of a backup is made; undefined where nothing is encrypted. */
export async function readSealingParameters(
  folder: string,
): Promise<SealingParameters | undefined> {
  const path = join(folder, 'encryption.json');
  try {
    return parametersSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    if (isMissing(cause)) {
      return undefined;
    }
    throw new StoreError('STORE_BACKUP_DAMAGED', `${path}: ${formatError(cause)}`, { cause });
  }
}

export async function writeSealingParameters(
  folder: string,
  parameters: SealingParameters,
): Promise<void> {
  const text = `${JSON.stringify(parameters, null, 2)}\n`;
  await writeWholeFile(join(folder, 'encryption.json'), encodeUtf8(text));
}
