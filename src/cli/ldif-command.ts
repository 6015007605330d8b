/**
 * `certdir ldif …`: content records in and out (RFC 2849).
 *
 * @module
 */

import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import type { Command } from 'commander';

import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';

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
      const source = file === '-' ? process.stdin : createReadStream(file);
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
      const sink = options.out === undefined ? process.stdout : createWriteStream(options.out);
      await withOperations(context, async (operations) => {
        for await (const text of operations.ldifExport({ base: options.base })) {
          if (!sink.write(text)) {
            await once(sink, 'drain');
          }
        }
      });
      if (options.out !== undefined) {
        sink.end();
        await once(sink, 'close');
        context.output.note(`Written to ${options.out}`);
      }
    });
}
