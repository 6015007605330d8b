/**
 * `certdir recover`: what a restored CA must be told before it signs.
 *
 * @module
 */

import type { Command } from 'commander';

import { readSecretFile } from '../config/secret-file.ts';
import { SystemClock } from '../core/clock.ts';
import type { RecoverInput } from '../http/operations.ts';
import type { ListAddress } from '../readback/published-lists.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { readInputFile } from './input-file.ts';
import { UsageError } from './usage-error.ts';

interface ConfirmOptions {
  readonly list: readonly string[];
  readonly from: readonly string[];
  readonly bindDn?: string;
  readonly bindPasswordFile?: string;
  readonly caFile?: string;
  readonly number: readonly string[];
  readonly noneNewer?: boolean;
  readonly acceptMissing?: boolean;
  readonly checkpoint: readonly string[];
}

const MAX_LIST_BYTES = 256 * 1024 * 1024;
const MAX_PEM_BYTES = 1024 * 1024;
const MAX_CHECKPOINT_BYTES = 16_384;

const help = `
A restored store does not know of lists that were published after the backup was made. Name a replica (--from), or
give lists that a relying party or your records have: the next number of each is then above them, and
revocations that they carry and the store has lost are named. A list counts only when this CA's key has signed it.
A directory is asked for every list of the policy; those that it does not show are not accounted for. The audit log
is looked at in the same way: give the last checkpoint that somebody has kept. If it has lost records, it is signed again
when an auditor has answered for that with "certdir audit accept-loss".
${examples(
  'certdir recover confirm --checkpoint checkpoint-2026-01-05 --from ldaps://replica.example.jp \\\n' +
    '    --bind-dn cn=reader,o=JPKI,c=JP --bind-password-file reader.password',
  'certdir recover confirm --from https://www.example.jp/arl.crl --list maebashi.crl --none-newer',
  'certdir recover confirm --list maebashi.crl arl.crl --none-newer',
  'certdir recover confirm --number 10201=57 --number arl=12 --checkpoint checkpoint-2026-01-05 --none-newer',
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
      '--from <urls...>',
      'read lists from ldap://HOST, ldaps://HOST, http:// or https://',
      [],
    )
    .option('--bind-dn <dn>', 'who asks the directories of --from; anonymous without it')
    .option('--bind-password-file <file>', 'file with its password, readable by its owner only')
    .option('--ca-file <file>', 'PEM of the certificates that ldaps:// and https:// are trusted by')
    .option(
      '--number <scope=number...>',
      'highest number in use of a list that cannot be read back',
      [],
    )
    .option('--checkpoint <files...>', 'checkpoints of the audit log that were kept elsewhere', [])
    .option(
      '--none-newer',
      'of all other lists, and of the audit log without --checkpoint, nothing is in use that the store does not know',
    )
    .option(
      '--accept-missing',
      'go on although lists carry revocations that the store does not have',
    )
    .addHelpText('after', help)
    .action(async (options: ConfirmOptions, command: Command) => {
      const context = contextOf(command);
      const { output, operator } = context;
      const gathering = await gatheringOf(options);
      const numbers = options.number.map(parseNumber);
      const checkpoints = await Promise.all(options.checkpoint.map(readCheckpoint));
      const { gatherLists } = await import('../app/recovery.ts');
      const report = await withOperations(context, async (operations) => {
        const names = (await operations.status()).scopes.map(({ dn }) => dn);
        const addresses = options.from.map((url) => ({ url, names, ...gathering }));
        const lists = await gatherLists({ files: gathering.files, addresses }, new SystemClock());
        const marks = {
          coversRest: options.noneNewer === true,
          acceptsMissing: options.acceptMissing === true,
        };
        return await operations.recoverConfirm({ lists, numbers, checkpoints, ...marks }, operator);
      });
      output.answer(report, () =>
        [
          `${report.lists} lists were read.`,
          ...report.moved.map(
            ({ scope, from, to }) => `${scope}: the next number follows ${to}, not ${from}`,
          ),
          ...report.missing.map(
            ({ scope, serialNumber }) => `${scope}: ${serialNumber} is not revoked here`,
          ),
          ...(report.auditLoss === null
            ? []
            : [`${report.auditLoss}. No checkpoint is signed before certdir audit accept-loss`]),
          'The CA signs again. Publish now: certdir ca publish --all',
        ].join('\n'),
      );
    });
}

/** What is read from files before anything is asked. */
async function gatheringOf(
  options: ConfirmOptions,
): Promise<Omit<ListAddress, 'url' | 'names'> & { readonly files: readonly Uint8Array[] }> {
  const { bindDn: dn, bindPasswordFile, caFile } = options;
  if ((dn === undefined) !== (bindPasswordFile === undefined)) {
    throw new UsageError('--bind-dn and --bind-password-file go together');
  }
  const read = (file: string): Promise<Buffer> =>
    readInputFile(file, { what: 'a list', maxBytes: MAX_LIST_BYTES });
  const pem = { what: 'certificates', maxBytes: MAX_PEM_BYTES };
  return {
    files: await Promise.all(options.list.map(read)),
    credentials:
      dn === undefined || bindPasswordFile === undefined
        ? undefined
        : { dn, password: await readSecretFile(bindPasswordFile) },
    trusted:
      caFile === undefined ? undefined : (await readInputFile(caFile, pem)).toString('latin1'),
  };
}

async function readCheckpoint(file: string): Promise<string> {
  const bounds = { what: 'a checkpoint', maxBytes: MAX_CHECKPOINT_BYTES };
  return (await readInputFile(file, bounds)).toString('utf8');
}

function parseNumber(text: string): RecoverInput['numbers'][number] {
  const [, scope, number] = /^([^=]+)=(\d{1,48})$/.exec(text) ?? [];
  if (scope === undefined || number === undefined) {
    throw new UsageError(`--number is a list and a number, e.g. 10201=57: ${text}`);
  }
  return { scope, number };
}
