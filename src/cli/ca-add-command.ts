/**
 * `certdir ca add`: another CA in a data folder that has one.
 *
 * @module
 */

import { join } from 'node:path';
import type { Command } from 'commander';

import { CONTROL_SOCKET } from '../http/control-protocol.ts';
import { BusyError } from './busy-error.ts';
import { contextOf } from './context.ts';
import { examples } from './examples.ts';
import { formatCreated } from './init-command.ts';
import { passphrasePrompt } from './passphrase-prompt.ts';

/** Adds the command to `certdir ca`. */
export function addAddCommand(ca: Command): void {
  ca.command('add')
    .description(
      'make another CA in the data folder: same store, token and audit log; no server may run',
    )
    .requiredOption('--preset <policy>', 'whose practice statement it follows, or a policy file')
    .addHelpText(
      'after',
      `\nEvery command then says with --ca which CA is meant. The CAs share directory, token, audit log, listeners and the
people at this machine; their operators, verifiers, rules and passwords are their own.\n${examples(
        'certdir ca add --preset tokyo',
        'certdir ca add --preset ./my-policy.yaml --json',
      )}`,
    )
    .action(async ({ preset }: { readonly preset: string }, command: Command) => {
      const { folder, operator, output } = contextOf(command);
      const { isServerAnswering } = await import('../http/control-client.ts');
      if (await isServerAnswering(join(folder, CONTROL_SOCKET))) {
        throw new BusyError('CLI_BUSY', `a server runs on ${folder}; stop it, then add the CA`);
      }
      const bar = output.progress();
      const { addCa } = await import('../setup/ca-adding.ts');
      const { onProgress } = bar;
      const askPassphrase = passphrasePrompt();
      const options = { folder, policy: preset, operator, onProgress, askPassphrase };
      const added = await addCa(options).finally(() => bar.stop());
      output.answer(added, () =>
        [...formatCreated(added, folder), `policy                  ${added.policyFile}`].join('\n'),
      );
    });
}
