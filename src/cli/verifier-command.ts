/**
 * `certdir verifier …`: who may read restricted revocation lists (gunma 1-3-1 (9) to (12)).
 *
 * @module
 */

import type { Command } from 'commander';

import { readSecretFile } from '../config/secret-file.ts';
import type { VerifierInput, VerifierReport } from '../http/verifier-operations.ts';
import { readCertificate } from './certificate-file.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { formatTable } from './output.ts';
import { UsageError } from './usage-error.ts';

/** Chains of a few certificates fit; the first one counts. */

interface AddOptions {
  readonly kind: string;
  readonly agreement: string;
  readonly from: string;
  readonly until: string;
  readonly partitions: readonly string[];
  readonly passwordFile?: string;
  readonly certificate?: string;
}

/** Adds the command to the program. */
export function addVerifierCommand(program: Command): void {
  const verifier = program
    .command('verifier')
    .description('register the verifiers that may read restricted lists');
  addAdd(verifier);
  addList(verifier);
  addChange(verifier);
  addPassword(verifier);
  addCertificate(verifier);
  addDisable(verifier);
  addRemove(verifier);
}

function addAdd(verifier: Command): void {
  verifier
    .command('add')
    .description('register a verifier under its agreement')
    .argument('<name>', 'name of its entry, e.g. tax-office')
    .requiredOption('--kind <kind>', 'kind of verifier, as the policy names it')
    .requiredOption('--agreement <number>', 'number of the agreement')
    .requiredOption('--from <date>', 'first day of access, YYYY-MM-DD')
    .requiredOption('--until <date>', 'last day of access, YYYY-MM-DD')
    .requiredOption('--partitions <codes...>', "municipality codes, or '*' for all")
    .option('--password-file <file>', 'file with its password, readable by its owner only')
    .option('--certificate <file>', 'TLS client certificate it authenticates with, PEM or DER')
    .addHelpText(
      'after',
      examples(
        'certdir verifier add tax-office --kind signatureVerifier --agreement 2026-17 \\\n' +
          "    --from 2026-04-01 --until 2027-03-31 --partitions '*' --password-file tax.password",
      ),
    )
    .action(async (name: string, options: AddOptions, command: Command) => {
      const context = contextOf(command);
      const credentials = await readCredentials(options);
      const input = {
        name,
        kind: options.kind,
        agreementNumber: options.agreement,
        agreementFrom: options.from,
        agreementUntil: options.until,
        partitions: options.partitions,
        ...credentials,
      };
      const report = await withOperations(context, (operations) =>
        operations.verifiers.add(input, context.operator),
      );
      context.output.answer(report, () => `Registered ${report.dn}`);
    });
}

async function readCredentials({
  passwordFile,
  certificate,
}: AddOptions): Promise<Pick<VerifierInput, 'password' | 'certificate'>> {
  if (passwordFile === undefined && certificate === undefined) {
    throw new UsageError('give --password-file, --certificate, or both');
  }
  return {
    ...(passwordFile === undefined ? {} : { password: await readSecretFile(passwordFile) }),
    ...(certificate === undefined ? {} : { certificate: await readCertificate(certificate) }),
  };
}

function addList(verifier: Command): void {
  verifier
    .command('list')
    .description('list the registered verifiers')
    .addHelpText('after', examples('certdir verifier list --json'))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const reports = await withOperations(context, (operations) => operations.verifiers.list());
      context.output.answer(reports, () =>
        reports.length === 0 ? 'No verifier is registered.' : formatVerifiers(reports),
      );
    });
}

function formatVerifiers(reports: readonly VerifierReport[]): string {
  return formatTable(
    ['dn', 'kind', 'agreement', 'from', 'until', 'partitions', 'state'],
    reports.map((report) => [
      report.dn,
      report.kind,
      report.agreementNumber,
      report.agreementFrom ?? '-',
      report.agreementUntil ?? '-',
      report.partitions.join(' '),
      report.isDisabled ? 'disabled' : 'enabled',
    ]),
  );
}

interface ChangeOptions {
  readonly kind?: string;
  readonly agreement?: string;
  readonly from?: string;
  readonly until?: string;
  readonly partitions?: readonly string[];
  readonly enable?: true;
}

function addChange(verifier: Command): void {
  verifier
    .command('change')
    .description('change agreement, days, kind or partitions; counts at once, in open sessions too')
    .argument('<name>', 'name of its entry')
    .option('--kind <kind>', 'another kind of verifier')
    .option('--agreement <number>', 'number of the agreement that holds now')
    .option('--from <date>', 'first day of access, YYYY-MM-DD')
    .option('--until <date>', 'last day of access, YYYY-MM-DD')
    .option('--partitions <codes...>', "all that it is granted now: municipality codes, or '*'")
    .option('--enable', 'give access back to one that was disabled')
    .addHelpText(
      'after',
      examples(
        'certdir verifier change tax-office --agreement 2027-3 --until 2028-03-31',
        'certdir verifier change tax-office --partitions 10201 10202',
      ),
    )
    .action(async (name: string, options: ChangeOptions, command: Command) => {
      const context = contextOf(command);
      const input = {
        name,
        kind: options.kind,
        agreementNumber: options.agreement,
        agreementFrom: options.from,
        agreementUntil: options.until,
        partitions: options.partitions,
        isEnabledAgain: options.enable,
      };
      const report = await withOperations(context, (operations) =>
        operations.verifiers.change(input, context.operator),
      );
      context.output.answer(report, () => formatVerifiers([report]));
    });
}

interface CertificateOptions {
  readonly certificate?: string;
  readonly add?: true;
  readonly remove?: string;
}

function addCertificate(verifier: Command): void {
  verifier
    .command('certificate')
    .description('give a verifier another certificate to authenticate with, or take one away')
    .argument('<name>', 'name of its entry')
    .option('--certificate <file>', 'the certificate that counts from now on, PEM or DER')
    .option('--add', 'beside those it has, while it goes over to the new one')
    .option('--remove <sha256>', 'SHA-256 of one that counts no more, in hexadecimal')
    .addHelpText(
      'after',
      examples(
        'certdir verifier certificate tax-office --certificate tax-2027.pem --add',
        'certdir verifier certificate tax-office --remove 5F:3A:…',
      ),
    )
    .action(async (name: string, options: CertificateOptions, command: Command) => {
      const { certificate: file, add, remove: removed } = options;
      if ((file === undefined) === (removed === undefined) || (add && file === undefined)) {
        throw new UsageError('give --certificate, with --add or without, or --remove');
      }
      const context = contextOf(command);
      const certificate = file === undefined ? undefined : await readCertificate(file);
      const input = { name, certificate, isAnother: add, removed };
      const report = await withOperations(context, (operations) =>
        operations.verifiers.certificate(input, context.operator),
      );
      context.output.answer(report, () =>
        [`${report.dn} authenticates with`, ...report.certificates].join('\n  '),
      );
    });
}

function addRemove(verifier: Command): void {
  verifier
    .command('remove')
    .description('take the entry of a verifier away whose access has ended; records stay')
    .argument('<name>', 'name of its entry')
    .addHelpText('after', examples('certdir verifier remove tax-office'))
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, (operations) =>
        operations.verifiers.remove({ name }, context.operator),
      );
      context.output.answer(report, () => `Removed ${report.dn}`);
    });
}

function addPassword(verifier: Command): void {
  verifier
    .command('password')
    .description('give a verifier a new password, e.g. when it has lost its own')
    .argument('<name>', 'name of its entry')
    .requiredOption('--password-file <file>', 'file with the password, readable by its owner only')
    .addHelpText(
      'after',
      examples('certdir verifier password tax-office --password-file tax.password'),
    )
    .action(async (name: string, options: { passwordFile: string }, command: Command) => {
      const context = contextOf(command);
      const password = await readSecretFile(options.passwordFile);
      const report = await withOperations(context, (operations) =>
        operations.verifiers.password({ name, password }, context.operator),
      );
      context.output.answer(report, () => `${report.dn} has a new password`);
    });
}

function addDisable(verifier: Command): void {
  verifier
    .command('disable')
    .description("end a verifier's access at once; its entry and its records stay")
    .argument('<name>', 'name of its entry')
    .addHelpText('after', examples('certdir verifier disable tax-office'))
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, (operations) =>
        operations.verifiers.disable({ name }, context.operator),
      );
      context.output.answer(report, () => `Disabled ${report.dn}`);
    });
}
