/**
 * Who sees what under the policy of Gunma (2-6-3, 4-4-4-5), asked of the directory itself.
 */

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';

import { VerifierRegister } from '../../src/ca/accounts/verifier-register.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { anonymous, type Principal } from '../../src/directory/accounts/principal.ts';
import { parseFilter } from '../../src/directory/filters/filter-text.ts';
import type { Caller, Modification, Session } from '../../src/directory/service.ts';
import { CaTestBed, collect } from '../support/ca-test-bed.ts';

const tls: Session = { isProtected: true, address: '192.0.2.1', channel: 'ldap' };
const clear: Session = { ...tls, isProtected: false };
const system: Caller = { principal: { kind: 'system', name: 'test' }, session: tls };
const password = 'correct horse battery';
const caDn = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';

const bed = await CaTestBed.open({ after });
const maebashi = bed.ca.scopes.find('10201').dn;
const takasaki = bed.ca.scopes.find('10202').dn;
const register = new VerifierRegister(bed.directory, bed.policy);

async function registerAndBind(
  name: string,
  change: Partial<Parameters<typeof register.add>[0]> = {},
): Promise<Principal> {
  const { dn } = await register.add(
    {
      name,
      kind: 'signatureVerifier',
      agreementNumber: `no. ${name}`,
      agreementFrom: '2026-01-01',
      agreementUntil: '2026-12-31',
      partitions: ['10201'],
      password,
      ...change,
    },
    system,
  );
  return await bed.directory.bind(dn, encodeUtf8(password), tls);
}

async function read(
  caller: Caller,
  base: string,
  { attributes = ['*'], filter = '(objectClass=*)' } = {},
): Promise<string[]> {
  const request = {
    base,
    scope: 'base',
    filter: parseFilter(filter),
    attributes,
    typesOnly: false,
    sizeLimit: 0,
    timeLimitMs: 0,
  } as const;
  const entries = await collect(bed.directory.search(request, caller));
  return entries.flatMap((entry) => entry.attributes.map(({ description }) => description)).sort();
}

const spellings = [
  'certificateRevocationList',
  'CERTIFICATEREVOCATIONLIST',
  'certificateRevocationList;binary',
  'certificateRevocationList;BINARY',
  '2.5.4.39',
  '2.5.4.39;binary',
  'certificateRevocationList;lang-ja',
  '*',
  '@cRLDistributionPoint',
];

describe('anyone', () => {
  const nobody: Caller = { principal: anonymous, session: clear };

  it('sees the certificate and the ARL of the CA', async () => {
    assert.deepEqual(await read(nobody, caDn), [
      'authorityRevocationList;binary',
      'cACertificate;binary',
      'objectClass',
      'ou',
    ]);
  });

  it('sees that there is a list for Maebashi, and which', async () => {
    assert.deepEqual(await read(nobody, maebashi), [
      'certdirPartitionCode',
      'cn',
      'description',
      'objectClass',
    ]);
  });

  for (const session of [clear, tls]) {
    for (const spelling of spellings) {
      it(`does not get it as ${spelling}${session.isProtected ? ' over TLS' : ''}`, async () => {
        const found = await read({ principal: anonymous, session }, maebashi, {
          attributes: [spelling],
        });
        assert.ok(!found.some((description) => /revocation/i.test(description)), String(found));
      });
    }
  }

  it('cannot ask for it in a filter or a comparison', async () => {
    for (const filter of [
      '(certificateRevocationList=*)',
      '(2.5.4.39;binary=*)',
      '(!(certificateRevocationList=*))',
    ]) {
      assert.deepEqual(await read(nobody, maebashi, { filter }), [], filter);
    }
    const value = encodeUtf8(
      `{ issuer rdnSequence:"${bed.policy.names.issuer}", thisUpdate utcTime:"260105000000Z" }`,
    );
    const request = { dn: maebashi, attribute: 'certificateRevocationList;binary', value };
    await assert.rejects(bed.directory.compare(request, nobody), {
      code: 'DIRECTORY_NO_SUCH_ATTRIBUTE',
    });
    const arl = { dn: caDn, attribute: 'authorityRevocationList;binary', value };
    assert.equal(await bed.directory.compare(arl, nobody), true, 'the ARL can be asked for so');
  });

  it("gets the list of the CA's own servers (2-8-3)", async () => {
    const { dn } = bed.ca.scopes.find('operations');
    assert.ok((await read(nobody, dn)).includes('certificateRevocationList;binary'));
  });

  const operations = bed.ca.scopes.find('operations').dn;
  for (const parent of [operations.replace(/^[^,]*,/, ''), operations]) {
    it(`does not get a list that someone put below ${parent}`, async () => {
      const dn = `cn=copy2,${parent}`;
      const { dn: source } = bed.ca.scopes.find('10201');
      await bed.directory.add(
        {
          dn,
          attributes: [
            { description: 'objectClass', values: [encodeUtf8('cRLDistributionPoint')] },
            {
              description: 'certificateRevocationList;binary',
              values: await bed.published(source, 'certificateRevocationList'),
            },
          ],
        },
        system,
      );
      for (const session of [clear, tls]) {
        for (const spelling of spellings) {
          const found = await read({ principal: anonymous, session }, dn, {
            attributes: [spelling],
          });
          assert.ok(!found.some((description) => /revocation/i.test(description)), spelling);
        }
        const filter = '(certificateRevocationList=*)';
        assert.deepEqual(await read({ principal: anonymous, session }, dn, { filter }), []);
      }
      const principal = await registerAndBind(`of ${parent.slice(3, 7)}`, { partitions: ['*'] });
      assert.ok(
        !(await read({ principal, session: tls }, dn)).includes('certificateRevocationList;binary'),
      );
    });
  }

  it('does not know who is registered', async () => {
    await registerAndBind('known');
    const { verifiers = '' } = bed.policy.directory;
    for (const dn of [`cn=known,${verifiers}`, verifiers]) {
      await assert.rejects(read(nobody, dn), { code: 'DIRECTORY_NO_SUCH_OBJECT' });
    }
  });

  it('cannot write', async () => {
    const changes = [
      { operation: 'add', attribute: 'description', values: [encodeUtf8('x')] },
    ] as const;
    await assert.rejects(bed.directory.modify({ dn: caDn, changes }, nobody));
  });
});

describe('a registered verifier', () => {
  it('gets the list of a partition that it was granted, over TLS, in every spelling', async () => {
    const principal = await registerAndBind('granted');
    for (const spelling of spellings.filter((one) => !one.includes('lang'))) {
      const found = await read({ principal, session: tls }, maebashi, { attributes: [spelling] });
      assert.ok(found.includes('certificateRevocationList;binary'), spelling);
    }
  });

  it('reliability LDAP row 14: does not get it in clear', async () => {
    const principal = await registerAndBind('clear');
    const found = await read({ principal, session: clear }, maebashi);
    assert.ok(!found.includes('certificateRevocationList;binary'));
  });

  it('does not get the list of a partition that it was not granted', async () => {
    const principal = await registerAndBind('other');
    const found = await read({ principal, session: tls }, takasaki);
    assert.deepEqual(found, ['certdirPartitionCode', 'cn', 'description', 'objectClass']);
  });

  it('gets them all when all were granted', async () => {
    const principal = await registerAndBind('all', { partitions: ['*'] });
    for (const dn of [maebashi, takasaki]) {
      const found = await read({ principal, session: tls }, dn);
      assert.ok(found.includes('certificateRevocationList;binary'));
    }
  });

  it('gets nothing more when it is disabled', async () => {
    const principal = await registerAndBind('disabled');
    await register.disable('disabled', system);
    const found = await read({ principal, session: tls }, maebashi);
    assert.ok(!found.includes('certificateRevocationList;binary'));
  });

  it('gets nothing before its agreement begins', async () => {
    await assert.rejects(registerAndBind('early', { agreementFrom: '2026-02-01' }), {
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    });
  });

  it('gets nothing after the last day of its agreement in Japan', async () => {
    const principal = await registerAndBind('late', { agreementUntil: '2026-01-06' });
    const nowMs = bed.clock.nowMs();
    bed.clock.setWallClock(Date.parse('2026-01-06T14:59:59Z'));
    const inTime = await read({ principal, session: tls }, maebashi);
    bed.clock.setWallClock(Date.parse('2026-01-06T15:00:00Z'));
    const tooLate = await read({ principal, session: tls }, maebashi);
    bed.clock.setWallClock(nowMs);
    assert.ok(inTime.includes('certificateRevocationList;binary'));
    assert.ok(!tooLate.includes('certificateRevocationList;binary'));
  });

  it('sees its own entry, but not its password, and not the others', async () => {
    const principal = await registerAndBind('self');
    const own = await read(
      { principal, session: tls },
      `cn=self,${bed.policy.directory.verifiers}`,
    );
    assert.ok(own.includes('certdirAgreementNumber') && !own.includes('userPassword'));
    const other = `cn=granted,${bed.policy.directory.verifiers}`;
    await assert.rejects(read({ principal, session: tls }, other), {
      code: 'DIRECTORY_NO_SUCH_OBJECT',
    });
  });
});

async function registerOperator(name: string, role: string): Promise<Principal> {
  const dn = `uid=${name},${bed.policy.directory.operators}`;
  await bed.directory.add({ dn, attributes: operatorAttributes(role) }, system);
  return await bed.directory.bind(dn, encodeUtf8(password), tls);
}

function operatorAttributes(role: string): { description: string; values: Uint8Array[] }[] {
  return [
    { description: 'objectClass', values: ['account', 'certdirOperator'].map(encodeUtf8) },
    { description: 'certdirOperatorRole', values: [encodeUtf8(role)] },
    { description: 'userPassword', values: [encodeUtf8(password)] },
  ];
}

function addUnit(dn: string, caller: Caller): Promise<unknown> {
  const values = [encodeUtf8('organizationalUnit')];
  return bed.directory.add({ dn, attributes: [{ description: 'objectClass', values }] }, caller);
}

function set(attribute: string, ...texts: string[]): Modification {
  return { operation: 'replace', attribute, values: texts.map(encodeUtf8) };
}

describe('an operator of the repository (5-2-1-1 (7))', async () => {
  const principal = await registerOperator('operator', 'repositoryOperator');
  const caller: Caller = { principal, session: tls };
  const { operators, verifiers } = bed.policy.directory;

  it('manages the tree over TLS, except what the CA writes', async () => {
    const dn = `ou=Notices,${caDn}`;
    await assert.rejects(addUnit(dn, { principal, session: clear }));
    await addUnit(dn, caller);
    const changes = [
      { operation: 'delete', attribute: 'certificateRevocationList;binary', values: [] },
    ] as const;
    await assert.rejects(bed.directory.modify({ dn: maebashi, changes }, caller), {
      code: 'DIRECTORY_MANAGED_ATTRIBUTE',
    });
  });

  it('makes no operators, and no accounts anywhere else', async () => {
    await addUnit(`ou=Other,${caDn}`, caller);
    for (const parent of [operators, verifiers]) {
      const dn = `uid=new,${parent}`;
      const adding = bed.directory.add({ dn, attributes: operatorAttributes('manager') }, caller);
      await assert.rejects(adding, { code: 'DIRECTORY_NO_SUCH_OBJECT' });
    }
    for (const parent of [`ou=Other,${caDn}`, 'C=JP']) {
      for (const left of operatorAttributes('manager').keys()) {
        const attributes = operatorAttributes('manager').filter((_, index) => index !== left);
        const adding = bed.directory.add({ dn: `uid=new,${parent}`, attributes }, caller);
        await assert.rejects(adding, `without ${left}`);
      }
    }
  });

  it('gives nobody a role, a grant or a password, itself included in the first two', async () => {
    await registerAndBind('grantless');
    const granted = [set('certdirGrantedPartition', '*')];
    const roles = [set('certdirOperatorRole', 'repositoryOperator', 'manager')];
    const passwords = [set('userPassword', 'another good password')];
    for (const [dn, changes] of [
      [`cn=grantless,${verifiers}`, granted],
      [`cn=grantless,${verifiers}`, passwords],
      [`uid=operator,${operators}`, roles],
    ] as const) {
      await assert.rejects(bed.directory.modify({ dn, changes }, caller), dn);
    }
    const unit = `ou=Grants,${caDn}`;
    await addUnit(unit, caller);
    for (const [auxiliary, attribute] of [
      ['certdirVerifier', 'certdirVerifierKind'],
      ['certdirOperator', 'certdirOperatorRole'],
      ['simpleSecurityObject', 'userPassword'],
    ] as const) {
      const changes: Modification[] = [
        { operation: 'add', attribute: 'objectClass', values: [encodeUtf8(auxiliary)] },
        set(attribute, password),
      ];
      await assert.rejects(bed.directory.modify({ dn: unit, changes }, caller), {
        code: 'DIRECTORY_ACCESS_DENIED',
      });
    }
  });

  it('does not see who is registered', async () => {
    await registerAndBind('unseen');
    await assert.rejects(read(caller, `cn=unseen,${verifiers}`), {
      code: 'DIRECTORY_NO_SUCH_OBJECT',
    });
  });

  it('moves no entry to the accounts, and none away', async () => {
    const change = { newRdn: 'ou=Notices2', deleteOldRdn: true };
    await addUnit(`ou=Moving,${caDn}`, caller);
    const moving = { ...change, dn: `ou=Moving,${caDn}`, newSuperior: operators };
    await assert.rejects(bed.directory.rename(moving, caller));
    await assert.rejects(bed.directory.rename({ ...change, dn: operators }, caller));
    await assert.rejects(
      bed.directory.rename(
        { dn: `uid=operator,${operators}`, newRdn: 'uid=x', deleteOldRdn: true },
        caller,
      ),
    );
  });
});

describe('the manager (5-2-1-1 (1))', async () => {
  const principal = await registerOperator('manager', 'manager');
  const caller: Caller = { principal, session: tls };
  const { operators } = bed.policy.directory;

  it('sees operators without what they authenticate with, and makes and changes none, itself included', async () => {
    const own = `uid=manager,${operators}`;
    const other = `uid=operator,${operators}`;
    const seen = await read(caller, other);
    assert.ok(seen.includes('certdirOperatorRole'));
    assert.ok(!seen.includes('userPassword'));
    const dn = `uid=second,${operators}`;
    const attributes = operatorAttributes('repositoryOperator');
    const refused = { code: 'DIRECTORY_ACCESS_DENIED' };
    await assert.rejects(bed.directory.add({ dn, attributes }, caller), refused);
    for (const target of [own, other]) {
      for (const [attribute, value] of [
        ['certdirOperatorRole', 'approver'],
        ['displayName', '別人'],
        ['certdirCertificateSha256', '0'.repeat(64)],
      ] as const) {
        const changes = [{ operation: 'replace', attribute, values: [encodeUtf8(value)] }] as const;
        await assert.rejects(
          bed.directory.modify({ dn: target, changes }, caller),
          refused,
          `${attribute} of ${target}`,
        );
      }
    }
    const changes = [
      { operation: 'replace', attribute: 'userPassword', values: [encodeUtf8('staple and more')] },
    ] as const;
    await assert.rejects(bed.directory.modify({ dn: other, changes }, caller), refused);
  });

  it('registers verifiers', async () => {
    const registration = {
      name: 'by the manager',
      kind: 'signatureVerifier',
      agreementNumber: '1',
      agreementFrom: '2026-01-01',
      agreementUntil: '2026-12-31',
      partitions: ['10201'],
      password,
    };
    await register.add(registration, caller);
    assert.equal((await register.disable('by the manager', caller)).isDisabled, true);
    assert.ok((await register.list(caller)).length > 1);
  });

  it('writes nowhere else, and gets no list', async () => {
    await assert.rejects(addUnit(`ou=Manager,${caDn}`, caller), {
      code: 'DIRECTORY_ACCESS_DENIED',
    });
    const found = await read(caller, maebashi);
    assert.ok(!found.includes('certificateRevocationList;binary'));
  });
});
