/**
 * `certdir ldif …`: content records in and out (RFC 2849).
 *
 * @module
 */

import { once } from 'node:events';
import { open } from 'node:fs/promises';
import type { Command } from 'commander';

import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { InputError } from './input-error.ts';
import { withOutputFile } from './output-file.ts';

/** Adds the command to the program. */
export function addLdifCommand(program: Command): void {
  const ldif = program.command('ldif').description('load and export directory entries');
  addImport(ldif);
  addExport(ldif);
}

function addImport(ldif: Command): void {
  ldif
    .command('import')
    .description('add the entries of an LDIF file: all of them or, at the first fault, none')
    .argument('<file>', 'LDIF content records; - for standard input')
    .addHelpText('after', examples('certdir ldif import offices.ldif'))
    .action(async (file: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      const bar = context.output.progress();
      const source = await openSource(file);
      const result = await withOperations(context, (operations) =>
        operations.ldifImport(source, context.operator, bar.onProgress),
      ).finally(() => bar.stop());
      context.output.answer(result, () => `${result.entries} entries added`);
    });
}

function addExport(ldif: Command): void {
  ldif
    .command('export')
    .description('write the directory, or a subtree, as LDIF from one consistent state')
    .option('--base <dn>', 'only this entry and what lies below it')
    .option('--out <file>', 'write there instead of to standard output')
    .addHelpText(
      'after',
      examples(
        'certdir ldif export --out backup.ldif',
        "certdir ldif export --base 'ou=Verifiers,ou=Gunma Prefectural CA,o=JPKI,c=JP'",
      ),
    )
    .action(async (options: { base?: string; out?: string }, command: Command) => {
      const context = contextOf(command);
      const exportTo = (write: (text: string) => Promise<void>): Promise<void> =>
        withOperations(context, async (operations) => {
          for await (const text of operations.ldifExport({ base: options.base })) {
            await write(text);
          }
        });
      if (options.out === undefined) {
        await exportTo(writeToStandardOutput);
      } else {
        // Password hashes are in it.
        await withOutputFile(options.out, 0o600, exportTo);
        context.output.answer({ file: options.out }, () => `Written to ${options.out}`);
      }
    });
}

/** The bytes of an LDIF file; `-` is standard input. */
async function openSource(file: string): Promise<AsyncIterable<Uint8Array>> {
  if (file === '-') {
    return process.stdin;
  }
  try {
    const handle = await open(file, 'r');
    if (!(await handle.stat()).isDirectory()) {
      return handle.createReadStream();
    }
    await handle.close();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError('CLI_INPUT_UNREADABLE', `the LDIF file cannot be read: ${reason}`, {
      cause,
    });
  }
  throw new InputError('CLI_INPUT_UNREADABLE', `${file} is a folder; name a file`);
}

async function writeToStandardOutput(text: string): Promise<void> {
  if (!process.stdout.write(text)) {
    await once(process.stdout, 'drain');
  }
}
