/**
 * Asks for the token's passphrase on the terminal, without showing it.
 *
 * @module
 */

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** How to ask; undefined where nobody sits in front. */
export function passphrasePrompt(): (() => Promise<string>) | undefined {
  return process.stdin.isTTY && process.stderr.isTTY ? ask : undefined;
}

async function ask(): Promise<string> {
  process.stderr.write('Passphrase of the token: ');
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
