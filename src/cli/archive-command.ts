/**
 * `certdir archive`: what was published and recorded.
 *
 * @module
 */

import type { Command } from 'commander';
import {
  type ArchiveFolderReport,
  verifyArchiveFolder,
  writeArchiveFolder,
} from '../app/archive-folder.ts';
import type { ListQuery } from '../http/archive-operations.ts';
import type { CertificateQuery } from '../http/operations.ts';
import { KeyLineage } from '../tlog/key-lineage.ts';
import { parseNoteKey } from '../tlog/signed-note.ts';
import { addReceipt, addStatus } from './archive-keeping-command.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { readInputFile } from './input-file.ts';
import { formatTable } from './output.ts';
import { writingTo } from './output-error.ts';
import { withOutputFile } from './output-file.ts';
import { UsageError } from './usage-error.ts';

const MAX_KEY_BYTES = 4_096;

/** Adds the command to the program. */
export function addArchiveCommand(program: Command): void {
  const archive = program.command('archive').description('what was published and recorded');
  addCrl(archive);
  addDisclose(archive);
  addExport(archive);
  addVerify(archive);
  addReceipt(archive);
  addStatus(archive);
}

interface CrlOptions {
  readonly number?: string;
  readonly at?: string;
  readonly out?: string;
}

function addCrl(archive: Command): void {
  archive
    .command('crl')
    .description('fetch a list that was published, by number or by the time it was in force')
    .argument('<scope>', "a partition's code, arl or operations")
    .option('--number <number>', 'CRL number')
    .option(
      '--at <time>',
      "the list that was the newest then, e.g. 2026-01-05T09:00:00+09:00; with a day alone at its end, by the policy's clock",
    )
    .option('--out <file>', 'write it there, DER')
    .addHelpText(
      'after',
      examples(
        'certdir archive crl 10201 --number 17 --out 10201-17.crl',
        'certdir archive crl arl --at 2026-01-05 --out arl.crl',
      ),
    )
    .action(async (scope: string, options: CrlOptions, command: Command) => {
      const context = contextOf(command);
      if (options.number !== undefined && options.at !== undefined) {
        throw new UsageError('give either --number or --at');
      }
      const { number, at, out } = options;
      const query: ListQuery = {
        scope,
        ...(number === undefined ? {} : { number }),
        ...(at === undefined ? {} : { at }),
      };
      const found = await withOperations(context, (operations) => operations.archive.list(query));
      if (out !== undefined) {
        const der = Buffer.from(found.list, 'base64');
        await withOutputFile(out, 0o644, (write) => write(der));
      }
      const { list: _der, ...facts } = found;
      context.output.answer(out === undefined ? found : { ...facts, file: out }, () =>
        Object.entries({ ...facts, ...(out === undefined ? {} : { file: out }) })
          .map(([name, value]) => `${name.padEnd(10)}  ${value}`)
          .join('\n'),
      );
    });
}

function addDisclose(archive: Command): void {
  archive
    .command('disclose')
    .description("one subject's own records: certificates, and what the audit log has of them")
    .option('--subject <file>', "YAML file with the subscriber's attributes")
    .option('--serial <number>', 'serial number of a certificate, instead')
    .addHelpText(
      'after',
      examples(
        'certdir archive disclose --subject citizen.yaml --json',
        'certdir archive disclose --serial 4F2A…9C',
      ),
    )
    .action(async (options: { subject?: string; serial?: string }, command: Command) => {
      const context = contextOf(command);
      const query = await queryOf(options);
      const report = await withOperations(context, (operations) =>
        operations.archive.disclose(query, context.operator),
      );
      context.output.answer(report, () =>
        [
          formatTable(
            ['serial number', 'state', 'from', 'until'],
            report.certificates.map((one) => [
              one.serialNumber,
              one.state,
              one.notBefore,
              one.notAfter,
            ]),
          ),
          '',
          formatTable(
            ['number', 'time', 'kind', 'result', 'actor'],
            report.records.map(({ sequence, time, kind, result, actor }) => [
              sequence,
              time,
              kind,
              result,
              actor,
            ]),
          ),
        ].join('\n'),
      );
    });
}

function addExport(archive: Command): void {
  archive
    .command('export')
    .description('write a month: certificates, lists, what was provided, a signed manifest')
    .argument('<folder>', 'a new or empty folder')
    .requiredOption('--month <month>', 'e.g. 2026-01')
    .addHelpText('after', examples('certdir archive export /media/archive-2026-01 --month 2026-01'))
    .action(async (path: string, options: { month: string }, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, async (operations) => {
        const files = operations.archive.export({ period: options.month }, context.operator);
        const folder = await writingTo(path, () => writeArchiveFolder(path, files));
        const { key, handovers } = await operations.audit.checkpoint();
        const keys = KeyLineage.follow(parseNoteKey(key), handovers);
        const verified = await verifyArchiveFolder(folder, keys);
        const { manifestSha256: sha256 } = verified;
        const statement = { what: 'written', sha256, place: folder } as const;
        await operations.archive.attest(statement, context.operator);
        return verified;
      });
      context.output.answer(report, () => formatFolder(report));
    });
}

interface VerifyOptions {
  readonly key: string;
  readonly handover?: readonly string[];
  readonly record?: boolean;
}

async function readKeys({ key, handover = [] }: VerifyOptions): Promise<KeyLineage> {
  const read = async (file: string, what: string): Promise<string> =>
    (await readInputFile(file, { what, maxBytes: MAX_KEY_BYTES })).toString('utf8');
  const known = parseNoteKey(await read(key, 'the key'));
  const notes: string[] = [];
  for (const file of handover) {
    notes.push(await read(file, 'a handover'));
  }
  return KeyLineage.follow(known, notes);
}

function addVerify(archive: Command): void {
  archive
    .command('verify')
    .description('read an export again: signature, every file, every certificate and list')
    .argument('<folder>', 'an export')
    .requiredOption('--key <file>', "the audit log's verifier key (audit-key.txt)")
    .option('--handover <files...>', 'handover/1 and on, where the key is another than at the time')
    .option('--record', 'also record in the audit log of the data folder that it could be read')
    .addHelpText(
      'after',
      examples(
        'certdir archive verify /media/archive-2026-01 --key audit-key.txt',
        'certdir archive verify /media/archive-2026-01 --key audit-key.txt --record',
      ),
    )
    .action(async (path: string, options: VerifyOptions, command: Command) => {
      const context = contextOf(command);
      const report = await verifyArchiveFolder(path, await readKeys(options));
      if (options.record === true) {
        const { folder: place, manifestSha256: sha256 } = report;
        const statement = { what: 'read', sha256, place } as const;
        await withOperations(context, ({ archive: operations }) =>
          operations.attest(statement, context.operator),
        );
      }
      context.output.answer(report, () => formatFolder(report));
    });
}

function formatFolder(report: ArchiveFolderReport): string {
  const { folder, period, certificates, lists, manifestSha256 } = report;
  return [
    `${folder}: ${period}, ${certificates} certificates and ${lists} lists, all as archived and readable`,
    `SHA-256 of the manifest: ${manifestSha256}`,
  ].join('\n');
}

async function queryOf(options: {
  readonly subject?: string;
  readonly serial?: string;
}): Promise<CertificateQuery> {
  const { subject, serial } = options;
  if (serial !== undefined && subject === undefined) {
    return { serialNumber: serial };
  }
  if (subject !== undefined && serial === undefined) {
    const { loadSubjectAttributes } = await import('../config/subject-attributes.ts');
    return { subscriber: await loadSubjectAttributes(subject) };
  }
  throw new UsageError('give either --subject FILE or --serial NUMBER');
}
