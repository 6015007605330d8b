import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { assertDer } from '../../src/asn1/assert-der.ts';
import { DerReader } from '../../src/asn1/der-reader.ts';
import {
  encodeBitString,
  encodeElement,
  encodeInteger,
  encodeNamedBits,
  encodeOctetString,
  encodeSetOf,
} from '../../src/asn1/der-writer.ts';
import { DerError } from '../../src/asn1/errors.ts';
import { isAllowedTag, isConstructed, Tag } from '../../src/asn1/tags.ts';
import { compareBytes, equalBytes } from '../../src/core/bytes.ts';

const runs = { seed: 20260105, numRuns: 2000 };

const allowedTag = fc.integer({ min: 1, max: 0xff }).filter(isAllowedTag);
const primitiveTag = allowedTag.filter((tag) => tag >= 0x40 && !isConstructed(tag));
const constructedTag = allowedTag.filter(isConstructed);

/** Well-formed trees: any constructed tag over any, with opaque leaves. */
const { tree } = fc.letrec<{ tree: Uint8Array }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc
      .tuple(primitiveTag, fc.uint8Array({ maxLength: 200 }))
      .map(([tag, content]) => encodeElement(tag, content)),
    fc
      .tuple(constructedTag, fc.array(tie('tree'), { maxLength: 4 }))
      .map(([tag, elements]) => encodeElement(tag, ...elements)),
  ),
}));

/** Bytes that get past the first header more often than plain noise does. */
const nearlyDer = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc
    .tuple(tree, fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([bytes, at, value]) =>
      Uint8Array.from(bytes).fill(value, at % bytes.length, (at % bytes.length) + 1),
    ),
  fc.tuple(tree, fc.nat()).map(([bytes, at]) => bytes.subarray(0, at % (bytes.length + 1))),
  fc
    .tuple(fc.constantFrom(...Object.values(Tag)), fc.uint8Array({ maxLength: 40 }))
    .map(([tag, content]) => encodeElement(tag, content)),
);

const reads: readonly ((reader: DerReader) => unknown)[] = [
  (reader) => reader.readElement(),
  (reader) => reader.readConstructed(),
  (reader) => reader.readConstructed(Tag.set),
  (reader) => reader.readOptional(Tag.sequence),
  (reader) => reader.readInteger(),
  (reader) => reader.readSmallInteger(),
  (reader) => reader.readSmallInteger(Tag.enumerated),
  (reader) => reader.readBoolean(),
  (reader) => reader.readOid(),
  (reader) => reader.readOctetString(),
  (reader) => reader.readBitString(),
  (reader) => reader.readNamedBits(),
  (reader) => reader.readNull(),
  (reader) => reader.readTime(),
  (reader) => reader.readGeneralizedTime(),
  (reader) => reader.readString(),
  (reader) => reader.skip(),
  (reader) => reader.expectEnd(),
];

/** Runs what may throw our error and nothing else; tells whether it did not. */
function isAccepted(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    assert(error instanceof DerError, `escaped: ${String(error)}`);
    return false;
  }
}

describe('DER: any bytes end in a value or in DerError', () => {
  for (const [index, read] of reads.entries()) {
    it(`verb ${index}: ${String(read).replace(/^.*=> /, '')}`, () => {
      fc.assert(
        fc.property(nearlyDer, (bytes) => {
          isAccepted(() => {
            for (const reader = new DerReader(bytes); !reader.isAtEnd; ) {
              const before = reader.offset;
              read(reader);
              assert(reader.offset <= bytes.length);
              if (reader.offset === before) {
                return;
              }
            }
          });
        }),
        { ...runs, numRuns: 500 },
      );
    });
  }

  it('assertDer', () => {
    fc.assert(
      fc.property(nearlyDer, (bytes) => {
        isAccepted(() => assertDer(bytes));
      }),
      runs,
    );
  });

  it('a reader sees nothing behind its end', () => {
    fc.assert(
      fc.property(nearlyDer, fc.uint8Array({ maxLength: 20 }), (bytes, behind) => {
        const joined = Buffer.concat([bytes, behind]);
        const alone = isAccepted(() => walk(new DerReader(bytes)));
        const within = isAccepted(() => walk(new DerReader(joined, 0, bytes.length)));
        assert.equal(within, alone);
      }),
      runs,
    );
  });
});

function walk(reader: DerReader): void {
  while (!reader.isAtEnd) {
    const { tag, content } = reader.readElement();
    if (isConstructed(tag)) {
      walk(new DerReader(content));
    }
  }
}

describe('DER: one encoding for each value', () => {
  it('trees: what was written is accepted, and its pieces put together are the same bytes', () => {
    fc.assert(
      fc.property(tree, (bytes) => {
        assertDer(bytes);
        assert(equalBytes(rewrite(bytes), bytes));
      }),
      { ...runs, numRuns: 500 },
    );
  });

  it('whatever assertDer accepts is written again as the same bytes', () => {
    let accepted = 0;
    fc.assert(
      fc.property(nearlyDer, (bytes) => {
        if (isAccepted(() => assertDer(bytes))) {
          accepted += 1;
          assert(equalBytes(rewrite(bytes), bytes));
        }
      }),
      runs,
    );
    assert(accepted > runs.numRuns / 10, `only ${accepted} were accepted`);
  });

  const anyInteger = fc.oneof(
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
    fc.bigInt({ min: -70_000n, max: 70_000n }),
  );

  it('INTEGER', () => {
    fc.assert(
      fc.property(anyInteger, (value) => {
        assert.equal(new DerReader(encodeInteger(value)).readInteger(), value);
      }),
      runs,
    );
  });

  it('INTEGER: content that is accepted is the content that is written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (content) => {
        const element = encodeElement(Tag.integer, content);
        isAccepted(() => {
          const value = new DerReader(element).readInteger();
          assert(equalBytes(encodeInteger(value), element));
        });
      }),
      runs,
    );
  });

  it('a small integer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7fff_ffff }), (value) => {
        assert.equal(new DerReader(encodeInteger(value)).readSmallInteger(), value);
      }),
      runs,
    );
  });

  it('BIT STRING', () => {
    const bits = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat({ max: 7 }));
    fc.assert(
      fc.property(bits, ([bytes, unusedBits]) => {
        const last = bytes.length - 1;
        bytes[last] = ((bytes[last] ?? 0) >> unusedBits) << unusedBits;
        const read = new DerReader(encodeBitString(bytes, unusedBits)).readBitString();
        assert.equal(read.unusedBits, unusedBits);
        assert(equalBytes(read.bytes, bytes));
      }),
      runs,
    );
  });

  it('named bits', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 255 })), (bits) => {
        const read = new DerReader(encodeNamedBits(bits)).readNamedBits();
        assert.deepEqual(
          [...read],
          bits.toSorted((a, b) => a - b),
        );
      }),
      { ...runs, numRuns: 500 },
    );
  });

  it('OCTET STRING of any length', () => {
    fc.assert(
      fc.property(fc.nat({ max: 70_000 }), (length) => {
        const bytes = new Uint8Array(length).fill(length);
        const reader = new DerReader(encodeOctetString(bytes));
        assert(equalBytes(reader.readOctetString(), bytes));
        reader.expectEnd();
      }),
      { ...runs, numRuns: 200 },
    );
  });

  it('SET OF does not depend on the order given', () => {
    fc.assert(
      fc.property(fc.array(tree, { maxLength: 6 }), (elements) => {
        const sorted = encodeSetOf(...elements);
        assert(equalBytes(encodeSetOf(...elements.toReversed()), sorted));
        const inside = new DerReader(sorted).readConstructed(Tag.set);
        let previous = new Uint8Array();
        while (!inside.isAtEnd) {
          const { raw } = inside.readElement();
          assert(compareBytes(previous, raw) <= 0);
          previous = Uint8Array.from(raw);
        }
      }),
      { ...runs, numRuns: 500 },
    );
  });
});

/** Takes a value apart with the reader and puts it together with the writer. */
function rewrite(bytes: Uint8Array): Uint8Array {
  const { tag, content } = new DerReader(bytes).readElement();
  if (!isConstructed(tag)) {
    return encodeElement(tag, content);
  }
  const elements: Uint8Array[] = [];
  for (const inside = new DerReader(content); !inside.isAtEnd; ) {
    elements.push(rewrite(inside.readElement().raw));
  }
  return encodeElement(tag, ...elements);
}
