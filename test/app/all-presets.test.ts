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

import type { CaInstance, Instance } from '../../src/app/ca-instance.ts';
import { checkStore } from '../../src/app/check.ts';
import { openInstance } from '../../src/app/instance.ts';
import { repositoryPaths } from '../../src/app/repository-paths.ts';
import { checkpointFileOf } from '../../src/app/set-back.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { ClosingStack } from '../../src/core/closing-stack.ts';
import { silentLog } from '../../src/core/log.ts';
import { anonymous } from '../../src/directory/accounts/principal.ts';
import { administratorPassword, makeDataFolder } from '../support/data-folder.ts';
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

/** Of `cn=administrator`: what manages over LDAP, and registers the others. */
const firstRoles: Readonly<Record<string, readonly string[]>> = {
  gunma: ['manager', 'repositoryOperator'],
  tokyo: ['manager', 'repositoryOperator'],
  'jlis-auth': ['manager', 'seniorOperator'],
  'secom-gid': ['operationsManager'],
  'mic-ops': ['manager'],
  bca: ['manager', 'seniorOperator', 'repositoryOperator'],
};

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

/** Who could write accounts could be the several people that a request passes through (gunma 5-2-2). */
async function assertAccountsAreOnlyRead({ policy, directory }: CaInstance): Promise<void> {
  const own = `cn=administrator,${policy.directory.operators}`;
  const tls = { ...session, isProtected: true };
  const principal = await directory.bind(own, encodeUtf8(administratorPassword), tls);
  assert.ok(principal.kind === 'entry');
  assert.deepEqual(principal.operatorRoles, firstRoles[policy.id], policy.id);
  const caller = { principal, session: tls };
  const permissions = await directory.readPermissions(caller);
  assert.equal(await permissions.allows(own, 'certdirOperatorRole'), true, policy.id);
  const registrars = policy.people?.permissions['operators.manage'] ?? [];
  assert.ok(
    (principal.operatorRoles ?? []).some((role) => registrars.includes(role)),
    policy.id,
  );
  const refused = { code: 'DIRECTORY_ACCESS_DENIED' };
  const values = (description: string, ...texts: string[]) => ({
    description,
    values: texts.map(encodeUtf8),
  });
  const attributes = [
    values('objectClass', 'applicationProcess', 'certdirOperator'),
    values('cn', 'second'),
    values('certdirOperatorRole', 'approver'),
  ];
  const dn = `cn=second,${policy.directory.operators}`;
  await assert.rejects(directory.add({ dn, attributes }, caller), refused, policy.id);
  for (const [attribute, value] of [
    ['certdirOperatorRole', 'approver'],
    ['displayName', '別人'],
    ['certdirCertificateSha256', '0'.repeat(64)],
  ] as const) {
    const changes = [{ operation: 'add', attribute, values: [encodeUtf8(value)] }] as const;
    const modified = directory.modify({ dn: own, changes }, caller);
    await assert.rejects(modified, refused, `${policy.id}: ${attribute}`);
  }
  await assert.rejects(directory.delete({ dn: own }, caller), refused, policy.id);
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
    const instance = await openInstance({ folder, log: silentLog }, closing);
    await assertWhole(instance);
    await assertAccountsAreOnlyRead(instance.cas[0]);
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

  it('each manager reads its own operators, no one else’s, and writes none', async () => {
    const { directory, cas } = instance;
    const protectedSession = { ...session, isProtected: true };
    for (const { policy } of cas) {
      const name = `cn=administrator,${policy.directory.operators}`;
      for (const other of cas) {
        const on = `cn=administrator,${other.policy.directory.operators}`;
        const { items } = await directory.explainAccess({
          ...{ as: name, on, attribute: 'description', tls: 'tls' },
        });
        const can = (wanted: string): boolean | undefined =>
          items[0]?.rights.find(({ right }) => right === wanted)?.isGranted;
        assert.equal(can('read'), policy === other.policy, `${policy.id} on ${other.policy.id}`);
        assert.equal(can('add'), false, `${policy.id} on ${other.policy.id}`);
      }
      const password = encodeUtf8(administratorPassword);
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
