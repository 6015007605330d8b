import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { readSecretFile } from '../../src/config/secret-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('readSecretFile', () => {
  const write = (t: { after(fn: () => void): void }, text: string, mode: number): string => {
    const file = join(temporaryFolder(t), 'secret');
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  };

  it('drops one trailing newline and no more', async (t) => {
    assert.equal(await readSecretFile(write(t, ' pass \n\n', 0o600)), ' pass \n');
    assert.equal(await readSecretFile(write(t, 'pass\r\n', 0o400)), 'pass');
  });

  for (const mode of [0o640, 0o604, 0o644, 0o620]) {
    it(`refuses mode ${mode.toString(8)}`, async (t) => {
      await assert.rejects(readSecretFile(write(t, 'top-secret', mode)), (error: Error) => {
        assert.equal((error as { code?: string }).code, 'CONFIG_SECRET');
        assert.ok(!error.message.includes('top-secret'));
        return true;
      });
    });
  }

  it('refuses an empty file, a missing file and one that is too long', async (t) => {
    const code = { code: 'CONFIG_SECRET' };
    await assert.rejects(readSecretFile(write(t, '\n', 0o600)), code);
    await assert.rejects(readSecretFile(join(temporaryFolder(t), 'none')), code);
    await assert.rejects(readSecretFile(write(t, 'x'.repeat(65_537), 0o600)), code);
  });
});
