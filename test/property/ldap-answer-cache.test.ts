/**
 * A server that gives answers again and one that makes every answer anew, over the same directory, answer
 * alike to the last byte: several principals in clear and under TLS, while entries, accounts and lists
 * change and agreements begin and end.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';

import fc from 'fast-check';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import type { Modification } from '../../src/directory/service.ts';
import {
  attributesOf,
  type DirectoryFixture,
  openDirectory,
  suffix,
  system,
} from '../support/directory-fixture.ts';
import {
  bindOperation,
  equality,
  modifyOperation,
  present,
  searchOperation,
} from '../support/ldap-request-bytes.ts';
import type { LdapTestClient } from '../support/ldap-test-client.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';
import { servedFrom } from '../support/recast-directory.ts';
import { sampleEntries, sampleKey, sampleList } from '../support/x509-samples.ts';

const anyone = { kind: 'anyone' } as const;
const groupDn = `cn=group,${suffix}`;
const rules: readonly AccessRule[] = [
  { attributes: ['userPassword'], who: anyone, rights: ['auth'] },
  {
    attributes: ['telephoneNumber', 'sn'],
    who: { kind: 'group', dn: groupDn },
    rights: ['search', 'read'],
  },
  {
    attributes: ['sn'],
    who: { kind: 'authenticated' },
    address: ['192.0.2.0/24'],
    rights: ['search', 'read'],
  },
  { attributes: ['sn'], who: anyone, rights: [] },
  { who: { kind: 'operator' }, tls: true, rights: ['search', 'read'] },
  { attributes: ['description', 'entry'], who: { kind: 'self' }, rights: ['search', 'read'] },
  {
    target: { entryClass: 'certdirPartition' },
    who: { kind: 'verifier', partitionGranted: true },
    rights: ['search', 'compare', 'read'],
  },
  { target: { entryClass: 'certdirPartition' }, who: anyone, rights: [] },
  { target: { filter: '(description=secret)' }, who: anyone, rights: [] },
  {
    target: { entryClass: 'certdirVerifier' },
    attributes: ['description'],
    who: anyone,
    rights: [],
  },
  { attributes: ['telephoneNumber'], who: anyone, tls: true, rights: ['search', 'read'] },
  { attributes: ['telephoneNumber'], who: anyone, rights: [] },
  { who: anyone, rights: ['search', 'compare', 'read'] },
];

const verifiers = ['a', 'b', 'c'] as const;
const verifierDn = (name: string): string => `cn=${name},ou=Verifiers,${suffix}`;
const operatorDn = `cn=operator,${suffix}`;
const listDn = (code: string): string => `cn=CRL${code},${suffix}`;
const password = 'right';
const listKey = sampleKey('p256', 'lists');
const largeList = sampleList(listKey, sampleEntries(400));
const otherLargeList = sampleList(listKey, sampleEntries(500));

async function fill(fixture: DirectoryFixture): Promise<void> {
  const { add, directory, store } = fixture;
  await add(suffix, { objectClass: 'organization' });
  await add(`ou=Verifiers,${suffix}`, { objectClass: 'organizationalUnit' });
  for (const name of verifiers) {
    await add(verifierDn(name), {
      objectClass: ['applicationProcess', 'certdirVerifier', 'simpleSecurityObject'],
      certdirVerifierKind: 'signatureVerifier',
      certdirAgreementNumber: name,
      certdirAgreementNotBefore: '20000101000000Z',
      certdirAgreementNotAfter: '20991231000000Z',
      certdirGrantedPartition: name === 'c' ? '2' : '1',
      description: name,
      userPassword: password,
    });
  }
  await add(groupDn, { objectClass: 'groupOfNames', member: verifierDn('a') });
  await add(operatorDn, {
    objectClass: ['applicationProcess', 'certdirOperator', 'simpleSecurityObject'],
    certdirOperatorRole: 'auditor',
    userPassword: password,
  });
  for (const name of ['x', 'y']) {
    await add(`cn=${name},${suffix}`, {
      objectClass: 'person',
      sn: 'x',
      description: 'open',
      telephoneNumber: '1',
    });
  }
  await store.transact('test', async (transaction) => {
    for (const code of ['1', '2']) {
      await directory.managed.createEntry(transaction, {
        dn: listDn(code),
        attributes: attributesOf({
          objectClass: ['cRLDistributionPoint', 'certdirPartition'],
          certdirPartitionCode: code,
          'certificateRevocationList;binary': largeList,
        }),
        manager: 'gunma',
      });
    }
  });
}

/** One principal over one kind of connection, on both servers. */
interface Pair {
  readonly kept: LdapTestClient;
  readonly anew: LdapTestClient;
}

interface World extends DirectoryFixture {
  readonly pairs: readonly Pair[];
}

async function connectAll(servers: readonly [LdapTestServer, LdapTestServer]): Promise<Pair[]> {
  const pairs: Pair[] = [];
  const names = [undefined, ...verifiers.map(verifierDn), operatorDn];
  for (const isTls of [false, true]) {
    for (const name of names) {
      const [kept, anew] = await Promise.all(
        servers.map(async (server) => {
          const client = await server.connect();
          if (isTls) {
            await client.startTls();
          }
          if (name !== undefined) {
            assert.equal((await client.ask(bindOperation(name, password))).resultCode, 0);
          }
          return client;
        }),
      );
      assert.ok(kept !== undefined && anew !== undefined);
      pairs.push({ kept, anew });
    }
  }
  return pairs;
}

type Step = (world: World) => Promise<void>;

const place = fc.constantFrom(
  ...[suffix, `ou=Verifiers,${suffix}`, ...verifiers.map(verifierDn), operatorDn],
  ...[listDn('1'), listDn('1'), listDn('2'), `cn=x,${suffix}`, `cn=y,${suffix}`],
  ...[`cn=z,${suffix}`, `cn=w,cn=x,${suffix}`, 'c=JP', ''],
);
const selection = fc.constantFrom<readonly string[]>(
  ...[[], ['*', '+'], ['certificateRevocationList;binary'], ['description', 'numSubordinates']],
  ...[['hasSubordinates'], ['telephoneNumber', 'sn'], ['1.1'], ['contextCSN', 'entryDN'], ['sn']],
);
const filter = fc.constantFrom(
  present('objectClass'),
  present('objectClass'),
  present('objectClass'),
  present('certificateRevocationList'),
  present('telephoneNumber'),
  present('sn'),
  equality('description', 'open'),
  equality('description', 'a'),
  equality('hasSubordinates', 'TRUE'),
  equality('cn', 'x'),
);

const wish = fc.record({
  base: place,
  scope: fc.constantFrom(0, 0, 0, 1, 2),
  attributes: selection,
  filter,
  typesOnly: fc.constantFrom(false, false, false, true),
  sizeLimit: fc.constantFrom(0, 0, 0, 0, 0, 0, 1),
});
/** Few requests, so that each is asked before and after what changes its answer. */
const requests = fc.sample(wish, { seed: 7, numRuns: 60 }).map(searchOperation);

const asked = fc.constantFrom(...requests).map(
  (operation): Step =>
    async ({ pairs }) => {
      for (const { kept, anew } of pairs) {
        assert.deepEqual(await kept.request(operation), await anew.request(operation));
      }
    },
);

const modified = (
  dn: fc.Arbitrary<string>,
  change: fc.Arbitrary<Modification>,
): fc.Arbitrary<Step> =>
  fc.tuple(dn, change).map(
    ([name, each]): Step =>
      ({ directory }) =>
        allowFailure(directory.modify({ dn: name, changes: [each] }, system)),
  );
const replace = (attribute: string, ...values: readonly string[]): Modification => ({
  operation: 'replace',
  attribute,
  values: values.map(encodeUtf8),
});

const person = fc.constantFrom('x', 'y', 'z').map((name) => `cn=${name},${suffix}`);
const account = fc.constantFrom(...verifiers).map(verifierDn);

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: asked },
  {
    weight: 2,
    arbitrary: modified(
      person,
      fc.constantFrom(
        replace('description', 'secret'),
        replace('description', 'open'),
        replace('telephoneNumber', '2'),
        replace('telephoneNumber'),
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: modified(
      account,
      fc.constantFrom(
        replace('certdirGrantedPartition', '1'),
        replace('certdirGrantedPartition', '2', '1'),
        replace('certdirAccountDisabled', 'TRUE'),
        replace('certdirAccountDisabled'),
        replace('certdirAgreementNotAfter', '20260105000200Z'),
        replace('certdirAgreementNotAfter', '20991231000000Z'),
        replace('description', 'b'),
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: modified(
      fc.constant(groupDn),
      fc.constantFrom(
        replace('member', verifierDn('a')),
        replace('member', verifierDn('b'), operatorDn),
        replace('member', suffix),
      ),
    ),
  },
  {
    weight: 1,
    arbitrary: person.map(
      (dn): Step =>
        ({ add }) =>
          allowFailure(add(dn, { objectClass: 'person', sn: 'x', description: 'open' })),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(`cn=w,cn=x,${suffix}`, `cn=z,${suffix}`, `cn=y,${suffix}`)
      .chain((dn) =>
        fc.boolean().map(
          (isAdd): Step =>
            ({ add, directory }) =>
              allowFailure(
                isAdd
                  ? add(dn, { objectClass: 'person', sn: 'x' })
                  : directory.delete({ dn }, system),
              ),
        ),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(person, fc.constantFrom('x', 'y', 'z')).map(
      ([dn, to]): Step =>
        ({ directory }) =>
          allowFailure(directory.rename({ dn, newRdn: `cn=${to}`, deleteOldRdn: true }, system)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom('1', '2'), fc.boolean()).map(
      ([code, isOther]): Step =>
        async ({ store, directory }) => {
          const values = [isOther ? otherLargeList : largeList];
          await store.transact('test', (transaction) =>
            directory.managed.replaceValues(transaction, listDn(code), {
              description: 'certificateRevocationList',
              values,
            }),
          );
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(30_000, 60_000).map(
      (ms): Step =>
        async ({ clock }) => {
          await clock.advance(ms);
        },
    ),
  },
);

async function allowFailure(change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    assert.ok(error instanceof DirectoryError, String(error));
  }
}

it('answers that are given again are the answers that would be made', async (t) => {
  const fixture = await openDirectory(t, { access: rules });
  await fill(fixture);
  // Those under TLS come from an address that a rule names.
  const service = servedFrom(fixture.directory, ({ isProtected }) =>
    isProtected ? '192.0.2.7' : '198.51.100.7',
  );
  const options = { mode: 'starttls', service } as const;
  const servers = [
    await LdapTestServer.open(t, options),
    await LdapTestServer.open(t, { ...options, limits: { answerCacheBytes: 0 } }),
  ] as const;
  const pairs = await connectAll(servers);
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 60 }), async (sequence) => {
      for (const step of sequence) {
        await step({ ...fixture, pairs });
      }
    }),
    { seed: 20260105, numRuns: 40 },
  );
  const { answerCache } = servers[0].server.statistics;
  assert.ok((answerCache?.hits ?? 0) > 300, `${answerCache?.hits} answers were given again`);
  assert.equal(servers[1].server.statistics.answerCache?.hits, 0);
});

it('what was acknowledged is never taken back, whoever reads meanwhile', async (t) => {
  const fixture = await openDirectory(t, {
    access: [{ who: anyone, rights: ['manage'] }],
  });
  await fixture.add(suffix, { objectClass: 'organization', description: '0' });
  const opened = await LdapTestServer.open(t, { service: fixture.directory });
  const readers = await Promise.all(Array.from({ length: 4 }, () => opened.connect()));
  const writer = await opened.connect();
  const rounds = 150;
  let acknowledged = 0;
  let reads = 0;
  const read = async (client: LdapTestClient): Promise<void> => {
    let seen = 0;
    while (acknowledged < rounds) {
      const least = Math.max(acknowledged, seen);
      const [entry] = await client.request(
        searchOperation({ base: suffix, scope: reads % 3 === 0 ? 2 : 0 }),
      );
      seen = Number(String(entry?.attributes.get('description')?.[0]));
      assert.ok(seen >= least, `${seen} was read after ${least}`);
      reads += 1;
    }
  };
  const write = async (): Promise<void> => {
    for (let value = 1; value <= rounds; value += 1) {
      const change = { operation: 2, type: 'description', values: [String(value)] };
      const answer = await writer.ask(modifyOperation(suffix, [change]));
      assert.equal(answer.resultCode, 0);
      acknowledged = value;
    }
  };
  await Promise.all([write(), ...readers.map(read)]);
  assert.ok((opened.server.statistics.answerCache?.hits ?? 0) > 20, `${reads} reads`);
});
