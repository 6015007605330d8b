/**
 * Every preset that ships, each in a data folder of its own and all in one: made, opened, its lists read by anyone or
 * by nobody as its policy says, and checked.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { Instance } from '../../src/app/ca-instance.ts';
import { checkStore } from '../../src/app/check.ts';
import { openInstance } from '../../src/app/instance.ts';
import { repositoryPaths } from '../../src/app/repository-paths.ts';
import { checkpointFileOf } from '../../src/app/set-back.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { ClosingStack } from '../../src/core/closing-stack.ts';
import { silentLog } from '../../src/core/log.ts';
import { anonymous } from '../../src/directory/accounts/principal.ts';
import { makeDataFolder } from '../support/data-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const presets = readdirSync(join(packageRoot, 'cps'))
  .filter((name) => name.endsWith('.yaml') && !name.startsWith('municipalities'))
  .map((name) => name.slice(0, -'.yaml'.length));

/** A list for each of the country's municipalities is for another test: one for a few is the same here. */
const country = 'municipalities-japan.csv';
const few = readFileSync(join(packageRoot, 'cps', country), 'utf8')
  .split('\n')
  .slice(0, 12);
const beside = { [country]: `${few.join('\n')}\n` };

const session = { isProtected: false, address: '', channel: 'ldap' };

/** Everything that every CA of an instance has to have, whatever else is beside it. */
async function assertWhole(instance: Instance): Promise<void> {
  for (const { policy, authority, directory, signer } of instance.cas) {
    const { lists } = await authority.status();
    assert.ok(lists.length > 0 && lists.every(({ published }) => published !== undefined));
    assert.ok((await signer.describe(`${policy.id}-ca-1`)).spki.length > 0);
    const everyone = await directory.readPermissions({ principal: anonymous, session });
    const { issuer } = policy.names;
    assert.equal(await everyone.allows(issuer, 'cACertificate'), true, `${policy.id}: certificate`);
    const administrator = `cn=administrator,${policy.directory.operators}`;
    assert.equal(await everyone.allows(administrator, 'cn'), false, `${policy.id}: operators`);
  }
  const { store, policies, directory, configuration, clock } = instance;
  const subject = {
    ...{ store, policies, schema: directory.schema, nowMs: clock.nowMs() },
    checkpointFile: checkpointFileOf(configuration),
  };
  const report = await checkStore(subject, { isDeep: false, parts: 'all' }, () => undefined);
  assert.deepEqual(report.findings, []);
}

it('there are six, and the bridge is one of them', () => {
  const expected = ['bca', 'gunma', 'jlis-auth', 'mic-ops', 'secom-gid', 'tokyo'];
  assert.deepEqual(presets.toSorted(), expected);
});

for (const preset of presets) {
  it(`${preset} alone`, async (t) => {
    const folder = join(temporaryFolder(t), 'data');
    await makeDataFolder(folder, [preset], beside);
    const closing = new ClosingStack();
    t.after(() => closing.close());
    await assertWhole(await openInstance({ folder, log: silentLog }, closing));
  });
}

describe('all presets in one server', () => {
  const folder = join(temporaryFolder({ after }), 'data');
  const closing = new ClosingStack();
  let instance: Instance;

  before(async () => {
    await makeDataFolder(folder, presets, beside);
    instance = await openInstance({ folder, log: silentLog }, closing);
  });
  after(() => closing.close());

  it('each is whole', () => assertWhole(instance));

  it('each manager manages its own operators, and no one else’s', async () => {
    const { directory, cas } = instance;
    const protectedSession = { ...session, isProtected: true };
    for (const { policy } of cas) {
      const name = `cn=administrator,${policy.directory.operators}`;
      for (const other of cas) {
        const on = `cn=administrator,${other.policy.directory.operators}`;
        const { items } = await directory.explainAccess({
          ...{ as: name, on, attribute: 'description', tls: 'tls' },
        });
        const can = items[0]?.rights.find(({ right }) => right === 'add')?.isGranted;
        assert.equal(can, policy === other.policy, `${policy.id} on ${other.policy.id}`);
      }
      const password = Buffer.from('Administrator 1 of a test');
      const principal = await directory.bind(name, password, protectedSession);
      const caller = { principal, session: protectedSession };
      for (const dn of ['c=JP', 'o=JPKI,c=JP']) {
        const change = { operation: 'replace', attribute: 'description', values: [] } as const;
        await assert.rejects(directory.modify({ dn, changes: [change] }, caller), {
          code: /DIRECTORY_(ACCESS_DENIED|NO_SUCH_OBJECT)/,
        });
      }
    }
  });

  it('no printed path on the Web is two CAs’', () => {
    const paths = instance.cas.flatMap((ca) => {
      const { pages = [], certificates = [] } = repositoryPaths(ca) ?? {};
      return [
        ...[...pages, ...certificates],
        ...ca.authority.scopes.list.flatMap(({ httpPaths }) => httpPaths),
      ];
    });
    assert.equal(new Set(paths).size, paths.length);
  });
});
