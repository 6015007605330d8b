/**
 * `certdir archive status` and `receipt`: what is held, and what lies where.
 *
 * @module
 */

import type { Command } from 'commander';

import type { ArchiveStatusReport } from '../http/archive-operations.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { formatTable } from './output.ts';

export function addStatus(archive: Command): void {
  archive
    .command('status')
    .description('what is held of every kind of records, how old, and what could be removed')
    .addHelpText('after', examples('certdir archive status', 'certdir archive status --json'))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, ({ archive: operations }) =>
        operations.status(),
      );
      context.output.answer(report, () => formatStatus(report));
    });
}

export function addReceipt(archive: Command): void {
  archive
    .command('receipt')
    .description('record that an export of a month, or a backup, lies where it belongs')
    .argument('<sha256>', 'SHA-256 of its manifest, as archive status and backup create print it')
    .requiredOption('--place <text>', "where it lies: a medium's label, a safe")
    .addHelpText(
      'after',
      examples('certdir archive receipt 3fa9…0c --place "tape 2026-01, safe of the data centre"'),
    )
    .action(async (sha256: string, { place }: { place: string }, command: Command) => {
      const context = contextOf(command);
      const statement = { what: 'received', sha256, place } as const;
      const { of } = await withOperations(context, ({ archive: operations }) =>
        operations.attest(statement, context.operator),
      );
      context.output.answer(
        { of, manifestSha256: sha256, place },
        () => `Recorded: the copy of ${of} lies at ${place}.`,
      );
    });
}

function formatStatus({ held, copies, overdue }: ArchiveStatusReport): string {
  return [
    formatTable(
      ['records', 'class', 'kept', 'held', 'oldest', 'past it', 'removable', 'by'],
      held.map((one) => [
        one.kind,
        one.retention,
        `${one.years} years${one.from === 'record' ? '' : " from the certificate's end"}`,
        String(one.held),
        one.oldest ?? '-',
        String(one.pastRetention),
        String(one.removable),
        one.removedBy ?? 'nothing: they stay',
      ]),
    ),
    '',
    formatTable(
      ['copy of', 'made', 'written', 'received', 'read', 'manifest'],
      copies.map((one) => [
        one.of,
        one.made,
        one.written ?? '-',
        one.received ?? '-',
        one.read ?? '-',
        one.manifestSha256,
      ]),
    ),
    ...(overdue.length === 0 ? [] : ['']),
    ...overdue.map(({ matter, since, advice }) => `overdue since ${since}: ${matter}: ${advice}`),
  ].join('\n');
}
