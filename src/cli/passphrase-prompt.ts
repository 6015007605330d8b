/**
 * Asks for the token's passphrase on the terminal, without showing it.
 *
 * @module
 */

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

import { UsageError } from './usage-error.ts';

/** How to ask; undefined where nobody sits in front. */
export function passphrasePrompt(): (() => Promise<string>) | undefined {
  return isTerminal() ? () => ask('Passphrase of the token') : undefined;
}

/** Asks for something secret. @throws {UsageError} where nobody sits in front. */
export async function askSecret(what: string): Promise<string> {
  if (!isTerminal()) {
    throw new UsageError(`${what}: there is no terminal to ask on; name a file`);
  }
  return await ask(what);
}

function isTerminal(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

async function ask(what: string): Promise<string> {
  process.stderr.write(`${what}: `);
  // Readline echoes what is typed to its output; this one drops it.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return await new Promise<string>((resolve) => lines.question('', resolve));
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
