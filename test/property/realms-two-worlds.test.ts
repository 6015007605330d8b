/**
 * CAs of one directory: whatever verifiers, operators and managers of Gunma do, they are answered alike whether Tokyo has
 * these lists, verifiers and operators or others, and nothing of Tokyo's is changed.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';

import fc from 'fast-check';

import { loadPolicy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { realmsOf, suffixesOf } from '../../src/ca/policy/policy-neighbours.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import type { Caller, SearchScope } from '../../src/directory/service.ts';
import {
  callerOf,
  type DirectoryFixture,
  nobody,
  openDirectory,
  search,
  searchRequest,
  shippedSchema,
  tlsSession,
} from '../support/directory-fixture.ts';
import { sampleEntries, sampleKey, sampleList } from '../support/x509-samples.ts';

const RUNS = process.env['CERTDIR_TEST_LONG'] === '1' ? 20_000 : 1_000;
const password = 'Correct horse battery 7';

const gunma = await loadPolicy(shippedPolicyFile('gunma'));
const tokyo = await loadPolicy(shippedPolicyFile('tokyo'));
const schema = await shippedSchema();

const gunmaCa = gunma.names.issuer;
const tokyoCa = tokyo.names.issuer;
const key = sampleKey('p256', 'realms');
const lists = [3, 4].map((count) => sampleList(key, sampleEntries(count)));

/** The same kind and roles with both: only the place of the account is another. */
async function addAccounts({ add }: DirectoryFixture, ca: string, names: string): Promise<void> {
  await add(`cn=verifier ${names},ou=Verifiers,${ca}`, {
    objectClass: ['applicationProcess', 'certdirVerifier'],
    certdirVerifierKind: 'signatureVerifier',
    certdirAgreementNumber: '1',
    certdirAgreementNotBefore: '20200101000000Z',
    certdirAgreementNotAfter: '20991231235959Z',
    certdirGrantedPartition: '*',
    userPassword: password,
  });
  await add(`cn=operator ${names},ou=Operators,${ca}`, {
    objectClass: ['applicationProcess', 'certdirOperator'],
    certdirOperatorRole: ['manager', 'repositoryOperator', 'internalAuditor'],
    userPassword: password,
  });
}

async function addCa(fixture: DirectoryFixture, ca: string, list: Uint8Array): Promise<void> {
  const { add } = fixture;
  await add(ca, { objectClass: ['organizationalUnit', 'pkiCA'] });
  for (const unit of ['Operators', 'Verifiers', 'CRL Distribution Points']) {
    await add(`ou=${unit},${ca}`, { objectClass: 'organizationalUnit' });
  }
  await add(`cn=A CRLDP,ou=CRL Distribution Points,${ca}`, {
    objectClass: ['cRLDistributionPoint', 'certdirPartition'],
    certdirPartitionCode: '10201',
    'certificateRevocationList;binary': list,
  });
}

async function openWorld(
  t: Parameters<typeof openDirectory>[0],
  strangers: string,
  list: Uint8Array | undefined,
): Promise<DirectoryFixture> {
  const policies = [gunma, tokyo];
  const realms = realmsOf(policies);
  const fixture = await openDirectory(t, { realms, suffixes: suffixesOf(policies, schema) });
  await fixture.add('c=JP', { objectClass: 'country' });
  await fixture.add('o=JPKI,c=JP', { objectClass: 'organization' });
  await addCa(fixture, gunmaCa, lists[0] ?? new Uint8Array());
  await addAccounts(fixture, gunmaCa, 'ours');
  await addCa(fixture, tokyoCa, list ?? new Uint8Array());
  await addAccounts(fixture, tokyoCa, strangers);
  return fixture;
}

type Who = 'anonymous' | 'verifier' | 'operator';

async function callersOf({ directory }: DirectoryFixture): Promise<Record<Who, Caller>> {
  const bound = async (dn: string): Promise<Caller> =>
    callerOf(await directory.bind(dn, encodeUtf8(password), tlsSession));
  return {
    anonymous: nobody,
    verifier: await bound(`cn=verifier ours,ou=Verifiers,${gunmaCa}`),
    operator: await bound(`cn=operator ours,ou=Operators,${gunmaCa}`),
  };
}

const base = fc.constantFrom(
  ...['', 'c=JP', 'o=JPKI,c=JP', tokyoCa, gunmaCa, `ou=Verifiers,${tokyoCa}`],
  ...[`ou=Operators,${tokyoCa}`, `cn=A CRLDP,ou=CRL Distribution Points,${tokyoCa}`],
  ...[`cn=verifier other,ou=Verifiers,${tokyoCa}`, `cn=operator one,ou=Operators,${tokyoCa}`],
);
const filter = fc.constantFrom(
  ...['(objectClass=*)', '(certificateRevocationList=*)', '(userPassword=*)', '(cn=verifier*)'],
  ...['(certdirOperatorRole=manager)', '(certdirPartitionCode=10201)', '(cn=operator one)'],
  ...['(objectClass=certdirVerifier)', '(!(certificateRevocationList=*))'],
);
const operation = fc.oneof(
  fc.record({
    kind: fc.constant('search' as const),
    base,
    filter,
    scope: fc.constantFrom<SearchScope>('base', 'one', 'subtree'),
    attributes: fc.constantFrom(['*'], ['certificateRevocationList', 'cn'], ['1.1']),
  }),
  fc.record({
    kind: fc.constant('compare' as const),
    base,
    attribute: fc.constantFrom('cn', 'certdirPartitionCode', 'certdirOperatorRole', 'description'),
  }),
  fc.record({
    kind: fc.constant('change' as const),
    base: base.filter((dn) => /Tokyo|^(c|o)=/.test(dn)),
    how: fc.constantFrom('modify' as const, 'delete' as const, 'add' as const, 'move' as const),
  }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** What a caller is told. */
async function answer(
  { directory }: DirectoryFixture,
  caller: Caller,
  wish: Operation,
): Promise<unknown> {
  try {
    switch (wish.kind) {
      case 'search': {
        const found = [];
        const { kind, ...request } = wish;
        for await (const { dn, attributes } of directory.search(
          searchRequest({ ...request }),
          caller,
        )) {
          const values = attributes.map((one) => [one.description, one.values.map(String)]);
          found.push([dn, values]);
        }
        return found;
      }
      case 'compare':
        return await directory.compare(
          { dn: wish.base, attribute: wish.attribute, value: encodeUtf8('10201') },
          caller,
        );
      case 'change':
        return await change(directory, caller, wish);
    }
  } catch (error) {
    assert.ok(error instanceof DirectoryError, String(error));
    return [error.code, error.message];
  }
}

async function change(
  directory: DirectoryFixture['directory'],
  caller: Caller,
  { base: dn, how }: Operation & { readonly kind: 'change' },
): Promise<unknown> {
  const description = { description: 'description', values: [encodeUtf8('x')] };
  switch (how) {
    case 'modify':
      return await directory.modify(
        { dn, changes: [{ operation: 'add', attribute: 'description', ...description }] },
        caller,
      );
    case 'delete':
      return await directory.delete({ dn }, caller);
    case 'add': {
      const objectClass = { description: 'objectClass', values: [encodeUtf8('organization')] };
      const attributes = [objectClass, { description: 'o', values: [encodeUtf8('new')] }];
      return await directory.add({ dn: `o=new,${dn}`, attributes }, caller);
    }
    case 'move':
      return await directory.rename(
        { dn, newRdn: dn.split(',')[0] ?? '', deleteOldRdn: false, newSuperior: gunmaCa },
        caller,
      );
  }
}

it('nothing of another CA’s is told or changed, whatever it has', {
  timeout: 120_000,
}, async (t) => {
  const worlds = [
    await openWorld(t, 'one', lists[0]),
    await openWorld(t, 'other', lists[1]),
  ] as const;
  const callers = [await callersOf(worlds[0]), await callersOf(worlds[1])] as const;
  const before = JSON.stringify(await search(worlds[0].directory, { base: 'c=JP' }));
  const who = fc.constantFrom<Who>('anonymous', 'verifier', 'operator');
  await fc.assert(
    fc.asyncProperty(who, operation, async (name, wish) => {
      const [one, other] = await Promise.all(
        worlds.map((world, index) => answer(world, callers[index === 0 ? 0 : 1][name], wish)),
      );
      assert.deepEqual(one, other);
    }),
    { numRuns: RUNS, seed: 7 },
  );
  const unchanged = JSON.stringify(await search(worlds[0].directory, { base: 'c=JP' }));
  assert.equal(unchanged, before);
  // What is the caller's own is there: the worlds are not alike for want of anything.
  const own = await search(
    worlds[0].directory,
    { base: gunmaCa, filter: '(certificateRevocationList=*)' },
    callers[0].verifier,
  );
  assert.equal(own.length, 1);
});
