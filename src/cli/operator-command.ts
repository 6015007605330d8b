/**
 * `certdir operator …`: who runs the CA (gunma 5-2-1), for the owner of the machine, who makes the first operators and helps out
 * those who have lost their password. Everybody else does it over the API, by the policy's `operators.manage`.
 *
 * @module
 */

import type { Command } from 'commander';

import { readSecretFile } from '../config/secret-file.ts';
import type { OperatorReport } from '../http/operations.ts';
import type { EnrolmentReport } from '../http/operator-operations.ts';
import { MAX_CERTIFICATE_BYTES, readCertificate } from './certificate-file.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { readInputFile } from './input-file.ts';
import { formatTable } from './output.ts';
import { withOutputFile } from './output-file.ts';

/** Chains of a few certificates fit; the first one counts. */

/** Adds the command to the program. */
export function addOperatorCommand(program: Command): void {
  const operator = program.command('operator').description('the operators and their passwords');
  addAdd(operator);
  addList(operator);
  addClosing(operator);
  addEnrol(operator);
  addPassword(operator);
}

interface AddOptions {
  readonly role: readonly string[];
  readonly fullName?: string;
  readonly staffNumber?: string;
  readonly partitions?: readonly string[];
  readonly passwordFile?: string;
  readonly certificate?: string;
}

function addAdd(operator: Command): void {
  operator
    .command('add')
    .description('register an operator: one account for each person')
    .argument('<name>', 'name of the account, e.g. sato')
    .requiredOption('--role <roles...>', 'roles, as people.roles of the policy names them')
    .option('--full-name <name>', 'the person')
    .option('--staff-number <number>', 'tells people of one name apart')
    .option('--partitions <codes...>', 'codes of the municipalities that an office acts for')
    .option('--password-file <file>', 'file with the password, readable by its owner only')
    .option('--certificate <file>', 'certificate of another CA it authenticates with, PEM or DER')
    .addHelpText(
      'after',
      examples(
        'certdir operator add sato --role seniorOperator --full-name "佐藤 花子" --staff-number 1017',
        'certdir operator add maebashi-1 --role municipalReception --partitions 10201 \\\n' +
          '    --password-file maebashi-1.password',
      ),
    )
    .action(async (name: string, options: AddOptions, command: Command) => {
      const context = contextOf(command);
      const { role: roles, fullName, staffNumber, partitions, passwordFile, certificate } = options;
      const input = {
        ...{ name, roles },
        ...(fullName === undefined ? {} : { fullName }),
        ...(staffNumber === undefined ? {} : { staffNumber }),
        ...(partitions === undefined ? {} : { partitions }),
        ...(passwordFile === undefined ? {} : { password: await readSecretFile(passwordFile) }),
        ...(certificate === undefined ? {} : { certificate: await readCertificate(certificate) }),
      };
      const account = await withOperations(context, ({ operators }) =>
        operators.add(input, context.operator),
      );
      const isShut = passwordFile === undefined && certificate === undefined;
      context.output.answer(account, () =>
        isShut
          ? `Registered ${account.dn}; it has nothing to authenticate with until certdir operator enrol`
          : `Registered ${account.dn}`,
      );
    });
}

function addClosing(operator: Command): void {
  operator
    .command('disable')
    .description(
      'close an account at once; what it approved and was not carried out counts no more',
    )
    .argument('<name>', 'name of the account')
    .addHelpText('after', examples('certdir operator disable sato'))
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      const account = await withOperations(context, ({ operators }) =>
        operators.disable({ name }, context.operator),
      );
      context.output.answer(account, () => `${account.dn} is closed`);
    });
  operator
    .command('enable')
    .description('open an account that was closed')
    .argument('<name>', 'name of the account')
    .addHelpText('after', examples('certdir operator enable sato'))
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      const account = await withOperations(context, ({ operators }) =>
        operators.enable({ name }, context.operator),
      );
      context.output.answer(account, () => `${account.dn} is open`);
    });
}

function addEnrol(operator: Command): void {
  operator
    .command('enrol')
    .description('issue a certificate to an operator, who authenticates with it from then on')
    .argument('<name>', 'name of the account')
    .requiredOption('--request <file>', 'PKCS#10 of its key, PEM or DER')
    .option('--out <file>', 'where the certificate goes (PEM)')
    .addHelpText(
      'after',
      `\nThe certificate that it had before is revoked. The same request again goes on where an interruption was.\n${examples(
        'certdir operator enrol sato --request sato.csr --out sato.pem',
      )}`,
    )
    .action(async (name: string, options: { request: string; out?: string }, command: Command) => {
      const context = contextOf(command);
      const bytes = await readInputFile(options.request, {
        what: 'the certification request',
        maxBytes: MAX_CERTIFICATE_BYTES,
      });
      const text = bytes.toString('latin1');
      const request = text.includes('-----BEGIN') ? text : bytes.toString('base64');
      const enrol = (): Promise<EnrolmentReport> =>
        withOperations(context, ({ operators }) =>
          operators.enrol({ name, request }, context.operator),
        );
      const report =
        options.out === undefined
          ? await enrol()
          : await withOutputFile(options.out, 0o644, async (write) => {
              const enrolled = await enrol();
              await write(enrolled.certificate);
              return enrolled;
            });
      context.output.answer(report, () =>
        [
          `${report.operator.dn} has certificate ${report.serialNumber}, until ${report.notAfter}`,
          ...(options.out === undefined ? [report.certificate] : []),
        ].join('\n'),
      );
    });
}

function addList(operator: Command): void {
  operator
    .command('list')
    .description('list the operators, their roles, and when their passwords end')
    .addHelpText('after', examples('certdir operator list', 'certdir operator list --json'))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const reports = await withOperations(context, (operations) => operations.operatorList());
      context.output.answer(reports, () =>
        reports.length === 0 ? 'There is no operator.' : formatOperators(reports),
      );
    });
}

function formatOperators(reports: readonly OperatorReport[]): string {
  return formatTable(
    ['dn', 'roles', 'password ends', 'state'],
    reports.map(({ dn, roles, passwordEnds, isDisabled }) => [
      dn,
      roles.join(' '),
      passwordEnds ?? '-',
      isDisabled ? 'disabled' : 'enabled',
    ]),
  );
}

function addPassword(operator: Command): void {
  operator
    .command('password')
    .description('give an operator a new password, e.g. when it has ended or is lost')
    .argument('<name>', 'name of its entry')
    .requiredOption('--password-file <file>', 'file with the password, readable by its owner only')
    .addHelpText(
      'after',
      examples('certdir operator password administrator --password-file new.password'),
    )
    .action(async (name: string, options: { passwordFile: string }, command: Command) => {
      const context = contextOf(command);
      const password = await readSecretFile(options.passwordFile);
      const report = await withOperations(context, (operations) =>
        operations.operatorPassword({ name, password }, context.operator),
      );
      context.output.answer(report, () => `${report.dn} has a new password`);
    });
}
