import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  firstComponentOf,
  parseAttributeTypeDescription,
  parseObjectClassDescription,
} from '../../src/directory/schema/schema-parser.ts';

describe('attribute type descriptions (RFC 4512 §4.1.2)', () => {
  it('with every field', () => {
    const description = parseAttributeTypeDescription(
      "( 1.2.3 NAME ( 'a' 'b-2' ) DESC 'it\\27s a \\5Cdesc\\5c' OBSOLETE SUP name EQUALITY e ORDERING 1.2.4 " +
        "SUBSTR s SYNTAX 1.2.5{64} SINGLE-VALUE COLLECTIVE NO-USER-MODIFICATION USAGE dSAOperation X-ORIGIN ( 'x' 'y' ) )",
    );
    assert.deepEqual(description, {
      oid: '1.2.3',
      names: ['a', 'b-2'],
      description: "it's a \\desc\\",
      isObsolete: true,
      superior: 'name',
      equality: 'e',
      ordering: '1.2.4',
      substring: 's',
      syntax: '1.2.5',
      isSingleValue: true,
      isCollective: true,
      isNoUserModification: true,
      usage: 'dSAOperation',
    });
  });

  it('with none, and without spaces at the parentheses', () => {
    const description = parseAttributeTypeDescription('(1.2.3)');
    assert.equal(description.oid, '1.2.3');
    assert.deepEqual(description.names, []);
    assert.equal(description.usage, 'userApplications');
  });

  const refused: readonly (readonly [why: string, text: string])[] = [
    ['nothing', ''],
    ['no parentheses', '1.2.3'],
    ['no end', '( 1.2.3'],
    ['something behind the end', '( 1.2.3 ) x'],
    ['no OID', "( NAME 'a' )"],
    ['a name instead of an OID', "( a NAME 'a' )"],
    ['an OID with a leading zero', '( 1.02.3 )'],
    ['an OID of one arc', '( 1 )'],
    ['an unquoted name', '( 1.2.3 NAME a )'],
    ['a name with an underscore', "( 1.2.3 NAME 'a_b' )"],
    ['an empty list of names', '( 1.2.3 NAME ( ) )'],
    ['a quote that does not end', "( 1.2.3 NAME 'a )"],
    ['a field twice', "( 1.2.3 NAME 'a' NAME 'b' )"],
    ['an unknown field', '( 1.2.3 NONSENSE )'],
    ['a field of object classes', '( 1.2.3 MUST cn )'],
    ['an unknown usage', '( 1.2.3 USAGE nobody )'],
    ['a syntax by name', '( 1.2.3 SYNTAX DirectoryString )'],
    ['a quoted syntax', "( 1.2.3 SYNTAX '1.2.3' )"],
    ['two superiors', '( 1.2.3 SUP ( a $ b ) )'],
    ['a field without its value', '( 1.2.3 SUP )'],
    ['a tab', '( 1.2.3\tSUP a )'],
  ];
  for (const [why, text] of refused) {
    it(`refused: ${why}`, () => {
      assert.throws(() => parseAttributeTypeDescription(text), {
        name: 'DirectoryError',
        code: 'DIRECTORY_SCHEMA_SYNTAX',
      });
    });
  }
});

describe('object class descriptions (RFC 4512 §4.1.1)', () => {
  it('with every field', () => {
    const description = parseObjectClassDescription(
      "( 1.2.3 NAME 'a' DESC 'd' SUP ( b $ 1.2.4 ) AUXILIARY MUST c MAY ( d $ e ) )",
    );
    assert.deepEqual(description, {
      oid: '1.2.3',
      names: ['a'],
      description: 'd',
      isObsolete: false,
      superiors: ['b', '1.2.4'],
      classKind: 'auxiliary',
      must: ['c'],
      may: ['d', 'e'],
    });
  });

  it('is structural unless it says otherwise', () => {
    assert.equal(parseObjectClassDescription('( 1.2.3 )').classKind, 'structural');
    assert.equal(parseObjectClassDescription('( 1.2.3 ABSTRACT )').classKind, 'abstract');
  });

  const refused: readonly (readonly [why: string, text: string])[] = [
    ['two kinds', '( 1.2.3 ABSTRACT AUXILIARY )'],
    ['a list without $', '( 1.2.3 MUST ( a b ) )'],
    ['an empty list', '( 1.2.3 MUST ( ) )'],
    ['a list that ends with $', '( 1.2.3 MUST ( a $ ) )'],
    ['a quoted attribute', "( 1.2.3 MUST 'a' )"],
  ];
  for (const [why, text] of refused) {
    it(`refused: ${why}`, () => {
      assert.throws(() => parseObjectClassDescription(text), { code: 'DIRECTORY_SCHEMA_SYNTAX' });
    });
  }
});

describe('the first component of a description', () => {
  it('is its OID', () => {
    assert.equal(firstComponentOf("( 1.2.3 NAME 'a' )"), '1.2.3');
    assert.equal(firstComponentOf("(1.2.3 NAME 'a' )"), '1.2.3');
    for (const text of ['', '1.2.3', '( 1.2.3', '( 1.02 )', '( a )', "( NAME 'a' )"]) {
      assert.equal(firstComponentOf(text), undefined, text);
    }
  });
});
