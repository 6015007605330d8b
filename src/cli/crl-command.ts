/**
 * `certdir crl`: lists that were published, what is in them, how they differ and how they grow.
 *
 * @module
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';

import type {
  CrlChange,
  CrlDiffPage,
  CrlEntry,
  CrlFacts,
  CrlGrowth,
  CrlQuery,
  CrlReport,
} from '../http/crl-operations.ts';
import type { Operations } from '../http/operations.ts';
import { contextOf, withOperations } from './context.ts';
import { addCrlCheck } from './crl-check-command.ts';
import { examples } from './examples.ts';
import { formatTable } from './output.ts';
import { withOutputFile } from './output-file.ts';
import { writeRows } from './streamed-output.ts';
import { UsageError } from './usage-error.ts';

const MIB = 1024 * 1024;

/** Adds the command to the program. */
export function addCrlCommand(program: Command): void {
  const crl = program.command('crl').description('revocation lists that were published');
  addList(crl);
  addShow(crl);
  addDiff(crl);
  addExport(crl);
  addCrlCheck(crl);
}

interface WhichOptions {
  readonly number?: string;
  readonly at?: string;
}

function queryOf(scope: string, { number, at }: WhichOptions): CrlQuery {
  if (number !== undefined && at !== undefined) {
    throw new UsageError('give either --number or --at');
  }
  return {
    scope,
    ...(number === undefined ? {} : { number }),
    ...(at === undefined ? {} : { at }),
  };
}

const scopeHelp = "a partition's code, arl or operations";
const numberOption = ['--number <number>', 'CRL number; the newest list when left out'] as const;
const atOption = ['--at <time>', 'the list that was the newest then'] as const;

interface ListOptions {
  readonly history?: string | true;
  readonly days: string;
  readonly reachEntries?: string;
  readonly reachMib?: string;
}

function addList(crl: Command): void {
  crl
    .command('list')
    .description('every list: number, size, growth, and when it will have reached a size')
    .argument('[scope]', `${scopeHelp}; all of them when left out`)
    .option('--history [since]', 'the lists of this scope that came out, all or since a time')
    .option('--days <number>', 'reckon growth over so many days', '30')
    .option('--reach-entries <number>', 'also say when a list will have so many entries')
    .option('--reach-mib <number>', 'also say when a list will have so many MiB')
    .addHelpText(
      'after',
      examples(
        'certdir crl list',
        'certdir crl list --reach-mib 50 --days 90 --json',
        'certdir crl list 10201 --history 2026-01-01',
      ),
    )
    .action(async (scope: string | undefined, options: ListOptions, command: Command) => {
      const context = contextOf(command);
      if (options.history !== undefined) {
        await listHistory(scope, options.history, command);
        return;
      }
      const entries = optionalNumber('--reach-entries', options.reachEntries);
      const mib = optionalNumber('--reach-mib', options.reachMib);
      const input = {
        ...(scope === undefined ? {} : { scope }),
        days: Math.ceil(optionalNumber('--days', options.days) ?? 30),
        ...(entries === undefined ? {} : { entries: Math.ceil(entries) }),
        ...(mib === undefined ? {} : { bytes: Math.ceil(mib * MIB) }),
      };
      const lists = await withOperations(context, ({ crl: operations }) => operations.list(input));
      context.output.answer(lists, () => formatGrowth(lists));
    });
}

async function listHistory(
  scope: string | undefined,
  since: string | true,
  command: Command,
): Promise<void> {
  if (scope === undefined) {
    throw new UsageError('--history is of one scope: certdir crl list SCOPE --history');
  }
  const context = contextOf(command);
  const input = { scope, ...(since === true ? {} : { since }) };
  const lists = await withOperations(context, ({ crl }) => crl.history(input));
  context.output.answer(lists, () => formatHistory(lists));
}

function optionalNumber(name: string, text: string | undefined): number | undefined {
  const value = text === undefined ? undefined : Number(text);
  if (value !== undefined && !(value > 0 && value <= 1e9)) {
    throw new UsageError(`${name} takes a number above 0`);
  }
  return value;
}

function formatGrowth(lists: readonly CrlGrowth[]): string {
  const hasEntries = lists.some(({ entriesReached }) => entriesReached !== null);
  const hasBytes = lists.some(({ bytesReached }) => bytesReached !== null);
  return formatTable(
    [
      ...['scope', 'number', 'thisUpdate', 'nextUpdate', 'entries', 'bytes', 'pending'],
      ...['entries/day', 'bytes/day', 'state'],
      ...(hasEntries ? ['entries reached'] : []),
      ...(hasBytes ? ['size reached'] : []),
    ],
    lists.map(({ newest, ...one }) => [
      one.scope,
      newest?.crlNumber ?? '-',
      newest?.thisUpdate ?? '-',
      newest?.nextUpdate ?? '-',
      String(newest?.entries ?? '-'),
      String(newest?.bytes ?? '-'),
      String(one.pending),
      String(one.entriesPerDay ?? '-'),
      String(one.bytesPerDay ?? '-'),
      one.lateness,
      ...(hasEntries ? [one.entriesReached ?? '-'] : []),
      ...(hasBytes ? [one.bytesReached ?? '-'] : []),
    ]),
  );
}

function formatHistory(lists: readonly CrlFacts[]): string {
  return formatTable(
    ['number', 'deltaOf', 'thisUpdate', 'nextUpdate', 'entries', 'bytes', 'sha256'],
    lists.map((list) => [
      list.crlNumber,
      list.deltaOf ?? '-',
      list.thisUpdate,
      list.nextUpdate,
      String(list.entries),
      String(list.bytes),
      list.sha256,
    ]),
  );
}

function addShow(crl: Command): void {
  crl
    .command('show')
    .description('what a list says: times, key, distribution point, entries by reason')
    .argument('<scope>', scopeHelp)
    .option(...numberOption)
    .option(...atOption)
    .option('--entries', 'its entries, too, one a line')
    .addHelpText(
      'after',
      examples(
        'certdir crl show 10201',
        'certdir crl show arl --at 2026-01-05T09:00:00+09:00 --json',
        'certdir crl show 10201 --number 17 --entries',
      ),
    )
    .action(async (scope: string, options: WhichOptions & { entries?: true }, command: Command) => {
      const context = contextOf(command);
      const query = queryOf(scope, options);
      await withOperations(context, async ({ crl: operations }) => {
        const report = await operations.show(query);
        if (options.entries !== true) {
          context.output.answer(report, () => formatReport(report));
          return;
        }
        context.output.note(formatReport(report));
        // By its number: the newest may be another one by now.
        const rows = operations.entries({ scope, number: report.crlNumber });
        const answer = { head: { list: report }, name: 'entries', rows };
        await writeRows(context.output, answer, formatEntry);
      });
    });
}

function formatReport(report: CrlReport): string {
  const { reasons, ...facts } = report;
  const lines = Object.entries({
    ...facts,
    ...Object.fromEntries(Object.entries(reasons).map(([name, count]) => [`  ${name}`, count])),
  });
  return lines.map(([name, value]) => `${name.padEnd(22)}  ${value ?? '-'}`).join('\n');
}

function formatEntry({ serialNumber, revokedAt, reason }: CrlEntry): string {
  return `${serialNumber}  ${revokedAt}  ${reason}`;
}

function addDiff(crl: Command): void {
  crl
    .command('diff')
    .description('entries that came and went between two lists')
    .argument('<scope>', scopeHelp)
    .option('--from <list>', 'number, or a time at which it was the newest; the one before --to')
    .option('--to <list>', 'the same; the newest when left out')
    .addHelpText(
      'after',
      examples(
        'certdir crl diff 10201',
        'certdir crl diff 10201 --from 17 --to 19',
        'certdir crl diff 10201 --from 2026-01-01 --json',
      ),
    )
    .action(async (scope: string, options: { from?: string; to?: string }, command: Command) => {
      const context = contextOf(command);
      await withOperations(context, async ({ crl: operations }) => {
        const pages = operations.diff({ scope, ...options })[Symbol.asyncIterator]();
        const first = await pages.next();
        const { from, to } = first.done === true ? {} : first.value;
        context.output.note(`number ${from?.crlNumber} to number ${to?.crlNumber} of ${scope}`);
        const rows = changesOf(pages);
        const answer = { head: { scope, from, to }, name: 'changes', rows };
        await writeRows(context.output, answer, formatChange);
      });
    });
}

async function* changesOf(
  pages: AsyncIterator<CrlDiffPage>,
): AsyncGenerator<readonly CrlChange[], void, undefined> {
  for (let page = await pages.next(); page.done !== true; page = await pages.next()) {
    yield page.value.changes;
  }
}

function formatChange(change: CrlChange): string {
  return `${change.change === 'added' ? '+' : '-'} ${formatEntry(change)}`;
}

function addExport(crl: Command): void {
  crl
    .command('export')
    .description('write a list as it was published, in DER')
    .argument('[scope]', scopeHelp)
    .option(...numberOption)
    .option(...atOption)
    .option('--out <file>', 'the file')
    .option('--all <folder>', 'instead, the newest list of every scope, into this folder')
    .addHelpText(
      'after',
      examples(
        'certdir crl export 10201 --out 10201.crl',
        'certdir crl export arl --number 17 --out arl-17.crl',
        'certdir crl export --all ./lists',
      ),
    )
    .action(
      async (
        scope: string | undefined,
        options: WhichOptions & { out?: string; all?: string },
        command: Command,
      ) => {
        const context = contextOf(command);
        const { all, out } = options;
        if (all !== undefined && scope === undefined && out === undefined) {
          const files = await withOperations(context, (operations) => exportAll(operations, all));
          context.output.answer(files, () =>
            formatTable(
              ['scope', 'bytes', 'file'],
              files.map((one) => [one.scope, String(one.bytes), one.file]),
            ),
          );
          return;
        }
        if (scope === undefined || out === undefined || all !== undefined) {
          throw new UsageError('give SCOPE and --out FILE, or --all FOLDER');
        }
        const report = await withOperations(context, (operations) =>
          exportOne(operations, queryOf(scope, options), out),
        );
        context.output.answer(report, () => `${report.bytes} bytes written to ${report.file}`);
      },
    );
}

interface ExportReport {
  readonly scope: string;
  readonly bytes: number;
  readonly file: string;
}

async function exportOne(
  { crl }: Pick<Operations, 'crl'>,
  query: CrlQuery,
  file: string,
): Promise<ExportReport> {
  return await withOutputFile(file, 0o644, async (write) => {
    let bytes = 0;
    for await (const piece of crl.export(query)) {
      await write(piece);
      bytes += piece.length;
    }
    return { scope: query.scope, bytes, file };
  });
}

async function exportAll(
  operations: Pick<Operations, 'crl'>,
  folder: string,
): Promise<readonly ExportReport[]> {
  await mkdir(folder, { recursive: true });
  const files: ExportReport[] = [];
  for (const { scope, newest } of await operations.crl.list({ days: 1 })) {
    if (newest !== null) {
      const query = { scope, number: newest.crlNumber };
      files.push(await exportOne(operations, query, join(folder, `${scope}.crl`)));
    }
  }
  return files;
}
