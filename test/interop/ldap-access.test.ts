/**
 * Who gets a municipality's list, asked with OpenLDAP's tools (R-ACL): registered verifiers, for their
 * partitions, within their agreement, over TLS; nobody else, by no spelling and no side door.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { utcTime } from '../support/asn1-expectations.ts';
import { CertdirFolder } from '../support/certdir-process.ts';
import { type LdapEntry, type LdapIdentity, LdapTools } from '../support/ldap-tools.ts';
import { runOpenssl } from '../support/openssl.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { registerVerifier } from '../support/registered-verifier.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const points = `ou=CRL Distribution Points,${CA}`;
const maebashi = `cn=Maebashi-shi CRLDP,ou=Gunma-ken,${points}`;
const takasaki = `cn=Takasaki-shi CRLDP,ou=Gunma-ken,${points}`;
const operations = `cn=Operations CRLDP,${points}`;

/** Result codes of RFC 4511, which the tools end with. */
const Result = {
  success: 0,
  confidentialityRequired: 13,
  noSuchAttribute: 16,
  noSuchObject: 32,
  invalidCredentials: 49,
  unwillingToPerform: 53,
} as const;

/** Descriptions that name the list, or could be taken for it. */
const spellings = [
  'certificateRevocationList',
  'CERTIFICATEREVOCATIONLIST',
  'certificaterevocationlist',
  'certificateRevocationList;binary',
  'certificateRevocationList;BINARY',
  'CertificateRevocationList;Binary',
  '2.5.4.39',
  '2.5.4.39;binary',
  'OID.2.5.4.39',
  'oid.2.5.4.39;binary',
  '2.5.4.039',
  'certificateRevocationList;lang-ja',
  'certificateRevocationList;x-foo',
  'certificateRevocationList;binary;lang-ja',
  ' certificateRevocationList',
  '*',
  '+',
  '@cRLDistributionPoint',
  '@2.5.6.19',
  '@certdirPartition',
  '@top',
] as const;

/** Those of them that mean the list and no other thing. */
const understood = new Set<string>([
  'certificateRevocationList',
  'CERTIFICATEREVOCATIONLIST',
  'certificaterevocationlist',
  'certificateRevocationList;binary',
  'certificateRevocationList;BINARY',
  'CertificateRevocationList;Binary',
  '2.5.4.39',
  '2.5.4.39;binary',
  '*',
  '@cRLDistributionPoint',
  '@2.5.6.19',
]);

/** Stands for an assertion about Maebashi's list that is true (RFC 4523 §3.5). */
const TRUE_ASSERTION = '<the list of Maebashi>';

/** Filters that say something of the list. */
const revealingFilters = [
  '(certificateRevocationList=*)',
  '(certificateRevocationList;binary=*)',
  '(CERTIFICATEREVOCATIONLIST;BINARY=*)',
  '(2.5.4.39=*)',
  '(!(certificateRevocationList=*))',
  '(!(2.5.4.39=*))',
  `(certificateRevocationList=${TRUE_ASSERTION})`,
  `(!(certificateRevocationList=${TRUE_ASSERTION}))`,
  `(certificateRevocationList:2.5.13.38:=${TRUE_ASSERTION})`,
  `(!(certificateRevocationList:2.5.13.38:=${TRUE_ASSERTION}))`,
  '(&(objectClass=cRLDistributionPoint)(certificateRevocationList=*))',
  '(&(objectClass=cRLDistributionPoint)(!(certificateRevocationList=*)))',
  '(!(|(certificateRevocationList=*)(cn=nobody)))',
] as const;

/** certificateListExactAssertion with issuer and thisUpdate, in GSER. */
function assertionOf(list: Buffer): string {
  const said = runOpenssl(['crl', '-inform', 'DER', '-noout', '-lastupdate'], list).toString();
  const thisUpdate = utcTime(Date.parse(said.replace('lastUpdate=', '')));
  return `{ issuer rdnSequence:"${CA}", thisUpdate utcTime:"${thisUpdate}" }`;
}

const lowerCase = (texts: readonly string[]): string[] => texts.map((text) => text.toLowerCase());

describe('access to lists', { skip: skipWithout('ldapsearch', 'openssl') }, () => {
  const certdir = new CertdirFolder({ after });
  let ldap: LdapTools;
  let ldaps: LdapTools;
  let everywhere: LdapIdentity;
  let maebashiOnly: LdapIdentity;
  /** A true certificateListExactAssertion about Maebashi's list. */
  let assertion: string;

  before(async () => {
    await certdir.init();
    const server = await certdir.serve();
    const caFile = join(certdir.folder, 'tls/server.pem');
    ldap = new LdapTools({ url: server.ldapUrl, caFile });
    ldaps = new LdapTools({ url: server.ldapsUrl, caFile });
    everywhere = await registerVerifier(certdir, 'everywhere');
    maebashiOnly = await registerVerifier(certdir, 'maebashi-only', { partitions: ['10201'] });
    const attributes = ['certificateRevocationList'];
    const [list] = await ldaps.values({ base: maebashi, attributes, as: everywhere });
    assert.ok(list !== undefined, 'the list that init has published');
    assertion = assertionOf(list);
  });

  async function read(
    tools: LdapTools,
    base: string,
    attribute: string,
    as?: LdapIdentity,
  ): Promise<LdapEntry> {
    const found = await tools.search({ base, attributes: [attribute], as });
    assert.equal(found.resultCode, Result.success, found.diagnostics);
    const [entry] = found.entries;
    assert.ok(entry !== undefined, 'the entry itself is public');
    return entry;
  }

  /** The length of the list in what was read; 0 without one. */
  function listBytes({ attributes }: LdapEntry): number {
    const lists = [...attributes].filter(([description]) =>
      /revocationlist|2\.5\.4\.39/i.test(description),
    );
    return lists.flatMap(([, values]) => values).reduce((sum, value) => sum + value.length, 0);
  }

  describe('anonymous', () => {
    for (const spelling of spellings) {
      it(`reads no list as "${spelling}"`, async () => {
        for (const tools of [ldap, ldaps]) {
          const entry = await read(tools, maebashi, spelling);
          assert.equal(listBytes(entry), 0);
          const names = [...entry.attributes.keys()].map((name) => name.toLowerCase());
          assert.ok(!names.some((name) => name.startsWith('certificaterevocationlist')));
        }
      });
    }

    for (const filter of revealingFilters) {
      it(`learns nothing by ${filter}`, async () => {
        const query = { base: points, scope: 'sub', attributes: ['1.1'] } as const;
        const real = filter.replace(TRUE_ASSERTION, assertion);
        const found = await ldaps.search({ ...query, filter: real });
        assert.equal(found.resultCode, Result.success, found.diagnostics);
        // The list of the CA's own servers is public, and units have none.
        const partitions = found.entries.filter(({ dn }) => /^cn=.*ou=Gunma-ken/i.test(dn));
        assert.deepEqual(partitions, []);
      });
    }

    it('compares as if the list were not there', async () => {
      for (const attribute of [
        'certificateRevocationList',
        'certificateRevocationList;binary',
        '2.5.4.39',
      ]) {
        const code = await ldaps.resultCode('ldapcompare', [maebashi, `${attribute}:${assertion}`]);
        assert.equal(code, Result.noSuchAttribute, attribute);
      }
    });

    it('reads the CA certificate, the ARL and the list of the CA’s own servers', async () => {
      const ca = await ldap.search({
        base: CA,
        attributes: ['cACertificate', 'authorityRevocationList'],
      });
      assert.deepEqual([...(ca.entries[0]?.attributes.keys() ?? [])].sort(), [
        'authorityRevocationList;binary',
        'cACertificate;binary',
      ]);
      const own = await read(ldap, operations, 'certificateRevocationList');
      assert.ok(listBytes(own) > 0);
    });

    it('cannot tell a verifier from nothing', async () => {
      const base = everywhere.dn;
      const [there, absent] = await Promise.all([
        ldaps.search({ base }),
        ldaps.search({ base: base.replace('everywhere', 'nowhere') }),
      ]);
      assert.equal(there.resultCode, Result.noSuchObject);
      assert.equal(there.diagnostics, absent.diagnostics);
      const subtree = await ldaps.search({ base: CA, scope: 'sub', attributes: ['1.1'] });
      assert.ok(subtree.entries.length > 35);
      assert.ok(!subtree.entries.some(({ dn }) => /ou=(Verifiers|Operators)/i.test(dn)));
    });
  });

  describe('a registered verifier over TLS', () => {
    for (const spelling of spellings) {
      const isList = understood.has(spelling);
      it(`reads ${isList ? 'the' : 'no'} list as "${spelling}"`, async () => {
        const entry = await read(ldaps, maebashi, spelling, everywhere);
        assert.equal(listBytes(entry) > 0, isList);
        if (isList) {
          assert.ok(entry.attributes.has('certificateRevocationList;binary'));
        }
      });
    }

    it('finds the points with a list', async () => {
      const filter = '(certificateRevocationList=*)';
      const base = points;
      const all = await ldaps.search({
        base,
        scope: 'sub',
        filter,
        attributes: ['1.1'],
        as: everywhere,
      });
      assert.equal(all.entries.length, 36);
      const one = await ldaps.search({
        base,
        scope: 'sub',
        filter,
        attributes: ['1.1'],
        as: maebashiOnly,
      });
      const names = one.entries.map(({ dn }) => dn);
      assert.deepEqual(lowerCase(names).sort(), lowerCase([maebashi, operations]).sort());
    });

    it('compares', async () => {
      const compared = `certificateRevocationList:${assertion}`;
      const isTrue = await ldaps.resultCode('ldapcompare', [maebashi, compared], {
        as: everywhere,
      });
      assert.equal(isTrue, 6);
      const other = compared.replace(CA, 'o=Other,c=JP');
      const isFalse = await ldaps.resultCode('ldapcompare', [maebashi, other], { as: everywhere });
      assert.equal(isFalse, 5);
    });

    it('reads as well after StartTLS', async () => {
      const found = await ldap.search({
        base: maebashi,
        attributes: ['certificateRevocationList'],
        as: everywhere,
        options: ['-ZZ'],
      });
      assert.equal(found.resultCode, Result.success, found.diagnostics);
      assert.ok(found.entries[0] !== undefined && listBytes(found.entries[0]) > 0);
    });

    it('reads no list of a partition that was not granted', async () => {
      const granted = await read(ldaps, maebashi, '*', maebashiOnly);
      assert.ok(listBytes(granted) > 0);
      const other = await read(ldaps, takasaki, '*', maebashiOnly);
      assert.equal(listBytes(other), 0);
      const compared = `certificateRevocationList:${assertion}`;
      const code = await ldaps.resultCode('ldapcompare', [takasaki, compared], {
        as: maebashiOnly,
      });
      assert.equal(code, Result.noSuchAttribute);
    });

    it('reads its own entry and no other verifier’s, and no password', async () => {
      const own = await read(ldaps, maebashiOnly.dn, '*', maebashiOnly);
      assert.ok(own.attributes.has('certdirGrantedPartition'));
      const other = await ldaps.search({ base: everywhere.dn, as: maebashiOnly });
      assert.equal(other.resultCode, Result.noSuchObject);
    });
  });

  describe('is refused', () => {
    it('with a wrong password: 49', async () => {
      const passwordFile = certdir.write('wrong.password', 'not the password');
      const wrong = { dn: everywhere.dn, passwordFile };
      assert.equal(
        await ldaps.resultCode('ldapwhoami', [], { as: wrong }),
        Result.invalidCredentials,
      );
    });

    it('as a name that nobody has, like a wrong password: 49', async () => {
      const unknown = { ...everywhere, dn: everywhere.dn.replace('everywhere', 'nobody') };
      assert.equal(
        await ldaps.resultCode('ldapwhoami', [], { as: unknown }),
        Result.invalidCredentials,
      );
    });

    it('with a name and an empty password: 53', async () => {
      const code = await ldaps.resultCode('ldapwhoami', ['-D', everywhere.dn, '-w', '']);
      assert.equal(code, Result.unwillingToPerform);
    });

    it('with a password over a clear connection: 13', async () => {
      const code = await ldap.resultCode('ldapwhoami', [], { as: everywhere });
      assert.equal(code, Result.confidentialityRequired);
    });

    it('when its agreement is over, or has not begun', async () => {
      const past = await registerVerifier(certdir, 'past', {
        from: '2020-01-01',
        until: '2020-12-31',
      });
      const future = await registerVerifier(certdir, 'future', {
        from: '2098-01-01',
        until: '2098-12-31',
      });
      for (const as of [past, future]) {
        const found = await ldaps.search({ base: maebashi, attributes: ['*'], as });
        const lists = found.entries.map(listBytes);
        assert.ok(
          lists.every((bytes) => bytes === 0),
          as.dn,
        );
      }
    });

    it('when it was disabled, at once', async () => {
      const verifier = await registerVerifier(certdir, 'leaving');
      assert.equal(await ldaps.resultCode('ldapwhoami', [], { as: verifier }), Result.success);
      await certdir.answer('verifier', 'disable', 'leaving');
      const code = await ldaps.resultCode('ldapwhoami', [], { as: verifier });
      assert.equal(code, Result.invalidCredentials);
    });
  });
});
