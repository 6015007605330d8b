import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { Caller, Modification } from '../../src/directory/service.ts';
import {
  asTexts,
  attributesOf,
  callerOf,
  type DirectoryFixture,
  search,
  system,
  tlsSession,
} from '../support/directory-fixture.ts';
import {
  openRepository,
  repositoryRules,
  verifierPassword,
  verifiers,
} from '../support/repository-fixture.ts';

const manager = `cn=Operator,${verifiers}`;
const clerk = `cn=Clerk,${verifiers}`;
const [first, second] = ['ab'.repeat(32), 'cd'.repeat(32)];
const own = 'another horse 3';
const attribute = 'certdirCredentialSetBy';

function replace(type: string, ...texts: readonly string[]): Modification {
  return { operation: 'replace', attribute: type, values: texts.map(encodeUtf8) };
}

async function open(t: Parameters<typeof openRepository>[0]) {
  const fixture = await openRepository(
    t,
    {
      access: [{ who: { kind: 'operator' }, rights: ['manage'] }, ...repositoryRules],
    },
    { lists: false },
  );
  const add = (dn: string, extra: Record<string, string>, caller: Caller = system) =>
    fixture.directory.add(
      { dn, attributes: attributesOf({ ...operatorEntry(dn), ...extra }) },
      caller,
    );
  const by = await boundAs(fixture, manager);
  const set = (caller: Caller, ...changes: readonly Modification[]) =>
    fixture.directory.modify({ dn: clerk, changes }, caller);
  const setters = async (dn = clerk): Promise<readonly string[]> =>
    asTexts((await search(fixture.directory, { base: dn, attributes: [attribute] }))[0])[
      attribute
    ] ?? [];
  assert.ok(by.principal.kind === 'entry');
  return { fixture, add, by, uuid: by.principal.entryUuid, set, setters };
}

function operatorEntry(dn: string): Record<string, string | string[]> {
  return {
    objectClass: ['organizationalRole', 'certdirOperator'],
    cn: /^cn=([^,]*)/.exec(dn)?.[1] ?? '',
    certdirOperatorRole: 'clerk',
  };
}

async function boundAs({ directory }: DirectoryFixture, dn: string, password = verifierPassword) {
  return callerOf(await directory.bind(dn, encodeUtf8(password), tlsSession));
}

describe('certdirCredentialSetBy', () => {
  it('says which operator has set the password, by whatever road it came', async (t) => {
    const { fixture, add, by, uuid, set, setters } = await open(t);
    await add(clerk, { userPassword: verifierPassword }, by);
    assert.deepEqual(await setters(), [`password#${uuid}`]);
    await set(system, replace('userPassword', own));
    assert.deepEqual(await setters(), []);
    await set(by, replace('userPassword', verifierPassword));
    assert.deepEqual(await setters(), [`password#${uuid}`]);
    await set(by, replace('description', 'nothing that authenticates'));
    assert.deepEqual(await setters(), [`password#${uuid}`]);
    const owner = await boundAs(fixture, clerk);
    await fixture.directory.changePassword(
      { oldPassword: encodeUtf8(verifierPassword), newPassword: encodeUtf8(own) },
      owner,
    );
    assert.deepEqual(await setters(), []);
    await fixture.directory.changePassword(
      { dn: clerk, newPassword: encodeUtf8('third one 33') },
      by,
    );
    assert.deepEqual(await setters(), [`password#${uuid}`]);
    await set(by, replace('userPassword'));
    assert.deepEqual(await setters(), []);
  });

  it('says it of each certificate, and the owner does not shed it', async (t) => {
    const { fixture, add, by, uuid, set, setters } = await open(t);
    await add(clerk, { userPassword: verifierPassword, certdirCertificateSha256: second });
    assert.deepEqual(await setters(), []);
    const certificates = (...texts: string[]) => replace('certdirCertificateSha256', ...texts);
    await set(by, certificates(first.toUpperCase(), second));
    assert.deepEqual(await setters(), [`${first}#${uuid}`]);
    const owner = await boundAs(fixture, clerk);
    await set(owner, certificates(second));
    await set(owner, certificates(first));
    assert.deepEqual(await setters(), [`${first}#${uuid}`]);
    await set(system, certificates(second));
    assert.deepEqual(await setters(), []);
  });

  it('is there when an account with credentials is made an operator', async (t) => {
    const { fixture, by, uuid, set, setters } = await open(t);
    const { objectClass: _, certdirOperatorRole: __, ...plain } = operatorEntry(clerk);
    const attributes = attributesOf({
      ...plain,
      objectClass: ['organizationalRole', 'simpleSecurityObject'],
      userPassword: verifierPassword,
    });
    await fixture.directory.add({ dn: clerk, attributes }, by);
    assert.deepEqual(await setters(), []);
    await set(
      by,
      replace('objectClass', 'organizationalRole', 'simpleSecurityObject', 'certdirOperator'),
      replace('certdirOperatorRole', 'clerk'),
    );
    assert.deepEqual(await setters(), [`password#${uuid}`]);
  });

  it('is for nobody to write', async (t) => {
    const { add, by, uuid, set, setters } = await open(t);
    await add(clerk, { userPassword: verifierPassword }, by);
    for (const caller of [by, system]) {
      await assert.rejects(set(caller, replace(attribute)), { code: 'DIRECTORY_CONSTRAINT' });
    }
    assert.deepEqual(await setters(), [`password#${uuid}`]);
    await assert.rejects(add(`cn=Other,${verifiers}`, { [attribute]: `password#${uuid}` }, by), {
      code: 'DIRECTORY_CONSTRAINT',
    });
  });
});
