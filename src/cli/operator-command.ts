/**
 * `certdir operator …`: who runs the CA (gunma 5-2-1). Operators are made over LDAP, by operators who may; what
 * has to be possible at the machine is to look, and to give a password to someone who has lost it.
 *
 * @module
 */

import type { Command } from 'commander';

import { readSecretFile } from '../config/secret-file.ts';
import type { OperatorReport } from '../http/operations.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { formatTable } from './output.ts';

/** Adds the command to the program. */
export function addOperatorCommand(program: Command): void {
  const operator = program.command('operator').description('the operators and their passwords');
  addList(operator);
  addPassword(operator);
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
