import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { matchingRules } from '../../src/directory/schema/matching-rules.ts';
import { Schema } from '../../src/directory/schema/schema.ts';
import { syntaxes } from '../../src/directory/schema/syntax.ts';
import { SyntaxOid } from '../../src/directory/schema/syntax-oid.ts';
import { shippedSchema as schema, shippedType } from '../support/shipped-schema.ts';

const classNames = (...names: string[]): Uint8Array[] => names.map(encodeUtf8);

describe('the shipped schema', () => {
  it('has what RFC 4523 defines', () => {
    const certificates: readonly (readonly [string, string, string])[] = [
      ['userCertificate', '2.5.4.36', 'certificateExactMatch'],
      ['cACertificate', '2.5.4.37', 'certificateExactMatch'],
      ['authorityRevocationList', '2.5.4.38', 'certificateListExactMatch'],
      ['certificateRevocationList', '2.5.4.39', 'certificateListExactMatch'],
      ['crossCertificatePair', '2.5.4.40', 'certificatePairExactMatch'],
      ['supportedAlgorithms', '2.5.4.52', 'algorithmIdentifierMatch'],
      ['deltaRevocationList', '2.5.4.53', 'certificateListExactMatch'],
    ];
    for (const [name, oid, rule] of certificates) {
      const type = shippedType(name);
      assert.equal(type.oid, oid);
      assert.equal(type.equality?.name, rule);
      assert.ok(type.requiresBinary);
      assert.ok(!type.isOperational);
    }
    const classes: readonly (readonly [string, string, string])[] = [
      ['strongAuthenticationUser', '2.5.6.15', 'auxiliary'],
      ['certificationAuthority', '2.5.6.16', 'auxiliary'],
      ['certificationAuthority-V2', '2.5.6.16.2', 'auxiliary'],
      ['userSecurityInformation', '2.5.6.18', 'auxiliary'],
      ['cRLDistributionPoint', '2.5.6.19', 'structural'],
      ['pkiUser', '2.5.6.21', 'auxiliary'],
      ['pkiCA', '2.5.6.22', 'auxiliary'],
      ['deltaCRL', '2.5.6.23', 'auxiliary'],
    ];
    for (const [name, oid, kind] of classes) {
      assert.equal(schema.objectClass(name)?.oid, oid);
      assert.equal(schema.objectClass(oid)?.classKind, kind);
    }
  });

  it('inherits rules, syntax and usage', () => {
    const cn = shippedType('cn');
    assert.equal(cn.superior, shippedType('name'));
    assert.equal(cn.equality?.name, 'caseIgnoreMatch');
    assert.equal(cn.substring?.name, 'caseIgnoreSubstringsMatch');
    assert.equal(cn.syntax, shippedType('name').syntax);
    assert.equal(shippedType('c').syntax.description, 'Country String');
    assert.equal(shippedType('c').equality?.name, 'caseIgnoreMatch');
  });

  it('knows operational and read-only types', () => {
    for (const name of ['entryUUID', 'entryCSN', 'createTimestamp', 'certdirManagedBy']) {
      assert.ok(shippedType(name).isOperational && shippedType(name).isNoUserModification, name);
    }
    assert.ok(!shippedType('userPassword').isOperational);
  });

  it('lets classes inherit what they require and allow', () => {
    const person = schema.objectClass('organizationalPerson');
    assert.ok(person?.must.has(shippedType('sn')));
    assert.ok(person?.may.has(shippedType('telephoneNumber')));
    assert.deepEqual(
      [...(person?.chain ?? [])].map(({ name }) => name),
      ['top', 'person', 'organizationalPerson'],
    );
  });

  it('looks up in any case, by OID, and nothing else', () => {
    assert.equal(schema.attributeType('COMMONNAME'), shippedType('2.5.4.3'));
    assert.equal(schema.objectClass('PKICA'), schema.objectClass('2.5.6.22'));
    assert.equal(schema.objectIdentifier('pkica'), '2.5.6.22');
    assert.equal(schema.objectIdentifier('CN'), '2.5.4.3');
    assert.equal(schema.objectIdentifier('caseIgnoreMatch'), '2.5.13.2');
    assert.equal(schema.objectIdentifier('1.2.3'), '1.2.3');
    for (const name of ['', 'nonsense', '__proto__', 'constructor', '1.2.03', 'p\u212AiCA']) {
      assert.equal(schema.attributeType(name), undefined);
      assert.equal(schema.objectClass(name), undefined);
      assert.equal(schema.objectIdentifier(name), undefined);
    }
  });

  it('is published in a form that makes the same schema again', () => {
    const published = schema.subschemaAttributes();
    const text = published
      .filter(({ description }) => /^(attributeTypes|objectClasses)$/.test(description))
      .flatMap(({ description, values }) => values.map((value) => `${description}: ${value}`))
      .join('\n');
    const again = Schema.parse([{ file: 'again.ldif', text: `dn: cn=schema\n${text}\n` }]);
    assert.deepEqual(again.subschemaAttributes(), published);
    assert.deepEqual(
      published.map(({ description, values }) => [description, values.length > 0]),
      [
        ['objectClasses', true],
        ['attributeTypes', true],
        ['matchingRules', true],
        ['matchingRuleUse', true],
        ['ldapSyntaxes', true],
      ],
    );
  });

  it('publishes which types each rule compares (RFC 4512 §4.1.4)', () => {
    const uses =
      schema.subschemaAttributes().find(({ description }) => description === 'matchingRuleUse')
        ?.values ?? [];
    const uses35 = uses.filter((use) => use.startsWith('( 2.5.13.35 '));
    assert.deepEqual(uses35, [
      "( 2.5.13.35 NAME 'certificateMatch' APPLIES ( userCertificate $ cACertificate ) )",
    ]);
    assert.ok(uses.includes("( 2.5.13.16 NAME 'bitStringMatch' APPLIES x500UniqueIdentifier )"));
    const syntax = syntaxes.get(SyntaxOid.matchingRuleUseDescription);
    for (const use of uses) {
      assert.equal(syntax?.problem(encodeUtf8(use), schema), undefined, use);
    }
  });

  it('names only syntaxes that are known in its rules', () => {
    for (const rule of matchingRules) {
      assert.ok(syntaxes.has(rule.syntax), rule.name);
      for (const oid of rule.appliesTo) {
        assert.ok(syntaxes.has(oid), rule.name);
      }
    }
    const keys = matchingRules.flatMap(({ oid, name }) => [oid, name.toLowerCase()]);
    assert.equal(new Set(keys).size, keys.length);
  });
});

describe('object classes of an entry (RFC 4512 §2.4)', () => {
  const check = (names: string[], types: string[]): ReturnType<Schema['checkEntry']> =>
    schema.checkEntry(classNames(...names), types.map(shippedType));

  const good: readonly (readonly [string[], string[], string])[] = [
    [['cRLDistributionPoint'], ['objectClass', 'cn'], 'cRLDistributionPoint'],
    [['top', 'CRLDISTRIBUTIONPOINT'], ['cn', 'certificateRevocationList'], 'cRLDistributionPoint'],
    [['2.5.6.19'], ['cn'], 'cRLDistributionPoint'],
    [['organizationalUnit', 'pkiCA'], ['ou', 'cACertificate'], 'organizationalUnit'],
    [['person', 'organizationalPerson'], ['cn', 'sn', 'title'], 'organizationalPerson'],
    [['organizationalPerson'], ['cn', 'sn'], 'organizationalPerson'],
    [['device', 'certdirVerifier'], ['cn', 'certdirVerifierKind', 'userPassword'], 'device'],
    [['device', 'extensibleObject'], ['cn', 'mail'], 'device'],
    [['device'], ['cn', 'entryUUID', 'createTimestamp'], 'device'],
  ];
  for (const [names, types, structural] of good) {
    it(`takes ${names.join(', ')} with ${types.join(', ')}`, () => {
      assert.equal(check(names, types).structural.name, structural);
    });
  }

  const refused: readonly (readonly [why: string, names: string[], types: string[]])[] = [
    ['no class', [], ['cn']],
    ['no structural class', ['top'], []],
    ['only an auxiliary class', ['pkiCA'], ['cACertificate']],
    ['two structural chains', ['device', 'organizationalUnit'], ['cn', 'ou']],
    [
      'two structural classes under one',
      ['organizationalPerson', 'residentialPerson'],
      ['cn', 'sn', 'l'],
    ],
    ['a required attribute is missing', ['cRLDistributionPoint'], ['objectClass']],
    ['one that a superior requires is missing', ['organizationalPerson'], ['cn']],
    ['an attribute is not allowed', ['cRLDistributionPoint'], ['cn', 'userCertificate']],
    ['a subtype of an allowed attribute is not allowed', ['device'], ['cn', 'member']],
  ];
  for (const [why, names, types] of refused) {
    it(`refuses: ${why}`, () => {
      assert.throws(() => check(names, types), {
        name: 'DirectoryError',
        code: 'DIRECTORY_OBJECT_CLASS',
      });
    });
  }

  for (const name of ['nonsense', '', '1.2.3.4', '__proto__', 'cn']) {
    it(`refuses ${JSON.stringify(name)} as the name of a class`, () => {
      assert.throws(() => check([name, 'device'], ['cn']), { code: 'DIRECTORY_INVALID_SYNTAX' });
    });
  }

  it('names every superior of the classes given', () => {
    const { classes } = check(['organizationalPerson', 'pkiUser'], ['cn', 'sn']);
    assert.deepEqual([...classes].map(({ name }) => name).sort(), [
      'organizationalPerson',
      'person',
      'pkiUser',
      'top',
    ]);
  });
});
