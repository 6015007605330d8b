/**
 * `certdir report`: what is laid open.
 *
 * @module
 */

import type { Command } from 'commander';

import { formatProvisionCsv, formatProvisionHtml } from '../http/provision-report.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { withOutputFile } from './output-file.ts';
import { UsageError } from './usage-error.ts';

interface ProvisionOptions {
  readonly year: string;
  readonly month?: string;
  readonly format: string;
  readonly out?: string;
}

/** Adds the command to the program. */
export function addReportCommand(program: Command): void {
  const report = program.command('report').description('reports that are laid open');
  report
    .command('provision')
    .description('revocation information provided in a year: to whom, when, how many, how')
    .requiredOption('--year <year>', 'four digits')
    .option('--month <month>', '1 to 12; the whole year when it is left out')
    .option('--format <format>', 'csv, json or html', 'csv')
    .option('--out <file>', 'write it into a file')
    .addHelpText(
      'after',
      examples(
        'certdir report provision --year 2026 --format html --out provision-2026.html',
        'certdir report provision --year 2026 --month 4 --json',
      ),
    )
    .action(async (options: ProvisionOptions, command: Command) => {
      const context = contextOf(command);
      const period = periodOf(options);
      const format = context.output.isJson ? 'json' : options.format;
      const made = await withOperations(context, (operations) =>
        operations.audit.provisions({ period }),
      );
      const texts: ReadonlyMap<string, () => string> = new Map([
        ['csv', () => formatProvisionCsv(made)],
        ['html', () => formatProvisionHtml(made)],
        ['json', () => `${JSON.stringify(made, undefined, 2)}\n`],
      ]);
      const text = texts.get(format)?.();
      if (text === undefined) {
        throw new UsageError('--format is csv, json or html');
      }
      if (options.out === undefined) {
        context.output.answer(made, () => text.replace(/\n$/, ''));
      } else {
        await withOutputFile(options.out, 0o644, (write) => write(text));
        context.output.answer({ file: options.out }, () => `Written to ${options.out}`);
      }
    });
}

function periodOf({ year, month }: ProvisionOptions): string {
  const number = Number(month ?? '1');
  if (!/^\d{4}$/.test(year) || !Number.isInteger(number) || number < 1 || number > 12) {
    throw new UsageError('--year has four digits, --month is 1 to 12');
  }
  return month === undefined ? year : `${year}-${String(number).padStart(2, '0')}`;
}
