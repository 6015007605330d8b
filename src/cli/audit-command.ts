/**
 * `certdir audit`: looking at the log, proving and verifying it. What an auditor writes (reviews, exports,
 * removals) is in `audit-keeping-command.ts`.
 *
 * @module
 */

import type { Command } from 'commander';

import type { AuditQuery, AuditRecordReport, CheckpointReport } from '../http/audit-operations.ts';
import {
  addAcceptLoss,
  addExport,
  addPrune,
  addReview,
  addRotateKey,
} from './audit-keeping-command.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { readInputFile } from './input-file.ts';
import { formatTable } from './output.ts';
import { withOutputFile } from './output-file.ts';
import { UsageError } from './usage-error.ts';

const RESULTS = ['done', 'refused', 'failed'] as const;
const MAX_CHECKPOINT_BYTES = 16_384;

/** Adds the command to the program. */
export function addAuditCommand(program: Command): void {
  const audit = program.command('audit').description('the audit log: see, prove, verify, keep');
  addList(audit);
  addShow(audit);
  addProve(audit);
  addVerify(audit);
  addCheckpoint(audit);
  addReview(audit);
  addExport(audit);
  addPrune(audit);
  addRotateKey(audit);
  addAcceptLoss(audit);
}

interface ListOptions {
  readonly kind?: string;
  readonly result?: string;
  readonly subject?: string;
  readonly actor?: string;
  readonly from?: string;
  readonly until?: string;
  readonly limit: string;
}

function addList(audit: Command): void {
  audit
    .command('list')
    .description('list the last records that fit, oldest first')
    .option('--kind <kind>', 'a kind, or with "." at its end all below it, e.g. certificate.')
    .option('--result <result>', RESULTS.join(', '))
    .option('--subject <text>', 'serial number, scope, name; "*" at the end for what begins so')
    .option('--actor <text>', 'who or what caused it; "*" as above')
    .option(
      '--from <time>',
      'first day or instant, e.g. 2026-01-05 (UTC) or 2026-01-05T00:00+09:00',
    )
    .option('--until <time>', 'the first no more')
    .option('--limit <number>', 'at most so many, up to 10000', '100')
    .addHelpText(
      'after',
      examples(
        'certdir audit list',
        'certdir audit list --kind certificate. --result refused --from 2026-01-01',
        'certdir audit list --subject 5F3A91C2* --json',
      ),
    )
    .action(async (options: ListOptions, command: Command) => {
      const context = contextOf(command);
      const query = queryOf(options);
      const records = await withOperations(context, (operations) => operations.audit.list(query));
      context.output.answer(records, () =>
        records.length === 0 ? 'No record fits.' : formatRecords(records),
      );
    });
}

function queryOf({ result, limit, ...rest }: ListOptions): AuditQuery {
  const known = RESULTS.find((one) => one === result);
  if (result !== undefined && known === undefined) {
    throw new UsageError(`--result is one of ${RESULTS.join(', ')}`);
  }
  const count = Number(limit);
  if (!Number.isInteger(count) || count < 1 || count > 10_000) {
    throw new UsageError('--limit is a number from 1 to 10000');
  }
  return { ...rest, ...(known === undefined ? {} : { result: known }), limit: count };
}

function formatRecords(records: readonly AuditRecordReport[]): string {
  return formatTable(
    ['number', 'time', 'kind', 'result', 'actor', 'subject'],
    records.map(({ sequence, time, kind, result, actor, subject }) => [
      sequence,
      time,
      kind,
      result,
      actor,
      subject,
    ]),
  );
}

function addShow(audit: Command): void {
  audit
    .command('show')
    .description('show one record whole')
    .argument('<number>', "the record's number")
    .addHelpText('after', examples('certdir audit show 17'))
    .action(async (sequence: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      const { record, leafHash } = await withOperations(context, (operations) =>
        operations.audit.prove({ sequence }),
      );
      context.output.answer({ ...record, leafHash }, () => formatRecord(record, leafHash));
    });
}

function formatRecord(record: AuditRecordReport, leafHash: string): string {
  const { details, ...facts } = record;
  const lines = [...Object.entries({ ...facts, leafHash }), ...Object.entries(details)]
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => [name, String(value)] as const);
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

function addProve(audit: Command): void {
  audit
    .command('prove')
    .description('write a record and the proof that it is in the log, for certdir-verify')
    .argument('<number>', "the record's number")
    .option('--out <name>', 'begin of the names of both files', 'record')
    .addHelpText(
      'after',
      examples(
        'certdir audit prove 17 --out record-17',
        'certdir-verify record record-17.json --proof record-17.tlog-proof --key audit-key.txt',
      ),
    )
    .action(async (sequence: string, options: { out: string }, command: Command) => {
      const context = contextOf(command);
      const { bytes, proof, leafHash } = await withOperations(context, (operations) =>
        operations.audit.prove({ sequence }),
      );
      const files = { record: `${options.out}.json`, proof: `${options.out}.tlog-proof` };
      const record = Buffer.from(bytes, 'base64').toString('utf8');
      await withOutputFile(files.record, 0o600, (write) => write(record));
      await withOutputFile(files.proof, 0o600, (write) => write(proof));
      context.output.answer(
        { ...files, leafHash },
        () => `Record in ${files.record}, its proof in ${files.proof}`,
      );
    });
}

function addVerify(audit: Command): void {
  audit
    .command('verify')
    .description('read the whole log and compare it with checkpoints that were kept elsewhere')
    .option('--kept <file...>', 'checkpoints')
    .addHelpText(
      'after',
      `\nTo verify without trusting certdir, export the log and use certdir-verify.\n${examples(
        'certdir audit verify',
        'certdir audit verify --kept /media/audit/checkpoint-2026-01',
      )}`,
    )
    .action(async (options: { kept?: readonly string[] }, command: Command) => {
      const context = contextOf(command);
      const checkpoints: string[] = [];
      for (const file of options.kept ?? []) {
        const bounds = { what: 'the checkpoint', maxBytes: MAX_CHECKPOINT_BYTES };
        checkpoints.push((await readInputFile(file, bounds)).toString('utf8'));
      }
      const report = await withOperations(context, (operations) =>
        operations.audit.verify({ checkpoints }),
      );
      context.output.answer(report, () =>
        [
          `${report.size} records, each as it was written; root ${report.rootHash}`,
          `reviewed ${report.reviewed}, exported ${report.exported}, removed ${report.pruned}`,
          `access journal: ${report.accessSegments} segments as they were sealed, ${report.absentAccessSegments} not here; ${report.provisionAccounts} accounts fit them`,
          ...report.extended.map((size) => `begins with the ${size} records that were signed then`),
          '',
          report.checkpoint,
        ].join('\n'),
      );
    });
}

function addCheckpoint(audit: Command): void {
  audit
    .command('checkpoint')
    .description('print a signed checkpoint over everything, to be kept elsewhere')
    .option('--key', 'print the verifier key instead')
    .option('--out <file>', 'write it into a file')
    .addHelpText(
      'after',
      examples(
        'certdir audit checkpoint --out checkpoint-2026-01-05',
        'certdir audit checkpoint --key --out audit-key.txt',
      ),
    )
    .action(async (options: { key?: boolean; out?: string }, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, (operations) => operations.audit.checkpoint());
      const text = options.key === true ? `${report.key}\n` : report.checkpoint;
      if (options.out !== undefined) {
        await withOutputFile(options.out, 0o644, (write) => write(text));
      }
      context.output.answer(report, () => answerOf(report, text, options.out));
    });
}

function answerOf({ size }: CheckpointReport, text: string, file: string | undefined): string {
  return file === undefined ? text.trimEnd() : `Written to ${file}; the log has ${size} records`;
}
