import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { compareBytes, encodeUtf8, equalBytes } from '../../src/core/bytes.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import { parseAttributeDescription } from '../../src/directory/schema/attribute-description.ts';
import { parseGeneralizedTime } from '../../src/directory/schema/generalized-time.ts';
import { matchingRule, matchingRules } from '../../src/directory/schema/matching-rules.ts';
import { Schema } from '../../src/directory/schema/schema.ts';
import { prepareString } from '../../src/directory/schema/string-prep.ts';
import { BytePattern } from '../../src/directory/schema/substring-search.ts';
import { syntaxes } from '../../src/directory/schema/syntax.ts';
import { shippedSchema as schema } from '../support/shipped-schema.ts';

const runs = { seed: 20260109, numRuns: 2000 };

const shaped = fc.constantFrom(
  '{ serialNumber 1, issuer rdnSequence:"cn=a" }',
  '1$cn=a',
  '{ issuer rdnSequence:"cn=a", thisUpdate utcTime:"170515105627Z" }',
  '{ issuedToThisCAAssertion { serialNumber 1, issuer rdnSequence:"cn=a" } }',
  '{ algorithm 1.2.3, parameters NULL }',
  "cn=a#'01'B",
  '20260131235959.5+0900',
  "( 1.2.3 NAME 'a' )",
  'person',
  '-12',
);

/** Whole, cut, or with something put in. */
const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .tuple(shaped, fc.nat(60), fc.nat(60), fc.string({ unit: 'binary', maxLength: 4 }))
    .map(([text, from, to, put]) => encodeUtf8(text.slice(0, from) + put + text.slice(to))),
);

/** Runs `body`; anything but a DirectoryError fails. */
function refusesOnly<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    assert.ok(error instanceof DirectoryError, String(error));
    assert.equal(error.code, 'DIRECTORY_INVALID_SYNTAX');
    return undefined;
  }
}

describe('any octets', () => {
  it('are a value and an assertion of each rule, or invalid syntax', () => {
    fc.assert(
      fc.property(fc.constantFrom(...matchingRules), hostile, (rule, octets) => {
        if (rule.kind === 'substrings') {
          refusesOnly(() => rule.prepareValue(octets));
          refusesOnly(() => rule.preparePiece(octets, 'any'));
          return;
        }
        refusesOnly(() => rule.valueKey(octets, schema));
        if (rule.kind === 'equality') {
          refusesOnly(() => rule.readAssertion(octets, schema));
        }
      }),
      { ...runs, numRuns: 6000 },
    );
  });

  it('are a value of each syntax, or have a problem', () => {
    fc.assert(
      fc.property(fc.constantFrom(...syntaxes.values()), hostile, (syntax, octets) => {
        const problem = syntax.problem(octets, schema);
        assert.ok(problem === undefined || problem.length > 0);
      }),
      { ...runs, numRuns: 6000 },
    );
  });

  it('that are a value of a type have a key by its rule', () => {
    // What a syntax takes, matching may still refuse: prohibited characters, unknown names.
    const always = [
      'booleanMatch',
      'integerMatch',
      'bitStringMatch',
      'octetStringMatch',
      'UUIDMatch',
      'CSNMatch',
      'generalizedTimeMatch',
      'distinguishedNameMatch',
      'uniqueMemberMatch',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...always), hostile, (name, octets) => {
        const rule = matchingRule(name);
        assert.equal(rule?.kind, 'equality');
        const syntax = syntaxes.get(rule.syntax);
        const isValue = syntax?.problem(octets, schema) === undefined;
        assert.equal(refusesOnly(() => rule.valueKey(octets, schema)) !== undefined, isValue);
      }),
      { ...runs, numRuns: 6000 },
    );
  });

  it('are a schema, or a DirectoryError with its place', () => {
    const word = fc.constantFrom(
      '(',
      ')',
      '1.2.3',
      'NAME',
      "'a'",
      'SUP',
      'SYNTAX',
      '1.3.6.1.4.1.1466.115.121.1.15',
      '$',
      'MUST',
      'X-Y',
      'ABSTRACT',
      "'",
      '2.5.4.3',
    );
    const text = fc.array(word, { maxLength: 10 }).map((words) => `( 1.2.4 ${words.join(' ')} )`);
    fc.assert(
      fc.property(fc.constantFrom('attributeTypes', 'objectClasses'), text, (kind, description) => {
        try {
          Schema.parse([{ file: 'f', text: `dn: cn=schema\n${kind}: ${description}\n` }]);
        } catch (error) {
          assert.ok(error instanceof DirectoryError, String(error));
          assert.match(error.code, /^DIRECTORY_SCHEMA_/);
          assert.ok(error.message.startsWith('f:2: '));
        }
      }),
      runs,
    );
  });

  it('are an attribute description, or have no type', () => {
    const piece = fc.constantFrom(
      'cn',
      '2.5.4.39',
      ';',
      'binary',
      'lang-ja',
      '.',
      'OID.',
      ' ',
      '__proto__',
      'ſ',
      '-',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const { type, options } = parseAttributeDescription(pieces.join(''), schema);
        assert.ok(type === undefined || ['cn', 'certificateRevocationList'].includes(type.name));
        assert.deepEqual([...options], [...options].sort());
      }),
      runs,
    );
  });
});

describe('prepared strings', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });

  it('are their own preparation', () => {
    fc.assert(
      fc.property(text, fc.boolean(), (given, foldsCase) => {
        const once = refusesOnly(() => prepareString(encodeUtf8(given), foldsCase));
        if (once !== undefined) {
          assert.ok(equalBytes(prepareString(once, foldsCase), once));
        }
      }),
      runs,
    );
  });

  it('do not depend on case, form or spaces', () => {
    fc.assert(
      fc.property(text, (given) => {
        const key = refusesOnly(() => prepareString(encodeUtf8(given), true));
        if (key === undefined) {
          return;
        }
        for (const other of [
          given.normalize('NFD'),
          given.normalize('NFC'),
          ` ${given}\u3000 `,
          `\u00ad${given}`,
        ]) {
          assert.ok(equalBytes(prepareString(encodeUtf8(other), true), key));
        }
      }),
      runs,
    );
  });
});

describe('keys', () => {
  const integer = fc.oneof(
    fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
    fc.bigInt({ min: -20n, max: 20n }),
  );

  it('of integers sort as the integers do', () => {
    const rule = matchingRule('integerOrderingMatch');
    assert.equal(rule?.kind, 'ordering');
    fc.assert(
      fc.property(integer, integer, (left, right) => {
        const order = compareBytes(
          rule.valueKey(encodeUtf8(String(left)), schema),
          rule.valueKey(encodeUtf8(String(right)), schema),
        );
        assert.equal(Math.sign(order), left < right ? -1 : left > right ? 1 : 0);
      }),
      runs,
    );
  });

  it('of times sort as time goes, whatever the offset', () => {
    const time = fc.record({
      atMs: fc.integer({ min: Date.UTC(1970, 0), max: Date.UTC(2100, 0) }),
      offsetMinutes: fc.integer({ min: -1439, max: 1439 }),
    });
    const write = ({ atMs, offsetMinutes }: { atMs: number; offsetMinutes: number }): string => {
      const local = new Date(atMs + offsetMinutes * 60_000).toISOString();
      const size = Math.abs(offsetMinutes);
      const pad = (number: number): string => String(number).padStart(2, '0');
      return `${local.slice(0, 19).replace(/[-:T]/g, '')}.${local.slice(20, 23)}${offsetMinutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}${pad(size % 60)}`;
    };
    fc.assert(
      fc.property(time, time, (left, right) => {
        const first = parseGeneralizedTime(write(left));
        const second = parseGeneralizedTime(write(right));
        assert.equal(first?.atMs, left.atMs);
        const order = compareBytes(
          encodeUtf8(first?.normal ?? ''),
          encodeUtf8(second?.normal ?? ''),
        );
        assert.equal(Math.sign(order), Math.sign(left.atMs - right.atMs));
      }),
      runs,
    );
  });
});

describe('searching', () => {
  const word = fc
    .array(fc.constantFrom(0x61, 0x62), { maxLength: 40 })
    .map((octets) => Uint8Array.from(octets));
  it('finds what the native search finds', () => {
    fc.assert(
      fc.property(
        word,
        word.filter((octets) => octets.length > 0),
        fc.nat(20),
        (text, piece, from) => {
          const start = Math.min(from, text.length);
          assert.equal(
            new BytePattern(piece).indexIn(text, start),
            Buffer.from(text).indexOf(piece, start),
          );
          const ends =
            text.length >= piece.length &&
            equalBytes(text.subarray(text.length - piece.length), piece);
          assert.equal(new BytePattern(piece).endsIn(text), ends);
        },
      ),
      runs,
    );
  });
});
