/**
 * `certdir cross renew` and `certdir cross revoke`.
 *
 * @module
 */

import type { Command } from 'commander';

import { contextOf } from './context.ts';
import { crossing, formatIssued, formatNeed, writeOut } from './cross-answer.ts';
import { examples } from './examples.ts';

const cases = 'theirs-ends, ours-ends, theirs-changes, ours-changes';

/** Adds both commands below `certdir cross`. */
export function addCrossChangeCommands(cross: Command): void {
  cross
    .command('renew')
    .description('renew what is near its end or says something else by now')
    .argument('<peer>', 'a peer of the policy (cross.peers)')
    .option('--case <case...>', `${cases}; what show says when left out`)
    .option('--request-out <file>', 'write our new request there, where theirs is to be renewed')
    .option('--out <file>', 'write our new certificate there, where ours is to be renewed')
    .addHelpText(
      'after',
      `\nThe pair in the directory is replaced when the new certificates are accepted and receipted; what\nit replaces is revoked then.\n${examples(
        'certdir cross renew bca --request-out gunma.p10 --out gunma-for-bca.cer',
        'certdir cross renew bca --case ours-changes --out gunma-for-bca.cer',
      )}`,
    )
    .action(
      async (
        peer: string,
        options: {
          readonly case?: readonly string[];
          readonly requestOut?: string;
          readonly out?: string;
        },
        command: Command,
      ) => {
        const context = contextOf(command);
        const input = { peer, cases: options.case ?? [] };
        const report = await crossing(context, (ca) => ca.renew(input, context.operator));
        const { needs, request, issued } = report;
        await writeOut(options.requestOut, request?.pem ?? null);
        await writeOut(options.out, issued?.kind === 'issued' ? issued.certificate.pem : null);
        context.output.answer(report, () =>
          [
            ...needs.map(formatNeed),
            ...(request === null ? [] : [`a request for ${peer} was made`]),
            ...(request !== null && options.requestOut === undefined
              ? [request.pem.trimEnd()]
              : []),
            ...(issued === null ? [] : [formatIssued(issued, options.out)]),
          ].join('\n'),
        );
      },
    );
  cross
    .command('revoke')
    .description('end it: revoke our certificate, take the pair out of the directory')
    .argument('<peer>', 'a peer of the policy (cross.peers)')
    .requiredOption('--reason <reason>', "of the policy's table, e.g. cessationOfOperation")
    .addHelpText(
      'after',
      `\nThe list of CA certificates comes out at once. Tell the peer, so that it revokes its own.\n${examples(
        'certdir cross revoke bca --reason cessationOfOperation',
        'certdir cross revoke bca --reason cACompromise   # its key is in the hands of others',
      )}`,
    )
    .action(async (peer: string, options: { readonly reason: string }, command: Command) => {
      const context = contextOf(command);
      const input = { peer, reason: options.reason };
      const report = await crossing(context, (ca) => ca.revoke(input, context.operator));
      context.output.answer(report, () =>
        [
          `The cross-certification with ${peer} has ended`,
          ...report.revoked.map((serialNumber) => `revoked: ${serialNumber}`),
        ].join('\n'),
      );
    });
}
