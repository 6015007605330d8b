import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { Tag } from '../../src/asn1/tags.ts';
import { X509Error } from '../../src/x509/errors.ts';
import {
  type AttributeTypeAndValue,
  buildName,
  formatName,
  nameFromText,
  parseName,
  type RelativeName,
  sameName,
} from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';

const runs = { seed: 20260105, numRuns: 500 };
const printableCharacters = [..."ABCabc012 '()+,-./:=?"];
const trickyCharacters = [...'"+,;<>\\#= \u0000\u0007\u3000aＡ群𠮷か\u3099ß'];

const type = fc.constantFrom(
  Oid.commonName,
  Oid.organizationName,
  Oid.organizationalUnitName,
  Oid.localityName,
  Oid.title,
  '1.2.3.4',
  '2.999.34359738378',
);
const textOf = (characters: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...characters), { minLength: 1, maxLength: 12 })
    .map((chosen) => chosen.join(''));
const value = fc.oneof(
  fc.record({ stringTag: fc.constant(Tag.utf8String), value: textOf(trickyCharacters) }),
  fc.record({ stringTag: fc.constant(Tag.printableString), value: textOf(printableCharacters) }),
  fc.record({ stringTag: fc.constant(Tag.bmpString), value: textOf(['群', 'a', ' ', ',']) }),
);
const pair: fc.Arbitrary<AttributeTypeAndValue> = fc
  .tuple(type, value)
  .map(([oid, text]) => ({ type: oid, ...text }));
const relativeName: fc.Arbitrary<RelativeName> = fc.uniqueArray(pair, {
  minLength: 1,
  maxLength: 3,
  selector: (chosen) => chosen.type,
});
const rdns = fc.array(relativeName, { maxLength: 5 });

const sorted = (names: readonly RelativeName[]): readonly RelativeName[] =>
  names.map((rdn) => rdn.toSorted((left, right) => (left.type < right.type ? -1 : 1)));

/** Runs a parser; anything but a value or an X509Error fails the property. */
function endsOnlyInOurError(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof X509Error, `${error}`);
  }
}

describe('names, property', () => {
  it('build, then parse: the same parts and the same bytes', () => {
    fc.assert(
      fc.property(rdns, (parts) => {
        const name = buildName(parts);
        const again = parseName(name.der);
        assert.deepEqual(sorted(again.rdns), sorted(parts));
        assert.deepEqual(buildName(again.rdns).der, name.der);
      }),
      runs,
    );
  });

  it('format, then read: the same name, and the same text', () => {
    fc.assert(
      fc.property(rdns, (parts) => {
        const name = buildName(parts);
        const text = formatName(name);
        const again = nameFromText(text);
        assert.ok(sameName(again, name));
        assert.equal(again.rdns.length, parts.length);
        for (const [index, rdn] of again.rdns.entries()) {
          const values = rdn.map((read) => read.value).toSorted();
          assert.deepEqual(values, parts[index]?.map((wrote) => wrote.value).toSorted());
        }
      }),
      runs,
    );
  });

  it('sameName is reflexive and symmetric, and blind to case', () => {
    fc.assert(
      fc.property(rdns, rdns, (left, right) => {
        const [a, b] = [buildName(left), buildName(right)];
        assert.ok(sameName(a, parseName(Uint8Array.from(a.der))));
        assert.equal(sameName(a, b), sameName(b, a));
        const upper = buildName(
          left.map((rdn) =>
            rdn.map((each) => ({ ...each, value: each.value.replace(/[a-z]/g, 'A') })),
          ),
        );
        const lower = buildName(
          left.map((rdn) =>
            rdn.map((each) => ({ ...each, value: each.value.replace(/[a-z]/g, 'a') })),
          ),
        );
        assert.ok(sameName(upper, lower));
      }),
      runs,
    );
  });

  it('names that differ in one letter are not the same', () => {
    fc.assert(
      fc.property(relativeName, (rdn) => {
        const changed = rdn.map((each) => ({ ...each, value: `${each.value}x` }));
        assert.equal(sameName(buildName([rdn]), buildName([changed])), false);
      }),
      runs,
    );
  });

  it('any text ends in a name or in our error', () => {
    const syntax = textOf([...'CNOU=,+#\\"0aF1. ;', '\ud842', '群', '\0']);
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), syntax);
    fc.assert(
      fc.property(text, (input) => endsOnlyInOurError(() => formatName(nameFromText(input)))),
      { ...runs, numRuns: 5000 },
    );
  });

  it('any bytes end in a name or in our error', () => {
    const bytes = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(bytes, (input) => endsOnlyInOurError(() => formatName(parseName(input)))),
      { ...runs, numRuns: 5000 },
    );
  });

  it('a name with an octet changed ends in the same bytes or in our error', () => {
    const changes = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(rdns, changes, (parts, [position, change]) => {
        const der = Uint8Array.from(buildName(parts).der);
        const at = position % der.length;
        der[at] = (der[at] ?? 0) ^ change;
        endsOnlyInOurError(() => {
          const name = parseName(der);
          const isRepeated = name.rdns.some(
            (rdn) => new Set(rdn.map((each) => each.type)).size !== rdn.length,
          );
          if (!isRepeated) {
            assert.deepEqual(buildName(name.rdns).der, der);
          }
        });
      }),
      { ...runs, numRuns: 3000 },
    );
  });
});
