/**
 * `certdir recover`: what a restored CA must be told before it signs.
 *
 * @module
 */

import type { Command } from 'commander';

import { contextOf } from './context.ts';
import { examples } from './examples.ts';
import { readInputFile } from './input-file.ts';
import { passphrasePrompt } from './passphrase-prompt.ts';
import { UsageError } from './usage-error.ts';

interface ConfirmOptions {
  readonly list: readonly string[];
  readonly number: readonly string[];
  readonly noneNewer?: boolean;
  readonly acceptMissing?: boolean;
}

const MAX_LIST_BYTES = 256 * 1024 * 1024;

const help = `
A restored store does not know of lists that were published after the backup was made. Read the lists that are
in use back from a replica, a relying party or your records, and give them: the next number of each is then
above them, and revocations that they carry and the store has lost are named. Stop the server first. If the
audit log has lost records too, an auditor takes note of it with "certdir audit accept-loss".
${examples(
  'certdir recover confirm --list maebashi.crl arl.crl --none-newer',
  'certdir recover confirm --number 10201=57 --number arl=12 --none-newer',
)}`;

/** Adds the commands to the program. */
export function addRecoverCommand(program: Command): void {
  program
    .command('recover')
    .description('after a restore: let the CA sign again')
    .command('confirm')
    .description('tell the CA which lists are in use, and let it sign again')
    .option('--list <files...>', 'lists in use, DER or PEM', [])
    .option(
      '--number <scope=number...>',
      'highest number in use of a list that cannot be read back',
      [],
    )
    .option('--none-newer', 'of all other lists none is in use that the store does not know')
    .option(
      '--accept-missing',
      'go on although lists carry revocations that the store does not have',
    )
    .addHelpText('after', help)
    .action(async (options: ConfirmOptions, command: Command) => {
      const { folder, output, operator } = contextOf(command);
      const numbers = options.number.map(parseNumber);
      const files = await Promise.all(
        options.list.map((file) =>
          readInputFile(file, { what: 'a list', maxBytes: MAX_LIST_BYTES }),
        ),
      );
      const { confirmRestored } = await import('../app/recovery.ts');
      const { openLog } = await import('../core/log.ts');
      const { SystemClock } = await import('../core/clock.ts');
      const log = openLog(new SystemClock(), { level: 'warn', format: 'text' });
      const report = await confirmRestored(
        { folder, log, askPassphrase: passphrasePrompt() },
        {
          ...{ files, numbers, operator: operator.name },
          coversRest: options.noneNewer === true,
          acceptsMissing: options.acceptMissing === true,
        },
      );
      output.answer(report, () =>
        [
          ...report.moved.map(
            ({ scope, from, to }) => `${scope}: the next number follows ${to}, not ${from}`,
          ),
          ...report.missing.map(
            ({ scope, serialNumber }) => `${scope}: ${serialNumber} is not revoked here`,
          ),
          'The CA signs again. Publish now: certdir ca publish --all',
        ].join('\n'),
      );
    });
}

function parseNumber(text: string): { readonly scopeId: string; readonly number: bigint } {
  const [, scopeId, digits] = /^([^=]+)=(\d{1,48})$/.exec(text) ?? [];
  if (scopeId === undefined || digits === undefined) {
    throw new UsageError(`--number is a list and a number, e.g. 10201=57: ${text}`);
  }
  return { scopeId, number: BigInt(digits) };
}
