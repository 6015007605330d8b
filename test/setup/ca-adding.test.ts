import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { parse } from 'yaml';

import { openLocalOperations } from '../../src/app/local-instance.ts';
import { CONFIGURATION_FILE, loadConfiguration } from '../../src/config/configuration.ts';
import { silentLog } from '../../src/core/log.ts';
import { type AddedCa, addCa } from '../../src/setup/ca-adding.ts';
import { makeDataFolder } from '../support/data-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('another CA in a data folder', () => {
  const folder = join(temporaryFolder({ after }), 'data');
  const yaml = join(folder, CONFIGURATION_FILE);
  let alone = '';
  let added: AddedCa;

  const add = (policy: string): Promise<AddedCa> =>
    addCa({
      ...{ folder, policy, log: silentLog },
      operator: { name: 'tester' },
      onProgress: () => undefined,
    });

  before(async () => {
    await makeDataFolder(folder);
    // As an earlier version, and people, wrote it.
    const configuration = JSON.parse(readFileSync(yaml, 'utf8'));
    const { policies, ...rest } = configuration;
    const one = { ...rest, policy: policies[0] };
    alone = `# Kept by hand.\n${JSON.stringify(one, undefined, 1)}\n`;
    writeFileSync(yaml, alone);
    added = await add('tokyo');
  });

  it('is named in the configuration, whose comments stay', async () => {
    const { policies } = await loadConfiguration(yaml);
    assert.deepEqual(policies, [join(folder, 'policy.yaml'), join(folder, 'policies/tokyo.yaml')]);
    assert.match(readFileSync(yaml, 'utf8'), /^# Kept by hand\./);
  });

  it('has an administrator of its own, whose password is its owner’s to read', () => {
    assert.match(added.administratorDn, /^cn=administrator,OU=Operators,OU=Tokyo/);
    assert.equal(statSync(added.administratorPasswordFile).mode & 0o777, 0o600);
  });

  it('is worked on by its name', async () => {
    for (const [ca, preset] of [
      ['gunma', 'gunma'],
      ['tokyo', 'tokyo'],
    ] as const) {
      const { operations, close } = await openLocalOperations({ folder, log: silentLog, ca });
      const status = await operations.status();
      await close();
      assert.equal(status.preset, preset);
      assert.ok(status.scopes.every(({ crlNumber }) => crlNumber === '1'));
    }
    await assert.rejects(openLocalOperations({ folder, log: silentLog, ca: 'saitama' }), {
      code: 'CA_UNKNOWN',
    });
  });

  it('without a name everything of all is there, and what is of one asks for it', async () => {
    const { operations, close } = await openLocalOperations({ folder, log: silentLog });
    try {
      const ids = (await operations.statuses()).map(({ preset }) => preset);
      assert.deepEqual(ids, ['gunma', 'tokyo']);
      const report = await operations.check({ isDeep: true, parts: 'all' }, () => undefined);
      assert.deepEqual(report.findings, []);
      for (const ask of [
        () => operations.status(),
        () => operations.verifiers.list(),
        () => operations.crl.list({ days: 1 }),
        () => operations.audit.provisions({ period: '2026' }),
        () => operations.archive.export({ period: '2026-01' }, { name: 'tester' }),
      ]) {
        assert.throws(ask, { code: 'CA_NOT_NAMED' });
      }
      assert.ok((await operations.audit.list({ limit: 1 })).length > 0);
    } finally {
      await close();
    }
  });

  it('comes behind the one that the folder was made with', async () => {
    const named = readFileSync(yaml, 'utf8');
    const swapped = ['policies/tokyo.yaml', 'policy.yaml'];
    const { policies, ...rest } = parse(named);
    assert.deepEqual(swapped.toReversed(), policies);
    writeFileSync(yaml, JSON.stringify({ ...rest, policies: swapped }));
    await assert.rejects(openLocalOperations({ folder, log: silentLog }), {
      code: 'CONFIG_INVALID',
    });
    writeFileSync(yaml, named);
  });

  it('is not added twice', async () => {
    await assert.rejects(add('tokyo'), { code: 'SETUP_CA_EXISTS' });
    await assert.rejects(add('atlantis'), { code: 'SETUP_PRESET_UNKNOWN' });
  });

  it('that was made but not named yet is taken up', async () => {
    const named = readFileSync(yaml, 'utf8');
    writeFileSync(yaml, alone);
    const again = await add('tokyo');
    assert.equal(again.sha256Fingerprint, added.sha256Fingerprint);
    assert.equal(readFileSync(yaml, 'utf8'), named);
  });

  it('with the name of one that is there is refused before anything is made', async () => {
    const twin = join(folder, 'twin.yaml');
    const policy = readFileSync(join(folder, 'policy.yaml'), 'utf8');
    writeFileSync(twin, policy.replace('id: gunma', 'id: twin'));
    const before = readFileSync(yaml, 'utf8');
    await assert.rejects(add(twin), { code: 'CONFIG_INVALID', message: /names\.issuer/ });
    assert.equal(readFileSync(yaml, 'utf8'), before);
  });
});
