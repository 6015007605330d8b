/**
 * `certdir ocsp …`: the CA's OCSP responder.
 *
 * @module
 */

import type { Command } from 'commander';

import type { OcspReport } from '../http/ocsp-report.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';

/** Adds the command to the program. */
export function addOcspCommand(program: Command): void {
  const ocsp = program.command('ocsp').description('the OCSP responder of the CA');
  ocsp
    .command('status')
    .description('show who is answered, the certificate of the responder and when it is renewed')
    .addHelpText('after', examples('certdir ocsp status', 'certdir ocsp status --json'))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, (operations) => operations.ocspStatus());
      context.output.answer(report, () => formatReport(report));
    });
  ocsp
    .command('renew')
    .description(
      'make another key for the responder and certify it; answers are signed with it at once',
    )
    .addHelpText('after', examples('certdir ocsp renew'))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, (operations) =>
        operations.ocspRenew(context.operator),
      );
      context.output.answer(report, () => formatReport(report));
    });
}

function formatReport({ access, url, responder, renewalDue }: OcspReport): string {
  const lines = [`OCSP by the policy: ${access}${url === null ? '' : `, at ${url}`}`];
  if (responder !== null) {
    lines.push(
      `responder ${responder.number}: ${responder.subject}`,
      `certificate ${responder.serialNumber}, ${responder.notBefore} to ${responder.notAfter}, key ${responder.keyLabel}`,
    );
  } else {
    lines.push('no responder yet');
  }
  lines.push(renewalDue === null ? 'no renewal is due' : `another one is due ${renewalDue}`);
  return lines.join('\n');
}
