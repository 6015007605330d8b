import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { writeArchiveFolder } from '../../src/app/archive-folder.ts';
import { writingTo } from '../../src/cli/output-error.ts';
import { withOutputFile } from '../../src/cli/output-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const full = (): Error =>
  Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
  });

describe('a file that a command answers into', () => {
  it('that the disk does not take is told as that', {
    skip: !existsSync('/dev/full'),
  }, async () => {
    await assert.rejects(
      withOutputFile('/dev/full', 0o600, (write) => write('an answer')),
      { code: 'CLI_OUTPUT_FAILED' },
    );
  });

  it('is as it was when the work fails, whose error is its own', async (t) => {
    const file = join(temporaryFolder(t), 'answer');
    writeFileSync(file, 'before');
    const fault = new Error('the work');
    await assert.rejects(
      withOutputFile(file, 0o600, async (write) => {
        await write('half');
        throw fault;
      }),
      fault,
    );
    assert.equal(readFileSync(file, 'utf8'), 'before');
  });
});

describe('a folder of a month', () => {
  it('is empty again when the disk was full, so that it can be tried again', async (t) => {
    const folder = join(temporaryFolder(t), 'month');
    mkdirSync(folder);
    const file = { path: 'certificates/0A.cer', content: 'AAAA' };
    const files = async function* (fails: boolean): AsyncGenerator<typeof file> {
      yield file;
      if (fails) {
        throw full();
      }
    };
    await assert.rejects(
      writingTo(folder, () => writeArchiveFolder(folder, files(true))),
      { code: 'CLI_OUTPUT_FAILED' },
    );
    assert.deepEqual(readdirSync(folder), []);
    await writeArchiveFolder(folder, files(false));
    assert.deepEqual(readdirSync(folder), ['certificates']);
    await assert.rejects(writeArchiveFolder(folder, files(false)), { code: 'VERIFIER_UNEXPECTED' });
    assert.deepEqual(readdirSync(folder), ['certificates'], 'what others have put there stays');
  });
});
