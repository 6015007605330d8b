/**
 * `certdir check`.
 *
 * @module
 */

import type { Command } from 'commander';

import type { OpenOptions } from '../app/instance.ts';
import type { LocalInstance } from '../app/local-instance.ts';
import type { CheckInput, CheckReport } from '../http/operations.ts';
import { contextOf, withServerOr } from './context.ts';
import { examples } from './examples.ts';
import { ExitCode } from './exit-codes.ts';
import { formatTable } from './output.ts';

/** Adds the command to the program. */
export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description('read everything that is stored and say what is damaged or does not fit together')
    .option(...deepOption)
    .addHelpText('after', examples('certdir check', 'certdir check --deep', 'certdir check --json'))
    .action((options: DeepOption, command: Command) => runCheck('all', options, command));
}

/** The option that every check takes. */
export const deepOption: readonly [flags: string, description: string] = [
  '--deep',
  'also make the index anew from the journal, beside the store, and compare every row',
];

export interface DeepOption {
  readonly deep?: boolean;
}

/** Checks, answers, and sets the exit code. */
export async function runCheck(
  parts: CheckInput['parts'],
  { deep }: DeepOption,
  command: Command,
): Promise<void> {
  const context = contextOf(command);
  const bar = context.output.progress();
  const report = await withServerOr(openCheckOfStore, context, (operations) =>
    operations.check({ isDeep: deep === true, parts }, bar.onProgress),
  ).finally(() => bar.stop());
  context.output.answer(report, () => formatReport(report, parts));
  process.exitCode = report.isSound ? ExitCode.done : ExitCode.damaged;
}

/** What is needed to check, opened without a server. */
async function openCheckOfStore(options: OpenOptions): Promise<LocalInstance<'check'>> {
  const { openCheck } = await import('../app/local-instance.ts');
  return openCheck(options);
}

function formatReport(report: CheckReport, parts: CheckInput['parts']): string {
  const { findings, findingCount } = report;
  const audit =
    report.auditRecords === null
      ? 'the audit log could not be verified'
      : `${report.auditRecords} audit records, root ${report.auditRootHash}`;
  const looked =
    parts === 'store'
      ? [`${report.rows} stored values`]
      : [
          `${report.rows} stored values, ${report.entries} entries`,
          audit,
          `${report.certificates} certificates, ${report.lists} lists`,
        ];
  if (report.isSound) {
    return [...looked, '', 'Everything is as it was written and fits together.'].join('\n');
  }
  const table = formatTable(
    ['part', 'code', 'subject', 'what is wrong'],
    findings.map(({ part, code, subject, message }) => [part, code, subject, message]),
  );
  const more = findingCount - findings.length;
  const rest = more > 0 ? [`and ${more} more`] : [];
  const verdict = `${findingCount} findings. Keep a copy of the folder before anything else; then restore a backup.`;
  return [...looked, '', table, ...rest, '', verdict].join('\n');
}
