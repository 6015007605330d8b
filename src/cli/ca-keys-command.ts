/**
 * `certdir ca keys` and `certdir ca renew-key`: the generations of the CA's key.
 *
 * @module
 */

import type { Command } from 'commander';

import type { GenerationReport, KeysReport } from '../http/key-operations.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';

/** Adds the commands below `certdir ca`. */
export function addKeysCommands(ca: Command): void {
  ca.command('keys')
    .description("show the generations of the CA's key, and when it is renewed")
    .addHelpText('after', examples('certdir ca keys', 'certdir ca keys --json'))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, ({ keys }) => keys.list());
      context.output.answer(report, () => formatKeys(report));
    });
  ca.command('renew-key')
    .description(
      "renew the CA's key: another one issues from then on, with link certificates both ways (a token with custodians: certdir ceremony start renewal)",
    )
    .option('--early', 'also when no renewal is due within a year')
    .addHelpText('after', examples('certdir ca renew-key', 'certdir ca renew-key --early'))
    .action(async (options: { readonly early?: boolean }, command: Command) => {
      const context = contextOf(command);
      const input = { isEarly: options.early === true };
      const report = await withOperations(context, ({ keys }) =>
        keys.renew(input, context.operator),
      );
      context.output.answer(report, () => formatKeys(report));
    });
}

function formatKeys({ generations, renewalDue, renewalWarning }: KeysReport): string {
  const near =
    renewalWarning === null
      ? ''
      : renewalWarning === 'overdue'
        ? ' (overdue)'
        : ` (within ${renewalWarning === 1 ? 'a month' : `${renewalWarning} months`})`;
  return [
    ...generations.map(formatGeneration),
    `another key is to issue by ${renewalDue}${near}`,
  ].join('\n\n');
}

function formatGeneration(report: GenerationReport): string {
  const { issued, valid, lastEnd } = report.certificates;
  const last = lastEnd === null ? '' : `, the last ends ${lastEnd}`;
  return [
    `generation ${report.generation}  ${report.state} since ${report.since}`,
    `  key           ${report.keyLabel}, ${report.key}, made ${report.created}`,
    `  certificate   ${report.serialNumber}`,
    `  valid         ${report.notBefore} to ${report.notAfter}`,
    `  SHA-256       ${report.sha256}`,
    ...report.links.map(
      ({ kind, notBefore, notAfter, sha256 }) =>
        `  ${kind}    ${notBefore} to ${notAfter}\n                ${sha256}`,
    ),
    `  has issued    ${issued} certificates, ${valid} of them valid${last}`,
  ].join('\n');
}
