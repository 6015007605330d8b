/**
 * `certdir ca revoke`: one certificate, or those that a file names.
 *
 * @module
 */

import type { Command } from 'commander';

import type { RevokedReport } from '../http/operations.ts';
import type { RevokeManyEvent, RevokeManyTally } from '../http/revocation-operations.ts';
import { type Context, contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { openSource } from './input-source.ts';
import { UsageError } from './usage-error.ts';

interface RevokeFlags {
  readonly reason?: string;
  readonly from?: string;
}

/** With `--json` the answer holds so many; all of them are told on standard error. */
const MAX_TOLD = 1_000;

export function addRevoke(ca: Command): void {
  ca.command('revoke')
    .description('revoke a certificate, or those that a file names; never undone')
    .argument('[serial]', 'serial number in hexadecimal')
    .option('--reason <name>', 'reason, e.g. keyCompromise, affiliationChanged')
    .option(
      '--from <file>',
      'a line each: serial number, and where wanted a reason of its own; or certificates in PEM; - is standard input',
    )
    .addHelpText(
      'after',
      examples(
        'certdir ca revoke 4F2A…9C --reason keyCompromise',
        'certdir ca revoke --from stolen-cards.txt --reason keyCompromise',
        'certdir ca revoke --from stolen-cards.txt --reason keyCompromise   # again: goes on where it was interrupted',
      ),
    )
    .action(async (serialNumber: string | undefined, flags: RevokeFlags, command: Command) => {
      const { reason, from } = flags;
      const context = contextOf(command);
      if ((serialNumber === undefined) === (from === undefined)) {
        throw new UsageError('give either a serial number or --from FILE');
      }
      if (from !== undefined) {
        return await revokeFrom(context, from, reason);
      }
      if (reason === undefined || serialNumber === undefined) {
        throw new UsageError('--reason is missing');
      }
      const report = await withOperations(context, (operations) =>
        operations.revoke({ serialNumber, reason }, context.operator),
      );
      context.output.answer(report, () => formatReceipt(report));
    });
}

function formatReceipt(report: RevokedReport): string {
  return [
    `Revoked ${report.serialNumber}`,
    `subject           ${report.subject}`,
    `reason            ${report.reason}`,
    `revoked at        ${report.revokedAt}`,
    `partition         ${report.partition}`,
    `in a list before  ${report.publicationDue}`,
  ].join('\n');
}

async function revokeFrom(
  context: Context,
  file: string,
  reason: string | undefined,
): Promise<void> {
  const source = await openSource(file, 'the file of certificates');
  const bar = context.output.progress();
  const faults: Extract<RevokeManyEvent, { readonly kind: 'fault' }>[] = [];
  let tally: RevokeManyTally | undefined;
  await withOperations(context, async (operations) => {
    const input = { source, ...(reason === undefined ? {} : { reason }) };
    for await (const event of operations.revocations.revokeMany(input, context.operator)) {
      if (event.kind !== 'fault') {
        const { kind: _kind, ...numbers } = event;
        tally = numbers;
        bar.onProgress({ done: numbers.read, total: 0, what: 'certificates' });
        continue;
      }
      if (faults.length < MAX_TOLD) {
        faults.push(event);
      }
      process.stderr.write(`${file}:${event.line}: ${event.code}: ${event.message}\n`);
    }
  }).finally(() => bar.stop());
  if (tally !== undefined) {
    const told = faults.map(({ kind: _kind, ...fault }) => fault);
    const { revoked, alreadyRevoked, read, faults: faultCount } = tally;
    context.output.answer({ revoked, alreadyRevoked, read, faultCount, faults: told }, () =>
      [
        `${revoked} revoked, ${alreadyRevoked} were revoked already, ${faultCount} at fault; ${read} named`,
        ...(faultCount > 0 ? ['Mend the lines at fault and run the same command again'] : []),
      ].join('\n'),
    );
    if (faultCount > 0) {
      process.exitCode = 1;
    }
  }
}
