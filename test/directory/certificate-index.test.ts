import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { certificateListExactMatch } from '../../src/directory/certificates/certificate-list-match.ts';
import { LargeValue } from '../../src/directory/entries/entry.ts';
import { Keyspace } from '../../src/store/keyspace.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { encodeCertificatePair } from '../../src/x509/certificate-pair.ts';
import { buildIssuingDistributionPoint } from '../../src/x509/distribution-point.ts';
import { nameFromText } from '../../src/x509/name.ts';
import {
  attributesOf,
  type DirectoryFixture,
  openDirectory,
  searchNames,
  suffix,
  system,
} from '../support/directory-fixture.ts';
import { postingsOf } from '../support/postings.ts';
import {
  sampleCertificate,
  sampleEntries,
  sampleKey,
  sampleList,
} from '../support/x509-samples.ts';

const key = sampleKey('p256');
const issuer = 'CN=Sample CA,O=JPKI,C=JP';
const exact = (serial: number): string =>
  `{ serialNumber ${serial}, issuer rdnSequence:"${issuer}" }`;

const pointAt = (text: string): Uint8Array =>
  sampleList(key, sampleEntries(300), {
    extensions: [buildIssuingDistributionPoint({ fullName: [{ kind: 'uri', text }] })],
  });

/** A directory that refuses any search that looks at more than one entry. */
async function openStrict(t: TestContext): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, { limits: { maxLookThrough: 1 } });
  await fixture.add(suffix, { objectClass: 'organization' });
  for (const serial of [1, 2, 3]) {
    const certificate = (serialNumber: number): Uint8Array =>
      sampleCertificate(key, { serialNumber: BigInt(serialNumber) });
    await fixture.add(`cn=${serial},${suffix}`, {
      objectClass: ['person', 'pkiUser', 'pkiCA'],
      sn: 'x',
      'userCertificate;binary': certificate(serial),
      'cACertificate;binary': certificate(serial + 10),
      'crossCertificatePair;binary': encodeCertificatePair({
        issuedToThisCa: parseCertificate(certificate(serial + 20)),
        issuedByThisCa: parseCertificate(
          sampleCertificate(key, {
            serialNumber: BigInt(serial + 30),
            issuer: nameFromText('CN=Other'),
          }),
        ),
      }),
      'certificateRevocationList;binary': sampleList(key, sampleEntries(300), {
        thisUpdateMs: Date.UTC(2026, 0, serial),
      }),
    });
  }
  return fixture;
}

describe('indexes of the exact rules (RFC 4523 §3)', () => {
  const time = (day: number): string => `thisUpdate utcTime:"2601${`0${day}`.slice(-2)}000000Z"`;
  const pairHere = `issuedToThisCAAssertion ${exact(22)}`;
  const pairThere = 'issuedByThisCAAssertion { serialNumber 32, issuer rdnSequence:"CN=Other" }';
  const filters = [
    `(userCertificate=2$${issuer})`,
    `(userCertificate=${exact(2)})`,
    `(userCertificate;binary=${exact(2)})`,
    `(userCertificate:=${exact(2)})`,
    `(userCertificate:certificateExactMatch:=2$${issuer})`,
    `(cACertificate=${exact(12)})`,
    `(crossCertificatePair={ ${pairHere} })`,
    `(crossCertificatePair={ ${pairThere} })`,
    `(crossCertificatePair={ ${pairHere}, ${pairThere} })`,
    `(certificateRevocationList={ issuer rdnSequence:"${issuer}", ${time(2)} })`,
    `(&(userCertificate:certificateMatch:={ keyUsage { cRLSign } })(userCertificate=${exact(2)}))`,
  ];

  it('a search costs its matches', async (t) => {
    const { directory } = await openStrict(t);
    for (const filter of filters) {
      assert.deepEqual(await searchNames(directory, { filter }), [`cn=2,${suffix}`], filter);
    }
    for (const filter of [
      `(userCertificate=${exact(4)})`,
      `(crossCertificatePair={ issuedToThisCAAssertion ${exact(32)} })`,
      `(certificateRevocationList={ issuer rdnSequence:"${issuer}", ${time(4)} })`,
    ]) {
      assert.deepEqual(await searchNames(directory, { filter }), [], filter);
    }
  });

  it('the component rules look at every entry', async (t) => {
    const { directory } = await openStrict(t);
    await assert.rejects(
      searchNames(directory, { filter: '(userCertificate:certificateMatch:={ serialNumber 2 })' }),
      { code: 'DIRECTORY_LOOK_THROUGH_LIMIT' },
    );
    await assert.rejects(searchNames(directory, { filter: `(userCertificate:dn:=${exact(2)})` }), {
      code: 'DIRECTORY_LOOK_THROUGH_LIMIT',
    });
  });

  it('postings follow the values', async (t) => {
    const fixture = await openStrict(t);
    const { directory } = fixture;
    const dn = `cn=2,${suffix}`;
    const list = `{ issuer rdnSequence:"${issuer}", ${time(6)}`;
    const replaceLists = (...values: readonly Uint8Array[]): Promise<unknown> =>
      directory.modify(
        {
          dn,
          changes: [
            { operation: 'replace', attribute: 'certificateRevocationList;binary', values },
          ],
        },
        system,
      );
    const [one, two] = [pointAt('ldap://a/1'), pointAt('ldap://a/2')];
    const find = (filter: string): Promise<string[]> => searchNames(directory, { filter });
    await replaceLists(one, two);
    assert.deepEqual(await find(`(certificateRevocationList=${list} })`), [dn]);
    // Two lists, one posting: it stays as long as one of them does.
    await replaceLists(two);
    assert.deepEqual(await find(`(certificateRevocationList=${list} })`), [dn]);
    const at = (uri: string): string =>
      `(certificateRevocationList=${list}, distributionPoint fullName:{ uniformResourceIdentifier:"${uri}" } })`;
    assert.deepEqual(await find(at('ldap://a/2')), [dn]);
    assert.deepEqual(await find(at('ldap://a/1')), []);
    await replaceLists();
    assert.deepEqual(await find(`(certificateRevocationList=${list} })`), []);
    await directory.delete({ dn }, system);
    assert.deepEqual(await find(`(userCertificate=${exact(2)})`), []);
    assert.equal(await countPostings(fixture, '2.5.4.36'), 2);
    assert.equal(await countPostings(fixture, '2.5.4.40'), 4);
    assert.equal(await countPostings(fixture, '2.5.4.39'), 2);
  });
});

describe('the index of a list of many entries', () => {
  const sizes = [0, 1, 300, 4_000];

  it('needs the beginning of the list alone', async (t) => {
    const { schema } = await openDirectory(t);
    const rule = certificateListExactMatch;
    for (const thisUpdateMs of [Date.UTC(2026, 0, 6), Date.UTC(2060, 0, 6)]) {
      for (const count of sizes) {
        const list = sampleList(key, sampleEntries(count), {
          ...{ thisUpdateMs, nextUpdateMs: thisUpdateMs + 1000 },
        });
        const whole = rule.indexKeys(list, schema);
        assert.deepEqual(rule.indexKeysOfBeginning?.(list, schema), whole);
        assert.deepEqual(rule.indexKeysOfBeginning?.(list.subarray(0, 512), schema), whole);
        // Issuer and thisUpdate are not all there.
        assert.equal(rule.indexKeysOfBeginning?.(list.subarray(0, 60), schema), undefined);
      }
    }
    assert.equal(rule.indexKeysOfBeginning?.(new Uint8Array(600), schema), undefined);
  });

  it('follows a change of it, which does not read it whole', async (t) => {
    let wholeReads = 0;
    const fixture = await openStrict(t);
    const { directory, store } = fixture;
    const long = (day: number): Uint8Array =>
      sampleList(key, sampleEntries(4_000), {
        ...{ thisUpdateMs: Date.UTC(2026, 1, day), nextUpdateMs: Date.UTC(2026, 1, day + 3) },
      });
    const find = (day: number): Promise<string[]> => {
      const list = `{ issuer rdnSequence:"${issuer}", thisUpdate utcTime:"26020${day}000000Z" }`;
      return searchNames(directory, { filter: `(certificateRevocationList=${list})` });
    };
    const dn = `cn=long,${suffix}`;
    await store.transact('test: its entry', (transaction) =>
      directory.managed.createEntry(transaction, {
        dn,
        attributes: attributesOf({
          objectClass: ['cRLDistributionPoint', 'certdirPartition'],
          certdirPartitionCode: '1',
        }),
        manager: 'gunma',
      }),
    );
    for (const day of [1, 2]) {
      await store.transact('test: a long list', async (transaction) => {
        const counting = new Proxy(transaction, {
          get: (target, name) => {
            wholeReads += name === 'readLarge' ? 1 : 0;
            const member: unknown = Reflect.get(target, name, target);
            return typeof member === 'function' ? member.bind(target) : member;
          },
        });
        const der = long(day);
        const sha256 = await transaction.putLarge(der);
        const value = new LargeValue(sha256, der.length);
        const description = 'certificateRevocationList';
        await directory.managed.replaceWithLarge(counting, dn, { description, value });
      });
      assert.deepEqual(await find(day), [dn]);
    }
    assert.deepEqual(await find(1), []);
    assert.equal(wholeReads, 0);
  });
});

async function countPostings({ store }: DirectoryFixture, oid: string): Promise<number> {
  const snapshot = store.snapshot();
  const prefix = Buffer.concat([Uint8Array.of(Keyspace.index), Buffer.from(`${oid}\0`)]);
  const range = { gte: prefix, lt: Buffer.concat([prefix, Uint8Array.of(0xff)]) };
  const postings = await postingsOf(snapshot, range);
  await snapshot.close();
  return postings.length;
}
