import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { AccessPolicy, type EntryAccess } from '../../src/directory/access/access.ts';
import type { AccessRight, AccessRule } from '../../src/directory/access/access-rule.ts';
import type { AccessItem } from '../../src/directory/access/rule-items.ts';
import { memberKey } from '../../src/directory/accounts/group-members.ts';
import {
  anonymous,
  type EntryPrincipal,
  type Principal,
} from '../../src/directory/accounts/principal.ts';
import { Entry, LargeValue } from '../../src/directory/entries/entry.ts';
import { Dn } from '../../src/directory/names/dn.ts';
import { clearSession, tlsSession } from '../support/directory-fixture.ts';
import { schemaWithSubtype } from '../support/repository-fixture.ts';

const schema = await schemaWithSubtype();
const nowMs = Date.UTC(2026, 5, 1);

function entryOf(dn: string, attributes: Readonly<Record<string, readonly string[]>>): Entry {
  return new Entry(
    dn,
    Dn.parse(dn, schema).key,
    Object.entries(attributes).map(([name, values]) => {
      const type = schema.attributeType(name);
      assert.ok(type, name);
      return { type, options: [], values: values.map(encodeUtf8) };
    }),
  );
}

const partition = entryOf('cn=Maebashi,ou=Gunma,o=JPKI', {
  objectClass: ['top', 'cRLDistributionPoint', 'certdirPartition'],
  certdirPartitionCode: ['102016'],
});
const person = entryOf('cn=Hanako,o=JPKI', { objectClass: ['person'], description: ['staff'] });

function principalOf(dn: string, facts: Partial<EntryPrincipal> = {}): EntryPrincipal {
  return { kind: 'entry', dn: Dn.parse(dn, schema), entryUuid: 'x', ...facts };
}

const verifier = {
  kind: 'signature',
  partitions: new Set(['102016']),
  notBeforeMs: nowMs - 1,
  notAfterMs: nowMs + 1,
};

interface Ask {
  readonly address?: string;
  readonly principal?: Principal;
  readonly tls?: boolean;
  readonly atMs?: number;
  readonly entry?: Entry;
}

function accessOf(rules: readonly AccessRule[], ask: Ask = {}): EntryAccess {
  const { principal = anonymous, tls = false, atMs = nowMs, entry = person } = ask;
  const { address = clearSession.address } = ask;
  const session = { ...(tls ? tlsSession : clearSession), address };
  return AccessPolicy.compile(rules, schema).forCaller({ principal, session }, atMs).on(entry);
}

function itemOf(name: string): AccessItem {
  return name === 'entry' || name === 'children' ? name : (schema.attributeType(name) ?? 'entry');
}

function allows(
  rules: readonly AccessRule[],
  item: string,
  right: AccessRight = 'read',
  ask: Ask = {},
): boolean {
  return accessOf(rules, ask).allows(right, itemOf(item));
}

const anyone = { kind: 'anyone' } as const;

describe('access rules', () => {
  it('deny by default', () => {
    assert.equal(allows([], 'cn'), false);
    assert.equal(allows([], 'entry', 'disclose'), false);
  });

  it('let the first that fits decide, whatever it grants', () => {
    const rules: AccessRule[] = [
      { attributes: ['cn'], who: anyone, rights: ['compare'] },
      { attributes: ['cn', 'sn'], who: anyone, rights: ['read'] },
    ];
    assert.equal(allows(rules, 'cn', 'compare'), true);
    assert.equal(allows(rules, 'cn', 'read'), false);
    assert.equal(allows(rules, 'sn', 'read'), true);
  });

  it('deny with an empty list of rights', () => {
    const rules: AccessRule[] = [
      { attributes: ['cn'], who: anyone, rights: [] },
      { who: anyone, rights: ['manage'] },
    ];
    assert.equal(allows(rules, 'cn'), false);
    assert.equal(allows(rules, 'sn'), true);
  });

  const implied: readonly { given: AccessRight; included: readonly AccessRight[] }[] = [
    { given: 'disclose', included: ['disclose'] },
    { given: 'search', included: ['search', 'disclose'] },
    { given: 'compare', included: ['compare', 'disclose'] },
    { given: 'read', included: ['read', 'disclose'] },
    { given: 'add', included: ['add', 'disclose'] },
    { given: 'delete', included: ['delete', 'disclose'] },
    { given: 'write', included: ['write', 'add', 'delete', 'disclose'] },
    { given: 'auth', included: ['auth'] },
    {
      given: 'manage',
      included: [
        ...(['disclose', 'search', 'compare', 'read', 'add', 'delete', 'write', 'auth'] as const),
        'manage',
      ],
    },
  ];
  for (const { given, included } of implied) {
    it(`${given} includes ${included.join(', ')} and nothing else`, () => {
      const rules: AccessRule[] = [{ who: anyone, rights: [given] }];
      for (const { given: right } of implied) {
        assert.equal(allows(rules, 'cn', right), included.includes(right), right);
      }
    });
  }

  it('add and delete together are write', () => {
    const rules: AccessRule[] = [{ who: anyone, rights: ['add', 'delete'] }];
    assert.equal(allows(rules, 'cn', 'write'), true);
  });

  it('let the program itself do everything', () => {
    const principal = { kind: 'system', name: 'test' } as const;
    assert.equal(allows([], 'userPassword', 'manage', { principal }), true);
  });
});

describe('attributes of a rule', () => {
  const all = ['cn', 'certificateRevocationList', 'entryUUID', 'entry', 'children'];
  const rows: readonly { attributes: readonly string[] | '*' | undefined; covers: string[] }[] = [
    { attributes: undefined, covers: all },
    { attributes: '*', covers: all },
    { attributes: ['*'], covers: ['cn', 'certificateRevocationList'] },
    { attributes: ['+'], covers: ['entryUUID'] },
    { attributes: ['entry'], covers: ['entry'] },
    { attributes: ['children'], covers: ['children'] },
    { attributes: ['COMMONNAME'], covers: ['cn'] },
    { attributes: ['2.5.4.39'], covers: ['certificateRevocationList'] },
    { attributes: ['name'], covers: ['cn'] },
    { attributes: ['@cRLDistributionPoint'], covers: ['cn', 'certificateRevocationList'] },
    { attributes: [], covers: [] },
  ];
  for (const { attributes, covers } of rows) {
    it(`${JSON.stringify(attributes)} cover ${covers.join(', ')}`, () => {
      const rule: AccessRule = { who: anyone, rights: ['read'] };
      const rules = [attributes === undefined ? rule : { ...rule, attributes }];
      assert.deepEqual(
        all.filter((item) => allows(rules, item)),
        covers,
      );
    });
  }

  it('cover subtypes', () => {
    const rules: AccessRule[] = [
      { attributes: ['certificateRevocationList'], who: anyone, rights: [] },
      { who: anyone, rights: ['read'] },
    ];
    assert.equal(allows(rules, 'testRevocationList'), false);
    assert.equal(allows(rules, 'authorityRevocationList'), true);
  });

  it('do not let anyone look at passwords unless they name them', () => {
    const looking = ['search', 'compare', 'read'] as const;
    const unnamed = [undefined, '*', ['*'], ['@person'], ['@certdirVerifier']] as const;
    for (const attributes of unnamed) {
      const rule: AccessRule = { who: anyone, rights: ['manage'] };
      const rules = [attributes === undefined ? rule : { ...rule, attributes }];
      for (const right of looking) {
        assert.equal(allows(rules, 'userPassword', right), false, `${attributes} ${right}`);
      }
      assert.equal(allows(rules, 'userPassword', 'write'), true);
    }
    const named: AccessRule[] = [{ attributes: ['2.5.4.35'], who: anyone, rights: ['manage'] }];
    for (const right of looking) {
      assert.equal(allows(named, 'userPassword', right), true);
    }
  });
});

describe('the target of a rule', () => {
  const rows = [
    { target: {}, fitsPartition: true, fitsPerson: true },
    { target: { subtree: 'O=jpki' }, fitsPartition: true, fitsPerson: true },
    { target: { subtree: 'ou=gunma,o=JPKI' }, fitsPartition: true, fitsPerson: false },
    { target: { subtree: 'cn=hanako,o=JPKI' }, fitsPartition: false, fitsPerson: true },
    { target: { entry: 'CN=Hanako,o=jpki' }, fitsPartition: false, fitsPerson: true },
    { target: { entry: 'o=JPKI' }, fitsPartition: false, fitsPerson: false },
    { target: { subtree: 'ou=Gun,o=JPKI' }, fitsPartition: false, fitsPerson: false },
    { target: { subtree: '' }, fitsPartition: true, fitsPerson: true },
    { target: { entryClass: 'certdirPartition' }, fitsPartition: true, fitsPerson: false },
    { target: { entryClass: '2.5.6.6' }, fitsPartition: false, fitsPerson: true },
    { target: { entryClass: 'top' }, fitsPartition: true, fitsPerson: true },
    { target: { filter: '(description=STAFF)' }, fitsPartition: false, fitsPerson: true },
    { target: { filter: '(!(description=*))' }, fitsPartition: true, fitsPerson: false },
    {
      target: { subtree: 'o=JPKI', filter: '(description=staff)', entryClass: 'person' },
      fitsPartition: false,
      fitsPerson: true,
    },
    {
      target: { subtree: 'ou=Gunma,o=JPKI', filter: '(description=staff)' },
      fitsPartition: false,
      fitsPerson: false,
    },
  ];
  for (const { target, fitsPartition, fitsPerson } of rows) {
    it(`${JSON.stringify(target)}`, () => {
      const rules: AccessRule[] = [{ target, who: anyone, rights: ['read'] }];
      assert.equal(allows(rules, 'cn', 'read', { entry: partition }), fitsPartition);
      assert.equal(allows(rules, 'cn', 'read', { entry: person }), fitsPerson);
    });
  }
});

describe('a filter that cannot be decided from the entry', () => {
  const description = schema.attributeType('description');
  assert.ok(description !== undefined);
  const withLargeValue = person.withBundle({
    type: description,
    options: [],
    values: [encodeUtf8('open'), new LargeValue(new Uint8Array(32), 5_000)],
  });
  const filters = ['(description=staff)', '(!(description=staff))', '(description=open)'];
  for (const filter of filters) {
    it(`${filter}: the rule grants nothing, and what it denies is denied`, () => {
      const granting: AccessRule[] = [{ target: { filter }, who: anyone, rights: ['read'] }];
      const denying: AccessRule[] = [
        { target: { filter }, who: anyone, rights: [] },
        { who: anyone, rights: ['read'] },
      ];
      assert.equal(allows(granting, 'cn', 'read', { entry: withLargeValue }), false);
      assert.equal(allows(denying, 'cn', 'read', { entry: withLargeValue }), false);
    });
  }

  it('presence can be decided', () => {
    const target = { filter: '(description=*)' };
    const rules: AccessRule[] = [{ target, who: anyone, rights: ['read'] }];
    assert.equal(allows(rules, 'cn', 'read', { entry: withLargeValue }), true);
  });
});

describe('the subject of a rule', () => {
  const someone = principalOf('cn=Someone,o=JPKI');
  const signature = principalOf('cn=Court,o=JPKI', { verifier });
  const all = principalOf('cn=All,o=JPKI', {
    verifier: { ...verifier, partitions: new Set(['*']) },
  });
  const other = principalOf('cn=Other,o=JPKI', {
    verifier: { ...verifier, kind: 'other', partitions: new Set(['102024']) },
  });
  const unbounded = principalOf('cn=U,o=JPKI', {
    verifier: { kind: 'signature', partitions: new Set() },
  });
  const { notBeforeMs, notAfterMs, ...undated } = verifier;
  const unbegun = principalOf('cn=B,o=JPKI', { verifier: { ...undated, notAfterMs } });
  const unended = principalOf('cn=E,o=JPKI', { verifier: { ...undated, notBeforeMs } });
  const unreadable = principalOf('cn=N,o=JPKI', {
    verifier: { ...verifier, notAfterMs: Number.NaN },
  });
  const operator = principalOf('cn=Op,o=JPKI', { operatorRoles: ['auditor'] });
  const granted = { kind: 'verifier', partitionGranted: true } as const;
  const rows: readonly { who: AccessRule['who']; ask: Ask; fits: boolean; why: string }[] = [
    { why: 'anyone: nobody', who: anyone, ask: {}, fits: true },
    { why: 'authenticated: nobody', who: { kind: 'authenticated' }, ask: {}, fits: false },
    {
      why: 'authenticated: someone',
      who: { kind: 'authenticated' },
      ask: { principal: someone },
      fits: true,
    },
    {
      why: 'self: the entry',
      who: { kind: 'self' },
      ask: { principal: principalOf('CN=hanako, O=JPKI') },
      fits: true,
    },
    { why: 'self: another', who: { kind: 'self' }, ask: { principal: someone }, fits: false },
    { why: 'self: nobody', who: { kind: 'self' }, ask: {}, fits: false },
    {
      why: 'dn: the one',
      who: { kind: 'dn', dn: 'cn=SOMEONE,o=jpki' },
      ask: { principal: someone },
      fits: true,
    },
    {
      why: 'dn: another',
      who: { kind: 'dn', dn: 'cn=SOMEONE,o=jpki' },
      ask: { principal: operator },
      fits: false,
    },
    {
      why: 'verifier: any kind',
      who: { kind: 'verifier' },
      ask: { principal: other },
      fits: true,
    },
    { why: 'verifier: none', who: { kind: 'verifier' }, ask: { principal: someone }, fits: false },
    {
      why: 'verifier: of a kind',
      who: { kind: 'verifier', kinds: ['x', 'signature'] },
      ask: { principal: signature },
      fits: true,
    },
    {
      why: 'verifier: of another kind',
      who: { kind: 'verifier', kinds: ['signature'] },
      ask: { principal: other },
      fits: false,
    },
    {
      why: 'verifier: first instant of the agreement',
      who: { kind: 'verifier' },
      ask: { principal: signature, atMs: nowMs - 1 },
      fits: true,
    },
    {
      why: 'verifier: before the agreement',
      who: { kind: 'verifier' },
      ask: { principal: signature, atMs: nowMs - 2 },
      fits: false,
    },
    {
      why: 'verifier: last instant of the agreement',
      who: { kind: 'verifier' },
      ask: { principal: signature, atMs: nowMs + 1 },
      fits: true,
    },
    {
      why: 'verifier: after the agreement',
      who: { kind: 'verifier' },
      ask: { principal: signature, atMs: nowMs + 2 },
      fits: false,
    },
    {
      why: 'verifier: without dates',
      who: { kind: 'verifier' },
      ask: { principal: unbounded },
      fits: false,
    },
    {
      why: 'verifier: without a first day',
      who: { kind: 'verifier' },
      ask: { principal: unbegun },
      fits: false,
    },
    {
      why: 'verifier: without a last day',
      who: { kind: 'verifier' },
      ask: { principal: unended },
      fits: false,
    },
    {
      why: 'verifier: with a date nobody can read',
      who: { kind: 'verifier' },
      ask: { principal: unreadable },
      fits: false,
    },
    {
      why: 'partition: granted',
      who: granted,
      ask: { principal: signature, entry: partition },
      fits: true,
    },
    {
      why: 'partition: all granted',
      who: granted,
      ask: { principal: all, entry: partition },
      fits: true,
    },
    {
      why: 'partition: another granted',
      who: granted,
      ask: { principal: other, entry: partition },
      fits: false,
    },
    {
      why: 'partition: none granted',
      who: granted,
      ask: { principal: unbounded, entry: partition },
      fits: false,
    },
    {
      why: 'partition: an entry that is none',
      who: granted,
      ask: { principal: all, entry: person },
      fits: false,
    },
    {
      why: 'operator: any role',
      who: { kind: 'operator' },
      ask: { principal: operator },
      fits: true,
    },
    {
      why: 'operator: a role',
      who: { kind: 'operator', roles: ['auditor', 'x'] },
      ask: { principal: operator },
      fits: true,
    },
    {
      why: 'operator: another role',
      who: { kind: 'operator', roles: ['x'] },
      ask: { principal: operator },
      fits: false,
    },
    { why: 'operator: none', who: { kind: 'operator' }, ask: { principal: someone }, fits: false },
  ];
  for (const { why, who, ask, fits } of rows) {
    it(`${why}: ${fits}`, () => {
      assert.equal(allows([{ who, rights: ['read'] }], 'cn', 'read', ask), fits);
    });
  }

  it('anonymous: who has not bound', () => {
    const rules: AccessRule[] = [{ who: { kind: 'anonymous' }, rights: ['read'] }];
    assert.equal(allows(rules, 'cn'), true);
    assert.equal(allows(rules, 'cn', 'read', { principal: someone }), false);
  });

  it('group: who was read as a member, of this group', () => {
    const group = 'cn=Readers,o=JPKI';
    const rules: AccessRule[] = [{ who: { kind: 'group', dn: group }, rights: ['read'] }];
    const memberOf = (dn: string): EntryPrincipal =>
      principalOf('cn=M,o=JPKI', { groups: new Set([memberKey(Dn.parse(dn, schema).key)]) });
    assert.equal(allows(rules, 'cn', 'read', { principal: memberOf('CN=readers, O=jpki') }), true);
    assert.equal(allows(rules, 'cn', 'read', { principal: memberOf('cn=Others,o=JPKI') }), false);
    assert.equal(allows(rules, 'cn', 'read', { principal: someone }), false);
    assert.equal(allows(rules, 'cn'), false);
  });

  it('tls client: only who has proved to be it with a certificate', () => {
    const rules: AccessRule[] = [{ who: anyone, tls: 'client', rights: ['read'] }];
    const certificate = { sha256: '00', notBeforeMs: 0, notAfterMs: nowMs };
    const proved = principalOf('cn=Someone,o=JPKI', { certificate });
    assert.equal(allows(rules, 'cn', 'read', { principal: proved, tls: true }), true);
    assert.equal(allows(rules, 'cn', 'read', { principal: proved, tls: false }), false);
    assert.equal(allows(rules, 'cn', 'read', { principal: someone, tls: true }), false);
    assert.equal(allows(rules, 'cn', 'read', { tls: true }), false);
  });

  it('address: in one of the ranges, otherwise the rule is passed over', () => {
    const address = ['192.0.2.0/24', '2001:db8::/32'];
    const rules: AccessRule[] = [{ who: anyone, address, rights: ['read'] }];
    for (const inside of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::7']) {
      assert.equal(allows(rules, 'cn', 'read', { address: inside }), true, inside);
    }
    for (const outside of ['192.0.3.7', '::ffff:192.0.3.7', '2001:db9::7', '', 'local']) {
      assert.equal(allows(rules, 'cn', 'read', { address: outside }), false, outside);
    }
  });

  it('stays for a session what it was found to be, until an agreement begins or ends', () => {
    const rules: AccessRule[] = [
      { who: { kind: 'verifier' }, rights: ['read'] },
      { who: { kind: 'self' }, rights: ['compare'] },
    ];
    const policy = AccessPolicy.compile(rules, schema);
    const session = { ...clearSession };
    const item = itemOf('cn');
    const reads = (principal: Principal, atMs: number): boolean =>
      policy.forCaller({ principal, session }, atMs).on(person).allows('read', item);
    assert.equal(reads(signature, nowMs), true);
    assert.equal(reads(signature, nowMs + 1), true);
    assert.equal(reads(signature, nowMs + 2), false);
    assert.equal(reads(signature, nowMs), true, 'the clock was set back');
    assert.equal(reads(anonymous, nowMs), false);
    assert.equal(reads({ ...signature }, nowMs), true);
    const access = policy.forCaller({ principal: signature, session }, nowMs);
    assert.equal(policy.forCaller({ principal: signature, session }, nowMs + 1), access);
  });

  it('tls: only over a protected session, otherwise the rule is passed over', () => {
    const rules: AccessRule[] = [
      { who: anyone, tls: true, rights: ['read', 'write'] },
      { who: anyone, rights: ['compare'] },
    ];
    assert.equal(allows(rules, 'cn', 'write', { tls: true }), true);
    assert.equal(allows(rules, 'cn', 'write', { tls: false }), false);
    assert.equal(allows(rules, 'cn', 'compare', { tls: false }), true);
  });
});

describe('rules that mean nothing', () => {
  const broken: readonly { why: string; rule: Partial<AccessRule> }[] = [
    { why: 'an unknown attribute', rule: { attributes: ['nonsense'] } },
    { why: 'an attribute with an option', rule: { attributes: ['cn;lang-ja'] } },
    { why: 'an attribute with OID. in front', rule: { attributes: ['OID.2.5.4.39'] } },
    { why: 'an unknown class of attributes', rule: { attributes: ['@nonsense'] } },
    { why: 'an unknown entry class', rule: { target: { entryClass: 'nonsense' } } },
    { why: 'a subtree that is no name', rule: { target: { subtree: 'nonsense' } } },
    { why: 'a DN that is no name', rule: { who: { kind: 'dn', dn: 'nonsense' } } },
    { why: 'a filter that is none', rule: { target: { filter: 'nonsense' } } },
    { why: 'a filter on an unknown attribute', rule: { target: { filter: '(!(nonsense=1))' } } },
    {
      why: 'a filter that compares certificate lists',
      rule: { target: { filter: '(certificateRevocationList=1$o=x)' } },
    },
    { why: 'a group that is no name', rule: { who: { kind: 'group', dn: 'nonsense' } } },
    { why: 'an address that is none', rule: { address: ['nonsense'] } },
    { why: 'an address range with bits behind', rule: { address: ['192.0.2.1/24'] } },
    { why: 'a filter on what is worked out', rule: { target: { filter: '(numSubordinates=0)' } } },
    { why: 'a filter on whether it is', rule: { target: { filter: '(!(entryDN=*))' } } },
    { why: 'a right that does not exist', rule: { rights: ['toString' as AccessRight] } },
  ];
  for (const { why, rule } of broken) {
    it(`are refused: ${why}`, () => {
      const rules = [
        { who: anyone, rights: [] },
        { who: anyone, rights: [], ...rule },
      ];
      assert.throws(() => AccessPolicy.compile(rules, schema), {
        code: 'DIRECTORY_ACCESS_RULE',
        message: /^access rule 2: /,
      });
    });
  }
});
