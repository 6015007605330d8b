/**
 * `certdir ca hold` and `certdir ca release`: a certificate that is out of use for a while.
 *
 * @module
 */

import type { Command } from 'commander';

import type { HoldReport } from '../http/hold-operations.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';

/** Adds both commands below `certdir ca`. */
export function addHoldCommands(ca: Command): void {
  ca.command('hold')
    .description('hold a certificate until it is released, revoked or expires')
    .argument('<serial>', 'serial number in hexadecimal')
    .addHelpText(
      'after',
      `\nOnly where the policy says revocation.hold: until-expiry.\n${examples(
        'certdir ca hold 4F2A…9C',
        'certdir ca revoke 4F2A…9C --reason keyCompromise   # it was stolen indeed',
      )}`,
    )
    .action(async (serialNumber: string, _flags: unknown, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, ({ holds }) =>
        holds.hold({ serialNumber }, context.operator),
      );
      context.output.answer(report, () => formatReceipt('Held', report));
    });
  ca.command('release')
    .description('release a held certificate: it is good again')
    .argument('<serial>', 'serial number in hexadecimal')
    .addHelpText('after', examples('certdir ca release 4F2A…9C'))
    .action(async (serialNumber: string, _flags: unknown, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, ({ holds }) =>
        holds.release({ serialNumber }, context.operator),
      );
      context.output.answer(report, () => formatReceipt('Released', report));
    });
}

function formatReceipt(done: string, report: HoldReport): string {
  const inList = report.state === 'held' ? 'in a list before' : 'out of it before';
  return [
    `${done} ${report.serialNumber}`,
    `subject           ${report.subject}`,
    `${report.state} since        ${report.since}`,
    `partition         ${report.partition}`,
    `${inList}  ${report.publicationDue}`,
  ].join('\n');
}
