/**
 * Controls and later features of the protocol as OpenLDAP's tools ask for them: paged results, sorting,
 * matched values, assertion, pre-read and post-read, referral objects, subentries, increment, moving a
 * subtree.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { CertdirFolder } from '../support/certdir-process.ts';
import { type LdapIdentity, type LdapQuery, LdapTools } from '../support/ldap-tools.ts';
import { skipWithout } from '../support/outside-tool.ts';

const unit = 'ou=Controls,o=JPKI,c=JP';
const PERSONS = 23;

const Result = {
  success: 0,
  sizeLimitExceeded: 4,
  referral: 10,
  unavailableCriticalExtension: 12,
  assertionFailed: 122,
} as const;

function nameOf(number: number): string {
  return `p${String((number * 7) % PERSONS).padStart(2, '0')}`;
}

describe('controls over LDAPS', { skip: skipWithout('ldapsearch') }, () => {
  const certdir = new CertdirFolder({ after });
  let ldaps: LdapTools;
  let administrator: LdapIdentity;

  before(async () => {
    const report = await certdir.init();
    administrator = { dn: report.administratorDn, passwordFile: report.administratorPasswordFile };
    const server = await certdir.serve();
    ldaps = new LdapTools({ url: server.ldapsUrl, caFile: join(certdir.folder, 'tls/server.pem') });
    const entries = [`dn: ${unit}\nobjectClass: organizationalUnit\nou: Controls\n`];
    for (let number = 0; number < PERSONS; number += 1) {
      const cn = nameOf(number);
      const lines = ['objectClass: person', `cn: ${cn}`, 'sn: Sato', `description: ${number % 3}`];
      entries.push([`dn: cn=${cn},${unit}`, ...lines, 'description: x', ''].join('\n'));
    }
    assert.equal(await modify('ldapadd', entries.join('\n')), Result.success);
  });

  const modify = (
    tool: 'ldapadd' | 'ldapmodify',
    input: string,
    options: readonly string[] = [],
  ): Promise<number> => ldaps.resultCode(tool, options, { as: administrator, input });

  const query = (options: readonly string[], more: Partial<LdapQuery> = {}): LdapQuery => ({
    base: unit,
    scope: 'one',
    attributes: ['cn'],
    as: administrator,
    options,
    ...more,
  });

  async function names(
    options: readonly string[],
    more: Partial<LdapQuery> = {},
  ): Promise<string[]> {
    const { resultCode, entries, diagnostics } = await ldaps.search(query(options, more));
    assert.equal(resultCode, Result.success, diagnostics);
    return entries.map(({ dn }) => dn.slice(3, 6));
  }

  const sorted = Array.from({ length: PERSONS }, (_, number) => nameOf(number)).sort();

  async function valuesOf(dn: string, attribute: string): Promise<string[]> {
    const found = await ldaps.values({ base: dn, attributes: [attribute], as: administrator });
    return found.map((value) => value.toString('utf8'));
  }

  describe('ldapsearch -E', () => {
    for (const size of [1, 5, PERSONS, 100]) {
      it(`pr=${size}/noprompt brings every entry once`, async () => {
        const found = await names(['-E', `!pr=${size}/noprompt`]);
        assert.deepEqual(found.toSorted(), sorted);
      });
    }

    it('-z holds over all pages', async () => {
      const options = ['-E', '!pr=5/noprompt', '-z', '12'];
      const { resultCode, entries } = await ldaps.search(query(options));
      assert.deepEqual([resultCode, entries.length], [Result.sizeLimitExceeded, 12]);
    });

    it('sss=cn sorts, sss=-cn backwards, with a rule and by two keys', async () => {
      assert.deepEqual(await names(['-E', '!sss=cn']), sorted);
      assert.deepEqual(await names(['-E', '!sss=-cn']), sorted.toReversed());
      assert.deepEqual(await names(['-E', '!sss=-cn:2.5.13.3']), sorted.toReversed());
      assert.deepEqual(await names(['-E', '!sss=sn/-cn']), sorted.toReversed());
    });

    it('sss goes with pr', async () => {
      const options = ['-E', '!sss=-cn', '-E', '!pr=4/noprompt'];
      assert.deepEqual(await names(options), sorted.toReversed());
    });

    it('sss by what is not defined is refused when critical', async () => {
      const refused = await ldaps.search(query(['-E', '!sss=nonsense']));
      assert.deepEqual(
        [refused.resultCode, refused.entries.length],
        [Result.unavailableCriticalExtension, 0],
      );
      assert.equal((await names(['-E', 'sss=nonsense'])).length, PERSONS);
    });

    it('mv brings the values that match', async () => {
      const wish = { filter: '(cn=p00)', attributes: ['description', 'sn'] };
      const options = ['-E', '!mv=(description=x)'];
      const { resultCode, entries } = await ldaps.search(query(options, wish));
      assert.equal(resultCode, Result.success);
      assert.deepEqual(entries[0]?.attributes.get('description')?.map(String), ['x']);
      assert.deepEqual(entries[0]?.attributes.get('sn') ?? [], []);
    });
  });

  describe('-e assert, preread, postread', () => {
    const dn = `cn=p01,${unit}`;
    const setSn = (value: string): string =>
      `dn: ${dn}\nchangetype: modify\nreplace: sn\nsn: ${value}\n`;

    it('a change is made if the assertion is true, and only then', async () => {
      const refused = await modify('ldapmodify', setSn('Mori'), ['-e', '!assert=(sn=Abe)']);
      assert.equal(refused, Result.assertionFailed);
      assert.deepEqual(await valuesOf(dn, 'sn'), ['Sato']);
      const done = await modify('ldapmodify', setSn('Mori'), ['-e', '!assert=(sn=Sato)']);
      assert.equal(done, Result.success);
      assert.deepEqual(await valuesOf(dn, 'sn'), ['Mori']);
    });

    it('a search and a compare too', async () => {
      const asserting = ['-e', '!assert=(ou=nothing)'];
      const found = await ldaps.search(query(asserting));
      assert.equal(found.resultCode, Result.assertionFailed);
      assert.equal((await names(['-e', '!assert=(ou=controls)'])).length, PERSONS);
    });

    it('the entry comes back as it was and as it is', async () => {
      const options = ['-e', '!preread=sn,cn', '-e', '!postread=sn,entryUUID'];
      const { status, stdout, stderr } = await ldaps.run('ldapmodify', options, {
        as: administrator,
        input: setSn('Ueda'),
      });
      assert.equal(status, Result.success, stderr);
      const [preRead = '', postRead = ''] = stdout.split('==> postread');
      assert.match(preRead, /^sn: Mori$/m);
      assert.match(preRead, /^cn: p01$/m);
      assert.match(postRead, /^sn: Ueda$/m);
      assert.match(postRead, /^entryUUID: [0-9a-f-]{36}$/m);
    });
  });

  it('increment: adds to a number (RFC 4525)', async () => {
    const dn = `cn=counter,${unit}`;
    const entry = ['objectClass: person', 'objectClass: extensibleObject', 'sn: x'];
    const add = [`dn: ${dn}`, ...entry, 'cn: counter', 'supportedLDAPVersion: 41', ''].join('\n');
    assert.equal(await modify('ldapadd', add), Result.success);
    const increment = ['increment: supportedLDAPVersion', 'supportedLDAPVersion: 1', ''];
    const input = [`dn: ${dn}`, 'changetype: modify', ...increment].join('\n');
    assert.equal(await modify('ldapmodify', input), Result.success);
    assert.deepEqual(await valuesOf(dn, 'supportedLDAPVersion'), ['42']);
    assert.equal(await ldaps.resultCode('ldapdelete', [dn], { as: administrator }), Result.success);
  });

  it('ldapmodrdn moves an entry with everything below it, there and back', async () => {
    const target = 'ou=Moved,o=JPKI,c=JP';
    const move = (from: string, newRdn: string, superior: string): Promise<number> =>
      ldaps.resultCode('ldapmodrdn', ['-r', '-s', superior, from, newRdn], { as: administrator });
    const add = `dn: ${target}\nobjectClass: organizationalUnit\nou: Moved\n`;
    assert.equal(await modify('ldapadd', add), Result.success);
    assert.equal(await move(unit, 'ou=Here', target), Result.success);
    assert.equal((await names([], { base: `ou=Here,${target}` })).length, PERSONS);
    assert.equal(await move(`ou=Here,${target}`, 'ou=Controls', 'o=JPKI,c=JP'), Result.success);
    assert.equal((await names([])).length, PERSONS);
  });

  describe('referral objects and -M (RFC 3296)', () => {
    const elsewhere = 'ou=Elsewhere,o=JPKI,c=JP';
    const uri = 'ldap://b.example/ou=X,o=Y';

    before(async () => {
      const lines = ['objectClass: referral', 'objectClass: extensibleObject', 'ou: Elsewhere'];
      const entry = [`dn: ${elsewhere}`, ...lines, `ref: ${uri}`, ''].join('\n');
      assert.equal(await modify('ldapadd', entry), Result.success);
    });

    async function searchText(...options: readonly string[]): Promise<string> {
      const args = ['-LL', '-o', 'ldif-wrap=no', '-b', 'o=JPKI,c=JP', ...options];
      const { status, stdout, stderr } = await ldaps.run('ldapsearch', args, { as: administrator });
      assert.equal(status, Result.success, stderr);
      return stdout;
    }

    it('ldapsearch is given the reference', async () => {
      assert.match(await searchText('-s', 'one', '1.1'), /ldap:\/\/b\.example\/ou=X,o=Y\?\?base/);
      assert.match(await searchText('-s', 'sub', '(cn=p00)'), /ou=X,o=Y\?\?sub/);
    });

    it('ldapsearch -MM is given the entry', async () => {
      const found = await searchText('-MM', '-s', 'one', '(ou=Elsewhere)', 'ref');
      assert.match(found, /^dn: ou=Elsewhere,o=JPKI,c=JP$/im);
      assert.match(found, /^ref: ldap:\/\/b\.example\/ou=X,o=Y$/m);
    });

    it('ldapdelete is referred, and with -MM deletes', async () => {
      const as = { as: administrator };
      const referred = await ldaps.run('ldapdelete', [elsewhere], as);
      assert.equal(referred.status, Result.referral, referred.stderr);
      assert.match(referred.stderr, /ldap:\/\/b\.example\/ou=X,o=Y/);
      assert.equal(await ldaps.resultCode('ldapdelete', ['-MM', elsewhere], as), Result.success);
    });
  });

  it('subentries come when they are asked for (RFC 3672)', async () => {
    const dn = `cn=policy,${unit}`;
    const lines = ['objectClass: subentry', 'cn: policy', 'subtreeSpecification: { }', ''];
    assert.equal(await modify('ldapadd', [`dn: ${dn}`, ...lines].join('\n')), Result.success);
    assert.deepEqual(await names(['-E', '!subentries=true']), ['pol']);
    assert.deepEqual((await names(['-E', '!subentries=false'])).toSorted(), sorted);
    assert.deepEqual((await names([])).toSorted(), sorted);
    const deleted = await ldaps.resultCode('ldapdelete', [dn], { as: administrator });
    assert.equal(deleted, Result.success);
  });

  it('the root DSE lists what was used', async () => {
    const listed = await ldaps.values({ base: '', attributes: ['supportedControl'] });
    for (const oid of [
      '1.2.840.113556.1.4.319',
      '1.2.840.113556.1.4.473',
      '1.2.826.0.1.3344810.2.3',
      '1.3.6.1.1.12',
      '1.3.6.1.1.13.1',
      '1.3.6.1.1.13.2',
      '2.16.840.1.113730.3.4.2',
      '1.3.6.1.4.1.4203.1.10.1',
    ]) {
      assert.ok(
        listed.some((value) => value.toString() === oid),
        oid,
      );
    }
  });
});
