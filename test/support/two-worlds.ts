/**
 * Two directories that differ in what some callers may not see, and in nothing else: hidden entries, hidden
 * values of visible entries, hidden groups and accounts, kept hidden by every kind of access rule. What is
 * hidden changes on one side alone, at any time.
 *
 * Nothing is hidden where a caller may add, rename or delete entries: that a name is taken cannot be kept from
 * it (docs/operations.md, access rules); how little it is told is in change-access.test.ts and change-rights.test.ts.
 *
 * @module
 */

import assert from 'node:assert/strict';

import fc from 'fast-check';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import type { Modification } from '../../src/directory/service.ts';
import { attributesOf, type DirectoryFixture, suffix, system } from './directory-fixture.ts';
import { sampleEntries, sampleKey, sampleList } from './x509-samples.ts';

const anyone = { kind: 'anyone' } as const;
const insiders = `cn=Insiders,ou=Hidden,${suffix}`;
const readers = `cn=Readers,${suffix}`;

/** Callers that are tried; what is hidden is hidden from each. */
export type WorldCaller = 'anonymous' | 'person' | 'reader' | 'verifier' | 'operator';
export const accountDns: Readonly<Record<Exclude<WorldCaller, 'anonymous'>, string>> = {
  person: `cn=person,${suffix}`,
  reader: `cn=reader,${suffix}`,
  verifier: `cn=verifier,${suffix}`,
  operator: `cn=operator,${suffix}`,
};
export const worldPassword = 'right';
/** The address of the callers; rules name another. */
export const worldRules: readonly AccessRule[] = [
  // Those who see what is hidden. Nobody who is tried is one of them.
  { who: { kind: 'group', dn: insiders }, rights: ['manage'] },
  { who: anyone, address: ['10.0.0.0/8', 'fc00::/7'], rights: ['manage'] },
  { who: anyone, tls: 'client', rights: ['manage'] },
  { who: { kind: 'operator', roles: ['auditor'] }, rights: ['read', 'search', 'compare'] },
  { who: { kind: 'verifier', kinds: ['other'] }, rights: ['manage'] },
  { who: { kind: 'dn', dn: `cn=d,ou=Hidden,${suffix}` }, rights: ['manage'] },
  // Hidden entries.
  { target: { filter: '(description=secret)' }, who: anyone, rights: [] },
  { target: { subtree: `ou=Hidden,${suffix}` }, who: anyone, rights: [] },
  { attributes: ['userPassword'], who: { kind: 'anonymous' }, rights: ['auth'] },
  { attributes: ['userPassword'], who: { kind: 'self' }, tls: true, rights: ['write'] },
  { attributes: ['street'], who: { kind: 'self' }, rights: ['write', 'read', 'search'] },
  // Hidden values.
  { attributes: ['telephoneNumber', 'userPassword'], who: anyone, rights: [] },
  { attributes: ['seeAlso'], who: anyone, rights: ['search'] },
  { attributes: ['title'], who: anyone, rights: ['read'] },
  // What the server counts, makes up or takes from the clock differs with what else was done.
  {
    attributes: ['entryUUID', 'entryCSN', 'contextCSN', 'createTimestamp', 'modifyTimestamp'],
    who: anyone,
    rights: [],
  },
  // Seen by some of those who are tried.
  {
    target: { filter: '(description=members)' },
    who: { kind: 'group', dn: readers },
    rights: ['read', 'search', 'compare'],
  },
  { target: { filter: '(description=members)' }, who: anyone, rights: [] },
  {
    target: { entryClass: 'certdirPartition' },
    attributes: ['certificateRevocationList'],
    who: { kind: 'verifier', partitionGranted: true },
    rights: ['read', 'search', 'compare'],
  },
  { attributes: ['certificateRevocationList'], who: anyone, rights: [] },
  { target: { subtree: `ou=Open,${suffix}` }, who: anyone, rights: ['manage'] },
  {
    target: { subtree: `ou=Drop,${suffix}` },
    who: { kind: 'authenticated' },
    rights: ['add', 'search'],
  },
  {
    target: { subtree: `ou=Desk,${suffix}` },
    who: { kind: 'operator', roles: ['desk'] },
    rights: ['add', 'delete', 'read'],
  },
  { who: anyone, rights: ['search', 'compare', 'read'] },
];

const listKey = sampleKey('p256', 'worlds');
export const worldLists: readonly Uint8Array[] = [2, 3, 400].map((count) =>
  sampleList(listKey, sampleEntries(count)),
);
const units = ['Open', 'Mixed', 'Drop', 'Desk'];
const account = {
  objectClass: ['organizationalPerson', 'simpleSecurityObject'],
  sn: 'x',
  userPassword: worldPassword,
};

/** The part of the tree that both worlds have. */
export async function fillWorld({ add, store, directory }: DirectoryFixture): Promise<void> {
  await add(suffix, { objectClass: 'organization' });
  for (const unit of units) {
    await add(`ou=${unit},${suffix}`, { objectClass: 'organizationalUnit' });
    for (const name of ['a', 'b', 'c']) {
      await add(`cn=${name},ou=${unit},${suffix}`, {
        objectClass: 'organizationalPerson',
        sn: 'x',
        title: name,
        description: ['open', name],
      });
    }
  }
  await add(`cn=m,ou=Mixed,${suffix}`, { objectClass: 'person', sn: 'm', description: 'members' });
  await add(`cn=r,ou=Mixed,${suffix}`, {
    objectClass: ['referral', 'extensibleObject'],
    ref: 'ldap://elsewhere/o=x',
  });
  await add(`cn=s,ou=Mixed,${suffix}`, { objectClass: 'subentry', subtreeSpecification: '{ }' });
  await add(accountDns.person, { ...account, street: 'Ote' });
  await add(accountDns.reader, account);
  await add(readers, { objectClass: 'groupOfNames', member: accountDns.reader });
  await add(accountDns.verifier, {
    objectClass: ['applicationProcess', 'certdirVerifier', 'simpleSecurityObject'],
    userPassword: worldPassword,
    certdirVerifierKind: 'signature',
    certdirAgreementNumber: '1',
    certdirAgreementNotBefore: '20000101000000Z',
    certdirAgreementNotAfter: '20991231000000Z',
    certdirGrantedPartition: '1',
  });
  await add(accountDns.operator, {
    objectClass: ['applicationProcess', 'certdirOperator', 'simpleSecurityObject'],
    userPassword: worldPassword,
    certdirOperatorRole: 'desk',
  });
  await store.transact('test', async (transaction) => {
    for (const code of ['1', '2']) {
      await directory.managed.createEntry(transaction, {
        dn: `cn=CRL${code},${suffix}`,
        attributes: attributesOf({
          objectClass: ['cRLDistributionPoint', 'certdirPartition'],
          certdirPartitionCode: code,
          ...(code === '1' ? { 'certificateRevocationList;binary': worldLists[0] ?? '' } : {}),
        }),
        manager: 'gunma',
      });
    }
  });
}

const secret = { objectClass: 'person', sn: 'x', description: ['secret', 'open'] };

/** What only the first world has at the beginning. */
export async function hideThings(fixture: DirectoryFixture): Promise<void> {
  const { add } = fixture;
  await add(`ou=Hidden,${suffix}`, { objectClass: 'organizationalUnit' });
  for (const name of ['a', 'd']) {
    await add(`cn=${name},ou=Hidden,${suffix}`, { ...account, description: 'x' });
  }
  await add(insiders, { objectClass: 'groupOfNames', member: `cn=a,ou=Hidden,${suffix}` });
  await add(`cn=d,ou=Mixed,${suffix}`, { ...secret, userPassword: worldPassword });
  await add(`cn=d,cn=a,ou=Mixed,${suffix}`, secret);
  await add(`cn=e,ou=Mixed,${suffix}`, {
    objectClass: ['referral', 'extensibleObject'],
    description: 'secret',
    ref: 'ldap://hidden/o=x',
  });
}

/** A step of the program itself, in the first world, the second or both. */
export type HiddenStep = (worlds: readonly [DirectoryFixture, DirectoryFixture]) => Promise<void>;

/** Hidden entries come, change, move and go. */
const hiddenEntry = fc
  .constantFrom(
    ...[
      'cn=d,ou=Mixed',
      'cn=e,ou=Mixed',
      'cn=d,cn=a,ou=Mixed',
      'cn=f,ou=Hidden',
      'cn=d,cn=c,ou=Mixed',
    ],
    ...['cn=d,cn=b,ou=Mixed', 'cn=x,cn=d,ou=Mixed'],
  )
  .map((name) => `${name},${suffix}`);

const hiddenEntries: fc.Arbitrary<HiddenStep> = fc
  .record({
    dn: hiddenEntry,
    act: fc.constantFrom('add', 'delete', 'modify', 'rename'),
    text: fc.constantFrom('one', 'two', 'a', 'open'),
  })
  .map(({ dn, act, text }) => async ([{ directory, add }]) => {
    const values = [encodeUtf8(text)];
    switch (act) {
      case 'add':
        return await allowFailure(add(dn, { ...secret, telephoneNumber: '1', sn: text }));
      case 'delete':
        return await allowFailure(directory.delete({ dn }, system));
      case 'modify': {
        const changes = [{ operation: 'replace', attribute: 'sn', values }] as const;
        return await allowFailure(directory.modify({ dn, changes, manageDsaIt: true }, system));
      }
      case 'rename':
        return await allowFailure(
          directory.rename({ dn, newRdn: 'cn=d', deleteOldRdn: true }, system),
        );
    }
  });

/** Both worlds have a change here, each its own value, which nobody sees. */
const hiddenValues: fc.Arbitrary<HiddenStep> = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c', 'm').map((each) => `cn=${each},ou=Mixed,${suffix}`),
    attribute: fc.constantFrom('telephoneNumber', 'telephoneNumber;lang-ja', 'seeAlso'),
    hasValue: fc.boolean(),
  })
  .map(({ name, attribute, hasValue }) => async ([full, bare]) => {
    const value = encodeUtf8(attribute === 'seeAlso' ? 'cn=a,o=x' : '+81 27');
    const change = (values: readonly Uint8Array[]): readonly Modification[] => [
      { operation: 'replace', attribute, values },
    ];
    await full.directory.modify({ dn: name, changes: change(hasValue ? [value] : []) }, system);
    await bare.directory.modify({ dn: name, changes: change([]) }, system);
  });

const hiddenMembers: fc.Arbitrary<HiddenStep> = fc
  .constantFrom('cn=nobody', 'cn=a,ou=Hidden', 'cn=d,ou=Mixed')
  .map((name) => async ([{ directory }]) => {
    const values = [encodeUtf8(`${name},${suffix}`)];
    const changes = [{ operation: 'replace', attribute: 'member', values }] as const;
    await directory.modify({ dn: insiders, changes }, system);
  });

/** The list of a partition that the verifier was not granted. */
const hiddenLists: fc.Arbitrary<HiddenStep> = fc
  .constantFrom(...worldLists)
  .map((list) => async (worlds) => {
    for (const [index, { store, directory }] of worlds.entries()) {
      const values = index === 0 ? [list] : [];
      await store.transact('test', (transaction) =>
        directory.managed.replaceValues(transaction, `cn=CRL2,${suffix}`, {
          description: 'certificateRevocationList',
          values,
        }),
      );
    }
  });

/** What everyone is told of, alike in both worlds; rights come and go. */
const openChanges: fc.Arbitrary<HiddenStep> = fc
  .constantFrom<readonly [string, string, readonly string[]]>(
    [readers, 'member', [accountDns.reader]],
    [readers, 'member', [suffix]],
    [accountDns.verifier, 'certdirGrantedPartition', ['1']],
    [accountDns.verifier, 'certdirGrantedPartition', ['3']],
    [accountDns.person, 'street', ['Ote']],
    [`cn=b,ou=Mixed,${suffix}`, 'description', ['open', 'b']],
    [`cn=b,ou=Mixed,${suffix}`, 'description', ['members', 'b']],
  )
  .map(([dn, attribute, texts]) => async (worlds) => {
    const values = texts.map(encodeUtf8);
    for (const { directory } of worlds) {
      const changes = [{ operation: 'replace', attribute, values }] as const;
      await allowFailure(directory.modify({ dn, changes }, system));
    }
  });

export const worldSteps: fc.Arbitrary<HiddenStep> = fc.oneof(
  { weight: 5, arbitrary: hiddenEntries },
  { weight: 3, arbitrary: hiddenValues },
  { weight: 1, arbitrary: hiddenMembers },
  { weight: 1, arbitrary: hiddenLists },
  { weight: 2, arbitrary: openChanges },
);

async function allowFailure(change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    assert.ok(error instanceof DirectoryError, String(error));
  }
}
