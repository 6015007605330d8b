/**
 * Searches, compares and "who am I" with OpenLDAP's tools (RFC 4511 §4.5, §4.10, RFC 4532).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { CertdirFolder } from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { type LdapIdentity, type LdapQuery, LdapTools } from '../support/ldap-tools.ts';
import { skipWithout } from '../support/outside-tool.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const points = `ou=CRL Distribution Points,${CA}`;
const gunma = `ou=Gunma-ken,${points}`;
const maebashi = `cn=Maebashi-shi CRLDP,${gunma}`;
const MUNICIPALITIES = 35;

const Result = {
  success: 0,
  protocolError: 2,
  sizeLimitExceeded: 4,
  compareFalse: 5,
  compareTrue: 6,
  noSuchAttribute: 16,
  undefinedAttributeType: 17,
  noSuchObject: 32,
  invalidDNSyntax: 34,
} as const;

describe('ldapsearch', { skip: skipWithout('ldapsearch', 'curl') }, () => {
  const certdir = new CertdirFolder({ after });
  let ldapUrl: string;
  let ldap: LdapTools;
  let ldaps: LdapTools;
  let administrator: LdapIdentity;

  before(async () => {
    const report = await certdir.init();
    administrator = {
      dn: report.administratorDn,
      passwordFile: report.administratorPasswordFile,
    };
    const server = await certdir.serve();
    ldapUrl = server.ldapUrl;
    const caFile = join(certdir.folder, 'tls/server.pem');
    ldap = new LdapTools({ url: server.ldapUrl, caFile });
    ldaps = new LdapTools({ url: server.ldapsUrl, caFile });
  });

  async function names(query: LdapQuery): Promise<readonly string[]> {
    const found = await ldap.search({ attributes: ['1.1'], ...query });
    assert.equal(found.resultCode, Result.success, found.diagnostics);
    return found.entries.map(({ dn }) => dn);
  }

  async function attributesOf(query: LdapQuery): Promise<ReadonlyMap<string, readonly Buffer[]>> {
    const found = await ldap.search(query);
    assert.equal(found.resultCode, Result.success, found.diagnostics);
    return found.entries[0]?.attributes ?? new Map();
  }

  describe('scopes', () => {
    it('base is the entry', async () => {
      assert.deepEqual(await names({ base: CA, scope: 'base' }), [CA]);
    });

    it('one is its children', async () => {
      const found = await names({ base: CA, scope: 'one' });
      assert.deepEqual(found, [points]);
      assert.equal((await names({ base: gunma, scope: 'one' })).length, MUNICIPALITIES);
    });

    it('sub is the entry and everything below it', async () => {
      const found = await names({ base: points, scope: 'sub' });
      // The points' own entry, the operations' point, the prefecture and its municipalities.
      assert.equal(found.length, 1 + 1 + 1 + MUNICIPALITIES);
      assert.equal(found[0], points);
      assert.equal(new Set(found).size, found.length);
    });

    it('an absent base is 32, with the nearest entry that anyone may know of', async () => {
      const found = await ldap.search({ base: `cn=x,cn=y,${gunma}` });
      assert.equal(found.resultCode, Result.noSuchObject);
      assert.match(found.diagnostics, new RegExp(`Matched DN: ${gunma}`));
    });

    it('a base that is no name is 34', async () => {
      const found = await ldap.search({ base: 'no name at all' });
      assert.equal(found.resultCode, Result.invalidDNSyntax);
    });

    it('a name is found however it is written', async () => {
      for (const base of [
        'OU=GUNMA PREFECTURAL CA,O=jpki,C=jp',
        '2.5.4.11=Gunma Prefectural CA,2.5.4.10=JPKI,2.5.4.6=JP',
        'ou=  Gunma   Prefectural CA , o = JPKI , c=JP',
        'ou=Gunma\\20Prefectural\\20CA,o=JPKI,c=JP',
        'ou=#131447756E6D612050726566656374757261 6C204341,o=JPKI,c=JP'.replace(' ', ''),
      ]) {
        assert.deepEqual(await names({ base }), [CA], base);
      }
    });
  });

  describe('filters', () => {
    const rows: readonly (readonly [filter: string, count: number])[] = [
      ['(cn=Maebashi-shi CRLDP)', 1],
      ['(cn=MAEBASHI-SHI  crldp)', 1],
      ['(2.5.4.3=Maebashi-shi CRLDP)', 1],
      ['(cn=Mae*)', 1],
      ['(cn=*bashi*)', 1],
      ['(cn=*-shi CRLDP)', 12],
      ['(cn=M*shi*DP)', 2],
      ['(certdirPartitionCode=10201)', 1],
      ['(&(objectClass=cRLDistributionPoint)(certdirPartitionCode=10202))', 1],
      ['(|(certdirPartitionCode=10201)(certdirPartitionCode=10202))', 2],
      ['(&(objectClass=certdirPartition)(!(certdirPartitionCode=10201)))', MUNICIPALITIES - 1],
      ['(objectClass=cRLDistributionPoint)', MUNICIPALITIES + 1],
      ['(objectClass=2.5.6.19)', MUNICIPALITIES + 1],
      ['(cn:caseExactMatch:=Maebashi-shi CRLDP)', 1],
      ['(cn:caseExactMatch:=MAEBASHI-SHI CRLDP)', 0],
      ['(cn=Maebashi\\2dshi CRLDP)', 1],
      ['(noSuchAttribute=x)', 0],
      ['(!(noSuchAttribute=x))', 0],
      ['(|(noSuchAttribute=x)(certdirPartitionCode=10201))', 1],
      ['(&(objectClass=certdirPartition)(cn>=Z))', 0],
      ['(&)', MUNICIPALITIES + 3],
      ['(|)', 0],
      ['(!(|))', MUNICIPALITIES + 3],
    ];
    for (const [filter, count] of rows) {
      it(`${filter}: ${count}`, async () => {
        assert.equal((await names({ base: points, scope: 'sub', filter })).length, count);
      });
    }
  });

  describe('attributes', () => {
    it('all user attributes without a selection and with *', async () => {
      const expected = [
        'objectClass',
        'ou',
        'cACertificate;binary',
        'authorityRevocationList;binary',
      ];
      for (const attributes of [[], ['*']]) {
        const found = await attributesOf({ base: CA, attributes });
        assert.deepEqual([...found.keys()].sort(), [...expected].sort());
      }
    });

    it('operational attributes with +, and by name', async () => {
      const found = await attributesOf({ base: CA, attributes: ['+'] });
      for (const name of ['entryUUID', 'entryDN', 'createTimestamp', 'subschemaSubentry']) {
        assert.ok(found.has(name), name);
      }
      assert.ok(!found.has('objectClass'));
      const named = await attributesOf({ base: CA, attributes: ['entryUUID'] });
      assert.match(named.get('entryUUID')?.[0]?.toString() ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-/);
    });

    it('none with 1.1', async () => {
      const found = await ldap.search({ base: CA, attributes: ['1.1'] });
      assert.equal(found.entries.length, 1);
      assert.equal(found.entries[0]?.attributes.size, 0);
    });

    it('names without values with -A', async () => {
      const found = await attributesOf({ base: CA, options: ['-A'] });
      assert.ok(found.has('cACertificate;binary'));
      assert.deepEqual([...found.values()].flat(), []);
    });

    it('of an object class with @', async () => {
      const found = await attributesOf({ base: CA, attributes: ['@pkiCA'] });
      assert.deepEqual([...found.keys()].sort(), [
        'authorityRevocationList;binary',
        'cACertificate;binary',
        'objectClass',
      ]);
    });

    it('by OID, and what nobody knows is left out', async () => {
      const found = await attributesOf({ base: CA, attributes: ['2.5.4.11', 'noSuchAttribute'] });
      assert.deepEqual([...found.keys()], ['ou']);
    });
  });

  describe('limits', () => {
    it('-z stops after so many entries with 4', async () => {
      const query = { base: gunma, scope: 'one', attributes: ['1.1'] } as const;
      const found = await ldap.search({ ...query, options: ['-z', '5'] });
      assert.equal(found.resultCode, Result.sizeLimitExceeded);
      assert.equal(found.entries.length, 5);
      const all = await ldap.search({ ...query, options: ['-z', String(MUNICIPALITIES)] });
      assert.equal(all.resultCode, Result.success);
      assert.equal(all.entries.length, MUNICIPALITIES);
    });

    it('-l lets a search end in time', async () => {
      const found = await ldap.search({ base: gunma, scope: 'one', options: ['-l', '10'] });
      assert.equal(found.resultCode, Result.success);
      assert.equal(found.entries.length, MUNICIPALITIES);
    });
  });

  describe('what the server says of itself', () => {
    it('root DSE', async () => {
      const found = await attributesOf({ base: '', attributes: ['*', '+'] });
      const texts = (name: string): string[] =>
        (found.get(name) ?? []).map((value) => value.toString('utf8'));
      assert.deepEqual(
        texts('namingContexts').map((name) => name.toLowerCase()),
        ['c=jp'],
      );
      assert.deepEqual(texts('supportedLDAPVersion'), ['3']);
      assert.deepEqual(texts('subschemaSubentry'), ['cn=Subschema']);
      assert.ok(texts('supportedExtension').includes('1.3.6.1.4.1.1466.20037'), 'StartTLS');
      assert.ok(texts('supportedExtension').includes('1.3.6.1.4.1.4203.1.11.3'), 'who am I');
      assert.ok(texts('supportedFeatures').includes('1.3.6.1.4.1.4203.1.5.1'), '+');
    });

    it('subschema', async () => {
      const found = await attributesOf({
        base: 'cn=Subschema',
        filter: '(objectClass=subschema)',
        attributes: ['attributeTypes', 'objectClasses', 'matchingRules', 'ldapSyntaxes'],
      });
      const holds = (name: string, pattern: RegExp): boolean =>
        (found.get(name) ?? []).some((value) => pattern.test(value.toString('utf8')));
      assert.ok(holds('attributeTypes', /^\( 2\.5\.4\.39 NAME 'certificateRevocationList'/));
      assert.ok(holds('objectClasses', /^\( 2\.5\.6\.19 NAME 'cRLDistributionPoint'/));
      assert.ok(holds('objectClasses', /NAME 'certdirVerifier'/));
      assert.ok(holds('matchingRules', /^\( 2\.5\.13\.38 NAME 'certificateListExactMatch'/));
      assert.ok(holds('ldapSyntaxes', /^\( 1\.3\.6\.1\.4\.1\.1466\.115\.121\.1\.9 /));
    });
  });

  describe('ldapcompare', () => {
    const rows: readonly (readonly [assertion: string, code: number])[] = [
      ['cn:Maebashi-shi CRLDP', Result.compareTrue],
      ['CN:maebashi-SHI   CRLDP', Result.compareTrue],
      ['2.5.4.3:Maebashi-shi CRLDP', Result.compareTrue],
      ['cn:Takasaki-shi CRLDP', Result.compareFalse],
      ['objectClass:cRLDistributionPoint', Result.compareTrue],
      ['objectClass:2.5.6.19', Result.compareTrue],
      ['description:前橋市', Result.compareTrue],
      ['ou:x', Result.noSuchAttribute],
      ['noSuchAttribute:x', Result.undefinedAttributeType],
    ];
    for (const [assertion, code] of rows) {
      it(`${assertion}: ${code}`, async () => {
        assert.equal(await ldap.resultCode('ldapcompare', [maebashi, assertion]), code);
      });
    }

    it('of an absent entry: 32', async () => {
      const code = await ldap.resultCode('ldapcompare', [`cn=x,${gunma}`, 'cn:x']);
      assert.equal(code, Result.noSuchObject);
    });
  });

  describe('ldapwhoami', () => {
    it('is nobody without a bind', async () => {
      const { status, stdout } = await ldap.run('ldapwhoami', []);
      assert.equal(status, 0);
      assert.equal(stdout, 'anonymous\n');
    });

    it('is the name that was bound over TLS', async () => {
      const { status, stdout, stderr } = await ldaps.run('ldapwhoami', [], { as: administrator });
      assert.equal(status, 0, stderr);
      assert.equal(stdout.toLowerCase(), `dn:${administrator.dn}\n`.toLowerCase());
    });

    it('is the name that was bound after StartTLS, which -ZZ insists on', async () => {
      const { status, stdout } = await ldap.run('ldapwhoami', ['-ZZ'], { as: administrator });
      assert.equal(status, 0);
      assert.equal(stdout.toLowerCase(), `dn:${administrator.dn}\n`.toLowerCase());
    });

    it('refuses StartTLS on a connection that is under TLS already', async () => {
      const { status } = await ldaps.run('ldapwhoami', ['-ZZ']);
      assert.notEqual(status, 0);
    });
  });

  it('curl is given an entry by its URL', async () => {
    const path = `/${encodeURI(CA)}?cACertificate?base?(objectClass=pkiCA)`;
    const { status, stdout, stderr } = await runCommand('curl', ['-sS', `${ldapUrl}${path}`]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^DN: ou=Gunma Prefectural CA,o=JPKI,c=JP$/im);
    assert.match(stdout, /cACertificate;binary:: MII/);
  });

  it('a critical control that is not known is 12', async () => {
    const found = await ldap.search({ base: CA, options: ['-e', '!1.2.3.4.5'] });
    assert.equal(found.resultCode, 12);
    const harmless = await ldap.search({ base: CA, options: ['-e', '1.2.3.4.5'] });
    assert.equal(harmless.resultCode, Result.success);
  });
});
