import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { DerError } from '../../src/asn1/errors.ts';
import { decodeOidContent, encodeOidContent, isOid, parseOid } from '../../src/asn1/oid.ts';
import { decodeString, encodeString, isStringTag } from '../../src/asn1/strings.ts';
import { Tag } from '../../src/asn1/tags.ts';
import {
  encodeGeneralizedTime,
  encodeTime,
  parseGeneralizedTime,
  parseTime,
} from '../../src/asn1/time.ts';
import { equalBytes } from '../../src/core/bytes.ts';

const runs = { seed: 20260105, numRuns: 3000 };

/** The value, or undefined for our error; anything else that is thrown fails the test. */
function attempt<Value>(run: () => Value): Value | undefined {
  try {
    return run();
  } catch (error) {
    assert(error instanceof DerError, `escaped: ${String(error)}`);
    return undefined;
  }
}

describe('object identifiers', () => {
  const arc = fc.oneof(
    fc.bigInt({ min: 0n, max: 300n }),
    fc.bigInt({ min: 2n ** 31n - 5n, max: 2n ** 32n + 5n }),
    fc.bigInt({ min: 2n ** 48n, max: 2n ** 54n }),
    fc.bigInt({ min: 0n, max: 2n ** 128n }),
  );
  const root = fc.oneof(
    fc.tuple(fc.constantFrom(0n, 1n), fc.bigInt({ min: 0n, max: 39n })),
    fc.tuple(fc.constant(2n), arc),
  );
  const oid = fc
    .tuple(root, fc.array(arc, { maxLength: 8 }))
    .map(([first, rest]) => [...first, ...rest].join('.'));

  it('every text comes back', () => {
    fc.assert(
      fc.property(oid, (text) => {
        assert.equal(parseOid(text), text);
        assert.equal(decodeOidContent(encodeOidContent(text)), text);
      }),
      runs,
    );
  });

  it('any content is refused or comes back', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (content) => {
        const text = attempt(() => decodeOidContent(content));
        if (text !== undefined) {
          accepted += 1;
          assert(equalBytes(encodeOidContent(text), content));
        }
      }),
      runs,
    );
    assert(accepted > 100, `only ${accepted} were accepted`);
  });

  it('any text is refused or is canonical', () => {
    const nearly = fc.string({
      unit: fc.constantFrom('0', '1', '2', '9', '.', '39', '40', ' '),
      maxLength: 12,
    });
    fc.assert(
      fc.property(nearly, (text) => {
        const content = attempt(() => encodeOidContent(text));
        assert.equal(isOid(text), content !== undefined);
        if (content !== undefined) {
          assert.equal(decodeOidContent(content), text);
        }
      }),
      runs,
    );
  });
});

describe('times', () => {
  const second = (min: number, max: number): fc.Arbitrary<number> =>
    fc.integer({ min: min / 1000, max: max / 1000 }).map((seconds) => seconds * 1000);
  const endMs = Date.UTC(10_000, 0, 1) - 1000;

  it('every second of Time comes back, in the arm of its year', () => {
    fc.assert(
      fc.property(second(Date.UTC(1950, 0, 1), endMs), fc.nat({ max: 999 }), (atMs, partMs) => {
        const element = encodeTime(atMs + partMs);
        const tag = atMs < Date.UTC(2050, 0, 1) ? Tag.utcTime : Tag.generalizedTime;
        assert.equal(element[0], tag);
        assert.equal(parseTime(tag, element.subarray(2)), atMs);
      }),
      runs,
    );
  });

  it('every second of GeneralizedTime comes back', () => {
    const startMs = Date.parse('0000-01-01T00:00:00Z');
    fc.assert(
      fc.property(second(startMs, endMs), (atMs) => {
        assert.equal(parseGeneralizedTime(encodeGeneralizedTime(atMs).subarray(2)), atMs);
      }),
      runs,
    );
  });

  it('any digits are refused or are the encoding of what was read', () => {
    const two = (max: number): fc.Arbitrary<string> =>
      fc.nat({ max }).map((value) => String(value).padStart(2, '0'));
    const parts = fc.tuple(two(99), two(13), two(32), two(25), two(61), two(61));
    let accepted = 0;
    fc.assert(
      fc.property(parts, (digits) => {
        const content = Buffer.from(`${digits.join('')}Z`);
        const atMs = attempt(() => parseTime(Tag.utcTime, content));
        if (atMs !== undefined) {
          accepted += 1;
          assert(equalBytes(encodeTime(atMs).subarray(2), content));
        }
      }),
      runs,
    );
    assert(accepted > 1000, `only ${accepted} were accepted`);
  });

  it('any bytes end in a time or in DerError', () => {
    const tag = fc.constantFrom(Tag.utcTime, Tag.generalizedTime, Tag.null);
    const content = fc.uint8Array({ minLength: 12, maxLength: 16 });
    fc.assert(
      fc.property(tag, content, (someTag, bytes) => {
        attempt(() => parseTime(someTag, bytes));
        attempt(() => parseGeneralizedTime(bytes));
      }),
      runs,
    );
  });
});

describe('strings', () => {
  const stringTags = Object.values(Tag).filter(isStringTag);
  const anyTag = fc.constantFrom(...stringTags);

  it('any text is refused or comes back', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme-ascii' }),
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
    );
    fc.assert(
      fc.property(anyTag, text, (tag, value) => {
        const content = attempt(() => encodeString(tag, value));
        if (content !== undefined) {
          assert.equal(decodeString(tag, content), value);
        }
      }),
      runs,
    );
  });

  it('any content is refused or comes back', () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 24 }),
      fc.array(fc.integer({ min: 0x20, max: 0x7e })).map((codes) => Uint8Array.from(codes)),
    );
    fc.assert(
      fc.property(anyTag, content, (tag, bytes) => {
        const value = attempt(() => decodeString(tag, bytes));
        if (value !== undefined) {
          assert(equalBytes(encodeString(tag, value), bytes));
        }
      }),
      runs,
    );
  });
});
