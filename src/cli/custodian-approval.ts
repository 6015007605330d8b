/**
 * A custodian's approval, made at the terminal: the passphrase is read and used in this process alone.
 *
 * @module
 */

import { join, resolve } from 'node:path';

import { SystemRandom } from '../core/random.ts';
import type { ProposalReport } from '../http/custody-operations.ts';
import type { Proposal } from '../signing/custody/approval.ts';
import type { Context } from './context.ts';
import { InputError } from './input-error.ts';
import { askSecret } from './passphrase-prompt.ts';
import { UsageError } from './usage-error.ts';

export interface ApproveOptions {
  readonly name: string;
  readonly passphraseFile?: string;
}

/** What leaves this process: signed by the custodian, the share in it for the signer process alone. */
export async function makeApproval(
  { folder }: Context,
  found: ProposalReport,
  { name, passphraseFile }: ApproveOptions,
): Promise<unknown> {
  const { CONFIGURATION_FILE, loadConfiguration } = await import('../config/configuration.ts');
  const { token } = await loadConfiguration(join(folder, CONFIGURATION_FILE));
  if (token.custodiansFile === undefined) {
    throw new UsageError(`the token of ${folder} has no custodians`);
  }
  const { approve, hashOfProposal } = await import('../signing/custody/approval.ts');
  const { openCustodian, readCustody } = await import('../signing/custody/custody-document.ts');
  const proposal = found.proposal as Proposal;
  if (hashOfProposal(proposal) !== found.hash) {
    throw new InputError('CLI_INPUT_UNREADABLE', 'the server shows another act than it hashed');
  }
  const document = await readCustody(token.custodiansFile);
  const passphrase = await readSecret(`Passphrase of ${name}`, passphraseFile);
  const opened = await openCustodian(document, name, passphrase).finally(() => passphrase.fill(0));
  try {
    return approve(proposal, opened, new SystemRandom());
  } finally {
    opened.share.fill(0);
  }
}

/** A passphrase from a file or the terminal. */
export async function readSecret(prompt: string, file: string | undefined): Promise<Buffer> {
  const { readPassphrase } = await import('../signing/passphrase.ts');
  return file === undefined
    ? await readPassphrase({ text: await askSecret(prompt) })
    : await readPassphrase({ file: resolve(file) });
}
