import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { makeDataFolder } from '../support/data-folder.ts';
import { StoppedInstance } from '../support/stopped-instance.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('the first account has every role that manages something in the policy, of which one registers the others', async (t) => {
  const made = await makeDataFolder(join(temporaryFolder(t), 'data'));
  const instance = await StoppedInstance.open(made.folder);
  t.after(() => instance.close());
  const password = encodeUtf8(made.administratorPassword);
  const session = { isProtected: true, address: '', channel: 'test' };
  const principal = await instance.directory.bind(made.administratorDn, password, session);
  assert.ok(principal.kind === 'entry');
  assert.deepEqual(principal.operatorRoles, ['manager', 'repositoryOperator']);
});
