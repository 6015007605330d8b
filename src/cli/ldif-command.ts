/**
 * `certdir ldif …`: entries in and out, and changes (RFC 2849).
 *
 * @module
 */

import { once } from 'node:events';
import { type Command, Option } from 'commander';

import type { LdifModifyReport, OnProgress, Operations } from '../http/operations.ts';

import { type Context, contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { ExitCode } from './exit-codes.ts';
import { openSource } from './input-source.ts';
import { withOutputFile } from './output-file.ts';

/** Adds the command to the program. */
export function addLdifCommand(program: Command): void {
  const ldif = program
    .command('ldif')
    .description('load, change and export directory entries as LDIF (RFC 2849)');
  addImport(ldif);
  addModify(ldif);
  addExport(ldif);
}

const filesOption = [
  '--allow-files-under <folder>',
  'read values given as "attribute:< file:///…" from files below this folder; while no server runs',
] as const;

interface FileOptions {
  readonly allowFilesUnder?: string;
}

function addImport(ldif: Command): void {
  ldif
    .command('import')
    .description('add the entries of an LDIF file: all of them or, at the first fault, none')
    .argument('<file>', 'LDIF content records; - for standard input')
    .option(...filesOption)
    .addHelpText(
      'after',
      examples(
        'certdir ldif import offices.ldif',
        'zcat million-entries.ldif.gz | certdir ldif import -',
        'certdir ldif import certificates.ldif --allow-files-under ./certificates',
      ),
    )
    .action(async (file: string, options: FileOptions, command: Command) => {
      const result = await withSource(
        command,
        file,
        (source, { operations, context, onProgress }) =>
          operations.ldifImport(
            { source, filesUnder: options.allowFilesUnder },
            context.operator,
            onProgress,
          ),
      );
      contextOf(command).output.answer(result, () => `${result.entries} entries added`);
    });
}

function addModify(ldif: Command): void {
  ldif
    .command('modify')
    .description('carry out the changes of an LDIF file: all of them or, at the first fault, none')
    .argument('<file>', 'LDIF change records; - for standard input')
    .option('--continue', 'each change by itself, going on behind those that are refused')
    .option(...filesOption)
    .addHelpText(
      'after',
      examples(
        'certdir ldif modify corrections.ldif',
        'certdir ldif modify --continue nightly.ldif --json',
        "printf 'dn: ou=Old,o=JPKI,c=JP\\nchangetype: delete\\n' | certdir ldif modify -",
      ),
    )
    .action(async (file: string, options: FileOptions & { continue?: true }, command: Command) => {
      const isAtomic = options.continue !== true;
      const report = await withSource(
        command,
        file,
        (source, { operations, context, onProgress }) =>
          operations.ldifModify(
            { source, filesUnder: options.allowFilesUnder, isAtomic },
            context.operator,
            onProgress,
          ),
      );
      contextOf(command).output.answer(report, () => formatModified(report));
      process.exitCode = report.refusedCount === 0 ? ExitCode.done : ExitCode.refused;
    });
}

function formatModified({ changes, refusedCount, refused }: LdifModifyReport): string {
  const more = refusedCount - refused.length;
  return [
    ...refused.map(({ line, code, message }) => `line ${line}: ${code}: ${message}`),
    ...(more > 0 ? [`and ${more} more`] : []),
    `${changes} changes made${refusedCount > 0 ? `, ${refusedCount} refused` : ''}`,
  ].join('\n');
}

interface SourceTools {
  readonly operations: Pick<Operations, 'ldifImport' | 'ldifModify'>;
  readonly context: Context;
  readonly onProgress: OnProgress;
}

/** Opens the file and shows progress while `use` works with it. */
async function withSource<T>(
  command: Command,
  file: string,
  use: (source: AsyncIterable<Uint8Array>, tools: SourceTools) => Promise<T>,
): Promise<T> {
  const context = contextOf(command);
  const source = await openSource(file, 'the LDIF file');
  const bar = context.output.progress();
  return await withOperations(context, (operations) =>
    use(source, { operations, context, onProgress: bar.onProgress }),
  ).finally(() => bar.stop());
}

interface ExportFlags {
  readonly base?: string;
  readonly scope?: 'base' | 'one' | 'subtree';
  readonly filter?: string;
  readonly operational: boolean;
  readonly out?: string;
}

function addExport(ldif: Command): void {
  ldif
    .command('export')
    .description('write the directory, or a part of it, as LDIF from one consistent state')
    .option('--base <dn>', 'only this entry and what lies below it')
    .addOption(
      new Option('--scope <scope>', 'how far below the base').choices(['base', 'one', 'subtree']),
    )
    .option('--filter <filter>', 'only entries that it is true for (RFC 4515)')
    .option('--no-operational', 'without what the server keeps: identities, times, authors')
    .option('--out <file>', 'write there instead of to standard output')
    .addHelpText(
      'after',
      examples(
        'certdir ldif export --out backup.ldif',
        "certdir ldif export --base 'ou=Verifiers,ou=Gunma Prefectural CA,o=JPKI,c=JP'",
        "certdir ldif export --filter '(objectClass=cRLDistributionPoint)' --no-operational",
      ),
    )
    .action(async ({ operational, out, ...input }: ExportFlags, command: Command) => {
      const context = contextOf(command);
      const isUserOnly = !operational;
      const exportTo = (write: (text: string) => Promise<void>): Promise<void> =>
        withOperations(context, async (operations) => {
          const request = { ...input, isUserOnly };
          for await (const text of operations.ldifExport(request, context.operator)) {
            await write(text);
          }
        });
      if (out === undefined) {
        await exportTo(writeToStandardOutput);
      } else {
        // Password hashes are in it.
        await withOutputFile(out, 0o600, exportTo);
        context.output.answer({ file: out }, () => `Written to ${out}`);
      }
    });
}

async function writeToStandardOutput(text: string): Promise<void> {
  if (!process.stdout.write(text)) {
    await once(process.stdout, 'drain');
  }
}
