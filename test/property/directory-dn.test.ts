import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { compareBytes, encodeUtf8, equalBytes, prefixEnd } from '../../src/core/bytes.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import { createRdn, Dn, type NamePair, type Rdn } from '../../src/directory/names/dn.ts';
import { shippedSchema as schema, shippedType } from '../support/shipped-schema.ts';

const runs = { seed: 20260106, numRuns: 1500 };

/** Text that every naming attribute takes, with everything that is special in a name. */
const valueText = fc
  .array(
    fc.oneof(
      fc.constantFrom(...'aAbB ,+"\\<>;=#/éÉß前橋　ＡΣς\u0301\t\n\0'),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((characters) => characters.join(''))
  .filter((text) => isTaken(text));

function isTaken(text: string): boolean {
  try {
    shippedType('cn').equality?.valueKey(encodeUtf8(text), schema);
    return true;
  } catch {
    return false;
  }
}

const octets = fc.uint8Array({ minLength: 1, maxLength: 8 });
const pair: fc.Arbitrary<NamePair> = fc.oneof(
  { weight: 5, arbitrary: textPair(['cn', 'sn', 'o', 'ou', 'uid', 'description']) },
  { weight: 1, arbitrary: octets.map((value) => ({ type: shippedType('userPassword'), value })) },
);

function textPair(types: readonly string[]): fc.Arbitrary<NamePair> {
  return fc
    .tuple(fc.constantFrom(...types), valueText)
    .map(([type, text]) => ({ type: shippedType(type), value: encodeUtf8(text) }));
}

const rdn: fc.Arbitrary<Rdn> = fc
  .uniqueArray(pair, { minLength: 1, maxLength: 3, selector: ({ type }) => type })
  .map((pairs) => createRdn(pairs, schema));
const dn: fc.Arbitrary<Dn> = fc.array(rdn, { maxLength: 4 }).map((rdns) => Dn.of(rdns));

/** The same name spelt otherwise: case, OIDs, escapes, order, spaces. */
function respell(name: Dn, choice: () => boolean): string {
  const rdns = name.rdns.map(({ pairs }) => {
    const texts = pairs.map(({ type, value }) => {
      const attribute = choice() ? type.oid : choice() ? type.name.toUpperCase() : type.name;
      return `${choice() ? ' ' : ''}${attribute}${choice() ? ' =  ' : '='}${respellValue(value, choice)}${choice() ? ' ' : ''}`;
    });
    return (choice() ? texts : texts.reverse()).join('+');
  });
  return rdns.join(choice() ? ', ' : ',');
}

function respellValue(value: Uint8Array, choice: () => boolean): string {
  const hex = Buffer.from(value).toString('hex');
  if (choice() && value.length < 128) {
    return `#04${value.length.toString(16).padStart(2, '0')}${hex}`;
  }
  return (choice() ? hex : hex.toUpperCase()).replace(/../g, '\\$&');
}

describe('names', () => {
  it('parse(format(dn)) is dn', () => {
    fc.assert(
      fc.property(dn, (name) => {
        const again = Dn.parse(name.format(), schema);
        assert.deepEqual(again.key, name.key);
        assert.equal(again.format(), name.format());
        assert.ok(Dn.parse(name.text, schema).equals(name));
      }),
      runs,
    );
  });

  it('have one key however they are spelt', () => {
    fc.assert(
      fc.property(dn, fc.infiniteStream(fc.boolean()), (name, choices) => {
        const text = respell(name, () => choices.next().value === true);
        assert.deepEqual(Dn.parse(text, schema).key, name.key, text);
      }),
      runs,
    );
  });

  it('have equal keys only when they are equal', () => {
    fc.assert(
      fc.property(dn, dn, (left, right) => {
        assert.equal(equalBytes(left.key, right.key), areSame(left, right));
      }),
      runs,
    );
  });

  it('have equal keys only when they are equal: nearly equal ones', () => {
    const near = fc.array(
      textPair(['cn', 'ou']).filter(({ value }) => value.length < 4),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    const nearDn = near.map((pairs) => Dn.of(pairs.map((each) => createRdn([each], schema))));
    fc.assert(
      fc.property(nearDn, nearDn, (left, right) => {
        assert.equal(equalBytes(left.key, right.key), areSame(left, right));
      }),
      runs,
    );
  });
});

/** Equality without keys: relative name by relative name, value by value. */
function areSame(left: Dn, right: Dn): boolean {
  return (
    left.depth === right.depth &&
    left.rdns.every((each, index) => {
      const other = right.rdns[index]?.pairs ?? [];
      return (
        each.pairs.length === other.length &&
        each.pairs.every(({ type, value }) =>
          other.some(
            (pairOfOther) =>
              pairOfOther.type === type &&
              type.equality !== undefined &&
              equalBytes(
                type.equality.valueKey(value, schema),
                type.equality.valueKey(pairOfOther.value, schema),
              ),
          ),
        )
      );
    })
  );
}

describe('keys', () => {
  it('a child is in its parent’s range, a sibling of the parent is not', () => {
    fc.assert(
      fc.property(dn, rdn, rdn, (base, child, sibling) => {
        const name = base.child(child);
        const other = base.child(sibling);
        const below = name.child(sibling);
        assert.ok(isInRange(name.key, base.key) && name.isWithin(base));
        assert.ok(isInRange(below.key, name.key) && below.isWithin(name));
        assert.equal(isInRange(other.key, name.key), other.equals(name));
        assert.equal(isInRange(below.key, other.key), other.equals(name));
        assert.equal(below.isWithin(other), other.equals(name));
        assert.ok(name.parent()?.equals(base));
      }),
      runs,
    );
  });

  it('no key is the beginning of another but an ancestor’s', () => {
    fc.assert(
      fc.property(dn, dn, (left, right) => {
        const isPrefix = equalBytes(right.key.subarray(0, left.key.length), left.key);
        const ancestor = Dn.of(right.rdns.slice(right.depth - Math.min(left.depth, right.depth)));
        assert.equal(isPrefix, left.depth <= right.depth && ancestor.equals(left));
      }),
      runs,
    );
  });
});

function isInRange(key: Uint8Array, base: Uint8Array): boolean {
  const end = prefixEnd(base);
  return compareBytes(key, base) >= 0 && (end === undefined || compareBytes(key, end) < 0);
}

describe('any text', () => {
  const piece = fc.constantFrom(
    ...'cn=,+;\\#"<> \0',
    'cn=',
    '2.5.4.3=',
    '#0403666f6f',
    '\\2C',
    '\\',
    'OID.',
    '前',
    '\ud800',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
  );

  it('is a name or a DirectoryError', () => {
    fc.assert(
      fc.property(text, (candidate) => {
        try {
          const name = Dn.parse(candidate, schema);
          assert.ok(Dn.parse(name.format(), schema).equals(name));
        } catch (error) {
          assert.ok(error instanceof DirectoryError, String(error));
          assert.equal(error.code, 'DIRECTORY_DN_SYNTAX');
        }
      }),
      { ...runs, numRuns: 4000 },
    );
  });
});
