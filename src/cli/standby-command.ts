/**
 * `certdir standby …`: follow a primary, see how far, take over from it, keep an old one from writing.
 *
 * @module
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';

import type { StandbyReport } from '../app/standby.ts';
import { SystemRandom } from '../core/random.ts';
import type { ApprovalFile } from '../signing/custody/approval-file.ts';
import { contextOf } from './context.ts';
import { examples } from './examples.ts';
import { InputError } from './input-error.ts';
import { askSecret } from './passphrase-prompt.ts';
import { untilStopped } from './stop-signals.ts';
import { UsageError } from './usage-error.ts';

const help = `
A standby has a data folder of its own with certdir.yaml, policy and token, and no store at first. It follows the
journal of a primary over HTTPS (replication: and standby: in certdir.yaml) or from a folder of segments, and serves
nothing until it is promoted.
${examples(
  'certdir standby --from https://primary.example.jp:7443 --data /var/lib/certdir-standby',
  'certdir standby --from /mnt/primary/store/journal',
  'certdir standby status --json',
  'certdir standby promote',
)}`;

/** Adds the commands to the program. */
export function addStandbyCommand(program: Command): void {
  const standby = program
    .command('standby')
    .description('a second machine that has everything, and can take over')
    .option('--from <place>', 'https://host:port of the primary, or a folder with its segments')
    .addHelpText('after', help)
    .action(async (options: { readonly from?: string }, command: Command) => {
      if (options.from === undefined) {
        throw new UsageError(
          '--from says what to follow; or give status, promote, approve or fence',
        );
      }
      const { folder, output } = contextOf(command);
      const { openStandby } = await import('../app/standby.ts');
      const running = await openStandby({ folder, from: options.from });
      output.note(`following ${options.from}`);
      if (running.metricsUrl !== undefined) {
        output.note(`listening on ${running.metricsUrl}`);
      }
      await untilStopped(running, output, running.failed);
    });
  addStatus(standby);
  addPromote(standby);
  addApprove(standby);
  addFence(standby);
}

function addStatus(standby: Command): void {
  standby
    .command('status')
    .description('how far the standby of the data folder is, and whether it follows')
    .addHelpText('after', examples('certdir standby status', 'certdir standby status --json'))
    .action(async (_options: unknown, command: Command) => {
      const { folder, output } = contextOf(command);
      const { readStandbyReport } = await import('../app/standby.ts');
      const report = await readStandbyReport(folder);
      if (report === undefined) {
        throw new InputError('CLI_INPUT_UNREADABLE', `${folder} is no standby`);
      }
      output.answer(report, () => formatStandby(report));
    });
}

/** What `certdir status` shows of a standby. */
export function formatStandby(report: StandbyReport): string {
  const { isRunning, isConnected, behind, behindSeconds, isLossless } = report;
  const state = isRunning ? (isConnected ? 'following' : 'tries to reach it') : 'not running';
  return [
    `standby of   ${report.from}`,
    `state        ${state}, heard of the primary: ${report.heardAt ?? 'never'}`,
    `record       ${report.sequence} in epoch ${report.epoch}`,
    `behind       ${behind} records, ${behindSeconds} s`,
    `if promoted  ${
      isLossless
        ? 'nothing that was acknowledged is missing'
        : 'what the primary acknowledged last may be missing; nothing is signed before recover confirm'
    }`,
    ...(report.problem === null ? [] : [`problem      ${report.problem}`]),
  ].join('\n');
}

interface PromoteOptions {
  readonly propose?: string;
  readonly approvals?: string;
  readonly hold?: boolean;
}

const promoteHelp = `
Stop the standby first, and make sure that the primary does not run any more. Where the token has custodians, a quorum
of them approves: --propose writes a file, each of them runs "certdir standby approve" on it, and it is given
with --approvals. The old primary is told, now and later by the server, that it may not write; one that cannot be
reached is kept from it with "certdir standby fence" there.
${examples(
  'certdir standby promote',
  'certdir standby promote --propose promotion.json',
  'certdir standby promote --approvals promotion.json',
)}`;

function addPromote(standby: Command): void {
  standby
    .command('promote')
    .description('make the standby of the data folder the primary')
    .option('--propose <file>', 'write what custodians are asked to approve, and do nothing else')
    .option('--approvals <file>', 'what they have approved')
    .option('--hold', 'sign nothing before recover confirm, also where nothing can be missing')
    .addHelpText('after', promoteHelp)
    .action(async (options: PromoteOptions, command: Command) => {
      const { folder, output, operator } = contextOf(command);
      const { promoteStandby, proposePromotion } = await import('../app/standby-promotion.ts');
      if (options.propose !== undefined) {
        const file = await proposePromotion(folder);
        await writeApprovals(options.propose, file);
        output.answer(
          file.proposal,
          () => `certdir standby approve ${options.propose} --name NAME`,
        );
        return;
      }
      const { approvals } = options;
      const report = await promoteStandby(folder, {
        approvals: approvals === undefined ? undefined : await readApprovals(approvals),
        operator: operator.name,
        holds: options.hold === true,
      });
      output.answer(report, () =>
        [
          `Promoted at record ${report.sequence}; epoch ${report.epoch} begins.`,
          report.oldPrimary === 'fenced'
            ? 'The old primary writes nothing any more.'
            : `The old primary was not reached. There, before it starts: certdir standby fence --epoch ${report.epoch}`,
          report.maySign
            ? 'Next: certdir check, certdir serve.'
            : 'Next: certdir check, certdir recover confirm (until then nothing is signed), certdir serve.',
        ].join('\n'),
      );
    });
}

function addApprove(standby: Command): void {
  standby
    .command('approve')
    .description('approve a promotion, as one custodian; adds to the file')
    .argument('<file>', 'what "certdir standby promote --propose" has written')
    .requiredOption('--name <name>', 'the custodian')
    .option('--passphrase-file <file>', 'passphrase, mode 0600; asked for when left out')
    .addHelpText('after', examples('certdir standby approve promotion.json --name hanako'))
    .action(
      async (
        path: string,
        { name, passphraseFile }: { readonly name: string; readonly passphraseFile?: string },
        command: Command,
      ) => {
        const { folder, output } = contextOf(command);
        const { CONFIGURATION_FILE, loadConfiguration } = await import(
          '../config/configuration.ts'
        );
        const { token } = await loadConfiguration(join(folder, CONFIGURATION_FILE));
        if (token.custodiansFile === undefined) {
          throw new UsageError(`the token of ${folder} has no custodians`);
        }
        const file = await readApprovals(path);
        const { approve, formatOperation } = await import('../signing/custody/approval.ts');
        const { openCustodian, readCustody } = await import(
          '../signing/custody/custody-document.ts'
        );
        const { readPassphrase } = await import('../signing/passphrase.ts');
        output.note(formatOperation(file.proposal.operation));
        const passphrase = await readPassphrase(
          passphraseFile === undefined
            ? { text: await askSecret(`Passphrase of ${name}`) }
            : { file: passphraseFile },
        );
        const document = await readCustody(token.custodiansFile);
        const opened = await openCustodian(document, name, passphrase).finally(() =>
          passphrase.fill(0),
        );
        opened.share.fill(0);
        const approval = approve(file.proposal, opened, new SystemRandom());
        const others = file.approvals.filter(({ custodian }) => custodian !== name);
        await writeApprovals(path, { ...file, approvals: [...others, approval] });
        const report = { approvedBy: [...others.map((one) => one.custodian), name] };
        output.answer(report, () => `approved by ${report.approvedBy.join(', ')}`);
      },
    );
}

function addFence(standby: Command): void {
  standby
    .command('fence')
    .description('keep the store of the data folder, which has been taken over from, from writing')
    .requiredOption('--epoch <n>', 'the epoch that the promotion has told')
    .addHelpText('after', examples('certdir standby fence --epoch 2'))
    .action(async ({ epoch }: { readonly epoch: string }, command: Command) => {
      if (!/^[1-9]\d{0,14}$/.test(epoch)) {
        throw new UsageError(`--epoch: ${epoch} is no epoch`);
      }
      const { folder, output } = contextOf(command);
      const { fenceFolder } = await import('../app/standby-promotion.ts');
      const report = await fenceFolder(folder, Number(epoch));
      output.answer(report, () =>
        report.isFenced
          ? `The store writes nothing any more: its epoch is ${report.ownEpoch}.`
          : `The store writes in epoch ${report.ownEpoch}, which is not earlier: nothing changes.`,
      );
    });
}

async function readApprovals(path: string): Promise<ApprovalFile> {
  const { parseApprovalFile } = await import('../signing/custody/approval-file.ts');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new InputError('CLI_INPUT_UNREADABLE', `${path} cannot be read`, { cause });
  }
  return parseApprovalFile(text);
}

async function writeApprovals(path: string, file: ApprovalFile): Promise<void> {
  await writeFile(path, `${JSON.stringify(file, undefined, 2)}\n`, { mode: 0o600 });
}
