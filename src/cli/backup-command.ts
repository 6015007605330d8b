/**
 * `certdir backup create`, `verify`, `restore`.
 *
 * @module
 */

import { resolve } from 'node:path';
import type { Command } from 'commander';

import type { BackupSource } from '../app/backup.ts';
import { readSecretFile } from '../config/secret-file.ts';
import type { RestorePoint } from '../store/backup/backup-reading.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { UsageError } from './usage-error.ts';

export interface PassphraseOption {
  readonly passphraseFile?: string;
}

/** The option of every command that reads or writes backups. */
export const passphraseOption: readonly [flags: string, description: string] = [
  '--passphrase-file <file>',
  'file with the passphrase of an encrypted backup, readable by its owner only',
];

/** Adds the commands to the program. */
export function addBackupCommand(program: Command): void {
  const backup = program
    .command('backup')
    .description('backups of the store: make, verify, restore');
  addCreate(backup);
  addVerify(backup);
  addRestore(backup);
}

async function passphraseOf({ passphraseFile }: PassphraseOption): Promise<string | undefined> {
  return passphraseFile === undefined ? undefined : await readSecretFile(passphraseFile);
}

/** A folder of backups, with what opens it. */
export async function sourceOf(folder: string, options: PassphraseOption): Promise<BackupSource> {
  return { folder: resolve(folder), passphrase: await passphraseOf(options) };
}

function addCreate(backup: Command): void {
  backup
    .command('create')
    .description(
      'add a backup to a folder, while the server runs or without it; copies what is new',
    )
    .argument('<dir>', 'folder of the backups of this store, outside the data folder')
    .option(...passphraseOption)
    .addHelpText(
      'after',
      examples(
        'certdir backup create /backup/certdir',
        'certdir backup create /backup/certdir --passphrase-file backup.passphrase',
      ),
    )
    .action(async (dir: string, options: PassphraseOption, command: Command) => {
      const context = contextOf(command);
      const passphrase = await passphraseOf(options);
      const input = { folder: resolve(dir), ...(passphrase === undefined ? {} : { passphrase }) };
      const bar = context.output.progress();
      const report = await withOperations(context, (operations) =>
        operations.backup(input, context.operator, bar.onProgress),
      ).finally(() => bar.stop());
      context.output.answer(report, () =>
        [
          `Backed up to record ${report.sequence}: ${report.segments} segments, ${report.copiedSegments} of them new.`,
          `SHA-256 of the manifest: ${report.manifestSha256}`,
          'The token and secrets/ are not in it: keep their copies apart.',
        ].join('\n'),
      );
    });
}

function addVerify(backup: Command): void {
  backup
    .command('verify')
    .description('read the last backup of a folder and compare it with its manifest')
    .argument('<dir>', 'folder of the backups')
    .option(...passphraseOption)
    .addHelpText('after', examples('certdir backup verify /backup/certdir'))
    .action(async (dir: string, options: PassphraseOption, command: Command) => {
      const { output } = contextOf(command);
      const bar = output.progress();
      const { checkBackup } = await import('../app/backup.ts');
      const check = await checkBackup(await sourceOf(dir, options), bar.onProgress).finally(() =>
        bar.stop(),
      );
      const { manifest, sha256, isChainVerified } = check;
      const { sequence, atMs, segments, isEncrypted } = manifest;
      const report = {
        ...{ sequence, madeAt: new Date(atMs).toISOString(), segments: segments.length },
        ...{ isEncrypted, isChainVerified, manifestSha256: sha256 },
      };
      output.answer(report, () =>
        [
          `The backup of ${report.madeAt}, up to record ${sequence}, is as it was written.`,
          `SHA-256 of the manifest: ${sha256}`,
          ...(isChainVerified
            ? []
            : ['Without the passphrase only the hashes of its files were compared.']),
        ].join('\n'),
      );
    });
}

function addRestore(backup: Command): void {
  backup
    .command('restore')
    .description('make the store of the data folder (--data) from the last backup of a folder')
    .argument('<dir>', 'folder of the backups')
    .option('--to <point>', 'record number, or time as 2026-01-05T00:00:00Z; the end when left out')
    .option(...passphraseOption)
    .addHelpText(
      'after',
      `\nThere must be no store: move a present one away. Configuration and policy are put into an empty data folder;
put token, secrets and TLS files back yourself. The CA signs nothing until "certdir recover confirm".
${examples(
  'certdir backup restore /backup/certdir --data restored',
  'certdir backup restore /backup/certdir --data restored --to 2026-01-05T12:00:00Z',
)}`,
    )
    .action(
      async (
        dir: string,
        options: PassphraseOption & { readonly to?: string },
        command: Command,
      ) => {
        const { folder, output, operator } = contextOf(command);
        const bar = output.progress();
        const to = parsePoint(options.to);
        const { restoreDataFolder } = await import('../app/backup.ts');
        const { silentLog } = await import('../core/log.ts');
        const restored = await restoreDataFolder(
          await sourceOf(dir, options),
          { dataFolder: folder, to, operator: operator.name, log: silentLog },
          bar.onProgress,
        ).finally(() => bar.stop());
        const report = { sequence: restored.sequence, at: new Date(restored.atMs).toISOString() };
        output.answer(report, () =>
          [
            `Restored to record ${report.sequence}, written at ${report.at}.`,
            'Run "certdir check", then "certdir recover confirm": until then nothing is signed.',
          ].join('\n'),
        );
      },
    );
}

function parsePoint(text: string | undefined): RestorePoint {
  if (text === undefined) {
    return { kind: 'end' };
  }
  if (/^\d{1,15}$/.test(text)) {
    return { kind: 'sequence', sequence: Number(text) };
  }
  const atMs = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs)) {
    throw new UsageError(`--to is a record number or a time with its zone: ${text}`);
  }
  return { kind: 'time', atMs };
}
