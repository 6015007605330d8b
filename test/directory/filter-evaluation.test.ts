import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { Filter } from '../../src/directory/filters/filter.ts';
import {
  comparedTypes,
  type EntryView,
  evaluateFilter,
  type FilterResult,
} from '../../src/directory/filters/filter-evaluation.ts';
import { resolveFilter } from '../../src/directory/filters/filter-resolution.ts';
import { parseFilter } from '../../src/directory/filters/filter-text.ts';
import { Dn } from '../../src/directory/names/dn.ts';
import { requireAttributeDescription } from '../../src/directory/schema/attribute-description.ts';
import type { AttributeType, EntryAttribute } from '../../src/directory/schema/schema-model.ts';
import { shippedSchema as schema, shippedType } from '../support/shipped-schema.ts';
import { readFixture } from '../support/x509-samples.ts';

interface ViewOptions {
  readonly dn?: string;
  readonly attributes: Readonly<Record<string, readonly (string | Uint8Array)[]>>;
  /** What the caller may not search. */
  readonly hidden?: readonly string[];
}

function view({ dn = '', attributes, hidden = [] }: ViewOptions): EntryView {
  const list: EntryAttribute[] = Object.entries(attributes).map(([description, values]) => ({
    ...requireAttributeDescription(description, schema),
    values: values.map((value) => (typeof value === 'string' ? encodeUtf8(value) : value)),
  }));
  const hiddenTypes = new Set(hidden.map(shippedType));
  return {
    dn: () => Dn.parse(dn, schema),
    canSearch: (type) => !hiddenTypes.has(type),
    // All of them, whatever is asked for: evaluation has to choose.
    attributes: () => list,
  };
}

function evaluate(filter: string | Filter, entry: EntryView): FilterResult {
  const parsed = typeof filter === 'string' ? parseFilter(filter) : filter;
  return evaluateFilter(resolveFilter(parsed, schema), entry, schema);
}

const name = (result: FilterResult): string =>
  result === undefined ? 'Undefined' : result ? 'TRUE' : 'FALSE';

describe('three-valued logic (RFC 4511 §4.5.1.7)', () => {
  const entry = view({ attributes: { cn: ['a'] } });
  const items = { T: '(cn=a)', F: '(cn=b)', U: '(nonsense=a)' };
  type Letter = keyof typeof items;
  const letter = (result: FilterResult): Letter =>
    result === undefined ? 'U' : result ? 'T' : 'F';
  const and: Readonly<Record<string, Letter>> = {
    TT: 'T',
    TF: 'F',
    TU: 'U',
    FT: 'F',
    FF: 'F',
    FU: 'F',
    UT: 'U',
    UF: 'F',
    UU: 'U',
  };
  const or: Readonly<Record<string, Letter>> = {
    TT: 'T',
    TF: 'T',
    TU: 'T',
    FT: 'T',
    FF: 'F',
    FU: 'U',
    UT: 'T',
    UF: 'U',
    UU: 'U',
  };
  for (const [mark, table] of [
    ['&', and],
    ['|', or],
  ] as const) {
    for (const [pair, expected] of Object.entries(table)) {
      it(`${mark} ${pair} is ${expected}`, () => {
        const [left, right] = [...pair].map((each) => items[each as Letter]);
        assert.equal(letter(evaluate(`(${mark}${left}${right})`, entry)), expected);
      });
    }
  }
  for (const [operand, expected] of [
    ['T', 'F'],
    ['F', 'T'],
    ['U', 'U'],
  ] as const) {
    it(`! ${operand} is ${expected}`, () => {
      assert.equal(letter(evaluate(`(!${items[operand]})`, entry)), expected);
    });
  }
  it('absolute true and false (RFC 4526)', () => {
    assert.equal(evaluate('(&)', entry), true);
    assert.equal(evaluate('(|)', entry), false);
  });
});

describe('items', () => {
  const entry = view({
    dn: 'cn=Foo Bar,ou=Unit,o=JPKI,c=JP',
    attributes: {
      objectClass: ['top', 'organizationalPerson', 'person'],
      cn: ['Foo Bar', 'Baz'],
      'cn;lang-ja': ['前橋市'],
      'cn;lang-en;lang-ja': ['Maebashi'],
      sn: ['Bar'],
      telephoneNumber: ['+81 27-223'],
      createTimestamp: ['20260131235959Z'],
      entryUUID: ['7620cae1-3635-466f-9e88-1717592cf220'],
      member: ['cn=a, o=b'],
      certdirAccountDisabled: ['FALSE'],
      cACertificate: [readFixture('ca-certs/00_BCA.cer')],
    },
  });
  const rows: readonly (readonly [filter: string, result: FilterResult])[] = [
    ['(cn=foo  bar)', true],
    ['(CN=baz)', true],
    ['(2.5.4.3=baz)', true],
    ['(cn=bar)', false],
    ['(name=bar)', true],
    ['(name=unit)', false],
    ['(cn;lang-ja=前橋市)', true],
    ['(cn;LANG-JA=maebashi)', true],
    ['(cn;lang-en=前橋市)', false],
    ['(cn;lang-ja=baz)', false],
    ['(cn=前橋市)', true],
    ['(cn;x-foo=baz)', undefined],
    ['(cn;binary=baz)', undefined],
    ['(OID=baz)', undefined],
    ['(nonsense=baz)', undefined],
    ['(constructor=*)', undefined],
    ['(cn=*)', true],
    ['(name=*)', true],
    ['(cn;lang-ja=*)', true],
    ['(cn;lang-fr=*)', false],
    ['(ou=*)', false],
    ['(nonsense=*)', undefined],
    ['(objectClass=PERSON)', true],
    ['(objectClass=2.5.6.6)', true],
    ['(objectClass=device)', false],
    ['(objectClass=nonsense)', undefined],
    ['(cn=foo*)', true],
    ['(cn=*o b*)', true],
    ['(cn=*橋*)', true],
    ['(cn=*xyz*)', false],
    ['(member=*a*)', undefined],
    ['(cn~=baz)', true],
    ['(createTimestamp>=20260131235959Z)', true],
    ['(createTimestamp<=20260131235959Z)', true],
    ['(createTimestamp>=2026020100Z)', false],
    ['(createTimestamp<=2026013123Z)', false],
    ['(createTimestamp=202602010859590+0900)', undefined],
    ['(createTimestamp=20260201085959+0900)', true],
    ['(cn>=a)', undefined],
    ['(cn<=a)', undefined],
    ['(entryUUID=7620CAE1-3635-466F-9E88-1717592CF220)', true],
    ['(entryUUID=x)', undefined],
    ['(member=CN=A,O=B)', true],
    ['(member=nonsense)', undefined],
    ['(certdirAccountDisabled=FALSE)', true],
    ['(certdirAccountDisabled=false)', undefined],
    ['(cn=\\ee\\80\\80)', undefined],
    ['(cn=\\ff)', undefined],
    ['(cACertificate=1$OU=BridgeCA,OU=Prefectural Association For JPKI,O=JPKI,C=JP)', true],
    ['(cACertificate;binary=2$C=JP)', false],
    ['(cACertificate=x)', undefined],
    ['(cACertificate=*)', true],
  ];
  for (const [filter, result] of rows) {
    it(`${filter} is ${name(result)}`, () => {
      assert.equal(evaluate(filter, entry), result);
    });
  }

  const extensible: readonly (readonly [filter: string, result: FilterResult])[] = [
    ['(cn:=baz)', true],
    ['(cn:caseExactMatch:=baz)', false],
    ['(cn:caseExactMatch:=Baz)', true],
    ['(cn:2.5.13.5:=Baz)', true],
    ['(:caseIgnoreMatch:=bar)', true],
    ['(:caseIgnoreMatch:=unit)', false],
    ['(:dn:caseIgnoreMatch:=unit)', true],
    ['(ou:dn:=unit)', true],
    ['(ou:dn:=jpki)', false],
    ['(ou:=unit)', false],
    ['(name:dn:=jpki)', true],
    ['(ou;lang-ja:dn:=unit)', false],
    ['(cn:integerMatch:=1)', undefined],
    ['(cn:nonsenseMatch:=1)', undefined],
    ['(nonsense:caseIgnoreMatch:=1)', undefined],
    ['(:integerMatch:=x)', undefined],
    ['(:booleanMatch:=FALSE)', true],
    ['(cn:caseIgnoreSubstringsMatch:=foo\\2a)', true],
    ['(cn:caseIgnoreSubstringsMatch:=\\2abar)', true],
    ['(cn:caseIgnoreSubstringsMatch:=foo)', undefined],
    ['(createTimestamp:generalizedTimeOrderingMatch:=2026020100Z)', true],
    ['(createTimestamp:generalizedTimeOrderingMatch:=20260131235959Z)', false],
  ];
  for (const [filter, result] of extensible) {
    it(`${filter} is ${name(result)}`, () => {
      assert.equal(evaluate(filter, entry), result);
    });
  }

  it('prototype names from the wire are unknown', () => {
    assert.equal(evaluate({ kind: 'present', attribute: '__proto__' }, entry), undefined);
  });

  it('a stored value that the rule cannot take matches nothing', () => {
    const odd = view({ attributes: { createTimestamp: ['x'] } });
    assert.equal(evaluate('(createTimestamp>=2026020100Z)', odd), false);
    assert.equal(evaluate('(createTimestamp=2026020100Z)', odd), false);
    assert.equal(evaluate('(createTimestamp=*)', odd), true);
  });
});

describe('what the caller may not search', () => {
  const attributes = { cn: ['a'], sn: ['b'], ou: ['c'] };
  const with39 = {
    ...attributes,
    certificateRevocationList: [readFixture('crls/dhs-ca4-crl1251.crl')],
  };
  const hidden = ['certificateRevocationList', 'sn'];
  const without = view({ dn: 'sn=b,cn=a', attributes, hidden });
  const withList = view({ dn: 'sn=b,cn=a', attributes: with39, hidden });

  const filters = [
    '(certificateRevocationList=*)',
    '(!(certificateRevocationList=*))',
    '(CERTIFICATEREVOCATIONLIST;BINARY=*)',
    '(2.5.4.39;lang-ja=*)',
    '(certificateRevocationList={ issuer rdnSequence:"c=us", thisUpdate utcTime:"170515105627Z" })',
    '(certificateRevocationList:=x)',
    '(sn=b)',
    '(!(sn=b))',
    '(sn=*)',
    '(sn:dn:=b)',
    '(sn>=b)',
    '(sn=*b*)',
  ];
  for (const filter of filters) {
    it(`${filter} is Undefined, the attribute there or not`, () => {
      assert.equal(evaluate(filter, withList), undefined);
      assert.equal(evaluate(filter, without), undefined);
    });
  }

  it('is absent where a supertype or every attribute is looked at', () => {
    assert.equal(evaluate('(name=b)', withList), false);
    assert.equal(evaluate('(name=a)', withList), true);
    assert.equal(evaluate('(:caseIgnoreMatch:=b)', withList), false);
    assert.equal(evaluate('(:dn:caseIgnoreMatch:=b)', withList), false);
    assert.equal(evaluate('(name:dn:=b)', withList), false);
    assert.equal(evaluate('(:caseIgnoreMatch:=c)', withList), true);
  });
});

describe('resolution', () => {
  it('says which types are compared', () => {
    const types = (filter: string): (string | undefined)[] =>
      [...comparedTypes(resolveFilter(parseFilter(filter), schema))]
        .map((type: AttributeType | undefined) => type?.name)
        .sort();
    assert.deepEqual(types('(&(cn=a)(!(|(sn=b*)(ou=*)))(nonsense=a))'), ['cn', 'sn']);
    assert.deepEqual(types('(:caseIgnoreMatch:=a)'), [undefined]);
    assert.deepEqual(types('(certificateRevocationList=*)'), []);
  });

  it('refuses what is larger than the limits, whoever made it', () => {
    let filter: Filter = { kind: 'present', attribute: 'cn' };
    for (let depth = 1; depth < 32; depth += 1) {
      filter = { kind: 'not', filter };
    }
    assert.ok(resolveFilter(filter, schema));
    assert.throws(() => resolveFilter({ kind: 'not', filter }, schema), {
      code: 'DIRECTORY_FILTER_LIMIT',
    });
  });
});
