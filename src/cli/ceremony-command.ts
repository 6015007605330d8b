/**
 * `certdir ceremony …`: key ceremonies, step by step (docs/key-ceremony.md).
 *
 * @module
 */

import { resolve } from 'node:path';
import { Argument, type Command } from 'commander';

import {
  type CeremonyKind,
  type CeremonyReport,
  ceremonyKinds,
} from '../http/ceremony-operations.ts';
import { contextOf, withOperations } from './context.ts';
import { type ApproveOptions, makeApproval } from './custodian-approval.ts';
import { examples } from './examples.ts';
import { InputError } from './input-error.ts';
import { formatTable } from './output.ts';

/** Adds the command to the program. */
export function addCeremonyCommand(program: Command): void {
  const ceremony = program
    .command('ceremony')
    .description(
      'key ceremonies: each step on record, to be taken up again after any interruption',
    );
  addStartCommand(ceremony);
  addContinueCommand(ceremony);
  addApproveCommand(ceremony);
  addShowCommand(ceremony);
  addListCommand(ceremony);
}

interface StartOptions {
  readonly master: string;
  readonly witness: readonly string[];
  readonly label?: string;
  readonly folder?: string;
}

function addStartCommand(ceremony: Command): void {
  ceremony
    .command('start')
    .description('begin a ceremony; the token has custodians, the server runs')
    .addArgument(new Argument('<kind>', 'which').choices(ceremonyKinds))
    .requiredOption('--master <name>', 'who leads it')
    .requiredOption('--witness <names...>', 'who watches')
    .option('--label <label>', 'destruction: the key')
    .option('--folder <dir>', 'backup: where the copy goes; restore: where it came from')
    .addHelpText(
      'after',
      examples(
        'certdir ceremony start first-key --master "Hanako Gunma" --witness "Jiro Tone"',
        'certdir ceremony start renewal --master "Hanako Gunma" --witness "Jiro Tone" "Saburo Haruna"',
        'certdir ceremony start backup --master Hanako --witness Jiro --folder /media/backup',
        'certdir ceremony start destruction --label gunma-ca-1 --master Hanako --witness Jiro',
      ),
    )
    .action(async (kind: CeremonyKind, options: StartOptions, command: Command) => {
      const context = contextOf(command);
      const { master, witness: witnesses, label, folder } = options;
      const input = {
        ...{ kind, master, witnesses },
        ...(label === undefined ? {} : { label }),
        ...(folder === undefined ? {} : { folder: resolve(folder) }),
      };
      const report = await withOperations(context, ({ ceremonies }) =>
        ceremonies.start(input, context.operator),
      );
      context.output.answer(report, () => formatCeremony(report));
    });
}

function addContinueCommand(ceremony: Command): void {
  ceremony
    .command('continue')
    .description(
      'go on; --by and --note say who did a step that people do, and what there is to say',
    )
    .argument('<id>', 'of the ceremony')
    .option('--by <name>', 'who did it')
    .option('--note <text>', 'what goes into the record')
    .addHelpText(
      'after',
      examples(
        'certdir ceremony continue first-key-20260105T010000Z --by "Hanako Gunma" --note "identities checked"',
      ),
    )
    .action(async (id: string, options: { by?: string; note?: string }, command: Command) => {
      const context = contextOf(command);
      const { by, note } = options;
      const said = {
        ...(by === undefined ? {} : { by }),
        ...(note === undefined ? {} : { note }),
      };
      const report = await withOperations(context, ({ ceremonies }) =>
        ceremonies.continue({ id, ...said }, context.operator),
      );
      context.output.answer(report, () => formatCeremony(report));
    });
}

function addApproveCommand(ceremony: Command): void {
  ceremony
    .command('approve')
    .description('approve what the ceremony asks for, as one custodian')
    .argument('<id>', 'of the ceremony')
    .requiredOption('--name <name>', 'the custodian')
    .option('--passphrase-file <file>', 'passphrase, mode 0600; asked for when left out')
    .addHelpText(
      'after',
      examples('certdir ceremony approve first-key-20260105T010000Z --name hanako'),
    )
    .action(async (id: string, options: ApproveOptions, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, async ({ ceremonies, custody }) => {
        const { proposal: hash } = await ceremonies.show({ id });
        const found = (await custody.list()).find((one) => one.hash === hash);
        if (hash === null || found === undefined) {
          throw new InputError(
            'CLI_INPUT_UNREADABLE',
            `${id} asks its custodians for nothing now; certdir ceremony continue puts it before them (while a server runs)`,
          );
        }
        const approval = await makeApproval(context, found, options);
        return await ceremonies.approve({ id, hash, approval }, context.operator);
      });
      context.output.answer(report, () => formatCeremony(report));
    });
}

function addShowCommand(ceremony: Command): void {
  ceremony
    .command('show')
    .description('where a ceremony stands')
    .argument('<id>', 'of the ceremony')
    .addHelpText('after', examples('certdir ceremony show first-key-20260105T010000Z'))
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      const report = await withOperations(context, ({ ceremonies }) => ceremonies.show({ id }));
      context.output.answer(report, () => formatCeremony(report));
    });
}

function addListCommand(ceremony: Command): void {
  ceremony
    .command('list')
    .description('all ceremonies')
    .addHelpText('after', examples('certdir ceremony list --json'))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const found = await withOperations(context, ({ ceremonies }) => ceremonies.list());
      context.output.answer(found, () =>
        formatTable(
          ['ceremony', 'key', 'master', 'steps', 'closed'],
          found.map(({ id, label, master, steps, closed }) => [
            ...[id, label, master],
            `${steps.filter(({ isDone }) => isDone).length}/${steps.length}`,
            closed ?? '',
          ]),
        ),
      );
    });
}

function formatCeremony({ id, steps, closed, proposal }: CeremonyReport): string {
  const done = steps.filter(({ isDone }) => isDone);
  const next = steps.find(({ isDone }) => !isDone);
  return [
    `${id}: ${done.length} of ${steps.length} steps done`,
    ...done.map(({ title, at, facts }) =>
      [
        `  ${at ?? ''} ${title}`,
        ...Object.entries(facts).map(([name, value]) => `      ${name}: ${value.trimEnd()}`),
      ].join('\n'),
    ),
    closed !== null
      ? `closed ${closed}: print and sign ceremonies/${id}.txt`
      : proposal === null
        ? `next: ${next?.title ?? ''}\n  certdir ceremony continue ${id}`
        : `next: ${next?.title ?? ''} (${proposal.slice(0, 16)})\n  certdir ceremony approve ${id} --name NAME`,
  ].join('\n');
}
