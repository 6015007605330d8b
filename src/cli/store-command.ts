/**
 * `certdir store check`, `certdir store journal` and `certdir store rebuild`.
 *
 * @module
 */

import type { Command } from 'commander';

import type { OpenOptions } from '../app/instance.ts';
import type { LocalInstance } from '../app/local-instance.ts';
import type { JournalReport } from '../http/operations.ts';
import { type PassphraseOption, passphraseOption, sourceOf } from './backup-command.ts';
import { type DeepOption, deepOption, runCheck } from './check-command.ts';
import { contextOf, withServerOr } from './context.ts';
import { examples } from './examples.ts';
import { formatTable } from './output.ts';

interface RebuildFlags extends PassphraseOption {
  readonly journal?: boolean;
  readonly backup?: string;
  readonly acceptLoss?: boolean;
}

const rebuildHelp = `
A store has two halves: the journal, which has everything that was ever committed, and the index, which is
made from it. When the index is damaged, lost or older, it is made anew. When the journal is damaged or
lost and the index is whole, --journal begins a new one from the index; what is left of the old one is
kept beside it. Stop the server first, and keep a copy of the folder.

Segments of the journal that were retired (certdir store journal) are in the backups: --backup puts them back
before the index is made.
${examples(
  'certdir store rebuild',
  'certdir store rebuild --backup /backup/certdir',
  'certdir store rebuild --journal',
)}`;

const journalHelp = `
States: last (it is written to), needed-by-index, kept (by the setting store.journal.keepDays), waits-for-backup,
waits-for-standby, retirable (goes within the hour), retired (removed, and put back).
${examples('certdir store journal', 'certdir store journal --json')}`;

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
    .command('journal')
    .description('the segments of the journal, and what keeps each of them')
    .addHelpText('after', journalHelp)
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const report = await withServerOr(openJournalOfStore, context, (operations) =>
        operations.journal(),
      );
      context.output.answer(report, () => formatJournal(report));
    });
  addRebuild(store);
}

async function openJournalOfStore(options: OpenOptions): Promise<LocalInstance<'journal'>> {
  const { openJournal } = await import('../app/local-instance.ts');
  return openJournal(options);
}

function formatJournal(report: JournalReport): string {
  const { keepDays, keepUntilBackedUp, retiredUpTo, backedUpTo, segments } = report;
  const kept =
    keepDays === null
      ? 'Everything is kept (store.journal.keepDays is not set).'
      : `Segments are kept ${keepDays} days${keepUntilBackedUp ? ' and until they are in a backup' : ''}.`;
  const table = formatTable(
    ['first', 'last', 'bytes', 'begun', 'sealed', 'state'],
    segments.map(({ first, last, bytes, createdAt, sealedAt, state }) => [
      ...[String(first), last === null ? '' : String(last), String(bytes)],
      ...[createdAt, sealedAt ?? '', state],
    ]),
  );
  const ends = [
    `last record ${report.lastRecord}`,
    `index whole up to ${report.indexWholeUpTo}`,
    `backed up to ${backedUpTo}`,
    `retired up to ${retiredUpTo}`,
  ];
  return [table, '', ends.join(', '), kept].join('\n');
}

function addRebuild(store: Command): void {
  store
    .command('rebuild')
    .description('make the index anew from the journal, or the journal from the index')
    .option('--journal', 'make a new journal from the index')
    .option('--backup <dir>', 'folder of backups that has the segments which were retired')
    .option(...passphraseOption)
    .option(
      '--accept-loss',
      'go on where something that was acknowledged may be missing afterwards',
    )
    .addHelpText('after', rebuildHelp)
    .action(async (flags: RebuildFlags, command: Command) => {
      const { folder, output, operator } = contextOf(command);
      const bar = output.progress();
      const { rebuildStore } = await import('../app/store-maintenance.ts');
      const report = await rebuildStore(
        {
          ...{ folder, half: flags.journal === true ? 'journal' : 'index' },
          backup: flags.backup === undefined ? undefined : await sourceOf(flags.backup, flags),
        },
        {
          operator: operator.name,
          acceptsLoss: flags.acceptLoss === true,
          onProgress: bar.onProgress,
        },
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
          ...(report.isSigningHeld
            ? ['Something may be missing: nothing is signed before "certdir recover confirm".']
            : []),
          ...(report.unrecorded === null
            ? []
            : [`The audit log does not tell of it: ${report.unrecorded}`]),
          'Run "certdir check" before you start the server.',
        ].join('\n'),
      );
    });
}
