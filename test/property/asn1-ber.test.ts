import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { BerReader, readBerHeader } from '../../src/asn1/ber-reader.ts';
import { BerWriter } from '../../src/asn1/ber-writer.ts';
import { DerReader } from '../../src/asn1/der-reader.ts';
import { BerError } from '../../src/asn1/errors.ts';
import { isConstructed, Tag } from '../../src/asn1/tags.ts';
import { equalBytes } from '../../src/core/bytes.ts';

const runs = { seed: 20260105, numRuns: 2000 };

type Item =
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'enumerated'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'octets'; readonly value: Uint8Array }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'null' }
  | { readonly kind: 'group'; readonly expectedLength: number; readonly items: readonly Item[] };

const int32 = fc.oneof(fc.integer(), fc.integer({ min: -40_000, max: 40_000 }));
const kind = <Name extends string>(name: Name): fc.Arbitrary<Name> => fc.constant(name);

const { item } = fc.letrec<{ item: Item }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.record({ kind: kind('integer'), value: int32 }),
    fc.record({ kind: kind('enumerated'), value: int32 }),
    fc.record({ kind: kind('boolean'), value: fc.boolean() }),
    fc.record({ kind: kind('octets'), value: fc.uint8Array({ maxLength: 300 }) }),
    fc.record({ kind: kind('text'), value: fc.string({ unit: 'binary', maxLength: 60 }) }),
    fc.record({ kind: kind('null') }),
    fc.record({
      kind: kind('group'),
      expectedLength: fc.constantFrom(0, 128, 300),
      items: fc.array(tie('item'), { maxLength: 5 }),
    }),
  ),
}));

function write(writer: BerWriter, written: Item): void {
  switch (written.kind) {
    case 'integer':
      writer.writeInteger(written.value);
      return;
    case 'enumerated':
      writer.writeEnumerated(written.value);
      return;
    case 'boolean':
      writer.writeBoolean(written.value);
      return;
    case 'octets':
      writer.writeOctetString(written.value);
      return;
    case 'text':
      writer.writeUtf8(written.value);
      return;
    case 'null':
      writer.writeNull();
      return;
    case 'group':
      writer.begin(Tag.sequence, written.expectedLength);
      for (const inner of written.items) {
        write(writer, inner);
      }
      writer.end();
  }
}

function checkRead(reader: BerReader, written: Item): void {
  switch (written.kind) {
    case 'integer':
      assert.equal(reader.readInteger(), written.value);
      return;
    case 'enumerated':
      assert.equal(reader.readEnumerated(), written.value);
      return;
    case 'boolean':
      assert.equal(reader.readBoolean(), written.value);
      return;
    case 'octets':
      assert(equalBytes(reader.readOctetString(), written.value));
      return;
    case 'text':
      assert.equal(reader.readUtf8(), written.value);
      return;
    case 'null':
      reader.readNull();
      return;
    case 'group': {
      const inside = reader.readConstructed();
      for (const inner of written.items) {
        checkRead(inside, inner);
      }
      inside.expectEnd();
    }
  }
}

/** Every length in the form that Windows writes: four bytes, whatever it is. */
function pad(bytes: Uint8Array): Uint8Array {
  const { tag, content } = new BerReader(bytes).readElement();
  let padded = Buffer.from(content);
  if (isConstructed(tag)) {
    const pieces: Uint8Array[] = [];
    for (const inside = new BerReader(content); !inside.isAtEnd; ) {
      pieces.push(pad(inside.readElement().raw));
    }
    padded = Buffer.concat(pieces);
  }
  const header = Buffer.alloc(6);
  header[0] = tag;
  header[1] = 0x84;
  header.writeUInt32BE(padded.length, 2);
  return Buffer.concat([header, padded]);
}

function encode(written: Item): Uint8Array {
  const writer = new BerWriter();
  write(writer, written);
  return writer.finish();
}

const nearlyBer = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.tuple(item, fc.nat(), fc.nat({ max: 255 })).map(([written, at, value]) => {
    const bytes = encode(written);
    bytes[at % bytes.length] = value;
    return bytes;
  }),
  fc.tuple(item, fc.nat()).map(([written, at]) => {
    const bytes = encode(written);
    return bytes.subarray(0, at % (bytes.length + 1));
  }),
);

const reads: readonly ((reader: BerReader) => unknown)[] = [
  (reader) => reader.readElement(),
  (reader) => reader.readConstructed(),
  (reader) => reader.readOctetString(),
  (reader) => reader.readUtf8(),
  (reader) => reader.readInteger(),
  (reader) => reader.readEnumerated(),
  (reader) => reader.readBoolean(),
  (reader) => reader.readNull(),
  (reader) => reader.skip(),
  (reader) => reader.expectEnd(),
];

function isAccepted(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    assert(error instanceof BerError, `escaped: ${String(error)}`);
    return false;
  }
}

function walk(reader: BerReader): void {
  while (!reader.isAtEnd) {
    const tag = reader.peekTag();
    if (tag !== undefined && isConstructed(tag)) {
      walk(reader.readConstructed(tag));
    } else {
      reader.skip();
    }
  }
}

describe('BER: any bytes end in a value or in BerError', () => {
  for (const [index, read] of reads.entries()) {
    it(`verb ${index}: ${String(read).replace(/^.*=> /, '')}`, () => {
      fc.assert(
        fc.property(nearlyBer, (bytes) => {
          isAccepted(() => {
            for (const reader = new BerReader(bytes); !reader.isAtEnd; ) {
              const before = reader.offset;
              read(reader);
              assert(reader.offset > before && reader.offset <= bytes.length);
            }
          });
        }),
        { ...runs, numRuns: 500 },
      );
    });
  }

  it('walking, whole and within more bytes, to the same end', () => {
    fc.assert(
      fc.property(nearlyBer, fc.uint8Array({ maxLength: 20 }), (bytes, around) => {
        const joined = Buffer.concat([around, bytes, around]);
        const start = around.length;
        const alone = isAccepted(() => walk(new BerReader(bytes)));
        const within = isAccepted(() => walk(new BerReader(joined, start, start + bytes.length)));
        assert.equal(within, alone);
      }),
      runs,
    );
  });

  it('a frame header says what the reader then finds', () => {
    fc.assert(
      fc.property(nearlyBer, (bytes) => {
        isAccepted(() => {
          const header = readBerHeader(bytes, 0, bytes.length);
          const total =
            header === undefined ? Infinity : header.headerLength + header.contentLength;
          const reader = new BerReader(bytes);
          assert.equal(
            isAccepted(() => reader.skip()),
            total <= bytes.length,
          );
          assert.equal(reader.offset, total <= bytes.length ? total : 0);
        });
      }),
      runs,
    );
  });
});

describe('BER: round trips', () => {
  it('what was written is read', () => {
    fc.assert(
      fc.property(item, (written) => {
        const reader = new BerReader(encode(written));
        checkRead(reader, written);
        reader.expectEnd();
      }),
      runs,
    );
  });

  it('and read when every length has four bytes', () => {
    fc.assert(
      fc.property(item, (written) => {
        const reader = new BerReader(pad(encode(written)));
        checkRead(reader, written);
        reader.expectEnd();
      }),
      runs,
    );
  });

  it('one writer makes what fresh writers make, and lengths that DER takes', () => {
    const writer = new BerWriter();
    fc.assert(
      fc.property(item, (written) => {
        write(writer, written);
        const bytes = writer.finish();
        assert(equalBytes(bytes, encode(written)));
        assert.equal(new DerReader(bytes).readElement().raw.length, bytes.length);
      }),
      runs,
    );
  });
});
