/**
 * `certdir store check` and `certdir store rebuild`.
 *
 * @module
 */

import type { Command } from 'commander';

import { type DeepOption, deepOption, runCheck } from './check-command.ts';
import { contextOf } from './context.ts';
import { examples } from './examples.ts';

interface RebuildFlags {
  readonly journal?: boolean;
  readonly acceptLoss?: boolean;
}

const rebuildHelp = `
A store has two halves: the journal, which has everything that was ever committed, and the index, which is
made from it. When the index is damaged, lost or older, it is made anew. When the journal is damaged or
lost and the index is whole, --journal begins a new one from the index; what is left of the old one is
kept beside it. Stop the server first, and keep a copy of the folder.
${examples('certdir store rebuild', 'certdir store rebuild --journal')}`;

/** Adds the commands to the program. */
export function addStoreCommand(program: Command): void {
  const store = program
    .command('store')
    .description('the stored bytes: check them, make half of them anew');
  store
    .command('check')
    .description(
      'read all stored values and the journal and say what is damaged (certdir check looks at more)',
    )
    .option(...deepOption)
    .addHelpText('after', examples('certdir store check', 'certdir store check --deep --json'))
    .action((options: DeepOption, command: Command) => runCheck('store', options, command));
  store
    .command('rebuild')
    .description('make the index anew from the journal, or the journal from the index')
    .option('--journal', 'make a new journal from the index')
    .option(
      '--accept-loss',
      'go on where something that was acknowledged may be missing afterwards',
    )
    .addHelpText('after', rebuildHelp)
    .action(async (flags: RebuildFlags, command: Command) => {
      const { folder, output } = contextOf(command);
      const bar = output.progress();
      const { rebuildStore } = await import('../app/store-maintenance.ts');
      const report = await rebuildStore(
        { folder, half: flags.journal === true ? 'journal' : 'index' },
        { acceptsLoss: flags.acceptLoss === true, onProgress: bar.onProgress },
      ).finally(() => bar.stop());
      output.answer(report, () =>
        [
          `The ${report.half} was made anew, up to record ${report.sequence}.`,
          ...(report.tornBytes === 0
            ? []
            : [
                `${report.tornBytes} bytes at the end were torn while they were written, and are cut.`,
              ]),
          ...(report.keptFolder === null ? [] : [`The old journal is in ${report.keptFolder}.`]),
          'Run "certdir check" before you start the server.',
        ].join('\n'),
      );
    });
}
