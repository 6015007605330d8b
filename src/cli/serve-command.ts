/**
 * `certdir serve`.
 *
 * @module
 */

import type { Command } from 'commander';

import { contextOf } from './context.ts';
import { examples } from './examples.ts';
import { passphrasePrompt } from './passphrase-prompt.ts';
import { untilStopped } from './stop-signals.ts';

/** Adds the command to the program. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run the server: LDAP, LDAPS, HTTP, control socket and the schedule')
    .addHelpText('after', examples('certdir serve --data /var/lib/certdir'))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const { serve } = await import('../app/server.ts');
      const server = await serve({ folder: context.folder, askPassphrase: passphrasePrompt() });
      const { endpoints } = server;
      if (context.output.isJson) {
        context.output.answer({ endpoints }, () => '');
      }
      for (const endpoint of endpoints) {
        context.output.note(`listening on ${endpoint}`);
      }
      await untilStopped(server, context.output);
    });
}
