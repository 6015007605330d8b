import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { supportedControls } from '../../src/ldap/request-controls.ts';
import { serverCapabilities } from '../../src/ldap/root-dse.ts';
import { openDirectory, openToAll, suffix } from '../support/directory-fixture.ts';
import {
  addOperation,
  bindOperation,
  compareOperation,
  deleteOperation,
  equality,
  extendedOperation,
  modifyDnOperation,
  modifyOperation,
  searchOperation,
  tlv,
  WHO_AM_I_OID,
} from '../support/ldap-request-bytes.ts';
import type { LdapTestClient } from '../support/ldap-test-client.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';

const manager = `cn=manager,${suffix}`;

type Context = Parameters<typeof openDirectory>[0];

/** A server over a directory with a suffix and someone who may write. */
async function connect(t: Context): Promise<LdapTestClient> {
  const { directory, add } = await openDirectory(t, {
    access: [{ who: { kind: 'dn', dn: manager }, rights: ['manage'] }, ...openToAll],
    rootDse: serverCapabilities(true),
  });
  await add(suffix, { objectClass: 'organization', o: 'JPKI' });
  await add(manager, {
    objectClass: ['organizationalRole', 'simpleSecurityObject'],
    cn: 'manager',
    userPassword: 'right',
  });
  const opened = await LdapTestServer.open(t, { service: directory });
  return await opened.connect();
}

async function connectAsManager(t: Context): Promise<LdapTestClient> {
  const client = await connect(t);
  assert.equal((await client.ask(bindOperation(manager, 'right'))).resultCode, 0);
  return client;
}

const names = async (client: LdapTestClient, filter: Uint8Array): Promise<readonly string[]> => {
  const answers = await client.request(
    searchOperation({ base: suffix, scope: 2, filter, attributes: ['1.1'] }),
  );
  assert.equal(answers.at(-1)?.resultCode, 0);
  return answers.slice(0, -1).map(({ dn }) => dn);
};

describe('the LDAP server over the directory', () => {
  it('says in the root DSE what it can', async (t) => {
    const client = await connect(t);
    const [rootDse] = await client.request(searchOperation({ attributes: ['+'] }));
    const valuesOf = (name: string): string[] =>
      (rootDse?.attributes.get(name) ?? []).map(String).sort();
    assert.deepEqual(valuesOf('namingContexts'), [suffix]);
    assert.deepEqual(valuesOf('supportedLDAPVersion'), ['3']);
    assert.deepEqual(valuesOf('supportedControl'), [...supportedControls].sort());
    assert.deepEqual(valuesOf('supportedExtension'), [
      '1.3.6.1.1.8',
      '1.3.6.1.4.1.1466.20037',
      '1.3.6.1.4.1.4203.1.11.1',
      '1.3.6.1.4.1.4203.1.11.3',
    ]);
    assert.deepEqual(valuesOf('supportedFeatures'), [
      '1.3.6.1.1.14',
      '1.3.6.1.4.1.4203.1.5.1',
      '1.3.6.1.4.1.4203.1.5.2',
      '1.3.6.1.4.1.4203.1.5.3',
    ]);
  });

  it('RFC 4511 §4.5.1.7: a type of filtering that is not implemented is Undefined', async (t) => {
    const client = await connect(t);
    const unknown = tlv(0xaa, 'x');
    const all = await names(client, tlv(0xa0));
    assert.deepEqual(await names(client, unknown), []);
    assert.deepEqual(await names(client, tlv(0xa2, unknown)), [], 'nor is its negation true');
    assert.deepEqual(await names(client, tlv(0xa1, unknown, tlv(0xa0))), all);
    assert.deepEqual(await names(client, tlv(0xa0, unknown, tlv(0xa0))), []);
  });

  it('keeps what it advertises: RFC 4526 absolute filters', async (t) => {
    const client = await connect(t);
    assert.deepEqual(await names(client, tlv(0xa0)), [suffix, manager]);
    assert.deepEqual(await names(client, tlv(0xa1)), []);
  });

  it('keeps what it advertises: RFC 3673 and RFC 4529 selections', async (t) => {
    const client = await connect(t);
    const selected = async (attribute: string): Promise<string[]> => {
      const [entry] = await client.request(
        searchOperation({ base: suffix, attributes: [attribute] }),
      );
      return [...(entry?.attributes.keys() ?? [])];
    };
    assert.ok((await selected('+')).includes('entryUUID'));
    assert.ok(!(await selected('+')).includes('o'));
    assert.deepEqual((await selected('@organization')).sort(), ['o', 'objectClass']);
  });

  it('knows who binds, and says so', async (t) => {
    const client = await connectAsManager(t);
    const answer = await client.ask(extendedOperation(WHO_AM_I_OID));
    assert.equal(String(answer.responseValue), `dn:${manager}`);
    for (const [name, password] of [
      [manager, 'wrong'],
      [`cn=nobody,${suffix}`, 'right'],
    ] as const) {
      const refused = await client.ask(bindOperation(name, password));
      assert.deepEqual([refused.resultCode, refused.matchedDn], [49, '']);
    }
  });

  it('adds, reads, compares, changes, renames and deletes', async (t) => {
    const client = await connectAsManager(t);
    const dn = `ou=群馬,${suffix}`;
    const done = async (operation: Uint8Array): Promise<number> =>
      (await client.ask(operation)).resultCode;
    const attributes = [
      { type: 'objectClass', values: ['organizationalUnit'] },
      { type: 'ou', values: ['群馬'] },
    ];
    assert.equal(await done(addOperation(dn, attributes)), 0);
    assert.equal(await done(addOperation(dn, attributes)), 68);
    assert.deepEqual(await names(client, equality('ou', '群馬')), [dn]);
    assert.equal(await done(compareOperation(dn, 'OU', '群馬')), 6);
    assert.equal(await done(compareOperation(dn, 'ou', 'x')), 5);
    const change = { operation: 0, type: 'description', values: ['x'] };
    assert.equal(await done(modifyOperation(dn, [change])), 0);
    assert.equal(await done(modifyOperation(dn, [change])), 20);
    const rename = { dn, newRdn: 'ou=Gunma', deleteOldRdn: true };
    assert.equal(await done(modifyDnOperation(rename)), 0);
    assert.deepEqual(await names(client, equality('description', 'X')), [`ou=Gunma,${suffix}`]);
    assert.equal(await done(deleteOperation(dn)), 32);
    assert.equal(await done(deleteOperation(suffix)), 66);
    assert.equal(await done(deleteOperation(`ou=Gunma,${suffix}`)), 0);
    assert.deepEqual(await names(client, equality('ou', 'Gunma')), []);
  });

  it('leaves out values when only types are wanted', async (t) => {
    const client = await connect(t);
    const [entry] = await client.request(searchOperation({ base: suffix, typesOnly: true }));
    assert.deepEqual(entry?.attributes.get('o'), []);
  });

  it('stops at the size limit after that many entries', async (t) => {
    const client = await connect(t);
    const answers = await client.request(searchOperation({ base: suffix, scope: 2, sizeLimit: 1 }));
    assert.deepEqual(
      answers.map(({ kind, resultCode }) => [kind, resultCode]),
      [
        ['entry', -1],
        ['searchDone', 4],
      ],
    );
  });

  const faults: { why: string; operation: Uint8Array; resultCode: number }[] = [
    { why: 'no name', operation: deleteOperation('x'), resultCode: 34 },
    { why: 'no entry', operation: compareOperation(`cn=x,${suffix}`, 'cn', 'x'), resultCode: 32 },
    { why: 'no such type', operation: compareOperation(suffix, 'x-none', 'x'), resultCode: 17 },
    { why: 'no right', operation: deleteOperation(manager), resultCode: 50 },
  ];
  for (const { why, operation, resultCode } of faults) {
    it(`answers ${resultCode} for ${why}`, async (t) => {
      const client = await connect(t);
      assert.equal((await client.ask(operation)).resultCode, resultCode);
    });
  }
});
