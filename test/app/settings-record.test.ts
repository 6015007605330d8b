import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { openLocalOperations } from '../../src/app/local-instance.ts';
import { silentLog } from '../../src/core/log.ts';
import type { AuditRecordReport } from '../../src/http/audit-operations.ts';
import type { Operations } from '../../src/http/operations.ts';
import { initialise } from '../../src/setup/initialise.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const operator = { name: 'tester' };

describe('what a data folder is opened with is on record', () => {
  const folder = join(temporaryFolder({ after }), 'data');
  const at = (name: string): string => join(folder, name);
  const digest = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(at(name)))
      .digest('hex');

  async function open<T>(use: (operations: Operations) => Promise<T>): Promise<T> {
    const { operations, close } = await openLocalOperations({ folder, log: silentLog });
    return await use(operations).finally(close);
  }

  const records = (kind: string): Promise<readonly AuditRecordReport[]> =>
    open(({ audit }) => audit.list({ kind, limit: 100 }));

  before(async () => {
    await initialise({
      folder,
      preset: 'gunma',
      address: '127.0.0.1',
      ...{ ldapPort: 0, ldapsPort: 0, httpPort: 0 },
      passphraseFile: undefined,
      allowClearPasswords: false,
      operator,
      onProgress: () => undefined,
    });
  });

  const files = [
    { kind: 'policy.change', file: 'policy.yaml' },
    { kind: 'configuration.change', file: 'certdir.yaml' },
  ];
  for (const { kind, file } of files) {
    it(`${kind}: once for each state of ${file}, with the one before`, async () => {
      const first = digest(file);
      const seen = (await records(kind)).map(({ before: was, after: is }) => [was, is]);
      assert.deepEqual(seen, [[null, first]]);
      appendFileSync(at(file), '# another word\n');
      await open(async () => undefined);
      assert.deepEqual(
        (await records(kind)).map(({ before: was, after: is }) => [was, is]),
        [
          [null, first],
          [first, digest(file)],
        ],
      );
    });
  }

  it('a policy that the program refuses is not in force, and not on record', async () => {
    const text = readFileSync(at('policy.yaml'));
    const count = (await records('policy.change')).length;
    writeFileSync(at('policy.yaml'), text.toString('utf8').replace(/^id: gunma$/m, 'id: other'));
    await assert.rejects(open(async () => undefined));
    writeFileSync(at('policy.yaml'), text);
    assert.equal((await records('policy.change')).length, count);
  });

  it('key.activate: a passphrase that is wrong is a failed act on the key', async () => {
    const file = at('secrets/token-passphrase');
    const right = readFileSync(file);
    writeFileSync(file, 'wrong but long enough to be one');
    await assert.rejects(open(async () => undefined));
    writeFileSync(file, right);
    const [record, ...more] = await records('key.activate');
    assert.deepEqual([record?.result, more.length], ['failed', 0]);
    assert.equal(record?.details['token'], 'signer');
  });

  it('directory.export: nothing leaves before it is on record', async () => {
    await open(async (operations) => {
      const last = async (): Promise<readonly AuditRecordReport[]> =>
        await operations.audit.list({ kind: 'directory.export', limit: 10 });
      const read = async (wish: Parameters<Operations['ldifExport']>[0]): Promise<void> => {
        for await (const text of operations.ldifExport(wish, operator)) {
          const record = (await last()).at(-1);
          assert.deepEqual([record?.subject, record?.actor], [wish.base ?? '', operator.name]);
          assert.ok(text.length > 0);
          return;
        }
      };
      await read({});
      await read({ base: 'c=JP', filter: '(objectClass=*)' });
      assert.equal((await last()).at(-1)?.details['filter'], '(objectClass=*)');
      await assert.rejects(read({ base: 'cn=nobody' }), { code: 'DIRECTORY_NO_SUCH_OBJECT' });
      assert.equal((await last()).length, 2);
    });
  });
});
