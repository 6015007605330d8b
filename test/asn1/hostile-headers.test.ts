/**
 * Every tag with forty forms of length, cut at every byte, against both readers.
 *
 * What a reader should do is worked out here a second time, from the rules and not from the code.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { BerReader, readBerHeader } from '../../src/asn1/ber-reader.ts';
import { DerReader } from '../../src/asn1/der-reader.ts';
import { BerError, DerError } from '../../src/asn1/errors.ts';

const CONTENT = Buffer.from('0101ff0500', 'hex');

const lengthForms = [
  ...['00', '01', '05', '06', '7f'],
  '80',
  ...['8100', '8105', '817f', '8180', '81ff'],
  ...['820000', '820005', '8200ff', '820100', '82ffff'],
  ...['83000000', '83000005', '8300ffff', '83010000', '83ffffff'],
  ...['8400000000', '8400000005', '8400ffffff', '8401000000'],
  ...['847fffffff', '8480000000', '8480000005', '84ffffffff'],
  ...['850000000000', '850000000005', '850100000000', '85ffffffffff'],
  ...['86000000000005', '8800000000000005', '88ffffffffffffffff'],
  ...['8f00', '9005', 'fe05', 'ff05'],
];

const constructedUniversals = [0x28, 0x2b, 0x30, 0x31, 0x3d];

function isTagAllowed(tag: number): boolean {
  if (tag % 32 === 31) {
    return false;
  }
  if (tag >= 0x40) {
    return true;
  }
  const asPrimitive = tag !== 0 && tag < 0x20 && !constructedUniversals.includes(tag + 0x20);
  return asPrimitive || constructedUniversals.includes(tag);
}

interface Claim {
  readonly contentLength: number;
  readonly headerLength: number;
  readonly isMinimal: boolean;
}

/** What a whole length form says; undefined when it is none of one to four bytes. */
function claimOf(form: string): Claim | undefined {
  const first = Number.parseInt(form.slice(0, 2), 16);
  if (first < 0x80) {
    return { contentLength: first, headerLength: 2, isMinimal: true };
  }
  const digits = form.slice(2);
  if (first === 0x80 || first > 0x84) {
    return undefined;
  }
  const contentLength = Number.parseInt(digits, 16);
  const isMinimal = contentLength >= 0x80 && !digits.startsWith('00');
  return { contentLength, headerLength: 2 + digits.length / 2, isMinimal };
}

/** The length of the element that was read, or the error that was thrown. */
function outcome(read: () => { readonly raw: Uint8Array }): number | unknown {
  try {
    return read().raw.length;
  } catch (error) {
    return error;
  }
}

function checkTag(tag: number, form: string): void {
  const whole = Buffer.concat([Uint8Array.of(tag), Buffer.from(form, 'hex'), CONTENT]);
  const claim = isTagAllowed(tag) ? claimOf(form) : undefined;
  const total = claim === undefined ? Number.NaN : claim.headerLength + claim.contentLength;
  for (let cut = 0; cut <= whole.length; cut += 1) {
    const label = `tag ${tag}, length ${form}, cut at ${cut}`;
    const bytes = whole.subarray(0, cut);
    const der = outcome(() => new DerReader(bytes).readElement());
    const ber = outcome(() => new BerReader(bytes).readElement());
    if (total <= cut) {
      assert.equal(ber, total, label);
    } else {
      assert(ber instanceof BerError, label);
    }
    if (total <= cut && claim?.isMinimal === true) {
      assert.equal(der, total, label);
    } else {
      assert(der instanceof DerError, label);
    }
  }
}

describe('reliability LDAP row 1: hostile headers', () => {
  it('has forty forms of length', () => {
    assert.equal(new Set(lengthForms).size, 40);
  });

  for (const form of lengthForms) {
    it(`all tags with the length ${form}, cut at every byte`, () => {
      const beforeBytes = process.memoryUsage().arrayBuffers;
      for (let tag = 0; tag < 0x100; tag += 1) {
        checkTag(tag, form);
      }
      const grownBytes = process.memoryUsage().arrayBuffers - beforeBytes;
      assert(grownBytes < 0x10_0000, `memory grew by ${grownBytes} bytes`);
    });

    it(`a frame with the length ${form}, cut at every byte`, () => {
      const claim = claimOf(form);
      const whole = Buffer.concat([Uint8Array.of(0x30), Buffer.from(form, 'hex'), CONTENT]);
      for (let cut = 0; cut <= whole.length; cut += 1) {
        const read = (): unknown => readBerHeader(whole, 0, cut);
        if (cut < 2) {
          assert.equal(read(), undefined);
        } else if (claim === undefined) {
          assert.throws(read, { name: 'BerError', code: 'BER_LENGTH' });
        } else if (cut < claim.headerLength) {
          assert.equal(read(), undefined);
        } else if (claim.contentLength >= 2 ** 31) {
          assert.throws(read, { name: 'BerError', code: 'BER_LENGTH' });
        } else {
          const { contentLength, headerLength } = claim;
          assert.deepEqual(read(), { tag: 0x30, contentLength, headerLength });
        }
      }
    });
  }
});
