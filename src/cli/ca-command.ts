/**
 * `certdir ca …`: issue, publish; `show` is in `ca-show-command.ts`, `revoke` in `revoke-command.ts`, `hold` and
 * `release` in `hold-command.ts`.
 *
 * @module
 */

import type { Command } from 'commander';

import type { IssuedReport, PublishedReport, SubjectAttributes } from '../http/operations.ts';

import { addAddCommand } from './ca-add-command.ts';
import { addKeysCommands } from './ca-keys-command.ts';
import { addShowCommand } from './ca-show-command.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { addHoldCommands } from './hold-command.ts';
import { readInputFile } from './input-file.ts';
import { formatTable } from './output.ts';
import { withOutputFile } from './output-file.ts';
import { addRevoke } from './revoke-command.ts';
import { UsageError } from './usage-error.ts';

interface IssueOptions {
  readonly csr: string;
  readonly municipality: string;
  readonly partition?: string;
  readonly attributes?: string;
  readonly name?: string;
  readonly nameSubstitute?: string;
  readonly gender?: string;
  readonly birth?: string;
  readonly address?: string;
  readonly addressSubstitute?: string;
  readonly out?: string;
}

/** No request comes near this, and the control socket takes no more. */
const MAX_REQUEST_BYTES = 64 * 1024;

/** Adds the command to the program. */
export function addCaCommand(program: Command): void {
  const ca = program.command('ca').description('issue and revoke certificates, publish lists');
  addAddCommand(ca);
  addIssue(ca);
  addShowCommand(ca);
  addRevoke(ca);
  addHoldCommands(ca);
  addPublish(ca);
  addKeysCommands(ca);
}

function addIssue(ca: Command): void {
  ca.command('issue')
    .description('issue a certificate from a PKCS#10 request')
    .requiredOption('--csr <file>', 'the request, PEM or DER')
    .requiredOption('--municipality <code>', 'municipality code, five or six digits')
    .option('--partition <value>', "its list's value, where the policy lets requests name one")
    .option('--attributes <file>', "YAML file with the subject's attributes")
    .option('--name <text>', 'family and given name, joined by an ideographic space')
    .option('--name-substitute <flags>', 'one digit per character of the name')
    .option('--gender <digit>', '1 male, 2 female, 3 unknown')
    .option('--birth <date>', 'YYYY-MM-DD')
    .option('--address <text>', 'address')
    .option('--address-substitute <flags>', 'one digit per character of the address')
    .option('--out <file>', 'write the certificate there instead of to standard output')
    .addHelpText(
      'after',
      examples(
        'certdir ca issue --csr citizen.csr --municipality 10201 --attributes citizen.yaml',
        "certdir ca issue --csr citizen.csr --municipality 10201 --name '前橋　花子' --gender 2 \\\n" +
          "    --birth 1990-04-01 --address '群馬県前橋市大手町一丁目１番１号' --out citizen.pem",
      ),
    )
    .action(async (options: IssueOptions, command: Command) => {
      const context = contextOf(command);
      const input = {
        request: await readRequest(options.csr),
        municipality: options.municipality,
        ...(options.partition === undefined ? {} : { partition: options.partition }),
        attributes: await attributesOf(options),
      };
      const issue = (): Promise<IssuedReport> =>
        withOperations(context, (operations) => operations.issue(input, context.operator));
      const { out } = options;
      const report =
        out === undefined
          ? await issue()
          : await withOutputFile(out, 0o644, async (write) => {
              const issued = await issue();
              await write(issued.certificate);
              return issued;
            });
      answerIssued(report, { out, output: context.output });
    });
}

function answerIssued(
  report: IssuedReport,
  {
    out,
    output,
  }: {
    readonly out: string | undefined;
    readonly output: ReturnType<typeof contextOf>['output'];
  },
): void {
  output.note(
    `Issued ${report.serialNumber} to ${report.subject}\n` +
      `valid ${report.notBefore} to ${report.notAfter}, partition ${report.partition}`,
  );
  output.answer(report, () =>
    out === undefined ? report.certificate.trimEnd() : `Certificate written to ${out}`,
  );
}

async function attributesOf(options: IssueOptions): Promise<SubjectAttributes> {
  if (options.attributes !== undefined) {
    const { loadSubjectAttributes } = await import('../config/subject-attributes.ts');
    return loadSubjectAttributes(options.attributes);
  }
  const required = { name: options.name, gender: options.gender, birth: options.birth };
  const missing = Object.entries({ ...required, address: options.address })
    .filter(([, value]) => value === undefined)
    .map(([name]) => `--${name}`);
  if (missing.length > 0) {
    throw new UsageError(
      `${missing.join(', ')} missing; give all of --name --gender --birth --address, or --attributes FILE`,
    );
  }
  return {
    commonName: options.name ?? '',
    gender: options.gender ?? '',
    dateOfBirth: options.birth ?? '',
    address: options.address ?? '',
    ...(options.nameSubstitute === undefined
      ? {}
      : { substituteCharacterOfCommonName: options.nameSubstitute }),
    ...(options.addressSubstitute === undefined
      ? {}
      : { substituteCharacterOfAddress: options.addressSubstitute }),
  };
}

async function readRequest(file: string): Promise<string> {
  const bytes = await readInputFile(file, { what: 'the request', maxBytes: MAX_REQUEST_BYTES });
  // A DER SEQUENCE starts with 0x30, a PEM file with text.
  return bytes[0] === 0x30 ? bytes.toString('base64') : bytes.toString('utf8');
}

function addPublish(ca: Command): void {
  ca.command('publish')
    .description('publish certificate revocation lists now')
    .option('--partition <code...>', 'municipality codes, or arl')
    .option('--all', 'every partition and the ARL')
    .addHelpText(
      'after',
      examples('certdir ca publish --all', 'certdir ca publish --partition 10201 arl'),
    )
    .action(async (options: { partition?: string[]; all?: boolean }, command: Command) => {
      const context = contextOf(command);
      if ((options.partition === undefined) === (options.all !== true)) {
        throw new UsageError('give either --partition CODE … or --all');
      }
      const bar = context.output.progress();
      const reports = await withOperations(context, (operations) =>
        operations.publish(
          { scopes: options.partition ?? 'all' },
          context.operator,
          bar.onProgress,
        ),
      ).finally(() => bar.stop());
      context.output.answer(reports, () => formatPublished(reports));
    });
}

function formatPublished(reports: readonly PublishedReport[]): string {
  return formatTable(
    ['scope', 'number', 'thisUpdate', 'nextUpdate', 'entries', 'bytes'],
    reports.map((report) => [
      report.scope,
      report.crlNumber,
      report.thisUpdate,
      report.nextUpdate,
      String(report.entries),
      String(report.bytes),
    ]),
  );
}
