/**
 * Changes by the administrator with OpenLDAP's tools over TLS (RFC 4511 §4.6 to §4.9), and what is
 * refused.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { CertdirFolder } from '../support/certdir-process.ts';
import { type LdapIdentity, LdapTools } from '../support/ldap-tools.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { registerVerifier } from '../support/registered-verifier.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const staff = 'ou=Staff,o=JPKI,c=JP';
const gunma = `ou=Gunma-ken,ou=CRL Distribution Points,${CA}`;
const maebashi = `cn=Maebashi-shi CRLDP,${gunma}`;

const Result = {
  success: 0,
  noSuchAttribute: 16,
  undefinedAttributeType: 17,
  constraintViolation: 19,
  attributeOrValueExists: 20,
  invalidAttributeSyntax: 21,
  noSuchObject: 32,
  invalidDNSyntax: 34,
  insufficientAccessRights: 50,
  unwillingToPerform: 53,
  namingViolation: 64,
  objectClassViolation: 65,
  notAllowedOnNonLeaf: 66,
  notAllowedOnRDN: 67,
  entryAlreadyExists: 68,
} as const;

describe('changes over LDAPS', { skip: skipWithout('ldapsearch') }, () => {
  const certdir = new CertdirFolder({ after });
  let ldaps: LdapTools;
  let ldap: LdapTools;
  let administrator: LdapIdentity;
  let verifier: LdapIdentity;

  before(async () => {
    const report = await certdir.init();
    administrator = { dn: report.administratorDn, passwordFile: report.administratorPasswordFile };
    const server = await certdir.serve();
    const caFile = join(certdir.folder, 'tls/server.pem');
    ldap = new LdapTools({ url: server.ldapUrl, caFile });
    ldaps = new LdapTools({ url: server.ldapsUrl, caFile });
    verifier = await registerVerifier(certdir, 'office');
    const input = `dn: ${staff}\nobjectClass: organizationalUnit\nou: Staff\n`;
    assert.equal(await change('ldapadd', input), Result.success);
  });

  const change = (
    tool: 'ldapadd' | 'ldapmodify',
    input: string,
    as = administrator,
  ): Promise<number> => ldaps.resultCode(tool, [], { as, input });

  const person = (cn: string, more: readonly string[] = []): string =>
    [`dn: cn=${cn},${staff}`, 'objectClass: person', `cn: ${cn}`, 'sn: Sato', ...more, ''].join(
      '\n',
    );

  async function values(dn: string, attribute: string): Promise<readonly string[]> {
    const found = await ldaps.values({ base: dn, attributes: [attribute], as: administrator });
    return found.map((value) => value.toString('utf8')).sort();
  }

  const exists = async (dn: string): Promise<boolean> =>
    (await ldaps.search({ base: dn, attributes: ['1.1'], as: administrator })).entries.length === 1;

  describe('ldapadd', () => {
    it('adds what it was given, Japanese too, with operational attributes', async () => {
      const input = person('hanako', ['description: 前橋市役所', 'telephoneNumber: +81 27 1']);
      assert.equal(await change('ldapadd', input), Result.success);
      const dn = `cn=hanako,${staff}`;
      assert.deepEqual(await values(dn, 'description'), ['前橋市役所']);
      const [creator] = await values(dn, 'creatorsName');
      assert.equal(creator?.toLowerCase(), administrator.dn.toLowerCase());
      assert.match((await values(dn, 'createTimestamp'))[0] ?? '', /^\d{14}Z$/);
      assert.match((await values(dn, 'entryUUID'))[0] ?? '', /^[0-9a-f-]{36}$/);
      assert.deepEqual(await values(dn, 'structuralObjectClass'), ['person']);
    });

    it("adds the name's own value where the client left it out (RFC 4511 §4.7)", async () => {
      const input = person('named').replace('cn: named\n', '');
      assert.equal(await change('ldapadd', input), Result.success);
      assert.deepEqual(await values(`cn=named,${staff}`, 'cn'), ['named']);
    });

    const refused: readonly (readonly [why: string, input: () => string, code: number])[] = [
      ['an entry that exists', () => person('hanako'), Result.entryAlreadyExists],
      [
        'an entry without its parent',
        () => person('x').replace(staff, `ou=Nowhere,${staff}`),
        Result.noSuchObject,
      ],
      [
        'a missing mandatory attribute',
        () => person('x').replace('sn: Sato\n', ''),
        Result.objectClassViolation,
      ],
      [
        'an attribute that the class has no place for',
        () => person('x', ['ou: y']),
        Result.objectClassViolation,
      ],
      [
        'an attribute that nobody knows',
        () => person('x', ['noSuchAttribute: y']),
        Result.undefinedAttributeType,
      ],
      [
        'an attribute that the server keeps',
        () => person('x', ['entryUUID: y']),
        Result.constraintViolation,
      ],
      ['the same value twice', () => person('x', ['sn: SATO']), Result.attributeOrValueExists],
      [
        'a revocation list that is none',
        () =>
          [
            `dn: cn=x,${staff}`,
            'objectClass: cRLDistributionPoint',
            'cn: x',
            'certificateRevocationList;binary: not DER',
            '',
          ].join('\n'),
        Result.invalidAttributeSyntax,
      ],
    ];
    for (const [why, input, code] of refused) {
      it(`refuses ${why}: ${code}`, async () => {
        assert.equal(await change('ldapadd', input()), code);
        assert.equal(await exists(`cn=x,${staff}`), false);
      });
    }

    it('refuses anyone who is not the administrator: 50, or as if nothing were there', async () => {
      const input = person('intruder');
      const anonymous = await ldaps.resultCode('ldapadd', [], { input });
      const asVerifier = await change('ldapadd', input, verifier);
      for (const code of [anonymous, asVerifier]) {
        assert.ok(
          code === Result.insufficientAccessRights || code === Result.noSuchObject,
          String(code),
        );
      }
      assert.equal(await exists(`cn=intruder,${staff}`), false);
    });
  });

  describe('ldapmodify', () => {
    const dn = `cn=taro,${staff}`;
    const modify = (...lines: readonly string[]): Promise<number> =>
      change('ldapmodify', [`dn: ${dn}`, 'changetype: modify', ...lines, ''].join('\n'));

    before(async () => {
      assert.equal(await change('ldapadd', person('taro')), Result.success);
    });

    it('adds, replaces and deletes in one step, or does nothing of it', async () => {
      const first = await modify(
        ...['add: description', 'description: one', 'description: two', '-'],
        ...['add: telephoneNumber', 'telephoneNumber: 1', '-'],
      );
      assert.equal(first, Result.success);
      const second = await modify(
        ...['delete: description', 'description: one', '-'],
        ...['replace: telephoneNumber', 'telephoneNumber: 2', '-'],
        ...['add: description', 'description: three', '-'],
      );
      assert.equal(second, Result.success);
      assert.deepEqual(await values(dn, 'description'), ['three', 'two']);
      assert.deepEqual(await values(dn, 'telephoneNumber'), ['2']);

      const third = await modify(
        ...['replace: description', 'description: lost', '-'],
        ...['delete: telephoneNumber', 'telephoneNumber: 9', '-'],
      );
      assert.equal(third, Result.noSuchAttribute);
      assert.deepEqual(await values(dn, 'description'), ['three', 'two']);
    });

    it('removes an attribute, and replaces it by nothing', async () => {
      assert.equal(await modify('delete: telephoneNumber'), Result.success);
      assert.deepEqual(await values(dn, 'telephoneNumber'), []);
      assert.equal(await modify('delete: telephoneNumber'), Result.noSuchAttribute);
      assert.equal(await modify('replace: telephoneNumber'), Result.success);
    });

    const refused: readonly (readonly [why: string, lines: readonly string[], code: number])[] = [
      ['a value that is there', ['add: sn', 'sn: sato'], Result.attributeOrValueExists],
      ['to take the value of the name away', ['delete: cn', 'cn: taro'], Result.notAllowedOnRDN],
      ['to take a mandatory attribute away', ['delete: sn'], Result.objectClassViolation],
      [
        'what the server keeps',
        ['replace: createTimestamp', 'createTimestamp: 20200101000000Z'],
        Result.constraintViolation,
      ],
      [
        'an attribute that nobody knows',
        ['add: noSuchAttribute', 'noSuchAttribute: x'],
        Result.undefinedAttributeType,
      ],
    ];
    for (const [why, lines, code] of refused) {
      it(`refuses ${why}: ${code}`, async () => {
        assert.equal(await modify(...lines), code);
      });
    }

    it('refuses what the CA alone writes: 53, and the list stays', async () => {
      const before = await values(maebashi, 'certificateRevocationList');
      for (const lines of [
        ['delete: certificateRevocationList;binary'],
        ['replace: 2.5.4.39;binary', '2.5.4.39;binary:: MAA='],
      ]) {
        const input = [`dn: ${maebashi}`, 'changetype: modify', ...lines, ''].join('\n');
        const code = await change('ldapmodify', input);
        assert.ok(
          code === Result.unwillingToPerform || code === Result.invalidAttributeSyntax,
          String(code),
        );
      }
      assert.deepEqual(await values(maebashi, 'certificateRevocationList'), before);
    });

    it('keeps a new password as a hash that nobody reads, and takes it at once', async () => {
      const user = `cn=user,ou=Verifiers,${CA}`;
      const secret = 'a new and long password';
      const input = `dn: ${user}\nobjectClass: person\ncn: user\nsn: x\nuserPassword: ${secret}\n`;
      assert.equal(await change('ldapadd', input), Result.success);
      assert.deepEqual(await values(user, 'userPassword'), []);
      const { stdout } = await certdir.run('ldif', 'export', '--base', user);
      assert.match(stdout, /^userPassword: \{SCRYPT\}/m);
      assert.doesNotMatch(stdout, new RegExp(secret));
      const as = { dn: user, passwordFile: certdir.write('user.password', secret) };
      assert.equal(await ldaps.resultCode('ldapwhoami', [], { as }), Result.success);
    });
  });

  describe('ldapmodrdn', () => {
    it('renames, keeping or dropping the old value', async () => {
      assert.equal(await change('ldapadd', person('before')), Result.success);
      const kept = await ldaps.resultCode('ldapmodrdn', [`cn=before,${staff}`, 'cn=between'], {
        as: administrator,
      });
      assert.equal(kept, Result.success);
      assert.equal(await exists(`cn=before,${staff}`), false);
      assert.deepEqual(await values(`cn=between,${staff}`, 'cn'), ['before', 'between']);
      const dropped = await ldaps.resultCode(
        'ldapmodrdn',
        ['-r', `cn=between,${staff}`, 'cn=after'],
        {
          as: administrator,
        },
      );
      assert.equal(dropped, Result.success);
      assert.deepEqual(await values(`cn=after,${staff}`, 'cn'), ['after', 'before']);
    });

    it('moves under a new parent', async () => {
      const office = `dn: ou=Office,${staff}\nobjectClass: organizationalUnit\nou: Office\n`;
      assert.equal(await change('ldapadd', office), Result.success);
      assert.equal(await change('ldapadd', person('mover')), Result.success);
      const code = await ldaps.resultCode(
        'ldapmodrdn',
        ['-r', '-s', `ou=Office,${staff}`, `cn=mover,${staff}`, 'cn=mover'],
        { as: administrator },
      );
      assert.equal(code, Result.success);
      assert.equal(await exists(`cn=mover,ou=Office,${staff}`), true);
      assert.equal(await exists(`cn=mover,${staff}`), false);
    });

    it('refuses a name that is taken: 68', async () => {
      assert.equal(await change('ldapadd', person('one')), Result.success);
      assert.equal(await change('ldapadd', person('two')), Result.success);
      const code = await ldaps.resultCode('ldapmodrdn', [`cn=one,${staff}`, 'cn=two'], {
        as: administrator,
      });
      assert.equal(code, Result.entryAlreadyExists);
      assert.equal(await exists(`cn=one,${staff}`), true);
    });

    it('refuses to move what the CA keeps', async () => {
      const code = await ldaps.resultCode('ldapmodrdn', [maebashi, 'cn=elsewhere'], {
        as: administrator,
      });
      assert.notEqual(code, Result.success);
      assert.equal(await exists(maebashi), true);
    });
  });

  describe('ldapdelete', () => {
    it('deletes a leaf', async () => {
      assert.equal(await change('ldapadd', person('leaf')), Result.success);
      const args = [`cn=leaf,${staff}`];
      assert.equal(
        await ldaps.resultCode('ldapdelete', args, { as: administrator }),
        Result.success,
      );
      assert.equal(await exists(`cn=leaf,${staff}`), false);
      const again = await ldaps.resultCode('ldapdelete', args, { as: administrator });
      assert.equal(again, Result.noSuchObject);
    });

    it('refuses an entry with others below it: 66; -r deletes them from below', async () => {
      const unit = `ou=Unit,${staff}`;
      const input = [
        `dn: ${unit}\nobjectClass: organizationalUnit\nou: Unit\n`,
        `dn: cn=below,${unit}\nobjectClass: person\ncn: below\nsn: x\n`,
      ].join('\n');
      assert.equal(await change('ldapadd', input), Result.success);
      const code = await ldaps.resultCode('ldapdelete', [unit], { as: administrator });
      assert.equal(code, Result.notAllowedOnNonLeaf);
      const all = await ldaps.resultCode('ldapdelete', ['-r', unit], { as: administrator });
      assert.equal(all, Result.success);
      assert.equal(await exists(unit), false);
    });

    it('refuses what the CA keeps', async () => {
      const code = await ldaps.resultCode('ldapdelete', [maebashi], { as: administrator });
      assert.notEqual(code, Result.success);
      assert.equal(await exists(maebashi), true);
    });
  });

  it('in clear the administrator gets nowhere: 13', async () => {
    assert.equal(await ldap.resultCode('ldapwhoami', [], { as: administrator }), 13);
  });

  it('StartTLS is as good as LDAPS', async () => {
    const input = person('starttls');
    const code = await ldap.resultCode('ldapadd', ['-ZZ'], { as: administrator, input });
    assert.equal(code, Result.success);
    assert.equal(await exists(`cn=starttls,${staff}`), true);
  });
});
