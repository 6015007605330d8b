/**
 * `certdir custodian …`: who holds the token together, and what they are asked for.
 *
 * A custodian's passphrase is read and used in this process alone. What leaves it is an approval; the share in it can be
 * read by the signer process only.
 *
 * @module
 */

import { join } from 'node:path';
import type { Command } from 'commander';

import { CONTROL_SOCKET } from '../http/control-protocol.ts';
import type { ProposalReport } from '../http/custody-operations.ts';
import type { Proposal } from '../signing/custody/approval.ts';
import { contextOf, withOperations } from './context.ts';
import { type ApproveOptions, makeApproval, readSecret } from './custodian-approval.ts';
import { examples } from './examples.ts';
import { InputError } from './input-error.ts';
import { formatTable } from './output.ts';
import { UsageError } from './usage-error.ts';

const MINUTE_MS = 60_000;

/** Adds the command to the program. */
export function addCustodianCommand(program: Command): void {
  const custodian = program
    .command('custodian')
    .description('the custodians of the CA key: any M of N of them activate it');
  addMakeCommand(custodian);
  addListCommand(custodian);
  addProposeCommand(custodian);
  addApproveCommand(custodian);
}

interface MakeOptions {
  readonly approveCross?: true;
  readonly quorum: string;
  readonly custodian: readonly string[];
  readonly validMinutes: string;
  readonly idleMinutes: string;
}

function addMakeCommand(custodian: Command): void {
  custodian
    .command('make')
    .description('split what opens the token among custodians; stop the server first')
    .requiredOption('--quorum <m>', 'how many of them are needed, at least 2')
    .requiredOption(
      '--custodian <names...>',
      'each custodian: NAME, whose passphrase is asked for, or NAME=FILE (mode 0600)',
    )
    .option('--valid-minutes <n>', 'how long an act waits for its approvals', '60')
    .option('--approve-cross', 'each certificate for another CA needs them too (cross.approval)')
    .option('--idle-minutes <n>', 'lock the token after so long without a signature; 0: never', '0')
    .addHelpText(
      'after',
      examples(
        'certdir custodian make --data /var/lib/certdir --quorum 2 --custodian hanako jiro saburo',
      ),
    )
    .action(async (options: MakeOptions, command: Command) => {
      const { folder, output } = contextOf(command);
      await assertNoServer(folder);
      const custodians: { name: string; passphrase: Buffer }[] = [];
      for (const text of options.custodian) {
        custodians.push(await readCustodian(text));
      }
      const { handOverToCustodians } = await import('../setup/custodians.ts');
      const made = await handOverToCustodians({
        folder,
        quorum: wholeNumber(options.quorum, '--quorum'),
        custodians,
        rules: {
          acts: [
            ...(['activate', 'deactivate', 'generate', 'destroy'] as const),
            ...(options.approveCross === true ? (['sign-cross'] as const) : []),
          ],
          validMs: wholeNumber(options.validMinutes, '--valid-minutes') * MINUTE_MS,
          idleMs: wholeNumber(options.idleMinutes, '--idle-minutes') * MINUTE_MS,
        },
      });
      output.answer(made, () =>
        [
          `${made.quorum} of ${made.custodians.join(', ')} open the token from now on (${made.custodiansFile})`,
          made.leftFile === null
            ? 'the file that opened it until now is deleted; copies of it in backups still open it'
            : `DESTROY ${made.leftFile} and its copies: it opens the token without them`,
          `next: certdir serve, then: certdir custodian propose activate`,
        ].join('\n'),
      );
    });
}

function addListCommand(custodian: Command): void {
  custodian
    .command('list')
    .description('what waits for approvals')
    .addHelpText('after', examples('certdir custodian list --data /var/lib/certdir'))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const found = await withOperations(context, ({ custody }) => custody.list());
      context.output.answer(found, () =>
        formatTable(
          ['hash', 'act', 'approved by', 'of', 'until'],
          found.map((report) => [
            report.hash.slice(0, 16),
            describeAct(report),
            report.approvedBy.join(' '),
            String(report.quorum),
            report.expires,
          ]),
        ),
      );
    });
}

function addProposeCommand(custodian: Command): void {
  custodian
    .command('propose')
    .description('put an act before the custodians')
    .argument('<act>', 'activate, deactivate or destroy')
    .option('--label <label>', 'destroy: the key')
    .addHelpText(
      'after',
      examples(
        'certdir custodian propose activate',
        'certdir custodian propose destroy --label gunma-ca-1',
      ),
    )
    .action(async (act: string, options: { readonly label?: string }, command: Command) => {
      const context = contextOf(command);
      if (!['activate', 'deactivate', 'destroy'].includes(act)) {
        throw new UsageError(`${act} is not activate, deactivate or destroy`);
      }
      if ((act === 'destroy') !== (options.label !== undefined)) {
        throw new UsageError('--label names the key of destroy, and goes with nothing else');
      }
      const operation = { act, ...(options.label === undefined ? {} : { label: options.label }) };
      const report = await withOperations(context, ({ custody }) =>
        custody.propose({ operation }, context.operator),
      );
      context.output.answer(report, () =>
        [
          `${describeAct(report)}: ${report.quorum} custodians until ${report.expires}`,
          `certdir custodian approve ${report.hash} --name NAME`,
        ].join('\n'),
      );
    });
}

function addApproveCommand(custodian: Command): void {
  custodian
    .command('approve')
    .description('approve an act, as one custodian; the last that is needed has it done')
    .argument('<hash>', 'of the act, whole or its first 16 characters')
    .requiredOption('--name <name>', 'the custodian')
    .option('--passphrase-file <file>', 'passphrase, mode 0600; asked for when left out')
    .addHelpText(
      'after',
      examples('certdir custodian approve 4f0c2d6a1b9e8733 --name hanako --data /var/lib/certdir'),
    )
    .action(async (hash: string, options: ApproveOptions, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, async ({ custody }) => {
        const waiting = (await custody.list()).filter((one) => one.hash.startsWith(hash));
        const [found] = waiting;
        if (found === undefined || waiting.length > 1 || hash.length < 16) {
          throw new InputError(
            'CLI_INPUT_UNREADABLE',
            `no single act waits with the hash ${hash}; see certdir custodian list`,
          );
        }
        context.output.note(`${describeAct(found)} (${found.hash})`);
        const approval = await makeApproval(context, found, options);
        return await custody.approve({ hash: found.hash, approval }, context.operator);
      });
      context.output.answer(report, () =>
        report.isDone
          ? `${describeAct(report)}: done, approved by ${report.approvedBy.join(', ')}`
          : `${describeAct(report)}: approved by ${report.approvedBy.join(', ')}, ${report.quorum} are needed`,
      );
    });
}

async function readCustodian(text: string): Promise<{ name: string; passphrase: Buffer }> {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const file = equals < 0 ? undefined : text.slice(equals + 1);
  return { name, passphrase: await readSecret(`New passphrase of ${name}`, file) };
}

async function assertNoServer(folder: string): Promise<void> {
  const { isServerAnswering } = await import('../http/control-client.ts');
  if (await isServerAnswering(join(folder, CONTROL_SOCKET))) {
    throw new UsageError('a server runs on the data folder; stop it first');
  }
}

function wholeNumber(text: string, option: string): number {
  if (!/^\d{1,6}$/.test(text)) {
    throw new UsageError(`${option}: ${text} is no whole number`);
  }
  return Number(text);
}

function describeAct({ proposal }: ProposalReport): string {
  const { operation } = proposal as Proposal;
  const about = 'sha256' in operation ? ` SHA-256 ${operation.sha256}` : '';
  return 'label' in operation ? `${operation.act} ${operation.label}${about}` : operation.act;
}
