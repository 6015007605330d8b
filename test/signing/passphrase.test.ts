/**
 * Reading a passphrase from its file.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { readPassphrase } from '../../src/signing/passphrase.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const refused = { name: 'SigningError', code: 'SIGNING_PASSPHRASE_FILE' };

describe('readPassphrase', () => {
  const contents = [
    { written: 'secret', read: 'secret' },
    { written: 'secret\n', read: 'secret' },
    { written: 'secret\r\n', read: 'secret' },
    { written: 'secret\n\n', read: 'secret\n' },
    { written: ' secret ', read: ' secret ' },
    { written: 'secret\r', read: 'secret\r' },
    { written: '秘密の言葉\n', read: '秘密の言葉' },
    { written: 'x'.repeat(1024), read: 'x'.repeat(1024) },
    { written: `${'x'.repeat(1024)}\r\n`, read: 'x'.repeat(1024) },
  ];
  for (const { written, read } of contents) {
    it(`reads ${JSON.stringify(written.slice(0, 12))} of ${written.length}`, async (t) => {
      const file = join(temporaryFolder(t), 'passphrase');
      writeFileSync(file, written, { mode: 0o600 });
      assert.equal((await readPassphrase({ file })).toString('utf8'), read);
    });
  }

  for (const written of ['', '\n', '\r\n', 'x'.repeat(1025), `${'x'.repeat(1025)}\n`]) {
    it(`refuses ${JSON.stringify(written.slice(0, 4))} of ${written.length}`, async (t) => {
      const file = join(temporaryFolder(t), 'passphrase');
      writeFileSync(file, written, { mode: 0o600 });
      await assert.rejects(readPassphrase({ file }), refused);
    });
  }

  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666]) {
    it(`refuses mode ${mode.toString(8)}`, async (t) => {
      const file = join(temporaryFolder(t), 'passphrase');
      writeFileSync(file, 'secret');
      chmodSync(file, mode);
      await assert.rejects(readPassphrase({ file }), refused);
    });
  }

  it('takes mode 0400', async (t) => {
    const file = join(temporaryFolder(t), 'passphrase');
    writeFileSync(file, 'secret', { mode: 0o400 });
    assert.equal((await readPassphrase({ file })).toString(), 'secret');
  });

  it('refuses a file that is not there, and a folder', async (t) => {
    const folder = temporaryFolder(t);
    await assert.rejects(readPassphrase({ file: join(folder, 'absent') }), refused);
    mkdirSync(join(folder, 'folder'), { mode: 0o700 });
    await assert.rejects(readPassphrase({ file: join(folder, 'folder') }), refused);
  });

  it('takes a text as it is, and refuses an empty one', async () => {
    assert.equal((await readPassphrase({ text: 'typed\n' })).toString(), 'typed\n');
    await assert.rejects(readPassphrase({ text: '' }), refused);
  });
});
