/**
 * `certdir ceremony …`: key ceremonies, step by step (docs/key-ceremony.md).
 *
 * @module
 */

import { resolve } from 'node:path';
import { Argument, type Command, InvalidArgumentError } from 'commander';

import {
  type CeremonyKind,
  type CeremonyOrder,
  type CeremonyReport,
  ceremonyKinds,
} from '../http/ceremony-operations.ts';
import { contextOf, withOperations } from './context.ts';
import { type ApproveOptions, makeApproval } from './custodian-approval.ts';
import { examples } from './examples.ts';
import { InputError } from './input-error.ts';
import { formatTable } from './output.ts';
import { UsageError } from './usage-error.ts';

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
  readonly because?: string;
  readonly becauseJa?: string;
  readonly generation?: number;
  readonly destroyKey?: boolean;
  readonly ends?: string;
  readonly leaveValid?: boolean;
  readonly report?: string;
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
    .option('--because <text>', 'compromise, end-of-service: what the public is told, in English')
    .option('--because-ja <text>', 'the same in Japanese; as in English when left out')
    .option(
      '--generation <number>',
      'compromise: which key; the one that issues when left out',
      wholeNumber,
    )
    .option('--destroy-key', 'compromise: the key is destroyed when its last lists are out')
    .option(
      '--ends <time>',
      'end-of-service: when issuing ends (RFC 3339); in 90 days when left out',
    )
    .option('--leave-valid', 'end-of-service: what is valid then is left to end by itself')
    .option('--report <id>', 'withdrawal: the ceremony of the compromise that was none')
    .addHelpText(
      'after',
      examples(
        'certdir ceremony start first-key --master "Hanako Gunma" --witness "Jiro Tone"',
        'certdir ceremony start renewal --master "Hanako Gunma" --witness "Jiro Tone" "Saburo Haruna"',
        'certdir ceremony start backup --master Hanako --witness Jiro --folder /media/backup',
        'certdir ceremony start destruction --label gunma-ca-1 --master Hanako --witness Jiro',
        'certdir ceremony start compromise --master Hanako --witness Jiro --because "The HSM was stolen."   # stops issuing at once',
        'certdir ceremony start withdrawal --report compromise-20260105T010000Z --master Hanako --witness Jiro',
        'certdir ceremony start end-of-service --ends 2027-04-01T00:00:00Z --master Hanako --witness Jiro --because "The law was changed."',
      ),
    )
    .action(async (kind: CeremonyKind, options: StartOptions, command: Command) => {
      const context = contextOf(command);
      const { master, witness: witnesses, label, folder } = options;
      const input = {
        ...{ kind, master, witnesses },
        ...(label === undefined ? {} : { label }),
        ...(folder === undefined ? {} : { folder: resolve(folder) }),
        ...orderOf(options),
      };
      const report = await withOperations(context, ({ ceremonies }) =>
        ceremonies.start(input, context.operator),
      );
      context.output.answer(report, () => formatCeremony(report));
    });
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) {
    throw new InvalidArgumentError('a generation is a whole number from 1 on');
  }
  return Number(text);
}

/** What is ordered, where anything is. */
function orderOf(options: StartOptions): { readonly order?: CeremonyOrder } {
  const { because, becauseJa, generation, destroyKey, ends, leaveValid, report } = options;
  if (because === undefined && becauseJa !== undefined) {
    throw new UsageError('--because-ja is given beside --because');
  }
  const order: CeremonyOrder = {
    ...(because === undefined ? {} : { explanation: { en: because, ja: becauseJa ?? because } }),
    ...(generation === undefined ? {} : { generation }),
    ...(destroyKey === undefined ? {} : { destroysKey: destroyKey }),
    ...(ends === undefined ? {} : { stops: ends }),
    ...(leaveValid === undefined ? {} : { revokes: !leaveValid }),
    ...(report === undefined ? {} : { report }),
  };
  return Object.keys(order).length === 0 ? {} : { order };
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
